"""Servers: the traffic of each, and how its agent is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import (
    Row,
    filled,
    fitted,
    left,
    named,
    right,
    safe,
    width,
    wrapped,
)
from actors.outputs.console.layout import first_shown
from actors.outputs.console.pages.base import TablesPage
from actors.outputs.console.state import State, TableSpec, TableState
from actors.outputs.console.tables import (
    Table,
    TableRow,
    choosing,
    chosen_index,
    in_place,
    names_text,
    sorting,
    table_of,
    title_of,
)
from actors.outputs.console.values import (
    ErrorLimit,
    client_errors_text,
    error_limits,
    rate_text,
    server_errors_text,
)
from glancemetrics.health.health import AgentHealth, AgentState
from glancemetrics.health.servers import (
    MEASURES,
    Column,
    Server,
    agents_text,
    agents_within,
    clock_text,
    servers_of,
    state_text,
)
from glancemetrics.history.ask import Answered, Ask
from glancemetrics.records.dimensions import BY_SERVER
from glancemetrics.traffic.snapshot import Snapshot
from glancemetrics.words.escaping import readable
from glancemetrics.words.humane import (
    UNKNOWN,
    format_bytes,
    format_count,
    format_seconds,
    logs_text,
)

_MOST_SERVERS = 10_000
_LEAST_NAME, _MOST_NAME = 12, 40
_LEAST_STATE = 10
_NOTHING = (
    "No servers yet. A server is listed here, with its traffic and its state, when "
    "`glancemetrics agent` runs on it or when its lines arrive over syslog. See "
    "docs/guides/fleet.md."
)


class ServersView(TablesPage):
    """See the module's docstring."""

    name = "servers"
    title = "Servers"

    def is_offered(self, state: State) -> bool:
        """Whether there are servers to compare: agents, or lines of several servers."""
        return state.shown is not None and state.shown.has_servers

    def tables(self, state: State) -> tuple[TableSpec, ...]:
        del state
        return (_SPEC,)

    def asks(self, state: State) -> tuple[Ask, ...]:
        return (servers_ask(state),)

    def render(self, state: State, cells: int, rows: int) -> list[Row]:
        table = table_of(state, _SPEC)
        if not table.rows and not state.table(_SPEC).find and not state.scope.narrowed:
            lines = wrapped(_NOTHING, max(20, min(76, cells - 4)))
            said: list[Row] = [[(themes.DIM, f"  {line}")] for line in lines]
            return filled([[], *said], cells, rows)
        about = _about(state, table)
        return filled([*_table(state, table, cells, rows - len(about)), *about], cells, rows)


def servers_ask(state: State) -> Ask:
    """Return the question for the traffic of each server."""
    return state.ask(by=_SPEC.by, measures=MEASURES, limit=_MOST_SERVERS)


def _made(state: State) -> Table:
    """Return all servers as rows, each with itself as its value."""
    if state.shown is None:
        return Table((), {}, 0, is_answered=False)
    return _made_of(
        _Same(state.shown),
        state.answers.get(servers_ask(state)),
        tuple(one.condition for one in state.scope.narrowed),
        state.table(_SPEC),
        is_plain=state.scope.is_plain,
    )


@attrs.frozen(eq=False)
class _Same:
    """A snapshot; equal to this very one only, which is quick to tell."""

    snapshot: Snapshot

    def __hash__(self) -> int:
        return id(self.snapshot)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.snapshot is self.snapshot


@lru_cache(maxsize=8)
def _made_of(
    shown: _Same,
    answered: Answered | None,
    conditions: tuple[str, ...],
    chosen: TableState,
    *,
    is_plain: bool,
) -> Table:
    """Join agents and requests. Remembered: keys and drawings need them several times."""
    traffic = _traffic(shown.snapshot, answered, is_plain=is_plain)
    servers = servers_of(
        agents_within(shown.snapshot.health.agents, conditions, traffic),
        traffic,
        Column(chosen.sort or _SPEC.order),
        is_ascending=chosen.is_ascending,
    )
    if chosen.find:
        servers = tuple(one for one in servers if _contains(one, chosen.find.lower()))
    rows = [TableRow((one.name,), {_SERVER: one}) for one in servers]
    return Table(
        in_place(rows, chosen),
        {},
        len(rows),
        note="" if answered is None else answered.error or answered.missing,
    )


