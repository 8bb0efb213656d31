"""Finds the line of a log that a record was made from: the history keeps records only.

It looks in the log and in its rotated files, reads a few MB around the second of the record, and
compares all fields, read in the same way as when the log was followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from fnmatch import fnmatchcase
from time import monotonic
from typing import BinaryIO

import attrs

from actors.files.decompression import DamagedError, decompressed
from actors.files.permissions import way_to_read
from actors.sources.agents import AGENTS
from actors.sources.files import FILES
from actors.sources.files.paths import is_glob
from actors.sources.files.rotation import Sibling, open_sibling, siblings
from actors.sources.registry import kinds_of
from actors.state.left_threads import run_leavable
from actors.state.turns import OWN, Turns
from glancemetrics.formats.followed_logs import DatedLog, FollowedLogs
from glancemetrics.formats.log_format import directives_after
from glancemetrics.formats.pieces import Pieces
from glancemetrics.formats.raw_lines import RawLine, SoughtRecord
from glancemetrics.lines.line_ends import ReadAt
from glancemetrics.lines.sample import SAMPLE_BYTES, Sample, sample_of
from glancemetrics.lines.splitter import LineSplitter
from glancemetrics.lines.time_bisect import find_span
from glancemetrics.planning.plan import Plan

MOST_BYTES = 16 << 20
"""Bytes that are decoded for one record; all of them in the same second, if there are so many."""
PATIENCE_SECONDS = 5.0
"""How long compressed files are unpacked for one record: they cannot be bisected."""

_MOST_LOOKED_AT = 32
"""Rotated files whose first time is read."""
_MOST_SEARCHED = 3
"""Files that are searched for a record."""
_CLOCKS_APART = 60
"""Seconds by which a file may have been written before the time of its last record."""
_LATE = 600
"""Seconds by which a record may be older than the first one of its file."""
_PIECE = 1 << 20
_AT_ONCE = 2
"""Records that are looked for at the same time; others wait."""


class RawLines:
    """Finds the lines of records of the logs of a plan."""

    def __init__(self, plan: Plan, *, patience: float = PATIENCE_SECONDS) -> None:
        self._plan = plan
        self._patience = patience
        self._turns = Turns(_AT_ONCE)

    async def find(
        self, source: str, time: datetime, fields: Mapping[str, object], asker: str = OWN
    ) -> RawLine:
        """Return the line of a record, or why there is none; see `Desk.raw_line`.

        Fields that are not given are not compared.
        """
        sought = SoughtRecord.of(time, fields, self._plan.paths)
        return await run_leavable(lambda: self._found(source, sought), self._turns.of(asker))

    def _found(self, source: str, sought: SoughtRecord) -> RawLine:
        # Nobody gets to see other files by asking for a record of them.
        if not _is_followed(source, self._plan.sources.of(FILES.schemes)):
            elsewhere = self._elsewhere(source)
            if elsewhere:
                return RawLine(missing=elsewhere)
            others = [kind.name for kind in kinds_of(self._plan.sources) if kind is not FILES]
            if others:
                return RawLine(missing=f"The lines of {' and '.join(others)} are not kept")
            return RawLine(missing=f"{source} is not one of the followed logs")
        # Formats are detected apart from those of the followed logs, which must not depend on this.
        dated = FollowedLogs(self._plan.reading).dated
        return _Search(source, sought, dated, self._patience).run()

    def _elsewhere(self, source: str) -> str:
        """Say on which server the line is, if an agent sent it; empty if none can have."""
        server, _, path = source.partition(":")
        if not path or not self._plan.sources.of(AGENTS.schemes):
            return ""
        return f"The line is on server {server}, in {path}; only its fields are kept here"


def _is_followed(source: str, texts: Iterable[str]) -> bool:
    """Tell whether a path is a value of `-f`, or one of the files that a value stands for."""
    path = os.path.abspath(source)
    return "\0" not in path and any(
        path == os.path.abspath(text) or (is_glob(text) and _matches(path, text)) for text in texts
    )


def _matches(path: str, text: str) -> bool:
    """Tell whether a path is of a directory, or matches a glob, whether or not it exists."""
    pattern = os.path.abspath(text)
    if os.path.isdir(text):
        return os.path.dirname(path) == pattern
    # A * of fnmatch stands for folders, too; here only ** does.
    has_depth = "**" in pattern or path.count(os.sep) == pattern.count(os.sep)
    return has_depth and fnmatchcase(path, pattern)


@attrs.frozen(eq=False)
class _Place:
    """A file that the line may be in."""

    file: Sibling
    log: DatedLog
    first: int | None
    """The second of its first record; `None` if its first lines have no time."""


@attrs.frozen(eq=False)
class _Passage:
    """Some whole lines of a file."""

    lines: bytes
    directives: bytes
    """The directives in effect before them."""


class _Search:
    """The search for the line of one record; all of it in one thread."""

    def __init__(
        self,
        source: str,
        sought: SoughtRecord,
        dated: Callable[[Sample], DatedLog],
        patience: float,
    ) -> None:
        self._source = source
        self._sought = sought
        self._dated = dated
        self._left = MOST_BYTES
        """Bytes that may still be decoded."""
        self._until = monotonic() + patience
        self._is_given_up = False

    def run(self) -> RawLine:
        """Return the line, or why it was not found."""
        places = self._places()
        for place in places[:_MOST_SEARCHED]:
            with suppress(OSError):  # it was renamed just now, or is on a failing disk
                line = self._line_in(place)
                if line is not None:
                    return RawLine(text=line.decode("utf-8", "backslashreplace"))
        return RawLine(missing=self._why_missing(places))

    def _places(self) -> list[_Place]:
        """Return the files that may have the line; the most likely first."""
        current = os.path.realpath(self._source)
        since = (self._sought.second - _CLOCKS_APART) * 1_000_000_000
        with suppress(OSError):
            family = [one for one in siblings(self._source) if one.changed >= since]
            looked_at = family[:_MOST_LOOKED_AT]
            looked_at += [one for one in family[_MOST_LOOKED_AT:] if one.path == current]
            places = [place for one in looked_at if (place := self._place(one)) is not None]
            # Usually it is in the one that began last before it.
            return sorted(places, key=lambda one: (one.first is None, -(one.first or 0)))
        return []

    def _place(self, file: Sibling) -> _Place | None:
        """Look at the beginning of a file; `None` if all of it is newer, or it is not readable."""
        with suppress(OSError), os.fdopen(open_sibling(file), "rb", buffering=0) as opened:
            if file.compression is None:
                sample = sample_of(_reader_of(opened), file.size)
            else:
                head = b""
                with suppress(DamagedError):
                    head = next(decompressed(opened, file.compression), b"")[:SAMPLE_BYTES]
                sample = Sample(head[: head.rfind(b"\n") + 1], b"")
            log = self._dated(sample)
            first = _first_second(log, sample.head)
            if first is None or first <= self._sought.second + _LATE:
                return _Place(file, log, first)
        return None

    def _line_in(self, place: _Place) -> bytes | None:
        """Return the line of the record in a file. Raises `OSError`."""
        with os.fdopen(open_sibling(place.file), "rb", buffering=0) as opened:
            passages = (
                self._around(opened, place.log)
                if place.file.compression is None
                else self._unpacked(opened, place.file.compression, place.log)
            )
            for passage in passages:
                if self._left <= 0:
                    self._is_given_up = True
                    return None
                self._left -= len(passage.lines)
                line = place.log.line_of(self._sought, passage.lines, passage.directives)
                if line is not None:
                    return line
        return None

    def _around(self, file: BinaryIO, log: DatedLog) -> Iterator[_Passage]:
        """Yield the lines of the second of the record, and some more."""
        read_at = _reader_of(file)
        size = os.fstat(file.fileno()).st_size
        second = self._sought.second
        span = find_span(read_at, size, log.times, second, second + 1)
        blocks = _blocks(read_at, span.start, span.end)
        yield from _passages(blocks, log, log.lines_before(read_at, span.start))

    def _unpacked(self, file: BinaryIO, compression: str, log: DatedLog) -> Iterator[_Passage]:
        """Yield the same of a compressed file, of which only a few lines per MB are decoded."""
        # Lines are not quite in order, so the passages beside the right one are searched, too.
        waiting: list[_Passage] = []
        for passage in _passages(_joined(decompressed(file, compression)), log, b""):
            if monotonic() > self._until:
                self._is_given_up = True
                return
            waiting.append(passage)
            first = _first_second(log, passage.lines[:SAMPLE_BYTES])
            if first is None or first < self._sought.second:
                del waiting[:-2]
                continue
            yield from waiting
            waiting.clear()
            if first > self._sought.second:
                return
        yield from waiting

    def _why_missing(self, places: list[_Place]) -> str:
        if self._is_given_up:
            return "Too many lines to search around that time; the search was stopped"
        problem = _problem_of(self._source)
        if problem:
            return problem
        if not places:
            return f"The line is no longer in {self._source} or a readable rotated file"
        if all(place.first is None for place in places):
            return f"The lines of {self._source} have no time to search by"
        return f"No line of {self._source} matches this record: the log was changed or rotated"


def _problem_of(path: str) -> str:
    """Say why a log cannot be read; empty if it can be."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return f"{path} is not a regular file: its lines are not kept"
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except FileNotFoundError:
        return f"{path}: no such file"
    except PermissionError:
        return f"{path}: permission denied – {way_to_read(path)}"
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""


