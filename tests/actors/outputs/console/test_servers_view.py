"""The view of servers: who is listed, in which order, and what keys make of it."""

from __future__ import annotations

import re

import attrs
import pytest

from actors.outputs.console import moving, narrowing, prompts
from actors.outputs.console.commands import COMMANDS, copy_row
from actors.outputs.console.pages.servers_view import servers_ask
from actors.outputs.console.screen import render
from actors.outputs.console.state import State
from glancemetrics.health.health import AgentHealth
from glancemetrics.history.ask import Answered
from glancemetrics.records.dimensions import BY_SERVER
from glancemetrics.traffic.insights import TopRow
from tests.actors.outputs.console.replays import (
    AGENTS,
    VIEWS,
    answered,
    fleet,
    recorded_of_servers,
    replay,
)

ACTS = {one.action.name: one.act for one in COMMANDS}


@pytest.fixture
def state() -> State:
    return answered(attrs.evolve(fleet(), cells=120, rows=40), recorded_of_servers())


def lines_of(state: State) -> list[str]:
    return ["".join(piece[1] for piece in row).rstrip() for row in render(state)]


def page_of(state: State) -> str:
    return "\n".join(lines_of(state))


def listed(state: State) -> list[str]:
    """Return the names of the servers in the order in which they stand."""
    names = [one.name for one in AGENTS] + [r"sys\x1blog"]
    words = [line[2:].split("  ")[0] for line in lines_of(state) if line[:2] in ("  ", "▸ ")]
    return [word for word in words if word in names]


def pressed(state: State, *names: str) -> State:
    for name in names:
        state = answered(ACTS[name](state), recorded_of_servers())
    return state


def test_trouble_is_first_and_a_silent_agent_is_there_without_requests(state: State) -> None:
    assert listed(state) == ["web7", "web2", "web3", r"sys\x1blog", "web1", "web4"]
    page = page_of(state)
    assert "SILENT for 40 s" in page
    assert "sent an invalid entry" in page
    assert "waiting for the hub" in page
    assert "+3.2 s" in page
    assert "! 0.0.9" in page
    assert "\x1b" not in page
    assert "5 agents: 1 silent (web7), 1 in trouble (web2)" in page


def test_what_has_no_room_is_said_of_the_row_under_the_cursor(state: State) -> None:
    narrow = attrs.evolve(state, cells=80, rows=24)
    assert "web7: SILENT for 40 s, 2 logs" in page_of(narrow)
    below = (
        r"web2 on \x1b[31mevil: sent an invalid entry (damaged), 1 log, version 0.0.9, hub 0.1.0"
    )
    assert below[:76] in page_of(pressed(narrow, "down"))


def test_enter_narrows_to_a_server_and_x_excludes_it(state: State) -> None:
    narrowed = pressed(state, "open")
    assert narrowed.scope.where == "server = 'web7'"
    assert listed(narrowed) == ["web7"]
    back = pressed(narrowed, "back")
    assert listed(back) == listed(state)
    excluded = pressed(state, "exclude")
    assert excluded.scope.where == "server IS DISTINCT FROM 'web7'"
    assert listed(excluded) == listed(state)[1:]
    syslog = pressed(state, "down", "down", "down", "open")
    assert listed(syslog) == [r"sys\x1blog"]
    assert copy_row(syslog).effects


def test_it_is_sorted_by_other_columns_as_other_tables_are(state: State) -> None:
    by_rate = pressed(state, "sort")
    assert listed(by_rate)[:2] == [r"sys\x1blog", "web1"]
    assert "req/s ▾" in page_of(by_rate)
    assert listed(pressed(by_rate, "reverse"))[:2] == ["web1", r"sys\x1blog"]
    by_name = pressed(state, "sort-back")
    assert listed(by_name) == [r"sys\x1blog", "web1", "web2", "web3", "web4", "web7"]
    counted = page_of(pressed(state, "sort", "sort"))
    assert "5xx ▾" in counted


