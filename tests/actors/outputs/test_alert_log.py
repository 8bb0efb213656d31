"""The alert log: a JSON line an event, rotated and retained as told, on disk at once."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import attrs
import pytest
import trio
from loguru import logger

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.alert_log import writing as alert_log
from actors.outputs.alert_log.files import head_path, read_head, read_lines, rotated
from actors.outputs.alert_log.writing import AlertLog
from actors.state.state_file import opener
from glancemetrics.health.health import OutputState
from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.incidents.chain import Head, Verdict, verify
from tests.actors.outputs.feeding import event, feed
from tests.disks import fill
from tests.lines import BASE


def lines(path: Path) -> list[dict[str, object]]:
    """The events, without what chains them and who wrote them."""
    events = [json.loads(text) for text in path.read_text().splitlines()]
    frame = {"seq", "prev", "host", "process"}
    return [{key: value for key, value in event.items() if key not in frame} for event in events]


async def test_an_event_is_a_line_that_says_it_all(tmp_path: Path) -> None:
    path = tmp_path / "state" / "alerts.jsonl"
    started = AlertEvent(AlertEventKind.MONITORING_STARTED, BASE, "Monitoring began")
    await feed(AlertLog(path, "10 MB", 10), started, event(12))
    assert lines(path) == [
        {
            "time": "2026-09-21T14:13:20+00:00",
            "event": "monitoring_started",
            "message": "Monitoring began",
        },
        {
            "time": "2026-09-21T14:13:32+00:00",
            "event": "triggered",
            "rule": "high_traffic",
            "incident": "high_traffic-20260921T141320Z",
            "severity": "warning",
            "value": 12.0,
            "threshold": 10.0,
            "window": 120,
            "triggered_at": "2026-09-21T14:13:20+00:00",
            "duration": None,
            "peak": 12.5,
            "message": "High traffic 12",
        },
    ]


async def test_each_line_is_on_the_disk_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Power may fail when a checkpoint has said that an event is written."""
    path = tmp_path / "alerts.jsonl"
    synced: list[int] = []
    fdatasync = os.fdatasync

    def sync(descriptor: int) -> None:
        fdatasync(descriptor)
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            synced.append(path.read_text().count("\n"))

    monkeypatch.setattr(os, "fdatasync", sync)
    await feed(AlertLog(path, "10 MB", 10), event(1), event(2), event(3))
    assert synced == [1, 2, 3]


async def test_what_comes_again_after_a_crash_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"

    def of(number: int, kind: AlertEventKind = AlertEventKind.TRIGGERED) -> AlertEvent:
        made = event(number)
        assert made.incident is not None
        incident = attrs.evolve(made.incident, id=f"high_traffic-{number}")
        return attrs.evolve(made, kind=kind, incident=incident)

    over = AlertEventKind.RECOVERED
    await feed(AlertLog(path, "10 MB", 10), of(1), of(1, over), of(2))
    await feed(
        AlertLog(path, "10 MB", 10, is_resuming=True), of(1, over), of(2), of(2, over), of(3)
    )
    assert [(one["incident"], one["event"]) for one in lines(path)] == [
        *(("high_traffic-1", "triggered"), ("high_traffic-1", "recovered")),
        *(("high_traffic-2", "triggered"), ("high_traffic-2", "recovered")),
        ("high_traffic-3", "triggered"),
    ]
    # A log of the past that is read again says it all again.
    await feed(AlertLog(path, "10 MB", 10), of(3))
    assert len(lines(path)) == 6


async def test_an_event_is_on_disk_before_the_next_comes(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    delivery = Delivery.to(AlertLog(path, "10 MB", 10))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        for number in range(3):
            delivery.send_event(event(number))
            with trio.fail_after(60):
                while not (path.exists() and len(lines(path)) == number + 1):
                    await trio.sleep(0.01)
        delivery.close()


async def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    await feed(AlertLog(path, "10 MB", 10), event(1))
    await feed(AlertLog(path, "10 MB", 10), event(2))
    assert [line["value"] for line in lines(path)] == [1.0, 2.0]


async def test_it_is_rotated_and_the_last_files_are_kept(tmp_path: Path) -> None:
    await feed(AlertLog(tmp_path / "alerts.jsonl", "2 kB", 3), *map(event, range(100)))
    files = sorted(tmp_path.glob("alerts*.jsonl"))
    assert len(files) == 4
    assert all(0 < path.stat().st_size <= 2000 for path in files)
    assert lines(tmp_path / "alerts.jsonl")[-1]["value"] == 99.0


@pytest.mark.parametrize("evil", ["{x} {0} {{}}", "a\nb", '"', "<red>x</red>", "\x1b[2J\udc80"])
async def test_no_text_breaks_a_line(tmp_path: Path, evil: str) -> None:
    path = tmp_path / "alerts.jsonl"
    await feed(AlertLog(path, "10 MB", 10), event(1, evil))
    (line,) = lines(path)
    assert line["message"] == f"{evil} 1"
    assert path.read_bytes().isascii()


async def test_what_we_log_of_ourselves_is_not_in_it(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    delivery = Delivery.to(AlertLog(path, "10 MB", 10))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        delivery.send_event(event(1))
        with trio.fail_after(60):
            while not (path.exists() and path.read_text()):
                await trio.sleep(0.01)
        logger.warning("not an alert")
        delivery.close()
    assert len(lines(path)) == 1


async def test_others_may_not_read_it(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    await feed(AlertLog(path, "10 MB", 10), event(1))
    assert path.stat().st_mode & 0o007 == 0


async def test_a_place_that_cannot_be_written_is_told_and_tried_again(
    clock, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    delivery = Delivery.to(AlertLog(blocked / "alerts.jsonl", "10 MB", 10))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        delivery.send_event(event(1))
        await trio.sleep(5)
        assert delivery.health.state is OutputState.RETRYING
        assert str(blocked) in delivery.health.detail
        blocked.unlink()
        await trio.sleep(30)
        assert delivery.health.state is OutputState.WORKING
        delivery.close()
    assert [line["value"] for line in lines(blocked / "alerts.jsonl")] == [1.0]


async def test_a_full_disk_loses_no_event(
    clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/dev/full takes no byte; then the name is given to a file that does."""
    path = tmp_path / "alerts.jsonl"
    is_full = True

    def opened(name: str, flags: int) -> int:
        return os.open("/dev/full", os.O_WRONLY) if is_full else opener(name, flags)

    monkeypatch.setattr(alert_log, "opener", opened)
    delivery = Delivery.to(AlertLog(path, "10 MB", 10))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        for number in range(3):
            delivery.send_event(event(number))
        await trio.sleep(3)
        assert delivery.health.state is OutputState.RETRYING
        assert "free some disk space" in delivery.health.detail
        assert "/dev/full" not in open_files(), "it would take what was not written later"
        is_full = False
        await trio.sleep(60)
        delivery.close()
    assert [line["value"] for line in lines(path)] == [0.0, 1.0, 2.0]
    assert verdict(path).broken is None
    assert str(path) not in open_files()


async def test_a_line_that_another_program_could_not_end_is_ended_first(
    clock, small_disk: Path
) -> None:
    path = small_disk / "alerts.jsonl"
    first, second = (Delivery.to(AlertLog(path, "10 MB", 10)) for _ in range(2))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, first)
        nursery.start_soon(keep_running, second)
        second.send_event(event(100))
        await trio.sleep(1)
        ballast = fill(small_disk)
        for number in range(20):
            first.send_event(event(number))
        await trio.sleep(0.1)
        assert first.health.state is OutputState.RETRYING
        assert not path.read_bytes().endswith(b"\n")
        ballast.unlink()
        second.send_event(event(101))
        await trio.sleep(0.01)
        assert '"value": 101.0' in path.read_text().splitlines()[-1]
        await trio.sleep(60)
        for delivery in (first, second):
            delivery.close()
    proved = verdict(path)
    assert (proved.events, proved.cuts, proved.broken) == (22, 1, None)


def open_files() -> list[str]:
    links = list(Path("/proc/self/fd").iterdir())
    return [str(link.readlink()) for link in links if link.is_symlink()]


async def test_a_link_that_lies_in_wait_is_not_followed(clock, tmp_path: Path) -> None:
    path, other = tmp_path / "alerts.jsonl", tmp_path / "other"
    other.write_text("mine\n")
    path.symlink_to(other)
    delivery = Delivery.to(AlertLog(path, "10 MB", 10))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        delivery.send_event(event(1))
        await trio.sleep(3)
        assert delivery.health.state is OutputState.RETRYING
        assert delivery.health.detail == (
            f"{path}: symbolic links are not followed; "
            "remove the link, or use the path of its target"
        )
        path.unlink()
        await trio.sleep(60)
        delivery.close()
    assert other.read_text() == "mine\n"
    assert [line["value"] for line in lines(path)] == [1.0]


async def test_each_line_says_which_program_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    await feed(AlertLog(path, "10 MB", 10), event(1))
    line = json.loads(path.read_text())
    assert (line["host"], line["process"]) == (socket.gethostname(), os.getpid())


def verdict(path: Path) -> Verdict:
    files = [*rotated(path), path]
    head = read_head(path)
    assert head is not None
    return verify((line for file in files for line in read_lines(file)), head)


async def test_the_head_is_the_last_line_and_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    for start in range(0, 60, 20):
        await feed(AlertLog(path, "2 kB", 100), *map(event, range(start, start + 20)))
        proved = verdict(path)
        assert read_head(path) == Head(start + 20, proved.last.hash)
        assert not proved.is_beyond
    assert head_path(path).stat().st_mode & 0o777 == 0o600
    assert len(rotated(path)) > 3


async def test_a_last_line_that_was_changed_is_seen_also_once_others_have_come(
    tmp_path: Path,
) -> None:
    path = tmp_path / "alerts.jsonl"
    await feed(AlertLog(path, "10 MB", 10), event(1), event(2))
    path.write_bytes(path.read_bytes().replace(b"High traffic 2", b"High traffic 3"))
    await feed(AlertLog(path, "10 MB", 10), event(4), event(5))
    assert verdict(path).broken == f"{path}, line 2 was changed after it was written"


async def test_last_lines_that_were_taken_away_are_missed_also_once_others_have_come(
    tmp_path: Path,
) -> None:
    path = tmp_path / "alerts.jsonl"
    await feed(AlertLog(path, "10 MB", 10), *map(event, range(5)))
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    assert (
        verdict(path).broken == f"{path}, line 3 is not the last one: 2 lines are missing after it"
    )
    await feed(AlertLog(path, "10 MB", 10), event(6))
    assert str(verdict(path).broken).endswith(
        "line 4 follows a gap: 2 lines were removed before it"
    )


async def test_a_crash_between_a_line_and_its_head_is_told_as_that(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    await feed(AlertLog(path, "10 MB", 10), event(1), event(2))
    before = head_path(path).read_bytes()
    await feed(AlertLog(path, "10 MB", 10), event(3))
    head_path(path).write_bytes(before)
    proved = verdict(path)
    assert (proved.events, proved.broken, proved.is_beyond) == (3, None, True)
    await feed(AlertLog(path, "10 MB", 10), event(4))
    proved = verdict(path)
    assert (proved.events, proved.broken, proved.is_beyond) == (4, None, False)


async def test_a_head_that_cannot_be_written_loses_no_event_and_accuses_nobody(
    tmp_path: Path,
) -> None:
    path = tmp_path / "alerts.jsonl"
    await feed(AlertLog(path, "10 MB", 10), event(1))
    head_path(path).unlink()
    head_path(path).symlink_to(tmp_path / "other")
    said: list[str] = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    try:
        delivery = await feed(AlertLog(path, "10 MB", 10), event(2), event(3))
    finally:
        logger.remove(sink)
    assert delivery.health.restarts == 0
    assert [line["value"] for line in lines(path)] == [1.0, 2.0, 3.0]
    assert not (tmp_path / "other").exists()
    assert len([one for one in said if "symbolic link" in one]) == 1
    assert verdict(path).broken is None


@pytest.mark.parametrize("evil", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 10_000, b"\xff\x00"])
async def test_a_line_of_any_bytes_does_not_end_the_writer(tmp_path: Path, evil: bytes) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(evil + b"\n")
    delivery = await feed(AlertLog(path, "10 MB", 10, is_resuming=True), event(1))
    assert delivery.health.restarts == 0
    assert json.loads(path.read_bytes().splitlines()[-1])["value"] == 1.0


async def test_events_are_chained_over_rotations_and_restarts(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    for start in range(0, 100, 20):
        await feed(AlertLog(path, "2 kB", 100), *map(event, range(start, start + 20)))
    proved = verdict(path)
    assert (proved.events, proved.first, proved.broken) == (100, 1, None)
    assert len(rotated(path)) > 5


async def test_a_line_that_a_crash_cut_short_is_told_as_that(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    await feed(AlertLog(path, "10 MB", 10), event(1))
    before = head_path(path).read_bytes()
    await feed(AlertLog(path, "10 MB", 10), event(2))
    path.write_bytes(path.read_bytes()[:-30])
    assert "1 line is missing" in str(verdict(path).broken)  # it had been written whole
    head_path(path).write_bytes(before)
    assert verdict(path).broken is None
    await feed(AlertLog(path, "10 MB", 10), event(3))
    proved = verdict(path)
    assert (proved.events, proved.cuts, proved.broken) == (2, 1, None)


async def test_two_programs_may_write_to_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    deliveries = [Delivery.to(AlertLog(path, "2 kB", 100)) for _ in range(2)]
    async with trio.open_nursery() as nursery:
        for delivery in deliveries:
            nursery.start_soon(keep_running, delivery)
        for number in range(60):
            deliveries[number % 2].send_event(event(number))
            if number % 7 == 0:
                await trio.sleep(0.01)
        for delivery in deliveries:
            delivery.close()
    proved = verdict(path)
    assert (proved.events, proved.broken) == (60, None)
