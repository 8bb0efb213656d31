"""Formats of hosted load balancers and content delivery networks."""

from __future__ import annotations

from glancemetrics.formats.fields import Field
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.pattern import Part, PatternFormat
from glancemetrics.formats.presets.preset import Preset, parts_of
from glancemetrics.formats.w3c import CLOUDFRONT_ORDERS, W3cFormat

_ELB = (
    "{iso_time} {word:elb} {host_port} {word:backend} {before_seconds} {upstream_seconds} "
    '{after_seconds} {status} {word:backend_status_code} {word:received_bytes} {bytes} "{request}"'
)
_S3 = (
    "{word:bucket_owner} {word:bucket} [{clf_time}] {host} {word:requester} {word:request_id} "
    "{word:operation} {word:key} %s {status} {word:error_code} {bytes} {word:object_size} "
    '{milliseconds} {word:turn_around_time} "{referrer}" "{agent}"{rest}'
)


_ALB = (
    "{word:type} {iso_time} {word:elb} {host_port} {word:target} {before_seconds} "
    "{upstream_seconds} {after_seconds} {status} {word:target_status_code} {word:received_bytes} "
    '{bytes} "{request}" "{agent}"'
)


def _alb() -> tuple[LogFormat, ...]:
    more = " {word:ssl_cipher} {word:ssl_protocol} {word:target_group_arn}{rest}"
    return (
        PatternFormat("aws-alb", parts_of(_ALB + more)),
        PatternFormat("aws-alb", parts_of(_ALB + "{rest}")),
    )


def _elb() -> tuple[LogFormat, ...]:
    return (
        PatternFormat(
            "aws-elb", parts_of(_ELB + ' "{agent}" {word:ssl_cipher} {word:ssl_protocol}')
        ),
        PatternFormat("aws-elb", parts_of(_ELB)),
    )


def _s3() -> tuple[LogFormat, ...]:
    return (
        PatternFormat("aws-s3", parts_of(_S3 % '"{request}"')),
        PatternFormat("aws-s3", parts_of(_S3 % "-")),
    )


def _google() -> tuple[LogFormat, ...]:
    return (
        JsonFormat(
            "google-lb",
            {
                Field.TIME: ("timestamp", "receiveTimestamp"),
                Field.HOST_OR_PORT: "httpRequest/remoteIp",
                Field.METHOD: "httpRequest/requestMethod",
                Field.TARGET: "httpRequest/requestUrl",
                Field.PROTOCOL: "httpRequest/protocol",
                Field.STATUS: "httpRequest/status",
                Field.BYTES: "httpRequest/responseSize",
                Field.REFERRER: "httpRequest/referer",
                Field.AGENT: "httpRequest/userAgent",
                Field.DURATION: "httpRequest/latency",
            },
            requires={"httpRequest/requestUrl": "."},
        ),
    )


def _cloudflare() -> tuple[LogFormat, ...]:
    return (
        JsonFormat(
            "cloudflare",
            {
                Field.TIME: ("EdgeEndTimestamp", "EdgeStartTimestamp"),
                Field.HOST_OR_PORT: "ClientIP",
                Field.METHOD: "ClientRequestMethod",
                Field.TARGET: ("ClientRequestURI", "ClientRequestPath"),
                Field.PROTOCOL: "ClientRequestProtocol",
                Field.STATUS: "EdgeResponseStatus",
                Field.BYTES: "EdgeResponseBytes",
                Field.REFERRER: "ClientRequestReferer",
                Field.AGENT: "ClientRequestUserAgent",
                Field.VHOST: "ClientRequestHost",
                Field.UPSTREAM_MILLISECONDS: "OriginResponseDurationMs",
                Field.UPSTREAM_NANOSECONDS: "OriginResponseTime",
            },
            requires={"EdgeResponseStatus": "."},
        ),
    )


def _fastly() -> tuple[LogFormat, ...]:
    return (
        JsonFormat(
            "fastly",
            {
                Field.TIME: "timestamp",
                Field.HOST_OR_PORT: "client_ip",
                Field.METHOD: "request_method",
                Field.TARGET: "url",
                Field.PROTOCOL: "request_protocol",
                Field.STATUS: "response_status",
                Field.BYTES: "response_body_size",
                Field.REFERRER: "request_referer",
                Field.AGENT: "request_user_agent",
                Field.VHOST: "host",
            },
            requires={"fastly_server": "", "response_status": "."},
        ),
    )


