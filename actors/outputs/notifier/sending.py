"""Delivers to targets: what is sent, and what answers and failures mean."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from actors.outputs.notifier.program import Program
from actors.outputs.retry_after import wait_asked
from actors.state.clock import WallClock
from glancemetrics.errors import UsageError
from glancemetrics.notifying.payloads import (
    KEY_HEADER,
    SIGNATURE_HEADER,
    alertmanager_body,
    idempotency_key,
    json_body,
    signature,
    title_and_text,
    webhook_body,
)
from glancemetrics.notifying.secret import Secret
from glancemetrics.notifying.targets import Target, TargetKind
from glancemetrics.version import __version__

if TYPE_CHECKING:
    import httpx
    from apprise import Apprise

_MOST_SAID = 200
"""Characters shown of a program's stderr."""
_IN_NO_HEADER = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""Bytes that a header's value must not have (RFC 9110 section 5.5)."""


class TryAgainError(Exception):
    """The target did not accept a message, but may later."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        """`after`: seconds that the target asks to wait."""
        super().__init__(reason)
        self.after = after


class RefusedError(Exception):
    """The target will never accept a message."""


Events = Sequence[Mapping[str, Any]]
"""As in the alert log."""

Send = Callable[[Events], Awaitable[None]]
"""Notifies a target. Raises only `TryAgainError` or `RefusedError`, if it was not accepted."""


def sender(target: Target, wall: WallClock) -> Send:
    """Return the function that notifies a target. Raises `UsageError` for a bad secret."""
    return _only_our_errors(_plain_sender(target, wall))


def _plain_sender(target: Target, wall: WallClock) -> Send:
    match target.kind:
        case TargetKind.EXEC:
            return _Exec(target)
        case TargetKind.APPRISE:
            return _Apprise(target)
        case TargetKind.WEBHOOK | TargetKind.ALERTMANAGER:
            return _Http(target, wall)


def _only_our_errors(send: Send) -> Send:
    """Turn each failure into a temporary or a final one.

    A shortage on this machine (`OSError`, `MemoryError`) may pass. Anything else is caused by the
    message or the configuration and would happen again: it is final, because retrying would hold
    up all later events.
    """

    async def sending(events: Events) -> None:
        try:
            await send(events)
        except (TryAgainError, RefusedError):
            raise
        except OSError as error:
            raise TryAgainError(error.strerror or type(error).__name__) from error
        except MemoryError as error:
            raise TryAgainError("out of memory") from error
        except Exception as error:
            # Its text may hold the URL, which may be a secret.
            raise RefusedError(f"cannot be sent ({type(error).__name__})") from error

    return sending


def revealed(secret: Secret) -> str:
    """Return a secret's value. Raises `UsageError`, naming where it is used."""
    where = f"{secret.place}: " if secret.place else ""
    if secret.source == "env":
        value = os.environ.get(secret.name)
        if value is None:
            raise UsageError(f"{where}environment variable {secret.name} is not set")
        if not value:
            raise UsageError(f"{where}environment variable {secret.name} is empty")
        return value
    if secret.source == "file":
        try:
            value = Path(secret.name).read_text(encoding="utf-8-sig").strip()
        except (OSError, ValueError) as error:  # ValueError: not UTF-8
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise UsageError(f"{where}{secret}: {reason}") from None
        if not value:
            raise UsageError(f"{where}{secret}: the file is empty")
        return value
    return secret.name


class _Exec:
    """Runs a program with the event as JSON on its standard input, without a shell."""

    def __init__(self, target: Target) -> None:
        self._target = target
        added = {name: revealed(secret) for name, secret in target.environment}
        self._program = Program(target.command, target.timeout, added)

    async def __call__(self, events: Events) -> None:
        try:
            status, said = await self._program.run(json_body(events, self._target))
        except trio.TooSlowError:
            raise TryAgainError(f"took more than {self._target.timeout} s") from None
        except OSError as error:
            reason = f"{self._target.command[0]}: {error.strerror}"
            # The arguments come from the configuration and will be as long next time.
            kind = RefusedError if error.errno == errno.E2BIG else TryAgainError
            raise kind(reason) from None
        if status:
            how = f"exit status {status}" if status > 0 else f"killed by signal {-status}"
            raise TryAgainError(f"{how}: {said[:_MOST_SAID]}" if said else how)


class _Apprise:
    """Any service that Apprise supports, by its URL."""

    def __init__(self, target: Target) -> None:
        assert target.url is not None
        try:
            import apprise
        except ImportError:
            raise UsageError(
                f"notify {target.name}: the package apprise is missing; install it with: "
                "pip install 'glancemetrics[notify]'"
            ) from None
        self._timeout = target.timeout
        self._service: Apprise = apprise.Apprise()
        if not self._service.add(revealed(target.url)):
            raise UsageError(f"notify {target.name}: not a valid Apprise URL: {target.url}")

    async def __call__(self, events: Events) -> None:
        title, text = title_and_text(events)
        try:
            with trio.fail_after(self._timeout):
                taken = await trio.to_thread.run_sync(
                    lambda: self._service.notify(body=text, title=title, notify_type=_type(events)),
                    abandon_on_cancel=True,
                )
        except trio.TooSlowError:
            raise TryAgainError(f"no answer within {self._timeout} s") from None
        if not taken:
            # Its own text may hold the URL, which may be a secret.
            raise TryAgainError("Apprise could not deliver it")


