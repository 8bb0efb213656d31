"""What is slow, full or stuck slows nothing else, and loses nothing."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio

from actors.monitor import service
from actors.monitor.in_order import Parsable
from actors.monitor.parsing import Parsing
from actors.sources.files import open_file
from glancemetrics.configuration.settings import Settings
from glancemetrics.planning.plan import make_plan
from glancemetrics.traffic.aggregation import SourceBatch
from tests.actors.monitor.test_service import Recorder
from tests.actors.outputs.http_server import http_server
from tests.conftest import needs, thorough
from tests.disks import fill
from tests.lines import line
from tests.waiting import eventually

pytestmark = pytest.mark.torture

PROGRAM = [sys.executable, "-m", "glancemetrics"]


async def test_a_parser_that_is_slow_loses_nothing_and_holds_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred times slower than the lines come; what waits, waits in the file."""
    monkeypatch.setattr(open_file, "READ_SIZE", 1 << 16)
    held: list[int] = []
    parsed = Parsing.one

    def slow(parsing: Parsing, chunk: Parsable) -> SourceBatch:
        held.append(len(chunk.lines))
        time.sleep(0.02)
        return parsed(parsing, chunk)

    monkeypatch.setattr(Parsing, "one", slow)
    log = tmp_path / "access.log"
    count = thorough(50_000, 500_000)
    with log.open("wb") as file:
        for number in range(count):
            file.write(line(int(time.time()), size=number))
    recorder, stop = Recorder(), trio.Event()
    settings = Settings(file=str(log), timewindow=3600, start_from="start")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            lambda: service.monitor(
                make_plan(settings),
                [recorder],
                stop=stop,
                wall=time.time,
                standard_input=lambda: -1,
            )
        )
        with trio.fail_after(600):
            while not (recorder.snapshots and recorder.last.health.lines == count):
                await trio.sleep(0.05)
                if recorder.snapshots and recorder.last.health.lines < count // 2:
                    assert recorder.last.health.lag_bytes > 1 << 20
        stop.set()
    assert recorder.last.insights.bytes == sum(range(count))
    assert max(held) < (1 << 16) + 1000


def test_a_full_disk_loses_no_event_once_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    """Alert log, journal and checkpoint on a disk that fills, while an incident begins and ends."""
    log = tmp_path / "access.log"
    log.touch()
    with http_server() as server:
        config = tmp_path / "config.toml"
        config.write_text(f'[[notify]]\nname = "team"\nwebhook = "{server.url}"\n')
        arguments = ["-f", str(log), "--no-console", "--state-dir", str(small_disk / "state")]
        arguments += ["--alert_threshold", "5", "--alertwindow", "0.1", "--config", str(config)]
        with (tmp_path / "errors").open("wb") as errors:
            monitor = subprocess.Popen([*PROGRAM, *arguments], stderr=errors)
        try:
            trail = small_disk / "state" / "alerts.jsonl"
            eventually(lambda: trail.exists() and trail.stat().st_size > 0, what="the alert log")
            eventually(lambda: list((small_disk / "state").glob("*.state")), what="a checkpoint",
                       seconds=30)  # fmt: skip
            ballast = fill(small_disk)
            traffic(log, per_second=30, seconds=7)
            time.sleep(7)  # until the incident is over
            ballast.unlink()
            events = ["monitoring_started", "triggered", "recovered"]
            eventually(lambda: told(trail) == events, what="all events in the alert log",
                       seconds=60)  # fmt: skip
            eventually(lambda: len(server.received) >= 2, what="the webhook", seconds=60)
        finally:
            monitor.terminate()
            monitor.wait(20)
    sent = [json.loads(one.body)["event"] for one in server.received]
    assert sent == ["triggered", "recovered"]
    checked = subprocess.run(
        [*PROGRAM, "audit", "verify", str(trail)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def traffic(log: Path, *, per_second: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with log.open("ab") as file:
            file.write(line(int(time.time())) * (per_second // 10))
        time.sleep(0.1)


def told(trail: Path) -> list[str]:
    found = []
    for text in trail.read_bytes().splitlines():
        try:
            found.append(json.loads(text)["event"])
        except ValueError:
            continue  # cut short by the disk
    return found


def test_without_any_inotify_watch_left_it_looks_every_second(tmp_path: Path) -> None:
    """As where other programs have used them all up."""
    needs("unshare")
    log, output = tmp_path / "access.log", tmp_path / "output"
    log.touch()
    limit = "echo 0 > /proc/sys/user/max_inotify_watches && exec "
    command = [*PROGRAM, "-f", str(log), "--json", "--alert-log", "off", "-r", "0.5"]
    unshare = ["unshare", "--user", "--map-root-user", "sh", "-c", limit + shlex.join(command)]
    if subprocess.run([*unshare[:-1], limit + "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody set that limit")
    with output.open("wb") as out:
        monitor = subprocess.Popen(unshare, stdout=out, stderr=subprocess.PIPE, text=True)

    def lines() -> int:
        found = output.read_bytes().splitlines()
        return int(json.loads(found[-1])["health"]["lines"]) if found else 0

    try:
        for number in range(1, 4):
            with log.open("ab") as file:
                file.write(line(int(time.time())) * 10)
            eventually(lambda: lines() == 10 * number, what="the lines", seconds=20)  # noqa: B023
    finally:
        monitor.terminate()
        _, errors = monitor.communicate(timeout=20)
    assert "Traceback" not in errors


def test_a_real_stop_and_its_end(tmp_path: Path) -> None:
    """SIGSTOP and SIGCONT: what was written meanwhile is counted in its own time."""
    log, output = tmp_path / "access.log", tmp_path / "output"
    log.touch()
    command = [*PROGRAM, "-f", str(log), "--json", "--alert-log", "off", "-r", "0.5"]
    command += ["--timewindow", "600"]
    with output.open("wb") as out:
        monitor = subprocess.Popen(command, stdout=out)
    try:
        traffic(log, per_second=20, seconds=3)
        monitor.send_signal(signal.SIGSTOP)
        traffic(log, per_second=20, seconds=thorough(8, 60))
        monitor.send_signal(signal.SIGCONT)
        traffic(log, per_second=20, seconds=2)
        written = log.read_bytes().count(b"\n")
        eventually(
            lambda: json.loads(output.read_bytes().splitlines()[-1])["hits"] >= written - 20,
            what="the lines", seconds=20,
        )  # fmt: skip
    finally:
        monitor.terminate()
        monitor.wait(20)
    last = json.loads(output.read_bytes().splitlines()[-1])
    assert last["health"]["lines"] == written
    assert last["health"]["late"] == 0


def test_a_terminal_that_takes_nothing_slows_nothing_else(tmp_path: Path) -> None:
    """As after Ctrl-S: alerts are logged, the heart beats, and it ends when it is told to."""
    log, heartbeat = tmp_path / "access.log", tmp_path / "heartbeat"
    log.touch()
    mine, its = pty.openpty()
    arguments = ["-f", str(log), "--state-dir", str(tmp_path / "state"), "-r", "0.2"]
    arguments += ["--alert_threshold", "5", "--alertwindow", "0.1", "--heartbeat", str(heartbeat)]
    monitor = subprocess.Popen(
        [*PROGRAM, *arguments], stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    try:
        trail = tmp_path / "state" / "alerts.jsonl"
        eventually(trail.exists, what="the alert log")
        for number in range(60):  # each screen differs, so that the terminal's buffer is full soon
            with log.open("ab") as file:
                file.write(line(int(time.time()), request=f"GET /{number} HTTP/1.1") * 10)
            time.sleep(0.1)
        before = heartbeat.read_text()
        eventually(lambda: "triggered" in told(trail), what="the alert", seconds=20)
        eventually(lambda: heartbeat.read_text() != before, what="the heart's beat")
        eventually(lambda: "recovered" in told(trail), what="the end of it", seconds=40)
        began = time.monotonic()
        monitor.terminate()
        monitor.wait(10)
        assert time.monotonic() - began < 3
    finally:
        monitor.kill()
        os.close(mine)
        os.close(its)
