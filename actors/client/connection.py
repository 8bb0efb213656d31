"""How a server is reached: its address, who asks, TLS; and why it is not, in a sentence."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import httpx

from glancemetrics.errors import UnreachableError, UsageError, sentence
from glancemetrics.http_api.calls import Call, Reply, Server, unreadable
from glancemetrics.http_api.event_stream import PATIENCE_SECONDS, Event, Following
from glancemetrics.http_api.server_address import server_url
from glancemetrics.version import __version__

Path = str | os.PathLike[str]
TIMEOUT_SECONDS = 30.0
_AGAIN = "is a monitor running there with --web?"


@attrs.frozen(kw_only=True)
class Connection:
    """Everything that is needed to connect."""

    server: Server
    token: str | None = attrs.field(default=None, repr=False)
    user: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    ca_file: Path | None = None
    client_cert: Path | tuple[Path, Path] | None = None
    timeout: float = TIMEOUT_SECONDS

    @classmethod
    def to(
        cls,
        url: str,
        *,
        token: str | None,
        user: str | None,
        password: str | None,
        ca_file: Path | None,
        client_cert: Path | tuple[Path, Path] | None,
        timeout: float,
    ) -> Connection:
        """Check the arguments of `connect`. Raises `UsageError`."""
        if token is not None and user is not None:
            raise UsageError("token: cannot be combined with user")
        if (user is None) != (password is None):
            raise UsageError("user, password: one needs the other")
        if token is not None and not (token.isascii() and token.isprintable() and token.strip()):
            raise UsageError("token: must be one line of printable ASCII characters")
        if timeout <= 0:
            raise UsageError(f"timeout {timeout:g}: must be more than 0 seconds")
        found = server_url(url)
        if not found.startswith("https://") and (ca_file is not None or client_cert is not None):
            raise UsageError(f"{found}: certificates need an https:// address")
        return cls(
            server=Server(url=found, has_credentials=token is not None or user is not None),
            token=None if token is None else token.strip(),
            user=user,
            password=password,
            ca_file=ca_file,
            client_cert=client_cert,
            timeout=timeout,
        )

    @property
    def is_tls(self) -> bool:
        return self.server.url.startswith("https://")

    def options(self) -> dict[str, Any]:
        """Return the arguments of an httpx client. Reads files. Raises `UsageError`."""
        headers = {"User-Agent": f"glancemetrics/{__version__}"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        auth = None
        if self.user is not None and self.password is not None:
            auth = httpx.BasicAuth(self.user.encode(), self.password.encode())
        return {
            "auth": auth,
            "headers": headers,
            "timeout": self.timeout,
            "verify": self._context() if self.is_tls else False,
        }

    def request(self, call: Call[Any]) -> dict[str, Any]:
        """Return the arguments of a request."""
        return {
            "method": call.endpoint.method,
            "url": self.server.url + call.path,
            "params": dict(call.parameters),
            "json": call.body,
            "headers": call.headers,
        }

    def stream_request(self, call: Call[Any]) -> dict[str, Any]:
        """Return the arguments of a request whose reply has no end."""
        timeout = httpx.Timeout(self.timeout, read=PATIENCE_SECONDS)
        return {**self.request(call), "timeout": timeout}

    def check_open(self, http: httpx.Client) -> None:
        """Raise `UsageError` if the client has been closed."""
        if http.is_closed:
            raise UsageError(f"{self.server}: this client is closed; connect again")

    def _context(self) -> ssl.SSLContext:
        context = httpx.create_ssl_context()
        try:
            if self.ca_file is not None:
                context = ssl.create_default_context(cafile=os.fspath(self.ca_file))
        except OSError as error:
            raise UsageError(_problem_of_file("ca_file", self.ca_file, error)) from None
        cert = self.client_cert
        if cert is not None:
            files = cert if isinstance(cert, tuple) else (cert,)
            try:
                context.load_cert_chain(*(os.fspath(one) for one in files))
            except OSError as error:
                raise UsageError(_problem_of_file("client_cert", files[0], error)) from None
        return context


def _problem_of_file(name: str, path: Path | None, error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"{name} {path}: not a PEM file of a certificate ({error.reason or 'invalid'})"
    return f"{name} {path}: {error.strerror or sentence(error)}"


def reply_of(response: httpx.Response, body: bytes) -> Reply:
    """Return what matters of a response."""
    headers = response.headers
    return Reply(
        status=response.status_code,
        media=headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        body=body,
        link=headers.get("Link", ""),
        location=headers.get("Location", ""),
    )


@contextmanager
def troubles(connection: Connection) -> Iterator[None]:
    """Raise httpx's errors as an `UnreachableError`: one sentence about why, and what to do."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = _reason(error, connection)
        raise UnreachableError(f"{connection.server}: {reason}") from error


