"""The files of one path, in the order in which they had its name, through rotations.

logrotate and similar tools rename files, copy and truncate them, and compress them, also while
GlanceMetrics is not running. Files already read are recognised by their bytes (`marks.py`), new
files beside the path by their modification time.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import attrs

from actors.sources.files.identity import Identity
from actors.sources.files.marks import HEAD_BYTES, FileMark, Head, PathMark, digest
from actors.sources.files.open_file import (
    CompressedFile,
    FileReader,
    OpenFile,
    OpenPipe,
    beginning_of,
    has_read,
    head_from,
    head_of,
    is_of,
    shortened,
)
from actors.sources.files.rotation import Folders, Sibling, log_of, newer, open_sibling, siblings
from glancemetrics.lines.splitter import Lines, LineSplitter

ROTATED_GRACE = 60.0
"""Seconds without a new byte after which a rotated file is closed. A server writes to it until it
reopens its log: logrotate signals that right after the rename, and nginx's workers react within a
few seconds."""

SHORT_GRACE = 2.0
"""The same while other logs wait for a descriptor."""

_SEARCH_SECONDS = 3.0
"""How long to search for a file that was read before."""

_ENOUGH = 64
"""Minimum bytes that identify a file; they include the time of a line."""

_MOST_KNOWN = 100
"""Maximum finished files to remember, so that they are not read again when compressed."""

Claimed = Callable[[str, Identity], bool]
"""Whether a file is followed under another path."""


def nobodys(path: str, identity: Identity) -> bool:
    """Report that no other path follows a file."""
    del path, identity
    return False


class NotFoundYetError(Exception):
    """A file that was read before cannot be found; it may be in the middle of a rename."""


class CurrentLostError(Exception):
    """The current file of the path cannot be read now."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


