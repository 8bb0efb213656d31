"""What tests of notifiers share."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.outputs.notifier import notifier as notifiers


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "state" / "notifications.db"


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long here."""
    monkeypatch.setattr(notifiers, "_FIRST_PAUSE", 0.05)
