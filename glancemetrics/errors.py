"""Every error that GlanceMetrics raises for a person to read, and the exit status of each.

    GlanceMetricsError      1  one sentence that names the thing and the way out
    ├── UsageError          2  a flag, a variable or a configuration file is wrong
    └── StdoutClosedError   0  who read standard output has gone: a quiet end, nothing is told

Each is told on stderr as `glancemetrics: error: {sentence}`, without a traceback. A failure that
is none of these is a defect of GlanceMetrics: it is told the same way, with the traceback in the
log (`--log-level debug` shows it).
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class GlanceMetricsError(Exception):
    """A failure that a person can do something about."""

    exit_status = 1


class UsageError(GlanceMetricsError):
    """What was asked for is not possible as it was written."""

    exit_status = 2


class StdoutClosedError(GlanceMetricsError):
    """Who read our standard output has gone: a quiet end, as of any filter."""

    exit_status = 0


Mistakes = list[str]
"""What is wrong in a configuration, where all of it is wanted: a sentence each."""


@contextmanager
def noting(mistakes: Mistakes | None) -> Iterator[None]:
    """Add a `UsageError` to the mistakes and go on after the block; without a list, raise it."""
    try:
        yield
    except UsageError as error:
        if mistakes is None:
            raise
        mistakes.append(str(error))


def sentence(error: BaseException) -> str:
    """Say what failed as a person would."""
    if isinstance(error, BaseExceptionGroup):
        return sentence(error.exceptions[0])
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        hint = " (is there room on the disk?)" if error.errno == errno.ENOSPC else ""
        return f"{where}{error.strerror}{hint}"
    return str(error) or type(error).__name__
