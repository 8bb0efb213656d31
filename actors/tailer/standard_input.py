"""Reads standard input until it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import struct
import termios
from collections.abc import Awaitable, Callable

import attrs
import trio

from actors.messages import Chunk, FromTailer
from actors.tailer.paths import STANDARD_INPUT
from glancemetrics.formats.log_format import LogFormat, directives_after
from glancemetrics.formats.pieces import Pieces
from glancemetrics.line_splitter import Lines, LineSplitter
from glancemetrics.snapshot import SourceHealth, SourceState

_READ_SIZE = 4 << 20
_GATHER_SECONDS = 0.1
"""A pipe hands out 64 kB at a time; so long its pieces are gathered into one chunk."""
_PIPE_SIZE = 1 << 20
_F_SETPIPE_SZ = 1031


async def read_standard_input(
    descriptor: int, log_format: LogFormat, say: Callable[[FromTailer], Awaitable[None]]
) -> None:
    """Hand on the lines of a pipe, a terminal or a redirected file until it ends."""
    splitter, pieces = LineSplitter(), Pieces(log_format)
    waits = _waits(descriptor)
    await say(SourceHealth(STANDARD_INPUT, SourceState.READING))
    with contextlib.suppress(OSError):  # no pipe, or not that large
        fcntl.fcntl(descriptor, _F_SETPIPE_SZ, _PIPE_SIZE)
    fresh = False
    directives = b""
    while True:
        piece = await (_read_pipe(descriptor) if waits else _read_file(descriptor))
        if not piece.bytes and piece.ended:
            break
        lines = splitter.feed(piece.bytes)
        lines = Lines(pieces.take(lines.whole), lines.overlong)
        await say(_chunk(lines, log_format, directives, piece.left, fresh and waits))
        directives = directives_after(directives, lines.whole, log_format.directives)
        fresh = not piece.left
    last = splitter.flush()
    lines = Lines(pieces.rest() + last.whole, last.overlong)
    if lines:
        await say(_chunk(lines, log_format, directives, 0, fresh))
    await say(SourceHealth(STANDARD_INPUT, SourceState.ENDED, "standard input has ended"))


def _waits(descriptor: int) -> bool:
    """Tell whether it can be waited for: a pipe, a socket or a terminal, but no file or device."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)


@attrs.frozen
class _Piece:
    bytes: bytes
    left: int
    """Bytes that are known to wait."""
    ended: bool


def _chunk(lines: Lines, log_format: LogFormat, directives: bytes, left: int, fresh: bool) -> Chunk:
    return Chunk(
        STANDARD_INPUT,
        lines.whole,
        log_format,
        directives,
        lines.overlong,
        caught_up=not left,
        fresh=fresh,
        lag_bytes=left,
    )


async def _read_file(descriptor: int) -> _Piece:
    piece = await trio.to_thread.run_sync(os.read, descriptor, _READ_SIZE)
    left = 0
    with contextlib.suppress(OSError):  # a device has no place
        left = os.fstat(descriptor).st_size - os.lseek(descriptor, 0, os.SEEK_CUR)
    return _Piece(piece, max(0, left), not piece)


async def _read_pipe(descriptor: int) -> _Piece:
    pieces: list[bytes] = []
    size = 0
    ended = False
    deadline = trio.current_time() + _GATHER_SECONDS
    while size < _READ_SIZE and not ended:
        with trio.move_on_at(deadline if pieces else float("inf")) as scope:
            await trio.lowlevel.wait_readable(descriptor)
        if scope.cancelled_caught:
            break
        # Readable: what is there comes at once, so this does not block the loop.
        piece = os.read(descriptor, _READ_SIZE - size)
        if not pieces:
            deadline = trio.current_time() + _GATHER_SECONDS
        ended = not piece
        pieces.append(piece)
        size += len(piece)
    return _Piece(b"".join(pieces), _waiting(descriptor), ended)


def _waiting(descriptor: int) -> int:
    """Bytes that can be read at once."""
    try:
        answer = fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0))
    except OSError:
        return 0
    return int(struct.unpack("i", answer)[0])
