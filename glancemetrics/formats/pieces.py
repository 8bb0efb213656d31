"""Lines that a collector has cut in pieces, of which the rest has not come yet."""

from __future__ import annotations

import re

from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.stream import StreamFormat

_PIECES = {
    "cri": re.compile(rb"\S+ (?:stdout|stderr) P(?::\S*)? "),
    "docker": re.compile(rb'\{"log":"(?:[^"\\]|\\[^n]|\\n(?!"))*"'),
}
"""By name of the outermost envelope, what a line looks like that goes on in another."""

MOST_HELD = 1 << 20
"""Bytes; a longer line is not waited for."""


def unfinished(log_format: LogFormat, lines: bytes | memoryview) -> int:
    """Return how many bytes at the end of whole lines are pieces of a line that goes on."""
    stream = log_format.known if isinstance(log_format, AutoFormat) else log_format
    if not isinstance(stream, StreamFormat) or not stream.envelopes:
        return 0
    piece = _PIECES.get(stream.envelopes[0].name)
    if piece is None:
        return 0
    lines = bytes(lines)  # not before it is known to matter: this is asked of every chunk
    start = end = len(lines)
    while end and len(lines) - end <= MOST_HELD:
        begin = lines.rfind(b"\n", 0, end - 1) + 1
        if piece.match(lines, begin, end) is None:
            break
        start = end = begin
    return len(lines) - start if len(lines) - start <= MOST_HELD else 0


class Pieces:
    """Holds pieces back until the rest of their line has come."""

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
        """Return what is held: nothing more is waited for."""
        held, self.held = self.held, b""
        return held
