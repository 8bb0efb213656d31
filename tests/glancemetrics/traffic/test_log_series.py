"""`LogSeries` against a window counted row by row."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glancemetrics.formats.combined import decode
from glancemetrics.native.sums import LARGEST
from glancemetrics.records.dimensions import BOT, DIMENSIONS, HOST, OTHER, PATH
from glancemetrics.records.schema import MOST_BYTES, rows
from glancemetrics.traffic.log_series import LogSeries
from tests.glancemetrics import reference
from tests.lines import BASE, line

LIMITS = dict.fromkeys(DIMENSIONS, 1000)

LINES = st.builds(
    line,
    st.integers(BASE, BASE + 12),
    host=st.sampled_from(["a", "b", "c"]),
    user=st.sampled_from(["-", "u", "v"]),
    request=st.sampled_from(
        ["GET / HTTP/1.1", "GET /x/y HTTP/1.1", "GET /x?q HTTP/1.1", "-", "junk"]
        + ["OPTIONS * HTTP/1.1", "CONNECT a/b:1 HTTP/1.1", "GET http://v.example/x HTTP/1.1"]
    ),
    status=st.sampled_from([200, 304, 404, 500, 999, "-"]),
    size=st.sampled_from(["-", 0, 7, 1000]),
    referrer=st.sampled_from(["-", "r"]),
    agent=st.sampled_from(["-", "curl/8.5.0", "Firefox/120.0", "Googlebot/2.1", "kube-probe/1.29"]),
)


def add(series: LogSeries, data: bytes, since: int | None = None) -> None:
    batch = decode(data).batch
    series.add(batch, batch.column("time").cast("int64").to_numpy() // 1_000_000, since)


def test_a_sum_that_no_number_can_hold_is_the_largest_one_and_comes_right_again() -> None:
    series = LogSeries(5)
    most = line(BASE, size=MOST_BYTES) * 1000
    for _ in range(140):
        add(series, most)
    add(series, line(BASE + 4, size=7))
    series.advance(BASE + 5)
    (row,) = series.insights(LIMITS).top[HOST]
    assert row.bytes == LARGEST
    assert series.insights(LIMITS).bytes == 140_000 * MOST_BYTES + 7
    series.to_state()
    series.advance(BASE + 6)
    (row,) = series.insights(LIMITS).top[HOST]
    assert (row.hits, row.bytes) == (1, 7)


def check(series: LogSeries, lines: list[bytes], window: int) -> None:
    """Hold the series' insights against those of the lines that its window covers."""
    assert series.end is not None
    records = [
        record
        for record in rows(decode(b"".join(lines)).batch)
        if series.end - window <= reference.second_of(record) < series.end
    ]
    series.learn_groups()
    insights = series.insights(LIMITS)
    assert insights.hits == len(records)
    assert insights.bytes == sum(record.bytes or 0 for record in records)
    assert insights.status_classes == reference.classes(records)
    assert insights.errors == sum(map(reference.failed, records))
    assert insights.visitors == len({r.host for r in records if r.host})
    assert insights.known_users == len({r.user for r in records if r.user})
    expected = {d: table for d, table in reference.tops(records).items() if table}
    assert {
        d: {row.name: (row.hits, row.bytes, row.errors) for row in table}
        for d, table in insights.top.items()
    } == expected
    for table in insights.top.values():
        assert list(table) == sorted(table, key=lambda row: (-row.hits, row.name))


@given(
    st.lists(st.tuples(st.lists(LINES, max_size=6), st.integers(0, 4)), min_size=1, max_size=8),
    st.integers(1, 6),
)
@settings(deadline=None, max_examples=150)
def test_the_window_holds_what_a_row_by_row_count_says(
    steps: list[tuple[list[bytes], int]], window: int
) -> None:
    series = LogSeries(window)
    end = BASE + 2
    kept: list[bytes] = []
    series.advance(end)
    for lines, ahead in steps:
        kept += [
            text
            for text in lines
            for record in rows(decode(text).batch)
            if reference.second_of(record) >= end - window
        ]
        if lines:
            add(series, b"".join(lines))
        check(series, kept, window)
        end += ahead
        series.advance(end)
        check(series, kept, window)


@given(st.lists(LINES, min_size=1, max_size=12), st.lists(st.integers(0, 12), max_size=4))
@settings(deadline=None, max_examples=100)
def test_any_split_gives_the_same_buckets(lines: list[bytes], cuts: list[int]) -> None:
    whole, split = LogSeries(10), LogSeries(10)
    add(whole, b"".join(lines))
    places = sorted(min(cut, len(lines)) for cut in cuts)
    for start, stop in zip([0, *places], [*places, len(lines)], strict=True):
        if start < stop:
            add(split, b"".join(lines[start:stop]))
    for series in (whole, split):
        series.advance(BASE + 13)
    assert described(whole) == described(split)


def described(series: LogSeries) -> list[object]:
    return [
        (
            bucket.second,
            bucket.hits,
            bucket.bytes,
            bucket.client_errors,
            bucket.server_errors,
            {dimension: series.rows_of(bucket, dimension) for dimension in DIMENSIONS},
        )
        for bucket in series.buckets()
    ]


