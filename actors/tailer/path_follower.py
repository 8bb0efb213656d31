"""Follows one path through rotations, truncations and disappearances, as `tail -F` does.

Reading is synchronous, one `look` at a time: the tailer runs it in a worker thread and decides
when to look again. Nothing here waits.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

import attrs

from actors.tailer.identity import Identity
from actors.tailer.position import StartPosition
from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.log_format import (
    UNKNOWN,
    Circumstances,
    LogFormat,
    directives_after,
    line_times,
)
from glancemetrics.formats.pieces import Pieces
from glancemetrics.line_splitter import Lines, LineSplitter
from glancemetrics.snapshot import SourceHealth, SourceState
from glancemetrics.time_bisect import directives_before

READ_SIZE = 4 << 20
"""Bytes read at one look. A small chunk costs the parser as much as one of 100 kB."""

ROTATED_GRACE = 60.0
"""Seconds without a new byte after which a file that lost its name is let go. A server writes to
it until it is told to reopen its log, which logrotate does right after the rename, and nginx's
workers do within a few seconds."""

_PIECES_SECONDS = 5.0
"""For so long the rest of a line is waited for that a collector has cut in pieces."""

_SAMPLE = 1 << 16
"""Bytes at the beginning and at the end of a log by which its format is detected."""

_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
}


@attrs.frozen
class Look:
    """What one look at a path has found."""

    lines: Lines
    directives: bytes
    """Those that hold before the lines (`LogFormat.directives`)."""
    caught_up: bool
    """Whether everything that was there has been read."""
    fresh: bool
    """Whether the look before had caught up, so that the lines were written since."""
    health: SourceHealth


@attrs.define
class _OpenFile:
    """One file being read, under whatever name."""

    descriptor: int
    identity: Identity
    position: int
    splitter: LineSplitter = attrs.field(factory=LineSplitter)
    last_growth: float = 0.0

    def read(self, now: float) -> tuple[Lines, bool]:
        """Read on; also whether the end was reached."""
        size = os.fstat(self.descriptor).st_size
        if size < self.position:
            # Truncated in place (logrotate's copytruncate). What is held of a line stays: the
            # writer goes on with its other half at the beginning of the file.
            self.position = 0
        wanted = min(max(size - self.position, 1 << 16), READ_SIZE)
        piece = os.pread(self.descriptor, wanted, self.position)
        if not piece:
            return Lines(), True
        self.position += len(piece)
        self.last_growth = now
        return self.splitter.feed(piece), len(piece) < wanted

    def lag(self) -> int:
        return max(0, os.fstat(self.descriptor).st_size - self.position)

    def close(self) -> Lines:
        os.close(self.descriptor)
        return self.splitter.flush()


@attrs.define
class PathFollower:
    """Follows one path. `look` as often as you like; `close` in the end."""

    path: str
    start: StartPosition
    format: LogFormat = COMBINED
    """How the log is written."""
    circumstances: Circumstances = UNKNOWN
    _directives: bytes = b""
    _pieces: Pieces = attrs.field(init=False)
    _held_since: float = 0.0
    _current: _OpenFile | None = None
    _rotated: list[_OpenFile] = attrs.field(factory=list)
    """Files that had the path's name and may still be written to, oldest first."""
    _caught_up: bool = False
    _seen_before: bool = False
    """Whether there was a file, or surely none: one that comes later is read from its start."""
    _problem: SourceHealth | None = None
    _last_record: int | None = None
    """Second of the last record, where the log had none for the window."""

    def __attrs_post_init__(self) -> None:
        self._pieces = Pieces(self.format)

    def identities(self) -> Iterator[Identity]:
        """Yield the files that are being read."""
        if self._current is not None:
            yield self._current.identity
        for rotated in self._rotated:
            yield rotated.identity

    def look(self, now: float) -> Look:
        """Read what has come since the last look, one `READ_SIZE` at most of each file.

        `now` is any clock in seconds that moves forward.
        """
        fresh = self._caught_up
        found: list[Lines] = []
        caught_up = self._read_rotated(now, found)
        if self._current is not None:
            lines, at_end = self._current.read(now)
            found.append(lines)
            if lines:
                self._last_record = None
            caught_up &= at_end
        if caught_up and self._rotate(now):
            # The new file is opened when the old one has been read to its end; what came into
            # the old one between the two looks at it is found by the next.
            caught_up = False
        self._caught_up = caught_up
        lines, directives = self._without_pieces(_joined(found), now), self._directives
        self._directives = directives_after(directives, lines.whole, self.format.directives)
        return Look(lines, directives, caught_up, fresh, self._health(caught_up))

    def _without_pieces(self, lines: Lines, now: float) -> Lines:
        """Hold back what a collector has cut, until its rest has come, or does not come."""
        if lines.whole:
            self._held_since = now
        elif not self._pieces.held:
            return lines
        whole = self._pieces.take(lines.whole)
        if now - self._held_since > _PIECES_SECONDS:
            whole += self._pieces.rest()
        return Lines(whole, lines.overlong)

    def close(self) -> None:
        """Stop following. A line without a newline stays unread, as it may not be whole."""
        for file in [self._current, *self._rotated]:
            if file is not None:
                file.close()
        self._current, self._rotated = None, []

    def _read_rotated(self, now: float, found: list[Lines]) -> bool:
        caught_up = True
        kept = []
        for file in self._rotated:
            lines, at_end = file.read(now)
            found.append(lines)
            caught_up &= at_end
            if at_end and now - file.last_growth > ROTATED_GRACE:
                found.append(file.close())
            else:
                kept.append(file)
        self._rotated = kept
        return caught_up

    def _rotate(self, now: float) -> bool:
        """Follow the path to another file, if it names another; whether there is more to read."""
        try:
            named = os.stat(self.path)
        except OSError as error:
            self._retire(now)
            self._problem = self._unreadable(error)
            return False
        if self._current is not None and Identity.of(named) == self._current.identity:
            self._problem = None
            return False
        try:
            opened = self._open(named)
        except OSError as error:
            self._retire(now)
            self._problem = self._unreadable(error)
            return False
        self._retire(now)
        self._current = opened
        if opened is not None:
            self._problem = None
        return opened is not None

    def _retire(self, now: float) -> None:
        if self._current is not None:
            self._current.last_growth = now
            self._rotated.append(self._current)
            self._current = None

    def _open(self, named: os.stat_result) -> _OpenFile | None:
        if not stat.S_ISREG(named.st_mode):
            kind = "directory" if stat.S_ISDIR(named.st_mode) else "device, pipe or socket"
            advice = "name a log in it" if stat.S_ISDIR(named.st_mode) else "read it with `-f - <`"
            self._problem = self._blocked(f"is a {kind}, not a log file: {advice}")
            return None
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        opened = os.fstat(descriptor)
        magic = os.pread(descriptor, 6, 0)
        for mark, name in _COMPRESSED.items():
            if magic.startswith(mark):
                os.close(descriptor)
                self._problem = self._blocked(
                    f"is compressed ({name}): only a log that is being written can be followed"
                )
                return None
        position = 0
        self._last_record = None
        if not self._seen_before:
            position = self._start_in(descriptor, opened.st_size)
        self._seen_before = True
        return _OpenFile(descriptor, Identity.of(opened), position)

    def _start_in(self, descriptor: int, size: int) -> int:
        """Return where to begin in a log that was there, of which the format is detected first."""

        def read_at(offset: int, length: int) -> bytes:
            return os.pread(descriptor, length, offset)

        head = read_at(0, _SAMPLE)
        circumstances = self.circumstances
        if isinstance(self.format, AutoFormat) and head:
            end = read_at(max(len(head), size - _SAMPLE), _SAMPLE)
            sample = head[: head.rfind(b"\n") + 1] + end[end.find(b"\n") + 1 :]
            self.format.look_at(sample[: sample.rfind(b"\n") + 1], circumstances)
        prefixes = self.format.directives
        if prefixes:
            known = directives_after(b"", head[: head.rfind(b"\n") + 1], prefixes)
            circumstances = attrs.evolve(circumstances, directives=known)
        times = line_times(self.format, circumstances)
        position, newest = self.start.offset(descriptor, size, times)
        if position >= size:
            self._last_record = newest
        if prefixes:
            self._directives = directives_before(read_at, position, prefixes)
        return position

    def _blocked(self, detail: str) -> SourceHealth:
        return SourceHealth(self.path, SourceState.BLOCKED, detail)

    def _unreadable(self, error: OSError) -> SourceHealth:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            self._seen_before = True
            return SourceHealth(
                self.path, SourceState.WAITING, "does not exist yet: waiting for it to appear"
            )
        if isinstance(error, PermissionError):
            return self._blocked(
                "may not be read: give this user permission (its group is often adm); "
                "going on as soon as it may"
            )
        return self._blocked(f"cannot be read: {error.strerror}; trying again every second")

    def _health(self, caught_up: bool) -> SourceHealth:
        lag = sum(file.lag() for file in [self._current, *self._rotated] if file is not None)
        if self._problem is not None and caught_up:
            return attrs.evolve(self._problem, lag_bytes=lag)
        state = SourceState.FOLLOWING if caught_up else SourceState.READING
        return SourceHealth(self.path, state, lag_bytes=lag, last_record=self._last_record)


def _joined(found: list[Lines]) -> Lines:
    if len(found) == 1:
        return found[0]
    return Lines(
        b"".join(lines.whole for lines in found),
        tuple(sample for lines in found for sample in lines.overlong),
    )
