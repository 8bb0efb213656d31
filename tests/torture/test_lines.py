"""Each line once: the real program, killed again and again, under a real logrotate.

What is counted is held against what stands on the disk in the end: a line that `copytruncate` loses
between its copy and its truncation stands nowhere.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from tests.conftest import needs, thorough
from tests.lines import line

pytestmark = pytest.mark.torture

SECONDS = thorough(6, 40)
RATE = 2000


@attrs.frozen
class Rotation:
    """How a log is rotated."""

    directives: str
    late: float = 0
    """Seconds after which the server reopens its log."""

    @property
    def loses(self) -> bool:
        """Whether a line may be written that stands nowhere afterwards.

        Between a copy and the truncation; and to a file that has been compressed already.
        """
        is_dated = "dateext" in self.directives  # a second apart at least
        early = "compress" in self.directives and (
            "delaycompress" not in self.directives or (self.late > 0 and not is_dated)
        )
        return early or "copytruncate" in self.directives


DATED = "create\ncompress\ndelaycompress\ndateext\ndateformat -%Y%m%d-%s"
ROTATIONS = {
    "dateext": Rotation(DATED, late=0.5),
    "copytruncate": Rotation("copytruncate\ncompress"),
}
if os.environ.get("TORTURE"):
    ROTATIONS |= {
        "rename": Rotation("create", late=2),
        "compress": Rotation("create\ncompress"),
        "delaycompress": Rotation("create\ncompress\ndelaycompress"),
        # Compressed while its server still writes to it.
        "delaycompress, late": Rotation("create\ncompress\ndelaycompress", late=1),
        "late": Rotation("create", late=30),
        "copytruncate, plain": Rotation("copytruncate"),
        "maxage": Rotation(DATED + "\nmaxage 1", late=0.5),
    }


@attrs.define
class Monitor:
    """The real program, which is stopped and started."""

    log: Path
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    runs: int = 0

    @property
    def output(self) -> Path:
        return self.folder / "snapshots.jsonl"

    def start(self) -> None:
        arguments = ["-f", str(self.log), "--json", "--state-dir", str(self.folder / "state")]
        arguments += ["--from", "start", "--timewindow", "3600", "-r", "0.5"]
        arguments += ["--alert_threshold", "1e9"]
        with self.output.open("wb") as out, (self.folder / "errors").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "glancemetrics", *arguments], stdout=out, stderr=errors
            )
        self.runs += 1

    def __enter__(self) -> Monitor:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)

    def kill(self, number: int = signal.SIGKILL) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(20)

    @property
    def last(self) -> dict[str, object]:
        lines = self.output.read_bytes().split(b"\n")[:-1]
        snapshot: dict[str, object] = json.loads(lines[-1]) if lines else {}
        return snapshot

    @property
    def counted(self) -> tuple[int, int]:
        """Lines, and the sum of their numbers."""
        return int(str(self.last.get("hits", 0))), int(str(self.last.get("bytes", 0)))

    def until(self, right: Callable[[tuple[int, int]], bool], seconds: float = 60) -> None:
        """Wait until what is counted is right."""
        deadline = time.monotonic() + seconds
        while not right(self.counted) and time.monotonic() < deadline:
            time.sleep(0.2)
        errors = (self.folder / "errors").read_text()
        assert right(self.counted), (self.counted, self.last.get("health"), errors[-2000:])


@contextmanager
def writing(log: Path, late: float = 0.0) -> Iterator[subprocess.Popen[bytes]]:
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.torture.writer", str(log), str(RATE), str(late)],
        stdout=subprocess.PIPE,
    )
    try:
        yield writer
    finally:
        writer.terminate()
        writer.communicate(timeout=20)


def on_disk(folder: Path) -> set[int]:
    """The numbers of the lines that stand in all files of a log."""
    numbers: set[int] = set()
    for path in folder.glob("access.log*"):
        data = path.read_bytes()
        text = gzip.decompress(data) if path.suffix == ".gz" else data
        numbers |= {int(number) for number in re.findall(rb'" 200 (\d+) "', text)}
    return numbers


def configure_logrotate(folder: Path, how: Rotation, writer: subprocess.Popen[bytes]) -> None:
    """Write what Debian's logrotate is to do."""
    needs("logrotate")
    config = folder / "logrotate.conf"
    config.write_text(
        f"{folder}/logs/access.log {{\nrotate 1000\nmissingok\n{how.directives}\n"
        f"su root root\npostrotate\nkill -USR1 {writer.pid}\nendscript\n}}\n"
    )
    config.chmod(0o644)


