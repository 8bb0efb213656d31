"""Holds back lines that a collector has split, until their last piece has arrived."""

from __future__ import annotations

import re

from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.stream import StreamFormat

_PIECES = {
    "cri": re.compile(rb"\S+ (?:stdout|stderr) P(?::\S*)? "),
    "docker": re.compile(rb'\{"log":"(?:[^"\\]|\\[^n]|\\n(?!"))*"'),
}
"""Patterns of incomplete lines, by name of the outermost envelope."""

MOST_HELD = 1 << 20
"""Maximum bytes held back; longer lines are decoded in pieces."""


def unfinished(log_format: LogFormat, lines: bytes | memoryview) -> int:
    """Return how many bytes at the end of the lines are pieces of an incomplete line."""
    stream = log_format.known if isinstance(log_format, AutoFormat) else log_format
    if not isinstance(stream, StreamFormat) or not stream.envelopes:
        return 0
    piece = _PIECES.get(stream.envelopes[0].name)
    if piece is None:
        return 0
    lines = bytes(lines)  # copied late: most chunks return above
    start = end = len(lines)
    while end and len(lines) - end <= MOST_HELD:
        begin = lines.rfind(b"\n", 0, end - 1) + 1
        if piece.match(lines, begin, end) is None:
            break
        start = end = begin
    return len(lines) - start if len(lines) - start <= MOST_HELD else 0


class Pieces:
    """Holds pieces back until the rest of their line has arrived."""

    def __init__(self, log_format: LogFormat) -> None:
        self._format = log_format
        self.held = b""

    def take(self, lines: bytes) -> bytes:
        """Take the next whole lines; returns those that can be decoded."""
        lines = self.held + lines if self.held else lines
        cut = len(lines) - unfinished(self._format, lines)
        self.held = lines[cut:]
        return lines[:cut]

    def rest(self) -> bytes:
        """Return the pieces held back, without waiting for more."""
        held, self.held = self.held, b""
        return held
