"""Pages of requests: together they are the whole, however they are cut."""

from __future__ import annotations

import attrs
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from glancemetrics.history.query import MOST_GROUPS, Answer, RecordQuery
from glancemetrics.records.schema import TIME
from glancemetrics.records.time_span import TimeSpan


def answer(query: RecordQuery, times: list[int]) -> Answer:
    """Answer from records at these microseconds, in order of arrival."""
    since, until = query.span.since, query.span.until
    found = [
        (time, number) for number, time in enumerate(times)
        if (since is None or time >= since * 1_000_000)
        and (until is None or time < until * 1_000_000)
    ]  # fmt: skip
    found.sort(reverse=not query.is_oldest_first)
    page = found[query.offset : query.offset + query.limit]
    table = pa.table({
        "time": pa.array([time for time, _ in page], pa.int64()).cast(TIME),
        "number": pa.array([number for _, number in page], pa.int64()),
    })  # fmt: skip
    newest = max(times, default=0) // 1_000_000
    end = newest + 1 if until is None else until
    return Answer(table=table, has_more=len(found) > query.offset + query.limit,
                  covers=TimeSpan(since or 0, end))  # fmt: skip


TIMES = st.lists(st.integers(0, 8).map(lambda quarter: quarter * 400_000), max_size=30)


@example([3_000_000, *[2_000_000] * 6], 3, 0, False, TimeSpan(), [])
@example([*[2_000_000] * 6, 3_000_000, 3_000_000], 4, 1, True, TimeSpan(), [])
@given(
    TIMES, st.integers(1, 7), st.integers(0, 12), st.booleans(),
    st.sampled_from([TimeSpan(), TimeSpan(1), TimeSpan(None, 3), TimeSpan(1, 3)]), TIMES,
)  # fmt: skip
def test_pages_are_the_whole(
    times: list[int], limit: int, offset: int, is_oldest_first: bool, span: TimeSpan,
    later: list[int],
) -> None:  # fmt: skip
    query = RecordQuery(span=span, limit=limit, offset=offset, is_oldest_first=is_oldest_first)
    whole = answer(attrs.evolve(query, limit=1000), times).table.column("number").to_pylist()
    found: list[int] = []
    page: RecordQuery | None = query
    newer = [time + 9_000_000 for time in later]
    while page is not None:
        # Requests are logged between pages; those that are newer do not move older ones.
        known = times if is_oldest_first or not found else [*times, *newer]
        answered = answer(page, known)
        found += answered.table.column("number").to_pylist()
        page = page.following(answered)
    assert found == whole


def test_a_second_with_too_many_requests_ends_it() -> None:
    query = RecordQuery(limit=2, offset=MOST_GROUPS)
    table = pa.table({"time": pa.array([5, 5], pa.int64()).cast(TIME)})
    assert query.following(Answer(table=table, has_more=True)) is None
