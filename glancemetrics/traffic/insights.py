"""Insights: the numbers shown for a window."""

from __future__ import annotations

import attrs

from glancemetrics.records.dimensions import Dimension


@attrs.frozen
class TopRow:
    """One value of a dimension, and its counts in the window."""

    name: str
    hits: int
    bytes: int
    errors: int
    """Hits with a status of 400 or more."""


@attrs.frozen
class Insights:
    """The numbers of one window of event time."""

    end: int
    """The window ends before this second since the epoch."""
    window_seconds: int
    hits: int
    bytes: int
    visitors: int
    """Distinct hosts."""
    known_users: int
    """Distinct authenticated users."""
    client_errors: int
    """Hits with a status of 4xx."""
    server_errors: int
    """Hits with a status of 5xx."""
    status_classes: dict[str, int]
    """Hits by status class, `{"2xx": 12}`; `other` for no status or no known class."""
    top: dict[Dimension, tuple[TopRow, ...]]
    """The values with the most hits, most first. Dimensions without values are left out."""
    estimated: frozenset[Dimension]
    """Dimensions with more distinct values than are tracked: their numbers are lower bounds,
    dropped values are in the row `(other)`, and distinct counts are estimates."""

    @property
    def hit_rate(self) -> float:
        """Hits per second, averaged over the window."""
        return self.hits / self.window_seconds

    @property
    def errors(self) -> int:
        """Hits with a status of 400 or more."""
        return self.client_errors + self.server_errors


def empty_insights(end: int, window_seconds: int) -> Insights:
    """Return the insights of a window without records."""
    classes = dict.fromkeys(("1xx", "2xx", "3xx", "4xx", "5xx", "other"), 0)
    return Insights(end, window_seconds, 0, 0, 0, 0, 0, 0, classes, {}, frozenset())
