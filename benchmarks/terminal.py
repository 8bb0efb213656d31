"""A program in a pseudo-terminal: keys go in; what it draws is read with its time of arrival."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import attrs
import pyte

from benchmarks.monitor import cpu_seconds

_LOOK_SECONDS = 0.05
_WHAT_ARE_YOU = b"\x1b[c"
"""Asks a terminal what kind it is (DA1); all answer, and programs wait for that."""
_A_TERMINAL = b"\x1b[?62;22c"


@attrs.frozen
class Piece:
    """What one read has returned."""

    time: float
    """By the monotonic clock."""
    drawn: bytes


class Terminal:
    """A terminal of a given size, and the program in it.

    Bytes are only read and kept while the program is measured: the emulator would take a good part
    of the machine. It is fed when somebody looks at the screen.
    """

    def __init__(self, descriptor: int, process: int, columns: int, rows: int) -> None:
        self._descriptor = descriptor
        self._process = process
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.pieces: list[Piece] = []
        """All that was read."""
        self._shown = 0
        """How many of them the emulator was fed with."""
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def rows(self) -> list[str]:
        """What the screen shows after all that was fed to the emulator."""
        return list(self.screen.display)

    def press(self, keys: str) -> float:
        """Type; return when, by the monotonic clock."""
        pressed = time.monotonic()
        os.write(self._descriptor, keys.encode())
        return pressed

    def until(
        self, shows: Callable[[list[str]], bool], seconds: float = 30.0, *, rest: float = 0.0
    ) -> float:
        """Return when the bytes arrived after which the screen shows something.

        `rest`: how long to leave the machine to the program before looking for the first time.
        """
        time.sleep(rest)
        end = time.monotonic() + seconds
        while True:
            while self._shown < len(self.pieces):
                piece = self.pieces[self._shown]
                self._shown += 1
                self._stream.feed(piece.drawn)
                if shows(self.rows):
                    return piece.time
            if time.monotonic() > end:
                raise SystemExit("the screen never showed it:\n" + "\n".join(self.rows))
            time.sleep(_LOOK_SECONDS)

    def look(self) -> list[str]:
        """Feed the emulator with all that was read; return the rows of the screen."""
        while self._shown < len(self.pieces):
            self._stream.feed(self.pieces[self._shown].drawn)
            self._shown += 1
        return self.rows

    def redraws(self, since: float, until: float, gap: float = 0.02) -> list[int]:
        """Return the bytes of each redraw: pieces with less than `gap` seconds between them."""
        found: list[int] = []
        last = -gap
        for piece in list(self.pieces):
            if since <= piece.time < until:
                if piece.time - last >= gap:
                    found.append(0)
                found[-1] += len(piece.drawn)
                last = piece.time
        return found

    def cpu_seconds(self) -> float:
        return cpu_seconds(self._process)

    def _read(self) -> None:
        while True:
            try:
                drawn = os.read(self._descriptor, 65_536)
            except OSError:
                return
            if not drawn:
                return
            self.pieces.append(Piece(time.monotonic(), drawn))
            if _WHAT_ARE_YOU in drawn:
                os.write(self._descriptor, _A_TERMINAL)


@contextmanager
def in_terminal(command: Sequence[str], columns: int, rows: int) -> Iterator[Terminal]:
    """Run a program in a terminal."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "COLORFGBG": "15;0"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(
        command, stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True
    ) as process:
        try:
            yield Terminal(ours, process.pid, columns, rows)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
            os.close(its)
