"""Segments: files with the records of consecutive ordinals, and the directory that holds them.

An ordinal numbers all records that the monitor ever added: 0, 1, 2, ... Ordinals without a segment
are a gap. Only one process changes a directory, step by step; any process may read it at the same
time.
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
"""Rows of a merged segment, at most."""

MOST_MEMORY = 128 << 20
"""Memory in bytes of the segments merged at a time, which briefly needs up to five times as much:
texts may be long."""

_FULL_ROWS, _FULL_MEMORY = MOST_ROWS // 2, MOST_MEMORY // 2
"""A segment of this size is not merged any more."""

_TIERS = tuple(_FULL_ROWS // 8**step for step in range(5, -1, -1))
"""Rows. Smaller segments are merged once together they have this many."""

_BEING_WRITTEN, _DELETED = "segment.new", "let-go"

# As _file_name writes it; larger numbers have more digits, negative ones may have one less.
_FILE_NAME = re.compile(
    r"(\d{16,})-(\d{16,})\.(-\d{10,}|\d{11,})-(-\d{10,}|\d{11,})\.(\d{12,})\.([0-9a-f]{16})\.arrow",
    re.ASCII,
)


class UnreadableSegmentError(Exception):
    """A segment cannot be read, now or later; the message is a sentence."""

    def __init__(self, path: Path, what: str) -> None:
        way_out = "restore it from a backup, or delete it to go on without its requests"
        super().__init__(f"{path}: {what}; {way_out}")
        self.path = path


class SegmentGoneError(Exception):
    """A segment was merged or deleted; list the segments again."""


@attrs.frozen
class Segment:
    """Records of consecutive ordinals on disk. Everything except the size is in its file name."""

    first: int
    """Ordinal of the first record."""
    end: int
    """Ordinal after the last record."""
    oldest: int
    """No record is earlier than this second since the epoch."""
    newest: int
    """No record is later than this second since the epoch."""
    memory: int
    """Memory of all columns in bytes."""
    checksum: str
    """Of the contents, with the checksums of all records: 64 bits in hexadecimal."""
    path: Path
    size: int
    """Bytes on disk."""
    skip: int = 0
    """Number of records in the file before `first`, which an earlier segment has too."""

    @property
    def rows(self) -> int:
        """The number of records."""
        return self.end - self.first

    def since(self, ordinal: int) -> Segment:
        """Return the segment without the records before one of its ordinals."""
        return attrs.evolve(self, first=ordinal, skip=self.skip + ordinal - self.first)

    def has_all_of(self, other: Segment) -> bool:
        """Return whether the file has all ordinals of another segment."""
        return self.first - self.skip <= other.first and other.end <= self.end


def due_for_merging(segments: Sequence[Segment]) -> list[Segment]:
    """Return the neighbours to merge next; none if there is nothing to do.

    Neighbours smaller than a tier (7, 61, 488, 3,906, 31,250 or 250,000 rows) are merged once
    together they reach it, so that a record moves up a tier whenever it is rewritten, and the
    result stays below twice the tier; those before a gap or a full segment, where none will
    follow, are merged in any case. So a record is rewritten at most seven times. Only if 64 MiB
    of memory are fewer than 250,000 rows, tiers do not apply: rows at least double then, which
    can happen 18 times.
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
    """Return the segments with only records older than a second since the epoch.

    Also, while the others exceed the disk limit, those with the lowest ordinals.
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
    """The segments in a directory, which is created with the first one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unreadable: set[Path] = set()
        """Segments that cannot be merged: they stay as they are."""

    def segments(self) -> list[Segment]:
        """Return the segments by ordinal, without overlaps. Raises `OSError`."""
        return _sorted_out(self._listing())[0]

    def write(self, first: int, batch: pa.RecordBatch) -> Segment:
        """Write records; neither the first ordinal nor the following ones may exist in a segment.

        Afterwards the segment is on disk; on failure nothing has changed. Raises `OSError`, and
        `ValueError` for an empty batch, or a column with the wrong type.
        """
        if first < 0 or not batch.num_rows:
            raise ValueError(f"invalid segment: {batch.num_rows} records from {first} on")
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
        """Return the records of a segment: some columns, or all.

        Missing columns are null. Raises `SegmentGoneError`, `UnreadableSegmentError`, and `OSError`
        for problems that may pass.
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
                raise UnreadableSegmentError(
                    segment.path, "renamed: its content does not match its name"
                )
            yield contents, read

    def merge(self) -> bool:
        """Merge some neighbours, if there are too many; return whether there is more to do.

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

    def is_due(self, segments: list[Segment]) -> bool:
        """Tell whether some of these are to be merged."""
        return bool(self._due(segments))

    def _joined(self, group: Sequence[Segment]) -> pa.RecordBatch:
        """Return the records of segments; only one column at a time is in memory twice."""
        with ExitStack() as stack:
            opened = [(one, *stack.enter_context(self._open(one))) for one in group]
            names = in_order(name for _, contents, _ in opened for name in contents.columns)
            columns = [joined([_records(*one, [name]) for one in opened]) for name in names]
        return pa.RecordBatch.from_arrays([batch.column(0) for batch in columns], names=names)

    def cut(self, position: int) -> None:
        """Delete the records with an ordinal of `position` or more.

        A segment that has others as well, and cannot be read, is deleted completely. Raises
        `OSError`; some of the records may remain then.
        """
        # Once, except where a damaged segment hid others.
        while beyond := [each for each in self._without_leftovers() if each.end > position]:
            # Whole segments first: that frees space for rewriting the partial one.
            _delete(segment for segment in beyond if segment.first >= position)
            if beyond[0].first < position:
                with suppress(SegmentGoneError, UnreadableSegmentError):
                    kept = self.read(beyond[0]).slice(0, position - beyond[0].first)
                    self.write(beyond[0].first, kept)
                _delete(beyond[:1])

    def bound(self, most_bytes: int, oldest_second: int) -> list[Segment]:
        """Delete the segments with only records older than a second since the epoch.

        Then, while the rest exceeds the disk limit, the one with the lowest ordinals. Returns what
        was deleted, by ordinal; from then on it is in `deleted`. Raises `OSError`.
        """
        segments = self._without_leftovers()
        gone = beyond(segments, most_bytes, oldest_second)
        if gone:
            self._note_deleted(gone, [segment for segment in segments if segment not in gone])
            _delete(gone)
        return gone

    def deleted(self) -> list[tuple[int, int]]:
        """Return the ranges of ordinals (end exclusive) that `bound` deleted.

        Without those before the first record.
        """
        try:
            words = (self.path / _DELETED).read_text("ascii").split()
        except (FileNotFoundError, ValueError):  # or it is damaged
            return []
        numbers = [int(text) for text in words if text.isdigit()]
        return list(zip(numbers[::2], numbers[1::2], strict=False))

    def _note_deleted(self, gone: Sequence[Segment], left: Sequence[Segment]) -> None:
        first = left[0].first if left else math.inf
        spans = [*self.deleted(), *((one.first, one.end) for one in gone)]
        inside = [span for span in spans if span[1] > first]
        if inside or (self.path / _DELETED).exists():
            text = "".join(f"{own} {end}\n" for own, end in inside)
            replace(self.path / _DELETED, text.encode(), PRIVATE_MODE)

    def _due(self, segments: list[Segment]) -> list[Segment]:
        return due_for_merging([each for each in segments if each.path not in self._unreadable])

    def _without_leftovers(self) -> list[Segment]:
        """Delete leftovers of interrupted steps, and return the segments.

        A leftover would reappear when the segment that replaced it is deleted; but if that one is
        damaged, as on a disk that lost writes, the leftover is all there is.
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
        """Return the segments according to their file names.

        Two equal listings are consistent: a single one, made while segments are merged, may have
        neither the old ones nor the new one.
        """
        before, now = None, self._seen()
        while now != before:
            before, now = now, self._seen()
        return now

    def _seen(self) -> list[Segment]:
        seen = []
        with suppress(FileNotFoundError), os.scandir(self.path) as entries:
            for entry in entries:
                # Deleted in the meantime, as the next listing will show.
                with suppress(FileNotFoundError):
                    if (found := _segment_of(entry)) is not None:
                        seen.append(found)
        # Of those with the same start, the larger first.
        return sorted(seen, key=lambda segment: (segment.first, -segment.end, segment.path.name))

    def _put(self, path: Path, data: bytes) -> None:
        """Create a file completely and on disk, or not at all. Raises `OSError`."""
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
    """Return the segments without overlaps, and those with no records of their own.

    A segment inside another is left over from an interrupted merge or cut.
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
    """Yield runs of neighbours that are smaller than a tier, and not full."""
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
    """Return the segment for a file name; `None` for other files. Raises `OSError`."""
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
    """Add the path to errors about a segment's bytes."""
    try:
        yield
    except segment_format.UnreadableBytesError as error:
        raise UnreadableSegmentError(segment.path, str(error)) from None


@contextmanager
def _opened(path: Path) -> Iterator[Read]:
    """Open a file for reading parts of it. Not mapped: a failing disk would kill the process."""
    with _faulty(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            message = f"{path}: merged or deleted; list the segments again"
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
    """Report what the disk will not read later either; other errors may pass."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        raise UnreadableSegmentError(path, "unreadable: the disk reports an I/O error") from None


def _delete(segments: Iterable[Segment]) -> None:
    for segment in segments:
        segment.path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Put the names in a directory on disk. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems cannot do that for directories.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)
