"""The access logs of a machine, and the choice between them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from actors.commands.choosing_logs import found_text, read_choice
from actors.commands.found_logs import found_logs, unreadable_places
from tests.lines import BASE, line


def put(root: Path, name: str, data: bytes, age: float = 0) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with nginx, Apache, Caddy and two containers, of which one serves requests."""
    root = tmp_path / "root"
    put(root, "var/log/nginx/access.log", line(BASE + 50) * 3)
    put(root, "var/log/nginx/access.log.1", line(BASE))
    put(root, "var/log/nginx/error.log", b"2026/09/21 14:13:20 [error] 1#1: no\n")
    put(root, "var/log/nginx/empty-access.log", b"", age=60)
    put(root, "var/log/apache2/other_vhosts_access.log", line(BASE + 70))
    put(root, "var/log/caddy/caddy.log", b"starting\n")
    for name, body, running in (
        ("a", line(BASE + 90).decode(), True),
        ("b", "ready to accept connections\n", True),
        ("c", line(BASE + 95).decode(), False),
    ):
        folder = f"var/lib/docker/containers/{name * 64}"
        told = {"log": body, "stream": "stdout", "time": "2026-09-21T14:14:50Z"}
        put(root, f"{folder}/{name * 64}-json.log", json.dumps(told).encode() + b"\n")
        config = {"Name": f"/{name}-web", "State": {"Running": running}}
        put(root, f"{folder}/config.v2.json", json.dumps(config).encode())
    return root


def test_logs_of_servers_and_running_containers_are_found_newest_first(machine: Path) -> None:
    found = found_logs(str(machine))
    assert [(log.server, Path(log.path).name[:12], log.last) for log in found] == [
        ("container a-web", "aaaaaaaaaaaa", BASE + 90),
        ("Apache", "other_vhosts", BASE + 70),
        ("nginx", "access.log", BASE + 50),
        ("nginx", "empty-access", None),
    ]
    assert found[2].size == 3 * len(line(BASE + 50))


def test_they_are_shown_with_size_and_the_age_of_the_last_line(machine: Path) -> None:
    rows = found_text(found_logs(str(machine)), BASE + 110.0).splitlines()
    assert rows[0].startswith("  1  container a-web  ")
    assert rows[0].endswith("last line 20 s ago")
    assert rows[2].split()[:2] == ["3", "nginx"]
    assert " B  last line 1 min 00 s ago" in rows[2]
    assert rows[3].endswith("  empty")


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("\n", [1]),
        ("2\n", [2]),
        ("1,3\n", [1, 3]),
        ("3 1 3", [3, 1]),
        ("a", [1, 2, 3]),
        ("d", []),
        ("4", None),
        ("0", None),
        ("x", None),
    ],
)
def test_an_answer_names_logs(answer: str, numbers: list[int] | None) -> None:
    assert read_choice(answer, 3) == numbers


def test_a_directory_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "var/log/nginx"
    folder.mkdir(parents=True)
    assert unreadable_places(str(tmp_path)) == []
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder)
    assert unreadable_places(str(tmp_path)) == [str(folder)]