def _traffic(
    snapshot: Snapshot, answered: Answered | None, *, is_plain: bool
) -> Sequence[Mapping[str, Any]]:
    """Return the requests of each server: of the history, or what the snapshot has of them."""
    if answered is not None and not answered.error:
        return answered.rows
    insights = snapshot.shown
    return [
        {"server": row.name, "hits": row.hits, "rate": row.hits / insights.window_seconds}
        for row in (insights.top.get(BY_SERVER, ()) if is_plain else ())
    ]


def _contains(server: Server, text: str) -> bool:
    host = "" if server.agent is None else server.agent.host
    return text in readable(server.name).lower() or text in readable(host).lower()


_SERVER = "server"
_SPEC = TableSpec(
    key="servers/server",
    title="Servers",
    by=("server",),
    measures=tuple(column.value for column in Column),
    order=Column.STATE.value,
    made=_made,
)


@attrs.frozen
class _Drawing:
    """What texts of cells depend on."""

    now: float
    version: str
    """The hub's own."""
    limits: Sequence[ErrorLimit]
    sort: Column
    is_answered: bool
    """Whether the requests of servers are known."""


_Text = tuple[str, str]
"""Style and text."""


def _state(server: Server, drawing: _Drawing) -> _Text:
    if server.agent is None:
        return themes.DIM, UNKNOWN
    styles = {AgentState.SILENT: themes.BAD, AgentState.TROUBLE: themes.BAD,
              AgentState.UNKNOWN: themes.NOTICED, AgentState.WAITING: themes.NOTICED,
              AgentState.ENDED: themes.DIM,
              AgentState.OK: themes.RECOVERED}  # fmt: skip
    return styles[server.agent.state], safe(state_text(server.agent, drawing.now))


def _rate(server: Server, drawing: _Drawing) -> _Text:
    if not drawing.is_answered:
        return themes.DIM, UNKNOWN
    return themes.FIGURE, rate_text(server.traffic.get("rate") or 0)


def _errors(column: Column) -> Callable[[Server, _Drawing], _Text]:
    def text(server: Server, drawing: _Drawing) -> _Text:
        errors, hits = server.traffic.get(column.value) or 0, server.traffic.get("hits") or 0
        style, share = (
            server_errors_text(errors, hits, drawing.limits)
            if column is Column.SERVER_ERRORS
            else client_errors_text(errors, hits)
        )
        # What it is sorted by is shown.
        is_counted = errors and drawing.sort is column
        return style, f"{format_count(errors)}  {share}" if is_counted else share

    return text


def _p95(server: Server, drawing: _Drawing) -> _Text:
    del drawing
    return "", format_seconds(server.traffic.get("p95"))


def _of_agent(read: Callable[[AgentHealth, _Drawing], _Text]) -> Callable[..., _Text]:
    def text(server: Server, drawing: _Drawing) -> _Text:
        return (themes.DIM, UNKNOWN) if server.agent is None else read(server.agent, drawing)

    return text


def _clock(agent: AgentHealth, drawing: _Drawing) -> _Text:
    del drawing
    text = clock_text(agent)
    return (themes.DIM if text == UNKNOWN else themes.NOTICED), text


def _version(agent: AgentHealth, drawing: _Drawing) -> _Text:
    if not agent.version:
        return themes.DIM, UNKNOWN
    if agent.version == drawing.version:
        return themes.DIM, safe(agent.version)
    return themes.NOTICED, f"! {safe(agent.version)}"


def _lag(agent: AgentHealth, drawing: _Drawing) -> _Text:
    del drawing
    return (themes.DIM, UNKNOWN) if agent.lag is None else ("", format_bytes(agent.lag))