def _reader_of(file: BinaryIO) -> ReadAt:
    return lambda offset, count: os.pread(file.fileno(), count, offset)


def _first_second(log: DatedLog, lines: bytes) -> int | None:
    _, seconds = log.times(lines)
    return int(seconds[0]) if len(seconds) else None


def _blocks(read_at: ReadAt, start: int, end: int) -> Iterator[bytes]:
    while start < end and (block := read_at(start, min(_PIECE, end - start))):
        start += len(block)
        yield block


def _joined(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Join small blocks; damage ends them."""
    held: list[bytes] = []
    with suppress(DamagedError):
        for block in blocks:
            held.append(block)
            if sum(map(len, held)) >= _PIECE:
                yield b"".join(held)
                held = []
    yield b"".join(held)


def _passages(blocks: Iterable[bytes], log: DatedLog, directives: bytes) -> Iterator[_Passage]:
    """Yield the whole lines of consecutive blocks, the first of which begins with a line."""
    for lines in _whole_lines(blocks, log):
        if lines:
            yield _Passage(lines, directives)
            directives = directives_after(directives, lines, log.format.directives)


def _whole_lines(blocks: Iterable[bytes], log: DatedLog) -> Iterator[bytes]:
    splitter, pieces = LineSplitter(), Pieces(log.format)
    for block in blocks:
        yield pieces.take(splitter.feed(block).whole)
    yield pieces.rest() + splitter.flush().whole
