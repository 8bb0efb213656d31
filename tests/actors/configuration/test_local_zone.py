"""The time zone of this machine."""

from __future__ import annotations

import importlib.resources
import importlib.util
import shutil
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from actors.configuration import local_zone as module
from actors.configuration.local_zone import local_zone, zone_called
from glancemetrics.errors import UsageError

SUMMER = datetime(2026, 7, 1, 12, tzinfo=UTC)


def hours_ahead() -> float:
    zone = local_zone()
    offset = timedelta() if zone is None else SUMMER.astimezone(zone).utcoffset()
    assert offset is not None
    return offset / timedelta(hours=1)


@pytest.fixture
def localtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is taken for /etc/localtime."""
    path = tmp_path / "localtime"
    monkeypatch.setattr(module, "_LOCALTIME", path)
    monkeypatch.delenv("TZ", raising=False)
    return path


def _zone_file(name: str) -> Path:
    folders = [*map(Path, zoneinfo.TZPATH)]
    if importlib.util.find_spec("tzdata") is not None:
        folders.append(Path(str(importlib.resources.files("tzdata") / "zoneinfo")))
    return next(path for path in (folder / name for folder in folders) if path.exists())


def test_the_variable_comes_first(localtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    localtime.symlink_to(_zone_file("Asia/Tokyo"))
    monkeypatch.setenv("TZ", ":Europe/Paris")
    assert hours_ahead() == 2


def test_a_variable_that_names_no_zone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST")
    with pytest.raises(
        UsageError, match=r"^TZ=CET-1CEST: must be the name of a time zone such as Europe/Paris"
    ):
        zone_called("local")


def test_a_link_is_followed(localtime: Path) -> None:
    localtime.symlink_to(_zone_file("Asia/Tokyo"))
    assert hours_ahead() == 9


def test_a_copy_is_read(localtime: Path) -> None:
    """As containers have it where the host's was mounted."""
    shutil.copyfile(_zone_file("Asia/Tokyo"), localtime)
    assert hours_ahead() == 9


def test_without_any_it_is_utc(localtime: Path) -> None:
    assert not localtime.exists()
    assert local_zone() is None
    localtime.write_bytes(b"no zone")
    assert local_zone() is None
