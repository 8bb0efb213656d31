"""The unit under a real systemd, and each line once across a power failure."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.machine.virtual_machine import VirtualMachine, build

RATE = 2000
"""Lines that are written a second where power fails."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    needs("mmdebstrap", "mke2fs", "qemu-system-x86_64", "chroot")
    assert os.geteuid() == 0, "a Debian is made by root only"
    made = build(tmp_path_factory.mktemp("debian"))
    yield made
    shutil.rmtree(made)


@contextmanager
def machine(root: Path, folder: Path, trial: str) -> Iterator[VirtualMachine]:
    made = VirtualMachine(root, folder, trial)
    made.make_disk()
    try:
        yield made
    finally:
        made.remove()


def test_the_unit_under_systemd(root: Path, tmp_path: Path) -> None:
    with machine(root, tmp_path, "unit") as made:
        made.start()
        made.wait(400)
        (facts,) = made.facts
    print(f"memory at most {facts['memory_peak'] / 1e6:.0f} MB")
    assert int(facts["user"]) >= 61184  # systemd's dynamic users
    assert int(facts["capabilities"], 16) == 0
    assert facts["seccomp"] == "2"  # calls are filtered
    assert facts["restarts"] == "1"
    assert facts["result"] == "success"
    assert facts["stopped_after"] < 5
    kinds = [event["event"] for event in facts["events"]]
    assert kinds == [
        *("monitoring_started", "triggered"),
        *("monitoring_started", "recovered", "monitoring_stopped"),
    ]
    triggered, recovered = facts["events"][1], facts["events"][3]
    assert triggered["incident"] == recovered["incident"]
    assert "alerts.jsonl" in facts["files"]
    assert "Traceback" not in facts["journal"]


def test_each_line_once_across_a_power_failure(root: Path, tmp_path: Path) -> None:
    """Of what its server had written, a disk has not the last half minute."""
    with machine(root, tmp_path, "power") as made:
        made.start()
        time.sleep(random.Random(1).uniform(70, 100))
        made.cut_power()
        counted = made.facts[-1]["health"]["lines"]
        made.start()
        made.wait(400)
        (facts,) = made.facts
    snapshot, health = facts["snapshot"], facts["snapshot"]["health"]
    survived, since = facts["survived"], facts["standing"] - facts["survived"]
    assert facts["survived_to"] == survived  # nothing is missing in the middle
    # Of the lines that were written before: how many were counted, and the sum of their numbers.
    own_hits, own_sum = snapshot["hits"] - since, snapshot["bytes"] - facts["sum"]
    own_sum += up_to(survived)
    print(
        f"{counted:,} lines counted when power failed, {survived:,} on the disk, {since:,} written "
        f"since; {own_hits:,} of before are counted; {health['last_gap']}"
    )
    assert counted > survived  # or nothing was tried
    if own_hits == survived:
        # The last checkpoint was of a moment of which the disk has all.
        assert own_sum == up_to(survived)
        assert health["gaps"] == 0
    else:
        again = twice(own_hits, own_sum, survived)
        print(f"counted twice: {again}")
        assert again < 2 * RATE
        assert counted - 8 * RATE < own_hits - again < counted + 2 * RATE
        assert health["gaps"] == 1
        assert "has lost its end" in health["last_gap"]
        assert health["last_gap"] in facts["journal"]
    assert health["memory_limit"] == 768 << 20  # the unit's MemoryHigh
    assert [event["event"] for event in facts["events"]] == ["monitoring_started"] * 2


def test_a_unit_that_logs_to_journald(root: Path, tmp_path: Path) -> None:
    """journalctl runs with the few rights that the service has."""
    with machine(root, tmp_path, "journal") as made:
        made.start()
        made.wait(500)
        (facts,) = made.facts
    before, after = facts["before"], facts["after"]
    print(f"{facts['first']:,} entries, then {facts['second']:,} after a vacuum")
    assert facts["first"] > 1000
    assert (before["hits"], before["bytes"]) == (facts["first"], facts["first_sum"])
    assert before["health"]["gaps"] == 0
    assert facts["vacuumed"]
    assert after["hits"] == facts["first"] + facts["second"]
    assert after["bytes"] == facts["first_sum"] + facts["second_sum"]
    assert after["health"]["gaps"] == 1
    assert "no longer has the last entry" in facts["journal"]
    assert "Traceback" not in facts["journal"]


def twice(hits: int, total: int, survived: int) -> int:
    """How many lines are counted twice, by the count and the sum of the numbers of all.

    Those are the lines of the checkpoint, from the first on, and again the last that survived.
    """
    (found,) = [
        again
        for again in range(survived)
        if up_to(hits - again) + up_to(survived) - up_to(survived - again) == total
    ]
    return found


def up_to(number: int) -> int:
    """The sum of all numbers up to one."""
    return number * (number + 1) // 2
