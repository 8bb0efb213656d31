"""Messages on stderr, one line each; control characters in file names are escaped."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from glancemetrics.words.escaping import visible

if TYPE_CHECKING:
    from loguru import Record


def tell(sentence: str) -> None:
    """Print a message on stderr."""
    sys.stderr.write(f"glancemetrics: {visible(sentence)}\n")


def warn(sentence: str) -> None:
    """Print a warning on stderr."""
    tell(f"warning: {sentence}")


def complain(sentence: str) -> None:
    """Print an error on stderr, in the format of the command line's own errors."""
    tell(f"error: {sentence}")


def log_line(record: Record) -> str:
    """Return loguru's pattern for lines of the program's own log on stderr."""
    _escape(record)
    return "glancemetrics: {level.name}: {extra[visible]}\n{exception}"


def log_file_line(record: Record) -> str:
    """Return loguru's pattern for lines of the program's own log file."""
    _escape(record)
    return "{time:YYYY-MM-DD HH:mm:ss.SSS} | {level: <8} | {name}: {extra[visible]}\n{exception}"


def _escape(record: Record) -> None:
    record["extra"]["visible"] = visible(record["message"])
