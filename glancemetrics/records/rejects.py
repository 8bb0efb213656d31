"""Rejects: lines that no format accepts, kept as samples with the reason."""

from __future__ import annotations

import attrs

SAMPLE_LENGTH = 512
"""Characters of a rejected line that are kept."""


@attrs.frozen
class Reject:
    """A line that no format accepts."""

    line: str
    """Its first `SAMPLE_LENGTH` characters; undecodable bytes as `\\xHH`. Not yet escaped."""
    reason: str
    """One clause that says what was expected where."""


def reject_of(line: bytes, reason: str) -> Reject:
    """Return the sample of a rejected line."""
    return Reject(
        line[: SAMPLE_LENGTH * 4].decode("utf-8", "backslashreplace")[:SAMPLE_LENGTH], reason
    )
