"""Marks: how far each file has been read, so that reading can resume there.

A file is identified by its device, its inode and its bytes, because inodes are reused, and a file
may be copied, compressed, or truncated and rewritten.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

import attrs

from actors.sources.files.identity import Identity
from actors.sources.files.paths import is_glob, matching
from actors.sources.mark import Mark

if TYPE_CHECKING:
    from glancemetrics.state.tree import State

ReadAt = Callable[[int, int], bytes]
"""Reads up to a number of bytes at an offset."""

HEAD_BYTES = 1024
"""Bytes at the beginning of a file that identify it, once they have been read."""
TAIL_BYTES = 256
"""Bytes before the current position that identify it."""


Milestone = tuple[int, bytes]
"""The end of a line: its offset, and the digest of the `TAIL_BYTES` before it."""


def digest(data: bytes) -> bytes:
    """Return the digest of bytes."""
    return hashlib.blake2b(data, digest_size=16).digest()


@attrs.frozen
class FileMark:
    """How far a file has been read."""

    identity: Identity
    offset: int
    """Bytes from its beginning."""
    head: bytes
    """Digest of its first `HEAD_BYTES`, or of all bytes before the offset if fewer."""
    tail: bytes
    """Digest of the last `TAIL_BYTES` before the offset, or of all if fewer."""
    changed: int
    """Modification time, nanoseconds since the epoch."""
    held: bytes = b""
    """The beginning of an incomplete line."""
    skipping: bool = False
    """Whether the rest of an overlong line is being skipped."""
    milestones: tuple[Milestone, ...] = ()
    """Earlier positions, one second apart: a file that has lost its end, as after a power failure,
    resumes at the last one it still has."""

    @property
    def beginning(self) -> Head:
        """The identifying beginning of the file."""
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
        """Return the mark as plain values."""
        return {**attrs.asdict(self, recurse=False), "identity": attrs.astuple(self.identity)}

    @classmethod
    def from_state(cls, state: State) -> FileMark:
        """Restore a mark from `to_state`."""
        milestones = tuple((offset, tail) for offset, tail in state["milestones"])
        identity = Identity(*state["identity"])
        return cls(**{**state, "identity": identity, "milestones": milestones})


@attrs.frozen
class Head:
    """A file and the digest of its beginning; an inode alone may be reused."""

    identity: Identity
    size: int
    """Bytes."""
    digest: bytes


@attrs.frozen
class PathMark:
    """How far a path has been followed: the `Mark` of files."""

    KIND: ClassVar = "path"

    path: str
    files: tuple[FileMark, ...]
    """The current file, and rotated files that may still be written to, oldest first."""
    parsing: State = None
    """The parser's state; see `Mark`."""
    known: tuple[Head, ...] = ()
    """Finished files beside the path."""

    @property
    def source(self) -> str:
        """The name of the source, which is the path."""
        return self.path

    def with_parsing(self, parsing: State, /) -> PathMark:
        """Return the same position with the parser's state."""
        return attrs.evolve(self, parsing=parsing)

    def at_start(self) -> PathMark:
        """Return the mark of the same files before anything of them was read."""
        nothing = digest(b"")
        files = tuple(
            FileMark(file.identity, 0, nothing, nothing, file.changed) for file in self.files
        )
        return attrs.evolve(self, files=files)

    def to_state(self) -> State:
        """Return the mark as plain values."""
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
        """Restore a mark from `to_state`, also from old states without `parsing`."""
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
    """Rename marks to the current spelling of their paths in `-f`.

    A path may be relative to another folder now, or absolute.
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
    """Assign marks to the current paths of their files, among the matches of some globs.

    Other matches are new and get an empty mark; a file that no path has stays with its old path.
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
