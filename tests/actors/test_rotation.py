"""Whatever is done to a log's files, and whenever reading stops and goes on: each line once.

A writer numbers its lines; a disk with a clock of its own does what logrotate does.
"""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.tailer.marks import PathMark
from actors.tailer.path_follower import ROTATED_GRACE, PathFollower
from actors.tailer.position import From, StartPosition
from glancemetrics.snapshot import SourceHealth
from glancemetrics.state_tree import from_bytes, to_bytes
from tests.lines import BASE

START = StartPosition(From.START, 120, float(BASE))


class Disk:
    """A log that is written and rotated. Each step takes a second."""

    def __init__(self, folder: Path, *, dated: bool = False) -> None:
        self.folder = folder
        self.log = folder / "access.log"
        self.written: list[bytes] = []
        self._dated = dated
        self._seconds = 0
        self._rotations = 0
        self._number = 0
        self._rest = b""
        self.has_cut = False
        """Whether a line has been cut in two by a copy; to be reset."""
        self._writers = [self.log.open("ab", buffering=0)]
        self._touch(self.log)

    def write(self, lines: int = 1, *, half: bool = False) -> None:
        """Write lines, of the last perhaps but the beginning."""
        for i in range(lines):
            text = b"line %d of a log, with all that one has until its time is told, and %d\n" % (
                self._number,
                self._number,
            )
            cut = len(text) - 5 if half and i == lines - 1 else len(text)
            self._writers[-1].write(self._rest + text[:cut])
            self._rest = text[cut:]
            self.written.append(text)
            self._number += 1
        self._touch(self.log)

    def write_to_old(self) -> None:
        """A server that has not reopened its log yet."""
        if len(self._writers) < 2:
            return
        inode = os.fstat(self._writers[-2].fileno()).st_ino
        files = [path for path in self.folder.iterdir() if path.stat().st_ino == inode]
        if files and files[0].stat().st_size:  # not compressed, and known
            text = (
                b"late %d of a log, with all that one has until its time is told\n" % self._number
            )
            self._writers[-2].write(text)
            self.written.append(text)
            self._number += 1
            self._touch(files[0])

    @property
    def rotated(self) -> list[Path]:
        """The oldest first."""
        others = [path for path in self.folder.iterdir() if path != self.log]
        if self._dated:
            return sorted(others)
        return sorted(others, key=lambda path: -int(path.name.split(".")[2]))

    def rename(self) -> None:
        self.finish()
        self.log.rename(self._next_name())
        self._writers.append(self.log.open("ab", buffering=0))
        self._touch(self.log)

    def copy_and_truncate(self) -> None:
        self.has_cut |= bool(self._rest)
        shutil.copyfile(self.log, copy := self._next_name())
        self._touch(copy)
        self._writers[-1].truncate(0)
        self._touch(self.log)

    def compress(self, *, all_of_them: bool = False) -> None:
        """Compress what was rotated; with `delaycompress`, but for the newest."""
        for path in self.rotated if all_of_them else self.rotated[:-1]:
            if path.suffix != ".gz":
                packed = path.with_name(f"{path.name}.gz")
                packed.write_bytes(gzip.compress(path.read_bytes()))
                os.utime(packed, ns=(0, path.stat().st_mtime_ns))
                path.unlink()

    def finish(self) -> None:
        """Write the rest of the last line."""
        self._writers[-1].write(self._rest)
        self._rest = b""
        self._touch(self.log)

    def close(self) -> None:
        for writer in self._writers:
            writer.close()

    def _next_name(self) -> Path:
        self._rotations += 1
        if self._dated:
            return self.folder / f"access.log-20261125-{self._rotations:05}"
        for path in self.rotated:  # from the oldest on
            words = path.name.split(".")
            words[2] = str(int(words[2]) + 1)
            path.rename(path.with_name(".".join(words)))
        return self.folder / "access.log.1"

    def _touch(self, path: Path) -> None:
        """The clock of a file system is too coarse for a test."""
        self._seconds += 1
        os.utime(path, ns=(0, (BASE + self._seconds) * 1_000_000_000))


class Reader:
    """Reads as the tailer does, and may be gone from one moment to the next."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.lines: list[bytes] = []
        self.gaps: list[str] = []
        self.now = 0.0
        self.health: SourceHealth | None = None
        self._follower = PathFollower(str(log), START)
        self._mark: PathMark | None = None

    def read(self, seconds: float = 0.1) -> None:
        self.now += seconds
        for _ in range(200):
            look = self._follower.look(self.now)
            self.lines += look.lines.whole.splitlines(keepends=True)
            self.gaps += look.gaps
            self._mark = look.mark
            self.health = look.health
            if look.caught_up:
                return
        raise AssertionError("it never catches up")

    def restart(self) -> None:
        """Go on with what was known at the end of the last look."""
        self._follower.close()
        before = None
        if self._mark is not None:
            before = PathMark.from_state(from_bytes(to_bytes(self._mark.to_state())))
        self._follower = PathFollower(str(self.log), START, before=before)

    def finish(self) -> None:
        self.read()
        self.read(ROTATED_GRACE + 1)
        self.read()
        self._follower.close()


STEPS = st.lists(
    st.sampled_from(
        [
            *("write", "write", "write 3", "half", "look", "look", "restart", "rename", "rename"),
            *("copytruncate", "compress", "compress all", "old writer"),
        ]
    ),
    max_size=40,
)


@given(STEPS, st.booleans())
@settings(max_examples=20000)
def test_any_interleaving_gives_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], dated: bool
) -> None:
    disk = Disk(tmp_path_factory.mktemp("rotation"), dated=dated)
    reader = Reader(disk.log)
    reader.read()
    for step in steps:
        match step:
            case "write":
                disk.write()
            case "write 3":
                disk.write(3)
            case "half":
                disk.write(half=True)
                reader.read()  # half of a line in a copy that was never seen before looks whole
            case "look":
                reader.read()
            case "restart":
                reader.restart()
            case "rename":
                disk.rename()
            case "copytruncate":
                disk.copy_and_truncate()
            case "compress" | "compress all":
                if disk.has_cut:
                    # Of two compressed files nobody knows that a line goes on from one to the other.
                    reader.read()
                    disk.has_cut = False
                disk.compress(all_of_them=step == "compress all")
            case "old writer":
                disk.write_to_old()
    disk.finish()
    reader.finish()
    disk.close()
    assert sorted(reader.lines) == sorted(disk.written), reader.gaps
    assert not reader.gaps
