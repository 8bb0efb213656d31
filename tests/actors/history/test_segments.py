"""Segments of records in a folder."""

from __future__ import annotations

import errno
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import dataset, ipc

from actors.history.segments import (
    Segment,
    SegmentFolder,
    SegmentGoneError,
    UnreadableSegmentError,
)
from actors.history.stored_segments import stored_in
from glancemetrics.formats.combined import decode
from glancemetrics.history.recorded import holes_in
from glancemetrics.records.schema import TEXT
from tests.actors.history.records import expected, records, row, rows_in
from tests.disks import fill
from tests.lines import BASE, line


@pytest.fixture
def folder(tmp_path: Path) -> SegmentFolder:
    return SegmentFolder(tmp_path / "history")


def names(folder: SegmentFolder) -> list[str]:
    return sorted(file.name for file in folder.path.iterdir())


def merge_all(folder: SegmentFolder) -> None:
    for _ in range(1000):
        if not folder.merge():
            return
    pytest.fail("there is always more to merge")


def test_a_folder_that_is_not_there_has_none(folder: SegmentFolder) -> None:
    assert folder.segments() == []
    assert not folder.merge()
    folder.cut(0)
    assert folder.bound(0, 1) == []
    assert not folder.path.exists()


def test_a_listing_tells_what_a_segment_has(folder: SegmentFolder) -> None:
    later, earlier = folder.write(20, records(20, 23)), folder.write(3, records(3, 10))
    assert folder.segments() == [earlier, later]
    assert (earlier.first, earlier.end, earlier.rows) == (3, 10, 7)
    assert (earlier.oldest, earlier.newest) == (BASE + 3, BASE + 9)
    assert earlier.size == earlier.path.stat().st_size
    assert earlier.memory == pytest.approx(folder.read(earlier).nbytes, rel=0.05)
    assert rows_in(folder) == expected(*range(3, 10), *range(20, 23))
    assert names(folder) == [earlier.path.name, later.path.name]


@pytest.mark.parametrize("second", [-62_135_596_800, -3600, -1])
def test_times_before_the_epoch_are_times(folder: SegmentFolder, second: int) -> None:
    long_ago = records(0, 1).drop_columns("time").add_column(
        0, "time", pa.array([second * 1_000_000], pa.timestamp("us", "UTC"))
    )  # fmt: skip
    written = folder.write(0, long_ago)
    assert folder.segments() == [written]
    assert written.oldest == written.newest == second


def test_other_files_are_nobodys_segments(folder: SegmentFolder) -> None:
    written = folder.write(0, records(0, 3))
    name = written.path.name
    others = [
        *("notes.txt", f"{name}.bak", f"x{name}", name.replace(".arrow", ".ARROW")),
        *(name.replace("0003", "0000", 1), name.replace("-", "_")),
    ]
    for other in others:
        (folder.path / other).write_bytes(b"")
    (folder.path / name.replace("0003", "0004", 1)).mkdir()
    (folder.path / name.replace("0003", "0005", 1)).symlink_to(written.path)
    assert folder.segments() == [written]
    folder.bound(0, 0)
    assert set(others) < set(names(folder))


def test_no_record_is_in_two_segments_of_a_listing(folder: SegmentFolder) -> None:
    """Those inside others are not listed, of those that overlap the later begins later."""
    folder.write(2, records(2, 4))
    whole = folder.write(0, records(0, 10))
    folder.write(8, records(8, 14))
    folder.write(5, records(5, 12))
    folder.write(0, records(0, 3))
    spans = [(each.first, each.end, each.skip) for each in folder.segments()]
    assert spans == [(0, 10, 0), (10, 12, 5), (12, 14, 4)]
    assert rows_in(folder) == expected(*range(14))
    assert folder.read(whole, ["bytes"]).column(0).to_pylist() == list(range(10))


def test_only_the_columns_that_are_asked_for_are_read(folder: SegmentFolder) -> None:
    written = folder.write(7, records(7, 10, cache="HIT"))
    batch = folder.read(written, ["cache", "bytes", "later", "duration"])
    assert batch.schema.names == ["cache", "bytes", "later", "duration"]
    assert batch.schema.types == [TEXT, pa.int64(), TEXT, pa.float64()]
    assert batch.to_pylist() == [
        {"cache": "HIT", "bytes": number, "later": None, "duration": None} for number in (7, 8, 9)
    ]
    assert folder.read(written, ["later"]).to_pylist() == [{"later": None}] * 3
    assert folder.read(written, []).num_rows == 3
    assert folder.read(written).schema == records(0, 1, cache="").schema


