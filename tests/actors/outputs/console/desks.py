"""A desk for a console in tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actors.outputs.desk import Desk
from actors.state.acknowledgements import Acknowledgements
from actors.state.silences import Silences
from glancemetrics.configuration.settings import Settings
from tests.actors.outputs.console.replays import RULES
from tests.lines import BASE


def desk_in(folder: Path, environment: Mapping[str, str] | None = None, **fields: Any) -> Desk:
    """Return a desk whose state is in a folder, and whose clock stands still."""
    values: dict[str, Any] = {
        "settings": Settings(),
        "rules": RULES,
        "targets": (),
        "expected": "a line",
        "state_folder": folder,
        "silences": Silences(folder / "silences.json"),
        "acknowledgements": Acknowledgements(folder / "acknowledgements.json"),
        "wall": lambda: float(BASE),
        "started_at": float(BASE),
        "stop": lambda: None,
        "end": lambda: None,
        "has_terminal": True,
        "environment": environment or {},
    }
    return Desk(**(values | fields))
