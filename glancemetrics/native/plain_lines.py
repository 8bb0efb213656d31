"""The plain lines of a chunk, and counting them: common or combined, with an ordinary request."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.native.library import (
    Address,
    Count,
    address,
    check_size,
    checked,
    for_text,
    library,
    quick,
)
from glancemetrics.native.lines import count_lines

Int64s = npt.NDArray[np.int64]

_TEXTS = 5
PLAIN_LINE = np.dtype(
    [
        ("seconds", np.int64),
        ("bytes", np.int64),
        ("visitor", np.uint64),
        ("method", np.uint64),
        ("protocol", np.uint64),
        ("at", np.uint32, _TEXTS),
        ("hash", np.uint32, _TEXTS),
        ("length", np.uint16, _TEXTS),
        ("status", np.uint16),
        ("minute", np.uint32),
    ]
)
"""One plain line."""
_MOST_MINUTES = 4096
LONGEST = 512
"""Bytes of a text that is not shortened; as LONGEST_NAME of plain_lines.h."""
_NO_TEXT = np.zeros(1, np.uint8)


class _Counts(ctypes.Structure):
    _fields_ = tuple(
        (name, Count) for name in ("lines", "plain", "left", "oldest", "newest", "longer")
    )


class _Line(ctypes.Structure):
    _fields_ = (("all", ctypes.c_uint64 * (PLAIN_LINE.itemsize // 8)),)


class _Longer(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("line", "text", "start", "end"))


class _Dimension(ctypes.Structure):
    _fields_ = (
        ("names", Address),
        ("sums", Address),
        ("width", Count),
        ("pairs", Address),
        ("bits", Count),
        ("written", Count),
        ("flag", Count),
        ("flags", Count),
    )


BY_VISITORS = ("host", "agent", "method", "protocol", "status")
BY_REQUESTS = (
    *("path", "referrer", "user", "minute"),
    *("not found", "not found from", "server error"),
)
DIMENSIONS = (*BY_VISITORS, *BY_REQUESTS)
"""In the order of tallying.c."""


class _Tables(ctypes.Structure):
    _fields_ = (
        ("by", _Dimension * len(DIMENSIONS)),
        ("visitors", Address),
        ("minutes", Address),
        ("level", Count),
        ("bytes", Count),
        ("client_errors", Count),
        ("server_errors", Count),
    )


check_size("gm_plain_line", _Line)
check_size("gm_plain_counts", _Counts)
check_size("gm_longer", _Longer)
check_size("gm_tally", _Tables)

library.gm_minutes.argtypes = [Address, Count, Address, Address, Count]
library.gm_minutes.restype = Count
for _name in ("gm_tally_visitors", "gm_tally_requests"):
    getattr(library, _name).argtypes = [ctypes.POINTER(_Tables), *[Address] * 3, Count]
    getattr(library, _name).restype = Count


@attrs.frozen(eq=False)
class PlainLines:
    """The plain lines of a chunk, which must outlive them, and where the others are."""

    text: npt.NDArray[np.uint8]
    """The chunk."""
    lines: int
    """All lines of the chunk."""
    plain: npt.NDArray[np.void]
    """Of `PLAIN_LINE`."""
    left: npt.NDArray[np.uint32]
    """Beginning and end (after the newline) of each other line: shape `(lines, 2)`."""
    oldest: int
    """Second since the epoch; like the next, meaningless without plain lines."""
    newest: int
    shortened: npt.NDArray[np.uint8]
    """Texts of lines that are longer in the chunk."""

    def left_lines(self) -> bytes:
        """Return the other lines as a chunk."""
        text = self.text
        return b"".join(text[start:end].tobytes() for start, end in self.left.tolist())

    def only(self, kept: npt.NDArray[np.bool_]) -> PlainLines:
        """Return some of the plain lines; the chunk's own numbers stay."""
        if kept.all():
            return self
        seconds = self.seconds()[kept]
        oldest, newest = (seconds.min(), seconds.max()) if len(seconds) else (0, 0)
        return attrs.evolve(self, plain=self.plain[kept], oldest=int(oldest), newest=int(newest))

    def seconds(self) -> Int64s:
        """Return the time of each plain line, in seconds since the epoch before `minutes`."""
        return np.ascontiguousarray(self.plain["seconds"])

    def minutes(self, offsets: Int64s | None = None) -> Int64s | None:
        """Number the minutes of the plain lines; returns the beginning of each.

        `offsets` (seconds, by line) are added to the times: from then on they are local. `None`
        for a chunk with very many minutes. To be called once.
        """
        minutes = np.empty(_MOST_MINUTES, np.int64)
        found = library.gm_minutes(
            address(self.plain),
            len(self.plain),
            None if offsets is None else address(offsets),
            address(minutes),
            _MOST_MINUTES,
        )
        return None if found < 0 else minutes[:found]


