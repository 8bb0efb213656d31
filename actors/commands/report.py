"""`glancemetrics report`: summarises whole logs."""

from __future__ import annotations

from actors.archive.forking import processes_to_use
from actors.commands.parser import CommandParser
from actors.commands.reading_options import (
    agents_matter_last,
    read_report_options,
    report_parser,
)


def parser() -> CommandParser:
    """Return the options of the command."""
    return report_parser()


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = read_report_options(arguments)
    agents = None
    if agents_matter_last(options) and processes_to_use():
        from actors.archive.agent_process import AgentProcess

        agents = AgentProcess()  # first of all: what follows takes a while to load
    from actors.commands.report_logs import report

    return report(options, agents)
