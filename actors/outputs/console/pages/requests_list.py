"""Requests as rows: the newest first, colored by status. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import Click, Row, fitted, left, named, right, row_width
from actors.outputs.console.context import local
from actors.outputs.console.state import State
from glancemetrics.words.humane import UNKNOWN, format_bytes, format_seconds

_CLOCK = "%H:%M:%S"


@attrs.frozen
class RowForm:
    """What all rows of a list of requests have."""

    time_form: str = _CLOCK
    with_times: bool = True
    """Whether they have a column of response times."""
    with_server: bool = False
    """Whether each says its server, because there are several."""

    @classmethod
    def of(cls, state: State, records: Sequence[Mapping[str, Any]]) -> RowForm:
        """Return the form of rows of these requests."""
        return cls(
            _time_form_of(state, records),
            any(record.get("duration") is not None for record in records),
            len({record.get("server") for record in records}) > 1,
        )


def request_row(
    state: State,
    record: Mapping[str, Any],
    cells: int,
    form: RowForm,
    *,
    is_chosen: bool = False,
    click: Click | None = None,
) -> Row:
    """Return one request in one row; a narrow one has no client and no size."""
    over = themes.CURSOR if is_chosen else ""
    time: datetime = record["time"]
    clock = time.astimezone(state.context.zone).strftime(form.time_form)
    status = record.get("status")
    role = f"{status // 100}xx" if status is not None and 100 <= status < 600 else "other"
    row: Row = [
        (over or themes.MARK, "▸" if is_chosen else " "),
        (over or themes.DIM, f"{clock} "),
        (over or themes.inked(role), right(UNKNOWN if status is None else str(status), 3) + " "),
    ]
    end: Row = []
    if form.with_times:
        end.append((over, right(format_seconds(record.get("duration")), 9)))
    if form.with_server and cells >= 60:
        server = named(str(record.get("server") or UNKNOWN))
        end.append((over, "  " + left(server, 10 if cells < 130 else 16)))
    if cells >= (88 if form.with_server else 76):
        size = record.get("bytes")
        end.append((over or themes.DIM, right(UNKNOWN if size is None else format_bytes(size), 10)))
    if cells >= 76:
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


def _time_form_of(state: State, records: Sequence[Mapping[str, Any]]) -> str:
    """Return how to write times of requests: with the date if one is not of today, or the year."""
    if state.shown is None:
        return _CLOCK
    zone = state.context.zone
    today = local(state.shown.time, zone).date()
    days = {record["time"].astimezone(zone).date() for record in records}
    if any(day.year != today.year for day in days):
        return f"%Y-%m-%d {_CLOCK}"
    return _CLOCK if days <= {today} else f"%b %d {_CLOCK}"


def request_text(record: Mapping[str, Any]) -> str:
    """Return method, path and query of a request as they may be shown."""
    return named(request_logged(record))


def request_logged(record: Mapping[str, Any]) -> str:
    """Return method, path and query of a request as they were logged."""
    if record.get("path") is None:
        return str(record.get("request") or UNKNOWN)
    query = record.get("query")
    target = str(record["path"]) + ("" if query is None else f"?{query}")
    return f"{record.get('method') or UNKNOWN} {target}"
