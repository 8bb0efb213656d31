"""inotify(7): tells which names in some directories have changed, when it is asked.

What happens between two reads is gathered by the kernel: many writes to the same file are one
event, so a log that is written a thousand times a second wakes nobody a thousand times.
"""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from collections.abc import Iterator

import attrs
import trio

_CLOEXEC, _NONBLOCK = os.O_CLOEXEC, os.O_NONBLOCK
_MODIFY, _ATTRIB, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x2, 0x4, 0x40, 0x80, 0x100, 0x200
_MOVE_SELF, _OVERFLOW, _IGNORED, _ONLYDIR = 0x800, 0x4000, 0x8000, 0x0100_0000
_WATCHED = _MODIFY | _ATTRIB | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _MOVE_SELF | _ONLYDIR
_HEAD = struct.Struct("iIII")
"""Watch, mask, cookie and length of the name that follows."""
_READ_SIZE = 1 << 16


@attrs.frozen
class Changes:
    """What has changed since the last read."""

    names: frozenset[str]
    """Absolute names, below the directories as they were named."""
    are_all: bool = True
    """Whether none was left out because there were too many."""
    has_lost_directories: bool = False
    """Whether directories were removed or renamed, which are watched no more."""


class Inotify:
    """An instance of inotify. Not thread-safe, except that `watch` may run in a thread."""

    def __init__(self) -> None:
        """Raises `OSError`, as when other programs have all instances."""
        self._library = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._checked(self._library.inotify_init1(_CLOEXEC | _NONBLOCK))
        self._lock = threading.Lock()
        """Around both of these."""
        self._watches: dict[str, int] = {}
        """{directory: its watch}"""
        self._directories: dict[int, list[str]] = {}
        """{watch: the names of its directory}; symlinks may give it several."""

    @property
    def watched(self) -> frozenset[str]:
        """The directories that are watched now."""
        return frozenset(self._watches)

    def watch(self, directory: str) -> None:
        """Watch the directory that has this name now, and no other that had it.

        May wait for its file system. Raises `OSError`.
        """
        name = os.fsencode(directory)
        watch = self._checked(self._library.inotify_add_watch(self._descriptor, name, _WATCHED))
        if self._watches.get(directory) == watch:
            return
        self.forget(directory)
        with self._lock:
            self._watches[directory] = watch
            self._directories.setdefault(watch, []).append(directory)

    def forget(self, directory: str) -> None:
        """Stop watching a directory."""
        with self._lock:
            watch = self._watches.pop(directory, None)
            if watch is None:
                return
            names = self._directories[watch]
            names.remove(directory)
            if names:
                return
            del self._directories[watch]
        self._library.inotify_rm_watch(self._descriptor, watch)

    async def readable(self) -> None:
        """Wait until something has changed."""
        await trio.lowlevel.wait_readable(self._descriptor)

    def read(self) -> Changes:
        """Return what has changed; directories that are gone are watched no more."""
        names: set[str] = set()
        are_all, has_lost = True, False
        for watch, mask, name in self._events():
            if mask & _OVERFLOW:
                are_all = False
            elif mask & (_IGNORED | _MOVE_SELF):
                # Removed, unmounted, or renamed: the path may name another directory now.
                for directory in list(self._directories.get(watch, ())):
                    has_lost = True
                    self.forget(directory)
            else:
                names.update(os.path.join(one, name) for one in self._directories.get(watch, ()))
        return Changes(frozenset(names), are_all, has_lost)

    def close(self) -> None:
        """Stop watching everything."""
        os.close(self._descriptor)

    def _events(self) -> Iterator[tuple[int, int, str]]:
        while True:
            try:
                found = os.read(self._descriptor, _READ_SIZE)
            except BlockingIOError:
                return
            at = 0
            while at < len(found):
                watch, mask, _, length = _HEAD.unpack_from(found, at)
                at += _HEAD.size + length
                yield watch, mask, os.fsdecode(found[at - length : at].rstrip(b"\0"))
            if len(found) < _READ_SIZE // 2:
                return

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
