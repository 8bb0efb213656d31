"""What is said on stderr: a line each, of which a hostile name of a file makes nothing else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from glancemetrics.words.escaping import visible

if TYPE_CHECKING:
    from loguru import Record


def tell(sentence: str) -> None:
    """Say something to whoever started the program."""
    sys.stderr.write(f"glancemetrics: {visible(sentence)}\n")


def complain(sentence: str) -> None:
    """Say what is wrong, as the command line does when it ends for one thing."""
    tell(f"error: {sentence}")


def log_line(record: Record) -> str:
    """Return the pattern of a line that the program logs of itself on stderr (loguru's format)."""
    _escape(record)
    return "glancemetrics: {level.name}: {extra[visible]}\n{exception}"


def log_file_line(record: Record) -> str:
    """Return the same for its log file."""
    _escape(record)
    return "{time:YYYY-MM-DD HH:mm:ss.SSS} | {level: <8} | {name}: {extra[visible]}\n{exception}"


def _escape(record: Record) -> None:
    record["extra"]["visible"] = visible(record["message"])
