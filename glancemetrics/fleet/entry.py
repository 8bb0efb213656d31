"""Entries: what an agent sends, a few times a second.

An entry has whole lines of some logs, and how far each log was read with them (its mark). It is a
field of an entry in a Redis stream, whose id is the agent's own: `<birth>-<number>`. Redis refuses
an id that is not above the last one, so no entry is there twice.

In bytes: msgpack, compressed with zstd. What comes from Redis is hostile: sizes are limited before
anything is unpacked, and each value has a known type.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import msgpack
import zstandard

from glancemetrics.health.health import SourceState
from glancemetrics.lines.sample import SAMPLE_BYTES
from glancemetrics.words.escaping import in_utf8

MOST_PACKED = 8 << 20
"""Bytes of an entry in Redis."""
MOST_UNPACKED = 16 << 20
"""Bytes of an entry, unpacked."""
MOST_PARTS = 10_000
LONGEST_PATH = 4096
"""Characters."""
MOST_MARK = 1 << 16
"""Bytes of a mark; most have some 200."""
_MOST_SAMPLED = 2 << 20
"""Bytes of the samples of an entry: detecting formats takes far longer than reading lines."""
MOST_NUMBER = 1 << 53
"""Of an id: far above what any agent reaches, and below what Redis can count on from."""
_MOST_SAID = 1000
"""Gaps, and beginnings of overlong lines, in a part."""
_MOST_VALUES = 20 * MOST_PARTS
"""Values of an entry; a part has at most 13."""
_OF_A_VALUE, _OF_A_PART = 100, 10
"""Bytes of a small value in memory, and how many of them a part has."""
_MOST_MOMENT = 1e12
"""Seconds since the epoch."""
_LEVEL = 3
"""Of zstd: 6 and more cost several times as much for a tenth fewer bytes."""
_ID = re.compile(rb"(\d{1,20})-(\d{1,20})", re.ASCII)
_VERSION = 1
_ODD_NAMES = "surrogateescape"
"""How names of files are kept that are not UTF-8."""


class InvalidEntryError(ValueError):
    """Bytes that no agent writes."""


def number_below(value: Any, most: float) -> float:
    """Return a number whose size is below a limit. Raises `InvalidEntryError`, also for NaN."""
    number = float(value)
    if not abs(number) < most:
        raise InvalidEntryError("damaged")
    return number


@attrs.frozen(order=True)
class EntryId:
    """The id of an entry."""

    birth: int
    """When this sequence of the agent's entries began: milliseconds since the epoch, or more."""
    number: int
    """The number of the entry in it, from 1."""

    def __str__(self) -> str:
        return f"{self.birth}-{self.number}"

    @property
    def next(self) -> EntryId:
        """The id of the entry that follows in the same sequence."""
        return EntryId(self.birth, self.number + 1)

    @property
    def is_possible(self) -> bool:
        """Whether an agent may have given it."""
        return max(self.birth, self.number) < MOST_NUMBER

    @classmethod
    def read(cls, text: bytes | str) -> EntryId:
        """Read it from its text. Raises `InvalidEntryError`."""
        found = _ID.fullmatch(text.encode() if isinstance(text, str) else text)
        if found is None:
            raise InvalidEntryError("not an entry's id")
        return cls(int(found[1]), int(found[2]))


@attrs.frozen
class Part:
    """What an entry says of one log, in this order."""

    path: str
    sample: bytes = b""
    """Some lines of the log, before its first ones, to detect its format."""
    before: bytes = b""
    """Directives that apply before the first lines."""
    lines: bytes = b""
    """Whole lines, each ended by a newline."""
    overlong: tuple[bytes, ...] = ()
    """The beginnings of lines that were too long."""
    caught_up: bool = True
    """Whether the log was read to its end."""
    fresh: bool = False
    """Whether the lines were written just before they were read."""
    lag_bytes: int = 0
    mark: bytes = b""
    """How far the log was read, as its agent reads it; empty: as before."""
    gaps: tuple[str, ...] = ()
    """What is lost for good, a sentence each."""
    state: SourceState | None = None
    """The state of the log, if it has changed without lines."""
    detail: str = ""
    is_gone: bool = False
    """Whether the log is no longer followed."""

    @property
    def size(self) -> int:
        """About how many bytes it has in memory."""
        texts = len(self.sample) + len(self.before) + len(self.lines) + len(self.mark)
        return texts + _OF_A_VALUE * (_OF_A_PART + len(self.overlong) + len(self.gaps))

    @property
    def has_lines(self) -> bool:
        """Whether there is something to count."""
        return bool(self.lines or self.overlong)


@attrs.frozen
class Entry:
    """What an agent sends at once."""

    after: EntryId | None = None
    """Of the first entry of a birth: the last one before it. `None`: the one with the number before
    this one, or nothing at all."""
    past: float | None = None
    """Up to which second, by the agent's clock, everything that was written is in the entries up to
    here. `None` while a log is being read."""
    parts: tuple[Part, ...] = ()

    @property
    def size(self) -> int:
        """About how many bytes it has in memory."""
        return sum(part.size for part in self.parts)


