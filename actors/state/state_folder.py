"""The directory of saved state."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from glancemetrics.configuration.setting import OFF


def state_folder(chosen: str | None) -> Path:
    """Return the directory that was chosen, or the usual one (XDG_STATE_HOME)."""
    if chosen in {None, OFF}:
        return platformdirs.user_state_path("glancemetrics")
    return Path(str(chosen))
