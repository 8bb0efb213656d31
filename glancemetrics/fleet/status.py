"""What an agent says of itself, every second."""

from __future__ import annotations

import json
from typing import Any

import attrs

from glancemetrics.fleet.entry import EntryId, InvalidEntryError, number_below
from glancemetrics.words.escaping import in_utf8

_LONGEST = 200
"""Characters of a text."""
MOST_BYTES = 4096
_MOST_SECONDS = 1e15


@attrs.frozen(kw_only=True)
class AgentStatus:
    """What an agent says of itself."""

    version: str
    host: str
    """The name of its machine."""
    instance: str
    """Which process it is, of all that ever had its name: random."""
    files: int
    """Number of logs."""
    lag_bytes: int
    """Bytes that are written but not sent."""
    sent: EntryId | None
    """Its last entry."""
    past: float | None
    """As in `Entry`, for everything that was sent."""
    ahead: float
    """Seconds that its clock is ahead of that of Redis."""
    waits: bool = False
    """Whether it reads nothing, because the hub has not counted what it has sent."""
    is_bye: bool = False
    """Whether it was asked to end, and does."""
    is_gone: bool = False
    """Whether its server is to be forgotten: somebody else says so, when no agent runs there."""

    @classmethod
    def gone(cls) -> AgentStatus:
        """Return the last word about a server that is to be forgotten."""
        return cls(
            version="",
            host="",
            instance="",
            files=0,
            lag_bytes=0,
            sent=None,
            past=None,
            ahead=0.0,
            is_bye=True,
            is_gone=True,
        )

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        values = attrs.asdict(self, recurse=False)
        values["sent"] = None if self.sent is None else str(self.sent)
        return json.dumps(values, separators=(",", ":")).encode()

    @classmethod
    def read(cls, data: bytes) -> AgentStatus:
        """Read it from JSON. Raises `InvalidEntryError`, whatever the bytes are."""
        if len(data) > MOST_BYTES:
            raise InvalidEntryError("too large")
        try:
            values = json.loads(data)
            sent, past = values["sent"], values["past"]
            return cls(
                version=_text(values["version"]),
                host=_text(values["host"]),
                instance=_text(values["instance"]),
                files=_count(values["files"]),
                lag_bytes=_count(values["lag_bytes"]),
                sent=None if sent is None else EntryId.read(_text(sent)),
                past=None if past is None else number_below(past, _MOST_SECONDS),
                ahead=number_below(values["ahead"], _MOST_SECONDS),
                waits=bool(values["waits"]),
                is_bye=bool(values.get("is_bye")),
                is_gone=bool(values.get("is_gone")),
            )
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError,
                AttributeError) as error:  # fmt: skip
            raise InvalidEntryError("damaged") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidEntryError("damaged")
    return in_utf8(value[:_LONGEST])


def _count(value: Any) -> int:
    count = int(value)
    if not 0 <= count < 1 << 63:
        raise InvalidEntryError("damaged")
    return count
