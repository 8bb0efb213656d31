"""The terminal itself: how it was found, and what its background is."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Mapping
from typing import Any

Attributes = list[Any]
"""Of a terminal, as termios has them."""

_ASK_BACKGROUND = b"\x1b]11;?\x1b\\\x1b[c"
"""The background's color (xterm's OSC 11), then what kind of terminal it is (DA1), which all
answer: after that answer there will be none to the first question."""
_ANSWER_SECONDS = 0.3
_BACKGROUND = re.compile(rb"\x1b\]11;rgb:([0-9a-fA-F]+)/([0-9a-fA-F]+)/([0-9a-fA-F]+)")
_KIND = re.compile(rb"\x1b\[\?[0-9;]*c")
_ANSWERS = re.compile(rb"\x1b\]11;[^\x07\x1b]*(?:\x07|\x1b\\)|" + _KIND.pattern)


class TerminalState:
    """How the terminal was found, to leave it so also when there is no time for anything else."""

    def __init__(self) -> None:
        self._attributes: Attributes | None = None
        self._descriptor = -1
        for stream in (sys.stdin, sys.stdout):
            if stream is not None and stream.isatty():
                self._descriptor = stream.fileno()
                self._attributes = termios.tcgetattr(self._descriptor)
                break

    def restore(self) -> None:
        """Leave the alternate screen, show the cursor, and cook the input again."""
        if self._attributes is None:
            return
        with contextlib.suppress(OSError, termios.error):  # the terminal may have gone
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._attributes)
            os.write(
                sys.stdout.fileno(),
                b"\x1b[?1049l\x1b[?25h\x1b[?2004l\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l"
                b"\x1b[0m",
            )


def is_light(environment: Mapping[str, str], answer: bytes) -> bool:
    """Tell whether the terminal has a light background, by its answer, else by its variables."""
    told = environment.get("COLORFGBG", "").rpartition(";")[2]
    found = luminance(answer)
    if found is not None:
        return found > 0.5
    return told in {"7", "15"}


def typed_before(answer: bytes) -> str:
    """Return the keys that were typed before a terminal answered, up to one that sends an ESC.

    What follows that may be half an answer.
    """
    return _ANSWERS.sub(b"", answer).partition(b"\x1b")[0].decode(errors="ignore")


def ask_background(descriptor: int) -> bytes:
    """Ask a terminal for its background; returns all that it has sent, also keys."""
    try:
        before = termios.tcgetattr(descriptor)
    except termios.error:
        return b""
    answer = b""
    try:
        tty.setraw(descriptor, termios.TCSANOW)
        os.write(descriptor, _ASK_BACKGROUND)
        until = time.monotonic() + _ANSWER_SECONDS
        while not _KIND.search(answer) and (left := until - time.monotonic()) > 0:
            if not select.select([descriptor], [], [], left)[0]:
                break
            read = os.read(descriptor, 1024)
            if not read:
                break
            answer += read
    except OSError:
        return b""
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
    return answer


def luminance(answer: bytes) -> float | None:
    """Read the luminance (0 to 1) out of a terminal's answer to OSC 11; `None` without one.

    Source: ITU-R BT.601 for the weights.
    """
    found = _BACKGROUND.search(answer)
    if found is None:
        return None
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    light: float = 0.299 * red + 0.587 * green + 0.114 * blue
    return light


def stop_process() -> None:
    """Stop as SIGTSTP does to those who do not wait for it; returns on SIGCONT."""
    ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    try:
        # To this thread, so that it does not run on until the system comes round to it.
        signal.raise_signal(signal.SIGTSTP)
    finally:
        signal.signal(signal.SIGTSTP, ours)


def stop_job() -> None:
    """Stop all of the job, such as a `make` that waits for this process; returns on SIGCONT.

    The others first: they would wait for ever for one who is stopped. Once they are, the shell has
    the terminal, so it must have been set back before.
    """
    ours = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        os.kill(0, signal.SIGTSTP)
        stop_process()
    finally:
        signal.signal(signal.SIGTSTP, ours)
