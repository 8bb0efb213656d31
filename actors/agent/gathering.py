"""Gathers what the tailer says into the parts of an entry."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import msgpack

from actors.files.permissions import WAY_OUT
from actors.sources.files.marks import PathMark
from actors.sources.mark import Mark
from actors.sources.messages import (
    Announced,
    Begins,
    Chunk,
    FromSource,
    Gap,
    Marked,
    Resumes,
    SourceGone,
)
from glancemetrics.fleet.entry import Part
from glancemetrics.health.health import SourceHealth, SourceState

_ODD_NAMES = "surrogateescape"
"""How names of files are kept that are not UTF-8."""
_MOST_MILESTONES = 4
"""Of a mark: each takes 20 bytes in each entry."""


def mark_in_bytes(mark: Mark) -> bytes:
    """Return a mark of a log as bytes."""
    state = mark.to_state()
    files = [{**file, "milestones": _some(file["milestones"])} for file in state["files"]]
    packed: bytes = msgpack.packb({**state, "files": files}, unicode_errors=_ODD_NAMES)
    return packed


def mark_from_bytes(data: bytes) -> PathMark:
    """Restore a mark. Raises any error that invalid values cause."""
    return PathMark.from_state(msgpack.unpackb(data, unicode_errors=_ODD_NAMES))


def _some(milestones: tuple[object, ...]) -> tuple[object, ...]:
    """Return the last milestone, and some earlier ones: each is twice as far back."""
    found: list[object] = []
    back = 1
    while back <= len(milestones) and len(found) < _MOST_MILESTONES:
        found.append(milestones[-back])
        back *= 2
    return tuple(reversed(found))


@attrs.define
class _Open:
    """A part that more may be added to."""

    part: Part
    lines: list[bytes] = attrs.field(factory=list)
    mark: Mark | None = None

    def done(self) -> Part:
        mark = b"" if self.mark is None else mark_in_bytes(self.mark)
        return attrs.evolve(self.part, lines=b"".join(self.lines), mark=mark)


@attrs.define
class Gathered:
    """What the tailer has said since the last entry, by log."""

    size: int = 0
    """Bytes of lines and samples."""
    _done: list[Part] = attrs.field(factory=list)
    _open: dict[str, _Open] = attrs.field(factory=dict)

    def __bool__(self) -> bool:
        return bool(self._done or self._open)

    def add(self, message: FromSource) -> None:
        """Add the next message of the tailer."""
        match message:
            case Begins():
                self._close(message.source)  # what came before it stays before it
                self._change(message.source, sample=message.sample, before=message.before)
                self.size += len(message.sample)
            case Chunk():
                self._add_lines(message)
            case Marked(mark=mark):
                self._of(mark.source).mark = mark
            case Gap():
                one = self._of(message.source)
                one.part = attrs.evolve(one.part, gaps=(*one.part.gaps, message.what))
            case SourceHealth():
                self._change(
                    message.name,
                    state=message.state,
                    detail=message.detail.partition(WAY_OUT)[0],  # it is of another machine
                    lag_bytes=message.lag_bytes,
                    caught_up=message.state is not SourceState.READING,
                )
            case SourceGone(name=name):
                self._change(name, is_gone=True)
                self._close(name)
            case Resumes() | Announced():
                pass  # the hub knows where the log stands

    def take(self) -> tuple[tuple[Part, ...], Mapping[str, bytes]]:
        """Return the parts, and start over; also the marks that they move."""
        for path in list(self._open):
            self._close(path)
        parts, self._done, self.size = tuple(self._done), [], 0
        return parts, {part.path: b"" if part.is_gone else part.mark for part in parts
                       if part.is_gone or part.mark}  # fmt: skip

    def _add_lines(self, chunk: Chunk) -> None:
        one = self._of(chunk.source)
        is_first = not one.lines and not one.part.overlong
        one.lines.append(chunk.lines)
        one.part = attrs.evolve(
            one.part,
            overlong=one.part.overlong + chunk.overlong,
            caught_up=chunk.caught_up,
            fresh=chunk.fresh and (is_first or one.part.fresh),
            lag_bytes=chunk.lag_bytes,
            state=None,
            detail="",
        )
        if chunk.mark is not None:
            one.mark = chunk.mark
        self.size += len(chunk.lines) + sum(map(len, chunk.overlong))

    def _of(self, path: str) -> _Open:
        return self._open.setdefault(path, _Open(Part(path)))

    def _change(self, path: str, **values: object) -> None:
        one = self._of(path)
        one.part = attrs.evolve(one.part, **values)  # type: ignore[arg-type]

    def _close(self, path: str) -> None:
        one = self._open.pop(path, None)
        if one is not None:
            self._done.append(one.done())