def test_values_that_no_record_has_are_not_written(folder: SegmentFolder) -> None:
    """Batches are filtered and cut; their dictionaries still have all."""
    batch = records(0, 1000).slice(600, 3)
    assert len(batch["path"].dictionary) == 1000
    written = folder.write(600, batch)
    assert rows_in(folder) == expected(600, 601, 602)
    assert folder.read(written)["path"].dictionary.to_pylist() == ["/600", "/601", "/602"]
    assert len(folder.read(written)["user"].dictionary) == 1


def test_a_null_in_a_dictionary_is_no_value(folder: SegmentFolder) -> None:
    users = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, None, 0], pa.int32()), pa.array([None, "u"], pa.string())
    )
    batch = records(0, 4)
    batch = batch.set_column(batch.schema.get_field_index("user"), "user", users)
    folder.write(0, batch)
    folder.write(4, records(4, 8))
    merge_all(folder)
    assert [found["user"] for found in rows_in(folder).values()][:4] == [None, "u", None, None]


def test_what_stands_under_a_null_is_a_number_that_others_take(folder: SegmentFolder) -> None:
    """Polars refuses a file with -1 there."""
    parsed = decode(line() * 3 + line(user="u", referrer="/")).batch
    for batch in (parsed, parsed.slice(1), parsed.slice(0, 2)):
        segment = folder.write(0, batch)
        found = folder.read(segment)
        assert found.to_pylist() == batch.to_pylist()
        for name in ("user", "query", "referrer", "identity"):
            numbers = found[name].indices
            assert set(np.frombuffer(numbers.buffers()[1], np.int32)) <= {0}


def test_what_is_no_segment_is_not_written(folder: SegmentFolder) -> None:
    with pytest.raises(ValueError, match="invalid segment: 0 records from 5 on"):
        folder.write(5, records(5, 5))
    with pytest.raises(ValueError, match="invalid segment: 1 records from -1 on"):
        folder.write(-1, records(0, 1))
    odd = records(0, 1).append_column("ttfb", pa.array([1.0]))
    with pytest.raises(ValueError, match="column ttfb is double, must be dictionary<"):
        folder.write(0, odd)
    assert not folder.path.exists()


def test_others_read_a_folder_as_it_is(folder: SegmentFolder) -> None:
    """As feather (pandas, Polars), as an Arrow dataset (DuckDB)."""
    folder.write(0, records(0, 50))
    folder.write(50, records(50, 60))
    files = dataset.dataset(folder.path, format="ipc")
    asked = "select count(*), sum(bytes), max(host), min(source) from files where status >= 210"
    asked_of = duckdb.from_arrow(files)
    assert asked_of.query("files", asked).fetchall() == [(50, sum(range(10, 60)), "host4", "a.log")]
    metadata = ipc.open_file(folder.segments()[1].path).schema.metadata
    assert metadata == {b"glancemetrics.version": b"2", b"glancemetrics.first": b"50"}


def test_neighbours_are_merged(folder: SegmentFolder) -> None:
    for number in range(100):
        folder.write(number, records(number, number + 1))
    merge_all(folder)
    assert len(folder.segments()) <= 13
    assert rows_in(folder) == expected(*range(100))
    assert len(names(folder)) == len(folder.segments())
    assert len(folder.read(folder.segments()[0])["host"].dictionary) == 5


def test_what_is_before_a_gap_is_merged_in_any_case(folder: SegmentFolder) -> None:
    for first, end in ((0, 1), (1, 3), (3, 4), (5, 6), (6, 7)):
        folder.write(first, records(first, end))
    assert folder.merge() is False
    assert [(each.first, each.end) for each in folder.segments()] == [(0, 4), (5, 6), (6, 7)]
    assert rows_in(folder) == expected(0, 1, 2, 3, 5, 6)


