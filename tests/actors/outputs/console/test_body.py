"""The window that hands over whole rows, drawn into a terminal emulator (pyte)."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pyte
import pytest
from prompt_toolkit.application import Application
from prompt_toolkit.application.current import set_app
from prompt_toolkit.data_structures import Point, Size
from prompt_toolkit.input import DummyInput
from prompt_toolkit.layout import Float, FloatContainer, FormattedTextControl, Layout, Window
from prompt_toolkit.mouse_events import MouseButton, MouseEvent, MouseEventType
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from actors.outputs.console.body import Body, look
from actors.outputs.console.cells import Row, fitted

CELLS, ROWS = 30, 6
TEXTS = ("", "plain", "──┤│", "日本語", "e\N{COMBINING ACUTE ACCENT}té", "a  b", "▏█", "🙂 x")
STYLES = ("", "class:loud", "bg:#2f4d6b", "bold")


class Drawing:
    """An application with such a window, and the terminal that it draws into."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.sent: list[str] = []
        self.is_covered = False
        self.clicks: list[tuple[int, int]] = []
        self.wheeled = 0
        self.body = Body(
            lambda: tuple(look(row) for row in self.rows),
            is_covered=lambda: self.is_covered,
            click=lambda row, cell: self.clicks.append((row, cell)),
            wheel=self._wheel,
        )
        cover = Float(Window(FormattedTextControl(self._cover)), left=2, top=1, height=1)
        self.application: Application[None] = Application(
            Layout(FloatContainer(self.body, floats=[cover])),
            input=DummyInput(),
            output=Vt100_Output(
                self, lambda: Size(rows=ROWS, columns=CELLS), term="xterm-256color"
            ),
            full_screen=True,
            style=Style.from_dict({"loud": "#ff6b70 bold"}),
        )
        self.terminal = pyte.Screen(CELLS, ROWS)
        self._stream = pyte.Stream(self.terminal)

    def _wheel(self, rows: int) -> None:
        self.wheeled += rows

    def _cover(self) -> str:
        return "covered" if self.is_covered else ""

    def draw(self, rows: list[Row]) -> str:
        """Draw rows; return what was sent to the terminal for that."""
        self.rows = rows
        self.sent.clear()
        self.application.render_counter += 1
        with set_app(self.application):
            self.application.renderer.render(self.application, self.application.layout)
        sent = "".join(self.sent)
        self._stream.feed(sent)
        return sent

    def mouse(self, kind: MouseEventType, row: int, cell: int) -> None:
        handlers = self.application.renderer.mouse_handlers.mouse_handlers
        handlers[row][cell](MouseEvent(Point(cell, row), kind, MouseButton.LEFT, frozenset()))

    @property
    def shown(self) -> list[list[tuple[str, str, str, bool]]]:
        """Character, colors and weight of each cell."""
        return [
            [
                (cell.data, cell.fg, cell.bg, cell.bold)
                for cell in (self.terminal.buffer[row][column] for column in range(CELLS))
            ]
            for row in range(ROWS)
        ]

    # As a file.

    encoding = "utf-8"

    def write(self, text: str) -> None:
        self.sent.append(text)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return -1


@pytest.fixture
def drawing() -> Iterator[Drawing]:
    yield Drawing()


def rows_of(*texts: str) -> list[Row]:
    return [fitted([("", text)], CELLS) for text in texts]


def any_rows(chance: random.Random) -> list[Row]:
    return [
        fitted(
            [(chance.choice(STYLES), chance.choice(TEXTS)) for _ in range(chance.randint(0, 5))],
            CELLS,
        )
        for _ in range(ROWS)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_after_any_drawings_the_terminal_shows_what_one_that_starts_with_the_last_shows(
    drawing: Drawing, seed: int
) -> None:
    chance = random.Random(seed)
    rows = any_rows(chance)
    for _ in range(40):
        others = any_rows(chance)
        rows = [chance.choice(pair) for pair in zip(rows, others, strict=True)]
        drawing.draw(rows)
        anew = Drawing()
        anew.draw(rows)
        assert drawing.shown == anew.shown


def test_rows_that_are_the_same_are_not_sent_again(drawing: Drawing) -> None:
    first = drawing.draw(rows_of("one", "two", "three"))
    assert "one" in first
    assert "three" in first
    second = drawing.draw(rows_of("one", "2", "three"))
    assert "one" not in second
    assert "three" not in second
    assert drawing.terminal.display[:3] == [text.ljust(CELLS) for text in ("one", "2", "three")]


def test_a_shorter_row_leaves_nothing_of_the_one_before(drawing: Drawing) -> None:
    drawing.draw(rows_of("a long one", "same"))
    drawing.draw(rows_of("short", "same"))
    drawing.draw(rows_of("short", "same"))
    drawing.draw(rows_of("", "same"))
    assert drawing.terminal.display[:2] == [text.ljust(CELLS) for text in ("", "same")]


def test_all_is_sent_again_after_the_terminal_was_reset(drawing: Drawing) -> None:
    rows = rows_of("one", "two")
    drawing.draw(rows)
    drawing.application.renderer.reset()
    sent = drawing.draw(rows)
    assert "one" in sent
    assert "two" in sent


def test_what_was_drawn_over_rows_goes_away_with_it(drawing: Drawing) -> None:
    rows = rows_of("one", "two", "three")
    drawing.draw(rows)
    drawing.is_covered = True
    drawing.draw(rows)
    assert "covered" in drawing.terminal.display[1]
    drawing.is_covered = False
    drawing.draw(rows)
    assert drawing.terminal.display[1] == "two".ljust(CELLS)


def test_clicks_and_the_wheel_reach_the_row_under_them(drawing: Drawing) -> None:
    drawing.draw(rows_of("one", "two"))
    drawing.mouse(MouseEventType.MOUSE_DOWN, 1, 7)
    assert drawing.clicks == [(1, 7)]
    drawing.mouse(MouseEventType.SCROLL_DOWN, 0, 0)
    assert drawing.wheeled > 0
    drawing.mouse(MouseEventType.SCROLL_UP, 0, 0)
    assert drawing.wheeled == 0
