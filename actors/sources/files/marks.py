"""Marks: how far each file has been read, so that reading can go on there after any stop.

A file is known by its device and inode and by its bytes, as inodes are given to other files in
time, and a file may be copied, compressed, or emptied and written anew.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import attrs

from actors.sources.files.identity import Identity
from actors.sources.files.paths import is_glob, matching
from actors.sources.mark import Mark
from glancemetrics.state.tree import State

ReadAt = Callable[[int, int], bytes]
"""Reads up to so many bytes at an offset."""

HEAD_BYTES = 1024
"""Bytes at the beginning of a file by which it is known, once they have been read."""
TAIL_BYTES = 256
"""Bytes before the place up to which it was read."""


Milestone = tuple[int, bytes]
"""The end of a line: bytes from a file's beginning, and the digest of `TAIL_BYTES` before it."""


def digest(data: bytes) -> bytes:
    """Return what bytes are known by."""
    return hashlib.blake2b(data, digest_size=16).digest()


@attrs.frozen
class FileMark:
    """How far a file has been read."""

    identity: Identity
    offset: int
    """Bytes from its beginning."""
    head: bytes
    """Digest of its first `HEAD_BYTES`, or of those before the offset."""
    tail: bytes
    """Digest of the last `TAIL_BYTES` before the offset, or of those that there are."""
    changed: int
    """When it was last written to: nanoseconds since the epoch."""
    held: bytes = b""
    """What has been read of a line that has not ended."""
    skipping: bool = False
    """Whether the rest of a line is not wanted, which is too long."""
    milestones: tuple[Milestone, ...] = ()
    """How far it was read before, a second apart. By them a file is gone on with that has lost its
    end, as after a power failure."""

    @property
    def beginning(self) -> Head:
        """What the file is known by."""
        return Head(self.identity, min(self.offset, HEAD_BYTES), self.head)

    def is_of(self, read_at: ReadAt) -> bool:
        """Tell whether a file has the bytes that were read. Raises `OSError`."""
        head = read_at(0, min(self.offset, HEAD_BYTES))
        if digest(head) != self.head:
            return False
        size = min(self.offset, TAIL_BYTES)
        tail = read_at(self.offset - size, size)
        return len(tail) == size and digest(tail) == self.tail

    def shortened(self, read_at: ReadAt) -> FileMark | None:
        """Return the last milestone of a file that has lost its end. Raises `OSError`."""
        for number in reversed(range(len(self.milestones))):
            offset, tail = self.milestones[number]
            mark = attrs.evolve(
                self,
                offset=offset,
                tail=tail,
                held=b"",
                skipping=False,
                milestones=self.milestones[:number],
            )
            if mark.is_of(read_at):
                return mark
        return None

    def to_state(self) -> State:
        """Return it as plain values."""
        return {**attrs.asdict(self, recurse=False), "identity": attrs.astuple(self.identity)}

    @classmethod
    def from_state(cls, state: State) -> FileMark:
        """Return what `to_state` was of."""
        milestones = tuple((offset, tail) for offset, tail in state["milestones"])
        identity = Identity(*state["identity"])
        return cls(**{**state, "identity": identity, "milestones": milestones})


@attrs.frozen
class Head:
    """A file, and what it begins with; an inode alone is given to another file in time."""

    identity: Identity
    size: int
    """Bytes."""
    digest: bytes


@attrs.frozen
class PathMark:
    """How far a path has been followed: the mark (`Mark`) of a file."""

    KIND: ClassVar = "path"

    path: str
    files: tuple[FileMark, ...]
    """Those that had its name and may still be written to, the oldest first."""
    parsing: State = None
    """What is to be known to parse what comes next; see `Mark`."""
    known: tuple[Head, ...] = ()
    """Files beside the path of which nothing more is wanted."""

    @property
    def source(self) -> str:
        """The name of the source, which is the path."""
        return self.path

    def with_parsing(self, parsing: State, /) -> PathMark:
        """Return the same place, with what is to be known to parse what comes next."""
        return attrs.evolve(self, parsing=parsing)

    def to_state(self) -> State:
        """Return it as plain values."""
        return {
            "kind": self.KIND,
            "known": [
                [*attrs.astuple(head.identity), head.size, head.digest] for head in self.known
            ],
            "path": self.path,
            "files": [mark.to_state() for mark in self.files],
            "parsing": self.parsing,
        }

    @classmethod
    def from_state(cls, state: State) -> PathMark:
        """Return what `to_state` was of, also before `parsing` was one value in it."""
        files = tuple(FileMark.from_state(mark) for mark in state["files"])
        known = tuple(
            Head(Identity(device, inode), size, beginning)
            for device, inode, size, beginning in state["known"]
        )
        if "parsing" in state:
            parsing = state["parsing"]
        else:
            parsing = {"directives": state["directives"], "pieces": state["pieces"]}
        return cls(state["path"], files, parsing, known)


def respelled(marks: Sequence[Mark], texts: Sequence[str]) -> Sequence[Mark]:
    """Return marks whose paths are written as texts of `-f` have them now.

    They may be written from another folder, or from the root.
    """
    spellings = {
        os.path.abspath(path): path
        for text in texts
        for path in (matching(text) if is_glob(text) else [text])
    }
    return [
        attrs.evolve(mark, path=spellings.get(os.path.abspath(mark.path), mark.path))
        if isinstance(mark, PathMark)
        else mark
        for mark in marks
    ]


def reassigned(before: Iterable[PathMark], patterns: Iterable[str]) -> dict[str, PathMark]:
    """Give marks to the paths that their files have now, of those that match some globs.

    What else matches is new, and has an empty mark; what no path has is left to that which had it.
    """
    before = list(before)
    paths = list(dict.fromkeys(path for pattern in patterns for path in matching(pattern)))
    left = {mark.path: list(mark.files) for mark in before}
    found: dict[str, PathMark] = {path: PathMark(path, ()) for path in paths}
    for path in paths:
        for was in before:
            mark = next((mark for mark in left[was.path] if _is_at(path, mark)), None)
            if mark is not None:
                left[was.path].remove(mark)
                found[path] = attrs.evolve(was, path=path, files=(mark,))
                break
    for was in before:
        files, now = left[was.path], found.get(was.path, PathMark(was.path, ()))
        if files:
            parsing = now.parsing if now.files else was.parsing
            found[was.path] = attrs.evolve(now, files=(*files, *now.files), parsing=parsing)
    return found


def _is_at(path: str, mark: FileMark) -> bool:
    try:
        with open(path, "rb", buffering=0) as file:
            is_same = Identity.of(os.fstat(file.fileno())) == mark.identity
            return is_same and mark.is_of(lambda at, size: os.pread(file.fileno(), size, at))
    except OSError:
        return False
