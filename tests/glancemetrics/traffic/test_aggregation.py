"""Aggregation: where windows end, what is late and early, and what is told of it."""

from __future__ import annotations

import itertools

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.alerting.counting import Counting, Stream
from glancemetrics.formats.combined import COMBINED, decode
from glancemetrics.formats.log_format import reject_samples
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.records.dimensions import DIMENSIONS, PATH, SECTION
from glancemetrics.records.schema import joined
from glancemetrics.records.schema import seconds as seconds_of
from glancemetrics.rules.metrics import HITS
from glancemetrics.state.tree import to_bytes
from glancemetrics.traffic.aggregation import EARLY_TOLERANCE, Aggregation, SourceBatch
from tests.glancemetrics.traffic.test_log_series import LINES, described
from tests.lines import BASE, line


def aggregation(**options: object) -> Aggregation:
    defaults: dict[str, object] = {
        "window_seconds": 10,
        "alert_window_seconds": 120,
        "limits": dict.fromkeys(DIMENSIONS, 8),
        "counting": Counting([(Stream(), HITS)]),
    }
    return Aggregation(**(defaults | options))  # type: ignore[arg-type]


def read(
    data: bytes, *, source: str = "a", caught_up: bool = True, fresh: bool = True, lag: int = 0
) -> SourceBatch:
    decoded = decode(data)
    return SourceBatch(
        source,
        decoded.batch,
        decoded.lines,
        decoded.rejects,
        reject_samples(data, decoded, COMBINED),
        decoded.foreign,
        decoded.format,
        None,
        caught_up,
        fresh,
        lag,
    )


def hits_of(closed: ClosedSeconds) -> dict[int, int]:
    """By second."""
    hits: dict[int, int] = {}
    for counts in closed.counts:
        for second, count in zip(counts.seconds.tolist(), counts.counts.tolist(), strict=True):
            hits[second] = hits.get(second, 0) + count
    return hits


def test_the_window_ends_with_the_last_whole_second_before_the_delay() -> None:
    live = aggregation()
    live.add(read(line(BASE) * 3), BASE + 0.3)
    closed = live.advance(BASE + 1.4)
    assert closed is not None
    assert closed.end == BASE  # half a second of delay
    closed = live.advance(BASE + 1.5)
    assert closed is not None
    assert closed.end == BASE + 1
    assert live.snapshot(BASE + 1.5).insights.hits == 3


def test_a_buffered_log_is_neither_under_reported_nor_jumping() -> None:
    """nginx with buffer=64k flush=5s, ten requests a second (ngxtop's issues 30 and 103)."""
    live = aggregation()
    rates = []
    for tick in range(120):
        wall = BASE + tick + 0.9
        if tick % 5 == 4:
            seconds = range(BASE + tick - 4, BASE + tick + 1)
            live.add(read(b"".join(line(s) * 10 for s in seconds)), wall)
        live.advance(wall)
        rates.append(live.snapshot(wall).insights.hit_rate)
    assert set(rates[30:]) == {10.0}
    assert live.delay(BASE + 120) == pytest.approx(4.0, abs=0.5)


OFFSETS = st.lists(st.integers(-130, 70), max_size=3)


@given(st.lists(st.tuples(st.sampled_from("abc"), OFFSETS, st.booleans(), st.booleans())))
def test_results_that_were_decoded_together_count_as_they_do_alone(
    rounds: list[tuple[str, list[int], bool, bool]],
) -> None:
    """Also where some are early or late, and where a condition leaves some out."""
    together, alone = aggregation(), aggregation()
    parts = [
        (source, b"".join(line(BASE + offset, size=abs(offset)) for offset in offsets), up, fresh)
        for source, offsets, up, fresh in rounds
    ]
    reads = [
        attrs.evolve(
            read(data, source=source, caught_up=up, fresh=fresh),
            wanted=None if number % 3 else np.arange(data.count(b"\n")) % 2 == 0,
        )
        for number, (source, data, up, fresh) in enumerate(parts)
    ]
    joint = joined([one.batch for one in reads]) if reads else None
    for wall in (float(BASE), BASE + 1.0):
        together.add_all(reads, wall, joint)
        alone.add_all(reads, wall)
        closed = [one.advance(wall, whole=True) for one in (together, alone)]
        first, second = [None if one is None else (one.end, hits_of(one)) for one in closed]
        assert first == second
        assert together.snapshot(wall) == alone.snapshot(wall)
        assert to_bytes(together.to_state()) == to_bytes(alone.to_state())


