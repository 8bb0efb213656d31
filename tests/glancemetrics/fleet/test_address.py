"""The address of a fleet: what it says, and how mistakes are answered."""

from __future__ import annotations

import pytest

from glancemetrics.errors import UsageError
from glancemetrics.fleet.address import FleetAddress, fleet_address, is_name


def test_what_is_not_said_has_a_default() -> None:
    found = fleet_address("redis://redis", "--to")
    assert found == FleetAddress(servers=(("redis", 6379),), fleet="default", database=0)


def test_everything_can_be_said() -> None:
    found = fleet_address(
        "rediss://web%401@[2001:db8::1]:6380/7?fleet=prod&password-file=/p&ca=/ca&cert=/c&key=/k",
        "--to",
    )
    assert found == FleetAddress(
        servers=(("2001:db8::1", 6380),),
        has_tls=True,
        user="web@1",
        database=7,
        fleet="prod",
        password_file="/p",
        ca="/ca",
        cert="/c",
        key="/k",
    )
    assert str(found) == "[2001:db8::1]:6380"


def test_sentinels_are_several_and_name_their_redis() -> None:
    found = fleet_address("redis+sentinel://s1,s2:26380/0?master=main&fleet=prod", "-f")
    assert found.servers == (("s1", 26379), ("s2", 26380))
    assert found.master == "main"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("http://redis/0", "must begin with redis://"),
        ("redis://", "must name a host"),
        ("redis://redis:99999", "the port of redis must be a number from 1 to 65535"),
        ("redis://redis:0", "the port of redis must be a number"),
        ("redis://redis:redis/0", "the port of redis must be a number"),
        ("redis://::1/0", "must name a host"),
        ("redis://2001:db8::1/0", "an IPv6 address needs brackets"),
        ("redis:/redis/0?fleet=a", r"did you mean redis://redis/0\?fleet=a"),
        ("redis://a,b/0", "names several servers"),
        ("redis://redis/prod", "the database must be a number, not prod; name the fleet"),
        ("redis://redis/0?fleet=a*b", "the fleet's name must have"),
        ("redis://redis/0?fleet=", "fleet= has no value"),
        ("redis://redis/0?flet=a", "unknown flet="),
        ("redis://redis/0?ca=/x", "certificates are for rediss://"),
        ("rediss://redis/0?key=/x", "key= needs cert="),
        ("redis+sentinel://s1/0", "sentinels need the name"),
        ("redis://redis/0?master=main", "is for redis\\+sentinel://"),
        ("redis://[::1", "is not a URL"),
    ],
)
def test_a_mistake_is_named(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        fleet_address(text, "--to")


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    for text in (
        "redis://web1:se/cret@redis/0",
        "redis://:secret@redis/0",
        "redis://:@redis/0",
        "redis://redis/0?fleet=prod&password=secret",
    ):
        with pytest.raises(UsageError, match=r"password-file|must name a host") as caught:
            fleet_address(text, "--to")
        assert "cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "-a", "a b", "a*", "a{b}", "a:b", "ä", "a" * 64, "a\n"])
def test_what_has_a_meaning_in_patterns_is_no_name(name: str) -> None:
    assert not is_name(name)


def test_names_of_machines_are_names() -> None:
    assert all(map(is_name, ["web1", "web-1.example.com", "WEB_1", "a" * 63, "1"]))
