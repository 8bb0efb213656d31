"""What a program says of itself while it runs, and how it says why it failed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from actors.files.notices import log_file_line, log_line, tell
from actors.state.state_file import make_folder, opener
from glancemetrics.errors import GlanceMetricsError, sentence

if TYPE_CHECKING:
    from loguru import Record


def log_to(level: str, file: Path | None) -> None:
    """Send what we say of ourselves to stderr, or to a file where the console has the screen."""
    logger.remove()
    if file is None:
        logger.add(
            sys.stderr,
            level=level.upper(),
            filter=_is_ours,
            diagnose=False,
            format=log_line,
        )
        return
    try:
        make_folder(file.parent)
        logger.add(
            file,
            level=level.upper(),
            filter=_is_ours,
            diagnose=False,
            format=log_file_line,
            rotation="1 MB",
            retention=2,
            opener=opener,
        )
    except OSError as error:
        # Seen once the console has left the screen.
        tell(f"{error.filename}: {error.strerror}; GlanceMetrics' own log is not written")


def _is_ours(record: Record) -> bool:
    """Whether a line is about us, and not one of the alert log's."""
    return "alert_log" not in record["extra"]


def raise_readable(error: BaseException, what: str) -> None:
    """Raise an error in one sentence for people; of several, one that is meant for them.

    `what` failed: `the monitor`.
    """
    causes = list(_causes(error))
    ours = [one for one in causes if isinstance(one, GlanceMetricsError)]
    error = (ours or causes)[0]
    if isinstance(error, GlanceMetricsError | KeyboardInterrupt | SystemExit):
        raise error
    logger.opt(exception=error).debug("{} failed", what)
    raise GlanceMetricsError(
        f"{what} failed: {type(error).__name__}: {sentence(error)} "
        "(--log-level debug shows the traceback)"
    ) from None


def _causes(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _causes(one)
    else:
        yield error