def test_a_delay_that_is_told_is_not_measured() -> None:
    live = aggregation(delay=3.0)
    live.add(read(line(BASE)), BASE + 20.0)
    assert live.delay(BASE + 20.0) == 3.0
    closed = live.advance(BASE + 20.0)
    assert closed is not None
    assert closed.end == BASE + 17


def test_what_is_read_while_catching_up_is_no_delay() -> None:
    live = aggregation()
    live.add(read(line(BASE - 100), fresh=False), BASE + 0.0)
    assert live.delay(BASE) is None


def test_late_records_inside_the_window_go_to_their_own_second() -> None:
    live = aggregation(delay=0.0)
    live.add(read(line(BASE)), BASE + 5.0)
    live.advance(BASE + 5.0)
    live.add(read(line(BASE + 1, host="late")), BASE + 5.5)
    assert live.snapshot(BASE + 5.5).insights.hits == 2
    assert [bucket.second for bucket in live.series.buckets()] == [BASE, BASE + 1]
    closed = live.advance(BASE + 6.0)
    assert closed is not None
    assert hits_of(closed) == {BASE + 1: 1}


def test_records_older_than_the_longest_window_are_late_and_in_none() -> None:
    live = aggregation(delay=0.0)
    live.add(read(line(BASE)), BASE + 1.0)
    live.advance(BASE + 1.0)
    live.add(read(line(BASE - 119) + line(BASE - 120) * 2), BASE + 1.0)
    snapshot = live.snapshot(BASE + 1.0)
    assert snapshot.health.late == 2
    assert snapshot.insights.hits == 1
    assert snapshot.health.records == 4


def test_records_too_far_in_the_future_are_early_and_in_none() -> None:
    live = aggregation(delay=0.0)
    live.add(read(line(BASE + EARLY_TOLERANCE) + line(BASE + EARLY_TOLERANCE + 1)), float(BASE))
    closed = live.advance(BASE + EARLY_TOLERANCE + 1.0)
    assert closed is not None
    assert list(hits_of(closed).values()) == [1]
    snapshot = live.snapshot(BASE + EARLY_TOLERANCE + 1.0)
    assert (snapshot.health.early, snapshot.insights.hits) == (1, 1)


def test_a_log_of_the_past_has_its_windows_where_its_records_are() -> None:
    past = aggregation()
    wall = BASE + 1_000_000.0
    past.add(read(line(BASE) + line(BASE + 30) * 2, caught_up=False, lag=9), wall)
    past.advance(wall)
    assert past.snapshot(wall).insights.end == BASE + 30
    past.add(read(line(BASE + 31)), wall)
    past.advance(wall)
    snapshot = past.snapshot(wall)
    assert (snapshot.insights.end, snapshot.insights.hits) == (BASE + 32, 3)
    assert not snapshot.health.live
    assert snapshot.health.lag_seconds == 0


def test_the_clock_waits_for_every_source_to_say_something() -> None:
    two = aggregation(sources=["a", "b"])
    two.add(read(line(BASE)), BASE + 1.0)
    assert two.advance(BASE + 2.0) is None
    two.note_source(SourceHealth("b", SourceState.READING), BASE + 2.0)
    assert two.advance(BASE + 2.0) is None
    two.note_source(SourceHealth("b", SourceState.WAITING, "not there"), BASE + 2.0)
    assert two.advance(BASE + 2.0) is not None
    assert [source.name for source in two.snapshot(BASE + 2.0).health.sources] == ["a", "b"]


def test_a_silent_log_that_turns_out_to_be_of_the_past_is_replayed() -> None:
    past = aggregation(sources=["a"])
    past.note_source(SourceHealth("a", SourceState.FOLLOWING), BASE + 1_000_000.0)
    assert past.advance(BASE + 1_000_000.0) is None
    past.add(read(line(BASE) * 2), BASE + 1_000_001.0)
    past.advance(BASE + 1_000_001.0)
    snapshot = past.snapshot(BASE + 1_000_001.0)
    assert (snapshot.insights.hits, snapshot.health.late) == (2, 0)


