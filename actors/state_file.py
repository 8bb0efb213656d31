"""Small files of state, replaced whole."""

from __future__ import annotations

import os
from pathlib import Path


def replace_state(path: Path, data: bytes) -> None:
    """Put data in place of what a file held, at once and on the disk. Raises `OSError`."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    made = path.with_suffix(".new")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)
