"""Formats of self-hosted proxies and load balancers."""

from __future__ import annotations

from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.fields import Field
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.notations import apache
from glancemetrics.formats.pattern import PatternFormat
from glancemetrics.formats.presets.preset import Preset, layout

_TRAEFIK = (
    r'%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %{requests}n "%{router}n" '
    r'"%{server}n" %{ms}Tms'
)


def _traefik() -> tuple[LogFormat, ...]:
    return (PatternFormat("traefik", apache.parts_of(_TRAEFIK)),)


def _traefik_json() -> tuple[LogFormat, ...]:
    return (
        JsonFormat(
            "traefik-json",
            {
                Field.TIME: ("time", "StartUTC"),
                Field.HOST_OR_PORT: ("ClientHost", "ClientAddr"),
                Field.FORWARDED_FOR: "request_X-Forwarded-For",
                Field.USER: "ClientUsername",
                Field.METHOD: "RequestMethod",
                Field.TARGET: "RequestPath",
                Field.PROTOCOL: "RequestProtocol",
                Field.STATUS: "DownstreamStatus",
                Field.BYTES: "DownstreamContentSize",
                Field.REFERRER: "request_Referer",
                Field.AGENT: "request_User-Agent",
                Field.VHOST: ("RequestHost", "RequestAddr"),
                Field.NANOSECONDS: "Duration",
                Field.UPSTREAM_NANOSECONDS: "OriginDuration",
            },
            requires={"DownstreamStatus": ".", "RequestMethod": "."},
        ),
    )


def _caddy() -> tuple[LogFormat, ...]:
    headers = "request/headers"
    return (
        JsonFormat(
            "caddy",
            {
                Field.TIME: "ts",
                # Since 2.5 Caddy determines the client itself; `remote_ip` may be a proxy.
                Field.HOST_OR_PORT: (
                    *("request/client_ip", "request/remote_ip"),
                    "request/remote_addr",
                ),
                Field.FORWARDED_FOR: f"{headers}/X-Forwarded-For/0",
                Field.FORWARDED: f"{headers}/Forwarded/0",
                Field.USER: "user_id",
                Field.METHOD: "request/method",
                Field.TARGET: "request/uri",
                Field.PROTOCOL: "request/proto",
                Field.STATUS: "status",
                Field.BYTES: "size",
                Field.REFERRER: f"{headers}/Referer/0",
                Field.AGENT: f"{headers}/User-Agent/0",
                Field.VHOST: "request/host",
                Field.SECONDS_OR_UNIT: "duration",
            },
            requires={"logger": r"^http\.log\.access", "request/uri": ""},
        ),
    )


def _envoy_json() -> tuple[LogFormat, ...]:
    return (
        JsonFormat(
            "envoy-json",
            {
                Field.TIME: ("start_time", "timestamp"),
                Field.HOST_OR_PORT: (
                    "downstream_remote_address",
                    "downstream_direct_remote_address",
                ),
                Field.FORWARDED_FOR: ("x-forwarded-for", "x_forwarded_for", "forwarded_for"),
                Field.METHOD: ("method", ":method", "req_method"),
                Field.TARGET: (
                    *("x-envoy-original-path", "x-envoy-origin-path", "path", ":path"),
                    *("original_path", "x_envoy_original_path", "req_path"),
                ),
                Field.PROTOCOL: "protocol",
                Field.STATUS: ("response_code", "status"),
                Field.BYTES: "bytes_sent",
                Field.REFERRER: ("referer", "x-referer"),
                Field.AGENT: ("user-agent", "user_agent"),
                Field.VHOST: (":authority", "authority"),
                Field.MILLISECONDS: "duration",
                Field.UPSTREAM_MILLISECONDS: (
                    "x-envoy-upstream-service-time",
                    "upstream_service_time",
                    "x_envoy_upstream_service_time",
                ),
            },
            requires={"response_flags": "", "response_code": "", "start_time": "."},
        ),
    )


_HAPROXY_CLF = (
    '{host} - - [{clf_time}] "{request}" {status} {bytes} "" "" {timer} {timer} '
    '"{:frontend_name}" "{:backend_name}" "{:server_name}" {timer:TR} {timer:Tw} {timer:Tc} '
    "{upstream_milliseconds:Tr} {milliseconds:Ta} {word:termination_state} {words}"
)
_ISTIO = (
    '[{iso_time}] "{request}" {status} {:response_flags} "{}" {timer:bytes_received} '
    '{bytes} {milliseconds} {upstream_milliseconds} "{forwarded_for:x-forwarded-for}" "{agent}" '
    '"{:x-request-id}" "{vhost}" "{:upstream_host}" {word:upstream_cluster} '
    "{word:upstream_local_address} {word:downstream_local_address} {host_port} {words}"
)

