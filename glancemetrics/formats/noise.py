"""Lines that are broken requests in no format."""

from __future__ import annotations

from glancemetrics.tail_frames import FRAME

NOISE = rf"^\s*$|^\s*#|{FRAME}"
"""Blank lines, comments, and what `tail` puts between files (RE2)."""
