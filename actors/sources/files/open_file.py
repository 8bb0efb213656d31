"""Files being read, plain and compressed."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import termios
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from typing import BinaryIO, Protocol

import attrs

from actors.files.decompression import DamagedError, decompressed
from actors.sources.files.identity import Identity
from actors.sources.files.marks import HEAD_BYTES, TAIL_BYTES, FileMark, Head, Milestone, digest
from actors.sources.files.rotation import Sibling, open_sibling
from glancemetrics.lines.splitter import Lines, LineSplitter

_PIPE_SIZE = 1 << 20
_MILESTONES_APART = 1.0
_MOST_MILESTONES = 64
"""Kernels write dirty pages to disk after half a minute (`dirty_expire_centisecs`)."""
_PARKED = -1
_MORE = 1 << 16
"""Bytes that may have been written since the size of a file was looked up."""
READ_SIZE = 4 << 20
"""Maximum bytes read in one look. A small chunk costs the parser as much as one of 100 kB."""


class FileReader(Protocol):
    """A file being read."""

    @property
    def identity(self) -> Identity: ...

    @property
    def last_growth(self) -> float:
        """When the last bytes were read."""

    @property
    def is_copy(self) -> bool:
        """Whether its incomplete last line continues in another file."""

    def changed(self) -> int:
        """Return its modification time, nanoseconds since the epoch. Raises `OSError`."""

    def peek(self) -> tuple[bytes, bool]:
        """Return the next piece, and whether it reaches the end. Raises `OSError`."""

    def take(self, piece: bytes, now: float) -> Lines:
        """Move past the next piece; returns its lines. Raises `OSError`."""

    def lag(self) -> int:
        """Return how many bytes are left to read, as far as known."""

    def mark(self, changed: int) -> FileMark:
        """Return how far it has been read; `changed` is its modification time."""

    def close(self) -> Lines:
        """Close it; returns the incomplete last line."""


@attrs.define(eq=False)
class OpenFile:
    """A plain file, whatever its name."""

    descriptor: int
    identity: Identity
    position: int = 0
    splitter: LineSplitter = attrs.field(factory=LineSplitter)
    last_growth: float = 0.0
    is_copy: bool = False
    skipped: int = 0
    """NUL bytes skipped at its beginning."""
    _is_in_hole: bool = False
    """Whether more NUL bytes may follow."""
    _head: bytes = b""
    """Its first `HEAD_BYTES` as they were read; the file may have changed since."""
    _tail: bytes = b""
    """The last `TAIL_BYTES` before the position."""
    _milestones: tuple[Milestone, ...] = ()
    _milestone_at: float = float("-inf")
    """When the last milestone was reached."""

    def __attrs_post_init__(self) -> None:
        self.go_to(self.position)

    def go_to(self, position: int) -> None:
        """Continue at a position. Raises `OSError`."""
        self.position = position
        self._head = self._tail = b""
        if position:
            size = min(position, TAIL_BYTES)
            self._head = os.pread(self.descriptor, min(position, HEAD_BYTES), 0)
            self._tail = os.pread(self.descriptor, size, position - size)

    @property
    def is_parked(self) -> bool:
        """Whether its descriptor is closed until `resume`."""
        return self.descriptor < 0

    def park(self) -> None:
        """Close its descriptor while the file is idle."""
        os.close(self.descriptor)
        self.descriptor = _PARKED

    def resume(self, path: str) -> bool:
        """Reopen it; returns whether the path still names this file. Raises `OSError`."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if Identity.of(os.fstat(descriptor)) != self.identity:
            os.close(descriptor)
            return False
        self.descriptor = descriptor
        return True

    def has_read(self, mark: FileMark) -> bool:
        """Tell whether it has the bytes that were read up to a mark. Raises `OSError`."""
        if mark.offset == 0:
            return self.identity == mark.identity
        if os.fstat(self.descriptor).st_size < mark.offset:
            return False
        return mark.is_of(lambda offset, size: os.pread(self.descriptor, size, offset))

    def go_on(self, mark: FileMark, splitter: LineSplitter) -> bool:
        """Resume at a mark; returns whether the bytes before it still match. Raises `OSError`."""
        self.go_to(mark.offset)
        self.splitter, self._milestones = splitter, mark.milestones
        return digest(self._head) == mark.head and digest(self._tail) == mark.tail

    def shortened(self, mark: FileMark) -> FileMark | None:
        """Return where to resume if this is the file of a mark but lost its end.

        Raises `OSError`.
        """
        if self.identity != mark.identity:
            return None
        return mark.shortened(lambda offset, size: os.pread(self.descriptor, size, offset))

    def beginning(self) -> bytes:
        """Return its first bytes. Raises `OSError`."""
        return self._head if self.is_parked else os.pread(self.descriptor, HEAD_BYTES, 0)

    def begins(self, head: Head) -> bool:
        """Tell whether it has the same beginning as another file. Raises `OSError`."""
        if self.is_parked:
            return len(self._head) >= head.size and digest(self._head[: head.size]) == head.digest
        return digest(os.pread(self.descriptor, head.size, 0)) == head.digest

    def has_been_replaced(self) -> bool:
        """Tell whether the bytes that were read are gone: the file was truncated or rewritten."""
        if os.fstat(self.descriptor).st_size < self.position:
            return True
        size = len(self._tail)
        return os.pread(self.descriptor, size, self.position - size) != self._tail

    def begin_anew(self) -> None:
        """Start again at the beginning; an incomplete line is kept."""
        self.go_to(0)
        self._milestones = ()

    def _skip_hole(self) -> None:
        """Skip the NUL bytes that a writer without O_APPEND leaves after a truncation.

        On file systems without holes, it skips one `READ_SIZE` at a time.
        """
        size = os.fstat(self.descriptor).st_size
        if not size or os.pread(self.descriptor, 1, self.position) != b"\0":
            self._is_in_hole = False
            return
        try:
            self.position = os.lseek(self.descriptor, self.position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole up to the end
                self.position = size
        end = self.position + READ_SIZE
        while self.position < end:
            block = os.pread(self.descriptor, 1 << 16, self.position)
            data = block.lstrip(b"\0")
            self.position += len(block) - len(data)
            if data or not block:
                break
        self._is_in_hole = self.position >= end
        self.skipped = self.position
        self.go_to(self.position)

    def peek(self) -> tuple[bytes, bool]:
        if not self.position or self._is_in_hole:
            self._skip_hole()
        if self._is_in_hole:
            return b"", False
        left = os.fstat(self.descriptor).st_size - self.position
        # A bit more than there was: otherwise another look would have to find the end.
        wanted = min(max(0, left) + _MORE, READ_SIZE)
        piece = os.pread(self.descriptor, wanted, self.position)
        return piece, len(piece) < wanted

    def take(self, piece: bytes, now: float) -> Lines:
        if not piece:
            return Lines()
        if now - self._milestone_at >= _MILESTONES_APART:
            self._note_milestone(piece, now)
        self.position += len(piece)
        self._head += piece[: HEAD_BYTES - len(self._head)]
        self._tail = (self._tail + piece[-TAIL_BYTES:])[-TAIL_BYTES:]
        self.last_growth = now
        return self.splitter.feed(piece)

    def _note_milestone(self, piece: bytes, now: float) -> None:
        end = piece.rfind(b"\n") + 1
        if end and self.position + end >= HEAD_BYTES:
            tail = (self._tail + piece[max(0, end - TAIL_BYTES) : end])[-TAIL_BYTES:]
            reached = (self.position + end, digest(tail))
            self._milestones, self._milestone_at = (
                (*self._milestones, reached)[-_MOST_MILESTONES:],
                now,
            )

    def lag(self) -> int:
        return max(0, os.fstat(self.descriptor).st_size - self.position)

    def changed(self) -> int:
        return os.fstat(self.descriptor).st_mtime_ns

    def mark(self, changed: int) -> FileMark:
        held, skipping = self.splitter.state
        head, tail = digest(self._head), digest(self._tail)
        return FileMark(
            self.identity, self.position, head, tail, changed, held, skipping, self._milestones
        )

    def close(self) -> Lines:
        if not self.is_parked:
            os.close(self.descriptor)
        return Lines() if self.is_copy else self.splitter.flush()


class OpenPipe(OpenFile):
    """A named pipe. It can be read only once, so it cannot be resumed."""

    @classmethod
    def at(cls, path: str) -> OpenPipe:
        """Open a pipe so that writers may disconnect and reconnect. Raises `OSError`."""
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        with suppress(OSError):  # larger than the system allows
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        return cls(descriptor, Identity.of(os.fstat(descriptor)))

    def peek(self) -> tuple[bytes, bool]:
        pieces: list[bytes] = []
        size = 0
        while size < READ_SIZE:
            try:
                piece = os.read(self.descriptor, READ_SIZE - size)
            except BlockingIOError:
                break
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces), size < READ_SIZE

    def take(self, piece: bytes, now: float) -> Lines:
        if piece:
            self.last_growth = now
        return self.splitter.feed(piece)

    def lag(self) -> int:
        answer = fcntl.ioctl(self.descriptor, termios.FIONREAD, struct.pack("i", 0))
        return int(struct.unpack("i", answer)[0])

    def changed(self) -> int:
        return 0

    def begins(self, head: Head) -> bool:
        del head
        return False


