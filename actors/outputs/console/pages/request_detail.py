"""One request: every field, and its line in the log. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import Row, left, safe, wrapped
from actors.outputs.console.pages.plain import ScrolledPage
from actors.outputs.console.state import State
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import format_count, format_seconds

_LONGEST = 4000


@attrs.frozen(eq=False)
class RequestDetail(ScrolledPage):
    """See the module's docstring."""

    record: Mapping[str, Any]
    raw: str | None = None
    """Its line; `None` while it is looked for."""
    missing: str = ""
    """Why the line cannot be shown, in a sentence."""

    name = "request"
    title = "Request"

    def copied(self, state: State) -> str:
        del state
        return self.raw or ""

    def all_rows(self, state: State, cells: int) -> list[Row]:
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
