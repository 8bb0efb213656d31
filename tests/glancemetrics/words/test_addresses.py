"""Addresses as people write them."""

from __future__ import annotations

import pytest

from glancemetrics.words.addresses import corrected, fleet_in, without_password


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("redis:/127.0.0.1:1/0?fleet=prod", "redis://127.0.0.1:1/0?fleet=prod"),
        ("redis:127.0.0.1:1/0", "redis://127.0.0.1:1/0"),
        ("redis//redis/0", "redis://redis/0"),
        ("redis;//redis/0", "redis://redis/0"),
        ("redis:\\\\redis", "redis://redis"),
        ("REDISS:/redis", "rediss://redis"),
        ("redis+sentinel:/s1,s2/0", "redis+sentinel://s1,s2/0"),
        ("syslog+udp:/0.0.0.0:5514", "syslog+udp://0.0.0.0:5514"),
        ("syslog+tls:0.0.0.0:6514", "syslog+tls://0.0.0.0:6514"),
        ("syslog+unix//run/log.sock", "syslog+unix:/run/log.sock"),
        ("docker;web", "docker:web"),
        ("docker//web", "docker:web"),
        ("journald;nginx", "journald:nginx"),
    ],
)
def test_colon_and_slashes_are_put_right(text: str, right: str) -> None:
    assert corrected(text) == right
    assert corrected(right) is None


@pytest.mark.parametrize(
    "text",
    [
        "redis", "redis.log", "redis/access.log", "docker/*.log", "./redis:x", "/var/log/redis:1",
        "redis-server:1", "docker:web", "docker://web", "http:", "syslog+unix:/run/a", "C:/a.log",
        "",
    ],
)  # fmt: skip
def test_what_is_right_and_paths_stay(text: str) -> None:
    assert corrected(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "redis://web1:se/cret@redis/0", "redis://:se@cret@redis/0", "redis:/u:cret@redis",
        "redis:u:cret@redis", "redis//u:cret@redis", "redis://redis/0?fleet=a&password=cret",
        "redis://redis/0?PASSWORD=cret&fleet=a", "redis://redis?auth=cret",
    ],
)  # fmt: skip
def test_passwords_are_not_shown(text: str) -> None:
    assert "cret" not in without_password(text)
    assert "redis" in without_password(text)


def test_what_is_no_password_is_shown() -> None:
    text = "redis://web1@redis:6379/0?fleet=prod&password-file=/etc/pw"
    assert without_password(text) == text


@pytest.mark.parametrize(
    ("text", "fleet"),
    [
        ("redis://h:6379/0?fleet=prod", "prod"),
        ("rediss+sentinel://a,b/0?master=main&fleet=prod&ca=/x", "prod"),
        ("redis://h/0", "default"),
        ("redis://h/0?ca=/x", "default"),
        ("syslog+udp://0.0.0.0:5514", ""),
        ("/var/log/redis://x?fleet=prod", ""),
    ],
)
def test_a_fleet_is_called_by_its_name(text: str, fleet: str) -> None:
    assert fleet_in(text) == fleet
