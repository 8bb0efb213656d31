"""All commands, one a line, in the order of the help.

Their modules are imported when they are needed: some take a while.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from actors.commands.parser import CommandParser


@attrs.frozen
class Command:
    """A command: a module with `parser` and `run`, which take a while to import.

    `run` is given the arguments and returns the exit status.
    """

    name: str
    title: str
    """What it does, in the help."""
    module: str

    def run(self, arguments: list[str]) -> int:
        """Run it. Raises what it does."""
        status: int = importlib.import_module(self.module).run(arguments)
        return status

    def parser(self) -> CommandParser:
        """Return its options."""
        made: CommandParser = importlib.import_module(self.module).parser()
        return made


_HERE = "actors.commands"

MONITOR = Command("", "follow logs as they are written", f"{_HERE}.monitor")
"""The command when none is named."""

COMMANDS = [
    Command("demo", "show the console on simulated traffic", f"{_HERE}.demo"),
    Command("report", "summarise whole logs, compressed or not", f"{_HERE}.report"),
    Command("query", "query the recent history of a monitor", f"{_HERE}.query"),
    Command("sql", "query logs in SQL", f"{_HERE}.sql"),
    Command("replay", "show the alerts that old logs would have raised", f"{_HERE}.replay"),
    Command("check", "validate a configuration and show what it does", f"{_HERE}.check"),
    Command("config", "show all settings and where each comes from", f"{_HERE}.config"),
    Command("audit", "verify or show the alert log", f"{_HERE}.audit"),
    Command("silence", "mute the notifications of some rules for a while", f"{_HERE}.silence"),
    Command("acknowledge", "stop the reminders about an incident", f"{_HERE}.acknowledge"),
    Command("agent", "send the logs of this server to a fleet", f"{_HERE}.agent"),
    Command("agent-user", "print the access rules of an agent for Redis", f"{_HERE}.agent_user"),
    Command("agent-forget", "forget a server that will not come back", f"{_HERE}.agent_forget"),
    Command("web-user", "make a user with a password for the page", f"{_HERE}.web_user"),
    Command("formats", "explain the format of a log, or list all formats", f"{_HERE}.formats"),
    Command("generate", "write simulated traffic, for demos and tests", f"{_HERE}.generate"),
    Command("healthcheck", "check that a monitor is alive, for containers", f"{_HERE}.healthcheck"),
    Command("completion", "print tab completion for a shell", f"{_HERE}.completion"),
    Command("help", "show this help, or the help of a command", f"{_HERE}.help"),
    Command("version", "show the version", f"{_HERE}.version"),
]


def command_called(name: str) -> Command | None:
    """Return the command of a name; `None` if there is none."""
    return next((each for each in COMMANDS if each.name == name), None)
