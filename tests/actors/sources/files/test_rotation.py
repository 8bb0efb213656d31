"""Whatever is done to a log's files, and whenever reading stops and goes on: each line once.

A writer numbers its lines; a disk with a clock of its own does what logrotate does.
"""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import attrs
import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.sources.files import followed_files
from actors.sources.files.followed_files import ROTATED_GRACE
from actors.sources.files.identity import Identity
from actors.sources.files.marks import PathMark
from actors.sources.files.path_follower import PathFollower
from actors.sources.files.rotation import Sibling, siblings
from actors.sources.position import From, StartPosition
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.state.tree import from_bytes, to_bytes
from tests.conftest import thorough
from tests.lines import BASE, line

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

    def put(self, data: bytes) -> None:
        """Let the log have just this."""
        self.log.write_bytes(data)
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
        """Look until all has been read."""
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


@contextmanager
def before_question(number: int, happen: Callable[[], None]) -> Iterator[None]:
    """Let something happen before the n-th question that is put to the system, or in the end."""
    asked = 0

    def counted(question: Callable[..., object]) -> Callable[..., object]:
        def ask(*args: object, **options: object) -> object:
            nonlocal asked
            asked += 1
            if asked == number:
                happen()
            return question(*args, **options)

        return ask

    names = ("stat", "fstat", "open", "pread", "scandir")
    with patch.multiple(os, **{name: counted(getattr(os, name)) for name in names}):
        yield
    if asked < number:
        happen()


STEPS = st.lists(
    st.sampled_from(
        [
            *("write", "write", "write 3", "half", "look", "look", "restart", "rotate", "rotate"),
            *("compress", "compress all", "old writer"),
        ]
    ),
    max_size=40,
)


@given(STEPS, st.booleans(), st.booleans())
@settings(max_examples=thorough(300, 20_000))
def test_any_interleaving_gives_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], dated: bool, copies: bool
) -> None:
    """`copies`: logrotate's `copytruncate`; else files are renamed."""
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
            case "rotate" if copies:
                disk.copy_and_truncate()
            case "rotate":
                disk.rename()
            case "compress" | "compress all":
                if disk.has_cut:
                    # Of compressed files nobody knows that a line goes on in the next.
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


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["write", "rotate", "twice", "logrotate", "compress", "old writer"]),
            st.sampled_from(["before", "restart", *["look"] * 4]),
            st.integers(1, 60),
        ),
        max_size=15,
    ),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=thorough(300, 10_000))
def test_any_step_in_the_middle_of_a_look_gives_each_line_once(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, str, int]],
    dated: bool,
    copies: bool,
) -> None:
    """What a look has learnt first may hold no longer when it has learnt the rest."""
    disk = Disk(tmp_path_factory.mktemp("rotation"), dated=dated)
    reader = Reader(disk.log)
    reader.read()

    def rotate() -> None:
        if copies:
            disk.copy_and_truncate()
        else:
            disk.rename()

    def logrotate() -> None:
        rotate()
        disk.write()
        disk.compress(all_of_them=True)

    def twice() -> None:
        rotate()
        disk.write()
        rotate()

    doing = {
        "write": lambda: disk.write(2),
        "old writer": disk.write_to_old,
        "rotate": rotate,
        "twice": twice,
        "logrotate": logrotate,
        "compress": disk.compress,
    }
    for step, when, number in steps:
        disk.write()
        if when == "before":
            doing[step]()
            continue
        if when == "restart":
            reader.restart()
        with before_question(number, doing[step]):
            reader.read()
    reader.read(5)
    reader.finish()
    disk.close()
    assert sorted(reader.lines) == sorted(disk.written), reader.gaps
    assert not reader.gaps


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("rotations", [1, 2, 3])
def test_what_was_rotated_while_nothing_ran_is_read_first(
    tmp_path: Path, rotations: int, packed: bool, dated: bool
) -> None:
    disk = Disk(tmp_path, dated=dated)
    reader = Reader(disk.log)
    disk.write(30)
    reader.read()
    disk.write(7)
    for _ in range(rotations):
        disk.rename()
        disk.write(11)
    if packed:
        disk.compress(all_of_them=True)
    reader.restart()
    reader.read()
    assert reader.lines == disk.written
    assert not reader.gaps
    disk.close()


@pytest.mark.parametrize("looks", [False, True], ids=["at once", "looked at between"])
def test_copytruncate_at_any_place_of_reading(tmp_path: Path, looks: bool) -> None:
    """The writer stops for the copy; what it writes between copy and truncation is lost to all."""
    size = len(b"line 0 of a log, with all that one has until its time is told, and 0\n")
    for offset in range(0, 3 * size, 7):
        folder = tmp_path / str(offset)
        folder.mkdir()
        disk = Disk(folder)
        reader = Reader(disk.log)
        disk.write(3)
        whole = disk.log.read_bytes()
        disk.put(whole[:offset])
        reader.read()
        disk.put(whole)
        disk.copy_and_truncate()
        if looks:
            reader.read()
        disk.write(2)
        disk.compress(all_of_them=True)
        reader.finish()
        assert reader.lines == disk.written, offset
        disk.close()


