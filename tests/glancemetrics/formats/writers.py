"""What servers write of a request, escaped as each does it, and what is to be read of that."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import attrs
import pytest

from glancemetrics.formats.clients import is_private


@attrs.frozen
class Request:
    """What was asked for, and what came of it; texts as the client sent them."""

    time: datetime
    host: str
    user: str | None
    method: str
    path: str
    query: str | None
    protocol: str
    status: int
    size: int
    referrer: str | None
    agent: str | None
    vhost: str
    milliseconds: int
    upstream_milliseconds: int

    @property
    def target(self) -> str:
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def line(self) -> str:
        return f"{self.method} {self.target} {self.protocol}"

    @property
    def clf(self) -> str:
        return f"{self.time:%d/%b/%Y:%H:%M:%S} +0000"

    @property
    def iso(self) -> str:
        return f"{self.time:%Y-%m-%dT%H:%M:%S}.{self.time.microsecond // 1000:03}Z"


def by_nginx(text: str | None) -> str:
    """`ngx_http_log_escape`, escape=default."""
    if text is None:
        return "-"
    return "".join(
        f"\\x{byte:02X}" if byte < 32 or byte > 126 or byte in b'"\\' else chr(byte)
        for byte in text.encode()
    )


def by_apache(text: str | None) -> str:
    """`ap_escape_logitem`."""
    if text is None:
        return "-"
    known = {0x0A: r"\n", 0x0D: r"\r", 0x09: r"\t", 0x08: r"\b", 0x0B: r"\v", 0x22: r"\""}
    known[0x5C] = r"\\"
    return "".join(
        known.get(byte) or (f"\\x{byte:02x}" if byte < 32 or byte > 126 else chr(byte))
        for byte in text.encode()
    )


def by_haproxy(text: str) -> str:
    """`lf_encode_string` of header values and quoted requests."""
    return "".join(
        f"#{byte:02X}" if byte < 32 or byte > 126 or byte in b'"#{|}' else chr(byte)
        for byte in text.encode()
    )


def no_spaces(text: str | None) -> str:
    """IIS."""
    return (
        "-"
        if text is None
        else quote(text.replace("+", "-"), safe="!$&'()*,;=:@/ %").replace(" ", "+")
    )


def seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03}"


def combined(r: Request, escape: Callable[[str | None], str]) -> str:
    user = r.user or "-"
    request = escape(r.line)
    return (
        f'{r.host} - {user} [{r.clf}] "{request}" {r.status} {r.size} '
        f'"{escape(r.referrer)}" "{escape(r.agent)}"'
    )


def without_referrer(r: Request) -> str:
    return f'{r.host} - {r.user or "-"} [{r.clf}] "{by_apache(r.line)}" {r.status} {r.size}'


def in_json(**fields: Any) -> str:
    return json.dumps(fields, ensure_ascii=False)


Expected = dict[str, Any]
COMMON = ("host", "user", "status", "bytes", "method", "path", "query", "protocol")


def expected(r: Request, *columns: str, escape: Any = None, **more: Any) -> Expected:
    escaped = escape or (lambda text: text)
    known = {
        "host": r.host,
        "user": r.user,
        "status": r.status,
        "bytes": r.size,
        "method": r.method,
        "path": r.path,
        "query": r.query,
        "protocol": r.protocol,
        "referrer": None if r.referrer is None else escaped(r.referrer),
        "agent": None if r.agent is None else escaped(r.agent),
        "vhost": r.vhost,
        "duration": pytest.approx(r.milliseconds / 1000),
        "upstream_duration": pytest.approx(r.upstream_milliseconds / 1000),
    }
    whole = r.time.replace(microsecond=0)
    return {"time": whole, **{column: known[column] for column in columns}, **more}


def of_nginx(r: Request) -> tuple[str, Expected]:
    return combined(r, by_nginx), expected(r, *COMMON, "referrer", "agent", escape=by_nginx)


def of_apache(r: Request) -> tuple[str, Expected]:
    return combined(r, by_apache), expected(r, *COMMON, "referrer", "agent", escape=by_apache)


def address(r: Request) -> str:
    return f"{r.host}:50112"


def of_alb(r: Request) -> tuple[str, Expected]:
    host = f"[{r.host}]" if ":" in r.host else r.host
    text = (
        f"https {r.time:%Y-%m-%dT%H:%M:%S.%f}Z app/web/f00d {host}:50112 10.0.0.2:80 0.001 "
        f"{seconds(r.upstream_milliseconds)} 0.002 {r.status} {r.status} 34 {r.size} "
        f'"{r.method} https://{r.vhost}:443{by_nginx(r.target)} {r.protocol}" '
        f'"{by_nginx(r.agent)}" - - arn:aws:x "Root=1-58337262" "-" "-" 0'
    )
    columns = ("host", "status", "bytes", "method", "path", "query", "protocol", "agent")
    took = pytest.approx(r.upstream_milliseconds / 1000 + 0.003)
    return text, expected(
        r, *columns, "upstream_duration", escape=by_nginx, time=r.time,
        vhost=f"{r.vhost}:443", duration=took,
    )  # fmt: skip


def of_elb(r: Request) -> tuple[str, Expected]:
    text = (
        f"{r.time:%Y-%m-%dT%H:%M:%S.%f}Z web {r.host}:50112 10.0.0.2:80 0.001 "
        f"{seconds(r.upstream_milliseconds)} 0.002 {r.status} {r.status} 34 {r.size} "
        f'"{r.method} http://{r.vhost}:80{r.target} {r.protocol}" "{by_nginx(r.agent)}" - -'
    )
    columns = ("host", "status", "bytes", "method", "path", "query", "protocol", "agent")
    return text, expected(r, *columns, escape=by_nginx, time=r.time, vhost=f"{r.vhost}:80")


def of_s3(r: Request) -> tuple[str, Expected]:
    text = (
        f"f00d bucket [{r.clf}] {r.host} - B1 REST.GET.OBJECT key "
        f'"{by_nginx(r.line)}" {r.status} - {r.size} 5 {r.milliseconds} 11 '
        f'"{by_nginx(r.referrer)}" "{by_nginx(r.agent)}" - id SigV4 -'
    )
    columns = [column for column in COMMON if column != "user"]
    return text, expected(r, *columns, "referrer", "agent", "duration", escape=by_nginx)


def of_iis(r: Request) -> tuple[str, Expected]:
    agent = no_spaces(r.agent)
    text = (
        "#Fields: date time c-ip cs-username cs-method cs-uri-stem cs-uri-query sc-status "
        "sc-win32-status sc-bytes time-taken cs(User-Agent) cs(Referer) cs-host\n"
        f"{r.time:%Y-%m-%d %H:%M:%S} {r.host} {no_spaces(r.user)} {r.method} {r.path} "
        f"{r.query or '-'} {r.status} 0 {r.size} {r.milliseconds} {agent} "
        f"{no_spaces(r.referrer)} {r.vhost}"
    )
    columns = ("host", "status", "bytes", "method", "path", "vhost", "duration")
    told = None if agent == "-" else agent.replace("+", " ")  # also of an agent "+"
    query = r.query if r.query not in ("", "-") else None
    return text, expected(r, *columns, agent=told, query=query, user=r.user and no_spaces(r.user))


def of_cloudfront(r: Request) -> tuple[str, Expected]:
    def encoded(text: str | None) -> str:
        return "-" if text is None else quote(quote(text, safe=""), safe="")

    values = [
        f"{r.time:%Y-%m-%d}", f"{r.time:%H:%M:%S}", "CDG50-P2", r.size, r.host, r.method,
        "d.cloudfront.net", r.path, r.status, encoded(r.referrer), encoded(r.agent),
        r.query or "-", "-", "Miss", "id", r.vhost, "https", 62, seconds(r.milliseconds), "-",
        "TLSv1.3", "TLS_AES_128_GCM_SHA256", "Miss", r.protocol, "-", "-",
    ]  # fmt: skip
    columns = ("host", "status", "bytes", "method", "path", "protocol", "vhost", "duration")
    return "\t".join(map(str, values)), expected(
        r, *columns, "agent", query=r.query if r.query not in ("", "-") else None
    )


def of_haproxy(r: Request) -> tuple[str, Expected]:
    text = (
        f"{r.host}:50112 [{r.time:%d/%b/%Y:%H:%M:%S}.{r.time.microsecond // 1000:03}] web~ "
        f"app/app1 0/0/1/{r.upstream_milliseconds}/{r.milliseconds} {r.status} {r.size} - - ---- "
        f'1/1/0/0/0 0/0 {{{by_haproxy(r.agent or "")}|x}} {{}} "{by_haproxy(r.line)}"'
    )
    columns = ("host", "status", "bytes", "method", "protocol", "duration", "upstream_duration")
    query = None if r.query is None else by_haproxy(r.query)
    return text, expected(r, *columns, time=r.time, path=by_haproxy(r.path), query=query)


def of_squid(r: Request) -> tuple[str, Expected]:
    stamp = f"{r.time.timestamp():.3f}"
    user = (r.user or "-").replace(" ", "%20")
    text = (
        f"{stamp} {r.milliseconds:6} {r.host} TCP_MISS/{r.status:03} {r.size} {r.method} "
        f"http://{r.vhost}{r.target} {user} HIER_DIRECT/198.51.100.2 text/html"
    )
    columns = ("host", "status", "bytes", "method", "path", "query", "vhost", "duration")
    return text, expected(
        r, *columns, time=r.time, user=None if r.user is None else user, protocol=None
    )


def of_envoy(r: Request) -> tuple[str, Expected]:
    text = (
        f'[{r.iso}] "{by_nginx(r.line)}" {r.status} - 7 {r.size} {r.milliseconds} '
        f'{r.upstream_milliseconds} "198.51.100.9, {r.host}" "{by_nginx(r.agent)}" "f00d" '
        f'"{r.vhost}" "10.0.0.2:80"'
    )
    columns = [column for column in COMMON if column != "user"]
    made = expected(
        r, *columns, "agent", "vhost", "duration", "upstream_duration",
        escape=by_nginx, time=r.time,
    )  # fmt: skip
    # A private address at the end of a list is a proxy's.
    return text, {**made, "host": "198.51.100.9"} if is_private(r.host) else made


def of_traefik(r: Request) -> tuple[str, Expected]:
    text = combined(r, by_nginx)
    text += f' 7 "web@docker" "http://10.0.0.2:80" {r.milliseconds}ms'
    columns = (*COMMON, "referrer", "agent", "duration")
    return text, expected(r, *columns, escape=by_nginx)


def of_ingress(r: Request) -> tuple[str, Expected]:
    text = (
        f"{combined(r, by_nginx)} 120 {seconds(r.milliseconds)} [default-web-80] [] 10.0.0.1:80, "
        f"10.0.0.2:80 0, 5 0.500, {seconds(r.upstream_milliseconds)} 502, 200 f00d"
    )
    upstream = pytest.approx(r.upstream_milliseconds / 1000 + 0.5)
    return text, expected(r, *COMMON, "duration", upstream_duration=upstream)


def of_proxy_manager(r: Request) -> tuple[str, Expected]:
    text = (
        f'[{r.clf}] - 200, 502 {r.status} - {r.method} https {r.vhost} "{by_nginx(r.target)}" '
        f"[Client {r.host}] [Length {r.size}] [Gzip 2.45] [Sent-to 10.0.0.2] "
        f'"{by_nginx(r.agent)}" "{by_nginx(r.referrer)}"'
    )
    columns = ("host", "status", "bytes", "method", "vhost", "referrer", "agent", "path", "query")
    return text, expected(r, *columns, escape=by_nginx)


def of_uvicorn(r: Request) -> tuple[str, Expected]:
    text = f'INFO:     {r.host}:50112 - "{r.method} {quote(r.path)} {r.protocol}" {r.status} OK'
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    return text, expected(
        r, "host", "status", "method", "protocol", time=moment, path=quote(r.path)
    )


def of_json(r: Request) -> tuple[str, Expected]:
    text = in_json(
        time_iso8601=f"{r.time:%Y-%m-%dT%H:%M:%S}+00:00",
        remote_addr=r.host,
        remote_user=r.user or "",
        request=r.line,
        status=str(r.status),
        body_bytes_sent=r.size,
        http_referer=r.referrer or "",
        http_user_agent=r.agent or "",
        host=r.vhost,
        request_time=seconds(r.milliseconds),
        upstream_response_time=f"0.500, {seconds(r.upstream_milliseconds)}",
    )
    upstream = pytest.approx(r.upstream_milliseconds / 1000 + 0.5)
    columns = (*COMMON, "referrer", "agent", "vhost", "duration")
    return text, expected(r, *columns, upstream_duration=upstream)


def of_caddy(r: Request) -> tuple[str, Expected]:
    headers = {"User-Agent": r.agent, "Referer": r.referrer}
    text = in_json(
        level="info",
        ts=r.time.timestamp(),
        logger="http.log.access.log0",
        request={
            "remote_ip": r.host,
            "proto": r.protocol,
            "method": r.method,
            "host": r.vhost,
            "uri": r.target,
            "headers": {name: [value, "x"] for name, value in headers.items() if value},
        },
        user_id=r.user or "",
        duration=r.milliseconds / 1000,
        size=r.size,
        status=r.status,
    )
    columns = (*COMMON, "referrer", "agent", "vhost", "duration")
    return text, expected(r, *columns, time=r.time)


def of_traefik_json(r: Request) -> tuple[str, Expected]:
    text = in_json(
        **{"request_User-Agent": r.agent, "request_Referer": r.referrer},
        ClientHost=r.host,
        ClientUsername=r.user or "-",
        RequestMethod=r.method,
        RequestPath=r.target,
        RequestProtocol=r.protocol,
        RequestHost=r.vhost,
        DownstreamStatus=r.status,
        DownstreamContentSize=r.size,
        Duration=r.milliseconds * 1_000_000,
        OriginDuration=r.upstream_milliseconds * 1_000_000,
        time=f"{r.time:%Y-%m-%dT%H:%M:%S}Z",
    )
    columns = (*COMMON, "referrer", "agent", "vhost", "duration", "upstream_duration")
    return text, expected(r, *columns)


def of_envoy_json(r: Request) -> tuple[str, Expected]:
    host = f"[{r.host}]" if ":" in r.host else r.host
    text = in_json(
        **{":authority": r.vhost, "user-agent": r.agent, "x-envoy-origin-path": r.target},
        downstream_remote_address=f"{host}:50112",
        method=r.method,
        protocol=r.protocol,
        response_code=r.status,
        response_flags="-",
        bytes_sent=r.size,
        duration=r.milliseconds,
        upstream_service_time=str(r.upstream_milliseconds),
        start_time=r.iso,
    )
    columns = [column for column in COMMON if column != "user"]
    more = ("agent", "vhost", "duration", "upstream_duration")
    return text, expected(r, *columns, *more, time=r.time)


def of_google(r: Request) -> tuple[str, Expected]:
    text = in_json(
        httpRequest={
            "latency": f"{seconds(r.milliseconds)}s",
            "protocol": r.protocol,
            "remoteIp": r.host,
            "requestMethod": r.method,
            "requestUrl": f"https://{r.vhost}{r.target}",
            "responseSize": str(r.size),
            "status": r.status,
            "userAgent": r.agent,
            "referer": r.referrer,
        },
        timestamp=r.iso,
    )
    columns = [column for column in COMMON if column != "user"]
    more = ("referrer", "agent", "vhost", "duration")
    return text, expected(r, *columns, *more, time=r.time)


def of_cloudflare(r: Request) -> tuple[str, Expected]:
    text = in_json(
        ClientIP=r.host,
        ClientRequestHost=r.vhost,
        ClientRequestMethod=r.method,
        ClientRequestProtocol=r.protocol,
        ClientRequestURI=r.target,
        ClientRequestReferer=r.referrer or "",
        ClientRequestUserAgent=r.agent or "",
        EdgeEndTimestamp=round(r.time.timestamp() * 1000) * 1_000_000,
        EdgeResponseBytes=r.size,
        EdgeResponseStatus=r.status,
    )
    columns = [column for column in COMMON if column != "user"]
    later = r.time if r.time.year > 1973 else None
    return text, expected(r, *columns, "referrer", "agent", "vhost", time=later)


def of_fastly(r: Request) -> tuple[str, Expected]:
    text = in_json(
        timestamp=f"{r.time:%Y-%m-%dT%H:%M:%S}+0000",
        client_ip=r.host,
        host=r.vhost,
        url=r.target,
        request_method=r.method,
        request_protocol=r.protocol,
        request_referer=r.referrer or "",
        request_user_agent=r.agent or "",
        response_status=r.status,
        response_body_size=r.size,
        fastly_server="cache-cdg20764-CDG",
    )
    columns = [column for column in COMMON if column != "user"]
    return text, expected(r, *columns, "referrer", "agent", "vhost")


MOMENT = datetime(2020, 1, 1, tzinfo=UTC)
"""When lines come that do not say so themselves."""


def by_go(text: str) -> tuple[str, str]:
    """`strconv.Quote`, as far as it is needed, and what is read of that."""
    known = {"\n": "n", "\t": "t", "\r": "r", "\b": "b", "\f": "f", '"': '"', "\\": "\\"}
    unread = {"\a": r"\a", "\v": r"\v"}
    pieces, meant = [], []
    for character in text:
        if character in known:
            pieces.append(f"\\{known[character]}")
            meant.append(character)
        elif ord(character) < 32 or ord(character) == 127:
            pieces.append(unread.get(character, f"\\x{ord(character):02x}"))
            meant.append(pieces[-1])
        else:
            pieces.append(character)
            meant.append(character)
    whole = "".join(pieces)
    if whole == text and not set(text) & set(' ="') and text.isascii():
        return text, text
    return f'"{whole}"', "".join(meant)


def of_combinedio(r: Request) -> tuple[str, Expected]:
    columns = (*COMMON, "referrer", "agent")
    return f"{combined(r, by_apache)} 120 {r.size + 256}", expected(
        r, *columns, escape=by_apache, duration=None
    )


def of_oracle_web_cache(r: Request) -> tuple[str, Expected]:
    columns = (*COMMON, "referrer", "agent")
    return f'{combined(r, by_apache)} "417732382502,0"', expected(r, *columns, escape=by_apache)


def of_ssl_request(r: Request) -> tuple[str, Expected]:
    text = f'[{r.clf}] {r.host} TLSv1.2 AES128-SHA "{by_apache(r.line)}" {r.size}'
    columns = ("host", "bytes", "method", "path", "query", "protocol")
    return text, expected(r, *columns, status=None)


def of_iis_native(r: Request) -> tuple[str, Expected]:
    date = f"{r.time.month}/{r.time.day}/{r.time.year}"
    text = (
        f"{r.host}, {r.user or '-'}, {date}, {r.time.hour}:{r.time:%M:%S}, W3SVC1, WEB, 10.0.0.2, "
        f"{r.milliseconds}, 120, {r.size}, {r.status}, 0, {r.method}, {r.path}, {r.query or '-'},"
    )
    query = r.query if r.query not in ("", "-") else None
    columns = ("host", "user", "status", "bytes", "method", "path", "duration")
    return text, expected(r, *columns, query=query)


def of_uwsgi(r: Request) -> tuple[str, Expected]:
    text = (
        f"[pid: 88185|app: 0|req: 1/1] {r.host} ({r.user or ''}) {{38 vars in 696 bytes}} "
        f"[{r.time:%a %b %d %H:%M:%S %Y}] {r.method} {r.target} => generated {r.size} bytes in "
        f"{r.milliseconds} msecs ({r.protocol} {r.status}) 9 headers in 378 bytes (1 switches on "
        "core 3)"
    )
    return text, expected(r, *COMMON, "duration")


def of_django(r: Request) -> tuple[str, Expected]:
    text = f'[{r.time:%d/%b/%Y %H:%M:%S}] "{r.line}" {r.status} {r.size}'
    return text, expected(r, "status", "bytes", "method", "path", "query", "protocol", host=None)


def of_werkzeug(r: Request) -> tuple[str, Expected]:
    text = f'{r.host} - - [{r.time:%d/%b/%Y %H:%M:%S}] "\x1b[33m{r.line}\x1b[0m" {r.status} -'
    columns = ("host", "status", "method", "path", "query", "protocol")
    return text, expected(r, *columns, bytes=None)


def of_morgan(r: Request) -> tuple[str, Expected]:
    text = (
        f"\x1b[0m{r.method} {r.target} \x1b[36m{r.status}\x1b[0m {r.milliseconds}.000 ms - "
        f"{r.size}\x1b[0m"
    )
    columns = ("status", "bytes", "method", "path", "query", "duration")
    return text, expected(r, *columns, time=MOMENT)


def of_tomcat_json(r: Request) -> tuple[str, Expected]:
    headers = {"User-Agent": r.agent or "-", "Referer": r.referrer or "-"}
    text = in_json(
        host=r.host,
        logicalUserName="-",
        user=r.user or "-",
        time=f"[{r.clf}]",
        request=r.line,
        statusCode=str(r.status),
        size=str(r.size),
        elapsedTime=str(r.milliseconds),
        requestHeaders=headers,
    )
    return text, expected(r, *COMMON, "referrer", "agent", "duration")


def of_haproxy_clf(r: Request) -> tuple[str, Expected]:
    text = (
        f'{r.host} - - [{r.clf}] "{by_haproxy(r.line)}" {r.status} {r.size} "" "" 50112 250 "web~" '
        f'"app" "app1" 0 0 1 {r.upstream_milliseconds} {r.milliseconds} CC-- 1 1 0 0 0 0 0 "" "" '
    )
    query = None if r.query is None else by_haproxy(r.query)
    columns = ("host", "status", "bytes", "method", "protocol", "duration", "upstream_duration")
    return text, expected(
        r, *columns, path=by_haproxy(r.path), query=query, referrer=None, agent=None
    )


def of_istio(r: Request) -> tuple[str, Expected]:
    host = f"[{r.host}]" if ":" in r.host else r.host
    text = (
        f'[{r.iso}] "{by_nginx(r.line)}" {r.status} - via_upstream - "-" 7 {r.size} '
        f'{r.milliseconds} {r.upstream_milliseconds} "-" "{by_nginx(r.agent)}" "f00d" "{r.vhost}" '
        f'"10.0.0.2:80" inbound|80|| 127.0.0.6:41854 10.0.0.2:80 {host}:50112 - default'
    )
    columns = [column for column in COMMON if column != "user"]
    more = ("agent", "vhost", "duration", "upstream_duration")
    return text, expected(r, *columns, *more, escape=by_nginx, time=r.time)


def of_api_gateway(r: Request) -> tuple[str, Expected]:
    text = in_json(
        requestId="c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        ip=r.host,
        caller="-",
        user=r.user or "-",
        requestTime=r.clf,
        httpMethod=r.method,
        resourcePath=r.path,
        status=str(r.status),
        protocol=r.protocol,
        responseLength=str(r.size),
    )
    columns = [column for column in COMMON if column != "query"]
    return text, expected(r, *columns, query=None)


def of_front_door(r: Request) -> tuple[str, Expected]:
    properties = {
        "httpMethod": r.method,
        "httpVersion": f"{r.protocol.removeprefix('HTTP/')}.0.0",
        "requestUri": f"https://{r.vhost}:443{r.target}",
        "responseBytes": str(r.size),
        "userAgent": r.agent or "",
        "referer": r.referrer or "",
        "clientIp": r.host,
        "timeTaken": seconds(r.milliseconds),
        "httpStatusCode": str(r.status),
        "hostName": r.vhost,
    }
    text = in_json(time=r.iso, category="FrontDoorAccessLog", properties=properties)
    columns = [column for column in COMMON if column != "user"]
    more = ("referrer", "agent", "vhost", "duration")
    return text, expected(r, *columns, *more, time=r.time)


def of_app_gateway(r: Request) -> tuple[str, Expected]:
    properties = {
        "clientIP": r.host,
        "httpMethod": r.method,
        "requestUri": r.path,
        "requestQuery": r.query or "",
        "userAgent": r.agent or "",
        "httpStatus": r.status,
        "httpVersion": r.protocol,
        "sentBytes": r.size,
        "timeTaken": r.milliseconds / 1000,
        "serverRouted": "10.0.0.2:80",
        "serverResponseLatency": seconds(r.upstream_milliseconds),
        "originalHost": r.vhost,
        "host": "10.0.0.9",
    }
    text = in_json(
        timeStamp=f"{r.time:%Y-%m-%dT%H:%M:%S}+00:00",
        category="ApplicationGatewayAccessLog",
        properties=properties,
    )
    columns = ("host", "status", "bytes", "method", "path", "protocol", "agent", "vhost")
    query = r.query if r.query not in ("", "-") else None
    return text, expected(r, *columns, "duration", "upstream_duration", query=query)


def of_vercel(r: Request) -> tuple[str, Expected]:
    moment = round(r.time.timestamp() * 1000)
    proxy = {
        "timestamp": moment,
        "method": r.method,
        "host": r.vhost,
        "path": r.target,
        "userAgent": [r.agent] if r.agent else [],
        "referer": r.referrer or "",
        "statusCode": r.status,
        "clientIp": r.host,
        "responseByteSize": r.size,
    }
    text = in_json(
        deploymentId="dpl_f00d", source="static", host="x.vercel.app", timestamp=moment, proxy=proxy
    )
    columns = ("host", "status", "bytes", "method", "path", "query", "referrer", "agent", "vhost")
    return text, expected(r, *columns, time=r.time if r.time.year > 1973 else None)


def of_ltsv(r: Request) -> tuple[str, Expected]:
    fields = {
        "time": r.clf if r.size % 2 else f"[{r.clf}]",
        "host": r.host,
        "user": r.user or "-",
        "req": by_nginx(r.line),
        "status": r.status,
        "size": r.size,
        "referer": by_nginx(r.referrer),
        "ua": by_nginx(r.agent),
        "vhost": r.vhost,
        "reqtime": seconds(r.milliseconds),
        "apptime": seconds(r.upstream_milliseconds),
    }
    text = "\t".join(f"{label}:{value}" for label, value in fields.items())
    more = ("referrer", "agent", "vhost", "duration", "upstream_duration")
    return text, expected(r, *COMMON, *more, escape=by_nginx)


def of_heroku(r: Request) -> tuple[str, Expected]:
    # A private address at the end of a list is a proxy.
    clients = r.host if is_private(r.host) else f"198.51.100.9, {r.host}"
    text = (
        f'at=info method={r.method} path="{r.target}" host={r.vhost} request_id=f00d '
        f'fwd="{clients}" dyno=web.1 connect=1ms service={r.milliseconds}ms '
        f"status={r.status} bytes={r.size} protocol=https"
    )
    columns = ("host", "status", "bytes", "method", "path", "query", "vhost")
    took = pytest.approx(r.milliseconds / 1000 + 0.001)
    return text, expected(r, *columns, time=MOMENT, duration=took)


def of_lograge(r: Request) -> tuple[str, Expected]:
    text = (
        f"method={r.method} path={r.path} format=html controller=Home action=index "
        f"status={r.status} duration={r.milliseconds}.00 view=1.20 db=0.31"
    )
    return text, expected(r, "status", "method", "path", "duration", time=MOMENT)


def of_logfmt(r: Request) -> tuple[str, Expected]:
    host = f"[{r.host}]" if ":" in r.host else r.host
    agent, meant = by_go(r.agent or "")
    text = (
        f'time={r.iso} level=INFO msg="handled a request" done method={r.method} '
        f"path={by_go(r.target)[0]} status={r.status} bytes={r.size} "
        f"duration={r.milliseconds}ms remote_addr={host}:50112 user_agent={agent} "
        f"proto={r.protocol} user={by_go(r.user or '')[0]}"
    )
    columns = (*COMMON, "duration")
    return text, expected(r, *columns, time=r.time, agent=meant or None)


def of_ecs(r: Request) -> tuple[str, Expected]:
    fields: dict[str, Any] = {
        "@timestamp": r.iso,
        "ecs": {"version": "8.11.0"},
        "client": {"ip": r.host},
        "user": {"name": r.user},
        "url": {"original": r.target, "domain": r.vhost},
        "http": {
            "version": r.protocol.removeprefix("HTTP/"),
            "request": {"method": r.method, "referrer": r.referrer},
            "response": {"status_code": r.status, "body": {"bytes": r.size}},
        },
        "user_agent": {"original": r.agent},
        "event": {"duration": r.milliseconds * 1_000_000},
    }
    if r.size % 2:
        fields = flattened(fields)
    more = ("referrer", "agent", "vhost", "duration")
    return in_json(**fields), expected(r, *COMMON, *more, time=r.time)


def flattened(fields: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Objects inside each other as keys with dots."""
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        inner = (
            flattened(value, f"{prefix}{key}.")
            if isinstance(value, dict)
            else {prefix + key: value}
        )
        flat |= inner
    return flat