@attrs.define
class FollowedFiles:
    """The files of one path that are being read."""

    path: str
    claimed: Claimed = nobodys
    folders: Folders = attrs.field(factory=Folders)
    current: OpenFile | None = None
    """The file that now has the path's name."""
    _rotated: list[FileReader] = attrs.field(factory=list)
    """Rotated files that may still be written to, and copies of them, oldest first."""
    _wanted: tuple[FileMark, ...] = ()
    """Files to be found again, oldest first; they are read after the open ones."""
    _marks: dict[Identity, FileMark] = attrs.field(factory=dict)
    """How far the open files have been read."""
    _copies: dict[Identity, Head] = attrs.field(factory=dict)
    """Files beside the path that are copies of it, made before it was truncated."""
    _ended: set[Identity] = attrs.field(factory=set)
    """Copies that have been read to their end."""
    _known: dict[Identity, Head] = attrs.field(factory=dict)
    """Finished files beside the path."""
    _is_repetitive: bool = False
    """Whether the resumed file consists of the same line over and over."""
    _alike: set[Identity] = attrs.field(factory=set)
    """Files already reported as having the same lines as others."""
    _gaps: list[str] = attrs.field(factory=list)
    _has_lost: bool = False
    """Whether files that had the path's name since the last look must be searched for."""
    _looking_since: float | None = None
    """When the search for a file to resume began."""
    _now: float = 0.0
    """Time of the last look."""
    _seen: int = 0
    """Modification time of the current file at the last look that caught up."""

    def resume(self, before: PathMark) -> None:
        """Search for the files of a previous run, to resume in them."""
        self._wanted = before.files
        self._known = {head.identity: head for head in before.known}

    def identities(self) -> Iterator[Identity]:
        """Yield the identities of the files being read."""
        for file in self._readings():
            yield file.identity

    def marks(self) -> tuple[FileMark, ...]:
        """Return how far the files have been read, oldest first."""
        marks: list[FileMark] = []
        shares = False
        for file in self._readings():
            mark = self._marks[file.identity]
            if shares and (file.is_copy or file is self.current):
                # The incomplete line is held by a copy before it.
                mark = attrs.evolve(mark, held=b"", skipping=False)
            if file.is_copy and file.identity in self._ended:
                # Its incomplete line continues in the next file.
                mark = attrs.evolve(mark, held=b"", skipping=False)
            elif file.is_copy:
                shares = True
            # A rotated file that was always empty cannot be recognised again.
            if mark.offset or file is self.current:
                marks.append(mark)
        return (*marks, *self._wanted)

    def known(self) -> tuple[Head, ...]:
        """Return the finished files beside the path."""
        return tuple(self._known.values())

    def take_gaps(self) -> tuple[str, ...]:
        """Return sentences about lost parts, each once."""
        gaps, self._gaps = tuple(self._gaps), []
        return gaps

    def lag(self) -> int:
        """Return how many bytes are left to read, as far as known."""
        lag = 0
        for file in self._readings():
            with suppress(OSError):
                lag += file.lag()
        return lag

    @property
    def is_settled(self) -> bool:
        """Whether new lines can only come from the path's current file."""
        if self._rotated or self._has_lost or isinstance(self.current, OpenPipe):
            return False
        return not self._wanted and self._looking_since is None

    def rest(self) -> Lines:
        """Return the last line of the current file although it has no newline (yet)."""
        current = self.current
        return Lines() if current is None or current.is_copy else current.splitter.flush()

    @property
    def descriptors(self) -> int:
        """The number of open descriptors."""
        is_open = self.current is not None and not self.current.is_parked
        return len(self._rotated) + is_open

    @property
    def is_hole(self) -> bool:
        """Whether the current file contains only NUL bytes so far."""
        current = self.current
        return current is not None and 0 < current.skipped == current.position

    def park(self) -> None:
        """Close the descriptor of the current file until the next look."""
        current = self.current
        if current is not None and not current.is_parked and not isinstance(current, OpenPipe):
            current.park()

    def _resume(self) -> None:
        """Reopen a parked file; if its path names another file now, search for it."""
        current = self.current
        if current is None or not current.is_parked:
            return
        try:
            if current.resume(self.path):
                return
        except OSError:
            pass  # the path is checked next
        self.current = None
        self._wanted = (*self._wanted, self._marks.pop(current.identity))

    def read(self, now: float, found: list[Lines], grace: float = ROTATED_GRACE) -> bool:
        """Read the files in order, up to the first that is not at its end.

        A rotated file is closed after `grace` seconds without a new byte. Returns whether all files
        are at their end. The lines read are added to `found`. Raises `CurrentLostError`, and
        `NotFoundYetError` if a second look may help.
        """
        self._now = now
        self._resume()
        for file in self._readings():
            try:
                read = self._read_on(file, now)
            except OSError as error:
                self._lose_touch(file, error)
                return True
            if read is None:
                return False
            lines, at_end = read
            found.append(lines)
            if not at_end:
                return False
            if file.is_copy:
                self._ended.add(file.identity)
            # Also for a copy: it may be a different file with a reused inode.
            if file is not self.current and now - file.last_growth > grace:
                found.append(self._let_go(file))
        return True

    def _read_on(self, file: FileReader, now: float) -> tuple[Lines, bool] | None:
        """Read the next piece, and whether it is the last. `None` if the file was truncated."""
        changed = file.changed()
        piece, at_end = file.peek()
        # Checked after the piece was read: a truncation before that would go unnoticed.
        if file is self.current:
            with self._all_or_nothing():
                if self._was_emptied(self.current, changed):
                    return None
        lines = file.take(piece, now)
        self._marks[file.identity] = file.mark(changed)
        return lines, at_end

    def last_change(self) -> int:
        """Return the modification time of the current file as of the bytes read."""
        return 0 if self.current is None else self._marks[self.current.identity].changed

    def note_seen(self, changed: int) -> None:
        """Note that everything written up to a time has been seen."""
        self._seen = changed

    def retire(self, now: float) -> None:
        """Note that the current file no longer has the path's name."""
        current, self.current = self.current, None
        if current is not None:
            current.last_growth = now
            self._rotated.append(current)
            self._has_lost = True

    def follow(self, opened: OpenFile) -> None:
        """Continue with the file that now has the path's name, after files that had it in between.

        Raises `OSError`, and `NotFoundYetError` if a second look may help.
        """
        mark = opened.mark(opened.changed())
        with self._all_or_nothing():
            if self._has_lost:
                self._add_newer(siblings(self.path, self.folders), self._seen, opened)
            self._marks[opened.identity] = self._find_wanted(opened) or mark
        self.current = opened
        self._has_lost = False

    def rescue(self) -> bool:
        """If the path has no file now, read renamed files; returns whether there are any.

        Raises `OSError` and `NotFoundYetError`.
        """
        count = len(self._rotated)
        with self._all_or_nothing():
            self._find_wanted(None)
        return len(self._rotated) > count

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Roll back what was found if some files could not be found."""
        rotated, marks, wanted = list(self._rotated), dict(self._marks), self._wanted
        known, gaps = dict(self._known), list(self._gaps)
        try:
            yield
        except (OSError, NotFoundYetError):
            for file in self._rotated:
                if file not in rotated:
                    file.close()
            self._rotated, self._marks, self._wanted = rotated, marks, wanted
            self._known, self._gaps = known, gaps
            raise
        self._looking_since = None

    def close(self) -> None:
        """Close all files."""
        for file in self._readings():
            file.close()
        self.current, self._rotated = None, []

    def note_siblings(self) -> None:
        """Ignore the files that are beside the log when following begins."""
        for sibling in siblings(self.path, self.folders):
            if not self._has_name(sibling):
                with suppress(OSError):
                    self._known[sibling.identity] = head_of(sibling)

    def has_finished(self, path: str, identity: Identity) -> bool:
        """Tell whether a file is finished, whatever its name."""
        head = self._known.get(identity)
        return head is not None and is_of(path, head)

    def has_copy(self, identity: Identity) -> bool:
        """Tell whether a file beside the path is a copy of the log, or may become one."""
        try:
            family = siblings(self.path, self.folders)
        except OSError:
            return True  # unknown now; the next search checks again
        found = [one for one in family if one.identity == identity]
        mark = None if self.current is None else self._marks.get(self.current.identity)
        if not found or mark is None or self._has_name(found[0]):
            return False
        try:
            head = head_of(found[0], min(mark.offset, HEAD_BYTES))
            if head.size and head.digest == mark.head:
                self._copies[identity] = head
            copy = self._copies.get(identity)
            if copy is not None and head_of(found[0], copy.size) == copy:
                return True
            # The copy may not be complete yet.
            return self.current is not None and self.current.begins(head)
        except OSError:
            return False

    def _has_name(self, sibling: Sibling) -> bool:
        """Tell whether a file was found under the path's own name."""
        return sibling.path == os.path.realpath(self.path)

    def _readings(self) -> list[FileReader]:
        return self._rotated if self.current is None else [*self._rotated, self.current]

    def _let_go(self, file: FileReader) -> Lines:
        self._rotated.remove(file)
        mark = self._marks.pop(file.identity)
        self._ended.discard(file.identity)
        self._known[file.identity] = mark.beginning
        for oldest in list(self._known)[:-_MOST_KNOWN]:
            del self._known[oldest]
        if isinstance(file, CompressedFile) and file.damage:
            self._gaps.append(f"lost part of a compressed file of {self.path}: {file.damage}")
        return file.close()

    def _lose_touch(self, file: FileReader, error: OSError) -> None:
        """Close a file that cannot be read now; the current file will be reopened."""
        mark = self._marks.pop(file.identity)
        with suppress(OSError):
            file.close()
        if file is not self.current:
            self._rotated.remove(file)
            self._gaps.append(_gap(self.path, mark, error.strerror or "read error"))
            return
        self.current = None
        self._wanted = (*self._wanted, mark)
        raise CurrentLostError(error) from None

    def _was_emptied(self, current: OpenFile, changed: int) -> bool:
        """Tell whether the file was truncated; unread lines are then in a copy.

        logrotate's `copytruncate` makes the copy. An incomplete line is kept: the writer continues
        with its other half at the beginning of the file. `changed` is the modification time before
        the file was read.
        """
        mark = self._marks[current.identity]
        if isinstance(current, OpenPipe):
            return False
        if not mark.offset:
            return self._add_copies(siblings(self.path, self.folders), mark, current)
        if not current.has_been_replaced():
            return False
        shorter = current.shortened(mark)
        if shorter is not None:
            self._gaps.append(_loss(self.path, mark, shorter))
            current.go_on(shorter, LineSplitter())
            self._marks[current.identity] = shorter
            return True
        family = siblings(self.path, self.folders)
        copy = self._found(mark, family, claimed=nobodys)
        if copy is not None:
            self._copies[copy.identity] = attrs.evolve(mark.beginning, identity=copy.identity)
            self._add(copy, mark, current.splitter, is_copy=True)
            mark = attrs.evolve(mark, changed=max(mark.changed, copy.changed))
        self._add_copies(family, mark, current)
        current.begin_anew()
        self._marks[current.identity] = current.mark(changed)
        return True

    def _add_copies(self, family: list[Sibling], mark: FileMark, current: OpenFile) -> bool:
        """Read copies of lines that the file had after a mark and no longer has."""
        count = len(self._rotated)
        for sibling in newer(family, mark.changed, but=list(self.identities())):
            # A file that begins like an open file is a copy in progress.
            # A copy is made before the file is truncated.
            if self._has_name(sibling) or sibling.changed > current.changed() or not sibling.size:
                continue
            try:
                if self._passes_over(sibling):
                    continue
                self._copies[sibling.identity] = head_of(sibling)
            except OSError as error:
                self._give_up(sibling, error)
                continue
            self._add(sibling, None, current.splitter, is_copy=True)
        return len(self._rotated) > count

    def _looks_for(self) -> bool:
        """Tell whether to keep searching: the file may be in the middle of a rename."""
        if self._looking_since is None:
            self._looking_since = self._now
        return self._now - self._looking_since < _SEARCH_SECONDS

    def _find_wanted(self, opened: OpenFile | None) -> FileMark | None:
        """Resume in files that were read before, whatever their names are now.

        `opened` is the file that now has the path's name, if any; returns how far it had been read.
        Files that had the name in between are read too. Raises `OSError`, and `NotFoundYetError` if
        a second look may help.
        """
        wanted, self._wanted = self._wanted, ()
        if not wanted:
            return None
        family = siblings(self.path, self.folders)
        since = wanted[-1].changed
        emptied: tuple[Identity, LineSplitter] | None = None
        goes_on: LineSplitter | None = None
        # A file followed under the name of a rotated file may have been rotated once more.
        places = self._places(wanted, siblings(log_of(self.path), self.folders), opened)
        is_missing = any(mark.offset and not place for mark, place in places)
        if is_missing and opened is not None and self._looks_for():
            raise NotFoundYetError
        for mark, place in places:
            splitter = LineSplitter.from_state(mark.held, mark.skipping)
            if isinstance(place, OpenFile):
                if goes_on is not None and mark.offset:
                    self._add_newer(family, since, opened, None, goes_on)
                if not place.go_on(mark, splitter):
                    raise NotFoundYetError  # it was truncated just now
                return mark  # nothing has been renamed since
            if place is not None and not mark.offset and place.changed > since:
                emptied = mark.identity, splitter  # maybe; it is found among the newer files
            elif place is not None:
                if any(one.identity == mark.identity != place.identity for one in family):
                    emptied = mark.identity, splitter
                self._add(place, mark, splitter, is_copy=emptied is not None)
            elif opened is None:
                self._wanted = (*self._wanted, mark)  # it may come back
            elif mark.offset:
                self._gaps.append(_gap(self.path, mark, "the file was removed or changed"))
                # A file with the same beginning but fewer bytes was compressed too early.
                self._known[mark.identity] = mark.beginning
            else:
                # Any file made from it is newer than its mark.
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
        """Read files that had the path's name between an already read file and the current one.

        `emptied` is a file that was copied and truncated, with its splitter: files newer than its
        copy but older than itself are further copies of it. `goes_on` is the splitter for the first
        of the files.
        """
        for sibling in newer(family, since, but=list(self.identities())):
            # The current file is opened next.
            if self._has_name(sibling) or self._is_read(sibling, opened):
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

    def _is_read(self, sibling: Sibling, opened: OpenFile | None) -> bool:
        """Tell whether a file belongs to another path or is finished."""
        if opened is not None and sibling.identity == opened.identity:
            return True
        if self.claimed(sibling.path, sibling.identity):
            return True
        try:
            # The file just opened may have been renamed and compressed since.
            return self._passes_over(sibling, opened)
        except OSError as error:
            self._give_up(sibling, error)
            return True

    def _passes_over(self, sibling: Sibling, opened: OpenFile | None = None) -> bool:
        """Tell whether a file is known; if all its lines are the same this is uncertain: a gap.

        Raises `OSError`.
        """
        is_known = self._is_known(sibling, opened)
        if is_known and sibling.size and sibling.identity not in {*self._known, *self._alike}:
            files = (sibling, opened, *self._readings())
            plain = [file for file in files if isinstance(file, OpenFile | Sibling)]
            if self._is_repetitive or any(self._repeats_itself(file) for file in plain):
                self._alike.add(sibling.identity)
                self._note_alike()
        return is_known

    def _give_up(self, sibling: Sibling, error: OSError) -> None:
        """Skip a file that cannot be read; raises `NotFoundYetError` if it is too early."""
        if self._looks_for():
            raise NotFoundYetError from error
        self._gaps.append(f"cannot read {sibling.path}: {error.strerror}")

    def _is_known(self, sibling: Sibling, opened: OpenFile | None = None) -> bool:
        """Tell whether a file is, or was made from, a file that is read or finished."""
        beginning = beginning_of(sibling)
        head = head_from(sibling.identity, beginning)
        readings = [*self._readings(), opened]
        open_files = [file for file in readings if isinstance(file, OpenFile)]
        if head.size and any(file.begins(head) for file in open_files):
            return True
        if self._known.get(sibling.identity) == head:
            return True
        return any(
            known.size
            and (known.size >= _ENOUGH or known.identity == sibling.identity)
            and digest(beginning[: known.size]) == known.digest
            for known in self._known.values()
        )

    def _places(
        self, wanted: Sequence[FileMark], family: list[Sibling], opened: OpenFile | None
    ) -> list[tuple[FileMark, OpenFile | Sibling | None]]:
        """Return the file of each mark: the open one, another, or none.

        For a file that has lost its end, the mark is an earlier milestone.
        """
        places: dict[FileMark, tuple[FileMark, OpenFile | Sibling | None]] = {}
        left = [one for one in family if opened is None or one.identity != opened.identity]
        # Files that were still empty are known only by their inode, which may have been reused.
        for mark in sorted(wanted, key=lambda mark: not mark.offset):
            # A rotated file does not get its name back.
            mine = opened if mark is wanted[-1] else None
            found = self._place(mark, left, mine)
            places[mark] = mark, found
            if found is None:
                places[mark] = self._shortened(mark, left, mine) or (mark, None)
            left = [one for one in left if one is not places[mark][1]]
        return [places[mark] for mark in wanted]

    def _place(
        self, mark: FileMark, family: list[Sibling], opened: OpenFile | None
    ) -> OpenFile | Sibling | None:
        """Return the file with the bytes that were read: by its inode, or else the oldest.

        If all lines are the same, several files have these bytes, and inodes are reused. Then it is
        the oldest, unless that was removed: the uncertainty is reported as a gap.
        """
        if opened is not None and not mark.offset:
            return opened if opened.has_read(mark) else self._found(mark, family)
        # Oldest first; the current file is the newest.
        alike: list[OpenFile | Sibling] = [
            one
            for one in family
            if (one.changed >= mark.changed or one.identity == mark.identity)
            and self._has_what_was_read(one, mark)
        ]
        if opened is not None and opened.has_read(mark):
            alike.append(opened)
        if not alike:
            # Its modification time may have been set back.
            return self._found(mark, family)
        same = [one for one in alike if one.identity == mark.identity]
        place = same[0] if same else alike[0]
        self._is_repetitive = self._repeats_itself(place)
        is_certain = len(alike) == 1 or (same and place is alike[0])
        if not is_certain and self._is_repetitive:
            self._note_alike()
        return place

    def _repeats_itself(self, file: OpenFile | Sibling) -> bool:
        """Tell whether all lines of a file are the same, so that other files may have them too."""
        with suppress(OSError):
            if isinstance(file, OpenFile):
                return repeats_itself(file.beginning())
            return repeats_itself(beginning_of(file))
        return False

    def _note_alike(self) -> None:
        self._gaps.append(
            f"several files of {self.path} have identical lines, so it is not certain which of "
            "them was read: some lines may be missing or counted twice"
        )

    def _shortened(
        self, mark: FileMark, family: list[Sibling], opened: OpenFile | None
    ) -> tuple[FileMark, OpenFile | Sibling] | None:
        """Return the file of a mark that has lost its end, with the last milestone it still has."""
        if opened is not None and (shorter := opened.shortened(mark)):
            self._gaps.append(_loss(self.path, mark, shorter))
            return shorter, opened
        for sibling in family:
            with suppress(OSError):
                if shorter := shortened(sibling, mark):
                    self._gaps.append(_loss(sibling.path, mark, shorter))
                    return shorter, sibling
        return None

    def _found(
        self, mark: FileMark, family: list[Sibling], claimed: Claimed | None = None
    ) -> Sibling | None:
        """Return the file with the bytes that were read; the same file is preferred to a copy."""
        for sibling in sorted(family, key=lambda one: one.identity != mark.identity):
            if self._has_what_was_read(sibling, mark, claimed):
                return sibling
        return None

    def _has_what_was_read(
        self, sibling: Sibling, mark: FileMark, claimed: Claimed | None = None
    ) -> bool:
        claimed = claimed or self.claimed
        if sibling.identity in set(self.identities()) or claimed(sibling.path, sibling.identity):
            return False
        with suppress(OSError):
            return has_read(sibling, mark)
        return False

    def _add(
        self, sibling: Sibling, mark: FileMark | None, splitter: LineSplitter, *, is_copy: bool
    ) -> None:
        try:
            descriptor = open_sibling(sibling)
        except OSError as error:
            self._give_up(sibling, error)
            return
        file: FileReader
        if sibling.compression is not None:
            file = CompressedFile(descriptor, sibling, mark, splitter, is_copy)
        else:
            file = OpenFile(descriptor, sibling.identity, 0, splitter, self._now, is_copy)
            if mark is not None and not file.go_on(mark, splitter):
                os.close(descriptor)
                self._give_up(sibling, OSError(errno.ESTALE, "the file was changed just now"))
                return
        self._rotated.append(file)
        self._marks[file.identity] = file.mark(sibling.changed) if mark is None else mark


def repeats_itself(beginning: bytes) -> bool:
    """Tell whether a file begins with one line repeated."""
    lines = beginning.split(b"\n")[:-1]
    return len(lines) > 1 and len(set(lines)) == 1


def _gap(path: str, mark: FileMark, reason: str) -> str:
    return f"lines of a rotated file of {path} after byte {mark.offset:,} are lost: {reason}"


def _loss(path: str, mark: FileMark, shorter: FileMark) -> str:
    return (
        f"{path} has lost its end, as after a power failure: {mark.offset:,} bytes had been read; "
        f"resumed at byte {shorter.offset:,}, and the next lines may be counted twice"
    )
