"""Counts of a whole log: the same as of one window over all of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.records.dimensions import PATH, SECTION
from glancemetrics.records.schema import seconds as seconds_of
from glancemetrics.traffic.log_series import LogSeries
from glancemetrics.traffic.span_counts import SpanCounts, SpanRates
from tests.glancemetrics.reporting.making import batches_of
from tests.lines import BASE, line

LIMITS = {SECTION: 8, PATH: 20}


def test_it_is_what_a_window_over_all_of_it_has() -> None:
    lines = b"".join(
        line(BASE + 7 * i, request=f"GET /{i % 5}/{i % 11} HTTP/1.1", status=200 + i % 7 * 50)
        for i in range(300)
    )
    counts, series = SpanCounts(), LogSeries(7 * 299 + 1)
    for batch in batches_of(lines):
        counts.add(batch, seconds_of(batch))
        series.add(batch, seconds_of(batch))
    series.advance(BASE + 7 * 299 + 1)
    assert counts.insights(LIMITS) == series.insights(LIMITS)
    assert (counts.first, counts.last) == (BASE, BASE + 7 * 299)
    part = counts.insights(LIMITS, BASE, BASE + 10_000)
    assert (part.end, part.window_seconds) == (BASE + 10_000, 10_000)


@given(st.dictionaries(st.integers(0, 1_000_000), st.integers(1, 1000), min_size=1, max_size=50))
def test_the_steps_of_a_chart_are_few_and_hold_all_hits(hits: dict[int, int]) -> None:
    rates = SpanRates()
    for second, count in hits.items():
        rates.add(np.array([second]), np.array([count]))
    values = rates.values()
    assert len(values) <= 1200
    assert sum(values) * rates.step == pytest.approx(sum(hits.values()))


def test_nothing_has_no_steps() -> None:
    assert SpanRates().values() == ()
