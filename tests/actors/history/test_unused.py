"""Histories that no monitor writes any more do not stay for ever."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from actors.history.about import About, read_reached, write_about, write_reached
from actors.history.segments import SegmentFolder
from actors.history.unused import IDLE_SECONDS, bound_unused
from actors.monitor.checkpoints import Checkpoints
from actors.state.state_lock import claim
from glancemetrics.errors import GlanceMetricsError
from tests.actors.history.records import records
from tests.lines import BASE

HOUR = 3600
DAY = IDLE_SECONDS
WRITTEN = BASE + 10_000
"""When the histories were written last."""


def history(state: Path, name: str, disk: int = 1 << 40, age: int = 3 * HOUR) -> SegmentFolder:
    """A history of three segments, an hour apart, and how much of it is kept."""
    folder = SegmentFolder(state / f"monitor-{name}.history")
    for number in range(3):
        first = number * HOUR
        folder.write(first, records(first, first + 10))
    write_about(folder.path, About(disk=disk, age=age))
    write_reached(folder.path, BASE + 2 * HOUR + 10)
    os.utime(folder.path / "reached", (WRITTEN, WRITTEN))
    return folder


def ordinals(folder: SegmentFolder) -> list[int]:
    return [segment.first for segment in folder.segments()]


@pytest.mark.parametrize(
    ("later", "left"),
    [
        (0, [0, HOUR, 2 * HOUR]),
        (DAY - 1, [0, HOUR, 2 * HOUR]),  # it is only being restarted
        (DAY + HOUR - 1, [0, HOUR, 2 * HOUR]),
        (DAY + HOUR + 10, [HOUR, 2 * HOUR]),
        (DAY + 2 * HOUR + 10, [2 * HOUR]),
        (DAY + 3 * HOUR + 20, []),
    ],
)
def test_they_grow_old_as_if_they_were_written(tmp_path: Path, later: int, left: list[int]) -> None:
    own, other = history(tmp_path, "own", 1, 1), history(tmp_path, "other", age=DAY + 3 * HOUR)
    for _ in range(2):
        bound_unused(own.path, WRITTEN + later)
        assert ordinals(other) == left
    assert ordinals(own) == [0, HOUR, 2 * HOUR]
    reached, since = read_reached(other.path)
    assert reached == BASE + 2 * HOUR + 10
    assert since == (None if len(left) == 3 else BASE + (2 - len(left)) * HOUR + 10)


def test_they_are_as_large_as_others(tmp_path: Path) -> None:
    own, other = history(tmp_path, "own"), history(tmp_path, "other", age=1000 * HOUR)
    size = sum(segment.size for segment in other.segments()[1:])
    write_about(other.path, About(disk=size, age=1000 * HOUR))
    bound_unused(own.path, WRITTEN + DAY + 1)
    assert ordinals(other) == [HOUR, 2 * HOUR]


def test_what_a_monitor_writes_is_its_own(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, ["/var/log/a.log"])
    other = history(tmp_path, checkpoints.path.stem.removeprefix("monitor-"))
    assert other.path == checkpoints.history_folder
    lock = claim(checkpoints.path)
    bound_unused(tmp_path / "own.history", WRITTEN + 1000 * HOUR)
    assert len(ordinals(other)) == 3
    with pytest.raises(GlanceMetricsError, match="another glancemetrics"):
        checkpoints.claim()
    # A monitor that begins waits for one that only deletes what is old.
    threading.Timer(0.3, os.close, [lock]).start()
    checkpoints.claim()
    bound_unused(tmp_path / "own.history", WRITTEN + 1000 * HOUR)
    assert len(ordinals(other)) == 3


def test_what_is_no_history_is_left_alone(tmp_path: Path) -> None:
    other = history(tmp_path, "other")
    (other.path / "reached").unlink()  # it has not told when it was written
    elsewhere = history(tmp_path / "elsewhere", "x")
    (tmp_path / "linked.history").symlink_to(elsewhere.path)
    (tmp_path / "a file.history").write_bytes(b"")
    bound_unused(tmp_path / "own.history", WRITTEN + 1000 * HOUR)
    assert len(ordinals(other)) == len(ordinals(elsewhere)) == 3


def test_one_that_is_damaged_is_no_matter_of_others(tmp_path: Path) -> None:
    for number, name in enumerate(("about.json", "let-go", "reached")):
        damaged = history(tmp_path, f"a{number}", age=1)
        (damaged.path / name).write_bytes(b"\x80null")
    (tmp_path / "monitor-b.history" / "reached").mkdir(parents=True)
    other = history(tmp_path, "other", age=1)
    bound_unused(tmp_path / "own.history", WRITTEN + 1000 * HOUR)
    assert ordinals(other) == []