def test_a_column_that_came_or_went_is_null_elsewhere(folder: SegmentFolder) -> None:
    folder.write(0, records(0, 3, cache="HIT"))
    folder.write(3, records(3, 6, country="PT"))
    folder.write(6, records(6, 9))
    merge_all(folder)
    (merged,) = folder.segments()
    assert folder.read(merged).schema == records(0, 1, cache="", country="").schema
    assert list(rows_in(folder).values()) == [
        row(number, cache="HIT" if number < 3 else None, country="PT" if 3 <= number < 6 else None)
        for number in range(9)
    ]


def test_a_column_that_an_older_version_had_not_comes_where_it_belongs(
    folder: SegmentFolder,
) -> None:
    folder.write(0, records(0, 4).drop_columns("query"))
    folder.write(4, records(4, 8))
    merge_all(folder)
    (merged,) = folder.segments()
    assert folder.read(merged).schema == records(0, 1).schema
    assert rows_in(folder) == expected(*range(8))


def test_a_damaged_segment_keeps_no_other_from_being_merged(folder: SegmentFolder) -> None:
    damaged = folder.write(0, records(0, 3)).path
    damaged.write_bytes(damaged.read_bytes()[:-1])
    for number in range(3, 30):
        folder.write(number, records(number, number + 1))
    merge_all(folder)
    assert damaged.exists()
    assert len(folder.segments()) == 1 + 3 + 6
    assert rows_in(folder, folder.segments()[1:]) == expected(*range(3, 30))


def test_a_damaged_column_is_told_of_the_segment_that_has_it(folder: SegmentFolder) -> None:
    """And not of the last one that was read."""
    damaged = folder.write(0, records(0, 3))
    damage_path(folder, damaged)
    for number in range(3, 30):
        folder.write(number, records(number, number + 1))
    merge_all(folder)
    assert damaged.path.exists()
    assert len(folder.segments()) == 1 + 3 + 6
    assert rows_in(folder, folder.segments()[1:]) == expected(*range(3, 30))


def test_let_go_that_is_damaged_is_nothing(folder: SegmentFolder) -> None:
    folder.write(0, records(0, 3))
    (folder.path / "let-go").write_bytes(b"1 2\n\x80")
    assert folder.deleted() == []
    folder.bound(0, 0)
    assert folder.segments() == []


def test_a_cut_leaves_what_is_before_it(folder: SegmentFolder) -> None:
    for first in (0, 10, 30):
        folder.write(first, records(first, first + 10))
    folder.cut(40)
    assert rows_in(folder) == expected(*range(20), *range(30, 40))
    folder.cut(35)
    assert rows_in(folder) == expected(*range(20), *range(30, 35))
    assert folder.segments()[-1].newest == BASE + 34
    folder.cut(10)
    assert rows_in(folder) == expected(*range(10))
    folder.cut(0)
    assert names(folder) == []


def test_a_damaged_segment_that_would_be_cut_is_dropped(folder: SegmentFolder) -> None:
    """Better a gap than the same ordinal twice."""
    folder.write(0, records(0, 5))
    damaged = folder.write(5, records(5, 15)).path
    damaged.write_bytes(b"")
    folder.cut(10)
    assert rows_in(folder) == expected(*range(5))


def test_bytes_are_bounded_by_what_is_oldest(folder: SegmentFolder) -> None:
    written = [folder.write(first, records(first, first + 10)) for first in (0, 10, 20)]
    size = sum(each.size for each in written)
    assert folder.bound(size, 0) == []
    assert folder.bound(size - 1, 0) == written[:1]
    assert folder.segments() == written[1:]
    assert folder.bound(0, 0) == written[1:]
    assert names(folder) == []


def test_age_is_bounded_by_the_newest_record(folder: SegmentFolder) -> None:
    written = [folder.write(first, records(first, first + 10)) for first in (0, 10, 20)]
    size = sum(each.size for each in written)
    assert folder.bound(size, BASE + 9) == []
    assert folder.bound(size, BASE + 10) == written[:1]
    # A log of the past that was read last. What is too old makes room for what is not.
    old = folder.write(30, records(0, 10))
    assert folder.bound(size - written[0].size, BASE + 10) == [old]
    assert folder.segments() == written[1:]


