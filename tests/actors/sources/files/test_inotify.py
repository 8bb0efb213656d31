"""inotify, on real files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.sources.files.inotify import Inotify


@pytest.fixture
def inotify(tmp_path: Path) -> Iterator[Inotify]:
    made = Inotify()
    made.watch(str(tmp_path))
    yield made
    made.close()


def test_it_tells_which_names_have_changed(tmp_path: Path, inotify: Inotify) -> None:
    (tmp_path / "a.log").write_bytes(b"1\n")
    (tmp_path / "a.log").rename(tmp_path / "b.log")
    assert inotify.read().names == {str(tmp_path / "a.log"), str(tmp_path / "b.log")}
    assert not inotify.read().names


def test_many_writes_are_one_event(tmp_path: Path, inotify: Inotify) -> None:
    with (tmp_path / "a.log").open("ab", 0) as log:
        inotify.read()
        for _ in range(50_000):
            log.write(b"x")
    changes = inotify.read()
    assert changes.names == {str(tmp_path / "a.log")}
    assert changes.are_all


def test_a_name_need_not_be_text(tmp_path: Path, inotify: Inotify) -> None:
    name = str(tmp_path / "\udcff.log")
    Path(name).touch()
    assert inotify.read().names == {name}


def test_two_names_of_a_directory_are_both_told(tmp_path: Path, inotify: Inotify) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    inotify.read()
    inotify.watch(str(link))
    (tmp_path / "a.log").touch()
    assert inotify.read().names == {str(tmp_path / "a.log"), str(link / "a.log")}
    inotify.forget(str(tmp_path))
    (tmp_path / "a.log").unlink()
    assert inotify.read().names == {str(link / "a.log")}


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_directory_that_is_gone_is_watched_no_more(
    tmp_path: Path, inotify: Inotify, is_removed: bool
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    inotify.watch(str(folder))
    if is_removed:
        folder.rmdir()
    else:
        folder.rename(tmp_path / "old")
    assert inotify.read().has_lost_directories
    assert inotify.watched == {str(tmp_path)}


def test_too_many_events_are_told(tmp_path: Path, inotify: Inotify) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if most > 20_000:
        pytest.skip("that takes too long here")
    for number in range(most + 1):
        (tmp_path / f"{number % 2}").touch()
    assert not inotify.read().are_all


def test_what_is_no_directory_cannot_be_watched(tmp_path: Path, inotify: Inotify) -> None:
    (tmp_path / "file").touch()
    for name in ("file", "missing"):
        with pytest.raises(OSError, match="directory"):
            inotify.watch(str(tmp_path / name))
