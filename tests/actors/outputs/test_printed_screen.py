"""The screen as `--once` prints it."""

from __future__ import annotations

import attrs

from actors.outputs.console.context import Context
from actors.outputs.printed_screen.screen import render_once
from glancemetrics.charts.runs import Drawing
from tests.actors.outputs.console_states import CONTEXT
from tests.actors.outputs.snapshots import snapshot


def printed(context: Context = CONTEXT) -> list[str]:
    shown = snapshot(rates=tuple(float(number % 130) for number in range(300)))
    return ["".join(piece[1] for piece in row) for row in render_once(shown, context, 80)]


def test_the_chart_has_round_values_and_its_time() -> None:
    lines = printed()
    chart = next(number for number, line in enumerate(lines) if "┤" in line)
    assert [line[:8] for line in lines[chart : chart + 6]] == [
        "  200/s┤",
        "       │",
        "  100/s┤",
        "       │",
        "      0┤",
        "       └",
    ]
    assert lines[chart + 5].rstrip().endswith("now")


def test_a_terminal_without_unicode_gets_ascii() -> None:
    lines = printed(attrs.evolve(CONTEXT, drawing=Drawing.ASCII))
    assert all(line.isascii() for line in lines)
    assert any(line.startswith("  200/s+") for line in lines)