def received(following: Following, data: bytes, connection: Connection) -> Iterator[Event]:
    """Yield the events in what was received. Raises `GlanceMetricsError`."""
    try:
        yield from list(following.read(data))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise unreadable(connection.server) from None


def _reason(error: Exception, connection: Connection) -> str:
    causes = list(_causes(error))
    found = next(filter(None, map(_reason_of_cause, causes)), "")
    if found:
        return found
    closed = any(map(_is_closed, causes))
    if connection.is_tls and (closed or isinstance(error, httpx.RemoteProtocolError)):
        # Servers of TLS 1.3 may refuse a client without a word, by an end or by a reset.
        return f"closed the connection; {_CERTIFICATE[connection.client_cert is not None]}"
    if closed:
        return f"closed the connection; {_AGAIN}"
    kinds = (said for kind, said in _REASONS.items() if isinstance(error, kind))
    said = next(kinds, "the connection failed ({why}); try again")
    why = str(error).rstrip(".") or type(error).__name__
    return said.format(seconds=f"{connection.timeout:g}", why=why)


_CERTIFICATE = {
    False: "if it has --web-client-ca, pass client_cert",
    True: "does its --web-client-ca know the authority of client_cert?",
}
_REASONS: dict[type[Exception], str] = {
    httpx.ConnectTimeout: "cannot be reached within {seconds} s; check its address, and firewalls",
    httpx.TimeoutException: "no answer within {seconds} s; ask for less, or raise timeout",
    httpx.ProxyError: "the proxy of the environment refused ({why}); set NO_PROXY to avoid it",
    httpx.RemoteProtocolError: "does not speak HTTP ({why}); check its address, or try https://",
    httpx.DecodingError: "its answer is damaged ({why}); try again",
    httpx.InvalidURL: "invalid address ({why})",
    httpx.UnsupportedProtocol: "invalid address ({why})",
    httpx.LocalProtocolError: "the request cannot be sent ({why})",
}
"""The first that fits is used."""


def _reason_of_cause(cause: BaseException) -> str:
    """Return the reason if this is what caused an error; empty if it says too little."""
    if isinstance(cause, ssl.SSLError):
        return _tls_reason(cause)
    if isinstance(cause, socket.gaierror):
        return "unknown host; check its name"
    if not isinstance(cause, OSError) or cause.errno is None or _is_closed(cause):
        return ""
    if cause.errno == errno.ECONNREFUSED:
        return f"connection refused; {_AGAIN}"
    return f"{os.strerror(cause.errno)}; check its address"


def _is_closed(cause: BaseException) -> bool:
    """Return whether the other side ended the connection, in the system's words."""
    return isinstance(cause, (BrokenPipeError, ConnectionResetError, ConnectionAbortedError))


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        if "match" in why.lower() or "not valid for" in why:
            return f"its certificate is for another name ({why})"
        return (
            f"its certificate is not trusted ({why}); name the PEM file of its authority with --ca "
            "or ca_file"
        )
    reason = (error.reason or "").upper()
    found = (said for part, said in _TLS_REASONS.items() if part in reason)
    return next(found, f"TLS failed ({error.reason or sentence(error)})")


_TLS_REASONS = {
    "CERTIFICATE_REQUIRED": "needs a client certificate; pass client_cert",
    "HANDSHAKE_FAILURE": "needs a client certificate; pass client_cert",
    "UNKNOWN_CA": "refused the client certificate; pass one that its --web-client-ca knows",
    "BAD_CERTIFICATE": "refused the client certificate; pass one that its --web-client-ca knows",
    "WRONG_VERSION_NUMBER": "does not use TLS; try http://",
    "RECORD_LAYER_FAILURE": "does not use TLS; try http://",
    "HTTP_REQUEST": "does not use TLS; try http://",
}


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what caused it, and the members of groups among them."""
    left, seen = [error], set[int]()
    while left:
        one = left.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        left += [cause for cause in (one.__cause__, one.__context__) if cause is not None]
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions
