"""Targets of `exec`: programs that hang, leave others behind, and say too much."""

from __future__ import annotations

import json
import os
import time
import tracemalloc
from pathlib import Path

import pytest
import trio

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.notifier.notifier import make_notifier
from actors.outputs.notifier.program import Program
from glancemetrics.errors import UsageError
from glancemetrics.health.health import OutputState
from glancemetrics.notifying.targets import Target
from tests.actors.outputs.test_notifier import describe, event, target, tell

pytestmark = pytest.mark.usefixtures("soon")


def of_shell(script: str, more: str = "") -> Target:
    return target(f"exec = {json.dumps(['/bin/sh', '-c', script])}\n{more}")


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_program_that_leaves_another_behind_is_run_once(
    journal: Path, tmp_path: Path
) -> None:
    """The other has inherited its stdin and stderr, and keeps them open."""
    inbox, left = tmp_path / "in", tmp_path / "left"
    told = of_shell(
        f"cat >> {inbox}; echo >> {inbox}; sleep 300 & echo $! > {left}; exit 0", 'timeout = "300s"'
    )
    delivery = Delivery.to(make_notifier(told, journal, time.time, describe))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        delivery.send_event(event(1))
        delivery.send_event(event(2))
        with trio.fail_after(60):
            while not inbox.exists() or inbox.read_text().count("\n") < 2:
                await trio.sleep(0.02)
        await trio.sleep(0.2)
        assert delivery.health.state is OutputState.WORKING
        nursery.cancel_scope.cancel()
    keys = [json.loads(line)["key"] for line in inbox.read_text().splitlines()]
    assert keys == ["high_traffic-1 triggered", "high_traffic-2 triggered"]
    behind = int(left.read_text())
    assert is_running(behind)  # it was asked for: only what takes too long is killed
    os.kill(behind, 9)


async def test_what_takes_too_long_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    left = tmp_path / "left"
    script = f"sleep 300 & echo $! > {left}; trap '' TERM; sleep 300; sleep 300"
    with pytest.raises(trio.TooSlowError):
        await Program(["/bin/sh", "-c", script], timeout=1).run(b"")
    child = int(left.read_text())
    with trio.fail_after(60):
        while is_running(child):
            await trio.sleep(0.02)


async def test_what_is_stopped_meanwhile_is_killed_too(tmp_path: Path) -> None:
    left = tmp_path / "left"
    with trio.move_on_after(30) as scope:
        async with trio.open_nursery() as nursery:
            script = f"sleep 300 & echo $! > {left}; wait"
            nursery.start_soon(Program(["/bin/sh", "-c", script], timeout=60).run, b"")
            while not left.exists() or not left.read_text().strip():
                await trio.sleep(0.02)
            nursery.cancel_scope.cancel()
    assert not scope.cancelled_caught
    child = int(left.read_text())
    with trio.fail_after(60):
        while is_running(child):
            await trio.sleep(0.02)


async def test_of_what_a_program_says_the_end_is_kept() -> None:
    script = "head -c 50000000 /dev/zero | tr '\\0' 'x' >&2; echo >&2; echo wrong key >&2; exit 3"
    program = Program(["/bin/sh", "-c", script], timeout=60)
    tracemalloc.start()
    try:
        assert await program.run(b"") == (3, "wrong key")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("script", ["exit 0", "exec <&-; exit 0", "read x; exit 0"])
async def test_a_program_need_not_read_what_it_is_given(script: str) -> None:
    assert await Program(["/bin/sh", "-c", script], timeout=20).run(bytes(1 << 20)) == (0, "")


async def test_a_program_that_a_signal_ended_is_tried_again(journal: Path, tmp_path: Path) -> None:
    ready, done = tmp_path / "ready", tmp_path / "done"
    told = of_shell(f"test -e {ready} && exec touch {done}; touch {ready}; kill -9 $$")
    await tell(told, journal, event(1), until=done.exists)


async def test_a_program_gets_a_clean_environment_and_what_is_named(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_HOOK", "hunter2")
    monkeypatch.setenv("PAGER_TOKEN", "quiet")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    seen = tmp_path / "seen"
    told = of_shell(
        f"env > {seen}.new; mv {seen}.new {seen}",
        '[notify.env]\nTOKEN = "env:PAGER_TOKEN"\nTEAM = "web"\n',
    )
    await tell(told, journal, event(1), until=seen.exists)
    got = dict(line.split("=", 1) for line in seen.read_text().splitlines())
    of_the_shell = {"PWD", "SHLVL", "_", "OLDPWD"}
    assert set(got) - of_the_shell <= {"PATH", "HOME", "LANG", "TZ", "TOKEN", "TEAM"}
    assert (got["TOKEN"], got["TEAM"], got["TZ"]) == ("quiet", "web", "Europe/Berlin")
    assert got["PATH"] == os.environ["PATH"]


def test_a_variable_that_is_missing_is_named_with_its_line(tmp_path: Path) -> None:
    told = target(
        'name = "pager"\nexec = ["/bin/true"]\n'
        '[notify.env]\nTEAM = "web"\nTOKEN = "env:NO_SUCH_TOKEN"'
    )
    with pytest.raises(UsageError) as error:
        make_notifier(told, tmp_path / "a.db", time.time, describe)
    assert str(error.value) == (
        "config.toml line 6, [[notify]] pager: environment variable NO_SUCH_TOKEN is not set"
    )
