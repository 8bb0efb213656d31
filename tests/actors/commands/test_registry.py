"""The registry of commands: a command is one module and one line."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from actors.commands import monitor
from actors.commands.registry import COMMANDS, Command
from glancemetrics import cli


@pytest.fixture(autouse=True)
def bell(monkeypatch: pytest.MonkeyPatch) -> None:
    """One command more."""
    module = ModuleType("a_bell")

    def run(arguments: list[str]) -> int:
        print("ding", *arguments)
        return 7

    monkeypatch.setattr(module, "run", run, raising=False)
    monkeypatch.setitem(sys.modules, "a_bell", module)
    added = [*COMMANDS, Command("bell", "rings once", "a_bell")]
    monkeypatch.setattr(cli, "COMMANDS", added)
    monkeypatch.setattr(monitor, "COMMANDS", added)


def test_a_command_that_is_added_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["bell", "twice"])
    assert (end.value.code, capsys.readouterr().out) == (7, "ding twice\n")


def test_it_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["-h"])
    assert "  glancemetrics bell         rings once\n" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_has_a_help_of_its_own(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([command.name, "-h"])
    assert end.value.code == 0
    assert f"usage: glancemetrics {command.name}" in capsys.readouterr().out
