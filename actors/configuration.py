"""The text of a configuration."""

from __future__ import annotations

from pathlib import Path

from glancemetrics.errors import UsageError


def config_text(name: str, asked_by: str = "") -> str:
    """Read a TOML file; `asked_by` begins an error. Raises `UsageError`."""
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{asked_by}{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{asked_by}{name}: is not a TOML file: not UTF-8") from None
