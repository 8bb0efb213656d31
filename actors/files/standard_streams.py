"""Standard input, output and error, which may be closed at the start.

Imports nothing slow: it is needed first.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys

from actors.files.discarding import lead_nowhere


def mend_standard_streams() -> None:
    """Open closed standard streams, so that no other file gets their numbers and their output.

    A closed standard input reads as empty. Writing to a closed standard output fails with `EBADF`
    as usual; messages to a closed standard error are lost.
    """
    for descriptor, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


def has_piped_input() -> bool:
    """Tell whether something is piped or redirected into standard input."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def terminal_cells() -> int | None:
    """Return the width of the terminal that standard output is; `None` if it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def problem_of_stdout(error: OSError) -> str:
    """Return one sentence on why standard output could not be written."""
    if error.errno == errno.EBADF:
        return "standard output is closed"
    full = "; free some disk space" if error.errno == errno.ENOSPC else ""
    return f"cannot write to standard output: {error.strerror}{full}"


def flush_stdout() -> None:
    """Flush standard output. Raises `OSError`; unwritten output is then lost."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        # The interpreter would flush again at exit and print an error of its own.
        lead_nowhere(1)
        raise
