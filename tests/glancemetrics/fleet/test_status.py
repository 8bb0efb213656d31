"""What an agent says of itself, and who may touch what in Redis."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.fleet.entry import EntryId, InvalidEntryError
from glancemetrics.fleet.keys import FleetKeys, agent_access, hub_access
from glancemetrics.fleet.status import AgentStatus

STATUS = AgentStatus(
    version="1.0", host="web1", instance="ab", files=2, lag_bytes=3, sent=EntryId(5, 6),
    past=7.5, ahead=-0.25, waits=True,
)  # fmt: skip
PLAIN: dict[str, Any] = json.loads(STATUS.to_bytes())


def test_it_comes_back_as_it_was() -> None:
    assert AgentStatus.read(STATUS.to_bytes()) == STATUS


@pytest.mark.parametrize(
    "change",
    [
        {"sent": "x"}, {"sent": 1}, {"past": "nan"}, {"ahead": 1e300}, {"files": "x"},
        {"version": None}, {"host": ["a"]}, {"lag_bytes": {}}, {"past": float("inf")},
        {"files": -1}, {"lag_bytes": -1}, {"lag_bytes": 10**400},
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidEntryError):
        AgentStatus.read(json.dumps({**PLAIN, **change}).encode())


def test_texts_and_sizes_are_limited() -> None:
    long = AgentStatus.read(json.dumps({**PLAIN, "host": "x" * 3000}).encode())
    assert len(long.host) == 200
    with pytest.raises(InvalidEntryError):
        AgentStatus.read(json.dumps({**PLAIN, "more": "x" * 5000}).encode())


@given(st.binary(max_size=100) | st.text(max_size=100).map(lambda text: text.encode()))
def test_whatever_the_bytes_are_it_is_a_status_or_an_error(data: bytes) -> None:
    with pytest.raises(InvalidEntryError):
        AgentStatus.read(data)
    with pytest.raises(InvalidEntryError):
        AgentStatus.read(b"[" * 4000)


def test_an_agent_may_only_touch_what_is_its_own() -> None:
    words = list(agent_access("prod", "web1", "web1"))
    assert words[:5] == ["ACL", "SETUSER", "web1", "reset", "on"]
    patterns = [word for word in words if word[0] in "~%&"]
    assert patterns == [
        "~gm:{prod}:a:web1",
        "~gm:{prod}:s:web1",
        "~gm:{prod}:l:web1",
        "~gm:{prod}:b:web1",
        "%R~gm:{prod}:k:web1",
        "%R~gm:{prod}:pace",
        "&gm:{prod}:hello:web1",
    ]
    assert not {"+@all", "allkeys", "allchannels"} & set(words)


def test_a_hub_may_touch_its_fleet_alone() -> None:
    words = list(hub_access("prod", "hub"))
    assert [word for word in words if word[0] in "~%&"] == ["~gm:{prod}:*", "&gm:{prod}:hello:*"]


def test_keys_of_two_fleets_are_different() -> None:
    one, other = FleetKeys("a"), FleetKeys("b")
    for name in ("stream", "sent", "counted", "lease", "hello"):
        assert getattr(one, name)("web1") != getattr(other, name)("web1")
    assert one.agent_in(one.hello("web1")) == "web1"
