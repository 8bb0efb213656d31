"""Where a command writes to, and in which format."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from actors.commands.parser import FILES, CommandParser, Completion
from glancemetrics.errors import UsageError

_SPELLINGS = {"htm": "html", "txt": "text"}
"""Endings of file names that are not the name of their format."""


def add_output_options(
    parser: CommandParser, formats: tuple[str, ...], *, endings: str, names: str
) -> None:
    """Add `--output` and `--output-format`; `endings` and `names` list the formats for people."""
    parser.option("-o", "--output", type=file_or_stdout, metavar="FILE", complete=FILES,
        help=f"write to FILE: {endings}")  # fmt: skip
    parser.option("--output-format", choices=formats, metavar="FORMAT",
        complete=Completion(formats), help=names, shown_default="by the name of FILE")  # fmt: skip


def file_or_stdout(name: str) -> str | None:
    """Return the name of a file to write to; `None` for `-`, standard output."""
    return None if name == "-" else name


def output_format(
    output: str | None,
    named: str | None,
    formats: Collection[str],
    *,
    endings: str,
    option: str = "--output-format",
    parquet: str = "--output-format parquet: needs --output FILE",
) -> str:
    """Return the format that is named, or that the name of a file has; the first on a terminal.

    `endings` are those that are allowed, `option` names a format instead, `parquet` is the error
    for Parquet without a file. Raises `UsageError`.
    """
    if named is not None:
        if named == "parquet" and output is None:
            raise UsageError(parquet)
        return named
    if output is None:
        return next(iter(formats))
    suffix = Path(output).suffix.lower().removeprefix(".")
    found = _SPELLINGS.get(suffix, suffix)
    if found not in formats:
        raise UsageError(
            f"--output {output}: must end in {endings}, or name the format with {option}"
        )
    return found
