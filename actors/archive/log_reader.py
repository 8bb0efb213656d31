"""Reads logs in chunks of whole lines, lets workers decode them, and keeps their order."""

from __future__ import annotations

import itertools
import os
import select
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, BinaryIO, Generic, TypeVar

import attrs

from actors.archive.logs import LogFile
from actors.archive.workers import Buffer, Lines, Pending, Workers
from actors.files.decompression import (
    ArchiveError,
    DamagedError,
    archive_of,
    compression_of,
    decompressed,
)
from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.line_times import line_times
from glancemetrics.formats.log_format import (
    UNKNOWN,
    Decoded,
    LineContext,
    LogFormat,
    directives_after,
    reject_samples,
)
from glancemetrics.formats.pieces import MOST_HELD, Pieces, unfinished
from glancemetrics.formats.plain import PlainChunk, split_plain
from glancemetrics.lines.line_ends import ReadAt
from glancemetrics.lines.splitter import (
    OVERLONG_REASON,
    LineSplitter,
    find_overlong,
    without_overlong,
)
from glancemetrics.lines.time_bisect import Span, directives_before, find_span
from glancemetrics.records.rejects import Reject, of_source, reject_of
from glancemetrics.records.schema import with_source
from glancemetrics.records.time_span import TimeSpan

CHUNK_BYTES = 4 << 20
"""Large enough to keep Python's share of the work small, small enough to hold several chunks."""
PLAIN_CHUNK_BYTES = 1 << 20
"""Plain lines stay in the processor's cache until they are counted."""
CHUNKS_KEPT = 2
"""Chunks whose lines are kept for what is counted aside."""
_LIVE_PIECE = 1 << 16
_POLL_SECONDS = 0.1
_BINARY_SAMPLE = 1 << 12
_SHORTER = "became shorter while it was read; lines before that are counted"

Result = TypeVar("Result")


@attrs.frozen(eq=False)
class ReadChunk(Generic[Result]):
    """The result of one chunk."""

    log: int
    """The index of the log."""
    lines: int
    rejects: int
    foreign: int
    """Lines of other programs."""
    samples: tuple[Reject, ...]
    """Some of the rejects."""
    result: Result | None
    """The result of the work on the decoded lines; `None` if there is only `trouble`."""
    read_bytes: int
    """Bytes read from disk for it."""
    trouble: str | None = None
    """Why the log could not be read further."""
    damaged: int = 0
    """Records with an unreadable field."""


@attrs.frozen
class Piece:
    """A chunk without its lines."""

    log: int
    directives: bytes = b""
    """The directives in effect before its lines."""
    overlong: tuple[bytes, ...] = ()
    read_bytes: int = 0
    trouble: str | None = None


@attrs.frozen(eq=False)
class _Block:
    lines: Lines
    overlong: tuple[bytes, ...] = ()
    read_bytes: int = 0
    trouble: str | None = None
    buffer: Buffer | None = None
    """The buffer of the lines, if it is to be reused."""
    directives: bytes = b""
    """The directives in effect before a block in the middle of a log."""


