"""Totals since the start: what is in them, however records are cut into batches."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import attrs
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.records.schema import SCHEMA
from glancemetrics.state.tree import from_bytes, to_bytes
from glancemetrics.traffic.aggregation import EARLY_TOLERANCE
from glancemetrics.traffic.totals import (
    DURATION_BOUNDS,
    METHODS,
    RequestLabels,
    Totals,
    TotalsSnapshot,
    exact_sum,
)
from tests.glancemetrics.reporting.making import report_of
from tests.glancemetrics.traffic.test_aggregation import aggregation, read
from tests.lines import BASE, line

LIMIT = 3
ROWS = st.fixed_dictionaries(
    {
        "status": st.sampled_from(
            [None, 0, 99, 100, 200, 204, 301, 404, 499, 500, 599, 600, 65535]
        ),
        "method": st.sampled_from([None, "GET", "POST", "PATCH", "PROPFIND", "get", ""]),
        "vhost": st.sampled_from(
            [None, "", "a.example", "b.example", "c", "d", "(other)", "x" * 600]
        ),
        "bytes": st.sampled_from([None, 0, 1, 512, 1 << 46]),
        "duration": st.sampled_from([None, 0.0, 0.001, 0.0010004, 0.0010006, 0.3, 60.0, 61.5, 3e7]),
        "upstream_duration": st.sampled_from([None, 0.25]),
    }
)


def batch_of(rows: list[dict[str, Any]], seed: int = 0) -> pa.RecordBatch:
    """Return records; their dictionaries have an order of their own, and texts that no row has."""
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    for name in ("method", "vhost"):
        texts = ["unused", *{row[name] for row in rows if row[name] is not None}]
        np.random.default_rng(seed).shuffle(texts)
        numbers = [None if row[name] is None else texts.index(row[name]) for row in rows]
        column = pa.DictionaryArray.from_arrays(pa.array(numbers, pa.int32()), pa.array(texts))
        batch = batch.set_column(batch.schema.get_field_index(name), name, column)
    return batch


def totals_of(*batches: pa.RecordBatch, limit: int = LIMIT) -> TotalsSnapshot:
    totals = Totals(1.5, limit)
    for batch in batches:
        totals.add(batch)
    return totals.snapshot()


def counted(rows: list[dict[str, Any]], limit: int = LIMIT) -> tuple[Any, ...]:
    """Count the same row by row."""
    known: list[str] = []
    requests: Counter[RequestLabels] = Counter()
    sizes: Counter[str] = Counter()
    buckets = [0] * (len(DURATION_BOUNDS) + 1)
    microseconds = 0
    for row in rows:
        vhost = row["vhost"] or ""
        if vhost not in {"", "(other)"} and vhost not in known:
            known.append(vhost)
        if vhost in known[limit:]:
            vhost = "(other)"
        status, method = row["status"], row["method"]
        name = f"{status // 100}xx" if status is not None and 100 <= status < 600 else "other"
        method = "other" if method is not None and method not in METHODS else method or ""
        requests[RequestLabels(name, method, vhost)] += 1
        sizes[vhost] += row["bytes"] or 0
        if row["duration"] is not None:
            length = int(row["duration"] * 1e6 + 0.5)
            microseconds += length
            buckets[sum(length > round(bound * 1e6) for bound in DURATION_BOUNDS)] += 1
    return requests, sizes, buckets, microseconds


@given(
    st.lists(ROWS, max_size=40),
    st.lists(st.integers(0, 40), max_size=6),
    st.integers(0, 1000),
)
def test_any_cut_of_the_same_records_gives_the_same_totals(
    rows: list[dict[str, Any]], cuts: list[int], seed: int
) -> None:
    at = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    parts = [
        batch_of(rows[start:end], seed + i) for i, (start, end) in enumerate(itertools.pairwise(at))
    ]
    one = totals_of(batch_of(rows))
    assert totals_of(*parts) == one
    requests, sizes, buckets, microseconds = counted(
        [{**row, "vhost": _short(row["vhost"], one)} for row in rows]
    )
    assert {labels: count for labels, count in one.requests.items() if count} == requests
    assert one.response_bytes == sizes
    assert list(one.durations.counts) == buckets
    assert one.durations.microseconds == microseconds
    assert one.upstream_durations.count == sum(row["upstream_duration"] is not None for row in rows)


def _short(vhost: str | None, totals: TotalsSnapshot) -> str | None:
    """Return a long name as it is in totals."""
    long = [name for name in totals.response_bytes if name.startswith("xxx")]
    return long[0] if long and vhost is not None and vhost.startswith("xxx") else vhost


@given(st.lists(ROWS, max_size=30), st.integers(0, 30))
def test_a_restart_at_any_place_changes_nothing(rows: list[dict[str, Any]], cut: int) -> None:
    first = Totals(1.5, LIMIT)
    first.add(batch_of(rows[:cut]))
    second = Totals(99.0, LIMIT)
    second.restore(from_bytes(to_bytes(first.to_state())))
    second.add(batch_of(rows[cut:]))
    assert second.snapshot() == totals_of(batch_of(rows))


def test_the_state_of_a_version_with_other_labels_is_not_added_up() -> None:
    first = Totals(1.5)
    first.add(batch_of([row()]))
    second = Totals(99.0)
    second.restore({**first.to_state(), "version": 0})
    assert second.snapshot() == Totals(99.0).snapshot()


def test_the_usual_classes_begin_at_0_so_that_the_first_error_is_an_increase() -> None:
    of_get = totals_of(batch_of([row()])).requests
    assert {labels.status_class: count for labels, count in of_get.items()} == {
        "2xx": 1,
        "3xx": 0,
        "4xx": 0,
        "5xx": 0,
    }
    assert {(labels.method, labels.vhost) for labels in of_get} == {("GET", "a.example")}


def test_virtual_hosts_beyond_the_limit_are_counted_together() -> None:
    rows = [row(vhost=f"{i}.example", bytes=i, method=f"M{i}") for i in range(3000)]
    totals = totals_of(*(batch_of(rows[i : i + 7], i) for i in range(0, 3000, 7)), limit=100)
    assert len(totals.response_bytes) == 101
    assert totals.response_bytes["(other)"] == sum(range(100, 3000))
    assert totals.requests[RequestLabels("2xx", "other", "(other)")] == 2900
    assert totals_of(batch_of(rows), limit=100) == totals
    assert totals_of(batch_of(rows[:50]), batch_of(rows[50:]), limit=100) == totals


def test_every_method_of_the_standards_has_its_own_name() -> None:
    rows = [row(method=name) for name in (*METHODS[1:-1], "PROPFIND", "get", None)]
    methods = {labels.method for labels in totals_of(batch_of(rows)).requests}
    assert methods == set(METHODS)


@pytest.mark.parametrize("count", [1, 3, 200_000])
def test_sums_are_exact_beyond_an_int64(count: int) -> None:
    assert exact_sum(np.full(count, (1 << 62) + 1)) == count * ((1 << 62) + 1)
    rows = [row(bytes=1 << 46), row(bytes=(1 << 46) - 1, vhost=None)]
    column = np.tile(np.arange(2), count)
    totals = totals_of(batch_of(rows).take(pa.array(column)))
    assert totals.response_bytes == {"a.example": count << 46, "": count * ((1 << 46) - 1)}


def test_totals_are_those_of_a_report_of_the_same_log() -> None:
    log = b"".join(
        line(
            BASE + i // 10,
            host=f"192.0.2.{i % 7}",
            request=f"{('GET', 'POST', 'HEAD', 'BREW')[i % 4]} /{i % 13} HTTP/1.1",
            status=(200, 301, 404, 500, 503)[i % 5],
            size=i,
        )
        for i in range(3000)
    )
    live = aggregation(totals=Totals(0.0))
    for at in range(0, 3000, 170):
        part = b"".join(log.splitlines(keepends=True)[at : at + 170])
        live.add(read(part), BASE + 300.0)
    totals = live.snapshot(BASE + 300.0).totals
    assert totals is not None
    report = report_of([read(log).batch])
    by_status: Counter[str] = Counter()
    by_method: Counter[str] = Counter()
    for labels, count in totals.requests.items():
        by_status[labels.status_class] += count
        by_method[labels.method] += count
    panels = {panel.name: panel for panel in report.panels}
    known = {row.name: row.hits for row in panels["methods"].rows}
    known["other"] = known.pop("BREW")
    assert by_method == known
    classes = Counter({f"{row.name[0]}xx": 0 for row in panels["status"].rows})
    for row in panels["status"].rows:
        classes[f"{row.name[0]}xx"] += row.hits
    assert {name: count for name, count in by_status.items() if count} == classes
    assert sum(totals.response_bytes.values()) == report.bytes == sum(range(3000))


def test_without_an_output_that_reads_them_there_are_none() -> None:
    live = aggregation()
    live.add(read(line()), BASE + 1.0)
    live.advance(BASE + 1.0, whole=True)
    assert live.snapshot(BASE + 1.0).totals is None
    assert live.to_state()["totals"] is None


def test_they_hold_all_records_but_filtered_and_early_ones() -> None:
    live = aggregation(totals=Totals(0.0), delay=0.0)
    filtered = read(line(BASE) + line(BASE, status=500))
    live.add(attrs.evolve(filtered, wanted=np.array([False, True])), BASE + 1.0)
    live.add(read(line(BASE + EARLY_TOLERANCE + 100)), BASE + 1.0)
    live.add(read(line(BASE - 5000)), BASE + 1.0)  # late: in no window
    snapshot = live.snapshot(BASE + 1.0)
    health = snapshot.health
    assert (health.records, health.filtered, health.early) == (4, 1, 1)
    assert snapshot.totals is not None
    assert sum(snapshot.totals.requests.values()) == 2
    live.clock_was_set(BASE + 1000.0)
    live.add(read(line(BASE + 2)), BASE + 1000.0)
    after = live.snapshot(BASE + 1000.0).totals
    assert after is not None
    assert sum(after.requests.values()) == 3


def test_an_aggregation_resumes_them_and_old_checkpoints_have_none() -> None:
    first = aggregation(totals=Totals(5.0))
    first.add(read(line() * 3), BASE + 1.0)
    first.advance(BASE + 1.0, whole=True)
    state = from_bytes(to_bytes(first.to_state()))
    second = aggregation(totals=Totals(50.0))
    second.restore(state)
    second.add(read(line()), BASE + 2.0)
    totals = second.snapshot(BASE + 2.0).totals
    assert totals is not None
    assert (totals.since, totals.requests[RequestLabels("2xx", "GET", "")]) == (5.0, 4)
    del state["totals"]  # as an earlier version wrote it
    third = aggregation(totals=Totals(50.0))
    third.restore(state)
    assert third.snapshot(BASE + 2.0).totals == Totals(50.0).snapshot()
    fourth = aggregation()
    fourth.restore(from_bytes(to_bytes(first.to_state())))  # an output that wants none
    assert fourth.snapshot(BASE + 2.0).totals is None


def row(**fields: Any) -> dict[str, Any]:
    plain = {
        "time": datetime.fromtimestamp(BASE, UTC),
        "status": 200,
        "method": "GET",
        "vhost": "a.example",
        "bytes": 512,
        "duration": 0.1,
    }
    return plain | fields


def test_buckets_of_large_batches_are_those_of_small_ones() -> None:
    edges = [bound + more for bound in (0.0, *DURATION_BOUNDS) for more in (0.0, 1e-6)]
    edges += [bound - 1e-6 for bound in DURATION_BOUNDS]
    rows = [row(duration=seconds) for seconds in edges] * 100
    assert len(rows) > 4000
    small = totals_of(*(batch_of(rows[i : i + 90]) for i in range(0, len(rows), 90)))
    assert totals_of(batch_of(rows)) == small
    # An edge belongs to the bucket that it ends.
    assert set(small.durations.counts[1:-1]) == {300}
