"""What a path's file became: the files beside it that logrotate and its like have made of it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator

import attrs

from actors.archive.decompression import MAGIC_LENGTH, compression_of
from actors.tailer.identity import Identity

_STAMP = r"[.\-_][0-9][0-9.\-_T:]*"
_MOST_SCANS = 10
_COMPRESSED = r"(?:\.(?:gz|zst|bz2|xz))?"


@attrs.frozen
class Sibling:
    """A file beside the path, or the path itself."""

    path: str
    identity: Identity
    size: int
    changed: int
    """When it was last written to: nanoseconds since the epoch. Compressing a file keeps that."""
    compression: str | None
    """`None` for plain text."""


def log_of(path: str) -> str:
    """Return the path that a file had before it was rotated, as far as its name tells."""
    return re.sub(rf"(?:{_STAMP}|\.old){_COMPRESSED}$", "", path)


def siblings(path: str) -> list[Sibling]:
    """Return the files that have, or may have had, the name of a path, the oldest first.

    Names are those of logrotate, with and without `dateext` and `extension`, and of programs that
    rotate their logs themselves: `access.log.1`, `access.log-20261125.gz`, `access-20261125.log`.
    """
    found = list(_siblings(path))
    for _ in range(_MOST_SCANS):
        # While logrotate renames one file after the other, one may be passed over.
        before, found = found, list(_siblings(path))
        if {(one.path, one.identity) for one in before} == {
            (one.path, one.identity) for one in found
        }:
            break
    return sorted(found, key=lambda one: (one.changed, _age(one.path)))


def _siblings(path: str) -> Iterator[Sibling]:
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    stem, ending = os.path.splitext(name)
    stem, ending = re.escape(stem), re.escape(ending)
    pattern = re.compile(
        rf"{stem}{ending}(?:{_STAMP}|\.old)?{_COMPRESSED}|{stem}{_STAMP}{ending}{_COMPRESSED}"
    )
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if pattern.fullmatch(entry.name):
            found = _sibling(entry)
            if found is not None:
                yield found


def _sibling(entry: os.DirEntry[str]) -> Sibling | None:
    try:
        if not entry.is_file(follow_symlinks=False):
            return None
        descriptor = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None  # gone, or not ours to read
    try:
        status = os.fstat(descriptor)
        compression = compression_of(os.pread(descriptor, MAGIC_LENGTH, 0))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    identity = Identity.of(status)
    return Sibling(entry.path, identity, status.st_size, status.st_mtime_ns, compression)


def open_sibling(sibling: Sibling) -> int:
    """Open a file that was found; returns its descriptor.

    Raises `OSError`, also if it is called otherwise by now.
    """
    descriptor = os.open(sibling.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    if Identity.of(os.fstat(descriptor)) != sibling.identity:
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "it has been renamed", sibling.path)
    return descriptor


def _age(path: str) -> int:
    """Return a number that is lower for what was rotated earlier, where names are numbered."""
    numbered = re.search(rf"\.(\d{{1,5}}){_COMPRESSED}$", path)
    return -int(numbered[1]) if numbered else 0


def newer(family: Iterable[Sibling], than: int, *, but: Iterable[Identity]) -> list[Sibling]:
    """Return the files that were last written to after a moment, but for some."""
    known = set(but)
    return [one for one in family if one.changed > than and one.identity not in known]
