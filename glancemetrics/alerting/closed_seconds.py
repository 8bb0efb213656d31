"""Closed seconds: what the alert supervisor is told once a second has ended."""

from __future__ import annotations

import attrs

from glancemetrics.alerting.counting import RuleCounts


@attrs.frozen(eq=False)
class ClosedSeconds:
    """What was counted since the last of these, and which second is closed now.

    Every record is in exactly one of them. A record that came late is in a later one, under its
    own second; records may also be of seconds that are not closed yet.
    """

    end: int
    """All seconds before this one are closed."""
    counts: tuple[RuleCounts, ...]
