"""Lines that are noise in every format, and what a request looks like."""

from __future__ import annotations

import re

from glancemetrics.lines.tail_frames import FRAME

NOISE = rf"^\s*$|^\s*#|{FRAME}"
"""Pattern (RE2) of blank lines, comments, and the headers `tail` prints between files."""

LIKE_A_REQUEST = re.compile(
    rb"(?i:HTTP/\d|status|response_code|\"code\")|"
    rb"(?<![A-Z])(?:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH|CONNECT|PROPFIND)(?![A-Z])|^\s*#"
)
"""Matches lines that may be a request in any format, or a directive."""
_ANY_WORD = re.compile(rb"[0-9A-Za-z%._~/\\-]+")
_SHAPE_BYTES = 80


def shape_of(line: bytes) -> int:
    """Return a hash that lines of one program share: the punctuation between their words."""
    return hash(_ANY_WORD.sub(b"a", line[:1024])[:_SHAPE_BYTES])
