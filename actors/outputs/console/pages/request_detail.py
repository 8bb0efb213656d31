"""One request: every field, and its line in the log. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import Row, filled, left, safe, wrapped
from actors.outputs.console.headline import body_rows
from actors.outputs.console.scope import Ask
from actors.outputs.console.state import State, TableSpec
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import format_count, format_seconds

_LONGEST = 4000


@attrs.frozen(eq=False)
class RequestDetail:
    """See the module's docstring."""

    record: Mapping[str, Any]
    raw: str | None = None
    """Its line; `None` while it is looked for."""
    missing: str = ""
    """Why the line cannot be shown, in a sentence."""
    first: int = 0
    """The first row shown."""
    name: str = "request"
    title: str = "Request"

    def tables(self, state: State) -> tuple[TableSpec, ...]:
        del state
        return ()

    def asks(self, state: State) -> tuple[Ask, ...]:
        del state
        return ()

    def moved(self, state: State, rows: int) -> State:
        last = max(0, len(self._rows(state, state.cells)) - body_rows(state))
        first = max(0, min(last, self.first + rows))
        return attrs.evolve(state, over=(*state.over[:-1], attrs.evolve(self, first=first)))

    def turned(self, state: State, steps: int) -> State:
        del steps
        return state

    def opened(self, state: State) -> State:
        return attrs.evolve(state, over=state.over[:-1])

    def copied(self, state: State) -> str:
        del state
        return self.raw or ""

    def render(self, state: State, cells: int, rows: int) -> list[Row]:
        drawn = self._rows(state, cells)
        first = min(self.first, max(0, len(drawn) - rows))
        return filled(drawn[first:], cells, rows)

    def _rows(self, state: State, cells: int) -> list[Row]:
        """Return all rows, however many they are."""
        drawn: list[Row] = [[]]
        for name, value in self.record.items():
            if value is not None:
                text = _text(name, value, state)
                for i, line in enumerate(wrapped(text, max(4, cells - 22))):
                    label = name if not i else ""
                    drawn.append([(themes.DIM, left(f"  {label}", 20)), ("", line)])
        drawn += [[], [(themes.HEADING, "  The line in the log")]]
        if self.raw is None:
            drawn.append([(themes.DIM, f"  {safe(self.missing or 'looking for it …')}")])
        else:
            shown = visible(self.raw[:_LONGEST], in_cells=True)
            drawn += [[("", f"  {line}")] for line in wrapped(shown, max(4, cells - 4))]
        return drawn


def _text(name: str, value: Any, state: State) -> str:
    if isinstance(value, datetime):
        local = value.astimezone(state.context.zone)
        return f"{local:%Y-%m-%d %H:%M:%S}" + (
            f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
        ) + f" {local:%Z}"  # fmt: skip
    if name == "bytes":
        return f"{format_count(value)} B"
    if name.endswith("duration"):
        return format_seconds(value)
    return visible(str(value)[:_LONGEST], in_cells=True)


def with_line(state: State, record: Mapping[str, Any], text: str, missing: str) -> State:
    """Return the state once the line of a request was found, or not."""
    over = tuple(
        attrs.evolve(page, raw=text or None, missing=missing)
        if isinstance(page, RequestDetail) and page.record is record
        else page
        for page in state.over
    )
    return attrs.evolve(state, over=over)
