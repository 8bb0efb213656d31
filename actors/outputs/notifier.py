"""Notifiers: tell targets of events, each in its order, until they have taken them.

What a target is to be told is in the journal first. It is told at least once, and once only unless
the program dies between a target's answer and the next write to the disk; then the event comes
again with the same key.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio
from loguru import logger

from actors.clock import WallClock
from actors.journal import Journal, Waiting
from actors.outputs.output import Inbox, Report
from actors.silences import FILE_NAME, Silences
from glancemetrics.alert_events import AlertEvent, AlertEventKind
from glancemetrics.errors import UsageError
from glancemetrics.notifying.payloads import (
    KEY_HEADER,
    SIGNATURE_HEADER,
    alertmanager_body,
    key_of,
    signature,
    webhook_body,
)
from glancemetrics.notifying.targets import Secret, Target, TargetKind
from glancemetrics.snapshot import OutputState
from glancemetrics.version import __version__

if TYPE_CHECKING:
    import httpx

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0
"""Seconds after a try in vain; each twice the one before, unless the target says how long."""
_MOST_ANSWER = 200
"""Characters of an answer that are told."""


class TryAgainError(Exception):
    """The target has not taken an event, and may later."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        """`after`: how many seconds the target asks to wait."""
        super().__init__(reason)
        self.after = after


class RefusedError(Exception):
    """The target will never take an event."""


Send = Callable[[Waiting], Awaitable[None]]
"""Tell a target. Raises `TryAgainError` or `RefusedError` if it did not take it."""


class Notifier:
    """Tells one target."""

    wants_events = True
    wants_snapshots = False

    def __init__(
        self, target: Target, journal: Path, send: Send, wall: WallClock, silences: Silences
    ) -> None:
        self.name = f"notify {target.name}"
        self._target = target
        self._path = journal
        self._send = send
        self._wall = wall
        self._silences = silences

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Note events, and tell them, until there are no more. Raises `sqlite3.Error`."""
        journal = await trio.to_thread.run_sync(Journal, self._path)
        try:
            poke, poked = trio.open_memory_channel[None](1)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._deliver, journal, poked, report)
                async with poke:
                    await self._note(inbox, journal, poke)
        finally:
            journal.close()

    async def _note(
        self, inbox: Inbox, journal: Journal, poke: trio.MemorySendChannel[None]
    ) -> None:
        try:
            while True:
                async with inbox.event() as event:
                    if not self._target.wants(event):
                        continue
                    await trio.to_thread.run_sync(self._noted, event, journal)
                    with suppress(trio.WouldBlock):  # then it knows
                        poke.send_nowait(None)
        except trio.EndOfChannel:
            return

    def _noted(self, event: AlertEvent, journal: Journal) -> None:
        written = event.to_json()
        name, now = self._target.name, self._wall()
        silence = self._silences.silence_of(str(written["rule"]), now)
        # Whoever was told of the beginning is told of the end.
        begun = {**written, "event": AlertEventKind.TRIGGERED.value}
        flapped = {**written, "event": AlertEventKind.FLAPPING.value}
        is_end = event.kind is AlertEventKind.RECOVERED
        is_owed = is_end and any(journal.knows(name, key_of(one)) for one in (begun, flapped))
        if silence is None or is_owed:
            journal.add(name, key_of(written), written, now)
        else:
            logger.info("{} is not told of {!r}: silent", self.name, written["incident"])

    async def _deliver(
        self, journal: Journal, poked: trio.MemoryReceiveChannel[None], report: Report
    ) -> None:
        pause = _FIRST_PAUSE
        while True:
            waiting = await trio.to_thread.run_sync(journal.next, self._target.name)
            if waiting is None:
                report(OutputState.WORKING, self._target.kind.value)
                try:
                    await poked.receive()
                except trio.EndOfChannel:
                    return
                continue
            try:
                await self._send(waiting)
            except TryAgainError as error:
                await trio.to_thread.run_sync(journal.attempted, waiting)
                left = await trio.to_thread.run_sync(journal.count, self._target.name)
                report(OutputState.RETRYING, f"{error}; {left} waiting")
                await trio.sleep(pause if error.after is None else min(error.after, 3600.0))
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            except RefusedError as error:
                logger.error("{} refused {!r} for good: {}", self.name, waiting.key, error)
                await trio.to_thread.run_sync(journal.refused, waiting)
            else:
                await trio.to_thread.run_sync(journal.delivered, waiting)
            pause = _FIRST_PAUSE


def notifier(target: Target, journal: Path, wall: WallClock) -> Notifier:
    """Return what tells a target. Raises `UsageError` if its secrets are not there."""
    send = _Program(target) if target.kind is TargetKind.EXEC else _Http(target, wall)
    return Notifier(target, journal, send, wall, Silences(journal.with_name(FILE_NAME)))


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

    async def __call__(self, waiting: Waiting) -> None:
        body = webhook_body(waiting.event, "json")
        try:
            with trio.fail_after(self.target.timeout):
                done = await trio.run_process(
                    self.target.command,
                    stdin=body,
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
        self._secret = None if target.secret is None else revealed(target.secret)

    async def __call__(self, waiting: Waiting) -> None:
        import httpx  # late: few have such a target

        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"glancemetrics/{__version__}",
            # In a header there is only ASCII, and no control character.
            KEY_HEADER: waiting.key.encode("ascii", "backslashreplace").decode(),
        }
        if self._target.kind is TargetKind.ALERTMANAGER:
            body = alertmanager_body(waiting.event)
        else:
            body = webhook_body(waiting.event, self._target.format)
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
            return float(retry_after)
        try:
            until = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        now = datetime.fromtimestamp(self._wall(), UTC)
        return max(0.0, (until.astimezone(UTC) - now).total_seconds())
