"""Marks whose files have other names now than when they were made."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.sources.files.identity import Identity
from actors.sources.files.marks import FileMark, PathMark, digest, reassigned, respelled


def mark_of(path: Path) -> FileMark:
    """A file that has been read to its end."""
    data = path.read_bytes()
    head, tail = digest(data[:1024]), digest(data[-256:])
    return FileMark(Identity.of(path.stat()), len(data), head, tail, 0)


def test_what_is_to_be_known_of_a_log_goes_with_its_file(tmp_path: Path) -> None:
    log, old = tmp_path / "a.log", tmp_path / "a.log.1"
    log.write_bytes(b"1\n")
    was = PathMark(str(log), (mark_of(log),), {"any": "thing"})
    log.rename(old)
    log.write_bytes(b"2\n")
    assert reassigned([was], [f"{tmp_path}/a.log*"]) == {
        str(log): PathMark(str(log), ()),
        str(old): PathMark(str(old), was.files, was.parsing),
    }


def test_it_stays_where_no_name_is_found_for_the_file(tmp_path: Path) -> None:
    """As when it was compressed."""
    log = tmp_path / "a.log"
    log.write_bytes(b"1\n")
    was = PathMark(str(log), (mark_of(log),), {"any": "thing"})
    log.rename(tmp_path / "elsewhere")
    log.write_bytes(b"2\n")
    assert reassigned([was], [f"{tmp_path}/a.log*"]) == {str(log): was}


def test_a_path_may_be_written_otherwise_than_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.log", "b.log", "c.log"):
        (tmp_path / name).touch()
    marks = [PathMark("a.log", ()), PathMark(f"{tmp_path}/b.log", ()), PathMark("gone.log", ())]
    texts = [f"{tmp_path}/a.log", "./[bc].log"]
    assert [mark.path for mark in respelled(marks, texts)] == [
        f"{tmp_path}/a.log",
        "./b.log",
        "gone.log",
    ]