def test_past_the_limit_the_rarest_are_folded_and_it_says_so() -> None:
    series = LogSeries(10, distinct_limit=100)
    series.advance(BASE + 5)
    for batch in range(30):
        add(
            series,
            b"".join(
                line(BASE + batch % 5, host=f"10.0.{batch}.{i}", request=f"GET /{i % 3} HTTP/1.1")
                for i in range(50)
            )
            + line(BASE, host="busy") * 20,
        )
    insights = series.insights(LIMITS)
    hosts = {row.name: row.hits for row in insights.top[HOST]}
    assert insights.hits == 30 * 70 == sum(hosts.values())
    assert hosts["busy"] == 600
    assert hosts[OTHER] > 0
    assert insights.top[HOST][-1].name == OTHER
    assert insights.estimated == {HOST}
    assert insights.visitors == pytest.approx(1501, rel=0.06)
    assert len(hosts) <= 102


def test_what_was_folded_leaves_with_the_window() -> None:
    series = LogSeries(10, distinct_limit=100)
    series.advance(BASE + 5)
    for i in range(500):
        add(series, line(BASE + i % 5, host=f"h{i}"))
    series.advance(BASE + 15)
    insights = series.insights(LIMITS)
    assert (insights.hits, insights.visitors, insights.estimated) == (0, 0, frozenset())
    add(series, line(BASE + 14, host="new"))
    assert series.insights(LIMITS).top[HOST][0].name == "new"


def test_more_values_in_one_batch_than_are_told_apart_are_counted_all_the_same() -> None:
    series = LogSeries(10, distinct_limit=100)
    series.advance(BASE + 1)
    add(series, b"".join(line(BASE, host=f"h{i}") for i in range(1000)))
    insights = series.insights(LIMITS)
    assert sum(row.hits for row in insights.top[HOST]) == 1000
    series.advance(BASE + 30)
    assert series.insights(LIMITS).top == {}


def test_names_of_any_length_are_told_apart_in_bounded_memory() -> None:
    series = LogSeries(10)
    series.advance(BASE + 1)
    long = "/" + "x" * 5000
    add(series, line(BASE, request=f"GET {long}1 HTTP/1.1"))
    add(series, line(BASE, request=f"GET {long}2 HTTP/1.1") * 2)
    table = series.insights(LIMITS).top[PATH]
    assert [row.hits for row in table] == [2, 1]
    assert all(len(row.name) < 600 for row in table)


def test_a_window_of_many_seconds_keeps_a_bounded_number_of_counts() -> None:
    series = LogSeries(1000, distinct_limit=100)  # two counts for each second
    series.advance(BASE)
    for second in range(50):
        add(series, b"".join(line(BASE + second, host=f"h{i}") for i in range(40)))
        series.advance(BASE + second + 1)
    assert all(len(series.rows_of(b, HOST)) <= 17 for b in series.buckets())
    insights = series.insights(LIMITS)
    assert HOST in insights.estimated
    assert sum(row.hits for row in insights.top[HOST]) == 2000 == insights.hits


def test_records_that_the_window_will_have_passed_are_left_out() -> None:
    series = LogSeries(10)
    add(series, line(BASE) + line(BASE + 50), since=BASE + 41)
    assert [bucket.second for bucket in series.buckets()] == [BASE + 50]


def test_bots_are_told_apart_once_that_is_asked_for() -> None:
    series = LogSeries(2, distinct_limit=20)
    add(series, line(BASE, agent="kube-probe/1.0"))
    series.advance(BASE + 1)
    assert BOT not in series.insights(LIMITS).top
    series.learn_groups()
    assert [row.name for row in series.insights(LIMITS).top[BOT]] == ["kube-probe"]
    for i in range(1, 60):
        add(series, line(BASE + i, agent=f"health-check-{i}/1.0", size=i))
        series.advance(BASE + 1 + i)
        now = {row.name for row in series.insights(LIMITS).top[BOT]}
        assert now == {f"health-check-{i - 1}" if i > 1 else "kube-probe", f"health-check-{i}"}


def test_a_number_that_another_agent_gets_is_of_its_own_bot() -> None:
    series = LogSeries(1, distinct_limit=2)
    series.learn_groups()
    for i in range(9):
        add(series, line(BASE + i, agent=f"probe-{'ab'[i % 2]}{i}/1.0"))
        series.advance(BASE + 1 + i)
        assert [row.name for row in series.insights(LIMITS).top[BOT]] == [f"probe-{'ab'[i % 2]}{i}"]


def test_what_has_no_room_is_other_in_groups_too() -> None:
    series = LogSeries(1, distinct_limit=2)
    series.learn_groups()
    add(series, b"".join(line(BASE, agent=f"probe-{i}/1.0") for i in range(5)))
    series.advance(BASE + 1)
    insights = series.insights(LIMITS)
    assert BOT in insights.estimated
    assert sum(row.hits for row in insights.top[BOT]) == 5
    assert insights.top[BOT][-1].name == OTHER
