"""JSON of any server, recognised by usual names of keys."""

from __future__ import annotations

from glancemetrics.formats.fields import Field
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.presets.preset import Preset

_NAMES: dict[Field, str] = {
    Field.TIME: "time_iso8601 time_local @timestamp timestamp time ts msec datetime date "
    "time_iso time_msec start_time startTime eventTime request_start requestTime local_time "
    "access_time log_time logtime event_time requestTimestamp timestamp_utc iso_time",
    Field.HOST_OR_PORT: "client_ip clientip clientIp clientIP client-ip client_addr client_address "
    "clientAddress clientAddr client/ip client/address request/client_ip network/client/ip "
    "real_ip realip http_x_real_ip x_real_ip x-real-ip remote_addr remote_ip remoteip remoteAddr "
    "remoteIp remoteIP remoteAddress remote_address remote_host remote-addr remote-ip "
    "downstream_remote_address src_ip srcip source_ip sourceIp sourceIP c-ip "
    "request/remote_addr request/remote_ip source/ip req/remoteAddress req/ip "
    "request/ip client.ip source.ip network.client.ip client remote ip user_ip",
    Field.FORWARDED_FOR: "http_x_forwarded_for x_forwarded_for x-forwarded-for xff forwarded_for "
    "X-Forwarded-For xForwardedFor forwardedfor http_x_forwarded proxy_add_x_forwarded_for "
    "x_forwarded req/headers/x-forwarded-for",
    Field.USER: "remote_user auth_user user username user_name remoteUser user/name user.name "
    "authuser",
    Field.REQUEST: "request request_line requestLine http_request req request_first_line",
    Field.METHOD: "request_method method http_method verb requestMethod httpMethod cs-method "
    "req_method request_verb reqmethod requestmethod http_verb http-method "
    "request/method req/method http/request/method http/method http.request.method http.method",
    Field.TARGET: "request_uri uri url request_url requestUri requestURI requestUrl request_path "
    "path http_uri http_url req_uri req_url req_path requesturi requestPath "
    "originalUrl original_url original_uri document_uri resourcePath target "
    "request/uri request/url request/path req/url url/original url/path http/url cs-uri "
    "url.original url.path http.url http.target http.path",
    Field.LOOSE_QUERY: "args query_string query queryString querystring request_query "
    "request_args request_param params url/query url.query cs-uri-query",
    Field.PROTOCOL: "server_protocol protocol proto http_version request_protocol httpVersion "
    "http_protocol http_proto requestProtocol serverProtocol request_proto req_protocol "
    "http/version request/proto http.version",
    Field.STATUS: "status status_code response_status response_code http_status statusCode code "
    "httpStatus http_status_code http_code responseStatus responseCode statuscode "
    "response_status_code resp_status res_status sc-status "
    "response/status response/status_code res/statusCode res/status http/response/status_code "
    "http/status_code http.response.status_code http.status_code",
    Field.BYTES: "body_bytes_sent bytes_sent bytes size response_size response_body_size "
    "resp_size content_length responseSize bytes_out bytesSent response_bytes body_bytes "
    "body_size body_sent response_length responseLength resp_bytes res_size sent_bytes sentBytes "
    "bytesOut contentLength content-length response_content_length resp_length body_bytes_size "
    "sc-bytes response/size response/bytes http/response/body/bytes http/response/bytes "
    "http.response.body.bytes http.response.bytes",
    Field.REFERRER: "http_referer referer referrer http_referrer request_referer httpReferer "
    "refer request_referrer http_refer cs-referer "
    "http/request/referrer req/headers/referer request/referrer request/headers/Referer/0 "
    "http/referer http.request.referrer",
    Field.AGENT: "http_user_agent user_agent agent useragent userAgent user-agent ua UserAgent "
    "httpUserAgent http_useragent request_user_agent user_agent/original req/headers/user-agent "
    "request/user_agent request/headers/User-Agent/0 http/useragent user_agent.original "
    "http.useragent http.user_agent",
    # `host` is the machine in some logs.
    Field.VHOST: "http_host domain_http_host request_host vhost virtual_host authority :authority "
    "domain httpHost requestHost virtualhost domain_name domainName host server_name "
    "host_name serverName site "
    "url/domain request/host req/headers/host http/host url.domain http.host",
    Field.SECONDS: "request_time request_time_s duration_s duration_seconds reqtime req_time "
    "latency_seconds latency_s response_time_s response_time_seconds elapsed_seconds "
    "request_time_sec request_duration_seconds duration_sec elapsed_s",
    Field.FRACTION_SECONDS: "responsetime",
    Field.MILLISECONDS: "request_time_ms duration_ms response_time_ms latency_ms elapsed_ms "
    "time_taken_ms responseTime durationMs latencyMs elapsedMs responseTimeMs request_duration_ms "
    "took_ms elapsed_millis duration_millis latency_millis response_ms",
    Field.MICROSECONDS: "duration_us request_time_us response_time_us latency_us durationUs "
    "duration_usec duration_micros time_taken_us elapsed_us request_time_usec",
    Field.NANOSECONDS: "duration_ns request_time_ns latency_ns durationNs duration_nanos "
    "event/duration event.duration elapsed_ns",
    Field.DURATION: "latency_human latency duration elapsed response_time resp_time took "
    "elapsed_time time_taken",
    Field.UPSTREAM_SECONDS: "upstream_response_time upstream_time upstream_resp_time "
    "upstream_response upstream_duration_s",
    Field.UPSTREAM_FRACTION_SECONDS: "upstreamtime upstreamresponsetime upstreamResponseTime "
    "upstream_taken_time",
    Field.UPSTREAM_MILLISECONDS: "upstream_response_time_ms upstream_time_ms upstream_ms",
}
"""Names of keys by field, the most specific first; a slash leads into an object."""


