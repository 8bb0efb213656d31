"""Follows one path through rotations, truncations and disappearances, as `tail -F` does.

Reading is synchronous, one `look` at a time: the tailer runs it in a worker thread and decides
when to look again. Nothing here waits.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import attrs

from actors.archive.decompression import MAGIC_LENGTH, compression_of
from actors.tailer.identity import Identity
from actors.tailer.marks import HEAD_BYTES, FileMark, Head, PathMark
from actors.tailer.open_file import (
    CompressedFile,
    OpenFile,
    OpenPipe,
    Reading,
    has_read,
    head_of,
)
from actors.tailer.position import StartPosition
from actors.tailer.rotation import Sibling, log_of, newer, siblings
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

ROTATED_GRACE = 60.0
"""Seconds without a new byte after which a file that lost its name is let go. A server writes to
it until it is told to reopen its log, which logrotate does right after the rename, and nginx's
workers do within a few seconds."""

_PIECES_SECONDS = 5.0
"""For so long the rest of a line is waited for that a collector has cut in pieces."""

_SAMPLE = 1 << 16
"""Bytes at the beginning and at the end of a log by which its format is detected."""

_SEARCH_SECONDS = 3.0
"""For so long a file is looked for that was read before."""

_ENOUGH = 64
"""Bytes at the beginning by which a file is known; they have the time of a line."""

_MOST_KNOWN = 100
"""Files that have been read are remembered, so that they are not read again compressed."""

Claimed = Callable[[str, Identity], bool]
"""Whether a file is followed by somebody else."""


def _nobodys(path: str, identity: Identity) -> bool:
    del path, identity
    return False


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
    mark: PathMark
    """How far has been read, with these lines."""
    gaps: tuple[str, ...] = ()
    """What of the log could not be read and never will be, in a sentence each."""


class _NotFoundYetError(Exception):
    """A file that was read before has no name now that is known."""


@attrs.define
class PathFollower:
    """Follows one path. `look` as often as you like; `close` in the end."""

    path: str
    start: StartPosition
    format: LogFormat = COMBINED
    """How the log is written."""
    circumstances: Circumstances = UNKNOWN
    claimed: Claimed = _nobodys
    before: PathMark | None = None
    """How far it was followed before; the start position is then of no account."""
    _directives: bytes = b""
    _pieces: Pieces = attrs.field(init=False)
    _held_since: float = 0.0
    _current: OpenFile | None = None
    _rotated: list[Reading] = attrs.field(factory=list)
    """Files that had the path's name and may still be written to, oldest first."""
    _wanted: tuple[FileMark, ...] = ()
    """Files to be found again, oldest first; they come after those that are read."""
    _marks: dict[Identity, FileMark] = attrs.field(factory=dict)
    """How far the files have been read that are open."""
    _copies: dict[Identity, Head] = attrs.field(factory=dict)
    """Files beside the path that have what was read of it before it was emptied."""
    _known: dict[Identity, Head] = attrs.field(factory=dict)
    """Files beside the path of which nothing more is wanted."""
    _gaps: list[str] = attrs.field(factory=list)
    _looking_since: float | None = None
    """When a file that is to be read on was not found first."""
    _since: int = 0
    """When the current file was last written to, as of the last look that caught up."""
    _has_lost_touch: bool = False
    """Whether this look has failed; it is not tried again at once."""
    _had_file: bool = False
    _caught_up: bool = False
    _seen_before: bool = False
    """Whether there was a file, or surely none: one that comes later is read from its start."""
    _problem: SourceHealth | None = None
    _last_record: int | None = None
    """Second of the last record, where the log had none for the window."""

    def __attrs_post_init__(self) -> None:
        self._pieces = Pieces(self.format)
        if self.before is not None:
            self._wanted = self.before.files
            self._directives = self.before.directives
            self._pieces.held = self.before.pieces
            self._known = {head.identity: head for head in self.before.known}
            self._seen_before = True

    def identities(self) -> Iterator[Identity]:
        """Yield the files that are being read."""
        if self._current is not None:
            yield self._current.identity
        for rotated in self._rotated:
            yield rotated.identity

    def has_copy(self, identity: Identity) -> bool:
        """Tell whether a file beside the path is a copy of what is read, or may become one."""
        found = [one for one in siblings(self.path) if one.identity == identity]
        mark = None if self._current is None else self._marks.get(self._current.identity)
        if not found or mark is None or found[0].path == os.path.realpath(self.path):
            return False
        try:
            head = head_of(found[0], min(mark.offset, HEAD_BYTES))
            if head.size and head.digest == mark.head:
                self._copies[identity] = head
            copy = self._copies.get(identity)
            if copy is not None and head_of(found[0], copy.size) == copy:
                return True
            # It may not be there as a whole yet.
            return self._current is not None and self._current.begins(head)
        except OSError:
            return False

    def look(self, now: float) -> Look:
        """Read what has come since the last look, one `READ_SIZE` at most of each file.

        `now` is any clock in seconds that moves forward.
        """
        fresh = self._caught_up
        found: list[Lines] = []
        self._has_lost_touch = False
        caught_up = self._read(now, found)
        # A file that was last written to before then has been seen.
        since = self._marks[self._current.identity].changed if self._current is not None else 0
        if caught_up and not self._has_lost_touch and self._rotate(now):
            # The new file is opened when the old one has been read to its end; what came into
            # the old one between the two looks at it is found by the next.
            caught_up = False
        if caught_up:
            self._since = since
        self._caught_up = caught_up
        lines, directives = self._without_pieces(_joined(found), now), self._directives
        self._directives = directives_after(directives, lines.whole, self.format.directives)
        gaps, self._gaps = tuple(self._gaps), []
        health = self._health(caught_up)
        return Look(lines, directives, caught_up, fresh, health, self._mark(), gaps)

    def _mark(self) -> PathMark:
        marks = tuple(self._marks[file.identity] for file in self._readings())
        # A file that has lost its name and has never had anything cannot be known again.
        marks = tuple(mark for mark in marks[:-1] if mark.offset) + marks[-1:]
        files, known = marks + self._wanted, tuple(self._known.values())
        return PathMark(self.path, files, self._directives, self._pieces.held, known)

    def _readings(self) -> list[Reading]:
        return self._rotated if self._current is None else [*self._rotated, self._current]

    def _read(self, now: float, found: list[Lines]) -> bool:
        """Read the files in their order, no further than one that is not at its end."""
        for file in self._readings():
            try:
                if file is self._current and self._was_emptied(self._current):
                    return False
                lines, at_end = file.read(now)
                self._marks[file.identity] = file.mark()
            except OSError as error:
                self._lose_touch(file, error)
                return True
            found.append(lines)
            if lines and file is self._current:
                self._last_record = None
            if not at_end:
                return False
            if file is not self._current and (
                file.is_copy or now - file.last_growth > ROTATED_GRACE
            ):
                found.append(self._let_go(file))
        return True

    def _let_go(self, file: Reading) -> Lines:
        self._rotated.remove(file)
        mark = self._marks.pop(file.identity)
        size = min(mark.offset, HEAD_BYTES)
        self._known[file.identity] = Head(file.identity, size, mark.head)
        for oldest in list(self._known)[:-_MOST_KNOWN]:
            del self._known[oldest]
        if isinstance(file, CompressedFile) and file.damage:
            self._gaps.append(f"of {self.path} a compressed file was lost in part: {file.damage}")
        return file.close()

    def _lose_touch(self, file: Reading, error: OSError) -> None:
        """Close a file that cannot be read now; that which has the path's name is opened again."""
        mark = self._marks.pop(file.identity)
        with suppress(OSError):
            file.close()
        self._has_lost_touch = True
        if file is not self._current:
            self._rotated.remove(file)
            self._gaps.append(_gap(self.path, mark, error.strerror or "it cannot be read"))
            return
        self._current = None
        self._wanted = (*self._wanted, mark)
        self._problem = self._unreadable(error)

    def _was_emptied(self, current: OpenFile) -> bool:
        """Tell whether the file has been emptied: what had not been read of it is in a copy then.

        logrotate's `copytruncate` makes one. What is held of a line stays: the writer goes on with
        its other half at the beginning of the file.
        """
        mark = self._marks[current.identity]
        if isinstance(current, OpenPipe):
            return False
        if not mark.offset:
            return self._add_copies(siblings(self.path), mark, current)
        if not current.has_been_replaced():
            return False
        family = siblings(self.path)
        copy = self._found(mark, family, claimed=_nobodys)
        if copy is not None:
            self._copies[copy.identity] = head_of(copy)
            self._add(copy, mark, current.splitter, is_copy=True)
            mark = attrs.evolve(mark, changed=max(mark.changed, copy.changed))
        current.begin_anew()
        self._add_copies(family, mark, current)
        self._marks[current.identity] = current.mark()
        return True

    def _add_copies(self, family: list[Sibling], mark: FileMark, current: OpenFile) -> bool:
        """Read copies of what the file held after a mark, and which it does not hold any more."""
        count = len(self._rotated)
        for sibling in newer(family, mark.changed, but=list(self.identities())):
            # What begins as an open file does is only being copied.
            is_path = sibling.path == os.path.realpath(self.path)
            # A copy is made before the file is emptied.
            if is_path or sibling.changed > current.changed() or not sibling.size:
                continue
            if self._is_known(sibling):
                continue
            self._copies[sibling.identity] = head_of(sibling)
            self._add(sibling, None, current.splitter, is_copy=True)
        return len(self._rotated) > count

    def _looks_for(self, now: float) -> bool:
        """Tell whether it is too early to give up: a file may just be renamed or compressed."""
        if self._looking_since is None:
            self._looking_since = now
        if now - self._looking_since < _SEARCH_SECONDS:
            return True
        self._looking_since = None
        return False

    def _find_wanted(self, opened: OpenFile | None, now: float) -> FileMark | None:
        """Go on with files that were read before, whatever they are called now.

        `opened` is the file that has the path's name now, if any; returns how far that had been
        read. Files that had the name meanwhile are read too. Raises `OSError`, and
        `_NotFoundYetError` for what is worth a second look.
        """
        wanted, self._wanted = self._wanted, ()
        if not wanted:
            return None
        family = siblings(self.path)
        since = wanted[-1].changed
        emptied: tuple[Identity, LineSplitter] | None = None
        goes_on: LineSplitter | None = None
        # What is followed under the name of a rotated file has been rotated once more.
        places = self._places(wanted, siblings(log_of(self.path)), opened)
        is_missing = any(
            mark.offset and not place for mark, place in zip(wanted, places, strict=True)
        )
        if is_missing and opened is not None and self._looks_for(now):
            self._wanted = wanted
            raise _NotFoundYetError
        for mark, place in zip(wanted, places, strict=True):
            splitter = LineSplitter.from_state(mark.held, mark.skipping)
            if isinstance(place, OpenFile):
                if goes_on is not None and mark.offset:
                    self._add_newer(family, since, opened, None, goes_on)
                place.go_to(mark.offset)
                place.splitter = splitter
                return mark  # nothing has been renamed since
            if place is not None and not mark.offset and place.changed > since:
                emptied = mark.identity, splitter  # perhaps; it is found among what is newer
            elif place is not None:
                if any(one.identity == mark.identity != place.identity for one in family):
                    emptied = mark.identity, splitter
                self._add(place, mark, splitter, is_copy=emptied is not None)
            elif opened is None:
                self._wanted = (*self._wanted, mark)  # it may come back
            elif mark.offset:
                self._gaps.append(_gap(self.path, mark, "it was removed or changed"))
            else:
                # What it became, if anything, is newer than what is known of it.
                goes_on = splitter
                since = min(since, mark.changed)
        self._add_newer(family, since, opened, emptied, goes_on)
        return None

    def _add_newer(
        self,
        family: list[Sibling],
        since: int,
        opened: OpenFile | None,
        emptied: tuple[Identity, LineSplitter] | None = None,
        goes_on: LineSplitter | None = None,
    ) -> None:
        """Read what had the path's name between a file that was read and the one that has it.

        `emptied` is a file that was copied and emptied, and what it goes on with: what is newer
        than its copy, but older than itself, are further copies of it. `goes_on` is what the first
        of the files goes on with.
        """
        for sibling in newer(family, since, but=list(self.identities())):
            if opened is not None and sibling.identity == opened.identity:
                continue
            if self._is_known(sibling) or self.claimed(sibling.path, sibling.identity):
                continue
            if emptied is None:
                self._add(sibling, None, goes_on or LineSplitter(), is_copy=False)
                goes_on = None
                continue
            own, splitter = emptied
            self._add(sibling, None, splitter, is_copy=sibling.identity != own)
            if sibling.identity == own:
                emptied = None
        if emptied is not None and opened is not None and opened.identity == emptied[0]:
            opened.splitter = emptied[1]
        elif goes_on is not None and opened is not None:
            opened.splitter = goes_on

    def _is_known(self, sibling: Sibling) -> bool:
        """Tell whether a file is, or was made of, one that has been read or is not wanted."""
        head = head_of(sibling)
        open_files = [file for file in self._readings() if isinstance(file, OpenFile)]
        if head.size and any(file.begins(head) for file in open_files):
            return True
        if self._known.get(sibling.identity) == head:
            return True
        return any(
            known.size
            and (known.size >= _ENOUGH or known.identity == sibling.identity)
            and head_of(sibling, known.size).digest == known.digest
            for known in self._known.values()
        )

    def _note_siblings(self) -> None:
        """What is beside a log when its following begins is of no concern."""
        for sibling in siblings(self.path):
            if sibling.path != os.path.realpath(self.path):
                with suppress(OSError):
                    self._known[sibling.identity] = head_of(sibling)

    def _places(
        self, wanted: Sequence[FileMark], family: list[Sibling], opened: OpenFile | None
    ) -> list[OpenFile | Sibling | None]:
        """Return which file each mark is of: the one that is open now, another, or none."""
        places: dict[FileMark, OpenFile | Sibling | None] = {}
        left = [one for one in family if opened is None or one.identity != opened.identity]
        # Those of which nothing had been read are known by their inode only, which may have been
        # given to another file since.
        for mark in sorted(wanted, key=lambda mark: not mark.offset):
            # A file that has lost the name does not get it back.
            if opened is not None and mark is wanted[-1] and opened.has_read(mark):
                places[mark] = opened
                continue
            sibling = places[mark] = self._found(mark, left)
            if sibling is not None:
                left.remove(sibling)
        return [places[mark] for mark in wanted]

    def _found(
        self, mark: FileMark, family: list[Sibling], claimed: Claimed | None = None
    ) -> Sibling | None:
        """Return the file that has the bytes that were read; rather the same than a copy."""
        known = set(self.identities())
        claimed = claimed or self.claimed
        for sibling in sorted(family, key=lambda one: one.identity != mark.identity):
            if sibling.identity in known or claimed(sibling.path, sibling.identity):
                continue
            with suppress(OSError):
                if has_read(sibling, mark):
                    return sibling
        return None

    def _add(
        self, sibling: Sibling, mark: FileMark | None, splitter: LineSplitter, *, is_copy: bool
    ) -> None:
        file: Reading
        if sibling.compression is not None:
            file = CompressedFile(sibling, mark, splitter, is_copy)
        else:
            descriptor = os.open(sibling.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            offset = 0 if mark is None else mark.offset
            file = OpenFile(descriptor, sibling.identity, offset, splitter, is_copy=is_copy)
        self._rotated.append(file)
        self._marks[file.identity] = file.mark() if mark is None else mark

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
        for file in self._readings():
            file.close()
        self._current, self._rotated = None, []

    def _rotate(self, now: float) -> bool:
        """Follow the path to another file, if it names another; whether there is more to read."""
        try:
            named = os.stat(self.path)
            if self._current is not None and Identity.of(named) == self._current.identity:
                self._problem = None
                return False
            opened = self._open(named)
        except OSError as error:
            self._retire(now)
            self._problem = self._unreadable(error)
            return isinstance(error, FileNotFoundError) and self._rescue(now)
        before = self._current
        self._retire(now)
        if opened is None:
            return False
        try:
            if before is not None:
                self._add_newer(siblings(self.path), self._since, opened)
            self._marks[opened.identity] = self._find_wanted(opened, now) or opened.mark()
        except OSError as error:
            opened.close()
            self._problem = self._unreadable(error)
            return False
        except _NotFoundYetError:
            opened.close()
            self._problem = SourceHealth(self.path, SourceState.READING, "is being rotated")
            return False
        self._current = opened
        self._had_file = True
        self._problem = None
        return True

    def _rescue(self, now: float) -> bool:
        """Where the path has no file now, read what was renamed; whether there is any."""
        count = len(self._rotated)
        try:
            self._find_wanted(None, now)
        except OSError as error:
            self._problem = self._unreadable(error)
        return len(self._rotated) > count

    def _retire(self, now: float) -> None:
        if self._current is not None:
            self._current.last_growth = now
            self._rotated.append(self._current)
            self._current = None

    def _open(self, named: os.stat_result) -> OpenFile | None:
        if stat.S_ISFIFO(named.st_mode):
            return OpenPipe.at(self.path)
        if not stat.S_ISREG(named.st_mode):
            kind = "directory" if stat.S_ISDIR(named.st_mode) else "device or socket"
            advice = "name a log in it" if stat.S_ISDIR(named.st_mode) else "read it with `-f - <`"
            self._problem = self._blocked(f"is a {kind}, not a log file: {advice}")
            return None
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            opened = os.fstat(descriptor)
            compression = compression_of(os.pread(descriptor, MAGIC_LENGTH, 0))
            if compression is not None:
                os.close(descriptor)
                self._problem = self._blocked(
                    f"is compressed ({compression}): "
                    "only a log that is being written can be followed"
                )
                return None
            self._last_record = None
            if not self._had_file and (self.before is not None or not self._seen_before):
                self._look_at_format(descriptor, opened.st_size)
            position = 0
            if not self._seen_before:
                position = self._start_in(descriptor, opened.st_size)
                self._note_siblings()
            self._seen_before = True
            return OpenFile(descriptor, Identity.of(opened), position)
        except OSError:
            os.close(descriptor)
            raise

    def _start_in(self, descriptor: int, size: int) -> int:
        """Return where to begin in a log that was there, of which the format is detected first."""

        def read_at(offset: int, length: int) -> bytes:
            return os.pread(descriptor, length, offset)

        prefixes = self.format.directives
        circumstances = self.circumstances
        if prefixes:
            head = read_at(0, _SAMPLE)
            known = directives_after(b"", head[: head.rfind(b"\n") + 1], prefixes)
            circumstances = attrs.evolve(circumstances, directives=known)
        times = line_times(self.format, circumstances)
        position, newest = self.start.offset(descriptor, size, times)
        if position >= size:
            self._last_record = newest
        if prefixes:
            self._directives = directives_before(read_at, position, prefixes)
        return position

    def _look_at_format(self, descriptor: int, size: int) -> None:
        head = os.pread(descriptor, _SAMPLE, 0)
        if isinstance(self.format, AutoFormat) and head:
            end = os.pread(descriptor, _SAMPLE, max(len(head), size - _SAMPLE))
            sample = head[: head.rfind(b"\n") + 1] + end[end.find(b"\n") + 1 :]
            self.format.look_at(sample[: sample.rfind(b"\n") + 1], self.circumstances)

    def _blocked(self, detail: str) -> SourceHealth:
        return SourceHealth(self.path, SourceState.BLOCKED, detail)

    def _unreadable(self, error: OSError) -> SourceHealth:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            self._seen_before = True
            detail = "does not exist yet: waiting for it to appear"
            if self._had_file:
                detail = "is gone: waiting for it to come back"
            return SourceHealth(self.path, SourceState.WAITING, detail)
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


def _gap(path: str, mark: FileMark, reason: str) -> str:
    return (
        f"what was written to {path} after byte {mark.offset:,} of a file that had its name "
        f"cannot be read: {reason}"
    )


def _joined(found: list[Lines]) -> Lines:
    if len(found) == 1:
        return found[0]
    return Lines(
        b"".join(lines.whole for lines in found),
        tuple(sample for lines in found for sample in lines.overlong),
    )
