"""Pages without tables: what they have in common, and those that are read by scrolling. Pure."""

from __future__ import annotations

import attrs

from actors.outputs.console.cells import Row, filled
from actors.outputs.console.headline import body_rows
from actors.outputs.console.state import State, TableSpec
from glancemetrics.history.ask import Ask


class PlainPage:
    """A page without tables and, unless it says otherwise, without questions and text to copy."""

    name = ""
    title = ""

    def is_offered(self, state: State) -> bool:
        del state
        return True

    def tables(self, state: State) -> tuple[TableSpec, ...]:
        del state
        return ()

    def asks(self, state: State) -> tuple[Ask, ...]:
        del state
        return ()

    def copied(self, state: State) -> str:
        del state
        return ""

    def turned(self, state: State, steps: int) -> State:
        del steps
        return state


@attrs.frozen(eq=False)
class ScrolledPage(PlainPage):
    """A page that is opened on top of another, may be longer than the screen, and ends by Enter."""

    first: int = attrs.field(default=0, kw_only=True)
    """The first row shown."""

    def all_rows(self, state: State, cells: int) -> list[Row]:
        """Return all rows, however many they are."""
        raise NotImplementedError

    def render(self, state: State, cells: int, rows: int) -> list[Row]:
        drawn = self.all_rows(state, cells)
        first = max(0, min(self.first, len(drawn) - rows))
        return filled(drawn[first:], cells, rows)

    def moved(self, state: State, rows: int) -> State:
        last = max(0, len(self.all_rows(state, state.cells)) - body_rows(state))
        first = max(0, min(last, self.first + rows))
        return state.replaced(attrs.evolve(self, first=first))

    def opened(self, state: State) -> State:
        return state.popped()
