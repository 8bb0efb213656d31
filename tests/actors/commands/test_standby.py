"""A second hub as a process: what it shows while it stands by, how it ends, and when it works."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lines import line
from tests.redis import Redis
from tests.waiting import Running, eventually, free_port

COMMAND = [sys.executable, "-m", "glancemetrics"]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    with Redis(tmp_path / "redis", ("--appendonly", "no")) as running:
        running.run("SET", "gm:{prod}:term", "an earlier hub")
        yield running


def hub(redis: Redis, tmp_path: Path, name: str, *options: str) -> Running:
    url = f"redis://127.0.0.1:{redis.port}/0?fleet=prod"
    with (tmp_path / f"{name}.errors").open("wb") as errors:
        return Running(
            [*COMMAND, url, "--config", "off", "-r", "0.5", "--no-console", *options],
            stderr=errors,
        )


def state_of(tmp_path: Path, name: str, variant: str) -> list[str]:
    if variant == "redis":
        return ["--state", "redis", "--state-dir", str(tmp_path / name)]
    return ["--state-dir", str(tmp_path / "shared")]


def says(tmp_path: Path, name: str, what: str) -> bool:
    return what in (tmp_path / f"{name}.errors").read_text()


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with contextlib.suppress(http.client.HTTPException, OSError):
            return error.code, error.read().decode()
    except (OSError, http.client.HTTPException):
        pass
    return 0, ""  # such as the moment at which one page ends and the next begins


@pytest.mark.parametrize(
    ("variant", "waiting"),
    [("redis", "another hub of this fleet runs on"), ("shared", "another hub keeps its state in")],
)
def test_a_second_hub_stands_by_and_takes_over_when_the_first_is_killed(
    redis: Redis, tmp_path: Path, variant: str, waiting: str
) -> None:
    port, beat = free_port(), tmp_path / "heartbeat"
    seen = ["--web", f"127.0.0.1:{port}", "--heartbeat", str(beat)]
    state = state_of(tmp_path, "b", variant)
    with hub(redis, tmp_path, "a", *state_of(tmp_path, "a", variant)) as first:
        eventually(lambda: redis.run("GET", "gm:{prod}:hub"), 30, "the first hub")
        with hub(redis, tmp_path, "b", *state, *seen) as second:
            eventually(lambda: says(tmp_path, "b", waiting), 30, "that it waits")
            eventually(lambda: get(port, "/healthz") == (200, "ok\n"), 30, "the page")
            eventually(lambda: get(port, "/readyz") == (503, "standing by\n"), 30, "standing by")
            eventually(beat.exists, 30, "the heartbeat")
            assert "this hub stands by" in get(port, "/api/v1/query?last=5m")[1]
            alive = subprocess.run([*COMMAND, "healthcheck", str(beat)], timeout=60, check=False)
            assert alive.returncode == 0
            first.kill()
            eventually(lambda: get(port, "/readyz") == (200, "ok\n"), 30, "the takeover")
            holder: dict[str, Any] = json.loads(redis.run("GET", "gm:{prod}:hub"))
            assert holder["process"] == second.pid
            second.terminate()
        assert second.returncode == 0
    assert redis.run("GET", "gm:{prod}:hub") == ""


@pytest.mark.parametrize("variant", ["redis", "shared"])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_hub_that_stands_by_ends_at_once(
    redis: Redis, tmp_path: Path, variant: str, how: signal.Signals
) -> None:
    with hub(redis, tmp_path, "a", *state_of(tmp_path, "a", variant)) as first:
        eventually(lambda: redis.run("GET", "gm:{prod}:hub"), 30, "the first hub")
        holder = redis.run("GET", "gm:{prod}:hub")
        with hub(redis, tmp_path, "b", *state_of(tmp_path, "b", variant)) as second:
            eventually(lambda: says(tmp_path, "b", "another hub"), 30, "that it waits")
            time.sleep(1.5)
            began = time.monotonic()
            second.send_signal(how)
        assert second.returncode == 0
        assert time.monotonic() - began < 3
        assert redis.run("GET", "gm:{prod}:hub") == holder
        first.terminate()


def test_a_hub_that_was_replaced_stands_by(redis: Redis, tmp_path: Path) -> None:
    with hub(redis, tmp_path, "a", *state_of(tmp_path, "a", "redis")) as first:
        eventually(lambda: redis.run("GET", "gm:{prod}:hub"), 30, "the first hub")
        other = {"instance": "other", "host": "web9\x1b[2J", "boot": "", "process": 9}
        redis.run("SET", "gm:{prod}:hub", json.dumps(other))
        eventually(lambda: says(tmp_path, "a", "starting again to stand by"), 30, "the notice")
        eventually(lambda: says(tmp_path, "a", "another hub of this fleet runs on web9"), 30)
        assert not says(tmp_path, "a", "\x1b")
        assert first.poll() is None
        redis.run("DEL", "gm:{prod}:hub")
        eventually(lambda: f'"process": {first.pid}' in redis.run("GET", "gm:{prod}:hub"), 30)
        first.terminate()
    assert first.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["access.log", "--state", "redis"], "--state redis: needs one fleet and no other source"),
        (["redis://a", "redis://b", "--state", "redis"], "--state redis: needs one fleet"),
        (["redis://a", "access.log", "--state", "redis"], "with other sources use --state disk"),
        (
            ["redis://a", "--state", "redis", "--state-dir", "off"],
            "--state-dir off: a hub has to save how far it has counted, because agents wait for "
            "that; leave it out",
        ),
        (["redis://a", "--state", "cloud"], "--state cloud: must be disk or redis"),
    ],
)
def test_what_redis_cannot_save_is_refused(
    tmp_path: Path, arguments: list[str], error: str
) -> None:
    (tmp_path / "access.log").touch()
    done = subprocess.run(
        [*COMMAND, *arguments, "--config", "off", "--no-console"],
        cwd=tmp_path, capture_output=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    assert done.returncode == 2
    assert error in done.stderr.decode()


def test_the_check_of_a_configuration_names_the_line(tmp_path: Path) -> None:
    settings = tmp_path / "hub.toml"
    settings.write_text('file = "/var/log/access.log"\nstate = "redis"\n')
    done = subprocess.run(
        [*COMMAND, "check", str(settings)], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "hub.toml line 2, state = redis: needs one fleet" in done.stderr.decode()


def test_also_a_hub_that_somebody_looks_at_saves_what_agents_wait_for(
    redis: Redis, tmp_path: Path
) -> None:
    url = f"redis://127.0.0.1:{redis.port}/0?fleet=prod"
    (tmp_path / "access.log").write_bytes(line())
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    agent = [*COMMAND, "agent", str(tmp_path / "access.log"), "--to", url, "--name", "web1"]
    look = [*COMMAND, url, "--config", "off", "--json"]
    with (
        Running([*agent, "--from", "start"]) as sending,
        Running(look, env=environment, stdout=subprocess.DEVNULL) as looking,
    ):
        eventually(lambda: redis.run("HGET", "gm:{prod}:k:web1", "id"), 30, "what was counted")
        sending.terminate()
        looking.terminate()
