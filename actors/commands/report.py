"""`glancemetrics report`: summarises whole logs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from actors.archive.forking import processes_to_use
from actors.commands.parser import CommandParser
from actors.commands.reading_options import (
    agents_matter_last,
    read_report_options,
    report_parser,
)

_FEW_AGENTS = 200_000
"""Bytes of a log with so few lines that there will hardly be more than few user agents."""


def parser() -> CommandParser:
    """Return the options of the command."""
    return report_parser()


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = read_report_options(arguments)
    agents = None
    if agents_matter_last(options) and processes_to_use():
        from actors.archive.agent_process import AgentProcess

        # First of all: what follows takes a while to load.
        agents = AgentProcess(few=_are_small(options.files))
    from actors.commands.report_logs import report

    try:
        return report(options, agents)
    finally:
        if agents is not None:
            agents.end()


def _are_small(names: Sequence[str]) -> bool:
    """Tell whether these are small logs. Patterns, folders and standard input may be anything."""
    paths = [Path(name) for name in names]
    try:
        are_files = bool(paths) and all(path.is_file() for path in paths)
        return are_files and sum(path.stat().st_size for path in paths) <= _FEW_AGENTS
    except OSError:
        return False