for _library in (library, for_text(0)):
    _library.gm_plain_lines.argtypes = [
        *(Address, Count, Count, Address, Address, Address),
        ctypes.POINTER(_Counts),
    ]


quick.gm_set_shortened.argtypes = [Address, Address, Count, Address, Address]


def plain_lines(chunk: bytes | memoryview, shorten: Callable[[str], str]) -> PlainLines:
    """Find the plain lines of a chunk of whole lines, each ended by a newline.

    Texts of more than `LONGEST` bytes are shortened; a character has at most four.
    """
    text = np.frombuffer(chunk, np.uint8)
    size, ascii_only = count_lines(chunk)
    plain = np.empty(size, PLAIN_LINE)
    left = np.empty((size, 2), np.uint32)
    longer = np.empty((len(text) // LONGEST + 1, 4), np.uint32)
    counts = _Counts()
    for_text(len(text)).gm_plain_lines(
        *(address(text), len(text), ascii_only, address(plain), address(left), address(longer)),
        counts,
    )
    shortened = _shortened(text, plain, longer[: counts.longer], shorten)
    return PlainLines(
        text,
        counts.lines,
        plain[: counts.plain],
        left[: counts.left],
        counts.oldest,
        counts.newest,
        shortened,
    )


def _shortened(
    text: npt.NDArray[np.uint8],
    plain: npt.NDArray[np.void],
    longer: npt.NDArray[np.uint32],
    shorten: Callable[[str], str],
) -> npt.NDArray[np.uint8]:
    """Shorten texts of plain lines; returns the shortened ones."""
    if not len(longer):
        return _NO_TEXT
    texts = [
        shorten(text[start:end].tobytes().decode()).encode()[: 4 * LONGEST]
        for *_, start, end in longer.tolist()
    ]
    ends = np.cumsum([len(one) for one in texts]).astype(np.uint32)
    shortened = np.frombuffer(b"".join(texts), np.uint8)
    quick.gm_set_shortened(
        address(plain), address(longer), len(longer), address(shortened), address(ends)
    )
    return shortened


def _addresses(*arrays: npt.NDArray[Any]) -> tuple[int, ...]:
    return tuple(map(address, arrays))


class Tallying:
    """Counts plain lines into tables that belong to others.

    Its two parts may run at the same time, each once the dimensions it counts are prepared.
    """

    def __init__(self) -> None:
        self._tables = _Tables()

    def prepare(
        self,
        dimension: str,
        names: int | None,
        sums: Int64s,
        *,
        pairs: int | None = None,
        bits: int = 0,
        flag: int = 0,
        flags: int = 0,
    ) -> None:
        """Say where one of `DIMENSIONS` is counted, with room for one more name per line.

        `names` is the handle of its table (`None` for minutes), and `sums` are by number, as in
        `native.sums`. `pairs`: where pairs of value and visitor are written, one per line, with
        `bits` bits of the visitor's hash. `flags`: how many the visitors have, from `flag` on.
        """
        self._tables.by[DIMENSIONS.index(dimension)] = _Dimension(
            names, address(sums), sums.shape[1], pairs, bits, 0, flag, flags
        )

    def written(self, dimension: str) -> int:
        """Return how many pairs were written since it was prepared."""
        return int(self._tables.by[DIMENSIONS.index(dimension)].written)

    def count_visitors(self, lines: PlainLines, first: int, visitors: int, level: int) -> int:
        """Count lines from `first` on by `BY_VISITORS`, and their visitors; returns how many.

        Fewer than there are if a dimension has no flag for its next value. `visitors` is the handle
        of their table. Only visitors whose hash ends in `level` zeros are added.
        """
        self._tables.visitors, self._tables.level = visitors, level
        some = lines.plain[first:]
        return checked(
            library.gm_tally_visitors(
                self._tables, *_addresses(lines.text, lines.shortened, some), len(some)
            )
        )

    def count_requests(self, lines: PlainLines, minutes: Int64s, level: int) -> RequestTotals:
        """Count lines by `BY_REQUESTS`; `minutes` has the number of each minute."""
        tables = self._tables
        tables.minutes, tables.level = address(minutes), level
        tables.bytes = tables.client_errors = tables.server_errors = 0
        plain = lines.plain
        texts = _addresses(lines.text, lines.shortened, plain)
        checked(library.gm_tally_requests(tables, *texts, len(plain)))
        return RequestTotals(tables.bytes, tables.client_errors, tables.server_errors)


@attrs.frozen
class RequestTotals:
    """What lines are in all."""

    bytes: int
    client_errors: int
    server_errors: int
