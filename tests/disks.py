"""Disks that fill; `small_disk` in conftest.py is one that is soon full."""

from __future__ import annotations

import errno
from pathlib import Path


def fill(folder: Path) -> Path:
    """Leave no room; return the file that takes it."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017
    return ballast
