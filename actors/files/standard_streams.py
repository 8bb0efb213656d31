"""Standard input, output and error as programs are started with them: closed, full, or no pipe.

Imports nothing that takes long: it is needed before anything else is known.
"""

from __future__ import annotations

import errno
import os
import sys


def mend_standard_streams() -> None:
    """Let each of the three be open, so that no other file gets its number and what it is sent.

    Reading from one that was closed gives nothing. Writing to standard output that was closed
    fails with `EBADF`, as it would; what is said on standard error that was closed is lost.
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


def problem_of_stdout(error: OSError) -> str:
    """Say in one sentence why standard output could not be written."""
    if error.errno == errno.EBADF:
        return "standard output is closed: nothing can be printed"
    full = " (is there room on the disk?)" if error.errno == errno.ENOSPC else ""
    return f"standard output cannot be written: {error.strerror}{full}"


def flush_stdout() -> None:
    """Write what has been printed. Raises `OSError`; what could not be written is gone then."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        # The interpreter tries once more at its end, and would say so in its own words.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
        raise
