"""Follows one path through rotations, truncations and disappearances, like `tail -F`.

Reading is synchronous, one `look` at a time: the tailer runs it in a worker thread and decides
when to look again. Nothing here waits.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

import attrs

from actors.files.decompression import MAGIC_LENGTH, UTF_16, archive_of, compression_of
from actors.files.permissions import WAY_OUT, way_to_read
from actors.files.similar_paths import close_path
from actors.sources.dating import LineDating, undated
from actors.sources.files.followed_files import (
    ROTATED_GRACE,
    Claimed,
    CurrentLostError,
    FollowedFiles,
    NotFoundYetError,
    nobodys,
)
from actors.sources.files.identity import Identity
from actors.sources.files.marks import PathMark
from actors.sources.files.open_file import OpenFile, OpenPipe
from actors.sources.files.rotation import Folders
from actors.sources.files.waking import Status, is_recent, status_of
from actors.sources.messages import Begins
from actors.sources.position import From, StartPosition
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.lines.sample import sample_of
from glancemetrics.lines.splitter import Lines

_MOST_OPENED = 3
"""Maximum files opened in one look while all of them are empty."""

_HOLE = 1 << 16
"""Bytes before the start position that are checked for NUL bytes."""


@attrs.frozen
class Look:
    """The result of one look at a path."""

    lines: Lines
    caught_up: bool
    """Whether everything written so far has been read."""
    fresh: bool
    """Whether the previous look had caught up, so that the lines were written since."""
    health: SourceHealth
    mark: PathMark
    """How far the path has been read, including these lines."""
    begins: Begins | None = None
    """The sample to send before the first lines, if it was just taken."""
    gaps: tuple[str, ...] = ()
    """Sentences about parts of the log that are lost."""
    has_switched: bool = False
    """Whether the path names another file than before."""
    seen: Status | None = None
    """The path's status before the look: nothing is new while it is unchanged. `None` if another
    look is needed anyway."""


@attrs.define
class PathFollower:
    """Follows one path. Call `look` repeatedly, and `close` at the end."""

    path: str
    start: StartPosition
    dating: LineDating = undated
    """Finds the times of lines, if the start depends on them."""
    claimed: Claimed = nobodys
    before: PathMark | None = None
    """How far it was followed before; the start position is then ignored."""
    folders: Folders = attrs.field(factory=Folders)
    """Listings of the folders."""
    waits: bool = True
    """Whether a log that is missing is looked for again."""
    _begins: Begins | None = None
    _files: FollowedFiles = attrs.field(init=False)
    _had_file: bool = False
    _caught_up: bool = False
    _seen_before: bool = False
    """Whether the path was found, or found missing: a later file is read from its start."""
    _problem: SourceHealth | None = None
    _tries_again: bool = False
    """Whether the problem may disappear without a change of the path's status."""
    _close: str | None = None
    """A log that a missing one may be a misspelling of."""
    _last_record: int | None = None
    """Second of the last record, if the log has none inside the window."""

    def __attrs_post_init__(self) -> None:
        self._files = FollowedFiles(self.path, self.claimed, self.folders)
        if self.before is not None:
            self._files.resume(self.before)
            self._seen_before = True

    def identities(self) -> Iterator[Identity]:
        """Yield the identities of the files being read."""
        return self._files.identities()

    def has_copy(self, identity: Identity) -> bool:
        """Tell whether a file beside the path is a copy of the log, or may become one."""
        return self._files.has_copy(identity)

    def has_finished(self, path: str, identity: Identity) -> bool:
        """Tell whether a rotated file has been read to its end."""
        return self._files.has_finished(path, identity)

    def look(self, now: float, grace: float = ROTATED_GRACE) -> Look:
        """Read what was written since the last look, at most one `READ_SIZE` of each file.

        `now` is any monotonic clock in seconds; `grace` is how long an idle rotated file is kept
        open.
        """
        fresh = self._caught_up
        seen, current = status_of(self.path), self._current()
        found: list[Lines] = []
        caught_up = self._read(now, found, grace)
        for _ in range(_MOST_OPENED):
            if caught_up or any(found):
                break
            caught_up = self._read(now, found, grace)  # another file was opened
        self._caught_up = caught_up
        lines = _joined(found)
        if lines:
            self._last_record = None
        files = self._files
        begins, self._begins = self._begins, None
        return Look(
            lines,
            caught_up,
            fresh,
            self._health(caught_up),
            PathMark(self.path, files.marks(), known=files.known()),
            begins,
            files.take_gaps(),
            self._current() != current,
            seen if self._is_settled and not is_recent(seen) else None,
        )

    def rest(self) -> Lines:
        """Return the last line of the log although it has no newline (yet); nothing follows it."""
        return self._files.rest()

    def _current(self) -> Identity | None:
        current = self._files.current
        return None if current is None else current.identity

    @property
    def _is_settled(self) -> bool:
        """Whether new lines can only come with a change of the path's status."""
        problem = self._problem
        if problem is not None and (self._tries_again or problem.state is SourceState.READING):
            return False
        return self._caught_up and self._files.is_settled

    @property
    def descriptors(self) -> int:
        """The number of open descriptors."""
        return self._files.descriptors

    def park(self) -> None:
        """Close the descriptor of the current file until the next look."""
        self._files.park()

    def _read(self, now: float, found: list[Lines], grace: float) -> bool:
        """Read new lines, and follow the path to another file; returns whether it has caught up."""
        try:
            if not self._files.read(now, found, grace):
                return False
        except CurrentLostError as error:
            self._problem = self._unreadable(error.reason)
            return True  # retried later
        except NotFoundYetError:
            self._problem = SourceHealth(self.path, SourceState.READING, "is being rotated")
            return True
        changed = self._files.last_change()
        # The new file is opened once the old one has been read to its end; lines written to the
        # old one in between are found by the next look.
        if self._rotate(now):
            return False
        self._files.note_seen(changed)
        return True

    def close(self) -> None:
        """Stop following. A line without a newline stays unread, as it may be incomplete."""
        self._files.close()

    def _rotate(self, now: float) -> bool:
        """Follow the path if it names another file now; returns whether there is more to read."""
        files = self._files
        try:
            named = os.stat(self.path)
            if files.current is not None and Identity.of(named) == files.current.identity:
                self._problem = None
                return False
            opened = self._open(named)
        except OSError as error:
            files.retire(now)
            self._problem = self._unreadable(error)
            return isinstance(error, FileNotFoundError) and self._rescue()
        files.retire(now)
        if opened is None:
            return False
        try:
            files.follow(opened)
        except OSError as error:
            opened.close()
            self._problem = self._unreadable(error)
            return False
        except NotFoundYetError:
            opened.close()
            self._problem = SourceHealth(self.path, SourceState.READING, "is being rotated")
            return False
        self._had_file = True
        self._problem = None
        return True

    def _rescue(self) -> bool:
        try:
            return self._files.rescue()
        except NotFoundYetError:
            return False
        except OSError as error:
            self._problem = self._unreadable(error)
            return False

    def _open(self, named: os.stat_result) -> OpenFile | None:
        if stat.S_ISFIFO(named.st_mode):
            return OpenPipe.at(self.path)
        if not stat.S_ISREG(named.st_mode):
            kind = "directory" if stat.S_ISDIR(named.st_mode) else "device or socket"
            advice = (
                f"use a log in it, or '{self.path.rstrip('/')}/*.log'"
                if stat.S_ISDIR(named.st_mode)
                else f"read it with -f - < {self.path}"
            )
            self._problem = self._blocked(f"is a {kind}, not a log file; {advice}")
            return None
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            opened = os.fstat(descriptor)
            problem = _not_plain(os.pread(descriptor, MAGIC_LENGTH, 0))
            if problem is not None:
                os.close(descriptor)
                self._problem = self._blocked(problem)
                return None
            self._last_record = None
            position = 0
            if not self._had_file and (self.before is not None or not self._seen_before):
                position = self._begin_in(descriptor, opened.st_size)
            if not self._seen_before:
                self._files.note_siblings()
            self._seen_before = True
            begun = OpenFile(descriptor, Identity.of(opened), position)
            if position and not os.pread(descriptor, _HOLE, max(0, position - _HOLE))[
                :position
            ].strip(b"\0"):
                begun.skipped = position
            return begun
        except OSError:
            os.close(descriptor)
            raise

    def _begin_in(self, descriptor: int, size: int) -> int:
        """Return where to begin in an existing log, and take a sample of it."""

        def read_at(offset: int, length: int) -> bytes:
            return os.pread(descriptor, length, offset)

        sample = sample_of(read_at, size)
        self._begins = Begins(self.path, sample.lines)
        if self._seen_before or self.start.where is From.START:
            return 0
        dated = self.dating(sample)
        position, newest = self.start.offset(descriptor, size, dated.times)
        if position >= size:
            self._last_record = newest
        before = dated.lines_before(read_at, position)
        self._begins = Begins(self.path, sample.lines, before, dated)
        return position

    def _blocked(self, detail: str) -> SourceHealth:
        return SourceHealth(self.path, SourceState.BLOCKED, detail)

    def _unreadable(self, error: OSError) -> SourceHealth:
        self._tries_again = not isinstance(
            error, FileNotFoundError | NotADirectoryError | PermissionError
        )
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            if not self._seen_before:
                self._close = close_path(self.path)
            self._seen_before = True
            detail = "does not exist yet; waiting for it" if self.waits else "no such file"
            if self._close is not None:
                detail += f"; did you mean {self._close}?"
            if self._had_file:
                detail = "is gone; waiting for it to come back"
            return SourceHealth(self.path, SourceState.WAITING, detail)
        if isinstance(error, PermissionError):
            return self._blocked(
                f"is not readable: permission denied{WAY_OUT}{way_to_read(self.path)}"
                + ("; resumes once readable" if self.waits else "")
            )
        return self._blocked(f"cannot be read: {error.strerror}; retrying every second")

    def _health(self, caught_up: bool) -> SourceHealth:
        lag = self._files.lag()
        if self._problem is not None and caught_up:
            return attrs.evolve(self._problem, lag_bytes=lag)
        state = SourceState.FOLLOWING if caught_up else SourceState.READING
        return SourceHealth(
            self.path,
            state,
            "has only NUL bytes; skipped" if self._files.is_hole else "",
            lag_bytes=lag,
            last_record=self._last_record,
        )


def _joined(found: list[Lines]) -> Lines:
    if len(found) == 1:
        return found[0]
    return Lines(
        b"".join(lines.whole for lines in found),
        tuple(sample for lines in found for sample in lines.overlong),
    )


def _not_plain(beginning: bytes) -> str | None:
    """Explain why a file with this beginning cannot be followed; `None` if it can."""
    archive, compression = archive_of(beginning), compression_of(beginning)
    if archive is not None:
        return f"is {archive}; unpack it first"
    if compression == UTF_16:
        return "is UTF-16, only UTF-8 can be followed; read it with: glancemetrics report"
    if compression is not None:
        return f"is compressed ({compression}); read it with: glancemetrics report"
    return None