def _host(server: Server, drawing: _Drawing) -> _Text:
    del drawing
    agent = server.agent
    return "", "" if agent is None or agent.host == server.name else named(agent.host)


@attrs.frozen
class _Column:
    """How a column is drawn."""

    heading: str
    cells: int
    text: Callable[[Server, _Drawing], _Text]


_COLUMNS: Mapping[Column, _Column] = {
    Column.RATE: _Column("req/s", 9, _rate),
    Column.SERVER_ERRORS: _Column("5xx", 8, _errors(Column.SERVER_ERRORS)),
    Column.CLIENT_ERRORS: _Column("4xx", 8, _errors(Column.CLIENT_ERRORS)),
    Column.P95: _Column("p95", 9, _p95),
    Column.LAG: _Column("lag", 10, _of_agent(_lag)),
    Column.CLOCK: _Column("clock", 11, _of_agent(_clock)),
    Column.VERSION: _Column("version", 11, _of_agent(_version)),
    Column.FILES: _Column("files", 7, _of_agent(lambda agent, _: ("", format_count(agent.files)))),
}
"""Those with numbers, from left to right."""
_COUNTED = 15
"""Cells of a share with its count before it."""
_HOST = 20


def _needed(servers: Sequence[Server], drawing: _Drawing) -> list[Column]:
    """Return the columns that say something, the most important first."""
    agents = [one.agent for one in servers if one.agent is not None]
    is_off = any(clock_text(agent) != UNKNOWN for agent in agents)
    is_mixed = any(agent.version not in ("", drawing.version) for agent in agents)
    has_times = any(one.traffic.get("p95") is not None for one in servers)
    wanted = (
        (drawing.sort in _COLUMNS, drawing.sort),
        (True, Column.RATE),
        (True, Column.SERVER_ERRORS),
        (is_off, Column.CLOCK),
        (bool(agents), Column.LAG),
        (is_mixed, Column.VERSION),
        (has_times, Column.P95),
        (True, Column.CLIENT_ERRORS),
        (bool(agents), Column.VERSION),
        (bool(agents), Column.FILES),
    )
    return list(dict.fromkeys(column for holds, column in wanted if holds))


