"""Lines that are broken requests in no format."""

from __future__ import annotations

import re

from glancemetrics.lines.tail_frames import FRAME

NOISE = rf"^\s*$|^\s*#|{FRAME}"
"""Blank lines, comments, and what `tail` puts between files (RE2)."""

LIKE_A_REQUEST = re.compile(
    rb"(?i:HTTP/\d|status|response_code|\"code\")|"
    rb"(?<![A-Z])(?:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH|CONNECT|PROPFIND)(?![A-Z])|^\s*#"
)
"""What a line has that may be a request in any format, or says how requests are written."""
_ANY_WORD = re.compile(rb"[0-9A-Za-z%._~/\\-]+")
_SHAPE_BYTES = 80


def shape_of(line: bytes) -> int:
    """Return what lines have in common that one program writes: the marks between their words."""
    return hash(_ANY_WORD.sub(b"a", line[:1024])[:_SHAPE_BYTES])