def rotate(folder: Path) -> None:
    subprocess.run(
        ["logrotate", "-f", "-s", str(folder / "logrotate.state"), str(folder / "logrotate.conf")],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def disturb(monitor: Monitor, how: Rotation, chance: random.Random) -> int:
    """Rotate the log that is being written, and kill the monitor, at random; returns how often."""
    rotations = 0
    end = time.monotonic() + SECONDS
    for step in itertools.count():
        if time.monotonic() > end:
            return rotations
        time.sleep(chance.uniform(0.2, 1.2))
        what = chance.random()
        if step % 3:
            # Twice: two rotations between two looks.
            for _ in range(chance.choice([1, 1, 2])):
                rotate(monitor.folder)
                rotations += 1
                time.sleep(1.0 if "dateext" in how.directives else 0.05)
        else:
            monitor.kill(signal.SIGKILL if what < 0.8 else signal.SIGTERM)
            time.sleep(chance.uniform(0, 2))
            monitor.start()
    raise AssertionError


@pytest.mark.parametrize("how", ROTATIONS.values(), ids=ROTATIONS)
def test_killed_again_and_again_under_logrotate(tmp_path: Path, how: Rotation) -> None:
    chance = random.Random(how.directives)
    logs = tmp_path / "logs"
    logs.mkdir()
    logs.chmod(0o755)
    log = logs / "access.log"
    log.touch()
    with Monitor(log, tmp_path) as monitor:
        time.sleep(2.5)  # until there is a checkpoint
        with writing(log, how.late) as writer:
            configure_logrotate(tmp_path, how, writer)
            rotations = disturb(monitor, how, chance)
            time.sleep(1)
        standing = on_disk(logs)
        written = max(standing, default=0)
        expected = len(standing), sum(standing)
        print(f"standing: {expected}, written: {written}")
        if how.loses:
            # Of what stands nowhere we may have seen a part.
            monitor.until(lambda counted: expected[0] <= counted[0] <= written)
        else:
            monitor.until(lambda counted: counted == expected)
            assert expected[0] == written
            assert monitor.last["health"]["gaps"] == 0  # type: ignore[index]
        monitor.kill(signal.SIGTERM)
        lost = written - monitor.counted[0]
    print(f"{written} lines, {rotations} rotations, {monitor.runs} runs; {lost} stand nowhere")


def test_all_of_standard_input_is_counted_on_a_core_that_others_keep_busy() -> None:
    """A third was left out without a word, as what is to be finished had a deadline."""
    needs("taskset", "nice")
    count = thorough(50_000, 200_000)
    lines = b"".join(line(int(time.time()) - 600 + i // 400, size=i) for i in range(count))
    busy = [sys.executable, "-c", "while True: pass"]
    with contextlib.ExitStack() as burners:
        for _ in range(3):
            burner = subprocess.Popen(["taskset", "-c", "0", *busy])
            burners.callback(burner.wait)
            burners.callback(burner.kill)
        for _ in range(thorough(1, 10)):
            run = subprocess.run(
                ["nice", "-n", "5", "taskset", "-c", "0", sys.executable, "-m", "glancemetrics"]
                + ["-f", "-", "--json", "-r", "1", "--from", "start", "--alert-log", "off"],
                input=lines, capture_output=True, check=True, timeout=600,
            )  # fmt: skip
            last = json.loads(run.stdout.splitlines()[-1])
            assert last["health"]["lines"] == last["health"]["records"] == count
