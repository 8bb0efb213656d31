"""The folder for saved state."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from glancemetrics.configuration.setting import ENVIRONMENT_PREFIX, OFF


def state_folder(chosen: str | None) -> Path:
    """Return the chosen folder, or the default (XDG_STATE_HOME)."""
    if chosen in {None, OFF}:
        return platformdirs.user_state_path("glancemetrics")
    return Path(str(chosen))


def add_state_folder_option(parser: argparse.ArgumentParser) -> None:
    """Add an option for the state folder of a monitor."""
    parser.add_argument(
        "--state-dir",
        "--state_dir",
        default=os.environ.get(f"{ENVIRONMENT_PREFIX}STATE_DIR"),
        metavar="DIR",
        help="state directory of the monitor (its --state-dir)",
    )


def add_state_folders_option(parser: argparse.ArgumentParser) -> None:
    """Add an option for the state folders of several monitors; see `state_folders`."""
    parser.add_argument(
        "--state-dir",
        "--state_dir",
        action="append",
        default=[],
        metavar="DIR",
        help="state directory of the monitor (its --state-dir); repeatable",
    )


def state_folders(chosen: Sequence[str]) -> list[Path]:
    """Return the chosen folders, else the one of the environment, or the default."""
    default = os.environ.get(f"{ENVIRONMENT_PREFIX}STATE_DIR")
    several: list[str | None] = [*chosen] or [default]
    return [state_folder(one) for one in several]