def _table(state: State, table: Table, cells: int, rows: int) -> list[Row]:
    """Return a heading, and the rows around the cursor."""
    if rows <= 0:
        return []
    chosen = state.table(_SPEC)
    drawing = _drawing(state)
    servers = [_server_of(row) for row in table.rows]
    states = [_state(one, drawing) for one in servers]
    has_agents = any(one.agent is not None for one in servers)
    longest_state = max((width(text) for _, text in states), default=0) + 1
    state_cells = max(_LEAST_STATE, min(cells // 4, longest_state)) if has_agents else 0
    longest = max((width(names_text(row.names)) for row in table.rows), default=0)
    name_cells = max(_LEAST_NAME, min(_MOST_NAME, cells // 4, longest + 2))
    title = title_of(state, _SPEC)
    name_cells = max(name_cells, min(width(title) + 2, cells // 3))
    room = cells - 3 - name_cells - state_cells
    widths: dict[Column, int] = {}
    for column in _needed(servers, drawing):
        is_counted = column is drawing.sort and column.value in {"5xx", "4xx"}
        needed = _COUNTED if is_counted else _COLUMNS[column].cells
        if needed <= room:
            widths[column] = needed
            room -= needed
    shown = [column for column in _COLUMNS if column in widths]
    has_hosts = room >= _HOST and any(_host(one, drawing)[1] for one in servers)
    heading = _heading(
        title,
        name_cells,
        state_cells,
        {column: widths[column] for column in shown},
        drawing.sort,
        is_ascending=chosen.is_ascending,
    )
    drawn = [fitted([*heading, *([(themes.DIM, "  host")] if has_hosts else [])], cells)]
    index = chosen_index(table.rows, chosen)
    first = first_shown(index, len(servers), rows - 1)
    for number in range(first, min(len(servers), first + rows - 1)):
        server, click = servers[number], choosing(_SPEC, table.rows[number].names)
        over = themes.CURSOR if number == index else ""
        row: Row = [
            (over or themes.MARK, "▸ " if number == index else "  ", click),
            (over, left(names_text(table.rows[number].names), name_cells - 1) + " ", click),
        ]
        if state_cells:
            style, text = states[number]
            row.append((over or style, left(text, state_cells - 1) + " ", click))
        for column in shown:
            style, text = _COLUMNS[column].text(server, drawing)
            row.append((over or style, right(text, widths[column]), click))
        if has_hosts:
            row.append((over or themes.DIM, f"  {_host(server, drawing)[1]}", click))
        drawn.append(fitted(row, cells, over))
    if not servers and rows > 1:
        drawn.append(fitted([(themes.DIM, f"  {_empty(state)}")], cells))
    return filled(drawn, cells, rows)


def _empty(state: State) -> str:
    find = state.table(_SPEC).find
    if find:
        return f"nothing contains {readable(find, in_cells=True)}"
    return "no server has such requests"


def _heading(
    title: str,
    name_cells: int,
    state_cells: int,
    widths: Mapping[Column, int],
    sort: Column,
    *,
    is_ascending: bool,
) -> Row:
    """Return the titles of columns; a click sorts by one."""
    arrow = " ▴" if is_ascending else " ▾"

    def titled(column: Column, text: str) -> str:
        return f"{text}{arrow}" if column is sort else text

    def style(column: Column) -> str:
        return themes.SORTED if column is sort else themes.DIM

    name = left(f"  {titled(Column.NAME, title)}", name_cells + 2)
    row: Row = [(themes.HEADING, name, sorting(_SPEC, Column.NAME.value))]
    shown = {
        **({Column.STATE: left(titled(Column.STATE, "state"), state_cells)} if state_cells else {}),
        **{
            column: right(titled(column, _COLUMNS[column].heading), cells)
            for column, cells in widths.items()
        },
    }
    for column, text in shown.items():
        row.append((style(column), text, sorting(_SPEC, column.value)))
    return row


def _about(state: State, table: Table) -> list[Row]:
    """Return lines below the table: all about the chosen server, then about all agents."""
    rows: list[Row] = [[]]
    if table.rows:
        server = _server_of(table.rows[chosen_index(table.rows, state.table(_SPEC))])
        if server.agent is not None:
            rows.append([("", f"  {_sentence(server, server.agent, _drawing(state))}")])
    agents = () if state.shown is None else state.shown.health.agents
    if agents and not any(one.state.is_trouble for one in agents):  # else it is a problem below
        rows.append([(themes.DIM, f"  {safe(agents_text(agents))}")])
    if table.note:
        rows.append([(themes.NOTICED, f"  ! {safe(table.note)}")])
    return rows if len(rows) > 1 else []


def _sentence(server: Server, agent: AgentHealth, drawing: _Drawing) -> str:
    """Say all about an agent: on a narrow screen not all columns have room."""
    on = f" on {named(agent.host)}" if agent.host not in ("", server.name) else ""
    is_same = agent.version in ("", drawing.version)
    parts = [
        safe(state_text(agent, drawing.now)),
        *((logs_text(agent.files),) if agent.files and agent.detail == agent.trouble else ()),
        *(() if clock_text(agent) == UNKNOWN else (f"clock {clock_text(agent)}",)),
        *(() if is_same else (f"version {safe(agent.version)}, hub {drawing.version}",)),
    ]
    return f"{named(server.name)}{on}: {', '.join(parts)}"


def _drawing(state: State) -> _Drawing:
    answered = state.answers.get(servers_ask(state))
    return _Drawing(
        is_answered=answered is not None or state.scope.is_plain,
        now=0.0 if state.shown is None else state.shown.time,
        version=state.context.version,
        limits=error_limits(state.context.rules, _SPEC.by),
        sort=Column(state.table(_SPEC).sort or _SPEC.order),
    )


def _server_of(row: TableRow) -> Server:
    """Return the server of a row; one that has gone keeps its place."""
    found = row.values.get(_SERVER)
    return found if isinstance(found, Server) else Server(row.names[0])
