"""How a target is told: what is sent, and what its answers mean."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import trio

from actors.clock import WallClock
from glancemetrics.errors import UsageError
from glancemetrics.notifying.payloads import (
    KEY_HEADER,
    SIGNATURE_HEADER,
    alertmanager_body,
    json_body,
    key_of_all,
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

_MOST_ANSWER = 200
"""Characters of an answer that are told."""
_LONGEST_WAIT = 3600.0
"""Seconds, whatever a target asks for."""


class TryAgainError(Exception):
    """The target has not taken a message, and may later."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        """`after`: how many seconds the target asks to wait."""
        super().__init__(reason)
        self.after = after


class RefusedError(Exception):
    """The target will never take a message."""


Events = Sequence[Mapping[str, Any]]
"""As the alert log has them."""

Send = Callable[[Events], Awaitable[None]]
"""Tell a target. Raises `TryAgainError` or `RefusedError` if it did not take it."""


def sender(target: Target, wall: WallClock) -> Send:
    """Return what tells a target. Raises `UsageError` if its secrets are not there."""
    match target.kind:
        case TargetKind.EXEC:
            return _Program(target)
        case TargetKind.APPRISE:
            return _Apprise(target)
        case TargetKind.WEBHOOK | TargetKind.ALERTMANAGER:
            return _Http(target, wall)


def revealed(secret: Secret) -> str:
    """Return what a secret is. Raises `UsageError`."""
    if secret.source == "env":
        value = os.environ.get(secret.name, "")
    elif secret.source == "file":
        try:
            value = Path(secret.name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
            raise UsageError(f"{secret}: {reason}") from None
    else:
        return secret.name
    if not value:
        raise UsageError(f"{secret}: there is nothing in it")
    return value


@attrs.define(eq=False)
class _Program:
    """Runs a program with the event as JSON on its standard input; no shell is asked."""

    target: Target

    async def __call__(self, events: Events) -> None:
        try:
            with trio.fail_after(self.target.timeout):
                done = await trio.run_process(
                    self.target.command,
                    stdin=json_body(events, self.target),
                    stdout=subprocess.DEVNULL,
                    capture_stderr=True,
                    check=False,
                )
        except trio.TooSlowError:
            raise TryAgainError(f"took more than {self.target.timeout} s") from None
        except OSError as error:
            raise TryAgainError(f"{self.target.command[0]}: {error.strerror}") from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            told = f": {said[-1][:_MOST_ANSWER]}" if said else ""
            raise TryAgainError(f"exit status {done.returncode}{told}")


class _Apprise:
    """Any service that Apprise knows, by its address."""

    def __init__(self, target: Target) -> None:
        assert target.url is not None
        try:
            import apprise
        except ImportError:
            raise UsageError(
                f"notify {target.name}: apprise needs the package of that name; install it with: "
                "pip install 'glancemetrics[notify]'"
            ) from None
        self._timeout = target.timeout
        self._service: Apprise = apprise.Apprise()
        if not self._service.add(revealed(target.url)):
            raise UsageError(f"notify {target.name}: Apprise knows no such address: {target.url}")

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
            # Its own words may have the address, which may be a secret.
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
    """Posts events."""

    def __init__(self, target: Target, wall: WallClock) -> None:
        assert target.url is not None
        self._target = target
        self._wall = wall
        self._url = revealed(target.url)
        if target.kind is TargetKind.ALERTMANAGER:
            self._url = f"{self._url.rstrip('/')}/api/v2/alerts"
        self._client: httpx.AsyncClient | None = None
        self._headers = {name: revealed(secret) for name, secret in target.headers}
        self._secret = None if target.secret is None else revealed(target.secret)

    async def __call__(self, events: Events) -> None:
        import httpx  # late: few have such a target

        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"glancemetrics/{__version__}",
            # In a header there is only ASCII, and no control character.
            KEY_HEADER: key_of_all(events).encode("ascii", "backslashreplace").decode(),
            **self._headers,
        }
        if self._target.kind is TargetKind.ALERTMANAGER:
            body = alertmanager_body(events)
        else:
            body = webhook_body(events, self._target)
        if self._secret is not None:
            headers[SIGNATURE_HEADER] = signature(self._secret, int(self._wall()), body)
        try:
            client = await self._connected()
            with trio.fail_after(self._target.timeout):  # of all together; theirs is of each step
                answer = await client.post(self._url, content=body, headers=headers)
        except trio.TooSlowError:
            raise TryAgainError(f"no answer within {self._target.timeout} s") from None
        except httpx.InvalidURL as error:
            raise RefusedError(f"its address is none: {error}") from None
        except httpx.HTTPError as error:
            # Its words may have the address, which may be a secret.
            raise TryAgainError(f"cannot be reached ({type(error).__name__})") from None
        if answer.is_success:
            return
        reason = f"answers {answer.status_code}"
        if answer.status_code in {408, 425, 429} or answer.status_code >= 500:
            raise TryAgainError(reason, self._wait(answer.headers.get("Retry-After")))
        raise RefusedError(reason)

    async def _connected(self) -> httpx.AsyncClient:
        """Return the client, which keeps its connection from one event to the next."""
        if self._client is None:
            import httpx  # late: few have such a target

            # To read the authorities takes a while.
            context = await trio.to_thread.run_sync(httpx.create_ssl_context)
            self._client = httpx.AsyncClient(
                verify=context, timeout=self._target.timeout, follow_redirects=False
            )
        return self._client

    def _wait(self, retry_after: str | None) -> float | None:
        """Read how long a target asks to wait (RFC 9110 section 10.2.3)."""
        if retry_after is None:
            return None
        if retry_after.isdecimal():
            return min(float(retry_after), _LONGEST_WAIT)
        try:
            until = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        now = datetime.fromtimestamp(self._wall(), UTC)
        return min(max(0.0, (until.astimezone(UTC) - now).total_seconds()), _LONGEST_WAIT)