def test_rows_are_found_by_name_and_by_machine(state: State) -> None:
    state = prompts.typed(prompts.ask_find(state), "EVIL")
    assert listed(state) == ["web2"]
    assert "nothing contains nowhere" in page_of(prompts.typed(state, "nowhere"))


def test_500_servers_are_scrolled(state: State) -> None:
    agents = tuple(AgentHealth(name=f"web{number:03}", version="0.1.0") for number in range(500))
    state = answered(attrs.evolve(fleet(agents), rows=24), recorded_of_servers())
    assert "500 agents: all ok" in page_of(state)
    last = moving.move(state, 1_000_000)
    assert "▸ web499" in page_of(last)
    assert "▸ web489" in page_of(moving.move(last, -10))
    assert len(lines_of(last)) == 24


def test_without_a_history_the_requests_are_those_of_the_snapshot(state: State) -> None:
    disabled = Answered(None, error="the history is disabled (--history off)")
    assert state.shown is not None
    insights = state.shown.shown
    tops = {**insights.top, BY_SERVER: (TopRow("web1", 50, 0, 0), TopRow("syslog", 30, 0, 0))}
    shown = attrs.evolve(state.shown, shown=attrs.evolve(insights, top=tops))
    state = attrs.evolve(state, shown=shown).with_answer(servers_ask(state), disabled)
    page = page_of(state)
    (web1,) = [line for line in lines_of(state) if line.startswith("  web1 ")]
    assert web1.split()[:3] == ["web1", "ok", "5"]
    assert "syslog" in page
    assert "web7" in page
    assert "the history is disabled" in page


def test_it_is_offered_where_there_are_servers_only() -> None:
    one = answered(attrs.evolve(replay(), cells=140))
    assert "9 Servers" not in page_of(one)
    before = moving.next_view(one, -1)
    assert before.page.name == "health"
    assert moving.next_view(before, 1).page.name == "overview"
    opened = answered(ACTS["show-servers"](one))
    assert "No servers yet." in page_of(opened)
    assert "9 Servers" in page_of(opened)
    state = answered(attrs.evolve(fleet(), view=0, cells=140), recorded_of_servers())
    assert "9 Servers" in page_of(state)
    assert moving.next_view(state, -1).page.name == "servers"


def test_health_says_how_agents_are() -> None:
    def health(agents: tuple[AgentHealth, ...]) -> str:
        state = moving.go_to_view_called(fleet(agents), "health")
        return page_of(answered(attrs.evolve(state, cells=140, rows=40), recorded_of_servers()))

    assert "  2 agents: 1 waiting (web3), 1 with a clock that is off [9]" in health(AGENTS[1::2])
    assert "  ! 1 agent: 1 silent (web7)" in health(AGENTS[:1])
    assert "agents" not in health(())


def test_it_fits_every_size(state: State) -> None:
    for cells in (1, 20, 40, 80, 200):
        for rows in (1, 3, 8, 60):
            drawn = render(attrs.evolve(state, cells=cells, rows=rows))
            assert len(drawn) == rows
            narrowed = narrowing.narrow_to_row(attrs.evolve(state, cells=cells, rows=rows))
            assert len(render(narrowed)) == rows


@pytest.mark.parametrize("view", ["requests", "errors"])
@pytest.mark.parametrize("cells", [80, 200])
def test_a_request_says_its_server_only_if_there_are_several(view: str, cells: int) -> None:
    number = [one.name for one in VIEWS].index(view)
    state = attrs.evolve(fleet(), view=number, cells=cells, rows=40)
    of_several = requests_of(answered(state, recorded_of_servers()))
    assert {name_of_server(text) for text in of_several} == {"web1", r"sys\x1blog"}
    of_one = requests_of(answered(state))
    assert of_one
    assert {name_of_server(text) for text in of_one} == {""}


def requests_of(state: State) -> list[str]:
    return [text for text in lines_of(state) if re.search(r"\d\d:\d\d:\d\d \d\d\d ", text)]


def name_of_server(text: str) -> str:
    return next((name for name in ("web1", r"sys\x1blog") if name in text), "")