def test_a_file_that_is_emptied_and_filled_past_where_it_was_read(disk: Disk) -> None:
    reader = Reader(disk.log)
    disk.write(3)
    reader.read()
    disk.write(2)
    disk.copy_and_truncate()
    disk.write(50)
    reader.read()
    assert reader.lines == disk.written


def test_a_writer_that_does_not_append_leaves_a_hole_that_is_no_line(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with log.open("wb", buffering=0) as writer:
        writer.write(b"a" * 99_999 + b"\n")
        reader = Reader(log)
        reader.read()
        os.truncate(log, 0)
        writer.write(b"next\n")  # at the offset where it was
        reader.read()
        reader.restart()
        writer.write(b"last\n")
        reader.read()
    assert reader.lines[1:] == [b"next\n", b"last\n"]


@pytest.mark.parametrize("copies", [False, True])
def test_a_file_that_is_renamed_while_it_is_opened_is_looked_for_each_time(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, copies: bool
) -> None:
    """However long ago another was."""
    reader = Reader(disk.log)
    reader.read()
    failing: list[Sibling] = []
    open_sibling = followed_files.open_sibling

    def open_or_fail(sibling: Sibling) -> int:
        if not failing:
            failing.append(sibling)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return open_sibling(sibling)

    monkeypatch.setattr(followed_files, "open_sibling", open_or_fail)
    for _ in range(3):
        for _ in range(2):
            disk.write(4)
            if copies:
                disk.copy_and_truncate()
            else:
                disk.rename()
        failing.clear()
        reader.read(100)
        assert failing
        reader.read()
    disk.write(1)
    reader.read()
    assert reader.lines == disk.written
    assert not reader.gaps


@pytest.mark.parametrize("rotated", [False, True], ids=["stays", "renamed"])
@pytest.mark.parametrize("grows", [1, 60])
@pytest.mark.parametrize("restarts", [True, False])
def test_a_file_that_lost_its_end_is_gone_on_with(
    disk: Disk, restarts: bool, grows: int, rotated: bool
) -> None:
    """After a power failure: what a server wrote last was not on the disk, but a checkpoint was."""
    reader = Reader(disk.log)
    for _ in range(20):
        disk.write(5)
        reader.read(1)
    size = disk.log.stat().st_size
    os.truncate(disk.log, len(b"".join(disk.written[:70])))
    disk.written = disk.written[:70]
    read = list(reader.lines)
    if restarts:
        reader.restart()
    if rotated:
        if not restarts:
            reader.read()
        disk.rename()
    disk.write(grows)
    reader.read()
    assert reader.lines[:100] == read
    again = reader.lines[100:]
    assert again == disk.written[-len(again) :]
    assert grows <= len(again) <= grows + 5
    (gap,) = reader.gaps
    assert f"{disk.log}" in gap
    assert f"has lost its end, as after a power failure: {size:,} bytes had been read" in gap
    reader.restart()
    disk.write()
    reader.read()
    assert reader.lines[-1] == disk.written[-1]
    assert len(reader.lines) == 100 + len(again) + 1


def test_another_file_with_the_same_inode_is_read_from_its_start(disk: Disk) -> None:
    """As after a removal and a creation, of which nobody has held the file open."""
    reader = Reader(disk.log)
    disk.write(3)
    reader.read()
    disk.log.write_bytes(b"")
    disk.written.clear()
    reader.lines.clear()
    disk.write(40)
    reader.restart()
    reader.read()
    reader.read(5)
    assert reader.lines == disk.written
    assert reader.gaps


def test_what_comes_late_into_a_file_that_was_found_again_is_read(disk: Disk) -> None:
    """A server that has not reopened its log when we come back."""
    reader = Reader(disk.log)
    reader.now = 1e6  # the clock of a machine that has been up for days
    disk.write(3)
    reader.read()
    reader.restart()
    disk.rename()
    disk.write(1)
    disk.rename()
    reader.read()
    disk.write_to_old()
    reader.read()
    disk.write(1)
    reader.read()
    assert sorted(reader.lines) == sorted(disk.written)


def test_an_inode_that_was_given_to_the_log_of_now_is_no_copytruncate(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the old file was compressed while nothing ran, and its inode came back."""
    reader = Reader(disk.log)
    disk.write(3)
    reader.read()
    disk.rename()
    old = disk.rotated[0].stat().st_ino
    disk.write(2)
    disk.rename()
    disk.compress()
    disk.write(1)
    now = disk.log.stat().st_ino
    of = Identity.of
    monkeypatch.setattr(
        Identity,
        "of",
        lambda stat: attrs.evolve(of(stat), inode=old if stat.st_ino == now else stat.st_ino),
    )
    reader.restart()
    reader.read()
    disk.write_to_old()
    reader.read()
    disk.write(2)
    reader.read()
    assert sorted(reader.lines) == sorted(disk.written)


def test_what_was_removed_unread_is_told(disk: Disk) -> None:
    reader = Reader(disk.log)
    disk.write(3)
    reader.read()
    disk.write(3)
    disk.rename()
    disk.rotated[0].unlink()
    disk.write(1)
    reader.restart()
    reader.read()
    assert reader.health is not None
    assert reader.health.detail == "is being rotated"
    reader.read(5)
    assert reader.lines == disk.written[:3] + disk.written[6:]
    (gap,) = reader.gaps
    assert f"after byte {len(b''.join(disk.written[:3]))} are lost" in gap
    assert "the file was removed or changed" in gap


def test_what_was_compressed_before_its_server_had_done_is_not_read_again(disk: Disk) -> None:
    """We have seen more of it, through the file that was open, than the compressed one has."""
    reader = Reader(disk.log)
    disk.write(3)
    disk.rename()
    reader.read()
    disk.write(30)
    reader.read()
    less = disk.log.read_bytes()
    disk.write(2)
    reader.read()
    disk.rename()
    (newest,) = [path for path in disk.rotated if path.name == "access.log.1"]
    newest.unlink()
    packed = disk.folder / "access.log.1.gz"
    packed.write_bytes(gzip.compress(less))
    disk._touch(packed)
    disk.write(1)
    reader.restart()
    reader.read()
    reader.read(5)
    assert len(reader.gaps) == 1
    assert reader.lines == disk.written[3:]


def test_old_files_beside_a_log_are_of_no_concern(disk: Disk) -> None:
    disk.write(3)
    disk.rename()
    disk.write(2)
    reader = Reader(disk.log)
    reader.read()
    disk._touch(disk.rotated[0])  # somebody has written to an old file
    disk.rename()
    disk.write(1)
    reader.read()
    assert reader.lines == disk.written[3:]


def test_a_file_that_goes_on_being_written_long_after_is_not_read_again(disk: Disk) -> None:
    reader = Reader(disk.log)
    disk.write(3)
    reader.read()
    disk.rename()
    disk.write(1)
    reader.read()
    reader.read(ROTATED_GRACE + 1)
    disk.write_to_old()  # too late
    late = disk.written.pop()
    disk.rename()
    disk.write(1)
    reader.read()
    assert reader.lines == disk.written
    assert late not in reader.lines


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_a_log_that_cannot_be_read_for_a_while_is_gone_on_with(
    disk: Disk, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A faulty disk, a mount that was lost, a right that was taken away."""
    reader = Reader(disk.log)
    disk.write(3)
    reader.read()
    pread = os.pread

    def broken(descriptor: int, size: int, offset: int) -> bytes:
        raise OSError(number, os.strerror(number))

    for _ in range(3):
        disk.write(2)
        monkeypatch.setattr(os, "pread", broken)
        for _ in range(3):
            reader.read()
        assert reader.health is not None
        assert reader.health.state is SourceState.BLOCKED
        assert "read" in reader.health.detail
        monkeypatch.setattr(os, "pread", pread)
        disk.write(1)
        reader.read()
    assert reader.lines == disk.written
    assert not reader.gaps


def test_a_log_on_a_mount_that_goes_and_comes_is_gone_on_with(tmp_path: Path) -> None:
    mounted, away = tmp_path / "mount", tmp_path / "away"
    mounted.mkdir()
    disk = Disk(mounted)
    reader = Reader(disk.log)
    disk.write(3)
    reader.read()
    reader.restart()
    mounted.rename(away)
    reader.read()
    assert reader.health is not None
    assert reader.health.state is SourceState.WAITING
    away.rename(mounted)
    disk.write(1)
    reader.read()
    assert reader.lines == disk.written
    disk.close()


def test_a_log_that_is_away_for_an_hour(disk: Disk) -> None:
    reader = Reader(disk.log)
    disk.write(2)
    reader.read()
    disk.log.unlink()
    for _ in range(60):
        reader.read(60)
    disk._writers.append(disk.log.open("ab", buffering=0))
    disk.write(2)
    reader.read()
    assert reader.lines == disk.written


def test_a_named_pipe_is_read_while_writers_come_and_go(tmp_path: Path) -> None:
    pipe = tmp_path / "access.log"
    os.mkfifo(pipe)
    reader = Reader(pipe)
    reader.read()
    for number in range(3):
        with pipe.open("wb") as writer:
            writer.write(b"line %d\n" % number)
        reader.read()
    reader.restart()
    with pipe.open("r+b", buffering=0) as writer:
        writer.write(b"line 3\n")
        reader.read()
    assert reader.lines == [b"line %d\n" % number for number in range(4)]
    assert not reader.gaps


MOUNTS = {
    "tmpfs": "mount -t tmpfs tmpfs {at}",
    "bind": "mount --bind {beside} {at}",
    "overlayfs": "mount -t tmpfs tmpfs {beside} && mkdir {beside}/l {beside}/u {beside}/w && "
    "mount -t overlay overlay -o lowerdir={beside}/l,upperdir={beside}/u,workdir={beside}/w {at}",
}


@pytest.mark.parametrize("command", MOUNTS.values(), ids=MOUNTS)
def test_on_any_file_system(tmp_path: Path, command: str) -> None:
    at, beside = tmp_path / "at", tmp_path / "beside"
    at.mkdir()
    beside.mkdir()
    script = command.format(at=at, beside=beside)
    if subprocess.run(["sh", "-c", script], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount that")
    try:
        for copies in (False, True):
            folder = at / str(copies)
            folder.mkdir()
            disk = Disk(folder)
            reader = Reader(disk.log)
            reader.read()
            for round_ in range(12):
                disk.write(3)
                if round_ % 3:
                    reader.read()
                if copies:
                    disk.copy_and_truncate()
                else:
                    disk.rename()
                disk.write(2)
                if round_ % 4 == 3:
                    reader.restart()
                disk.compress(all_of_them=round_ % 2 == 0)
            reader.finish()
            disk.close()
            assert sorted(reader.lines) == sorted(disk.written)
    finally:
        subprocess.run(["umount", "-l", at], check=True)
        subprocess.run(["umount", "-l", beside], capture_output=True, check=False)


def test_names_of_rotated_files(tmp_path: Path) -> None:
    ours = [
        *(
            "access.log",
            "access.log.1",
            "access.log.12.gz",
            "access.log-20261125",
            "access.log.old",
        ),
        *("access.log-20261125-1764000000.zst", "access-20261125.log", "access.log.2026-11-25.xz"),
    ]
    others = [
        "access.log.bak",
        "access.log.swp",
        "error.log.1",
        "access.log.1.gz.part",
        "my-access.log",
    ]
    for name in [*ours, *others]:
        (tmp_path / name).write_bytes(b"x\n")
    found = {Path(one.path).name for one in siblings(str(tmp_path / "access.log"))}
    assert found == set(ours)


def test_a_symlink_beside_a_log_is_not_followed(disk: Disk, tmp_path: Path) -> None:
    """Whoever may write in the folder could have anything read by us."""
    reader = Reader(disk.log)
    disk.write(1)
    reader.read()
    secret = tmp_path.parent / "secret"
    secret.write_bytes(b"secret\n")
    disk.rename()
    (tmp_path / "access.log.2").symlink_to(secret)
    disk.write(1)
    reader.read()
    assert reader.lines == disk.written


@given(
    st.lists(st.integers(0, 60), min_size=2, max_size=5),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=thorough(60, 2_000), deadline=None)
def test_where_lines_are_all_alike_each_is_counted_once_or_there_is_a_gap(
    tmp_path_factory: pytest.TempPathFactory,
    counts: list[int],
    copies: bool,
    is_running: bool,
    compresses: bool,
) -> None:
    """As of a health check that is logged several times a second: files differ in nothing."""
    # Emptied and filled again with the same between two looks, it is as if it had never been.
    hypothesis.assume(not (copies and is_running))
    log = tmp_path_factory.mktemp("alike") / "access.log"
    log.write_bytes(line() * 50)
    reader = Reader(log)
    reader.read()
    for number, count in enumerate(counts):
        with log.open("ab") as file:
            file.write(line() * count)
        if number == len(counts) - 1:
            break
        for older in range(number, 0, -1):
            log.with_name(f"access.log.{older}").rename(log.with_name(f"access.log.{older + 1}"))
        if copies:
            shutil.copy2(log, log.with_name("access.log.1"))
            os.truncate(log, 0)
        else:
            log.rename(log.with_name("access.log.1"))
            log.touch()
    if compresses and (oldest := log.with_name(f"access.log.{len(counts) - 1}")).exists():
        status = oldest.stat()
        packed = oldest.with_name(f"{oldest.name}.gz")
        packed.write_bytes(gzip.compress(oldest.read_bytes()))
        os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
        oldest.unlink()
    if not is_running:
        reader.restart()
    reader.read(5)
    reader.finish()
    assert reader.gaps or len(reader.lines) == 50 + sum(counts)