class CompressedFile:
    """A compressed rotated file, read from the byte up to which the plain file had been read."""

    def __init__(
        self,
        descriptor: int,
        sibling: Sibling,
        mark: FileMark | None,
        splitter: LineSplitter,
        is_copy: bool,
    ) -> None:
        """`mark`: how far it had been read; `None`: not at all."""
        self.identity = sibling.identity
        self._changed = sibling.changed
        self.last_growth = float("-inf")  # it no longer grows
        self.is_copy = is_copy
        self.damage = ""
        """The damage found in it, if any."""
        self._splitter = splitter
        self._file = FileIO(descriptor)
        assert sibling.compression is not None
        self._blocks = decompressed(self._file, sibling.compression)
        self._offset = 0
        self._skip = 0 if mark is None else mark.offset
        self._head = bytearray()
        self._tail = b""

    def changed(self) -> int:
        return self._changed

    def peek(self) -> tuple[bytes, bool]:
        pieces: list[bytes] = []
        size = 0
        ended = False
        while size < READ_SIZE and not ended:
            try:
                block = next(self._blocks, b"")
            except DamagedError as error:
                self.damage = str(error)
                block = b""
            ended = not block
            if len(self._head) < HEAD_BYTES:
                self._head += block[: HEAD_BYTES - len(self._head)]
            wanted = block[max(0, self._skip - self._offset) :]
            self._offset += len(block)
            self._tail = (self._tail + block[-TAIL_BYTES:])[-TAIL_BYTES:]
            pieces.append(wanted)
            size += len(wanted)
        return b"".join(pieces), ended

    def take(self, piece: bytes, now: float) -> Lines:
        del now
        return self._splitter.feed(piece)

    def lag(self) -> int:
        return 0

    def mark(self, changed: int) -> FileMark:
        held, skipping = self._splitter.state
        offset = max(self._offset, self._skip)
        head, tail = digest(bytes(self._head[:offset])), digest(self._tail)
        return FileMark(self.identity, offset, head, tail, changed, held, skipping)

    def close(self) -> Lines:
        self._file.close()
        return Lines() if self.is_copy else self._splitter.flush()


