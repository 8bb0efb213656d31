"""Entries of systemd's journal, as `journalctl --output=json` prints them: one object per line.

Source: https://www.freedesktop.org/software/systemd/man/latest/journalctl.html and
https://systemd.io/JOURNAL_EXPORT_FORMATS/#journal-json-format. Keys are in any order. Quotes inside
values are escaped, so a key with its quotes is never part of a value, whoever wrote the message.
"""

from __future__ import annotations

import re

import attrs

from glancemetrics.lines.splitter import LINE_LIMIT, OVERLONG_SAMPLE, without_overlong

_CURSOR = re.compile(rb'"__CURSOR"\s*:\s*"([^"\\]{1,512})"')
_TIME = re.compile(rb'"__REALTIME_TIMESTAMP"\s*:\s*"?(\d{1,18})"?')
_LONGEST_PAIR = 600
"""Bytes of a key and its value, at most."""
_SEPARATOR = b"-- "
"""Begins lines that are no entries: `-- Boot …`, `-- No entries --`."""


@attrs.frozen
class Position:
    """An entry of the journal."""

    cursor: str
    time: int
    """When the journal received it, microseconds since the epoch."""


@attrs.frozen
class Entries:
    """The entries found by a splitter."""

    whole: bytes = b""
    """Lines, each ended by a newline."""
    overlong: tuple[bytes, ...] = ()
    """The beginnings of overlong lines."""
    first: Position | None = None
    """The first of them, overlong or not; `None` if there is none."""
    last: Position | None = None
    """The last of them."""
    begins_overlong: bool = False
    """Whether the first of them is overlong."""

    def __bool__(self) -> bool:
        return bool(self.whole or self.overlong)

    def without_first(self) -> Entries:
        """Return all but the first."""
        if self.begins_overlong:
            return attrs.evolve(self, overlong=self.overlong[1:])
        return attrs.evolve(self, whole=self.whole[self.whole.find(b"\n") + 1 :])


def position_of(line: bytes) -> Position | None:
    """Return the position of an entry; `None` for any other line."""
    cursor, time = _CURSOR.search(line), _TIME.search(line)
    if cursor is None or time is None:
        return None
    return Position(cursor[1].decode("ascii", "replace"), int(time[1]))


def is_same_entry(one: str, other: str) -> bool:
    """Tell whether two cursors are of the same entry.

    A cursor holds the entry's number in its sequence (`s`, `i`), and its boot, times and a hash of
    its content (`b`, `m`, `t`, `x`): a copied journal has other numbers. Source:
    `sd_journal_test_cursor` in systemd's `sd-journal.c`.
    """
    if one == other:
        return True
    ones, others = _parts(one), _parts(other)
    return any(
        all(key in ones and ones[key] == others.get(key) for key in keys) for keys in ("si", "bmtx")
    )


def _parts(cursor: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in cursor.split(";"))
    return {key: value for key, _, value in pairs}


class EntrySplitter:
    """Splits the output of journalctl, and knows the position after each piece.

    The position of an overlong line is found while the line is skipped; it is reported when the
    line has ended, so that line and position are never apart. At most `limit` bytes are held.
    """

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._held = bytearray()
        self._skipped: _Skipped | None = None

    def feed(self, piece: bytes) -> Entries:
        """Take the next bytes; returns the lines that they complete."""
        overlong: tuple[bytes, ...] = ()
        first: Position | None = None
        if self._skipped is not None:
            newline = piece.find(b"\n")
            self._skipped.search(piece if newline < 0 else piece[:newline])
            if newline < 0:
                return Entries()
            overlong, first = (self._skipped.sample,), self._skipped.position
            self._skipped = None
            piece = piece[newline + 1 :]
        cut = piece.rfind(b"\n") + 1
        if not cut:
            self._held += piece
            whole = b""
        else:
            whole = b"".join((self._held, memoryview(piece)[:cut]))
            self._held = bytearray(piece[cut:])
        if len(self._held) > self._limit:
            self._skipped = _Skipped(bytes(self._held[:OVERLONG_SAMPLE]))
            self._skipped.search(bytes(self._held))
            self._held = bytearray()
        whole = _without_separators(whole)
        last, begins_overlong = first, bool(overlong)
        if whole:
            last = position_of(whole[whole.rfind(b"\n", 0, -1) + 1 :]) or first
            if not overlong:
                end = whole.find(b"\n") + 1
                first, begins_overlong = position_of(whole[:end]), end > self._limit + 1
        lines = without_overlong(whole, self._limit)
        return Entries(lines.whole, overlong + lines.overlong, first, last, begins_overlong)


class _Skipped:
    """An overlong line, of which only its beginning and its position are kept."""

    def __init__(self, sample: bytes) -> None:
        self.sample = sample
        self._cursor: str | None = None
        self._time: int | None = None
        self._tail = b""

    @property
    def position(self) -> Position | None:
        if self._cursor is None or self._time is None:
            return None
        return Position(self._cursor, self._time)

    def search(self, piece: bytes) -> None:
        """Look for the position in the next bytes of the line."""
        text = self._tail + piece
        cursor, time = _CURSOR.search(text), _TIME.search(text)
        # A number at the end of the text may continue in the next one.
        if cursor is not None and self._cursor is None:
            self._cursor = cursor[1].decode("ascii", "replace")
        if time is not None and self._time is None and time.end() < len(text):
            self._time = int(time[1])
        self._tail = text[-_LONGEST_PAIR:]


def _without_separators(whole: bytes) -> bytes:
    if not (whole.startswith(_SEPARATOR) or b"\n" + _SEPARATOR in whole):
        return whole
    lines = whole.split(b"\n")[:-1]
    return b"".join(line + b"\n" for line in lines if not line.startswith(_SEPARATOR))


_UNIT_TYPES = (
    *(".automount", ".device", ".mount", ".path", ".scope", ".service"),
    *(".slice", ".socket", ".swap", ".target", ".timer"),
)
_MATCH = re.compile(r"[A-Z_][A-Z0-9_]*=.+")
_PATTERN = re.compile(r"[*?\[]")


def is_pattern(what: str) -> bool:
    """Tell whether a text that names units has `*`, `?` or `[`."""
    return not is_match(what) and _PATTERN.search(what) is not None


def is_match(what: str) -> bool:
    """Tell whether a text is a field and its value: `SYSLOG_IDENTIFIER=nginx`."""
    return _MATCH.fullmatch(what) is not None


def unit_name(name: str) -> str:
    """Complete the name of a unit as journalctl does: `nginx` is `nginx.service`."""
    return name if name.endswith(_UNIT_TYPES) else f"{name}.service"


def matches_of(what: str) -> tuple[str, ...]:
    """Return the matches for journalctl: everything for an empty text.

    Only what the unit's own processes wrote: `--unit` would add what systemd says about the unit.
    """
    if not what:
        return ()
    return (what,) if is_match(what) else (f"_SYSTEMD_UNIT={unit_name(what)}",)
