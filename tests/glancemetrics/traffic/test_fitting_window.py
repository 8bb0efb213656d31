"""The window that is shown of a quiet log, against a count of the records by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.records.dimensions import SECTION, live_dimensions
from glancemetrics.records.schema import seconds as seconds_of
from glancemetrics.traffic.fitting_window import ENOUGH_HITS, FittingWindow
from glancemetrics.traffic.insights import empty_insights
from glancemetrics.traffic.log_series import LogSeries
from tests.glancemetrics.reporting.making import batches_of
from tests.lines import BASE, line

LIMITS = {SECTION: 8}


def window(*records: tuple[int, int], since: int | None = None, cut: int = 1000) -> FittingWindow:
    """Return one that was given (second, requests), in batches of so many lines."""
    made = FittingWindow(10, dimensions=live_dimensions(), since=since)
    lines = [line(BASE + second) for second, count in records for _ in range(count)]
    for at in range(0, len(lines), cut):
        for batch in batches_of(b"".join(lines[at : at + cut])):
            made.add(batch, seconds_of(batch))
    return made


def usual(records: list[tuple[int, int]], end: int) -> int:
    return sum(count for second, count in records if end - 10 <= second < end)


def shown(records: list[tuple[int, int]], end: int, **fields: int) -> tuple[int, int]:
    """Return the seconds and the hits of the window that is shown at an end."""
    made = window(*records, **fields)
    nothing = empty_insights(BASE + end, 10)
    series = LogSeries(10)
    lines = b"".join(line(BASE + second) * count for second, count in records)
    for batch in batches_of(lines) if lines else ():
        series.add(batch, seconds_of(batch))
    series.advance(BASE + end)
    insights = made.fitted(series.insights(LIMITS) if lines else nothing, LIMITS)
    assert insights.end == BASE + end
    return insights.window_seconds, insights.hits


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([(3590 + i, 10) for i in range(10)], (10, 100)),
        ([(3550 + i, 2) for i in range(50)], (60, 100)),
        ([(3300 + 10 * i, 4) for i in range(30)], (300, 120)),
        ([(36 * i, 1) for i in range(100)], (3600, 100)),
        ([(3599, 3)], (10, 3)),
        ([(3000, 3)], (3600, 3)),
        ([(-8000, 3), (3500, 3)], (11_600, 6)),
        ([], (10, 0)),
    ],
)
def test_it_is_the_shortest_that_holds_enough_or_all_there_is(
    records: list[tuple[int, int]], expected: tuple[int, int]
) -> None:
    assert shown(records, 3600) == expected


def test_a_window_of_which_records_were_not_read_is_not_shown() -> None:
    records = [(36 * i, 1) for i in range(100)]
    seconds, hits = shown(records, 3600, since=BASE + 1800)
    assert (seconds, hits) == (1800, 50)


def test_of_more_records_than_are_kept_the_window_is_what_is_known() -> None:
    seconds, hits = shown([(i, 20) for i in range(600)], 700)
    assert 300 <= seconds < 400
    assert 4000 <= hits <= 5000
    assert hits == 20 * (seconds - 100)


def test_it_does_not_go_to_and_fro_where_there_are_about_enough() -> None:
    records = [(second, 9 + second % 3) for second in range(200)]
    made = window(*records)
    lengths = []
    for end in range(60, 200):
        series = LogSeries(10)
        now = b"".join(line(BASE + s) * c for s, c in records if end - 10 <= s < end)
        for batch in batches_of(now):
            series.add(batch, seconds_of(batch))
        series.advance(BASE + end)
        lengths.append(made.fitted(series.insights(LIMITS), LIMITS).window_seconds)
    changes = sum(one != two for one, two in pairwise(lengths))
    assert changes <= 1


@given(
    st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 60)), max_size=12),
    st.integers(3000, 4100),
    st.sampled_from([1, 7, 1000]),
)
def test_what_is_shown_is_what_was_logged_in_it(
    records: list[tuple[int, int]], end: int, cut: int
) -> None:
    records = sorted(records)
    seconds, hits = shown(records, end, cut=cut)
    assert hits == sum(count for second, count in records if end - seconds <= second < end)
    now = usual(records, end)
    assert hits >= now
    if now >= ENOUGH_HITS:
        assert seconds == 10
