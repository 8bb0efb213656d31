"""Rejects: lines that no format matches, kept as samples with a reason."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

SAMPLE_LENGTH = 512
"""Characters kept of a rejected line."""


@attrs.frozen
class Reject:
    """A line that no format matches."""

    line: str
    """Its first `SAMPLE_LENGTH` characters; undecodable bytes as `\\xHH`. Not yet escaped."""
    reason: str
    """One clause: what was expected, and where."""
    source: str = ""
    """The name of its log; empty: unknown."""


def of_source(rejects: Iterable[Reject], source: str) -> tuple[Reject, ...]:
    """Return samples with the name of their log."""
    return tuple(attrs.evolve(one, source=source) for one in rejects)


def reject_of(line: bytes, reason: str) -> Reject:
    """Make a sample of a rejected line."""
    return Reject(
        line[: SAMPLE_LENGTH * 4].decode("utf-8", "backslashreplace")[:SAMPLE_LENGTH], reason
    )