def test_what_is_late_after_the_clock_was_set_is_kept_all_the_same() -> None:
    """A log of before is read on: no window has it, but the history does."""
    kept: list[int] = []
    live = aggregation(keep=lambda batch: kept.extend(seconds_of(batch).tolist()))
    live.add(read(line(BASE)), BASE + 1.0)
    live.clock_was_set(BASE + 5000.0)
    later = read(line(BASE + 1) * 2 + line(BASE + 5000))
    live.add(attrs.evolve(later, wanted=np.array([True, False, True])), BASE + 5001.0)
    assert kept == [BASE, BASE + 1, BASE + 5000]
    live.advance(BASE + 5003.0)
    snapshot = live.snapshot(BASE + 5003.0)
    assert (snapshot.insights.hits, snapshot.health.late) == (1, 2)


def test_a_source_that_is_gone_is_not_told_of() -> None:
    two = aggregation(sources=["a", "b"])
    two.add(read(line(BASE)), BASE + 1.0)
    two.forget_source("b")
    assert two.advance(BASE + 2.0) is not None
    assert [source.name for source in two.snapshot(BASE + 2.0).health.sources] == ["a"]


def test_lag_is_told_in_bytes_and_seconds() -> None:
    live = aggregation()
    live.add(read(line(BASE), caught_up=False, lag=5_000), BASE + 7.5)
    live.advance(BASE + 7.5)
    health = live.snapshot(BASE + 7.5).health
    assert (health.lag_bytes, health.lag_seconds) == (5_000, 7.5)
    assert health.sources[0].state is SourceState.READING


def test_windows_that_servers_hold_up_are_behind() -> None:
    live = aggregation()
    live.add(read(line(BASE)), BASE + 0.5)
    live.note_read_until("web1", BASE + 2.0)
    for now, behind in ((BASE + 4.0, 0.0), (BASE + 40.0, 38.0)):
        live.advance(now)
        health = live.snapshot(now).health
        assert (health.lag_bytes, health.lag_seconds) == (0, pytest.approx(behind, abs=0.6))
    live.note_read_until("web1", None)
    live.advance(BASE + 40.0)
    assert live.snapshot(BASE + 40.0).health.lag_seconds == 0.0


def test_lines_are_records_and_rejects() -> None:
    live = aggregation()
    live.add(read(b"first\n" + line(BASE) * 4 + b"x\n" * 50), BASE + 0.1)
    live.advance(BASE + 2.0)
    health = live.snapshot(BASE + 2.0).health
    assert (health.lines, health.records, health.rejects) == (55, 4, 51)
    assert health.reject_samples[0].line == "first"
    assert health.sources[0].format == "combined"


def test_rates_tell_the_hits_of_each_second_up_to_the_windows_end() -> None:
    live = aggregation(delay=0.0)
    live.add(read(line(BASE) + line(BASE + 2) * 2 + line(BASE + 9)), BASE + 2.5)
    live.advance(BASE + 3.0)
    assert live.snapshot(BASE + 3.0).rates[-4:] == (0, 1, 0, 2)


def test_a_log_that_stopped_is_silent_for_as_long_as_it_is_also_after_a_restart() -> None:
    live = aggregation(delay=0.0)
    live.add(read(b"".join(line(BASE + second) * 5 for second in range(60))), BASE + 60.0)
    for later in (60, 90, 3600):
        live.advance(BASE + later + 1.0)
        silent = live.snapshot(BASE + later + 1.0).silent
        assert silent == pytest.approx(later - 60 if later > 60 else 0, abs=2)
    live.advance(BASE + 3602.0, whole=True)
    again = aggregation(delay=0.0)
    again.restore(live.to_state())
    again.note_source(SourceHealth("a", SourceState.FOLLOWING), BASE + 3603.0)
    again.advance(BASE + 7201.0)
    assert again.snapshot(BASE + 7201.0).silent == pytest.approx(7140, abs=2)


def test_sections_are_limited_as_told() -> None:
    live = aggregation(delay=0.0, limits=dict.fromkeys(DIMENSIONS, 20) | {SECTION: 2})
    live.add(
        read(b"".join(line(BASE, request=f"GET /{i}/x HTTP/1.1") for i in range(9))), BASE + 0.5
    )
    live.advance(BASE + 1.0)
    top = live.snapshot(BASE + 1.0).insights.top
    assert (len(top[SECTION]), len(top[PATH])) == (2, 9)


