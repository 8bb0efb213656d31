"""JSON of any server, by the names that people give to the usual things."""

from __future__ import annotations

from glancemetrics.formats.fields import Field
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.presets.preset import Preset

_NAMES: dict[Field, str] = {
    Field.TIME: "time_iso8601 time_local @timestamp timestamp time ts msec datetime date "
    "time_iso time_msec start_time startTime eventTime request_start",
    Field.HOST_OR_PORT: "remote_addr remote_ip client_ip clientip client_addr client ip remoteAddr "
    "remoteIp remoteIP clientIp clientIP remote_host remote-addr src_ip source_ip c-ip "
    "request/remote_addr request/remote_ip client/ip source/ip req/remoteAddress "
    "network/client/ip",
    Field.FORWARDED_FOR: "http_x_forwarded_for x_forwarded_for x-forwarded-for xff forwarded_for "
    "X-Forwarded-For req/headers/x-forwarded-for",
    Field.USER: "remote_user auth_user user username user_name user/name",
    Field.REQUEST: "request request_line requestLine http_request",
    Field.METHOD: "request_method method http_method verb requestMethod cs-method "
    "request/method req/method http/request/method http/method",
    Field.TARGET: "request_uri uri url request_url requestUri requestUrl path request_path "
    "http_uri request/uri request/url req/url url/original http/url cs-uri",
    Field.QUERY: "args query_string query queryString url/query",
    Field.PROTOCOL: "server_protocol protocol proto http_version request_protocol httpVersion "
    "http/version request/proto",
    Field.STATUS: "status status_code response_status response_code http_status statusCode code "
    "sc-status response/status res/statusCode http/response/status_code http/status_code",
    Field.BYTES: "body_bytes_sent bytes_sent bytes size response_size response_body_size "
    "resp_size content_length responseSize bytes_out bytesSent response_bytes sc-bytes "
    "response/size http/response/body/bytes http/response/bytes",
    Field.REFERRER: "http_referer referer referrer http_referrer request_referer "
    "http/request/referrer req/headers/referer http/referer",
    Field.AGENT: "http_user_agent user_agent agent useragent userAgent user-agent "
    "request_user_agent user_agent/original req/headers/user-agent http/useragent",
    Field.VHOST: "http_host host vhost server_name domain request_host virtual_host authority "
    "url/domain request/host req/headers/host http/host",
    Field.SECONDS: "request_time request_time_s duration_s duration_seconds",
    Field.MILLISECONDS: "request_time_ms duration_ms response_time_ms latency_ms elapsed_ms "
    "time_taken_ms responseTime",
    Field.MICROSECONDS: "duration_us request_time_us response_time_us latency_us",
    Field.NANOSECONDS: "duration_ns request_time_ns latency_ns event/duration",
    Field.DURATION: "latency_human latency duration elapsed",
    Field.UPSTREAM_SECONDS: "upstream_response_time upstream_time",
}
"""By field the names of keys, the surer ones first; a slash goes into an object."""


def _any_json() -> tuple[LogFormat, ...]:
    names: dict[Field, tuple[str, ...]] = {
        field: tuple(written.split()) for field, written in _NAMES.items()
    }
    marks = ((Field.STATUS,), (Field.REQUEST, Field.TARGET))
    return (JsonFormat("json", names, marks=marks),)


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
    notes="Keys may have any name that means the usual thing. A request must have a time, a "
    "status, and a request line or a target. Durations are read where the key names their unit, as "
    "`duration_ms` does, or the value does, as `12ms`; nginx's `request_time` is in seconds. "
    "What is no such object is foreign.",
)
