"""`--state-dir` of commands that read what a monitor has saved.

Light on purpose: most runs of these commands name a directory, or need none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from actors.commands.parser import FILES, OPTIONS, CommandParser
from glancemetrics.errors import GlanceMetricsError, Mistakes, UsageError

if TYPE_CHECKING:
    from glancemetrics.configuration.settings import Settings

_HELP = "the --state-dir of the monitor"
_DEFAULT = "as configured, or ~/.local/state/glancemetrics"


def add_state_folder_option(parser: CommandParser) -> None:
    """Let a command have the state directory of a monitor; `chosen_state_folder` returns it."""
    parser.option("--state-dir", metavar="DIR", complete=FILES, help=_HELP, shown_default=_DEFAULT)


def add_state_folders_option(parser: CommandParser, group: str = OPTIONS) -> None:
    """Let a command have those of several monitors; `chosen_state_folders` returns them."""
    parser.option(
        "--state-dir",
        action="append",
        default=[],
        metavar="DIR",
        group=group,
        complete=FILES,
        help=f"{_HELP}; repeatable",
        shown_default=_DEFAULT,
    )


def chosen_state_folder(chosen: str | None) -> Path:
    """Return the state directory that was chosen, configured, or the usual one."""
    from actors.state.state_folder import state_folder

    return state_folder(configured_settings().state_dir if chosen is None else chosen)


@contextmanager
def chosen_state_file(chosen: str | None, name: str) -> Iterator[Path]:
    """Yield the path of a file in the chosen state directory, to read and to replace it.

    Raises `UsageError` if there is no such directory: no monitor would look there. `OSError`, and
    `ValueError` for a damaged file, become errors that name the file.
    """
    path = chosen_state_folder(chosen) / name
    if chosen is not None and not os.path.lexists(chosen):
        raise UsageError(f"--state-dir {chosen}: no such directory; name that of the monitor")
    try:
        yield path
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "damaged; delete it"
        if isinstance(error, PermissionError):
            reason = "permission denied; try it with sudo"
        raise GlanceMetricsError(f"{path}: {reason}") from None


def chosen_state_folders(chosen: Sequence[str]) -> list[Path]:
    """Return the state directories that were chosen, else the one configured, or the usual one."""
    return [chosen_state_folder(one) for one in chosen] or [chosen_state_folder(None)]


def configured_settings() -> Settings:
    """Return the settings of the environment and the configuration that is found."""
    from actors.configuration.loading import configuration, settings_with

    mistakes: Mistakes = []  # in other settings: they do not matter here
    return settings_with(configuration(), mistakes=mistakes)