@given(
    st.lists(LINES, min_size=1, max_size=15).map(sorted),
    st.lists(st.integers(0, 15), max_size=4),
)
@settings(deadline=None, max_examples=100)
def test_any_split_gives_the_same_buckets_and_the_same_closed_seconds(
    lines: list[bytes], cuts: list[int]
) -> None:
    lines.sort(key=lambda text: text.split(b"[")[1])
    places = sorted(min(cut, len(lines)) for cut in cuts)
    wall = float(BASE + 1_000_000)
    results = []
    for ends in ([len(lines)], [*places, len(lines)]):
        one = aggregation(window_seconds=20)
        totals: dict[int, int] = {}
        for start, stop in itertools.pairwise([0, *ends]):
            data = b"".join(lines[start:stop])
            one.add(read(data, caught_up=stop == len(lines)), wall)
            for closed in [one.advance(wall, ended=stop == len(lines))]:
                if closed is not None:
                    for second, hits in hits_of(closed).items():
                        totals[second] = totals.get(second, 0) + hits
        results.append((totals, described(one.series), one.snapshot(wall).insights))
    assert results[0] == results[1]


@given(st.lists(LINES, min_size=1, max_size=15), st.lists(st.integers(0, 15), max_size=4))
@settings(deadline=None, max_examples=100)
def test_what_is_counted_together_is_counted_as_one_after_the_other(
    lines: list[bytes], cuts: list[int]
) -> None:
    wall = float(BASE + 1_000_000)
    places = sorted({0, len(lines), *(min(cut, len(lines)) for cut in cuts)})
    reads = [
        attrs.evolve(
            read(b"".join(lines[start:stop]) + b"odd\n" * (start % 2)),
            source=f"{start % 3}.log",
            wanted=None if start % 2 else np.arange(stop - start) % 3 != 1,
        )
        for start, stop in itertools.pairwise(places)
    ]
    results = []
    for is_together in (True, False):
        one = aggregation(window_seconds=20)
        if is_together:
            one.add_all(reads, wall)
        else:
            for each in reads:
                one.add(each, wall)
        closed = one.advance(wall, ended=True)
        assert closed is not None
        snapshot = one.snapshot(wall)
        results.append((hits_of(closed), described(one.series), snapshot.insights, snapshot.health))
    assert results[0] == results[1]


@given(st.lists(st.tuples(LINES, st.integers(0, 3), st.booleans()), min_size=1, max_size=30))
@settings(deadline=None, max_examples=100)
def test_looking_at_the_window_changes_nothing_of_it(
    steps: list[tuple[bytes, int, bool]],
) -> None:
    """Records wait until somebody looks, and are then counted together."""
    looked_at, alone = aggregation(window_seconds=5), aggregation(window_seconds=5)
    wall = float(BASE)
    for data, seconds, looks in steps:
        for one in (looked_at, alone):
            one.add(read(data), wall)
            one.advance(wall)
        if looks:
            looked_at.snapshot(wall)
        wall += seconds
    assert described(looked_at.series) == described(alone.series)
    assert looked_at.snapshot(wall) == alone.snapshot(wall)


def test_where_nobody_looks_a_snapshot_has_the_health_only() -> None:
    one = aggregation(delay=0.0)
    one.add(read(line(BASE) * 3), BASE + 5.0)
    one.advance(BASE + 5.0)
    hidden, shown = one.snapshot(BASE + 5.0, is_shown=False), one.snapshot(BASE + 5.0)
    assert (hidden.insights.hits, shown.insights.hits) == (0, 3)
    assert hidden.insights.end == shown.insights.end
    assert hidden.health == shown.health


def test_garbage_alone_is_told_without_a_window() -> None:
    reading = aggregation(sources=["a"])
    reading.add(read(b"garbage\n" * 5, caught_up=False, lag=10), BASE + 0.5)
    assert reading.advance(BASE + 0.5) is None
    snapshot = reading.snapshot(BASE + 0.5)
    assert (snapshot.insights.hits, snapshot.health.rejects) == (0, 5)


def test_only_wanted_records_are_counted_and_all_tell_the_time() -> None:
    live = aggregation()
    first = read(line(BASE, status=503) + line(BASE, status=200) * 2)
    live.add(attrs.evolve(first, wanted=np.array([True, False, False])), BASE + 0.3)
    later = read(line(BASE + 5, status=200) * 4)
    live.add(attrs.evolve(later, wanted=np.zeros(4, np.bool_)), BASE + 5.3)
    live.advance(BASE + 6.6)
    snapshot = live.snapshot(BASE + 6.6)
    assert (snapshot.insights.hits, snapshot.insights.errors) == (1, 1)
    health = snapshot.health
    assert (health.lines, health.records, health.filtered, health.rejects) == (7, 7, 6, 0)
    assert health.newest == BASE + 5  # though none of that second is wanted
    assert health.live
