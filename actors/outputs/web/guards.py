"""Guards: what every request has to pass before it is answered, and what every answer carries.

Sources: RFC 9110, section 7.2 (Host); RFC 6454 (Origin); W3C Fetch Metadata; CSP Level 3; the
checks against DNS rebinding and cross-site WebSockets are those that OWASP recommends.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.outputs.web import WebSettings
from actors.outputs.web.access import Access, Person, TooManyGuessesError
from actors.outputs.web.allowances import Allowances
from actors.outputs.web.networks import network_of
from actors.outputs.web.problems import problem
from actors.outputs.web.senders import Sender, Senders
from actors.outputs.web.serving import Certificates
from glancemetrics.http_api.openapi import BASE

COOKIE = "glancemetrics_session"
PROBES = ("/healthz", "/readyz")
LINES = f"{BASE}/lines"
_OPEN_PATHS = ("/login", "/favicon.svg", *PROBES)
"""What needs no session, as `/assets/`: the way to one, and what says nothing about the traffic."""
_REQUESTS_A_SECOND, _BURST = 300.0, 3000.0
"""Of one network (`networks.py`), which may be that of a reverse proxy."""
_COST_OF_QUERY = 200
"""Characters of a query string that count as one request more."""
_PORTS = {"http": 80, "https": 443}
_LONGEST_SHOWN = 200
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # With "no-referrer" a browser sends the form of the login with the origin "null".
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def host_of(header: str) -> str:
    """Return the name in a `Host` header, in lower case, without its port; empty if it is none."""
    if header.startswith("["):
        address, bracket, port = header[1:].partition("]")
        return address.lower() if bracket and (not port or _is_port(port)) else ""
    name, colon, port = header.partition(":")
    if colon and not _is_port(f":{port}"):
        return ""
    return name.rstrip(".").lower()


def _is_port(text: str) -> bool:
    # It may be empty (RFC 3986, section 3.2.3).
    digits = text[1:]
    return text.startswith(":") and (not digits or (digits.isascii() and digits.isdecimal()))


def _port_of(header: str) -> int | None:
    """Return the port in a `Host` header that `host_of` has accepted; `None` if it has none."""
    port = header.rpartition("]")[2].partition(":")[2]
    return int(port) if port else None


def is_own_host(name: str, names: Iterable[str]) -> bool:
    """Tell whether a server of these names may be asked for by a name.

    An address cannot be rebound by DNS; a name can, unless it is one of ours. `*.example.com`
    stands for a name with one more part, as in a certificate.
    """
    if not name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        own = frozenset(names)
        above = name.partition(".")[2]
        is_below = bool(above) and f"*.{above}" in own
        return name in own or is_below or name == "localhost" or name.endswith(".localhost")
    return True


def is_own_origin(origin: str, host: str, given: Iterable[str]) -> bool:
    """Tell whether a page of an origin may use this server: its own page may.

    Other ports of this machine may be those of other programs and users. Only a name that was
    `given` by `--web-host` may be there with another port or scheme, as behind a reverse proxy.
    """
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return False
    name = parts.hostname.rstrip(".")
    usual = _PORTS[parts.scheme]
    if name == host_of(host) and (port or usual) == (_port_of(host) or usual):
        return True
    return name in given


def own_names(given: Iterable[str]) -> frozenset[str]:
    """Return the names of this server: those given, and the machine's own."""
    machine = socket.gethostname().lower()
    return frozenset((*(name.lower() for name in given), machine, machine.partition(".")[0]))


@attrs.frozen(kw_only=True)
class Rules:
    """What requests are checked against."""

    names: frozenset[str]
    """What the server may be asked for as."""
    given: frozenset[str] = frozenset()
    """Those of `--web-host`."""
    certificates: Certificates | None = None
    """What has more names, which change with it."""
    path: str = ""
    """The path before all others, which a reverse proxy has not removed."""

    def is_own_host(self, name: str) -> bool:
        """Tell whether the server may be asked for by a name."""
        more = frozenset() if self.certificates is None else self.certificates.names
        return is_own_host(name, self.names | more)


