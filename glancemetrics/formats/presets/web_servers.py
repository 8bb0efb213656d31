"""Formats of web servers and application servers."""

from __future__ import annotations

from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.fields import Field
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.notations import apache, nginx
from glancemetrics.formats.pattern import INTEGER, Part, PatternFormat, literal
from glancemetrics.formats.presets.preset import Preset, layout
from glancemetrics.formats.w3c import IIS_ORDERS, W3cFormat

_APACHE = "https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats"
_NGINX = "https://nginx.org/en/docs/http/ngx_http_log_module.html"
_LINE = '192.0.2.7 - alice [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 512'
_COMBINED_LINE = f'{_LINE} "https://example.com/" "curl/8.5.0"'


def _combined() -> tuple[LogFormat, ...]:
    return (COMBINED,)


_VHOST_COMBINED = r'%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"'
_VHOST_COMMON = r'%v:%p %h %l %u %t "%r" %>s %O'
_PROXY_MANAGER = (
    "[$time_local] $upstream_cache_status $upstream_status $status - $request_method $scheme "
    '$host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] '
    '[Sent-to $server] "$http_user_agent" "$http_referer"'
)
_PROXY_MANAGER_STANDARD = (
    '[$time_local] $status - $request_method $scheme $host "$request_uri" '
    "[Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] "
    '"$http_user_agent" "$http_referer"'
)
_INGRESS = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] '
    "[$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length "
    "$upstream_response_time $upstream_status $req_id"
)


_SSL_REQUEST = '%t %h %{SSL_PROTOCOL}x %{SSL_CIPHER}x "%r" %b'
_COMBINED_IO = r'%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"'


def _combined_io() -> tuple[LogFormat, ...]:
    sizes = [
        *(Part("%I", pattern=INTEGER, name="%I"), literal(" ")),
        Part("%O", pattern=INTEGER, name="%O"),
    ]
    return (PatternFormat("combinedio", [*apache.parts_of(f"{_COMBINED_IO} "), *sizes]),)


