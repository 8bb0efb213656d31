"""All commands, one a line, in the order of the help.

Their modules are imported when they are asked for: most take a while.
"""

from __future__ import annotations

import importlib

import attrs


@attrs.frozen
class Command:
    """A command: a module with `run`, which is given the arguments and returns the exit status."""

    name: str
    title: str
    """What it is for, in the help."""
    module: str

    def run(self, arguments: list[str]) -> int:
        """Run it. Raises what it does."""
        status: int = importlib.import_module(self.module).run(arguments)
        return status


_HERE = "actors.commands"

MONITOR = Command("", "follow logs as they are written", f"{_HERE}.monitor")
"""What is meant where no command is named."""

COMMANDS = [
    Command("report", "whole logs, compressed or not: what was in them", f"{_HERE}.report"),
    Command("query", "query the history: any filter, any field, any time span", f"{_HERE}.query"),
    Command("sql", "any question about logs, in SQL", f"{_HERE}.sql"),
    Command("replay", "the alerts that there would have been over old logs", f"{_HERE}.replay"),
    Command("check", "whether a configuration is right, and what it watches", f"{_HERE}.check"),
    Command(
        "audit",
        "whether the alert log is as it was written, and what is in it",
        f"{_HERE}.audit",
    ),
    Command("silence", "for a while nobody is told of some rules", f"{_HERE}.silence"),
    Command("formats", "how a log is written, and what formats there are", f"{_HERE}.formats"),
    Command(
        "generate",
        "write realistic traffic, for demonstrations and tests",
        f"{_HERE}.generate",
    ),
    Command(
        "healthcheck",
        "whether a monitor with --heartbeat is alive, for containers",
        f"{_HERE}.healthcheck",
    ),
]