def _type(events: Events) -> Any:
    from apprise import NotifyType

    if all(event["event"] == "recovered" for event in events):
        return NotifyType.SUCCESS
    severities = {event["severity"] for event in events}
    if "critical" in severities:
        return NotifyType.FAILURE
    return NotifyType.WARNING if "warning" in severities else NotifyType.INFO


class _Http:
    """Sends events with POST."""

    def __init__(self, target: Target, wall: WallClock) -> None:
        assert target.url is not None
        self._target = target
        self._wall = wall
        self._url = revealed(target.url)
        if target.kind is TargetKind.ALERTMANAGER:
            self._url = f"{self._url.rstrip('/')}/api/v2/alerts"
        _check_address(self._url, target.url)
        self._client: httpx.AsyncClient | None = None
        self._headers = {name: _header_value(secret) for name, secret in target.headers}
        self._secret = None if target.secret is None else revealed(target.secret)

    async def __call__(self, events: Events) -> None:
        headers = {
            "Content-Type": b"application/json",
            "Accept-Encoding": b"identity",
            "User-Agent": f"glancemetrics/{__version__}".encode(),
            KEY_HEADER: idempotency_key(events).encode(),
            **self._headers,
        }
        if self._target.kind is TargetKind.ALERTMANAGER:
            body = alertmanager_body(events, self._wall())
        else:
            body = webhook_body(events, self._target)
        if self._secret is not None:
            headers[SIGNATURE_HEADER] = signature(self._secret, int(self._wall()), body).encode()
        status, retry_after = await self._answer(headers, body)
        if 200 <= status < 300:
            return
        reason = f"HTTP {status}"
        if status in {408, 425, 429} or status >= 500:
            raise TryAgainError(reason, wait_asked(retry_after, self._wall()))
        raise RefusedError(reason)

    async def _answer(self, headers: Mapping[str, bytes], body: bytes) -> tuple[int, str | None]:
        """Send the request; return the answer's status and its `Retry-After`.

        The status is enough: the body may be of any size, compressed or not, and is not read.
        """
        import httpx  # late: most runs do not need it

        answered: tuple[int, str | None] | None = None
        fields = [(name.encode(), value) for name, value in headers.items()]
        try:
            client = await self._connected()
            with trio.move_on_after(self._target.timeout):  # in total; httpx's is per step
                async with client.stream("POST", self._url, content=body, headers=fields) as answer:
                    answered = answer.status_code, answer.headers.get("Retry-After")
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise RefusedError("invalid URL") from None
        except httpx.LocalProtocolError as error:
            # The request cannot be written, and could not be next time.
            raise RefusedError(f"cannot be sent ({type(error).__name__})") from None
        except httpx.TransportError as error:
            if answered is None:
                # Its text may hold the URL, which may be a secret.
                raise TryAgainError(f"cannot connect ({type(error).__name__})") from None
        if answered is None:
            raise TryAgainError(f"no answer within {self._target.timeout} s")
        return answered

    async def _connected(self) -> httpx.AsyncClient:
        """Return the client."""
        if self._client is None:
            import httpx  # late: most runs do not need it

            # Reading the certificate authorities takes a while.
            context = await trio.to_thread.run_sync(httpx.create_ssl_context)
            self._client = httpx.AsyncClient(
                verify=context,
                timeout=self._target.timeout,
                follow_redirects=False,
                # Cookies are not kept.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            )
        return self._client


def _check_address(url: str, secret: Secret) -> None:
    """Raise `UsageError` for an invalid URL, without showing it."""
    import httpx  # late: most runs do not need it

    try:
        made = httpx.URL(url)
        is_good = (
            made.scheme in {"http", "https"}
            and bool(made.host)
            and (made.port is None or 0 < made.port < 1 << 16)
        )
    except (httpx.InvalidURL, ValueError):
        is_good = False
    if not is_good:
        where = f"{secret.place}: " if secret.place else ""
        raise UsageError(f"{where}{secret}: invalid URL; must be an http:// or https:// URL")


def _header_value(secret: Secret) -> bytes:
    """Return a header's value. Raises `UsageError` for invalid characters."""
    value = revealed(secret).strip().encode("utf-8", "surrogateescape")
    if _IN_NO_HEADER.search(value):
        where = f"{secret.place}: " if secret.place else ""
        raise UsageError(
            f"{where}{secret}: a header must not have line breaks or control characters"
        )
    return value
