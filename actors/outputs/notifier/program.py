"""Runs a program for notifications: with a time limit and a minimal environment."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

import attrs
import trio

_INHERITED = ("PATH", "HOME", "LANG", "TZ")
"""The part of our environment that a program gets. The rest may hold other targets' secrets."""
_MOST_STDERR = 64 * 1024
"""Bytes of stderr kept: the last ones."""
_PIECE = 16 * 1024


@attrs.frozen
class Program:
    """A command, run without a shell in its own session."""

    command: Sequence[str]
    timeout: float
    """Seconds after which the program and the processes it started are killed."""
    environment: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Variables besides `PATH`, `HOME`, `LANG` and `TZ`."""

    async def run(self, data: bytes) -> tuple[int, str]:
        """Run it with `data` on its standard input.

        Returns the exit status (negative: the signal that ended it) and the last line of its
        stderr. Does not wait for processes it leaves behind. Raises `trio.TooSlowError`, and
        `OSError` if it cannot be started.
        """
        process = await trio.lowlevel.open_process(
            list(self.command),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=environment_of(self.environment),
        )
        said = _Tail()
        try:
            with trio.move_on_after(self.timeout):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_feed, process, data)
                    nursery.start_soon(said.read, process)
                    await process.wait()
                    # A process that it leaves behind may hold stdin and stderr open forever.
                    nursery.cancel_scope.cancel()
            if process.returncode is None:
                raise trio.TooSlowError
            said.read_rest(process)
        finally:
            if process.returncode is None:
                _kill_session(process)
                with trio.CancelScope(shield=True):
                    await process.wait()
            with trio.CancelScope(shield=True):
                for stream in (process.stdin, process.stderr):
                    assert stream is not None
                    await stream.aclose()
        return process.returncode or 0, said.last_line()


def environment_of(added: Mapping[str, str]) -> dict[str, str]:
    """Return a program's environment: a few of our variables, and the added ones."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | dict(added)


def _kill_session(process: trio.Process) -> None:
    """Kill a program that was not waited for yet, and what it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()  # in case it made itself the leader of another group


async def _feed(process: trio.Process, data: bytes) -> None:
    assert process.stdin is not None
    with suppress(trio.BrokenResourceError):  # it does not have to read it
        await process.stdin.send_all(data)
    await process.stdin.aclose()


class _Tail:
    """The end of a program's stderr."""

    def __init__(self) -> None:
        self._pieces: deque[bytes | bytearray] = deque()
        self._size = 0

    async def read(self, process: trio.Process) -> None:
        """Read until all holders have closed the pipe."""
        assert process.stderr is not None
        while piece := await process.stderr.receive_some(_PIECE):
            self._add(piece)

    def read_rest(self, process: trio.Process) -> None:
        """Read what is in the pipe now, without waiting."""
        assert isinstance(process.stderr, trio.lowlevel.FdStream)
        for _ in range(_MOST_STDERR // _PIECE):
            try:
                piece = os.read(process.stderr.fileno(), _PIECE)
            except BlockingIOError:
                return
            if not piece:
                return
            self._add(piece)

    def last_line(self) -> str:
        """Return the last line that is not empty."""
        lines = b"".join(self._pieces).decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def _add(self, piece: bytes | bytearray) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        while self._size > _MOST_STDERR:
            self._size -= len(self._pieces.popleft())
