"""All errors that GlanceMetrics shows to people, with their exit status.

    GlanceMetricsError      1  one sentence: what is wrong, and what to do
    ├── UsageError          2  invalid flag, environment variable or configuration file
    ├── UnreachableError    1  no answer from a server; there may be one later
    └── StdoutClosedError   0  the reader of standard output has gone; exit without a message

Each is printed on stderr as `glancemetrics: error: {sentence}`, without a traceback. Any other
exception is a bug in GlanceMetrics: it is printed the same way, with the traceback in the log
(`--log-level debug` shows it).
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class GlanceMetricsError(Exception):
    """A failure that the user can fix."""

    exit_status = 1


class UsageError(GlanceMetricsError):
    """An invalid option, setting or query."""

    exit_status = 2


class UnreachableError(GlanceMetricsError):
    """A server that does not answer; it may do so later."""


class StdoutClosedError(GlanceMetricsError):
    """The reader of standard output has gone: exit quietly, like any filter."""

    exit_status = 0


Mistakes = list[str]
"""All mistakes in a configuration, one sentence each."""


@contextmanager
def noting(mistakes: Mistakes | None) -> Iterator[None]:
    """Append a `UsageError` to the mistakes and continue after the block; without a list, raise."""
    try:
        yield
    except UsageError as error:
        if mistakes is None:
            raise
        mistakes.append(str(error))


@contextmanager
def needing(extra: str, who: str) -> Iterator[None]:
    """Name the package of an extra that is imported in the block and is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise GlanceMetricsError(
            f"{who} needs the package {error.name}; install it with: "
            f"pip install 'glancemetrics[{extra}]'"
        ) from None


def first_of(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error in a group, also of groups inside."""
    first = errors.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first


def sentence(error: BaseException) -> str:
    """Describe an error in one sentence for people."""
    if isinstance(error, BaseExceptionGroup):
        return sentence(first_of(error))
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        hint = "; free some disk space" if error.errno == errno.ENOSPC else ""
        return f"{where}{error.strerror}{hint}"
    return str(error) or type(error).__name__
