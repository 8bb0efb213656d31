"""Formats of load balancers and content delivery networks that others run."""

from __future__ import annotations

from glancemetrics.formats.fields import Field
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.pattern import PatternFormat
from glancemetrics.formats.presets.preset import Preset, layout, parts_of
from glancemetrics.formats.w3c import CLOUDFRONT_ORDERS, W3cFormat

_ELB = (
    "{iso_time} {word} {host_port} {word} {before_seconds} {upstream_seconds} {after_seconds} "
    '{status} {word} {word} {bytes} "{request}"'
)
_S3 = (
    "{word} {word} [{clf_time}] {host} {word} {word} {word} {word} %s {status} {word} {bytes} "
    '{word} {milliseconds} {word} "{referrer}" "{agent}"{rest}'
)


def _elb() -> tuple[LogFormat, ...]:
    return (
        PatternFormat("aws-elb", parts_of(_ELB + ' "{agent}" {word} {word}')),
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
        layout(
            "aws-alb",
            "{word} {iso_time} {word} {host_port} {word} {before_seconds} {upstream_seconds} "
            '{after_seconds} {status} {word} {word} {bytes} "{request}" "{agent}"{rest}',
        ),
        notes="`duration` is the sum of its three times.",
    ),
    Preset(
        "aws-elb",
        "AWS classic load balancer",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/access-log-collection.html",
        "AccessLog.Enabled = true",
        "2015-05-17T10:05:03.250000Z web 192.0.2.7:50112 10.0.0.2:80 0.000 0.011 0.001 200 200 0 "
        '512 "GET http://example.com:80/a?b=c HTTP/1.1" "curl/8.5.0" - -',
        _elb,
        notes="`duration` is the sum of its three times.",
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
        notes="`#Fields` says what stands where; without it the fields of standard logs are read.",
    ),
    Preset(
        "aws-s3",
        "AWS S3 server access",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html",
        "Server access logging: on",
        "f00d bucket [17/May/2015:10:05:03 +0000] 192.0.2.7 - B1 REST.GET.OBJECT a "
        '"GET /a?b=c HTTP/1.1" 200 - 512 512 12 11 "-" "curl/8.5.0" -',
        _s3,
        notes="Records of S3's own doings, as of what a lifecycle rule expires, have no request.",
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
        notes="Any log entry of Google Cloud that has an `httpRequest`.",
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
        notes="Timestamps in any of its notations.",
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
)
