"""Segments: the records of consecutive ordinals in a file, and the folder that holds the files.

An ordinal says which record it is of all that the monitor ever took: 0, 1, 2, ... Ordinals that no
segment has are a gap. One process at a time changes a folder, one step after the other; any may
read meanwhile.
"""

from __future__ import annotations

import errno
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import attrs
import pyarrow as pa

from actors.history import segment_format
from actors.history.segment_format import Contents, Read
from actors.state.state_file import (
    PRIVATE_FOLDER_MODE,
    PRIVATE_MODE,
    make_folder,
    open_own,
    replace,
)
from glancemetrics.records.schema import in_order, joined, seconds

MOST_ROWS = 500_000
"""Of a segment that is made by merging."""

MOST_MEMORY = 128 << 20
"""Bytes in memory of the segments that are merged into one, which takes up to five times as
much for a moment: texts may be long."""

_FULL_ROWS, _FULL_MEMORY = MOST_ROWS // 2, MOST_MEMORY // 2
"""A segment that has as much is not merged any more."""

_TIERS = tuple(_FULL_ROWS // 8**step for step in range(5, -1, -1))
"""Rows. Smaller segments are merged when together they have as many."""

_BEING_WRITTEN, _LET_GO = "segment.new", "let-go"

# As _file_name writes it; a number that is longer than usual has more digits, one below 0 may have
# one less.
_FILE_NAME = re.compile(
    r"(\d{16,})-(\d{16,})\.(-\d{10,}|\d{11,})-(-\d{10,}|\d{11,})\.(\d{12,})\.([0-9a-f]{16})\.arrow",
    re.ASCII,
)


class UnreadableSegmentError(Exception):
    """A segment cannot be read, and will not be later; told in one sentence."""

    def __init__(self, path: Path, what: str) -> None:
        way_out = "put it back from a backup, or delete it and do without its records"
        super().__init__(f"{path} {what}; {way_out}")
        self.path = path


class SegmentGoneError(Exception):
    """A segment is no longer there: it was merged or deleted; a new listing tells what there is."""


@attrs.frozen
class Segment:
    """Records of consecutive ordinals on disk. All of it but the size is in the file's name."""

    first: int
    """Ordinal of the first record."""
    end: int
    """Ordinal after the last record."""
    oldest: int
    """No record is of an earlier second since the epoch."""
    newest: int
    """No record is of a later second since the epoch."""
    memory: int
    """Bytes that all columns take in memory."""
    checksum: str
    """Of its contents, with the checksums of all records: 64 bits in hexadecimal digits."""
    path: Path
    size: int
    """Bytes on disk."""
    skip: int = 0
    """How many records the file has before `first`: an earlier segment has them, too."""

    @property
    def rows(self) -> int:
        """How many records it has."""
        return self.end - self.first

    def since(self, ordinal: int) -> Segment:
        """Return the segment without the records before an ordinal, which is one of its own."""
        return attrs.evolve(self, first=ordinal, skip=self.skip + ordinal - self.first)

    def has_all_of(self, other: Segment) -> bool:
        """Tell whether the file has all ordinals that another segment has."""
        return self.first - self.skip <= other.first and other.end <= self.end


def due_for_merging(segments: Sequence[Segment]) -> list[Segment]:
    """Return the neighbours that are to become one segment next; none when nothing is to do.

    Neighbours that are smaller than a tier (7, 61, 488, 3,906, 31,250 or 250,000 rows) become one
    when together they reach it, so that a record passes a tier whenever it is rewritten, and stay
    below twice as much; those before a gap or a full segment, where none will follow, in any case.
    So a record is rewritten at most seven times. Only where 64 MiB in memory are less than 250,000
    rows is a tier not waited for: the rows at least double then, which they can do 18 times.
    """
    for tier in _TIERS:
        for run in _runs(segments, tier):
            group: list[Segment] = []
            for segment in run:
                group.append(segment)
                rows = sum(each.rows for each in group)
                is_heavy = sum(each.memory for each in group) >= _FULL_MEMORY
                if rows >= tier or (is_heavy and 2 * max(each.rows for each in group) <= rows):
                    return group
                if is_heavy:
                    group = []
            is_last = run[-1] is segments[-1]
            if tier == _FULL_ROWS and len(group) > 1 and not is_last:
                return group
    return []


def beyond(segments: Iterable[Segment], most_bytes: int, oldest_second: int) -> list[Segment]:
    """Return the segments of which all records are older than a second since the epoch.

    And, while the others take more bytes on disk than they may, those of the lowest ordinals.
    """
    segments = list(segments)
    size = sum(segment.size for segment in segments if segment.newest >= oldest_second)
    gone = []
    for segment in segments:
        is_old = segment.newest < oldest_second
        if is_old or size > most_bytes:
            gone.append(segment)
            size -= 0 if is_old else segment.size
    return gone


class SegmentFolder:
    """The segments in a folder, which is made when the first is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unreadable: set[Path] = set()
        """Which were to be merged: they are left as they are."""

    def segments(self) -> list[Segment]:
        """Return the segments, by ordinal, no record in two of them. Raises `OSError`."""
        return _sorted_out(self._listing())[0]

    def write(self, first: int, batch: pa.RecordBatch) -> Segment:
        """Write records, whose first has an ordinal that no segment has, nor have the others.

        The segment is on the disk then; if that fails nothing has changed. Raises `OSError`, and
        `ValueError` for a batch without records, or with a column that is not of its type.
        """
        if first < 0 or not batch.num_rows:
            raise ValueError(f"no segment can have {batch.num_rows} records from {first} on")
        batch = segment_format.as_stored(batch)
        data, checksum = segment_format.to_bytes(first, batch)
        times = seconds(batch)
        oldest, newest = int(times.min()), int(times.max())
        end = first + batch.num_rows
        path = self.path / _file_name(first, end, oldest, newest, batch.nbytes, checksum)
        make_folder(self.path, PRIVATE_FOLDER_MODE)
        self._put(path, data)
        return Segment(first, end, oldest, newest, batch.nbytes, checksum, path, len(data))

    def read(self, segment: Segment, columns: Sequence[str] | None = None) -> pa.RecordBatch:
        """Return the records of a segment: the columns that are asked for, or all that it has.

        A column that it does not have is null. Raises `SegmentGoneError`, `UnreadableSegmentError`,
        and `OSError` for what may be otherwise the next time.
        """
        with self._open(segment) as (contents, read):
            return _records(segment, contents, read, columns)

    @contextmanager
    def _open(self, segment: Segment) -> Iterator[tuple[Contents, Read]]:
        first, rows = segment.first - segment.skip, segment.rows + segment.skip
        with _opened(segment.path) as read:
            with _unreadable(segment):
                contents = segment_format.read_contents(read, segment.size, segment.checksum)
            if contents.first != first or contents.rows != rows:
                raise UnreadableSegmentError(segment.path, "has another name than it was given")
            yield contents, read

    def merge(self) -> bool:
        """Make one segment of some neighbours, if there are too many; tell if there is more to do.

        A segment that cannot be read stays as it is. Raises `OSError`; nothing is lost then.
        """
        group = self._due(self._without_leftovers())
        if not group:
            return False
        try:
            merged = self._joined(group)
        except SegmentGoneError:
            return True
        except UnreadableSegmentError as error:
            self._unreadable.add(error.path)
            return True
        self.write(group[0].first, merged)
        _delete(group)
        return bool(self._due(self.segments()))

    def _joined(self, group: Sequence[Segment]) -> pa.RecordBatch:
        """Return the records of segments, of which only a column at a time is in memory twice."""
        with ExitStack() as stack:
            opened = [(one, *stack.enter_context(self._open(one))) for one in group]
            names = in_order(name for _, contents, _ in opened for name in contents.columns)
            columns = [joined([_records(*one, [name]) for one in opened]) for name in names]
        return pa.RecordBatch.from_arrays([batch.column(0) for batch in columns], names=names)

    def cut(self, position: int) -> None:
        """Drop the records that have an ordinal of `position` or more.

        A segment that has others as well, and cannot be read, is dropped whole. Raises `OSError`;
        some of the records may then still be there.
        """
        # Once, but where a segment that is damaged hid others.
        while beyond := [each for each in self._without_leftovers() if each.end > position]:
            # The whole ones first: that makes room for the rest of the one that is rewritten.
            _delete(segment for segment in beyond if segment.first >= position)
            if beyond[0].first < position:
                with suppress(SegmentGoneError, UnreadableSegmentError):
                    kept = self.read(beyond[0]).slice(0, position - beyond[0].first)
                    self.write(beyond[0].first, kept)
                _delete(beyond[:1])

    def bound(self, most_bytes: int, oldest_second: int) -> list[Segment]:
        """Delete the segments of which all records are older than a second since the epoch.

        Then, while they take more bytes on disk than they may, that of the lowest ordinals. Returns
        what was deleted, by ordinal; `let_go` has it from then on. Raises `OSError`.
        """
        segments = self._without_leftovers()
        gone = beyond(segments, most_bytes, oldest_second)
        if gone:
            self._note_let_go(gone, [segment for segment in segments if segment not in gone])
            _delete(gone)
        return gone

    def let_go(self) -> list[tuple[int, int]]:
        """Return the ordinals, from one on and before another, that `bound` deleted.

        Without those before the first record.
        """
        try:
            told = (self.path / _LET_GO).read_text("ascii").split()
        except (FileNotFoundError, ValueError):  # or it is damaged
            return []
        numbers = [int(text) for text in told if text.isdigit()]
        return list(zip(numbers[::2], numbers[1::2], strict=False))

    def _note_let_go(self, gone: Sequence[Segment], left: Sequence[Segment]) -> None:
        first = left[0].first if left else math.inf
        spans = [*self.let_go(), *((one.first, one.end) for one in gone)]
        inside = [span for span in spans if span[1] > first]
        if inside or (self.path / _LET_GO).exists():
            text = "".join(f"{own} {end}\n" for own, end in inside)
            replace(self.path / _LET_GO, text.encode(), PRIVATE_MODE)

    def _due(self, segments: list[Segment]) -> list[Segment]:
        return due_for_merging([each for each in segments if each.path not in self._unreadable])

    def _without_leftovers(self) -> list[Segment]:
        """Return the segments, when what steps that were cut off have left is deleted.

        It would come back when the segment that replaces it is deleted; where that is damaged, as
        on a disk that lost what it had said to have, it is all that there is.
        """
        segments, leftovers = _sorted_out(self._listing())
        for segment in segments:
            inside = [each for each in leftovers if segment.has_all_of(each)]
            if inside and self._is_readable(segment):
                _delete(inside)
        (self.path / _BEING_WRITTEN).unlink(missing_ok=True)
        return segments

    def _is_readable(self, segment: Segment) -> bool:
        try:
            self.read(segment)
        except (SegmentGoneError, UnreadableSegmentError):
            return False
        return True

    def _listing(self) -> list[Segment]:
        """Return what the files' names tell.

        Two listings that are alike are one instant's: one alone, made while segments are merged,
        may have neither those that there were nor the one that there is now.
        """
        before, now = None, self._seen()
        while now != before:
            before, now = now, self._seen()
        return now

    def _seen(self) -> list[Segment]:
        seen = []
        with suppress(FileNotFoundError), os.scandir(self.path) as entries:
            for entry in entries:
                # Gone meanwhile, which the next look tells.
                with suppress(FileNotFoundError):
                    if (found := _segment_of(entry)) is not None:
                        seen.append(found)
        # Those that begin at one ordinal: the larger first.
        return sorted(seen, key=lambda segment: (segment.first, -segment.end, segment.path.name))

    def _put(self, path: Path, data: bytes) -> None:
        """Make a file, whole and on the disk, or not at all. Raises `OSError`."""
        made = self.path / _BEING_WRITTEN
        try:
            descriptor = open_own(made, os.O_WRONLY | os.O_TRUNC, PRIVATE_MODE)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                left = memoryview(data)
                while left:
                    left = left[file.write(left) :]
                os.fdatasync(file.fileno())
            made = made.replace(path)
            _sync_folder(self.path)
        except OSError:
            with suppress(OSError):
                made.unlink()
            raise


def _sorted_out(seen: Sequence[Segment]) -> tuple[list[Segment], list[Segment]]:
    """Return the segments, each record in one of them, and those that have none of their own.

    A segment inside another is of a merge that was cut off, or of a cut that was.
    """
    segments: list[Segment] = []
    leftovers: list[Segment] = []
    end = 0
    for segment in seen:
        if segment.end <= end:
            leftovers.append(segment)
            continue
        segments.append(segment.since(max(end, segment.first)))
        end = segment.end
    return segments, leftovers


def _runs(segments: Iterable[Segment], tier: int) -> Iterator[list[Segment]]:
    """Yield the neighbours that are all smaller than a tier, and not full."""
    run: list[Segment] = []
    for segment in segments:
        is_small = segment.rows < tier and segment.memory < _FULL_MEMORY
        if run and (not is_small or run[-1].end != segment.first):
            yield run
            run = []
        if is_small:
            run.append(segment)
    if run:
        yield run


def _file_name(first: int, end: int, oldest: int, newest: int, memory: int, checksum: str) -> str:
    return f"{first:016}-{end:016}.{oldest:011}-{newest:011}.{memory:012}.{checksum}.arrow"


def _segment_of(entry: os.DirEntry[str]) -> Segment | None:
    """Return what a file's name tells; `None` for other files. Raises `OSError`."""
    match = _FILE_NAME.fullmatch(entry.name)
    if match is None or not entry.is_file(follow_symlinks=False):
        return None
    first, end, oldest, newest, memory = map(int, match.groups()[:5])
    if first >= end:
        return None
    size = entry.stat(follow_symlinks=False).st_size
    return Segment(first, end, oldest, newest, memory, match[6], Path(entry.path), size)


def _records(
    segment: Segment, contents: Contents, read: Read, columns: Sequence[str] | None
) -> pa.RecordBatch:
    with _unreadable(segment):
        return contents.records(read, columns).slice(segment.skip)


@contextmanager
def _unreadable(segment: Segment) -> Iterator[None]:
    """Name the segment whose bytes are not what they should be."""
    try:
        yield
    except segment_format.UnreadableBytesError as error:
        raise UnreadableSegmentError(segment.path, str(error)) from None


@contextmanager
def _opened(path: Path) -> Iterator[Read]:
    """Open a file, for reading parts of it. It is not mapped: a disk that fails would end us."""
    with _faulty(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            message = f"{path} was merged or deleted; list the segments again"
            raise SegmentGoneError(message) from None

    def read(at: int, length: int) -> bytes:
        with _faulty(path):
            return os.pread(descriptor, length, at)

    try:
        yield read
    finally:
        os.close(descriptor)


@contextmanager
def _faulty(path: Path) -> Iterator[None]:
    """Tell what the disk will not read later either; too many open files, say, may be closed."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        raise UnreadableSegmentError(path, "is on a part of the disk that cannot be read") from None


def _delete(segments: Iterable[Segment]) -> None:
    for segment in segments:
        segment.path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems have no such thing for folders.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)
