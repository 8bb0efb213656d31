"""`-o -` is standard output, whatever the command."""

from __future__ import annotations

import importlib

import pytest


@pytest.mark.parametrize("command", ["generate", "query", "replay", "report", "sql"])
def test_a_hyphen_is_standard_output(command: str) -> None:
    parser = importlib.import_module(f"actors.commands.{command}").parser()
    words = ["access.log", "SELECT 1"] if command == "sql" else []
    found = [parser.parse_args([*words, "-o", name]).output for name in ("-", "out")]
    assert found == [None, "out"]
