"""Requests as rows: the newest first, colored by status. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from actors.outputs.console import themes
from actors.outputs.console.cells import Click, Row, fitted, left, named, right, row_width
from actors.outputs.console.context import local
from actors.outputs.console.state import State
from glancemetrics.words.humane import UNKNOWN, format_bytes, format_seconds


def request_row(
    state: State,
    record: Mapping[str, Any],
    cells: int,
    *,
    is_chosen: bool = False,
    with_times: bool = True,
    with_date: bool = False,
    click: Click | None = None,
) -> Row:
    """Return one request in one row; a narrow one has no client and no size."""
    over = themes.CURSOR if is_chosen else ""
    time: datetime = record["time"]
    form = "%b %d %H:%M:%S" if with_date else "%H:%M:%S"
    clock = time.astimezone(state.context.zone).strftime(form)
    status = record.get("status")
    role = f"{status // 100}xx" if status is not None and 100 <= status < 600 else "other"
    row: Row = [
        (over or themes.MARK, "▸" if is_chosen else " "),
        (over or themes.DIM, f"{clock} "),
        (over or themes.inked(role), right(UNKNOWN if status is None else str(status), 3) + " "),
    ]
    end: Row = []
    if with_times:
        end.append((over, right(format_seconds(record.get("duration")), 9)))
    if cells >= 76:
        size = record.get("bytes")
        end.append((over or themes.DIM, right(UNKNOWN if size is None else format_bytes(size), 10)))
        host = named(str(record.get("host") or UNKNOWN))
        end.append((over or themes.DIM, "  " + left(host, 15)))
    if cells >= 130:
        agent = named(str(record.get("agent") or ""))
        end.append((over or themes.DIM, "  " + left(agent, min(60, cells // 4))))
    taken = row_width(row) + row_width(end)
    row.append((over, left(request_text(record), max(4, cells - taken))))
    if click is not None:
        row = [(fragment[0], fragment[1], click) for fragment in (*row, *end)]
        return fitted(row, cells, over)
    return fitted([*row, *end], cells, over)


def are_of_other_days(state: State, records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether requests were logged on another day than today, so that a clock says too little."""
    if state.shown is None:
        return False
    today = local(state.shown.time, state.context.zone).date()
    zone = state.context.zone
    return any(record["time"].astimezone(zone).date() != today for record in records)


def request_text(record: Mapping[str, Any]) -> str:
    """Return method, path and query of a request as they may be shown."""
    if record.get("path") is None:
        return named(str(record.get("request") or UNKNOWN))
    query = record.get("query")
    target = str(record["path"]) + ("" if query is None else f"?{query}")
    return named(f"{record.get('method') or UNKNOWN} {target}")