def rules_of(settings: WebSettings, certificates: Certificates | None = None) -> Rules:
    """Return the rules of settings."""
    given = frozenset(name.lower() for name in settings.host)
    return Rules(names=own_names(given), given=given, certificates=certificates, path=settings.path)


class Guard:
    """Checks each request, and adds headers to each answer."""

    def __init__(
        self,
        application: ASGIApp,
        access: Access,
        rules: Rules,
        senders: Senders | None = None,
    ) -> None:
        """`senders` may send lines; `None` if nobody may."""
        self._application = application
        self._access = access
        self._senders = senders
        self._rules = rules
        self._allowances = Allowances(_REQUESTS_A_SECOND, _BURST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            return
        scope = self._without_path(scope)

        async def with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = await self._refusal(scope)
        if refused is not None:
            await _refuse(refused, scope, receive, with_headers)
            return
        await self._application(scope, receive, with_headers)

    def _without_path(self, scope: Scope) -> Scope:
        prefix = self._rules.path
        path: str = scope["path"]
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            return {**scope, "path": path[len(prefix) :], "root_path": ""}
        return scope

    async def _refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that may not be answered otherwise."""
        connection = HTTPConnection(scope)
        headers = connection.headers
        hosts = headers.getlist("host")
        host = hosts[0] if len(hosts) == 1 else ""
        # Probes come with any name, or with none (HTTP/1.0).
        if scope["path"] not in PROBES and not self._rules.is_own_host(host_of(host)):
            return problem(
                421,
                f"{_shown(host) or 'no name'} is not a name of this server; "
                "--web-host NAME allows it",
            )
        site = self._foreign_site(scope, headers, host)
        if site:
            return problem(403, site)
        client = "" if scope["client"] is None else str(scope["client"][0])
        if scope["type"] == "http" and scope["path"] == LINES and self._senders is not None:
            return self._refusal_of_sender(scope, headers, client, self._senders)
        too_many = self._too_many(scope, client)
        if too_many is not None:
            return too_many
        if not scope["path"] and scope.get("method") in {"GET", "HEAD"}:
            # That of --web-path without a slash. Relative: a proxy may know it by another path.
            last = self._rules.path.rpartition("/")[2]
            return RedirectResponse(f"{last}/{query_of(scope)}", 307)
        return await self._refusal_of_stranger(scope, connection, client)

    def _too_many(self, scope: Scope, client: str) -> Response | None:
        """Return the answer to a client that asks too often; `None` to others."""
        allowance = self._allowances.of(network_of(client))
        # A long condition takes longer to understand.
        cost = 1 + len(scope["query_string"]) / _COST_OF_QUERY
        if allowance.take(time.monotonic(), cost):
            return None
        return problem(429, "too many requests", retry_after=allowance.wait(cost))

    def _refusal_of_sender(
        self, scope: Scope, headers: Headers, client: str, senders: Senders
    ) -> Response | None:
        """Return the answer to those who may not send lines; `None` to those who may.

        Those who may do so as often as they like: `receiving` has other limits. No session counts.
        """
        header = headers.get("authorization", "")
        try:
            sender = senders.of_header(header, client)
        except TooManyGuessesError as error:
            return problem(429, str(error), retry_after=error.wait)
        if sender is not None:
            scope.setdefault("state", {})["sender"] = sender
            return None
        return self._too_many(scope, client) or _ask_for_token(header)

    async def _refusal_of_stranger(
        self, scope: Scope, connection: HTTPConnection, client: str
    ) -> Response | None:
        """Return the answer to those who may not look; `None` to those who may."""
        path: str = scope["path"]
        if self._access.is_open or path in _OPEN_PATHS or path.startswith("/assets/"):
            return None
        try:
            person = await self.person(connection, client)
        except TooManyGuessesError as error:
            return problem(429, str(error), retry_after=error.wait)
        if person is None:
            return self._ask_for_login(scope, connection.headers)
        scope.setdefault("state", {})["person"] = person
        return None

    def _foreign_site(self, scope: Scope, headers: Headers, host: str) -> str:
        """Say why a request of another site is refused; empty for all others.

        A person may follow a link from anywhere to the page; nothing else may come from elsewhere.
        """
        origin = headers.get("origin")
        if origin is not None and not is_own_origin(origin, host, self._rules.given):
            return (
                f"a page of {_shown(origin)} may not use this server, which was asked for as "
                f"{_shown(host)}; a reverse proxy must pass on the Host header with its port "
                "(nginx: proxy_set_header Host $http_host), or name the host: --web-host NAME"
            )
        is_link = headers.get("sec-fetch-mode") == "navigate" and scope.get("method") == "GET"
        if headers.get("sec-fetch-site") == "cross-site" and not is_link:
            return "pages of other sites may not use this server"
        return ""

    async def person(self, connection: HTTPConnection, client: str) -> Person | None:
        """Return who asks; `None`: nobody that is known. Raises `TooManyGuessesError`."""
        header = connection.headers.get("authorization", "")
        if self._access.takes(_kind_of(header)):
            return await self._access.of_header(header, client)
        cookie = connection.cookies.get(COOKIE)
        return None if cookie is None else self._access.of_session(cookie)

    def _ask_for_login(self, scope: Scope, headers: Headers) -> Response:
        is_page = "text/html" in headers.get("accept", "")
        if scope["type"] == "http" and scope["method"] == "GET" and is_page:
            up = "../" * (scope["path"].count("/") - 1)
            # The view, span and filter of a link to the page are in its query.
            query = query_of(scope) if scope["path"] == "/" else ""
            return RedirectResponse(f"{up}login{query}", 303)
        kind = _kind_of(headers.get("authorization", ""))
        detail = {"bearer": "this token is not valid", "basic": "wrong name or password"}.get(kind)
        if detail is None or not self._access.takes(kind):
            asked = []
            if self._access.has_tokens:
                asked.append("a token (Authorization: Bearer TOKEN)")
            if self._access.has_users:
                asked.append("a name and a password")
            detail = f"needs {' or '.join(asked)}"
        challenges = [
            *(['Bearer realm="GlanceMetrics"'] if self._access.has_tokens else []),
            # A browser would ask by itself, in place of the page's own form.
            *(['Basic realm="GlanceMetrics"']
              if self._access.has_users and "sec-fetch-mode" not in headers else []),
        ]  # fmt: skip
        return problem(401, detail, challenge=", ".join(challenges))


def _ask_for_token(header: str) -> Response:
    is_given = _kind_of(header) in {"bearer", "basic"}
    detail = (
        "this token may not send lines"
        if is_given
        else "needs the token of a sender (Authorization: Bearer TOKEN, or Basic with any name)"
    )
    return problem(401, detail, challenge='Bearer realm="GlanceMetrics senders"')


def _shown(text: str) -> str:
    """Return what a client sent, for a sentence."""
    return "".join(one if one.isprintable() else "?" for one in text[:_LONGEST_SHOWN])


def query_of(scope: Mapping[str, Any]) -> str:
    """Return the query of a request with its question mark; empty if there is none."""
    query = scope["query_string"].decode("latin-1")
    return f"?{query}" if query else ""


def _kind_of(authorization: str) -> str:
    return authorization.partition(" ")[0].lower()


async def _refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    await receive()  # websocket.connect
    # The extension "websocket.http.response" of ASGI, which hypercorn has.
    await send(
        {
            "type": "websocket.http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )
    await send({"type": "websocket.http.response.body", "body": bytes(response.body)})


def person_of(scope: Mapping[str, object]) -> Person | None:
    """Return who asks, of a request that has passed."""
    state = scope.get("state")
    return state.get("person") if isinstance(state, dict) else None


def sender_of(scope: Mapping[str, object]) -> Sender | None:
    """Return who sends lines, of a request that has passed."""
    state = scope.get("state")
    return state.get("sender") if isinstance(state, dict) else None


def asker_of(scope: Mapping[str, Any]) -> str:
    """Return who shares the limits of what may be asked: a person, else a network."""
    person = person_of(scope)
    if person is not None:
        return f"person {person.name}"
    client = scope.get("client")
    return f"network {network_of(str(client[0])) if client else ''}"
