"""The registry of commands: a command is one module and one line."""

from __future__ import annotations

import re
import sys
from types import ModuleType

import pytest

from actors.commands import registry
from actors.commands.parser import CommandParser, Example
from actors.commands.registry import COMMANDS, Command
from glancemetrics import cli


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> None:
    """One command more."""
    module = ModuleType("a_bell")

    def parser() -> CommandParser:
        return CommandParser(
            "bell", "Ring.", usage="glancemetrics bell", examples=[Example("bell", "rings once")]
        )

    def run(arguments: list[str]) -> int:
        print("ding", *arguments)
        return 7

    monkeypatch.setattr(module, "run", run, raising=False)
    monkeypatch.setattr(module, "parser", parser, raising=False)
    monkeypatch.setitem(sys.modules, "a_bell", module)
    monkeypatch.setattr(registry, "COMMANDS", [*COMMANDS, Command("bell", "ring once", "a_bell")])


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return end.value.code, out, err


@pytest.mark.usefixtures("bell")
def test_a_command_that_is_added_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "bell", "twice") == (7, "ding twice\n", "")


@pytest.mark.usefixtures("bell")
def test_it_is_in_the_help_the_suggestions_and_the_completion(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert re.search(r"^  bell +ring once$", shown(capsys, "-h")[1], re.MULTILINE)
    assert "rings once" in shown(capsys, "help", "bell")[1]
    assert "bel: unknown command; did you mean bell?" in shown(capsys, "bel")[2]
    for shell in ("bash", "zsh", "fish"):
        assert "bell" in shown(capsys, "completion", shell)[1]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_has_a_help_with_examples(
    command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = shown(capsys, command.name, "-h")
    assert code == 0
    assert out.startswith(f"usage: glancemetrics {command.name}")
    assert "\nExamples:\n  glancemetrics" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "(default" not in out
    assert shown(capsys, "help", command.name)[1] == out
