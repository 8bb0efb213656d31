"""Checkpoints on disk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from actors.monitor.checkpoints import Checkpoints, Saved, UnusableStateError
from actors.sources.files.identity import Identity
from actors.sources.files.marks import FileMark, PathMark
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.state.tree import from_bytes, to_bytes
from tests.actors.outputs.feeding import event

MARKS = (
    PathMark(
        "a.log",
        (FileMark(Identity(1, 2), 3, b"h", b"t", 4, b"held", True),),
        {"directives": b"#", "pieces": b"p"},
    ),
)


def save(checkpoints: Checkpoints) -> None:
    checkpoints.save(
        12.5,
        MARKS,
        aggregation=to_bytes({"end": 7}),
        alerting=to_bytes([1]),
        own={"open": []},
        undelivered={"syslog": [event(3).to_state()], "alert log": []},
    )


def test_it_is_kept_for_the_same_sources_only(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, ["a.log", "b.log"])
    assert checkpoints.load() is None
    save(checkpoints)
    assert Checkpoints(tmp_path, ["b.log", "a.log"]).load() == Saved(
        12.5, MARKS, {"end": 7}, [1], {"open": []}, {"syslog": [event(3)], "alert log": []}
    )
    assert Checkpoints(tmp_path, ["a.log"]).load() is None
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o007 == 0


def test_what_is_no_path_is_the_same_in_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def names() -> tuple[str, str]:
        of_container = Checkpoints(tmp_path, ["docker:web"]).path.name
        return of_container, Checkpoints(tmp_path, ["access.log"]).path.name

    container, path = names()
    monkeypatch.chdir(tmp_path)
    assert names()[0] == container
    assert names()[1] != path


@pytest.mark.parametrize(
    "spelling",
    [
        "redis://hub@redis:6379?fleet=prod&password-file=pw",
        "rediss://REDIS/0?fleet=prod&ca=ca.pem&cert=c.pem&key=k.pem",
    ],
)
def test_a_fleet_is_the_same_however_its_redis_is_reached(spelling: str, tmp_path: Path) -> None:
    def name(fleet: str) -> str:
        return Checkpoints(tmp_path, [fleet, "a.log"]).path.name

    assert name(spelling) == name("redis://redis/0?fleet=prod")


@pytest.mark.parametrize(
    "other",
    [
        "redis://redis/0?fleet=test",
        "redis://redis/1?fleet=prod",
        "redis://redis:6380/0?fleet=prod",
        "redis://redis2/0?fleet=prod",
        "redis+sentinel://redis:6379/0?fleet=prod&master=main",
    ],
)
def test_another_fleet_has_another_checkpoint(other: str, tmp_path: Path) -> None:
    first = Checkpoints(tmp_path, ["redis://redis/0?fleet=prod"])
    assert Checkpoints(tmp_path, [other]).path != first.path


def test_a_mark_that_was_written_without_a_kind_is_a_paths(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, ["a.log"])
    save(checkpoints)
    whole = from_bytes(checkpoints.path.read_bytes())
    (mark,) = whole["marks"]
    del mark["kind"], mark["parsing"]
    mark |= {"directives": b"#", "pieces": b"p"}
    checkpoints.path.write_bytes(to_bytes(whole))
    saved = checkpoints.load()
    assert saved is not None
    assert saved.marks == MARKS


def test_a_mark_of_a_kind_that_is_not_known_is_told(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, ["a.log"])
    save(checkpoints)
    whole = from_bytes(checkpoints.path.read_bytes())
    whole["marks"][0]["kind"] = "of later"
    checkpoints.path.write_bytes(to_bytes(whole))
    with pytest.raises(UnusableStateError, match="written by another version of GlanceMetrics"):
        checkpoints.load()


def test_what_cannot_be_understood_is_told(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, ["a.log"])
    save(checkpoints)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for damage in (
        b"",
        whole[:-1],
        whole[:100],
        b"x" + whole,
        to_bytes({}),
        to_bytes([1]),
        to_bytes(from_bytes(whole) | {"undelivered": []}),
    ):
        file.write_bytes(damage)
        with pytest.raises(UnusableStateError, match=re.escape(str(file))):
            checkpoints.load()


def test_two_programs_do_not_keep_the_same(tmp_path: Path) -> None:
    first, second = Checkpoints(tmp_path, ["a.log"]), Checkpoints(tmp_path, ["a.log"])
    first.claim()
    with pytest.raises(GlanceMetricsError, match="another glancemetrics that follows the same"):
        second.claim()
    Checkpoints(tmp_path, ["b.log"]).claim()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GlanceMetricsError, match="file/state: Not a directory; choose another"):
        Checkpoints(tmp_path / "file" / "state", ["a.log"]).claim()