WRITERS: dict[str, Callable[[Request], tuple[str, Expected]]] = {
    "combined": of_nginx,
    "gunicorn": of_apache,
    "varnish": of_apache,
    "common": lambda r: (without_referrer(r), expected(r, *COMMON)),
    "tomcat": lambda r: (without_referrer(r), expected(r, *COMMON)),
    "vhost-combined": lambda r: (
        f"{r.vhost}:443 {combined(r, by_apache)}",
        expected(r, *COMMON, "referrer", "agent", "vhost", escape=by_apache),
    ),
    "vhost-common": lambda r: (
        f"{r.vhost}:443 {without_referrer(r)}",
        expected(r, *COMMON, "vhost"),
    ),
    "vhost-first": lambda r: (
        f"{r.vhost} {combined(r, by_nginx)}",
        expected(r, *COMMON, "referrer", "agent", "vhost", escape=by_nginx),
    ),
    "lighttpd": lambda r: (
        combined(r, by_apache).replace(" - ", f" {r.vhost} ", 1),
        expected(r, *COMMON, "referrer", "agent", "vhost", escape=by_apache),
    ),
    "uvicorn": of_uvicorn,
    "nginx-proxy-manager": of_proxy_manager,
    "ingress-nginx": of_ingress,
    "iis": of_iis,
    "haproxy": of_haproxy,
    "traefik": of_traefik,
    "traefik-json": of_traefik_json,
    "caddy": of_caddy,
    "envoy": of_envoy,
    "envoy-json": of_envoy_json,
    "squid": of_squid,
    "aws-alb": of_alb,
    "aws-elb": of_elb,
    "aws-cloudfront": of_cloudfront,
    "aws-s3": of_s3,
    "google-lb": of_google,
    "cloudflare": of_cloudflare,
    "fastly": of_fastly,
    "combinedio": of_combinedio,
    "oracle-web-cache": of_oracle_web_cache,
    "ssl-request": of_ssl_request,
    "iis-native": of_iis_native,
    "uwsgi": of_uwsgi,
    "django": of_django,
    "werkzeug": of_werkzeug,
    "morgan": of_morgan,
    "tomcat-json": of_tomcat_json,
    "haproxy-clf": of_haproxy_clf,
    "istio": of_istio,
    "aws-api-gateway": of_api_gateway,
    "azure-front-door": of_front_door,
    "azure-app-gateway": of_app_gateway,
    "vercel": of_vercel,
    "ltsv": of_ltsv,
    "heroku": of_heroku,
    "lograge": of_lograge,
    "logfmt": of_logfmt,
    "ecs": of_ecs,
    "json": of_json,
}
