"""The names of containers whose logs are read as files: Docker's logging driver `json-file`.

Source: Docker's own `config.v2.json` beside the log, in `/var/lib/docker/containers/<id>/`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import attrs

_ENDING = "-json.log"
_MOST_BYTES = 4 << 20
"""Bytes of a container's configuration, at most."""


@attrs.frozen
class NamedContainer:
    """What Docker knows about the container of a log."""

    name: str
    is_running: bool


def container_in(folder: Path) -> NamedContainer | None:
    """Return the container that a directory of Docker's belongs to; `None` if that is unknown."""
    try:
        with (folder / "config.v2.json").open("rb") as file:
            told = json.loads(file.read(_MOST_BYTES))
        name = str(told["Name"]).removeprefix("/")
        running = bool(told["State"]["Running"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return NamedContainer(name, running) if name else None


def server_of(path: str) -> str:
    """Return the server that the records of a log are of: the name of its container, if any.

    Reads files: call it in a thread. Kubernetes has symlinks to Docker's logs.
    """
    real = Path(os.path.realpath(path))
    if not real.name.endswith(_ENDING):
        return ""
    found = container_in(real.parent)
    return "" if found is None else found.name
