"""`glancemetrics report`: whole logs, and what was in them."""

from __future__ import annotations

from actors.archive.forking import processes_to_use
from actors.commands.reading_options import agents_matter_last, read_report_options


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = read_report_options(arguments)
    agents = None
    if agents_matter_last(options) and processes_to_use():
        from actors.archive.agent_process import AgentProcess

        agents = AgentProcess()  # first of all: what follows takes a while to load
    from actors.commands.report_logs import report

    return report(options, agents)
