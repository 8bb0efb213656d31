"""Runs `journalctl`, and reads what it prints.

Source: https://www.freedesktop.org/software/systemd/man/latest/journalctl.html
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import math
import signal
import subprocess
import termios
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import attrs
import trio
from trio.lowlevel import FdStream

from actors.sources.gathering import GATHER_SECONDS

_PROGRAM = "journalctl"
_READ_SIZE = 1 << 20
"""Bytes that are gathered into one chunk, at most."""
_F_SETPIPE_SZ = 1031
_PIPE_SIZE = 1 << 20
_KEPT_ERRORS = 8192
"""Bytes of what it printed on standard error."""

_HIDDEN = "not seeing messages from other users"
_REFUSED = "insufficient permissions"
_NO_CURSOR = "seek to cursor"
_NO_FILES = "No journal files were found"
NO_PERMISSION = (
    "permission denied: the journal's entries of other users are hidden; "
    "try: sudo usermod -aG systemd-journal $USER, then log in again"
)

NO_JOURNAL = (
    "no journal found: systemd-journald keeps none here, or /var/log/journal is not mounted into "
    "this container"
)
FINAL = (NO_PERMISSION, NO_JOURNAL)
"""Reasons that do not disappear by themselves within seconds."""


class JournalctlError(Exception):
    """journalctl cannot do what is asked; the text is a sentence for people."""


@attrs.frozen
class Piece:
    """Some output of journalctl."""

    bytes: bytes
    """Empty at its end."""
    left: int
    """Bytes known to be waiting in the pipe."""


class Journalctl:
    """A running journalctl. Nothing is read ahead: it waits while its pipe is full."""

    def __init__(self, process: trio.Process, output: FdStream) -> None:
        self._process = process
        self._output = output
        self._ended = False
        self._errors = bytearray()
        self._errors_read = trio.Event()

    async def read(self) -> Piece:
        """Return what was printed in the next moment, as soon as there is something."""
        pieces: list[bytes] = []
        size = 0
        deadline = math.inf
        while size < _READ_SIZE and not self._ended:
            with trio.move_on_at(deadline) as moment:
                piece = await self._output.receive_some(_READ_SIZE - size)
                self._ended = not piece
                pieces.append(piece)
                size += len(piece)
            if moment.cancelled_caught:
                break
            deadline = min(deadline, trio.current_time() + GATHER_SECONDS)
        return Piece(b"".join(pieces), 0 if self._ended else _waiting(self._output.fileno()))

    async def ended(self) -> None:
        """Wait for its end, after its output has ended. Raises `JournalctlError` if it failed."""
        await self._errors_read.wait()
        code = await self._process.wait()
        said = self._errors.decode("utf-8", "replace")
        if code == 0:
            return
        if _REFUSED in said:
            raise JournalctlError(NO_PERMISSION)
        if code < 0:
            raise JournalctlError(f"journalctl was ended by {signal.Signals(-code).name}")
        lines = said.split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        raise JournalctlError(f"journalctl failed: {last[:200] or f'exit status {code}'}")

    @property
    def hides_entries(self) -> bool:
        """Whether it has said that this user may not read all entries."""
        return _HIDDEN.encode() in self._errors

    @property
    def has_no_files(self) -> bool:
        """Whether it has said that there is no journal at all."""
        return _NO_FILES.encode() in self._errors

    @property
    def lost_cursor(self) -> bool:
        """Whether it has said that it cannot understand the cursor."""
        return _NO_CURSOR.encode() in self._errors

    async def take_errors(self, stream: trio.abc.ReceiveStream) -> None:
        """Read standard error to its end: if it were full, journalctl would wait for ever."""
        async for piece in stream:
            self._errors += piece
            del self._errors[:-_KEPT_ERRORS]
        self._errors_read.set()


@asynccontextmanager
async def journalctl(arguments: Sequence[str]) -> AsyncIterator[Journalctl]:
    """Run journalctl; it is killed at the end of the block. Raises `JournalctlError`."""
    try:
        process = await trio.lowlevel.open_process(
            [_PROGRAM, "--no-pager", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us: what it has read is still counted
        )
    except FileNotFoundError:
        raise JournalctlError("journalctl is not installed (any more)") from None
    except OSError as error:
        raise JournalctlError(f"journalctl cannot be started: {error.strerror}") from None
    failure: JournalctlError | None = None
    try:
        async with trio.open_nursery() as nursery:
            output, errors = process.stdout, process.stderr
            assert isinstance(output, FdStream)
            assert errors is not None
            with contextlib.suppress(OSError):  # larger than allowed
                fcntl.fcntl(output.fileno(), _F_SETPIPE_SZ, _PIPE_SIZE)
            running = Journalctl(process, output)
            nursery.start_soon(running.take_errors, errors)
            try:
                yield running
            except JournalctlError as error:
                failure = error  # raised alone, not as a group
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    await stream.aclose()


def _waiting(descriptor: int) -> int:
    """Return how many bytes can be read at once."""
    count = array.array("i", [0])
    try:
        fcntl.ioctl(descriptor, termios.FIONREAD, count)
    except OSError:
        return 0
    return count[0]