def beginning_of(sibling: Sibling, size: int = HEAD_BYTES) -> bytes:
    """Return the (decompressed) beginning of a file. Raises `OSError`."""
    with FileIO(open_sibling(sibling)) as file:
        if sibling.compression is None:
            return os.pread(file.fileno(), size, 0)
        return next(_blocks(file, sibling.compression), b"")[:size]


def head_of(sibling: Sibling, size: int = HEAD_BYTES) -> Head:
    """Return the head of a file. Raises `OSError`."""
    return head_from(sibling.identity, beginning_of(sibling, size))


def head_from(identity: Identity, beginning: bytes) -> Head:
    """Return the head of a file with this beginning."""
    return Head(identity, len(beginning), digest(beginning))


def is_of(path: str, head: Head) -> bool:
    """Tell whether an uncompressed file begins like a known one."""
    try:
        with FileIO(path) as file:
            return bool(head.size) and digest(os.pread(file.fileno(), head.size, 0)) == head.digest
    except OSError:
        return False


def has_read(sibling: Sibling, mark: FileMark) -> bool:
    """Tell whether a file has the bytes that were read up to a mark. Raises `OSError`."""
    if mark.offset == 0:
        return sibling.identity == mark.identity and sibling.compression is None
    if sibling.compression is None and sibling.size < mark.offset:
        return False
    with FileIO(open_sibling(sibling)) as file:
        if sibling.compression is None:
            return mark.is_of(lambda offset, size: os.pread(file.fileno(), size, offset))
        return _stream_has_read(file, sibling.compression, mark)


def shortened(sibling: Sibling, mark: FileMark) -> FileMark | None:
    """Return where to resume in a file that has lost its end. Raises `OSError`."""
    if sibling.identity != mark.identity or sibling.compression is not None:
        return None
    with FileIO(open_sibling(sibling)) as file:
        return mark.shortened(lambda offset, size: os.pread(file.fileno(), size, offset))


def _stream_has_read(file: BinaryIO, compression: str, mark: FileMark) -> bool:
    """The same for a compressed file, which can only be read from its beginning."""
    head = bytearray()
    tail = b""
    offset = 0
    begin = mark.offset - min(mark.offset, TAIL_BYTES)
    for block in _blocks(file, compression):
        if len(head) < HEAD_BYTES:
            head += block[: HEAD_BYTES - len(head)]
            enough = min(mark.offset, HEAD_BYTES)
            if len(head) >= enough and digest(bytes(head[:enough])) != mark.head:
                return False
        tail += block[max(0, begin - offset) : max(0, mark.offset - offset)]
        offset += len(block)
        if offset >= mark.offset:
            break
    enough = min(mark.offset, HEAD_BYTES)
    return digest(bytes(head[:enough])) == mark.head and digest(tail) == mark.tail


def _blocks(file: BinaryIO, compression: str) -> Iterator[bytes]:
    try:
        yield from decompressed(file, compression)
    except DamagedError:
        return
