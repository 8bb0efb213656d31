"""Which configuration file holds, and its text."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs

from actors.configuration.sections import all_sections
from actors.files.notices import warn
from glancemetrics.configuration.setting import OFF
from glancemetrics.configuration.settings import Settings, read_settings
from glancemetrics.configuration.variables import CONFIG_VARIABLE
from glancemetrics.errors import Mistakes, UsageError

LOCAL_NAME = "glancemetrics.toml"
SYSTEM_WIDE = Path("/etc/glancemetrics/config.toml")

_MOST_BYTES = 4_000_000


@attrs.frozen
class Configuration:
    """A configuration file."""

    text: str
    name: str
    """Its path, as it was given or found."""
    is_found: bool = False
    """Whether nobody named it."""


def usual_configurations() -> Iterator[Path]:
    """Yield the files that are looked for when no configuration is named, the first one wins."""
    yield Path(LOCAL_NAME)
    home = os.environ.get("XDG_CONFIG_HOME")
    # expanduser of pathlib fails for a user without a home directory, as containers have.
    usual = os.path.expanduser("~/.config")  # noqa: PTH111
    folder = Path(home) if home and Path(home).is_absolute() else Path(usual)
    yield folder / "glancemetrics" / "config.toml"
    yield SYSTEM_WIDE


def configuration(named: str | None = None, option: str = "--config ") -> Configuration | None:
    """Return the configuration that is named by an option or the environment, or found.

    `option` begins an error about `named`. `off` as the name means none, not even one that could
    be found. Raises `UsageError`.
    """
    for name, asked_by in (
        (named, option),
        (os.environ.get(CONFIG_VARIABLE), f"{CONFIG_VARIABLE}="),
    ):
        if name:
            return None if name == OFF else Configuration(config_text(name, asked_by), name)
    for path in usual_configurations():
        if not os.path.isfile(path):  # noqa: PTH113 - that of pathlib fails without permission
            continue
        try:
            text = config_text(str(path), is_trusted=str(path) != LOCAL_NAME)
            return Configuration(text, str(path), is_found=True)
        except _UnsafeError as error:
            warn(f"{path}: not used, because {error} (--config {path} uses it all the same)")
    return None


class _UnsafeError(Exception):
    """The file is not to be trusted; says why."""


def settings_with(
    found: Configuration | None,
    flags: Mapping[str, Any] = MappingProxyType({}),
    environment: Mapping[str, str] | None = None,
    mistakes: Mistakes | None = None,
) -> Settings:
    """Return the settings of options, environment (this program's) and a configuration.

    Raises `UsageError` as `read_settings` does.
    """
    text, name = (None, "") if found is None else (found.text, found.name)
    known = os.environ if environment is None else environment
    return read_settings(flags, known, text, name, mistakes, sections=all_sections())


def config_text(name: str, asked_by: str = "", *, is_trusted: bool = True) -> str:
    """Read a TOML file; `asked_by` begins an error. Raises `UsageError`.

    Raises `_UnsafeError` if it is not trusted and somebody else controls it: a configuration can
    name programs to run, and the working directory may be anybody's, such as /tmp.
    """
    try:
        with Path(name).open("rb") as file:
            if not is_trusted:
                _check_owner(os.fstat(file.fileno()))
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UsageError(f"{asked_by}{name}: too large for a configuration (limit 4 MB)")
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        if not is_trusted and isinstance(error, PermissionError):
            raise _UnsafeError("it is unreadable") from None
        raise UsageError(f"{asked_by}{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{asked_by}{name}: not a TOML file: not UTF-8") from None


def _check_owner(status: os.stat_result) -> None:
    """Raise `_UnsafeError` for a file that somebody else controls."""
    if status.st_mode & stat.S_IWOTH:
        raise _UnsafeError("everybody may write it, and it can run programs")
    if status.st_uid not in {0, os.getuid()}:
        raise _UnsafeError("it belongs to another user, and it can run programs")
