"""Reads standard input until it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import struct
import termios
from collections.abc import Container

import attrs
import trio

from actors.files.decompression import compression_of
from actors.sources.desk import SourceDesk
from actors.sources.gathering import GATHER_SECONDS
from actors.sources.messages import Chunk, FromSource, SourceGone
from actors.sources.source import Say, cancel_on, saying
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.lines.splitter import Lines, LineSplitter
from glancemetrics.lines.tail_frames import FrameSorter
from glancemetrics.planning.sources import STANDARD_INPUT

_READ_SIZE = 4 << 20
_CATS = {
    "gzip": "zcat",
    "bzip2": "bzcat",
    "xz": "xzcat",
    "zstd": "zstdcat",
    "UTF-16": "iconv -f UTF-16",
}
"""{compression: what writes it as text to standard output}"""
_PIPE_SIZE = 1 << 20
_F_SETPIPE_SZ = 1031


@attrs.frozen
class StandardInput:
    """Standard input, as a source."""

    desk: SourceDesk

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        """Read until the end, or until `stop`: then the rest of the pipe is left unread."""
        taken = {text for text in self.desk.sources.texts if text != STANDARD_INPUT}
        async with send, trio.open_nursery() as nursery:
            nursery.start_soon(cancel_on, stop, nursery.cancel_scope)
            await read_standard_input(self.desk.standard_input(), saying(send), taken)
            nursery.cancel_scope.cancel()


async def read_standard_input(descriptor: int, say: Say, taken: Container[str] = ()) -> None:
    """Send the lines of a pipe, a terminal or a redirected file until it ends.

    In the output of `tail -F a b`, each file is a source with its name, unless that name is `taken`
    by another source.
    """
    splitter, sources = LineSplitter(), _Sources(say, taken)
    waits = _waits(descriptor)
    await say(SourceHealth(STANDARD_INPUT, SourceState.READING))
    with contextlib.suppress(OSError):  # not a pipe, or larger than allowed
        fcntl.fcntl(descriptor, _F_SETPIPE_SZ, _PIPE_SIZE)
    fresh = has_begun = False
    while True:
        piece = await (_read_pipe(descriptor) if waits else _read_file(descriptor))
        if not piece.bytes and piece.ended:
            break
        compression = None if has_begun else compression_of(piece.bytes)
        has_begun = True
        if compression is not None:
            said = f"is {compression}; try: {_CATS[compression]} FILE | glancemetrics"
            await say(SourceHealth(STANDARD_INPUT, SourceState.BLOCKED, said))
            return
        await sources.take(splitter.feed(piece.bytes), piece.left, fresh and waits)
        fresh = not piece.left
    await sources.end(splitter.flush(), fresh)


class _Sources:
    """The sources in standard input: itself, or the files that tail names."""

    def __init__(self, say: Say, taken: Container[str]) -> None:
        self._say = say
        self._frames = FrameSorter(STANDARD_INPUT, taken)
        self._names: dict[str, None] = {}
        """Sources with lines so far, in order of their first line."""
        self._last = STANDARD_INPUT
        self._behind: set[str] = set()
        """Sources reported as not caught up: older lines of theirs may still follow."""

    async def take(self, lines: Lines, left: int, fresh: bool) -> None:
        """Send lines; `left` more bytes are known to be waiting."""
        by_name = self._frames.sort(lines.whole)
        if lines.overlong:
            by_name.setdefault(self._last, b"")  # their file is unknown
        for name, whole in by_name.items():
            self._behind.add(name)
            if name != next(reversed(by_name)):
                await self._hand_on(name, Lines(whole), 0, caught_up=False, fresh=fresh)
            else:
                whole_lines = Lines(whole, lines.overlong)
                await self._hand_on(name, whole_lines, left, caught_up=not left, fresh=fresh)
                self._last = name
        if not by_name:
            self._behind.add(self._last)
        if left and not by_name:
            await self._say(SourceHealth(self._last, SourceState.READING, lag_bytes=left))
        elif not left:
            if by_name:
                self._behind.remove(self._last)
            for name in sorted(self._behind):
                await self._say(SourceHealth(name, SourceState.FOLLOWING))
            self._behind.clear()

    async def end(self, last: Lines, fresh: bool) -> None:
        """Send what was held back, and report that all sources have ended."""
        await self.take(last, 0, fresh)
        for name, whole in self._frames.rest().items():
            await self._hand_on(name, Lines(whole), 0, caught_up=True, fresh=fresh)
        for name in self._names or (STANDARD_INPUT,):
            await self._say(SourceHealth(name, SourceState.ENDED, "standard input has ended"))

    async def _hand_on(
        self, name: str, lines: Lines, left: int, *, caught_up: bool, fresh: bool
    ) -> None:
        if not self._names and name != STANDARD_INPUT:
            await self._say(SourceGone(STANDARD_INPUT))  # replaced by the named files
        self._names[name] = None
        chunk = Chunk(name, lines.whole, lines.overlong, caught_up, fresh, left)
        await self._say(chunk)


def _waits(descriptor: int) -> bool:
    """Tell whether it can be polled: a pipe, a socket or a terminal, but not a file or device."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)


@attrs.frozen
class _Piece:
    bytes: bytes
    left: int
    """Bytes known to be waiting."""
    ended: bool


async def _read_file(descriptor: int) -> _Piece:
    piece = await trio.to_thread.run_sync(os.read, descriptor, _READ_SIZE)
    left = 0
    with contextlib.suppress(OSError):  # a device has no position
        left = os.fstat(descriptor).st_size - os.lseek(descriptor, 0, os.SEEK_CUR)
    return _Piece(piece, max(0, left), not piece)


async def _read_pipe(descriptor: int) -> _Piece:
    pieces: list[bytes] = []
    size = 0
    ended = False
    deadline = trio.current_time() + GATHER_SECONDS
    while size < _READ_SIZE and not ended:
        with trio.move_on_at(deadline if pieces else float("inf")) as scope:
            await trio.lowlevel.wait_readable(descriptor)
        if scope.cancelled_caught:
            break
        # It is readable, so this does not block the event loop.
        piece = os.read(descriptor, _READ_SIZE - size)
        if not pieces:
            deadline = trio.current_time() + GATHER_SECONDS
        ended = not piece
        pieces.append(piece)
        size += len(piece)
    left = _waiting(descriptor)
    if size >= _READ_SIZE and not left:
        # Whoever writes so much at once is only slower than this, or has ended.
        with trio.move_on_after(GATHER_SECONDS):
            await trio.lowlevel.wait_readable(descriptor)
            left = max(1, _waiting(descriptor))
    return _Piece(b"".join(pieces), left, ended)


def _waiting(descriptor: int) -> int:
    """Return how many bytes can be read at once."""
    try:
        answer = fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0))
    except OSError:
        return 0
    return int(struct.unpack("i", answer)[0])
