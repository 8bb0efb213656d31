"""Following one path through all that happens to log files, held against a simple model."""

from __future__ import annotations

import contextlib
import errno
import grp
import gzip
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.sources.files.followed_files import ROTATED_GRACE
from actors.sources.files.open_file import READ_SIZE
from actors.sources.files.path_follower import PathFollower
from actors.sources.position import From, StartPosition
from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.followed_logs import FollowedLogs
from glancemetrics.formats.log_format import LineContext
from glancemetrics.formats.reading import Reading
from glancemetrics.health.health import SourceState
from glancemetrics.lines.line_ends import last_line_end
from glancemetrics.lines.splitter import LINE_LIMIT
from glancemetrics.lines.time_bisect import directives_before
from tests.lines import BASE, line

START = StartPosition(From.START, 120, float(BASE))
LOGS = FollowedLogs(Reading(COMBINED))


class Followed:
    """A follower that is looked through until it has nothing more to say."""

    def __init__(self, path: Path, start: StartPosition = START) -> None:
        self.follower = PathFollower(str(path), start, LOGS.dated)
        self.now = 0.0
        first = self.follower.look(self.now)
        self.overlong = len(first.lines.overlong)
        self.health = first.health
        self._first = first.lines.whole

    def read(self, seconds: float = 1.0) -> bytes:
        self.now += seconds
        found, self._first = self._first, b""
        for _ in range(20):
            look = self.follower.look(self.now)
            found += look.lines.whole
            self.overlong += len(look.lines.overlong)
            self.health = look.health
            if look.caught_up:
                return found
        raise AssertionError("it never catches up")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_it_hands_on_what_is_appended(log: Path) -> None:
    log.write_bytes(b"a\n")
    followed = Followed(log)
    assert followed.read() == b"a\n"
    append(log, b"b\nc\n")
    assert followed.read() == b"b\nc\n"
    assert followed.read() == b""
    assert followed.health.state is SourceState.FOLLOWING


def test_a_line_written_in_two_halves_is_held_until_its_newline(log: Path) -> None:
    log.write_bytes(b"a\nfirst ")
    followed = Followed(log)
    assert followed.read() == b"a\n"
    append(log, b"half\n")
    assert followed.read() == b"first half\n"


def test_rename_and_create_reads_the_old_file_to_its_end_first(log: Path) -> None:
    log.write_bytes(b"a\n")
    followed = Followed(log)
    followed.read()
    append(log, b"b\n")
    log.rename(log.with_suffix(".1"))
    log.write_bytes(b"c\n")
    assert followed.read() == b"b\nc\n"


def test_lines_that_arrive_in_the_old_file_after_the_rename_are_read(log: Path) -> None:
    log.write_bytes(b"a\n")
    followed = Followed(log)
    followed.read()
    with log.open("ab", buffering=0) as writer:
        log.rename(log.with_suffix(".1"))
        log.write_bytes(b"new 1\n")
        assert followed.read() == b"new 1\n"
        writer.write(b"old 2\n")
        append(log, b"new 2\n")
        assert followed.read(30) == b"old 2\nnew 2\n"
    writer_is_gone = followed.read(ROTATED_GRACE + 1)
    assert writer_is_gone == b""
    assert len(list(followed.follower.identities())) == 1


def test_the_last_line_of_a_rotated_file_counts_though_no_newline_came(log: Path) -> None:
    log.write_bytes(b"a\nunfinished")
    followed = Followed(log)
    followed.read()
    log.rename(log.with_suffix(".1"))
    log.write_bytes(b"b\n")
    assert followed.read() == b"b\n"
    assert followed.read(ROTATED_GRACE + 1) == b"unfinished\n"


def test_copytruncate_goes_on_at_the_files_beginning(log: Path) -> None:
    log.write_bytes(b"a\nb\n")
    followed = Followed(log)
    assert followed.read() == b"a\nb\n"
    os.truncate(log, 0)
    assert followed.read() == b""
    append(log, b"c\n")
    assert followed.read() == b"c\n"


def test_a_line_cut_by_copytruncate_is_joined(log: Path) -> None:
    log.write_bytes(b"a\nfirst ")
    followed = Followed(log)
    followed.read()
    os.truncate(log, 0)
    append(log, b"half\n")
    assert followed.read() == b"first half\n"


