"""The text of a configuration."""

from __future__ import annotations

from pathlib import Path

from glancemetrics.errors import UsageError

_MOST_BYTES = 4_000_000


def config_text(name: str, asked_by: str = "") -> str:
    """Read a TOML file; `asked_by` begins an error. Raises `UsageError`."""
    try:
        with Path(name).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UsageError(f"{asked_by}{name}: is too large for a configuration (over 4 MB)")
        return data.decode().replace("\r\n", "\n")
    except OSError as error:
        raise UsageError(f"{asked_by}{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{asked_by}{name}: is not a TOML file: not UTF-8") from None
