"""Which file a path names: a path stays, the file behind it changes with every rotation."""

from __future__ import annotations

import os

import attrs


@attrs.frozen
class Identity:
    """A file, whatever it is called."""

    device: int
    inode: int

    @classmethod
    def of(cls, stat: os.stat_result) -> Identity:
        return cls(stat.st_dev, stat.st_ino)
