"""Whole lines out of a stream of bytes that is cut anywhere."""

from __future__ import annotations

from mmap import mmap

import attrs

LINE_LIMIT = 1 << 20
"""Bytes; a longer line is not kept: its beginning is handed on as one reject."""

OVERLONG_REASON = f"the line is longer than {LINE_LIMIT >> 20} MiB"

OVERLONG_SAMPLE = 1024
"""Bytes that are kept of a line that is too long."""


@attrs.frozen
class Lines:
    """What a splitter has found complete."""

    whole: bytes = b""
    """Lines, each ended by a newline."""
    overlong: tuple[bytes, ...] = ()
    """The beginnings of lines that were too long."""

    def __bool__(self) -> bool:
        return bool(self.whole or self.overlong)


class LineSplitter:
    """Holds the part of a line that has come, until its newline comes."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._held = bytearray()
        self._skipping = False

    @property
    def state(self) -> tuple[bytes, bool]:
        """What is held of a line, and whether the rest of a line is not wanted."""
        return bytes(self._held), self._skipping

    @classmethod
    def from_state(cls, held: bytes, skipping: bool) -> LineSplitter:
        """Return one that goes on where another was."""
        splitter = cls()
        splitter._held += held
        splitter._skipping = skipping
        return splitter

    def feed(self, piece: bytes) -> Lines:
        """Take the next bytes of the stream; returns the lines that they complete."""
        if self._skipping:
            newline = piece.find(b"\n")
            if newline < 0:
                return Lines()
            self._skipping = False
            piece = piece[newline + 1 :]
        cut = piece.rfind(b"\n") + 1
        if not cut:
            self._held += piece
            return self._drop_overlong_held()
        # Joined at once: where lines are long, a copy costs a tenth of all there is to do.
        whole = b"".join((self._held, memoryview(piece)[:cut])) if self._held else piece[:cut]
        self._held = bytearray(piece[cut:])
        lines = without_overlong(whole, self._limit)
        return Lines(lines.whole, lines.overlong + self._drop_overlong_held().overlong)

    def flush(self) -> Lines:
        """The stream has ended: what is held is a line, though no newline came."""
        self._skipping = False
        if not self._held:
            return Lines()
        whole = bytes(self._held) + b"\n"
        self._held = bytearray()
        return Lines(whole)

    def _drop_overlong_held(self) -> Lines:
        if len(self._held) <= self._limit:
            return Lines()
        sample = bytes(self._held[:OVERLONG_SAMPLE])
        self._held = bytearray()
        self._skipping = True
        return Lines(overlong=(sample,))


def without_overlong(whole: bytes, limit: int = LINE_LIMIT) -> Lines:
    """Take out of whole lines those that are longer than `limit` bytes."""
    spans = find_overlong(whole, len(whole), limit)
    if not spans:
        return Lines(whole)
    starts = [0, *(end for _, end in spans)]
    ends = [*(start for start, _ in spans), len(whole)]
    return Lines(
        b"".join(whole[start:end] for start, end in zip(starts, ends, strict=True)),
        tuple(whole[start : start + OVERLONG_SAMPLE] for start, _ in spans),
    )


def find_overlong(
    text: bytes | bytearray | mmap, size: int, limit: int = LINE_LIMIT
) -> list[tuple[int, int]]:
    """Find lines longer than `limit` bytes among the whole lines of the first `size` bytes.

    Returns where each begins, and where the next line does.
    """
    spans = []
    at = 0
    while size - at > limit + 1:
        newline = text.rfind(b"\n", at, at + limit + 1)
        if newline >= 0:
            at = newline + 1
        else:
            end = text.find(b"\n", at) + 1
            spans.append((at, end))
            at = end
    return spans