def test_deleted_and_created_again(log: Path) -> None:
    log.write_bytes(b"a\n")
    followed = Followed(log)
    followed.read()
    log.unlink()
    assert followed.read() == b""
    assert followed.health.state is SourceState.WAITING
    log.write_bytes(b"b\n")
    assert followed.read() == b"b\n"
    assert followed.health.state is SourceState.FOLLOWING


def test_a_symlink_that_is_switched(log: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "1.log", tmp_path / "2.log"
    first.write_bytes(b"a\n")
    second.write_bytes(b"b\n")
    log.symlink_to(first)
    followed = Followed(log)
    assert followed.read() == b"a\n"
    aside = tmp_path / "aside"
    aside.symlink_to(second)
    append(first, b"last\n")
    aside.rename(log)
    assert followed.read() == b"last\nb\n"


def test_a_file_that_does_not_exist_yet_is_read_from_its_start(log: Path) -> None:
    followed = Followed(log, StartPosition(From.END, 120, float(BASE)))
    assert followed.health.state is SourceState.WAITING
    assert "does not exist yet" in followed.health.detail
    log.write_bytes(b"a\nb\n")
    assert followed.read() == b"a\nb\n"


def test_crlf_is_handed_on_as_it_is(log: Path) -> None:
    log.write_bytes(b"a\r\nb\r\n")
    assert Followed(log).read() == b"a\r\nb\r\n"


def test_a_line_longer_than_allowed_is_told_once(log: Path) -> None:
    log.write_bytes(b"a\n" + b"x" * (5 * LINE_LIMIT) + b"\nb\n")
    followed = Followed(log)
    assert followed.read() == b"a\nb\n"
    assert followed.overlong == 1


def test_a_directory_and_a_compressed_file_are_not_followed(log: Path, tmp_path: Path) -> None:
    log.mkdir()
    assert "is a directory" in Followed(log).health.detail
    packed = tmp_path / "access.log.1.gz"
    packed.write_bytes(gzip.compress(b"a\n"))
    health = Followed(packed).health
    assert health.state is SourceState.BLOCKED
    assert "compressed (gzip)" in health.detail


@pytest.mark.parametrize(
    ("beginning", "said"),
    [
        (b"PK\x03\x04", "is a zip archive; unpack it first"),
        (b"\0" * 257 + b"ustar\x0000", "is a tar archive; unpack it first"),
        (b"\xff\xfea\0\n\0", "is UTF-16, only UTF-8 can be followed"),
        (b"\xfe\xff\0a\0\n", "is UTF-16, only UTF-8 can be followed"),
    ],
)
def test_archives_and_utf_16_are_named(tmp_path: Path, beginning: bytes, said: str) -> None:
    odd = tmp_path / "access.log"
    odd.write_bytes(beginning + b"x" * 500)
    health = Followed(odd).health
    assert health.state is SourceState.BLOCKED
    assert said in health.detail


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything, so the trial is made as somebody else."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_no_permission_is_told_and_it_goes_on_when_granted(log: Path, tmp_path: Path) -> None:
    for folder in [tmp_path, *tmp_path.parents][:-2]:  # up to that of all temporary files
        folder.chmod(0o755)
    log.write_bytes(line(BASE - 500) + line(BASE - 5))
    log.chmod(0o640)
    os.chown(log, 0, grp.getgrnam("adm").gr_gid)
    window = StartPosition(From.WINDOW, 120, float(BASE))
    with as_nobody():
        followed = Followed(log, window)
        assert followed.read() == b""
        assert followed.health.state is SourceState.BLOCKED
        assert "permission denied – try: sudo usermod -aG adm $USER" in followed.health.detail
    log.chmod(0o644)
    with as_nobody():
        assert followed.read() == line(BASE - 5)
    assert followed.health.state is SourceState.FOLLOWING


@pytest.mark.parametrize(
    ("where", "now", "expected"),
    [
        (From.START, BASE, [-500, -121, -120, -1]),
        (From.END, BASE, []),
        (From.WINDOW, BASE, [-120, -1]),
        (From.WINDOW, None, [-120, -1]),
        (From.WINDOW, BASE + 500, []),
    ],
)
def test_where_it_starts(log: Path, where: From, now: int | None, expected: list[int]) -> None:
    log.write_bytes(b"".join(line(BASE + at) for at in (-500, -121, -120, -1)))
    followed = Followed(log, StartPosition(where, 120, now))
    assert followed.read() == b"".join(line(BASE + at) for at in expected)
    append(log, b"next\n")
    assert followed.read() == b"next\n"


def test_a_log_whose_records_are_all_too_old_says_so(log: Path) -> None:
    log.write_bytes(line(BASE - 500))
    followed = Followed(log, StartPosition(From.WINDOW, 120, float(BASE)))
    followed.read()
    assert followed.health.last_record == BASE - 500
    append(log, line(BASE))
    followed.read()
    assert followed.health.last_record is None


def test_it_tells_how_much_is_left_to_read(log: Path) -> None:
    log.write_bytes((b"x" * 80 + b"\n") * 100_000)
    followed = Followed(log)
    assert followed.health.lag_bytes == 8_100_000 - READ_SIZE
    followed.read()
    assert followed.health.lag_bytes == 0


def test_only_lines_written_since_the_end_was_seen_are_fresh(log: Path) -> None:
    log.write_bytes(b"old\n")
    follower = PathFollower(str(log), START)
    look = follower.look(0)
    assert (look.lines.whole, look.fresh, look.caught_up) == (b"old\n", False, True)
    append(log, b"new\n")
    look = follower.look(1)
    assert (look.lines.whole, look.fresh) == (b"new\n", True)


STEPS = st.lists(
    st.sampled_from(
        ["write", "write", "half", "look", "look", "rename", "truncate", "delete", "old writer"]
    ),
    max_size=30,
)


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_any_interleaving_of_rotation_gives_the_lines_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """A writer numbers its lines.

    A look comes right before a truncation or a deletion, as what is taken away unread is gone, and
    between two rotations, as a file that had the name only between two looks was never seen.
    """
    folder = tmp_path_factory.mktemp("rotation")
    log = folder / "access.log"
    writers = [log.open("ab", buffering=0)]
    followed = Followed(log)
    expected: list[bytes] = []
    found = b""
    number = 0
    rest = b""  # of the line that stands half written
    seen = True
    for step in steps:
        writer = writers[-1]
        match step:
            case "write" | "half":
                text = b"line %d\n" % number
                cut = 4 if step == "half" else len(text)
                writer.write(rest + text[:cut])
                rest = text[cut:]
                expected.append(text[:-1])
                number += 1
            case "old writer" if len(writers) > 1:
                writers[-2].write(b"old %d\n" % number)
                expected.append(b"old %d" % number)
                number += 1
            case "look":
                found += followed.read()
                seen = True
            case "rename" | "delete" if not rest:
                if step == "delete" or not seen:
                    found += followed.read()
                seen = False
                if step == "rename":
                    log.rename(folder / f"access.log.{number}.{len(writers)}")
                else:
                    log.unlink()
                writers.append(log.open("ab", buffering=0))
            case "truncate":
                found += followed.read()
                writer.truncate(0)
                found += followed.read()
    writers[-1].write(rest)
    for writer in writers:
        writer.close()
    found += followed.read()
    followed.follower.close()
    assert sorted(found.splitlines()) == sorted(expected)


HEADER = b"#Fields: date time c-ip sc-status\n"


def w3c(second: int, host: str = "::1") -> bytes:
    moment = datetime.fromtimestamp(BASE + second, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} {host} 200\n".encode()


def test_lines_from_the_middle_of_a_w3c_log_come_with_their_directives(log: Path) -> None:
    old = b"#Fields: c-ip date time\n" + b"".join(
        b"::1 " + w3c(-9000 + i).rsplit(b" ", 2)[0] + b"\n" for i in range(5000)
    )
    log.write_bytes(old + HEADER + b"".join(w3c(i) for i in range(100)))
    start = StartPosition(From.WINDOW, 50, float(BASE + 100))
    logs = FollowedLogs(Reading())
    follower = PathFollower(str(log), start, logs.dated)
    look = follower.look(0.0)
    begins = look.begins
    while not look.lines:
        look = follower.look(0.0)
    assert look.lines.whole == b"".join(w3c(i) for i in range(50, 100))
    assert begins is not None
    assert begins.before == HEADER
    followed = logs.log(begins.source)
    followed.begin(begins.sample, begins.before, begins.dated)
    assert followed.format.name == "iis"
    passage = followed.take(look.lines.whole)
    decoded = followed.format.decode(passage.lines, LineContext(directives=passage.directives))
    assert (decoded.batch.num_rows, decoded.rejects) == (50, 0)
    follower.close()


def test_what_a_log_is_known_by_is_said_once_before_its_first_lines(log: Path) -> None:
    text = b"".join(line(BASE + second) for second in range(3000))
    log.write_bytes(text)
    follower = PathFollower(str(log), START, LOGS.dated)
    first, *others = (follower.look(0.0) for _ in range(3))
    assert first.begins is not None
    sample = first.begins.sample
    assert len(sample) < 150_000
    assert set(sample.splitlines()) < set(text.splitlines())
    assert sample.startswith(line(BASE))
    assert sample.endswith(line(BASE + 2999))
    assert first.begins.before == b""
    assert [look.begins for look in others] == [None, None]
    mark = others[-1].mark
    follower.close()
    append(log, line(BASE + 3000))
    resumed = PathFollower(str(log), START, LOGS.dated, before=mark)
    look = resumed.look(1.0)
    assert look.begins is not None
    assert look.begins.sample.endswith(line(BASE + 3000))
    assert look.lines.whole == line(BASE + 3000)
    resumed.close()


@pytest.mark.parametrize("where", From)
def test_a_sparse_file_of_a_terabyte_is_passed_over(log: Path, where: From) -> None:
    """Left by a writer that does not append, after its log was emptied."""
    log.touch()
    os.truncate(log, 1 << 40)
    followed = Followed(log, StartPosition(where, 120, float(BASE)))
    assert followed.read() == b""
    append(log, line())
    assert followed.read() == line()
    assert followed.health.lag_bytes == 0


@pytest.mark.parametrize("where", From)
def test_a_file_of_only_nul_bytes_says_so(log: Path, where: From) -> None:
    log.touch()
    os.truncate(log, 1 << 40)
    followed = Followed(log, StartPosition(where, 120, float(BASE)))
    assert followed.health.detail == "has only NUL bytes; skipped"
    append(log, line())
    followed.read()
    assert followed.health.detail == ""


def test_nul_bytes_are_passed_over_where_the_file_system_knows_no_holes(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_holes(descriptor: int, position: int, how: int) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr("actors.sources.files.open_file.os.lseek", no_holes)
    log.write_bytes(bytes(READ_SIZE * 3 + 5) + line())
    assert Followed(log).read() == line()


def test_directives_are_not_looked_for_in_all_of_a_log_of_no_known_format(log: Path) -> None:
    asked = []

    def read_at(offset: int, size: int) -> bytes:
        asked.append(size)
        return (b"x" * 99 + b"\n") * (size // 100) + b"x" * (size % 100)

    assert directives_before(read_at, 1 << 40, (b"#Fields:",), 1 << 16) == b""
    assert sum(asked) < 1 << 20
    assert last_line_end(lambda _, size: b"x" * size, 1 << 40) == 1 << 40


def test_a_misspelt_path_is_recognised_and_another_log_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "nginx"
    folder.mkdir()
    for name in ("access.log", "error.log", "access.log.1", "acess.log.2.gz"):
        (folder / name).touch()
    window = StartPosition(From.WINDOW, 120, float(BASE))
    for missing in ("nginx/acces.log", "ngnix/access.log", "ngnix/accss.log"):
        followed = Followed(tmp_path / missing, window)
        followed.read()
        assert followed.health.detail == (
            f"does not exist yet; waiting for it; did you mean {folder}/access.log?"
        )
    (folder / "access.log").unlink()
    for missing in ("nginx/access.log", "nginx/acces.log", "other/access.log"):
        followed = Followed(tmp_path / missing, window)
        followed.read()
        assert followed.health.detail == "does not exist yet; waiting for it"
