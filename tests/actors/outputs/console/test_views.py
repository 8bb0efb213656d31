"""Every view in a terminal emulator, on a fixed replay of an outage, against what was looked at.

`pytest --snapshot-update` writes them anew; look at the pictures (`python -m docs.screenshot`)
before that is committed.
"""

from __future__ import annotations

from collections import Counter

import attrs
import pyte
import pytest
from prompt_toolkit.data_structures import Size
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.renderer import print_formatted_text
from syrupy.assertion import SnapshotAssertion

from actors.outputs.console.pages.registry import VIEWS
from actors.outputs.console.screen import render
from actors.outputs.console.state import State
from actors.outputs.console.themes import THEMES, style_of
from tests.actors.outputs.console.replays import (
    answered,
    fleet,
    recorded,
    recorded_of_servers,
    replay,
)


class _Written:
    """What is written to a terminal of a given size."""

    encoding = "utf-8"

    def __init__(self, columns: int, rows: int) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)

    def write(self, text: str) -> int:
        self._stream.feed(text)
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def on_terminal(state: State, depth: ColorDepth = ColorDepth.DEPTH_8_BIT) -> str:
    """Return what a terminal shows: its text, and how many cells have each color."""
    is_graded = depth is not ColorDepth.DEPTH_4_BIT
    written = _Written(state.cells, state.rows)
    output = Vt100_Output(
        written, lambda: Size(rows=state.rows, columns=state.cells), term="xterm-256color"
    )  # type: ignore[arg-type]
    for number, row in enumerate(render(state)):
        output.cursor_goto(number + 1, 1)
        text = FormattedText((piece[0], piece[1]) for piece in row)
        style = style_of(state.theme, is_graded=is_graded)
        print_formatted_text(output, text, style, color_depth=depth)
    output.flush()
    colors = Counter(
        (cell.fg, cell.bg)
        for line in range(state.rows)
        for cell in (written.screen.buffer[line][column] for column in range(state.cells))
        if cell.data.strip() or cell.bg != "default"
    )
    listed = "\n".join(
        f"{ink} on {paper}: {count}" for (ink, paper), count in sorted(colors.items())
    )
    page = "\n".join(line.rstrip() for line in written.screen.display)
    return f"{page}\n\n{listed}\n"


@pytest.mark.parametrize("view", range(len(VIEWS)), ids=[view.name for view in VIEWS])
@pytest.mark.parametrize(("cells", "rows"), [(80, 24), (120, 40), (200, 60)])
def test_a_view_is_as_it_was_looked_at(
    cells: int, rows: int, view: int, snapshot: SnapshotAssertion
) -> None:
    state = attrs.evolve(replay(is_broken=True), cells=cells, rows=rows, view=view)
    assert on_terminal(answered(state, recorded(is_broken=True))) == snapshot


@pytest.mark.parametrize(("cells", "rows"), [(80, 24), (120, 40), (200, 60)])
def test_servers_of_a_fleet_are_as_they_were_looked_at(
    cells: int, rows: int, snapshot: SnapshotAssertion
) -> None:
    state = attrs.evolve(fleet(), cells=cells, rows=rows)
    assert on_terminal(answered(state, recorded_of_servers())) == snapshot


@pytest.mark.parametrize("depth", [ColorDepth.DEPTH_24_BIT, ColorDepth.DEPTH_4_BIT])
@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_is_as_it_was_looked_at_with_many_colors_and_with_few(
    theme: str, depth: ColorDepth, snapshot: SnapshotAssertion
) -> None:
    state = attrs.evolve(replay(is_broken=True), cells=120, rows=40, theme=theme)
    assert on_terminal(answered(state, recorded(is_broken=True)), depth) == snapshot
