"""Where rules stand, on disk."""

from __future__ import annotations

from pathlib import Path

from actors.alert_state import AlertState


def test_it_is_kept_for_the_same_sources_only(tmp_path: Path) -> None:
    state = AlertState(tmp_path, ["a.log", "b.log"])
    assert state.load() is None
    state.save({"end": 1, "watches": {}})
    assert AlertState(tmp_path, ["b.log", "a.log"]).load() == {"end": 1, "watches": {}}
    assert AlertState(tmp_path, ["a.log"]).load() is None
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o007 == 0


def test_what_cannot_be_read_is_as_nothing(tmp_path: Path) -> None:
    state = AlertState(tmp_path, ["a.log"])
    state.save({"end": 1, "watches": {}})
    (file,) = tmp_path.iterdir()
    for damage in (b"", b"{", b"[]", b'{"end": "x"}', b"\xff"):
        file.write_bytes(damage)
        assert state.load() is None