PROXIES = (
    Preset(
        "haproxy",
        "HAProxy's HTTP log",
        "https://docs.haproxy.org/dev/configuration.html#8.2.3",
        "option httplog",
        "192.0.2.7:50112 [17/May/2015:10:05:03.250] web~ app/app1 0/0/1/11/12 200 512 - - ---- "
        '1/1/0/0/0 0/0 "GET /a?b=c HTTP/1.1"',
        layout(
            "haproxy",
            "{host_port} [{clf_local_time}] {word:frontend_name} {word:backend_server} "
            "{timer:TR}/{timer:Tw}/{timer:Tc}/{upstream_milliseconds:Tr}/{milliseconds:Ta} "
            "{status} {bytes} {word:captured_request_cookie} {word:captured_response_cookie} "
            "{word:termination_state} {word:connections} {word:queues} "
            '{captures:captured_headers}"{request}"{rest}',
        ),
        is_shared=True,
        notes="With or without the syslog prefix and captured headers. Times have no zone: they "
        "are local time, or in `--log-timezone`. Other lines, such as failed handshakes, are "
        "foreign.",
    ),
    Preset(
        "haproxy-clf",
        "HAProxy's HTTP log in the common format",
        "https://docs.haproxy.org/dev/configuration.html#4.2-option%20httplog",
        "option httplog clf",
        '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 512 "" "" 50112 250 '
        '"web~" "app" "app1" 0 0 1 11 12 "----" 1 1 0 0 0 0 0 "" "" "" ""',
        layout("haproxy-clf", _HAPROXY_CLF),
        is_shared=True,
    ),
    Preset(
        "traefik",
        "Traefik's common log format",
        "https://doc.traefik.io/traefik/observability/access-logs/#format",
        "accessLog:\n  filePath: /var/log/traefik/access.log",
        '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 512 "-" '
        '"curl/8.5.0" 7 "web@docker" "http://10.0.0.2:80" 12ms',
        _traefik,
    ),
    Preset(
        "traefik-json",
        "Traefik's JSON",
        "https://doc.traefik.io/traefik/observability/access-logs/#format",
        "accessLog:\n  format: json",
        '{"ClientHost":"192.0.2.7","DownstreamStatus":200,"DownstreamContentSize":512,'
        '"Duration":12000000,"RequestMethod":"GET","RequestPath":"/a?b=c",'
        '"RequestProtocol":"HTTP/1.1","time":"2015-05-17T10:05:03Z"}',
        _traefik_json,
        is_shared=True,
    ),
    Preset(
        "caddy",
        "Caddy 2",
        "https://caddyserver.com/docs/caddyfile/directives/log",
        "log {\n\toutput file /var/log/caddy/access.log\n}",
        '{"level":"info","ts":1431857103.25,"logger":"http.log.access","msg":"handled request",'
        '"request":{"remote_ip":"192.0.2.7","proto":"HTTP/2.0","method":"GET",'
        '"host":"example.com","uri":"/a?b=c","headers":{"User-Agent":["curl/8.5.0"]}},'
        '"duration":0.012,"size":512,"status":200}',
        _caddy,
        is_shared=True,
        notes="Caddy's other log lines are foreign.",
    ),
    Preset(
        "envoy",
        "Envoy by default",
        "https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/"
        "usage#default-format-string",
        "access_log:\n- name: envoy.access_loggers.stdout",
        '[2015-05-17T10:05:03.250Z] "GET /a?b=c HTTP/1.1" 200 - 0 512 12 11 "192.0.2.7" '
        '"curl/8.5.0" "f00d" "example.com" "10.0.0.2:80"',
        layout(
            "envoy",
            '[{iso_time}] "{request}" {status} {:response_flags} {timer:bytes_received} {bytes} '
            '{milliseconds} {upstream_milliseconds} "{forwarded_for:x-forwarded-for}" "{agent}" '
            '"{:x-request-id}" "{vhost}" "{:upstream_host}"{rest}',
        ),
        is_shared=True,
        notes="The client is taken from the logged `X-Forwarded-For`; its last address connected "
        "to Envoy.",
    ),
    Preset(
        "istio",
        "Istio's sidecars and gateways",
        "https://istio.io/latest/docs/tasks/observability/logs/access-log/#default-access-log-format",
        "meshConfig:\n  accessLogFile: /dev/stdout",
        '[2015-05-17T10:05:03.250Z] "GET /a?b=c HTTP/1.1" 200 - via_upstream - "-" 0 512 12 11 "-" '
        '"curl/8.5.0" "f00d" "example.com" "10.0.0.2:80" inbound|80|| 127.0.0.6:41854 10.0.0.2:80 '
        "192.0.2.7:50112 outbound_.80_._.web.default default",
        layout("istio", _ISTIO),
        is_shared=True,
        notes="The client is the downstream remote address, as determined by Envoy.",
    ),
    Preset(
        "envoy-json",
        "Envoy's JSON, as Envoy Gateway and Istio write it",
        "https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/"
        "usage#format-dictionaries",
        "json_format: {...}",
        '{":authority":"example.com","bytes_sent":512,"downstream_remote_address":'
        '"192.0.2.7:50112","duration":12,"method":"GET","protocol":"HTTP/1.1","response_code":200,'
        '"response_flags":"-","start_time":"2015-05-17T10:05:03.250Z",'
        '"x-envoy-origin-path":"/a?b=c"}',
        _envoy_json,
        is_shared=True,
    ),
    Preset(
        "squid",
        "Squid's native format",
        "https://wiki.squid-cache.org/Features/LogFormat#squid-native-accesslog-format-in-detail",
        "access_log /var/log/squid/access.log squid",
        "1431857103.250     12 192.0.2.7 TCP_MISS/200 512 GET http://example.com/a?b=c alice "
        "HIER_DIRECT/198.51.100.2 text/html",
        layout(
            "squid",
            "{epoch_seconds} {padded_milliseconds} {host} {capitals:result}/{status} {bytes} "
            "{method} {target} {user} {capitals:hierarchy}/{word:peer} {words:content_type}",
        ),
    ),
    Preset(
        "varnish",
        "Varnish, as varnishncsa writes it: combined",
        "https://varnish-cache.org/docs/trunk/reference/varnishncsa.html",
        "varnishncsa",
        '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET http://example.com/a?b=c HTTP/1.1" 200 '
        '512 "-" "curl/8.5.0"',
        lambda: (COMBINED,),
    ),
)
