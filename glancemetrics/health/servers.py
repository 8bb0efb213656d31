"""Servers: their traffic and what their agents are doing, as console, page and API show it.

A server is known by its agent, by its requests, or by both: a silent agent has no requests, and
servers that send over syslog have no agent.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from glancemetrics.health.health import AgentHealth, AgentState
from glancemetrics.selecting.value_conditions import condition_of, excluded
from glancemetrics.words.humane import UNKNOWN, format_duration

MEASURES = ("hits", "rate", "5xx", "4xx", "p95")
"""Measures of the requests of each server."""
_WITHOUT = {name: None if name == "p95" else 0 for name in MEASURES}
"""The same of no request."""
CLOCK_SECONDS = 1.0
"""Seconds between clocks from which the difference is shown."""
_SERVER = re.compile(r"\bserver\b", re.IGNORECASE)
_MOST_NAMED = 3
"""Agents named in a sentence; the rest are counted."""


class Column(enum.Enum):
    """What is shown of a server, and can be sorted by."""

    STATE = "state"
    RATE = "rate"
    SERVER_ERRORS = "5xx"
    CLIENT_ERRORS = "4xx"
    P95 = "p95"
    LAG = "lag"
    CLOCK = "clock"
    VERSION = "version"
    FILES = "files"
    NAME = "name"


@attrs.frozen
class Server:
    """One server."""

    name: str
    agent: AgentHealth | None = None
    """`None`: none is known; its lines arrive in another way."""
    traffic: Mapping[str, Any] = attrs.field(factory=dict)
    """Its `MEASURES`; empty without requests."""

    def to_json(self) -> dict[str, Any]:
        """Return it as an object of the API; fields of an agent are null without one."""
        agent = self.agent
        return {
            "server": self.name,
            "state": None if agent is None else agent.state.value,
            "detail": "" if agent is None else agent.detail,
            "last_heard": None if agent is None else agent.last_heard,
            **{name: self.traffic.get(name, _WITHOUT[name]) for name in MEASURES},
            "lag_bytes": None if agent is None else agent.lag,
            "clock_offset": None if agent is None else agent.ahead,
            "version": None if agent is None else agent.version or None,
            "host": None if agent is None else agent.host or None,
            "files": None if agent is None else agent.files,
        }


FIELDS = tuple(Server("").to_json())
"""The names of the fields of `Server.to_json`."""


def agents_within(
    agents: Iterable[AgentHealth], conditions: Iterable[str], rows: Iterable[Mapping[str, Any]]
) -> tuple[AgentHealth, ...]:
    """Leave out agents of servers that conditions exclude.

    What a condition says about servers in other words than those for one server is taken from the
    answer to a query by server: only servers with requests in it are left.
    """
    known = frozenset(conditions)
    if not known:
        return tuple(agents)
    agents = tuple(agents)
    only = {condition_of("server", agent.name): agent.name for agent in agents}
    without = {excluded(condition): name for condition, name in only.items()}
    left = [agent.name for agent in agents]
    for condition in known:
        if condition in only:
            allowed = {only[condition]}
        elif condition in without:
            allowed = set(left) - {without[condition]}
        elif _SERVER.search(condition):
            allowed = {row["server"] for row in rows}
        else:
            continue
        left = [name for name in left if name in allowed]
    names = frozenset(left)
    return tuple(agent for agent in agents if agent.name in names)


def servers_of(
    agents: Iterable[AgentHealth],
    rows: Iterable[Mapping[str, Any]],
    column: Column = Column.STATE,
    *,
    is_ascending: bool = False,
) -> tuple[Server, ...]:
    """Join agents with the answer to a query by server: by default trouble first.

    Rows have the field `server` and `MEASURES`. They are sorted by a column: the largest, worst or
    first of the alphabet first, of equal ones those with most requests; what is unknown is last.
    """
    traffic = {str(row["server"]): row for row in rows if row["server"] is not None}
    by_name = {agent.name: agent for agent in agents}
    found = [
        Server(name, by_name.get(name), traffic.get(name, {}))
        for name in dict.fromkeys((*by_name, *traffic))
    ]
    found.sort(key=lambda one: (-(one.traffic.get("hits") or 0), one.name))
    valued = [(_value(server, column), server) for server in found]
    known = [one for one in valued if one[0] is not None]
    known.sort(key=lambda one: one[0], reverse=is_ascending is (column is Column.NAME))
    return (
        *(server for _, server in known),
        *(server for value, server in valued if value is None),
    )


def _value(server: Server, column: Column) -> Any:
    agent = server.agent
    match column:
        case Column.NAME:
            return server.name
        case Column.STATE:
            # Servers without an agent are as good as those whose agent is well.
            return AgentState.OK.badness if agent is None else agent.state.badness
        case _ if column in _OF_AGENTS:
            return None if agent is None else _OF_AGENTS[column](agent)
        case _:
            return server.traffic.get(column.value)


_OF_AGENTS: Mapping[Column, Callable[[AgentHealth], Any]] = {
    Column.LAG: lambda agent: agent.lag,
    Column.CLOCK: lambda agent: abs(agent.ahead),
    Column.VERSION: lambda agent: agent.version,
    Column.FILES: lambda agent: agent.files,
}


def state_text(agent: AgentHealth, now: float) -> str:
    """Say what an agent is doing, in a few words; `now` in seconds since the epoch."""
    match agent.state:
        case AgentState.SILENT if agent.last_heard is None:
            return "SILENT since the start"
        case AgentState.SILENT:
            return f"SILENT for {format_duration(max(0, round(now - (agent.last_heard or 0))))}"
        case AgentState.TROUBLE:
            return agent.detail
        case AgentState.UNKNOWN:
            return "unknown: no Redis"
        case AgentState.WAITING:
            return "waiting for the hub"
        case _:
            return str(agent.state.value)


def clock_text(agent: AgentHealth) -> str:
    """Return how far its clock is ahead, `+3.2 s`; a dash up to a second."""
    if abs(agent.ahead) <= CLOCK_SECONDS:
        return UNKNOWN
    sign = "+" if agent.ahead > 0 else "-"
    return f"{sign}{format_duration(abs(agent.ahead))}"


def agents_text(agents: Sequence[AgentHealth]) -> str:
    """Say how the agents are, in a line: `3 agents: 1 silent (web7)`; empty without any."""
    if not agents:
        return ""
    count = "1 agent" if len(agents) == 1 else f"{len(agents):,} agents"
    parts = []
    for state in AgentState:
        names = [agent.name for agent in agents if agent.state is state]
        if not names or state is AgentState.OK:
            continue
        named = ", ".join(sorted(names)[:_MOST_NAMED])
        more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
        parts.append(f"{len(names):,} {_STATES[state]} ({named}{more})")
    ahead = [agent.name for agent in agents if clock_text(agent) != UNKNOWN]
    if ahead:
        parts.append(f"{len(ahead):,} with a clock that is off")
    return f"{count}: {', '.join(parts) or 'all ok'}"


_STATES = {
    AgentState.SILENT: "silent",
    AgentState.TROUBLE: "in trouble",
    AgentState.UNKNOWN: "unknown, because Redis does not answer as it should",
    AgentState.WAITING: "waiting",
    AgentState.ENDED: "ended",
}