def _azure_front_door() -> tuple[LogFormat, ...]:
    of = "properties/"
    return (
        JsonFormat(
            "azure-front-door",
            {
                Field.TIME: "time",
                Field.HOST_OR_PORT: (f"{of}clientIp", f"{of}clientIP"),
                Field.METHOD: f"{of}httpMethod",
                Field.TARGET: f"{of}requestUri",
                Field.PROTOCOL: f"{of}httpVersion",
                Field.STATUS: f"{of}httpStatusCode",
                Field.BYTES: f"{of}responseBytes",
                Field.REFERRER: (f"{of}referer", f"{of}referrer"),
                Field.AGENT: f"{of}userAgent",
                Field.VHOST: (f"{of}hostName", f"{of}endpoint"),
                Field.SECONDS: f"{of}timeTaken",
            },
            requires={"category": "(?i)^FrontDoorAccessLog$", f"{of}requestUri": "."},
        ),
    )


def _azure_gateway() -> tuple[LogFormat, ...]:
    of = "properties/"
    common: dict[Field, str | tuple[str, ...]] = {
        Field.TIME: ("timeStamp", "time"),
        Field.HOST_OR_PORT: f"{of}clientIP",
        Field.METHOD: f"{of}httpMethod",
        Field.PROTOCOL: f"{of}httpVersion",
        Field.STATUS: f"{of}httpStatus",
        Field.BYTES: f"{of}sentBytes",
        Field.AGENT: f"{of}userAgent",
        Field.VHOST: (f"{of}originalHost", f"{of}host"),
    }
    requires = {"category": "^ApplicationGatewayAccessLog$", f"{of}requestUri": "."}
    second: dict[Field, str | tuple[str, ...]] = {
        **common,
        Field.TARGET: (f"{of}originalRequestUriWithArgs", f"{of}requestUri"),
        Field.LOOSE_QUERY: f"{of}requestQuery",
        Field.SECONDS: f"{of}timeTaken",
        Field.UPSTREAM_SECONDS: f"{of}serverResponseLatency",
    }
    # The first version's `requestQuery` describes the server, not the query.
    first: dict[Field, str | tuple[str, ...]] = {**common, Field.TARGET: f"{of}requestUri"}
    name = "azure-app-gateway"
    return (
        JsonFormat(name, second, {**requires, f"{of}serverRouted": ""}),
        JsonFormat(
            name,
            {**first, Field.MILLISECONDS: f"{of}timeTaken"},
            {**requires, f"{of}instanceId": "^ApplicationGatewayRole_"},
        ),
        JsonFormat(name, first, requires),
    )


_API_GATEWAY_ID = Part(
    "request ID",
    pattern=r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[\w-]+=)",
    name="requestId",
)


def _api_gateway() -> tuple[LogFormat, ...]:
    clf = '{host} {identity} {user} [{clf_time}] "{request}" {status} {bytes} '
    extended = Part("extended request ID", pattern="(?: [^ ]+)?")
    return (
        JsonFormat(
            "aws-api-gateway",
            {
                Field.TIME: ("requestTimeEpoch", "requestTime"),
                Field.HOST_OR_PORT: ("ip", "sourceIp"),
                Field.USER: "user",
                Field.METHOD: "httpMethod",
                Field.TARGET: ("path", "resourcePath"),
                Field.ROUTE: "routeKey",
                Field.PROTOCOL: "protocol",
                Field.STATUS: "status",
                Field.BYTES: "responseLength",
                Field.AGENT: "userAgent",
                Field.VHOST: "domainName",
                Field.MILLISECONDS: "responseLatency",
                Field.UPSTREAM_MILLISECONDS: "integrationLatency",
            },
            requires={"requestId": "", "requestTime": "", "httpMethod": "", "status": ""},
        ),
        PatternFormat("aws-api-gateway", [*parts_of(clf), _API_GATEWAY_ID, extended]),
    )