def test_what_was_too_old_between_others_is_no_hole(folder: SegmentFolder) -> None:
    """Two logs are read from their starts, of which the one that was read second is older."""
    folder.write(0, records(5000, 5010))
    folder.write(10, records(0, 10))
    folder.write(25, records(5010, 5020))
    assert folder.deleted() == []
    folder.bound(1 << 30, BASE + 1000)
    assert folder.deleted() == [(10, 20)]
    (hole,) = holes_in(stored_in(folder), folder.deleted())
    assert hole.records == 5
    # Once it is before all others nothing need be known of it.
    folder.bound(folder.segments()[1].size, 0)
    assert ordinals_of(folder) == [(25, 35)]
    assert folder.deleted() == []


def ordinals_of(folder: SegmentFolder) -> list[tuple[int, int]]:
    return [(each.first, each.end) for each in folder.segments()]


def leftover(folder: SegmentFolder) -> None:
    """Leave what a merge leaves that is cut off: `[0, 10)` and `[4, 6)` inside it."""
    folder.write(0, records(0, 10))
    folder.write(4, records(4, 6))


@pytest.mark.parametrize(
    "step",
    [
        lambda folder: folder.bound(0, 0),
        lambda folder: folder.bound(1 << 40, BASE + 1000),
        lambda folder: folder.cut(0),
        lambda folder: folder.cut(4),
    ],
)
def test_what_a_merge_has_left_does_not_come_back(
    folder: SegmentFolder, step: Callable[[SegmentFolder], object]
) -> None:
    leftover(folder)
    step(folder)
    assert max(rows_in(folder), default=0) < 4


def test_what_a_merge_with_a_damaged_column_was_made_of_is_not_deleted(
    folder: SegmentFolder,
) -> None:
    folder.write(0, records(0, 3))
    folder.write(3, records(3, 7))
    merged = folder.write(0, records(0, 7))
    damage_path(folder, merged)
    assert folder.read(merged, ["time"]).num_rows == 7
    folder.bound(1 << 40, 0)
    merged.path.unlink()
    assert rows_in(folder) == expected(*range(7))


def damage_path(folder: SegmentFolder, segment: Segment) -> None:
    """Damage the column `path`, and not `time`."""
    data = segment.path.read_bytes()
    for at in range(0, len(data), 8):
        segment.path.write_bytes(data[:at] + bytes(8) + data[at + 8 :])
        if is_readable(folder, segment, "time") and not is_readable(folder, segment, "path"):
            return
    pytest.fail("there is no such place")


def is_readable(folder: SegmentFolder, segment: Segment, column: str) -> bool:
    try:
        folder.read(segment, [column])
    except UnreadableSegmentError:
        return False
    return True


@pytest.mark.parametrize("position", [30, 5, 2])
def test_what_a_damaged_segment_was_merged_from_is_not_deleted(
    folder: SegmentFolder, position: int
) -> None:
    """A disk had said to have it, and then power failed before the others were deleted."""
    folder.write(0, records(0, 3))
    folder.write(3, records(3, 7))
    merged = folder.write(0, records(0, 7)).path
    merged.write_bytes(b"")
    folder.merge()
    folder.cut(position)
    merged.unlink(missing_ok=True)
    assert rows_in(folder) == expected(*range(min(position, 7)))


def test_half_a_segment_that_a_crash_left_is_written_anew(folder: SegmentFolder) -> None:
    folder.write(0, records(0, 3))
    half = folder.path / "segment.new"
    half.write_bytes(b"x" * 100_000)
    folder.write(3, records(3, 6))
    assert rows_in(folder) == expected(*range(6))
    half.write_bytes(b"x" * 100_000)
    assert rows_in(folder) == expected(*range(6))
    folder.bound(1 << 30, 0)
    assert not half.exists()


def test_a_segment_that_was_merged_meanwhile_is_gone(folder: SegmentFolder) -> None:
    segments = [folder.write(number, records(number, number + 1)) for number in range(8)]
    folder.merge()
    message = re.escape(f"{segments[0].path}: merged or deleted; list the segments again")
    with pytest.raises(SegmentGoneError, match=message):
        folder.read(segments[0])


