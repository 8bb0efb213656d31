"""Rotated files: the files beside a path that logrotate and similar tools have made of it."""

from __future__ import annotations

import bisect
import errno
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator

import attrs

from actors.files.decompression import MAGIC_LENGTH, compression_of
from actors.sources.files.identity import Identity

_MARKS = ".-_"
"""Separators before the number or date of a rotated log."""
_STAMP = r"[.\-_][0-9][0-9.\-_T:]*"
_MOST_SCANS = 10
_FOLDER_SETTLES_NS = 100_000_000
"""A folder changed this recently may change again within the same tick of the kernel's clock."""
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)
_COMPRESSED = r"(?:\.(?:gz|zst|bz2|xz))?"


@attrs.frozen
class Sibling:
    """A file beside the path, or the path itself."""

    path: str
    identity: Identity
    size: int
    changed: int
    """Modification time, nanoseconds since the epoch. Compression preserves it."""
    compression: str | None
    """`None` for plain text."""


def log_of(path: str) -> str:
    """Return the path of a file before its rotation, judging by its name."""
    return re.sub(rf"(?:{_STAMP}|\.old){_COMPRESSED}$", "", path)


class Folders:
    """Cached folder listings, refreshed only when a folder has changed.

    Thousands of logs in one folder all search for the files beside them.
    """

    def __init__(self) -> None:
        self._listed: dict[str, tuple[tuple[int, int], list[str]]] = {}
        """{folder: its inode and modification time, its sorted names}"""

    def names_like(self, folder: str, name: str) -> list[str]:
        """Return the names in a folder that a rotated file of that name may have.

        They begin with the whole name, or with its stem and a number. Raises `OSError`.
        """
        names = self._names(folder)
        stem, _ = os.path.splitext(name)
        found = _between(names, name, f"{name}\U0010ffff")
        for mark in _MARKS:
            found |= _between(names, f"{stem}{mark}0", f"{stem}{mark}:")
        return sorted(found)

    def is_as_listed(self, folder: str) -> bool:
        """Tell whether a folder has certainly not changed since it was listed."""
        known = self._listed.get(folder)
        return known is not None and known[0] == _state(folder)

    def _names(self, folder: str) -> list[str]:
        state = _state(folder)
        known = self._listed.get(folder)
        if known is not None and known[0] == state:
            return known[1]
        names = sorted(os.listdir(folder))
        _, changed = state
        if changed < time.time_ns() - _FOLDER_SETTLES_NS:
            self._listed[folder] = state, names
        else:
            self._listed.pop(folder, None)
        return names


def _between(names: list[str], first: str, last: str) -> set[str]:
    return set(names[bisect.bisect_left(names, first) : bisect.bisect_left(names, last)])


def _state(folder: str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_ino, status.st_mtime_ns


def siblings(path: str, folders: Folders | None = None) -> list[Sibling]:
    """Return the files that have, or may have had, the name of a path, oldest first.

    Names are those of logrotate, with and without `dateext` and `extension`, and of programs that
    rotate their own logs: `access.log.1`, `access.log-20261125.gz`, `access-20261125.log`. Raises
    `OSError` if the process is out of descriptors.
    """
    folders = folders or Folders()
    folder, name = os.path.split(os.path.realpath(path))
    try:
        found = list(_siblings(folder, name, folders))
        for _ in range(_MOST_SCANS):
            if folders.is_as_listed(folder):
                break
            # A scan may miss a file while logrotate is renaming one after the other.
            before, found = found, list(_siblings(folder, name, folders))
            if {(one.path, one.identity) for one in before} == {
                (one.path, one.identity) for one in found
            }:
                break
    except OSError as error:
        if error.errno in _TOO_MANY_FILES:
            raise
        return []  # the folder has gone
    return sorted(found, key=lambda one: (one.changed, _age(one.path)))


def _siblings(folder: str, name: str, folders: Folders) -> Iterator[Sibling]:
    names = folders.names_like(folder, name)
    if names != [name]:
        stem, ending = map(re.escape, os.path.splitext(name))
        pattern = re.compile(
            rf"{stem}{ending}(?:{_STAMP}|\.old)?{_COMPRESSED}|{stem}{_STAMP}{ending}{_COMPRESSED}"
        )
        names = [one for one in names if pattern.fullmatch(one)]
    for one in names:
        found = _sibling(os.path.join(folder, one))
        if found is not None:
            yield found


def _sibling(path: str) -> Sibling | None:
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in _TOO_MANY_FILES:
            raise  # the file exists and must not be taken for gone
        return None  # gone, or not readable
    try:
        status = os.fstat(descriptor)
        compression = compression_of(os.pread(descriptor, MAGIC_LENGTH, 0))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    identity = Identity.of(status)
    return Sibling(path, identity, status.st_size, status.st_mtime_ns, compression)


def bases_of(name: str) -> Iterator[tuple[str, str]]:
    """Yield possible names of a file before its rotation, each as stem and extension.

    The stem is the whole name if the extension is empty.
    """
    for end in range(1, len(name) + 1):
        yield name[:end], ""
    plain = re.sub(rf"{_COMPRESSED}$", "", name)
    ending = os.path.splitext(plain)[1]
    for found in re.finditer(r"[.\-_](?=[0-9])", plain):
        yield plain[: found.start()], ending


def open_sibling(sibling: Sibling) -> int:
    """Open a file that was found; returns its descriptor.

    Raises `OSError`, also if it has been renamed since.
    """
    descriptor = os.open(sibling.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    if Identity.of(os.fstat(descriptor)) != sibling.identity:
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "the file was renamed", sibling.path)
    return descriptor


def _age(path: str) -> int:
    """Return a number that is lower for earlier rotations, if names are numbered."""
    numbered = re.search(rf"\.(\d{{1,5}}){_COMPRESSED}$", path)
    return -int(numbered[1]) if numbered else 0


def newer(family: Iterable[Sibling], than: int, *, but: Iterable[Identity]) -> list[Sibling]:
    """Return the files modified after a time, except some."""
    known = set(but)
    return [one for one in family if one.changed > than and one.identity not in known]
