"""The identity of a file: the path stays the same, but the file changes with every rotation."""

from __future__ import annotations

import os

import attrs


@attrs.frozen
class Identity:
    """A file, whatever its name."""

    device: int
    inode: int

    @classmethod
    def of(cls, stat: os.stat_result) -> Identity:
        return cls(stat.st_dev, stat.st_ino)