def _vercel() -> tuple[LogFormat, ...]:
    return (
        JsonFormat(
            "vercel",
            {
                Field.TIME: ("proxy/timestamp", "timestamp"),
                Field.HOST_OR_PORT: "proxy/clientIp",
                Field.METHOD: "proxy/method",
                Field.TARGET: "proxy/path",
                Field.STATUS: ("proxy/statusCode", "statusCode"),
                Field.BYTES: "proxy/responseByteSize",
                Field.REFERRER: "proxy/referer",
                Field.AGENT: ("proxy/userAgent/0", "proxy/userAgent"),
                Field.VHOST: ("proxy/host", "host"),
            },
            requires={"deploymentId": "", "proxy/method": ".", "proxy/path": "."},
            # Output of a function has the fields of the request that caused it.
            excludes={"type": "^(?:stdout|stderr)$"},
        ),
    )


CLOUDS = (
    Preset(
        "aws-alb",
        "AWS application load balancer",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"
        "load-balancer-access-logs.html",
        "access_logs.s3.enabled = true",
        "https 2015-05-17T10:05:03.250000Z app/web/f00d 192.0.2.7:50112 10.0.0.2:80 0.000 0.011 "
        '0.001 200 200 120 512 "GET https://example.com:443/a?b=c HTTP/1.1" "curl/8.5.0" '
        "ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:f00d",
        _alb,
        notes="`duration` is the sum of the three processing times.",
    ),
    Preset(
        "aws-elb",
        "AWS classic load balancer",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/access-log-collection.html",
        "AccessLog.Enabled = true",
        "2015-05-17T10:05:03.250000Z web 192.0.2.7:50112 10.0.0.2:80 0.000 0.011 0.001 200 200 0 "
        '512 "GET http://example.com:80/a?b=c HTTP/1.1" "curl/8.5.0" - -',
        _elb,
        notes="`duration` is the sum of the three processing times.",
    ),
    Preset(
        "aws-cloudfront",
        "AWS CloudFront",
        "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/"
        "standard-logs-reference.html",
        "Standard logging: on",
        "#Fields: date time c-ip cs-method cs-uri-stem sc-status cs-uri-query time-taken "
        "x-edge-location\n"
        "2015-05-17\t10:05:03\t192.0.2.7\tGET\t/a\t200\tb=c\t0.012\tCDG50-P2",
        lambda: (W3cFormat("aws-cloudfront", CLOUDFRONT_ORDERS, of_cloudfront=True),),
        notes="`#Fields` defines the order of fields. Without it, the fields of standard logs are "
        "assumed if every value looks right.",
    ),
    Preset(
        "aws-s3",
        "AWS S3 server access",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html",
        "Server access logging: on",
        "f00d bucket [17/May/2015:10:05:03 +0000] 192.0.2.7 - B1 REST.GET.OBJECT a "
        '"GET /a?b=c HTTP/1.1" 200 - 512 512 12 11 "-" "curl/8.5.0" -',
        _s3,
        notes="Lines about S3's own operations, such as lifecycle expiry, have no request.",
    ),
    Preset(
        "aws-api-gateway",
        "AWS API Gateway, as common log format and as JSON",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html",
        "$context.identity.sourceIp $context.identity.caller $context.identity.user "
        '[$context.requestTime]"$context.httpMethod $context.resourcePath $context.protocol" '
        "$context.status $context.responseLength $context.requestId",
        '{"requestId":"c6af9ac6-7b61-11e6-9a41-93e8deadbeef","ip":"192.0.2.7","caller":"-",'
        '"user":"-","requestTime":"17/May/2015:10:05:03 +0000","httpMethod":"GET",'
        '"resourcePath":"/a","status":"200","protocol":"HTTP/1.1","responseLength":"512"}',
        _api_gateway,
        notes="`resourcePath` and `routeKey` are the path as declared in the API. If the log has "
        "`path`, that is used.",
    ),
    Preset(
        "google-lb",
        "Google Cloud HTTP(S) load balancer",
        "https://cloud.google.com/load-balancing/docs/https/https-logging-monitoring",
        "gcloud compute backend-services update web --enable-logging",
        '{"httpRequest":{"latency":"0.012s","protocol":"HTTP/1.1","remoteIp":"192.0.2.7",'
        '"requestMethod":"GET","requestUrl":"https://example.com/a?b=c","responseSize":"512",'
        '"status":200,"userAgent":"curl/8.5.0"},"timestamp":"2015-05-17T10:05:03.250Z"}',
        _google,
        is_shared=True,
        notes="Any Google Cloud log entry with an `httpRequest`.",
    ),
    Preset(
        "cloudflare",
        "Cloudflare Logpush, HTTP requests",
        "https://developers.cloudflare.com/logs/logpush/logpush-job/datasets/zone/http_requests/",
        '"dataset": "http_requests"',
        '{"ClientIP":"192.0.2.7","ClientRequestHost":"example.com","ClientRequestMethod":"GET",'
        '"ClientRequestProtocol":"HTTP/1.1","ClientRequestURI":"/a?b=c",'
        '"EdgeEndTimestamp":"2015-05-17T10:05:03Z","EdgeResponseBytes":512,'
        '"EdgeResponseStatus":200}',
        _cloudflare,
        notes="All of Cloudflare's timestamp formats are supported.",
    ),
    Preset(
        "fastly",
        "Fastly's JSON",
        "https://www.fastly.com/documentation/guides/integrations/logging-endpoints/"
        "non-fastly-services/log-streaming-https/",
        "the default log format",
        '{"timestamp":"2015-05-17T10:05:03+0000","client_ip":"192.0.2.7","host":"example.com",'
        '"url":"/a?b=c","request_method":"GET","request_protocol":"HTTP/1.1",'
        '"request_user_agent":"curl/8.5.0","response_status":200,"response_body_size":512,'
        '"fastly_server":"cache-cdg20764-CDG"}',
        _fastly,
        is_shared=True,
    ),
    Preset(
        "azure-front-door",
        "Azure Front Door",
        "https://learn.microsoft.com/en-us/azure/frontdoor/front-door-diagnostics",
        "Diagnostic settings: FrontDoorAccessLog",
        '{"time":"2015-05-17T10:05:03.2500000Z","category":"FrontDoorAccessLog",'
        '"operationName":"Microsoft.Cdn/Profiles/AccessLog/Write","properties":{'
        '"httpMethod":"GET","httpVersion":"2.0.0.0","requestUri":"https://example.com:443/a?b=c",'
        '"responseBytes":"512","userAgent":"curl/8.5.0","clientIp":"192.0.2.7",'
        '"timeTaken":"0.012","httpStatusCode":"200","hostName":"example.com"}}',
        _azure_front_door,
        is_shared=True,
    ),
    Preset(
        "azure-app-gateway",
        "Azure Application Gateway",
        "https://learn.microsoft.com/en-us/azure/application-gateway/"
        "monitor-application-gateway-reference#access-log-category",
        "Diagnostic settings: ApplicationGatewayAccessLog",
        '{"timeStamp":"2015-05-17T10:05:03+00:00","category":"ApplicationGatewayAccessLog",'
        '"properties":{"clientIP":"192.0.2.7","httpMethod":"GET","requestUri":"/a",'
        '"requestQuery":"b=c","userAgent":"curl/8.5.0","httpStatus":200,"httpVersion":"HTTP/1.1",'
        '"sentBytes":512,"timeTaken":0.012,"serverRouted":"10.0.0.2:80",'
        '"serverResponseLatency":"0.011","originalHost":"example.com","host":"example.com"}}',
        _azure_gateway,
        is_shared=True,
        notes="`timeTaken` is in seconds in version 2 and in milliseconds in version 1. It is "
        "ignored if the version is unknown.",
    ),
    Preset(
        "vercel",
        "Vercel's log drains",
        "https://vercel.com/docs/drains/reference/logs",
        "Log drain, encoding: NDJSON",
        '{"id":"1","deploymentId":"dpl_f00d","source":"static","host":"example.vercel.app",'
        '"timestamp":1431857103250,"projectId":"p","level":"info","proxy":{'
        '"timestamp":1431857103250,"method":"GET","host":"example.com","path":"/a?b=c",'
        '"userAgent":["curl/8.5.0"],"referer":"","statusCode":200,"clientIp":"192.0.2.7",'
        '"responseByteSize":512}}',
        _vercel,
        is_shared=True,
        notes="The output of functions is foreign.",
    ),
)