def usual_names() -> dict[Field, tuple[str, ...]]:
    """Return the usual names of each field, the most specific first."""
    return {field: tuple(names.split()) for field, names in _NAMES.items()}


def _any_json() -> tuple[LogFormat, ...]:
    marks = ((Field.STATUS,), (Field.REQUEST, Field.TARGET))
    return (JsonFormat("json", usual_names(), marks=marks),)


def _ecs() -> tuple[LogFormat, ...]:
    def both(*paths: str) -> tuple[str, ...]:
        """Each path as nested objects, and as one key with dots."""
        return tuple(one for path in paths for one in (path.replace(".", "/"), path))

    names: dict[Field, tuple[str, ...]] = {
        Field.TIME: ("@timestamp",),
        Field.HOST_OR_PORT: both("client.ip", "source.ip", "client.address", "source.address"),
        Field.USER: both("user.name"),
        Field.METHOD: both("http.request.method"),
        Field.TARGET: both("url.original", "url.full", "url.path"),
        Field.LOOSE_QUERY: both("url.query"),
        Field.PROTOCOL: both("http.version"),
        Field.STATUS: both("http.response.status_code"),
        Field.BYTES: both("http.response.body.bytes", "http.response.bytes"),
        Field.REFERRER: both("http.request.referrer"),
        Field.AGENT: both("user_agent.original"),
        Field.VHOST: both("url.domain"),
        Field.NANOSECONDS: both("event.duration"),
    }
    marks = ((Field.STATUS,), (Field.TARGET,))
    return (
        JsonFormat("ecs", names, requires={"ecs/version": ""}, marks=marks),
        JsonFormat("ecs", names, requires={"ecs.version": ""}, marks=marks),
    )


ECS = Preset(
    "ecs",
    "the Elastic Common Schema",
    "https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html",
    "output.elasticsearch, or an ecs-logging library",
    '{"@timestamp":"2015-05-17T10:05:03.250Z","ecs":{"version":"8.11.0"},'
    '"client":{"ip":"192.0.2.7"},"http":{"version":"1.1","request":{"method":"GET"},'
    '"response":{"status_code":200,"body":{"bytes":512}}},'
    '"url":{"original":"/a?b=c","domain":"example.com"},'
    '"user_agent":{"original":"curl/8.5.0"},"event":{"duration":12000000}}',
    _ecs,
    is_shared=True,
    notes="Nested objects, or keys with dots. Without `ecs.version` the same keys are read as "
    "`json`.",
)

ANY_JSON = Preset(
    "json",
    "JSON of nginx (escape=json), Apache, frameworks and others",
    "https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format",
    'log_format json escape=json \'{"time":"$time_iso8601","remote_addr":"$remote_addr",'
    '"request":"$request","status":$status,"body_bytes_sent":$body_bytes_sent,'
    '"request_time":$request_time}\';',
    '{"time":"2015-05-17T10:05:03+00:00","remote_addr":"192.0.2.7",'
    '"request":"GET /a?b=c HTTP/1.1","status":200,"body_bytes_sent":512,"request_time":0.012}',
    _any_json,
    is_shared=True,
    notes="Keys may have any common name. A request needs a time, a status, and a request line or "
    "a target. Durations need a unit in the key (`duration_ms`) or in the value (`12ms`); nginx's "
    "`request_time` is in seconds. `glancemetrics formats FILE` lists unused keys. Other objects "
    "are foreign.",
)
