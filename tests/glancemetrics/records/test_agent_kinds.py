"""User agents of a column, by kind: as each by itself, and each looked at once."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from glancemetrics.records import agent_kinds
from glancemetrics.records.agent_kinds import kinds_of
from glancemetrics.records.user_agents import UserAgent, classify

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
# More than are looked at at a time.
AGENTS = [FIREFOX, GOOGLEBOT, *(f"curl/{number}.0" for number in range(40_000)), FIREFOX]


def test_agents_are_named_as_each_by_itself() -> None:
    kinds = kinds_of(pa.array(AGENTS))
    each = classify(AGENTS)
    assert kinds.named(lambda agent: agent.browser_version).to_pylist() == [
        agent.browser_version for agent in each
    ]
    assert kinds.named(lambda agent: agent.bot).to_pylist() == [agent.bot for agent in each]
    assert len(kinds_of(pa.array([FIREFOX, GOOGLEBOT, FIREFOX])).kinds) == 2


def test_a_column_is_looked_at_once_and_forgotten_when_it_goes() -> None:
    asked = []

    def told(parts: Iterable[list[str]]) -> Iterator[list[UserAgent]]:
        for part in parts:
            asked.append(len(part))
            yield classify(part)

    column = pa.array(AGENTS)
    first = kinds_of(column, told)
    assert kinds_of(column, told) is first
    assert sum(asked) == len(AGENTS)
    assert max(asked) < len(AGENTS)
    del column
    gc.collect()
    assert not agent_kinds._known


def test_no_agents_are_of_no_kind() -> None:
    assert kinds_of(pa.array([], pa.string())).named(lambda agent: agent.browser).to_pylist() == []


def test_threads_that_need_the_same_column_classify_it_once() -> None:
    agents = pa.array(["curl/8.1", "a"])
    asked: list[list[str]] = []

    def slowly(parts: Iterable[list[str]]) -> Iterator[list[UserAgent]]:
        for part in parts:
            asked.append(part)
            time.sleep(0.05)
            yield classify(part)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: kinds_of(agents, slowly), range(2))
    assert first is second
    assert asked == [["curl/8.1", "a"]]
