"""An old log in the aggregation: all of it is shown, until it is written to."""

from __future__ import annotations

import attrs

from glancemetrics.records.dimensions import SECTION
from glancemetrics.traffic.aggregation import Aggregation, SourceBatch
from glancemetrics.traffic.snapshot import Shown
from tests.glancemetrics.reporting.making import batches_of
from tests.lines import BASE, line

NOW = BASE + 1_000_000.0
BATCH = SourceBatch(
    source="a.log", batch=None, lines=1, rejects=0, reject_samples=(), foreign=0,
    format="combined", reformatted=None, caught_up=True, fresh=False, lag_bytes=0,
)  # fmt: skip


def aggregation(*seconds: int) -> Aggregation:
    made = Aggregation(
        window_seconds=10, alert_window_seconds=120, limits={SECTION: 8}, sources=["a.log"],
        fits_window=True,
    )  # fmt: skip
    add(made, *seconds)
    return made


def add(made: Aggregation, *seconds: int) -> None:
    for batch in batches_of(b"".join(map(line, seconds))):
        made.add(attrs.evolve(BATCH, batch=batch, lines=batch.num_rows), NOW)
    made.advance(NOW)


def test_all_of_it_is_shown_with_its_rates() -> None:
    snapshot = aggregation(*range(BASE, BASE + 300)).snapshot(NOW)
    assert snapshot.shown_as is Shown.WHOLE_LOG
    assert (snapshot.insights.hits, snapshot.insights.window_seconds) == (300, 300)
    assert snapshot.shown is snapshot.insights
    assert snapshot.rates == (1.0,) * 300


def test_that_the_clock_is_set_changes_nothing() -> None:
    made = aggregation(*range(BASE, BASE + 300))
    made.clock_was_set(NOW + 7200)
    assert made.snapshot(NOW + 7200).insights.hits == 300


def test_that_the_clock_is_set_changes_nothing_either_where_nobody_looks() -> None:
    """Rules count the same records whether or not there is a screen."""
    made = Aggregation(window_seconds=10, alert_window_seconds=120, limits={}, sources=["a.log"])
    add(made, *range(BASE, BASE + 300))
    made.clock_was_set(NOW + 7200)
    add(made, *range(BASE + 300, BASE + 303))
    snapshot = made.snapshot(NOW + 7200)
    assert (snapshot.insights.hits, snapshot.health.late) == (10, 0)


def test_once_it_is_written_to_windows_are_shown() -> None:
    made = aggregation(*range(BASE, BASE + 300))
    add(made, *range(int(NOW) - 5, int(NOW)))
    snapshot = made.snapshot(NOW)
    assert snapshot.shown_as is Shown.WINDOW
    assert snapshot.insights.hits == 5
    assert snapshot.health.live
