"""The rows of the screen as a window of prompt-toolkit, which hands them over whole.

Windows of prompt-toolkit lay their content out character by character, and a drawing compares all
cells with the last one. Our rows are laid out already, and most are those of the last drawing: such
a row is the same object again, and says to the comparison that there is nothing to compare.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app
from prompt_toolkit.layout import UIContent, UIControl, Window
from prompt_toolkit.layout.mouse_handlers import MouseHandlers
from prompt_toolkit.layout.screen import Char, Screen, Transparent, WritePosition
from prompt_toolkit.mouse_events import MouseEvent, MouseEventType

from actors.outputs.console.cells import Row

if TYPE_CHECKING:
    from _collections_abc import dict_items

_WHEEL_ROWS = 3

Look = tuple[tuple[str, str], ...]
"""Style and text of each fragment of a row: what can be seen of it."""


def look(row: Row) -> Look:
    """Return what can be seen of a row."""
    return tuple([(fragment[0], fragment[1]) for fragment in row])


class Body(Window):
    """See the module's docstring."""

    def __init__(
        self,
        looks: Callable[[], tuple[Look, ...]],
        *,
        is_covered: Callable[[], bool],
        click: Callable[[int, int], None],
        wheel: Callable[[int], None],
    ) -> None:
        """`looks` are of the rows to draw; `is_covered`: something else may be drawn over them.

        `click` gets the row and the cell, `wheel` how many rows to move.
        """
        super().__init__(_Focusable())
        self._looks = looks
        self._is_covered = is_covered
        self._click, self._wheel = click, wheel

    def write_to_screen(
        self,
        screen: Screen,
        mouse_handlers: MouseHandlers,
        write_position: WritePosition,
        parent_style: str,
        erase_bg: bool,
        z_index: int | None,
    ) -> None:
        del parent_style, erase_bg, z_index
        last = get_app().renderer.last_rendered_screen
        before = {} if last is None else dict(last.data_buffer)
        is_covered = self._is_covered()
        top, bottom = write_position.ypos, write_position.ypos + write_position.height
        for y, seen in enumerate(self._looks()[: write_position.height], top):
            known = before.get(y)
            if isinstance(known, _Cells) and known.look == seen and not is_covered:
                known.is_drawn = True
                del before[y]
                screen.data_buffer[y] = known
            else:
                screen.data_buffer[y] = _Cells(seen, is_kept=not is_covered)
            mouse_handlers.mouse_handlers[y] = defaultdict(lambda: self._handle)
        for other in before.values():
            if isinstance(other, _Cells):
                other.is_drawn = False
        screen.height = max(screen.height, bottom)
        screen.width = max(screen.width, write_position.xpos + write_position.width)
        screen.visible_windows_to_write_positions[self] = write_position

    def _handle(self, event: MouseEvent) -> None:
        match event.event_type:
            case MouseEventType.SCROLL_DOWN:
                self._wheel(_WHEEL_ROWS)
            case MouseEventType.SCROLL_UP:
                self._wheel(-_WHEEL_ROWS)
            case MouseEventType.MOUSE_DOWN:
                self._click(event.position.y, event.position.x)


class _Focusable(UIControl):
    """What has the focus while no prompt is open."""

    def is_focusable(self) -> bool:
        return True

    def create_content(self, width: int, height: int) -> UIContent:
        del width, height
        return UIContent(show_cursor=False)


class _Cells(defaultdict[int, Char]):
    """The cells of one row of the screen."""

    def __init__(self, seen: Look, *, is_kept: bool) -> None:
        """`is_kept`: whether the same row may be used for the next drawing."""
        super().__init__(lambda: _BLANK, enumerate(_cells(seen)))
        self.look = seen if is_kept else None
        self.is_drawn = False
        """Whether it is in the last drawing, and in this one."""

    def items(self) -> dict_items[int, Char]:
        """Return the cells to compare; prompt-toolkit looks here for the last one of them."""
        return _NO_CELLS if self.is_drawn else super().items()


def _cells(seen: Look) -> list[Char]:
    cells: list[Char] = []
    for style, text in seen:
        found, has_marks = _characters(style, text)
        if not has_marks:
            cells += found
            continue
        for cell in found:
            if cell.width or cell is _TAKEN:
                cells.append(cell)
            else:
                _mark(cells, cell)
    return cells


@lru_cache(maxsize=1 << 13)
def _characters(style: str, text: str) -> tuple[tuple[Char, ...], bool]:
    """Return the cells of a fragment, and whether marks without a cell are among them.

    Remembered: most fragments are there in the next drawing.
    """
    found, has_marks = [], False
    for character in text:
        cell = _cell(character, style)
        found += [cell, *[_TAKEN] * (cell.width - 1)]
        has_marks |= not cell.width
    return tuple(found), has_marks


def _mark(cells: list[Char], mark: Char) -> None:
    """Put a mark, which takes no cell, on the character before it."""
    place = len(cells) - 1
    while place > 0 and cells[place] is _TAKEN:
        place -= 1
    if place >= 0:
        cells[place] = _cell(cells[place].char + mark.char, cells[place].style)


@lru_cache(maxsize=1 << 15)
def _cell(character: str, style: str) -> Char:
    return Char(character, style)


_BLANK = Char(" ", Transparent)
_TAKEN = Char("", "")
"""A cell that the wide character before it covers."""
_NO_CELLS = dict[int, Char]().items()
