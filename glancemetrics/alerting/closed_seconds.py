"""Closed seconds: what the alert supervisor receives once a second has ended."""

from __future__ import annotations

import attrs

from glancemetrics.alerting.counting import RuleCounts


@attrs.frozen(eq=False)
class ClosedSeconds:
    """The counts since the last one, and which second is closed now.

    Every record is in exactly one of them. A late record is in a later one, under its own second;
    there may also be records of seconds that are not closed yet.
    """

    end: int
    """All seconds before this one are closed."""
    counts: tuple[RuleCounts, ...]
