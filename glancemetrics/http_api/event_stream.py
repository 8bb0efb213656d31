"""Server-Sent Events (WHATWG HTML, section 9.2) as both sides of the API need them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs

QUIET_SECONDS = 15.0
"""A server sends at least a comment so often."""
PATIENCE_SECONDS = 3 * QUIET_SECONDS
"""A connection that nothing came from for so long is lost."""
RETRY_MS = 3000
"""Until a client that lost its connection tries again, in milliseconds."""
_LONGEST_WAIT = 30.0

SNAPSHOT, ALERT, REQUESTS, MISSED = "snapshot", "alert", "requests", "missed"
_GONE = "gone"


@attrs.frozen(kw_only=True)
class Event:
    """What a monitor sends while it runs."""

    kind: str
    """`snapshot`, `alert`, `requests`, or `missed`: alert events and requests may be missing here,
    because the connection was lost for a while or the program that reads them is too slow."""
    message: str = ""
    """One sentence about an alert, or about what is missing; empty for others."""
    data: dict[str, Any]
    """`snapshot`: traffic of the last seconds, `alerts`, `silences`, `health`. `alert`: a line of
    the alert log. `requests`: `columns` with the requests from second `since` to before `until`
    and those of earlier seconds that came late, and `has_more`. `missed`: `since` and `until`,
    seconds since 1970, or the number of `events`, or of `messages` with requests."""


class EventReader:
    """Turns the bytes of a stream into the names and texts of its events."""

    def __init__(self) -> None:
        self.retry_seconds = RETRY_MS / 1000
        """Until the next attempt to connect, as the server wishes."""
        self._rest = b""
        self._name = ""
        self._lines: list[str] = []

    def feed(self, data: bytes) -> Iterator[tuple[str, str]]:
        """Yield the events that are complete: name and text."""
        # A CR may be half of a line's end: it waits for what follows.
        *lines, self._rest = _lines_of(self._rest + data)
        for line in lines:
            if line:
                self._field(line.decode("utf-8", "replace"))
                continue
            if self._lines:
                yield self._name or "message", "\n".join(self._lines)
            self._name, self._lines = "", []

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._name = value
            case "data":
                self._lines.append(value)
            case "retry" if value.isascii() and value.isdecimal():
                self.retry_seconds = min(int(value[:9]) / 1000, _LONGEST_WAIT)


def _lines_of(data: bytes) -> list[bytes]:
    """Split at LF, CR LF and CR; the last one is not complete."""
    held = data.endswith(b"\r")
    whole = data[:-1] if held else data
    *lines, rest = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return [*lines, rest + b"\r" if held else rest]


class Following:
    """The events of a server over several connections, and what may be missing between them.

    Knows no clock and no connection: times are seconds since the epoch.
    """

    def __init__(self) -> None:
        self._reader = EventReader()
        self._lost_at: float | None = None
        self._why = ""
        self._attempts = 0
        self.has_connected = False
        """Whether there was a connection ever."""

    def connected(self, now: float) -> Iterator[Event]:
        """Begin with a new connection; yield what was missed between the last one and this."""
        self._reader = EventReader()
        self.has_connected, self._attempts = True, 0
        if self._lost_at is not None:
            since, self._lost_at = self._lost_at, None
            yield _interrupted(since, now, self._why)
        self._why = ""

    def read(self, data: bytes) -> Iterator[Event]:
        """Yield the events in what was received.

        Raises `ValueError`, `KeyError` or `TypeError` if it is not ours.
        """
        for name, text in self._reader.feed(data):
            message = json.loads(text)
            match name:
                case "snapshot" | "requests":
                    yield Event(kind=name, data=_without_type(message))
                case "alert":
                    event = message["event"]
                    yield Event(kind=ALERT, message=event["message"], data=event)
                case "missed":
                    yield _missed(message)
                case "gone":
                    self._why = str(message["why"])

    def lost(self, now: float, why: str) -> float:
        """Note that there is no connection; return how many seconds to wait before the next."""
        if self._lost_at is None:
            self._lost_at = now
            self._why = self._why or why
        seconds = min(self._reader.retry_seconds * 2.0**self._attempts, _LONGEST_WAIT)
        self._attempts = min(self._attempts + 1, 10)
        return seconds


def _without_type(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "type"}


def _interrupted(since: float, until: float, why: str) -> Event:
    start, end = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}" for at in (since, until))
    return Event(
        kind=MISSED,
        message=f"alerts between {start} and {end} UTC may be missing: {why}",
        data={"since": since, "until": until, "why": why},
    )


def _missed(message: dict[str, Any]) -> Event:
    data = _without_type(message)
    if "why" in data:
        start, end = (f"{datetime.fromtimestamp(data[at], UTC):%H:%M:%S}" for at in _ENDS)
        text = f"requests between {start} and {end} UTC are missing: {data['why']}"
    elif "messages" in data:
        text = "requests are missing: they were not read in time"
    else:
        count = data["events"]
        what = "alert is" if count == 1 else "alerts are"
        text = f"{count:,} {what} missing: they were not read in time"
    return Event(kind=MISSED, message=text, data=data)


_ENDS = ("since", "until")