class LogReader(Generic[Result]):
    """Reads logs one after the other, and runs some work on the decoded lines.

    `stopped` is checked between chunks.
    """

    def __init__(
        self,
        logs: list[LogFile],
        work: Callable[[Decoded], Result],
        *,
        context: LineContext = UNKNOWN,
        span: TimeSpan | None = None,
        stopped: Callable[[], bool] = lambda: False,
        chunk_bytes: int = CHUNK_BYTES,
        plain_work: Callable[[PlainChunk], Result | None] | None = None,
    ) -> None:
        """`plain_work` is done on mostly plain chunks instead; if it is `None`, on none.

        For a chunk for which it returns `None`, the usual work is done.
        """
        self._logs = logs
        self._plain_work = plain_work
        self._work = work
        self._context = context
        self._span = span
        self._stopped = stopped
        self.chunk_bytes = chunk_bytes
        self._spare: Buffer | None = None
        """An unused buffer."""

    def chunks(self, workers: Workers[Piece, ReadChunk[Result]]) -> Iterator[ReadChunk[Result]]:
        """Yield chunks in order; the work of `workers` is `chunk_of`.

        The lines of a chunk are kept until `CHUNKS_KEPT` more were asked for.
        """
        waiting: deque[tuple[Pending[ReadChunk[Result]], Buffer | None]] = deque()
        held: deque[Buffer] = deque()
        for number, log in enumerate(self._logs):
            directives = b""
            for block in self._blocks(log, workers):
                directives = block.directives or directives
                piece = Piece(number, directives, block.overlong, block.read_bytes, block.trouble)
                if log.format.directives:
                    # Copied before the block is submitted, as its memory may be reused.
                    directives = directives_after(
                        directives, bytes(block.lines), log.format.directives
                    )
                pending = workers.submit(piece, block.lines, block.buffer)
                waiting.append((pending, block.buffer))
                while len(waiting) > workers.most_waiting or (
                    waiting and waiting[0][0].done() and not workers.want_more()
                ):
                    yield from _next_of(waiting, held, workers)
                if self._stopped():
                    break
            if self._stopped():
                break
        while waiting:
            yield from _next_of(waiting, held, workers)

    def chunk_of(self, piece: Piece, lines: Lines) -> ReadChunk[Result]:
        """Decode lines and do the work on them."""
        if not lines and not piece.overlong:
            return ReadChunk(piece.log, 0, 0, 0, (), None, piece.read_bytes, piece.trouble)
        log_format = self._logs[piece.log].format
        context = self._context
        if piece.directives:
            context = attrs.evolve(context, directives=piece.directives)
        if self._plain_work is not None:
            split = split_plain(log_format, lines, context)
            result = None if split is None else self._plain_work(split)
            if split is not None and result is not None:
                return self._read(piece, split.plain.lines, split.left, split.rest, result)
        decoded = guarded_decode(log_format, lines, context)
        batch = with_source(decoded.batch, self._logs[piece.log].name)
        decoded = attrs.evolve(decoded, batch=batch)
        return self._read(piece, decoded.lines, lines, decoded, self._work(decoded))

    def _read(
        self, piece: Piece, count: int, lines: Lines, decoded: Decoded, result: Result
    ) -> ReadChunk[Result]:
        """Return a chunk of `count` lines, of which some or all were decoded."""
        log = self._logs[piece.log]
        overlong = tuple(reject_of(line, OVERLONG_REASON) for line in piece.overlong)
        return ReadChunk(
            piece.log,
            count + len(overlong),
            decoded.rejects + len(overlong),
            decoded.foreign,
            of_source(reject_samples(lines, decoded, log.format) + overlong, log.name),
            result,
            piece.read_bytes,
            piece.trouble,
            len(decoded.damaged),
        )

    def _blocks(self, log: LogFile, workers: Workers[Any, Any]) -> Iterator[_Block]:
        try:
            with log.open() as file:
                if log.size is None:
                    yield from self._stream(file, workers, log.format)
                elif log.compression is not None:
                    yield from self._compressed(file, log.compression, workers, log.format)
                else:
                    yield from self._plain(file, workers, log.format)
        except OSError as error:
            yield _Block(b"", trouble=error.strerror or str(error))

    def _plain(
        self, file: BinaryIO, workers: Workers[Any, Any], log_format: LogFormat
    ) -> Iterator[_Block]:
        if _is_binary(file.read(_BINARY_SAMPLE), log_format):
            yield _Block(b"", trouble="not a log file: binary data")
            return
        span = self._file_span(file, log_format)
        at, skipped = span.start, span.start
        if at and log_format.directives:
            known = directives_before(_reader_of(file), at, log_format.directives)
            yield _Block(b"", directives=known)
        while at < span.end:
            if span.end - at <= self.chunk_bytes:
                yield from self._rest(file, span.end, at, skipped, log_format)
                return
            buffer = workers.buffer() if self._spare is None else self._spare
            self._spare = buffer
            view = memoryview(buffer)
            size = os.preadv(file.fileno(), [view[: span.end - at]], at)
            if not size:
                yield _Block(b"", trouble=_SHORTER)
                return
            # The next block starts at the beginning of the line that this block cuts, so nothing
            # has to be joined; unless that is the last line, or an overlong one.
            cut = buffer.rfind(b"\n", 0, size) + 1
            if cut:
                cut -= unfinished(log_format, view[max(0, cut - MOST_HELD) : cut])
            if at + size >= span.end or not cut:
                yield from self._rest(file, span.end, at, skipped, log_format)
                return
            at += cut
            if find_overlong(buffer, cut):
                lines = without_overlong(bytes(view[:cut]))
                yield _Block(lines.whole, lines.overlong, cut + skipped)
            else:
                self._spare = None
                yield _Block(view[:cut], (), cut + skipped, buffer=buffer)
            skipped = 0

    def _rest(
        self, file: BinaryIO, end: int, at: int, skipped: int, log_format: LogFormat
    ) -> Iterator[_Block]:
        """Read from an offset to the end, with lines of any length."""
        splitter, pieces = LineSplitter(), Pieces(log_format)
        file.seek(at)
        while at < end:
            block = file.read(min(self.chunk_bytes, end - at))
            if not block:  # the last line is incomplete, and is dropped
                yield _Block(pieces.rest(), trouble=_SHORTER)
                return
            at += len(block)
            lines = splitter.feed(block)
            yield _Block(pieces.take(lines.whole), lines.overlong, len(block) + skipped)
            skipped = 0
        lines = splitter.flush()
        yield _Block(
            pieces.rest() + lines.whole, lines.overlong, os.fstat(file.fileno()).st_size - at
        )

    def _file_span(self, file: BinaryIO, log_format: LogFormat) -> Span:
        # Lines written while reading are left for the next report.
        size = os.fstat(file.fileno()).st_size
        if self._span is None:
            return Span(0, size)
        context = self._context
        if log_format.directives:
            head = os.pread(file.fileno(), _LIVE_PIECE, 0)
            known = directives_after(b"", head, log_format.directives)
            context = attrs.evolve(context, directives=known)
        times = line_times(log_format, context)
        return find_span(_reader_of(file), size, times, self._span.since, self._span.until)

    def _compressed(
        self, file: BinaryIO, compression: str, workers: Workers[Any, Any], log_format: LogFormat
    ) -> Iterator[_Block]:
        contents = _Contents(file, compression)
        first = next(contents, b"")
        if _is_binary(first[:_BINARY_SAMPLE], log_format):
            yield _Block(b"", trouble="not a log file: binary data")
            return
        blocks = itertools.chain((first,), contents)
        rest = yield from self._in_buffers(blocks, file.tell, workers, log_format)
        splitter, pieces = LineSplitter(), Pieces(log_format)
        at = file.tell()
        lines = splitter.feed(rest)
        for block in contents:  # some line is longer than a buffer
            yield _Block(pieces.take(lines.whole), lines.overlong, file.tell() - at)
            at = file.tell()
            lines = splitter.feed(block)
        last = pieces.take(lines.whole) + pieces.rest()
        if contents.trouble is None:  # otherwise the last line is incomplete, and is dropped
            last += splitter.flush().whole
        yield _Block(last, lines.overlong, trouble=contents.trouble)

    def _in_buffers(
        self,
        blocks: Iterable[bytes],
        tell: Callable[[], int],
        workers: Workers[Any, Any],
        log_format: LogFormat,
    ) -> Generator[_Block, None, bytes]:
        """Yield blocks as whole lines in buffers; returns the bytes that are left.

        It ends early where a whole buffer has no line that can be decoded. `tell` says how far the
        file is read.
        """
        buffer = workers.buffer() if self._spare is None else self._spare
        self._spare, view = buffer, memoryview(buffer)
        size = told = 0
        for block in blocks:
            left = memoryview(block)
            while left:
                count = min(len(left), len(view) - size)
                view[size : size + count] = left[:count]
                size, left = size + count, left[count:]
                if size < len(view):
                    continue
                now = tell()
                cut = buffer.rfind(b"\n") + 1
                cut -= unfinished(log_format, view[max(0, cut - MOST_HELD) : cut])
                if not cut:
                    yield _Block(b"", read_bytes=now - told)
                    return bytes(view) + left
                rest = bytes(view[cut:])
                if find_overlong(buffer, cut):
                    lines = without_overlong(bytes(view[:cut]))
                    yield _Block(lines.whole, lines.overlong, now - told)
                else:
                    self._spare = None
                    yield _Block(view[:cut], (), now - told, buffer=buffer)
                    buffer = workers.buffer()
                    self._spare, view = buffer, memoryview(buffer)
                told, size = now, len(rest)
                view[:size] = rest
        yield _Block(b"", read_bytes=tell() - told)
        return bytes(view[:size])

    def _stream(
        self, file: BinaryIO, workers: Workers[Any, Any], log_format: LogFormat
    ) -> Iterator[_Block]:
        """Read a stream, which may be slow and may be compressed."""
        first = self._next(file, _LIVE_PIECE)
        archive = archive_of(first)
        if archive is not None:
            yield _Block(b"", trouble=f"is {archive}; unpack it first")
            return
        compression = compression_of(first)
        if compression is not None:
            resumed: Any = _Resumed(first, file)
            yield from self._compressed(resumed, compression, workers, log_format)
            return
        splitter, pieces = LineSplitter(), Pieces(log_format)
        block = first
        while block:
            lines = splitter.feed(block)
            yield _Block(pieces.take(lines.whole), lines.overlong, len(block))
            block = self._next(file, self.chunk_bytes)
        lines = splitter.flush()
        yield _Block(pieces.rest() + lines.whole, lines.overlong)

    def _next(self, file: BinaryIO, size: int) -> bytes:
        """Read `size` bytes, or up to the end of the stream, or until stopped."""
        blocks = []
        while size > 0 and not self._stopped():
            if not select.select([file], [], [], _POLL_SECONDS)[0]:
                continue
            block = file.read(size)
            if not block:
                break
            blocks.append(block)
            size -= len(block)
        return b"".join(blocks)


