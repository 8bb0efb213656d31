"""Servers: their agents and their requests together, in order, and in words."""

from __future__ import annotations

import attrs
import pytest

from glancemetrics.health.health import AgentHealth, AgentState
from glancemetrics.health.servers import (
    Column,
    agents_text,
    agents_within,
    clock_text,
    servers_of,
    state_text,
)
from glancemetrics.selecting.value_conditions import condition_of, excluded

OK = AgentHealth(name="web1", version="1.0", files=2)
SILENT = AgentHealth(name="web7", is_silent=True, last_heard=100.0, trouble="sent nonsense")
ROWS = (
    {"server": "web1", "hits": 9, "rate": 0.9, "5xx": 3, "4xx": 0, "p95": 0.2},
    {"server": "syslog", "hits": 90, "rate": 9.0, "5xx": 1, "4xx": 2, "p95": None},
    {"server": None, "hits": 1000, "rate": 100.0, "5xx": 0, "4xx": 0, "p95": None},
)


def test_a_server_is_known_by_its_agent_or_by_its_requests() -> None:
    found = servers_of([OK, SILENT], ROWS)
    assert [one.name for one in found] == ["web7", "syslog", "web1"]
    assert [one.agent for one in found] == [SILENT, None, OK]
    assert [one.traffic.get("hits") for one in found] == [None, 90, 9]
    silent = found[0].to_json()
    assert (silent["state"], silent["hits"], silent["rate"], silent["p95"]) == (
        "silent",
        0,
        0,
        None,
    )
    assert (found[1].to_json()["state"], found[1].to_json()["lag_bytes"]) == (None, None)


@pytest.mark.parametrize(
    ("column", "names"),
    [
        (Column.STATE, ["web7", "syslog", "web1"]),
        (Column.RATE, ["syslog", "web1", "web7"]),
        (Column.SERVER_ERRORS, ["web1", "syslog", "web7"]),
        (Column.P95, ["web1", "syslog", "web7"]),
        (Column.FILES, ["web1", "web7", "syslog"]),
        (Column.NAME, ["syslog", "web1", "web7"]),
    ],
)
def test_the_order_by_each_column_has_the_unknown_last(column: Column, names: list[str]) -> None:
    assert [one.name for one in servers_of([OK, SILENT], ROWS, column)] == names
    unknown = {Column.RATE: 1, Column.SERVER_ERRORS: 1, Column.P95: 2, Column.FILES: 1}
    known = len(names) - unknown.get(column, 0)
    backward = [one.name for one in servers_of([OK, SILENT], ROWS, column, is_ascending=True)]
    if column is not Column.STATE:  # of equal ones those with most requests are first, always
        assert backward == [*reversed(names[:known]), *names[known:]]


def test_what_an_agent_does_is_said_in_words() -> None:
    assert state_text(OK, 0) == "ok"
    assert state_text(SILENT, 140.4) == "SILENT for 40 s"
    assert state_text(SILENT, 99) == "SILENT for 0 s"  # its last word, by a clock that was set back
    assert state_text(attrs.evolve(SILENT, last_heard=None), 140) == "SILENT since the start"
    assert state_text(attrs.evolve(OK, trouble="sent nonsense", waits=True), 0) == "sent nonsense"
    assert state_text(attrs.evolve(OK, waits=True), 0) == "waiting for the hub"
    assert state_text(attrs.evolve(OK, waits=True, has_ended=True), 0) == "ended"


@pytest.mark.parametrize(
    ("ahead", "text"), [(0.0, "–"), (1.0, "–"), (3.2, "+3.2 s"), (-61.0, "-1 min 01 s")]
)
def test_a_clock_is_shown_where_it_is_off(ahead: float, text: str) -> None:
    assert clock_text(attrs.evolve(OK, ahead=ahead)) == text


def test_all_agents_are_said_in_a_line() -> None:
    assert agents_text([]) == ""
    assert agents_text([OK]) == "1 agent: all ok"
    others = [attrs.evolve(OK, name=f"web{number}") for number in (2, 3)]
    assert agents_text([SILENT, *others]) == "3 agents: 1 silent (web7)"
    silent = [attrs.evolve(SILENT, name=f"web{number}") for number in range(5)]
    off = attrs.evolve(OK, ahead=-2.0)
    assert agents_text([*silent, off]) == (
        "6 agents: 5 silent (web0, web1, web2 and 2 more), 1 with a clock that is off"
    )


def test_what_a_hub_without_redis_heard_last_is_no_state() -> None:
    away = attrs.evolve(OK, is_unknown=True)
    assert away.state is AgentState.UNKNOWN
    assert state_text(away, 0) == "unknown: no Redis"
    assert agents_text([away]) == (
        f"1 agent: 1 unknown, because Redis does not answer as it should ({OK.name})"
    )
    assert attrs.evolve(SILENT, is_unknown=True).state is AgentState.SILENT


def test_what_nobody_knows_now_is_not_shown() -> None:
    unread = attrs.evolve(OK, unread=1, lag_bytes=5)
    assert (unread.state, state_text(unread, 0)) == (AgentState.TROUBLE, "cannot read 1 of 2 logs")
    # It has not said yet how many it has.
    assert attrs.evolve(unread, unread=3).detail == "cannot read 3 logs"
    assert attrs.evolve(unread, has_ended=True).state is AgentState.ENDED
    assert unread.to_json()["lag_bytes"] == 5
    for change in ({"is_silent": True}, {"has_ended": True}, {"is_unknown": True}):
        assert attrs.evolve(unread, **change).to_json()["lag_bytes"] is None


def test_conditions_about_servers_leave_out_agents() -> None:
    agents = [OK, SILENT]
    one, other = (condition_of("server", agent.name) for agent in agents)
    silent = [{"server": SILENT.name}]
    for conditions, left in (
        ([], (OK, SILENT)),
        (["path = '/'"], (OK, SILENT)),
        (["path = '/'", one], (OK,)),
        ([excluded(one)], (SILENT,)),
        ([condition_of("server", "syslog")], ()),
        ([one, excluded(other)], (OK,)),
        # In other words: as the answer has them.
        ([f"{other} AND status >= 500"], (SILENT,)),
        (["Server LIKE 'web%'"], (SILENT,)),
    ):
        rows = [] if "syslog" in "".join(conditions) else silent
        assert agents_within(agents, conditions, rows) == left