def _iis_native() -> tuple[LogFormat, ...]:
    def made(pattern: str, strftime: str) -> PatternFormat:
        comma = literal(", ")
        other = Part("another field", pattern="[^,]*")
        return PatternFormat(
            "iis-native",
            [
                *(Part("host", Field.HOST, pattern="[^ ,]+"), comma),
                *(Part("user", Field.USER, pattern="[^,]+"), comma),
                *(Part("date", Field.FORMATTED_TIME, pattern=pattern, strftime=strftime), comma),
                Part(
                    "time of day",
                    Field.FORMATTED_TIME,
                    pattern=r"\d{1,2}:\d\d:\d\d",
                    strftime="%H:%M:%S",
                ),
                *(comma, other, comma, other, comma, other, comma),
                *(Part("duration", Field.MILLISECONDS), comma, other, comma),
                *(Part("size", Field.BYTES), comma, Part("status", Field.STATUS), comma),
                *(Part("Windows' status", pattern=r"\d+"), comma),
                *(Part("method", Field.METHOD, pattern="[A-Z_]+|-"), comma),
                *(Part("path", Field.PATH, pattern=".*?"), comma),
                *(Part("query", Field.QUERY, pattern=".*?"), literal(",")),
            ],
        )

    return (
        made(r"\d{1,2}/\d{1,2}/\d{4}", "%m/%d/%Y"),
        made(r"\d{1,2}/\d{1,2}/\d{2}", "%m/%d/%y"),
        made(r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"),
        made(r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d"),
    )


def _proxy_manager() -> tuple[LogFormat, ...]:
    return (
        PatternFormat("nginx-proxy-manager", nginx.parts_of(_PROXY_MANAGER)),
        PatternFormat("nginx-proxy-manager", nginx.parts_of(_PROXY_MANAGER_STANDARD)),
    )


WEB_SERVERS = (
    Preset(
        "combined",
        "nginx and Apache by default",
        _NGINX,
        "access_log /var/log/nginx/access.log combined;",
        _COMBINED_LINE,
        _combined,
        notes="Common and combined lines may be mixed.",
    ),
    Preset(
        "common",
        "the common log format",
        _APACHE,
        r'LogFormat "%h %l %u %t \"%r\" %>s %b" common',
        _LINE,
        _combined,
        notes="Common and combined lines may be mixed.",
    ),
    Preset(
        "combinedio",
        "Apache with total bytes received and sent (mod_logio)",
        "https://httpd.apache.org/docs/2.4/mod/mod_logio.html",
        'LogFormat "' + _COMBINED_IO.replace('"', r"\"") + ' %I %O" combinedio',
        f"{_COMBINED_LINE} 120 768",
        _combined_io,
        notes="Two whole numbers after combined are taken as sizes, not as durations. `bytes` is "
        "`%b`.",
    ),
    Preset(
        "ssl-request",
        "Apache's ssl_request_log",
        "https://httpd.apache.org/docs/2.4/mod/mod_ssl.html#logformats",
        r'CustomLog logs/ssl_request_log "%t %h %{SSL_PROTOCOL}x %{SSL_CIPHER}x \"%r\" %b"',
        "[17/May/2015:10:05:03 +0000] 192.0.2.7 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 "
        '"GET /a?b=c HTTP/1.1" 512',
        lambda: (PatternFormat("ssl-request", apache.parts_of(_SSL_REQUEST)),),
        notes="The status is not logged.",
    ),
    Preset(
        "vhost-combined",
        "Apache with the virtual host and its port first",
        _APACHE,
        'LogFormat "' + _VHOST_COMBINED.replace('"', r"\"") + '" vhost_combined',
        f"example.com:443 {_COMBINED_LINE}",
        lambda: (PatternFormat("vhost-combined", apache.parts_of(_VHOST_COMBINED)),),
        notes="Defined in Debian's `apache2.conf` and used for `other_vhosts_access.log`.",
    ),
    Preset(
        "vhost-common",
        "Apache with the virtual host and its port first, without referrer and agent",
        _APACHE,
        'LogFormat "' + _VHOST_COMMON.replace('"', r"\"") + '" vhost_common',
        f"example.com:443 {_LINE}",
        lambda: (PatternFormat("vhost-common", apache.parts_of(_VHOST_COMMON)),),
    ),
    Preset(
        "vhost-first",
        "combined with the virtual host before the client",
        _NGINX,
        'log_format vhost-first \'$host $remote_addr - $remote_user [$time_local] "$request" '
        '$status $body_bytes_sent "$http_referer" "$http_user_agent"\';',
        f"example.com {_COMBINED_LINE}",
        layout(
            "vhost-first",
            '{vhost_word} {host} {identity} {user} [{clf_time}] "{request}" {status} {bytes} '
            '"{referrer}" "{agent}"',
        ),
    ),
    Preset(
        "lighttpd",
        "lighttpd by default: combined with the virtual host after the client",
        "https://redmine.lighttpd.net/projects/lighttpd/wiki/Mod_accesslog",
        r'accesslog.format = "%h %V %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\""',
        _COMBINED_LINE.replace(" - ", " example.com ", 1),
        layout(
            "lighttpd",
            '{host} {vhost_word} {user} [{clf_time}] "{request}" {status} {bytes} "{referrer}" '
            '"{agent}"',
        ),
    ),
    Preset(
        "tomcat",
        "Tomcat's access valve: common",
        "https://tomcat.apache.org/tomcat-10.1-doc/config/valve.html#Access_Logging",
        '<Valve className="org.apache.catalina.valves.AccessLogValve" pattern="common" />',
        _LINE,
        _combined,
    ),
    Preset(
        "gunicorn",
        "Gunicorn by default: combined",
        "https://docs.gunicorn.org/en/stable/settings.html#access-log-format",
        'access_log_format = \'%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"\'',
        _COMBINED_LINE,
        _combined,
        is_shared=True,
    ),
    Preset(
        "uvicorn",
        "uvicorn by default",
        "https://www.uvicorn.org/settings/#logging",
        "uvicorn app:app",
        'INFO:     192.0.2.7:50112 - "GET /a?b=c HTTP/1.1" 200 OK',
        layout("uvicorn", 'INFO: {padded_host_port} - "{raw_request}" {status_words}'),
        is_shared=True,
        notes="Lines have no time: the envelope's counts (Docker, Kubernetes, journald), or else "
        "the arrival time. In existing files such lines are rejected.",
    ),
    Preset(
        "nginx-proxy-manager",
        "Nginx Proxy Manager",
        "https://github.com/NginxProxyManager/nginx-proxy-manager/blob/develop/docker/rootfs/etc/"
        "nginx/conf.d/include/log-proxy.conf",
        f"log_format proxy '{_PROXY_MANAGER}';\nlog_format standard '{_PROXY_MANAGER_STANDARD}';",
        '[17/May/2015:10:05:03 +0000] - 200 200 - GET https example.com "/a?b=c" '
        '[Client 192.0.2.7] [Length 512] [Gzip 2.45] [Sent-to 10.0.0.2] "curl/8.5.0" "-"',
        _proxy_manager,
    ),
    Preset(
        "ingress-nginx",
        "the Kubernetes ingress controller of nginx",
        "https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/log-format/",
        f"log_format upstreaminfo '{_INGRESS}';",
        f"{_COMBINED_LINE} 120 0.012 [default-web-80] [] 10.0.0.2:8080 512 0.010 200 f00d",
        lambda: (PatternFormat("ingress-nginx", nginx.parts_of(_INGRESS)),),
    ),
    Preset(
        "iis",
        "IIS, and any W3C extended log",
        "https://learn.microsoft.com/en-us/windows/win32/http/w3c-logging",
        "Logging › Format: W3C",
        "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status "
        "sc-win32-status time-taken\n2015-05-17 10:05:03 192.0.2.7 GET /a b=c 200 0 12",
        lambda: (W3cFormat("iis", IIS_ORDERS),),
        notes="`#Fields` defines the order of fields, and may change inside a file. Without it, "
        "the default fields of IIS are assumed if every value looks right; otherwise the lines are "
        "rejected until `--format '#Fields: ...'` names the fields. Times are UTC whatever the "
        "server's zone; `time-local` is local time, or in `--log-timezone`.",
    ),
    Preset(
        "iis-native",
        "IIS' own format, with commas",
        "https://learn.microsoft.com/en-us/previous-versions/iis/6.0-sdk/ms525807(v=vs.90)",
        "Logging › Format: IIS",
        "192.0.2.7, alice, 5/17/2015, 10:05:03, W3SVC1, WEB, 10.0.0.2, 12, 120, 512, 200, 0, GET, "
        "/a, b=c,",
        _iis_native,
        notes="A date with slashes is month/day/year, as documented; Windows in other languages "
        "may differ. Times are local time, or in `--log-timezone`.",
    ),
    Preset(
        "oracle-web-cache",
        "Oracle Web Cache's own format: combined with an ECID",
        "https://docs.oracle.com/cd/E23943_01/web.1111/e10143/log.htm",
        "Access log format: WCLF",
        f'{_COMBINED_LINE} "417732382502,0"',
        lambda: (
            PatternFormat(
                "oracle-web-cache",
                [
                    *apache.parts_of(f"{_COMBINED_IO} "),
                    Part("ECID", pattern=r"""\"?[^ ",]+,\d+\"?""", name="ECID"),
                ],
            ),
        ),
        notes="Its common and combined formats are Apache's.",
    ),
)
