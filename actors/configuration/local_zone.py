"""The time zone of this machine."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

from glancemetrics.errors import UsageError
from glancemetrics.records.zones import named_zone

_LOCALTIME = Path("/etc/localtime")


def local_zone() -> ZoneInfo | None:
    """Return this machine's zone, by `TZ` or /etc/localtime; `None` for UTC.

    Raises `UsageError`, which names the variable.
    """
    name = os.environ.get("TZ", "").removeprefix(":")
    if name:
        try:
            return named_zone(name)
        except UsageError:
            raise UsageError(
                f"TZ={name}: must be the name of a time zone such as Europe/Paris, or UTC"
            ) from None
    if _LOCALTIME.exists():
        _, found, rest = str(_LOCALTIME.resolve()).partition("zoneinfo/")
        if found:
            return named_zone(rest, str(_LOCALTIME))
        # A copy, as containers have it where it was mounted.
        with _LOCALTIME.open("rb") as file, suppress(ValueError):
            return ZoneInfo.from_file(file, "local")
    return None


def zone_called(name: str, option: str = "--timezone") -> ZoneInfo | None:
    """Return a zone by its name, `None` for UTC; `local` is this machine's. Raises `UsageError`."""
    return local_zone() if name == "local" else named_zone(name, option)
