"""What a program says of itself while it runs, and how it says why it failed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import TextIOWrapper
from logging import LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from actors.files.notices import log_file_line, log_line, tell
from actors.state.state_file import make_folder, opener
from glancemetrics.errors import GlanceMetricsError, sentence

if TYPE_CHECKING:
    from loguru import Record

_MOST_BYTES = 1_000_000
_KEPT = 2
"""Files of that size before the current one."""


class _OwnLog(RotatingFileHandler):
    """The file of what we say of ourselves while the console has the screen.

    What cannot be written, as on a full disk, is lost: to say so on stderr, as loguru and logging
    do, would destroy the screen, which tells of a full disk itself.
    """

    def _open(self) -> TextIOWrapper:
        opened = open(  # noqa: SIM115 - that of pathlib has no opener
            self.baseFilename, self.mode, encoding=self.encoding, opener=opener
        )
        assert isinstance(opened, TextIOWrapper)
        return opened

    def handleError(self, record: LogRecord) -> None:  # noqa: N802 - a name of logging
        """Lose it."""


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
            _OwnLog(file, maxBytes=_MOST_BYTES, backupCount=_KEPT, encoding="utf-8"),
            level=level.upper(),
            filter=_is_ours,
            diagnose=False,
            format=log_file_line,
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
