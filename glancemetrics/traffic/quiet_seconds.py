"""Seconds of which the latest snapshots know that no request was logged in them."""

from __future__ import annotations

from collections.abc import Iterable

from glancemetrics.traffic.snapshot import Shown, Snapshot


def is_empty_in(snapshots: Iterable[Snapshot], since: int, until: int) -> bool:
    """Tell whether a snapshot knows that no request was logged in these seconds."""
    return since >= until or any(_had_none(one, since, until) for one in snapshots)


def _had_none(snapshot: Snapshot, since: int, until: int) -> bool:
    end = snapshot.insights.end
    first = end - len(snapshot.rates)
    if snapshot.shown_as is Shown.WHOLE_LOG or since < first or until > end:
        return False
    return not any(snapshot.rates[since - first : until - first])
