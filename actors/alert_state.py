"""Where rules stand, on disk: after a restart an incident that was open is still the same one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loguru import logger

from actors.state_file import replace_state


class AlertState:
    """A file with the state of the alerting of some sources."""

    def __init__(self, folder: Path, sources: Sequence[str]) -> None:
        name = hashlib.sha256("\0".join(sorted(map(os.path.abspath, sources))).encode())
        self._path = folder / f"alerting-{name.hexdigest()[:16]}.json"

    def load(self) -> dict[str, Any] | None:
        """Return what was saved last; `None` if that is nothing, or cannot be read."""
        try:
            state = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            logger.warning("{}: cannot be read, and rules begin anew: {}", self._path, error)
            return None
        return state if isinstance(state, dict) and isinstance(state.get("end"), int) else None

    def save(self, state: dict[str, Any]) -> None:
        """Save it at once and whole. Raises `OSError`."""
        replace_state(self._path, json.dumps(state).encode())