def test_a_listing_made_while_segments_are_merged_has_all_records(
    folder: SegmentFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder is not listed at one instant: this has what is deleted no more, nor what is new."""
    for number in range(8):
        folder.write(number, records(number, number + 1))
    scandir = os.scandir

    class Torn:
        def __init__(self, path: Path) -> None:
            with scandir(path) as entries:
                self.entries = list(entries)

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            monkeypatch.setattr(os, "scandir", scandir)
            SegmentFolder(folder.path).merge()
            return iter(self.entries)

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Torn)
    assert rows_in(folder) == expected(*range(8))


UNREADABLE = "; restore it from a backup, or delete it to go on without its requests"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda whole: b"", ": cut short, as after a power failure"),
        (lambda whole: whole[:-1], ": cut short, as after a power failure"),
        (lambda whole: whole[:2000] + bytes(512) + whole[2512:], ": damaged"),
        (lambda whole: whole + b"ARROW1", ": damaged"),
    ],
)
def test_a_damaged_segment_is_told(
    folder: SegmentFolder, damage: Callable[[bytes], bytes], told: str
) -> None:
    path = folder.write(0, records(0, 100)).path
    path.write_bytes(damage(path.read_bytes()))
    (segment,) = folder.segments()
    with pytest.raises(UnreadableSegmentError, match=re.escape(f"{path}{told}{UNREADABLE}")):
        folder.read(segment)


def test_a_damaged_column_keeps_no_other_from_being_read(folder: SegmentFolder) -> None:
    written = folder.write(0, records(0, 100))
    whole = folder.read(written)
    data = written.path.read_bytes()
    damaged = set()
    for at in range(0, len(data), 50):
        written.path.write_bytes(data[:at] + bytes(50) + data[at + 50 :])
        told = set()
        for name in whole.schema.names:
            try:
                assert folder.read(written, [name]) == whole.select([name])
            except UnreadableSegmentError:
                told.add(name)
        damaged.add(frozenset(told))
    assert {frozenset(), frozenset({"path"}), frozenset({"bytes"})} < damaged


def test_a_segment_of_another_version_is_told(
    folder: SegmentFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.history.segment_format.VERSION", "3")
    segment = folder.write(0, records(0, 3))
    monkeypatch.undo()
    told = re.escape(f"{segment.path}: written by another version of GlanceMetrics{UNREADABLE}")
    with pytest.raises(UnreadableSegmentError, match=told):
        folder.read(segment)


def test_a_column_that_a_later_version_has_otherwise_is_told(
    folder: SegmentFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.history.segment_format.column_type", lambda name: pa.int64())
    batch = records(0, 3).select(["bytes"]).append_column("ttfb", pa.array([1, 2, 3]))
    monkeypatch.setattr("actors.history.segments.seconds", lambda batch: batch["bytes"].to_numpy())
    segment = folder.write(0, batch)
    monkeypatch.undo()
    with pytest.raises(UnreadableSegmentError, match="written by another version of GlanceMetrics"):
        folder.read(segment, ["ttfb"])
    assert folder.read(segment, ["bytes"]).num_rows == 3


def test_a_segment_under_another_name_is_told(folder: SegmentFolder) -> None:
    path = folder.write(0, records(0, 3)).path
    path.rename(path.with_name(path.name.replace("0003", "0004", 1)))
    (segment,) = folder.segments()
    with pytest.raises(
        UnreadableSegmentError, match="renamed: its content does not match its name"
    ):
        folder.read(segment)
    segment.path.rename(path.with_name(path.name.replace("0000-", "0001-", 1)))
    (segment,) = folder.segments()
    with pytest.raises(
        UnreadableSegmentError, match="renamed: its content does not match its name"
    ):
        folder.read(segment)


@contextmanager
def refusing(number: int) -> Iterator[None]:
    """Let nothing be opened."""
    with patch.object(os, "open", side_effect=OSError(number, os.strerror(number))):
        yield


def test_a_faulty_disk_is_told(folder: SegmentFolder) -> None:
    segment = folder.write(0, records(0, 3))
    told = re.escape(f"{segment.path}: unreadable: the disk reports an I/O error{UNREADABLE}")
    with refusing(errno.EIO), pytest.raises(UnreadableSegmentError, match=told):
        folder.read(segment)


def test_a_segment_that_cannot_be_read_now_is_kept(folder: SegmentFolder) -> None:
    folder.write(0, records(0, 10))
    for step in (lambda: folder.cut(5), lambda: rows_in(folder)):
        with refusing(errno.EMFILE), pytest.raises(OSError, match="Too many open files"):
            step()
    assert rows_in(folder) == expected(*range(10))


def test_nobody_else_may_read_it(folder: SegmentFolder) -> None:
    before = os.umask(0)
    try:
        written = folder.write(0, records(0, 3))
    finally:
        os.umask(before)
    assert oct(folder.path.stat().st_mode & 0o777) == "0o700"
    assert oct(written.path.stat().st_mode & 0o777) == "0o600"


def test_a_folder_that_anyone_may_change_is_refused(folder: SegmentFolder) -> None:
    folder.path.mkdir()
    folder.path.chmod(0o777)
    with pytest.raises(PermissionError, match="folder is world-writable"):
        folder.write(0, records(0, 3))


def test_nothing_is_written_or_read_through_a_link(folder: SegmentFolder) -> None:
    written = folder.write(0, records(0, 3))
    (folder.path / "segment.new").symlink_to(folder.path.parent / "other")
    with pytest.raises(OSError, match="symbolic links are not followed"):
        folder.write(3, records(3, 6))
    assert folder.segments() == [written]
    moved = written.path.rename(folder.path.parent / "moved")
    written.path.symlink_to(moved)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        folder.read(written)


def test_a_segment_is_on_the_disk_before_what_it_replaces_is_deleted(
    folder: SegmentFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        folder.write(number, records(number, number + 1))
    done = []

    def note(name: str) -> None:
        real = getattr(os, name)

        def noted(*arguments: object) -> None:
            real(*arguments)
            done.append(name)

        monkeypatch.setattr(os, name, noted)

    for name in ("fdatasync", "replace", "fsync", "unlink"):
        note(name)
    folder.merge()
    assert done == ["fdatasync", "replace", "fsync", *["unlink"] * 7]


def test_a_full_disk_changes_nothing(small_disk: Path) -> None:
    folder = SegmentFolder(small_disk / "history")
    written: list[Segment] = []
    ballast = fill(small_disk)
    assert ballast.stat().st_size > 500_000
    with pytest.raises(OSError, match="No space left on device"):
        folder.write(0, records(0, 1000))
    os.truncate(ballast, ballast.stat().st_size - 300_000)
    with suppress(OSError):
        while True:
            first = 1000 * len(written)
            written.append(folder.write(first, records(first, first + 1000)))
    assert folder.segments() == written
    assert names(folder) == [each.path.name for each in written]
    folder.bound(sum(each.size for each in written[1:]), 0)
    again = folder.write(first, records(first, first + 1000))
    assert folder.segments() == [*written[1:], again]


def test_a_full_disk_keeps_what_was_to_be_merged(small_disk: Path) -> None:
    folder = SegmentFolder(small_disk / "history")
    for first in range(0, 160, 20):
        folder.write(first, records(first, first + 20))
    before = folder.segments()
    fill(small_disk)
    with pytest.raises(OSError, match="No space left on device"):
        folder.merge()
    assert folder.segments() == before
    assert len(names(folder)) == len(before)
    # Whole segments are dropped first, so that what is rewritten has room.
    folder.cut(110)
    assert rows_in(folder) == expected(*range(110))


def test_a_folder_that_became_read_only_is_still_read(small_disk: Path) -> None:
    folder = SegmentFolder(small_disk / "history")
    for number in range(8):
        folder.write(number, records(number, number + 1))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for step in (
        lambda: folder.write(8, records(8, 9)),
        folder.merge,
        lambda: folder.cut(4),
        lambda: folder.bound(0, 0),
    ):
        with pytest.raises(OSError, match="Read-only file system"):
            step()
    assert rows_in(folder) == expected(*range(8))


LIMITED = """
import sys
from pathlib import Path
from actors.history.segments import SegmentFolder
from tests.actors.history.records import records
try:
    SegmentFolder(Path(sys.argv[1])).write(3, records(3, 5000))
except OSError as error:
    print(error.strerror)
"""


def test_a_file_that_may_not_become_as_large_is_taken_away(folder: SegmentFolder) -> None:
    """So far it was written: as on a disk or with a quota that is full in the middle."""
    folder.write(0, records(0, 3))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    command = [sys.executable, "-c", LIMITED, str(folder.path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=limit)
    assert result.stdout == "File too large\n"
    assert len(names(folder)) == 1
    assert rows_in(folder) == expected(0, 1, 2)