class _Zstd(threading.local):
    """What a thread compresses with: making it takes longer than most entries do."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor(max_window_size=MOST_UNPACKED)


_ZSTD = _Zstd()


def packed(entry: Entry) -> bytes:
    """Return the bytes of an entry."""
    after = None if entry.after is None else [entry.after.birth, entry.after.number]
    parts = [_plain(part) for part in entry.parts]
    plain = {"v": _VERSION, "after": after, "past": entry.past, "parts": parts}
    return _ZSTD.compressor.compress(msgpack.packb(plain, unicode_errors=_ODD_NAMES))


def unpacked(data: bytes) -> Entry:
    """Read an entry. Raises `InvalidEntryError`, whatever the bytes are."""
    if len(data) > MOST_PACKED:
        raise InvalidEntryError(f"larger than {MOST_PACKED >> 20} MiB")
    try:
        size = zstandard.frame_content_size(data)
        if size < 0:
            raise InvalidEntryError("of unknown size")
        if size > MOST_UNPACKED:
            raise InvalidEntryError(f"larger than {MOST_UNPACKED >> 20} MiB when unpacked")
        # The frame says how large it is, and nothing beyond that is written.
        body = _ZSTD.decompressor.decompress(data)
        counted = _Counted()
        plain = msgpack.unpackb(
            body,
            max_array_len=MOST_PARTS,
            max_map_len=64,
            unicode_errors=_ODD_NAMES,
            list_hook=counted.note,
            object_hook=counted.note,
        )
        if plain["v"] != _VERSION:
            raise InvalidEntryError("sent by another version of GlanceMetrics; use the same one")
        after, past = plain["after"], plain["past"]
        parts = tuple(_part(part) for part in plain["parts"])
        if sum(len(part.sample) for part in parts) > _MOST_SAMPLED:
            raise InvalidEntryError("has samples that are too large")
        return Entry(
            None if after is None else EntryId(_whole(after[0]), _whole(after[1])),
            None if past is None else number_below(past, _MOST_MOMENT),
            parts,
        )
    except InvalidEntryError:
        raise
    except (zstandard.ZstdError, ValueError, TypeError, LookupError, MemoryError, OverflowError,
            AttributeError) as error:  # fmt: skip
        raise InvalidEntryError("damaged") from error


@attrs.define
class _Counted:
    """Counts values while they are unpacked: a few bytes may be very many empty lists."""

    _values: int = 0

    def note(self, values: Any) -> Any:
        self._values += 1 + len(values)
        if self._values > _MOST_VALUES:
            raise InvalidEntryError("has too many values")
        return values


_DEFAULTS = Part("")


def _plain(part: Part) -> Mapping[str, Any]:
    """Return what differs from the defaults: most entries have one part with few values."""
    values = attrs.asdict(part, recurse=False)
    if part.state is not None:
        values["state"] = part.state.value
    return {name: value for name, value in values.items() if value != getattr(_DEFAULTS, name)}


def _part(plain: Mapping[str, Any]) -> Part:
    return Part(**{name: _READ[name](value) for name, value in plain.items()})


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise InvalidEntryError("damaged")
    return value


def _lines(value: Any) -> bytes:
    lines = _bytes(value)
    if not lines.endswith(b"\n"):
        raise InvalidEntryError("lines without an end")
    return lines


def _sample(value: Any) -> bytes:
    if len(_bytes(value)) > 2 * SAMPLE_BYTES:
        raise InvalidEntryError("has a sample that is too large")
    return _bytes(value)


def _mark(value: Any) -> bytes:
    if len(_bytes(value)) > MOST_MARK:
        raise InvalidEntryError("has a mark that is too large")
    return _bytes(value)


def _several_bytes(value: Any) -> tuple[bytes, ...]:
    return tuple(_bytes(one) for one in _some(value))


def _path(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidEntryError("damaged")
    return value[:LONGEST_PATH]


def _text(value: Any) -> str:
    return in_utf8(_path(value))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(one) for one in _some(value))


def _some(value: Any) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > _MOST_SAID:
        raise InvalidEntryError("says too much at once")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidEntryError("damaged")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise InvalidEntryError("damaged")
    return value


_READ: Mapping[str, Callable[[Any], Any]] = {
    "path": _path,
    "sample": _sample,
    "before": _bytes,
    "lines": _lines,
    "overlong": _several_bytes,
    "caught_up": _flag,
    "fresh": _flag,
    "lag_bytes": _whole,
    "mark": _mark,
    "gaps": _texts,
    "state": SourceState,
    "detail": _text,
    "is_gone": _flag,
}
"""How each value of a part is read."""
