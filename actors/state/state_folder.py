"""The folder for what is to outlive the program."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from glancemetrics.configuration.setting import ENVIRONMENT_PREFIX, OFF


def state_folder(chosen: str | None) -> Path:
    """Return the folder that was chosen, or the usual one (XDG_STATE_HOME)."""
    if chosen in {None, OFF}:
        return platformdirs.user_state_path("glancemetrics")
    return Path(str(chosen))


def add_state_folder_option(parser: argparse.ArgumentParser) -> None:
    """Let a command have the folder of a monitor."""
    parser.add_argument(
        "--state-dir",
        "--state_dir",
        default=os.environ.get(f"{ENVIRONMENT_PREFIX}STATE_DIR"),
        metavar="DIR",
        help="the folder that the monitor has as --state-dir (default: the usual one)",
    )


def add_state_folders_option(parser: argparse.ArgumentParser) -> None:
    """Let a command have the folders of several monitors; `state_folders` says which."""
    parser.add_argument(
        "--state-dir",
        "--state_dir",
        action="append",
        default=[],
        metavar="DIR",
        help="the --state-dir of the monitor (default: the usual one); repeatable",
    )


def state_folders(chosen: Sequence[str]) -> list[Path]:
    """Return the folders that were chosen, else the one of the environment, or the usual one."""
    usual = os.environ.get(f"{ENVIRONMENT_PREFIX}STATE_DIR")
    several: list[str | None] = [*chosen] or [usual]
    return [state_folder(one) for one in several]