def _next_of(
    waiting: deque[tuple[Pending[ReadChunk[Result]], Buffer | None]],
    held: deque[Buffer],
    workers: Workers[Any, Any],
) -> Iterator[ReadChunk[Result]]:
    """Yield the next chunk."""
    pending, buffer = waiting.popleft()
    yield pending.result()
    if buffer is not None:
        held.append(buffer)
    if len(held) > CHUNKS_KEPT:
        workers.give_back(held.popleft())


def _reader_of(file: BinaryIO) -> ReadAt:
    return lambda offset, count: os.pread(file.fileno(), count, offset)


def _is_binary(beginning: bytes, log_format: LogFormat) -> bool:
    if b"\0" not in beginning:
        return False
    whole = beginning[: beginning.rfind(b"\n") + 1]
    return not guarded_decode(log_format, whole).batch.num_rows


class _Contents:
    """The contents of a compressed file, block by block, up to what cannot be read."""

    def __init__(self, file: BinaryIO, compression: str) -> None:
        self._blocks = decompressed(file, compression)
        self.trouble: str | None = None
        """Why there are no more blocks; `None` at the end of the file."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._blocks)
        except ArchiveError as error:
            self.trouble = str(error)
        except DamagedError as error:
            self.trouble = f"{error}; lines before that are counted"
        raise StopIteration


class _Resumed:
    """A stream whose beginning has already been read."""

    def __init__(self, beginning: bytes, file: BinaryIO) -> None:
        self._beginning = beginning
        self._file = file
        self._at = 0

    def read(self, size: int) -> bytes:
        if self._beginning:
            block, self._beginning = self._beginning[:size], self._beginning[size:]
        else:
            block = self._file.read(size)
        self._at += len(block)
        return block

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    @property
    def closed(self) -> bool:
        return self._file.closed
