"""The spool: accepted requests on the disk, until a checkpoint has their lines.

It is a directory of segments, each a sequence of frames that is only appended to. A segment is
deleted when all of it is in a checkpoint; the idempotency keys in it are written to a file of keys
before. After a restart a new segment is begun, so no frame follows one that was written in part.

Everything here waits for the disk: call it in threads, each function in one at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import attrs

from actors.sources.posted.marks import Place
from actors.state.state_file import PRIVATE_FOLDER_MODE, PRIVATE_MODE, make_folder, open_own
from glancemetrics.formats.posted_frames import (
    HEAD_BYTES,
    Posted,
    frame_size,
    frames_in,
    to_frame,
)
from glancemetrics.formats.posted_keys import (
    KEPT_SECONDS,
    RECORD_BYTES,
    PostedKeys,
    to_record,
)

SEGMENT_BYTES = 16 << 20
"""Size from which on the next request begins another segment."""
READ_BYTES = 4 << 20
"""Bytes read at once; one request may be larger."""
_SEGMENT, _KEYS = ".lines", ".keys"
_HOUR = 3600


@attrs.frozen
class Found:
    """What a spool has at the start."""

    sizes: dict[int, int]
    """{segment: bytes of its whole frames}"""
    damaged: dict[int, int]
    """{segment: bytes after its last whole frame}, of those with any"""


@attrs.frozen
class Read:
    """Requests that were read at once, in the order of their acceptance."""

    requests: tuple[Posted, ...]
    begin: Place
    end: Place
    counted: int = 0
    """How many of its chunks were counted by an earlier run."""


class Spool:
    """The files of a spool."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None
        self._number = 0
        """The segment of the file."""
        self._records: dict[int, bytearray] = {}
        """{segment: the records of its keys}"""

    def open(self, keys: PostedKeys, now: float) -> Found:
        """Look at all files, and restore the keys in them. Raises `OSError`."""
        make_folder(self._folder, PRIVATE_FOLDER_MODE)
        for path in sorted(self._folder.glob(f"*{_KEYS}")):
            if now - path.stat().st_mtime > KEPT_SECONDS:
                path.unlink()
            else:
                keys.restore(path.read_bytes(), int(now))
        sizes, damaged = {}, {}
        for number in self._numbers():
            whole = 0
            for posted, end in frames_in(self._path(number).read_bytes()):
                whole = end
                self._note(number, posted)
                keys.accept(posted)
            sizes[number] = whole
            left = self._path(number).stat().st_size - whole
            if left:
                damaged[number] = left
        keys.forget_old(int(now))
        return Found(sizes, damaged)

    def _numbers(self) -> list[int]:
        return sorted(
            int(path.stem) for path in self._folder.glob(f"*{_SEGMENT}") if path.stem.isdecimal()
        )

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012}{_SEGMENT}"

    def _note(self, number: int, posted: Posted) -> None:
        record = to_record(posted)
        if record:
            self._records.setdefault(number, bytearray()).extend(record)

    def begin(self, number: int) -> None:
        """Begin a segment, which must not exist. Raises `OSError`."""
        self.end()
        flags = os.O_WRONLY | os.O_APPEND | os.O_EXCL
        self._file = open_own(self._path(number), flags, PRIVATE_MODE)
        self._number = number
        self._sync_folder()

    def end(self) -> None:
        """Append no more to the segment."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def append(self, number: int, size: int, requests: Sequence[Posted]) -> int:
        """Append requests to the segment that was begun, which has `size` bytes.

        Returns its new size once they are on the disk. Raises `OSError`: then none of them is, and
        nothing more may be appended to this segment.
        """
        assert self._file is not None
        try:
            for posted in requests:
                _write_all(self._file, to_frame(posted))
            os.fdatasync(self._file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, size)
                os.fsync(self._file)
            self.end()
            raise
        for posted in requests:
            self._note(number, posted)
        return os.fstat(self._file).st_size

    def read(self, begin: Place, limit: int, until: Place | None = None) -> Read:
        """Read requests of a segment, up to `limit` bytes of it.

        It ends at `until`, if that is in the segment, else after `READ_BYTES` or one request, or
        where a request is damaged. Raises `OSError`.
        """
        number, offset = begin
        stop = min(limit, until[1]) if until is not None and until[0] == number else limit
        with self._path(number).open("rb", buffering=0) as file:
            size = min(stop - offset, READ_BYTES) if until is None else stop - offset
            data = os.pread(file.fileno(), size, offset)
            first = frame_size(data[:HEAD_BYTES])
            if first is not None and first > len(data):
                data = os.pread(file.fileno(), min(first, stop - offset), offset)
        found = list(frames_in(data))
        end = found[-1][1] if found else 0
        return Read(tuple(posted for posted, _ in found), begin, (number, offset + end))

    def remove(self, numbers: Iterable[int], now: float) -> None:
        """Delete segments, and keep their keys. Raises `OSError`."""
        numbers = list(numbers)
        if self._number in numbers:
            self.end()
        records = b"".join(bytes(self._records.get(number, b"")) for number in numbers)
        if records:
            self._keep_keys(records, now)
        for number in numbers:
            self._path(number).unlink(missing_ok=True)
            self._records.pop(number, None)

    def _keep_keys(self, records: bytes, now: float) -> None:
        for path in self._folder.glob(f"*{_KEYS}"):
            if now - path.stat().st_mtime > KEPT_SECONDS:
                path.unlink()
        path = self._folder / f"{int(now // _HOUR):012}{_KEYS}"
        file = open_own(path, os.O_WRONLY | os.O_APPEND, PRIVATE_MODE)
        try:
            # A record that was written in part must not shift those after it.
            size = os.fstat(file).st_size
            os.ftruncate(file, size - size % RECORD_BYTES)
            _write_all(file, records)
            os.fsync(file)
        finally:
            os.close(file)
        self._sync_folder()

    def _sync_folder(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def after(place: Place, sizes: dict[int, int]) -> Place:
    """Return where to read next: in the next segment, if one was read to its end.

    `sizes` are {segment: bytes}; a segment that is no longer there was read.
    """
    number, offset = place
    if number in sizes and offset < sizes[number]:
        return place
    later = [one for one in sizes if one > number]
    return (min(later), 0) if later else place


def unread(place: Place, sizes: dict[int, int]) -> int:
    """Return the bytes after a place."""
    number, offset = place
    there = max(0, sizes.get(number, 0) - offset)
    return there + sum(size for one, size in sizes.items() if one > number)


def counted_segments(place: Place, sizes: dict[int, int]) -> Iterator[int]:
    """Yield the segments that lie before a place as a whole."""
    for number, size in sizes.items():
        if number < place[0] or (number == place[0] and place[1] >= size):
            yield number
