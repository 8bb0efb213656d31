"""Rules over counted records, against a reference that goes by their definitions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glancemetrics.alerting.alerting import Alerting
from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.alerting.counting import Counting
from glancemetrics.alerting.replay import replay
from glancemetrics.incidents.alert_events import AlertEventKind
from glancemetrics.incidents.lifecycle import Timing
from glancemetrics.records.schema import SCHEMA
from glancemetrics.rules.conditions import (
    Absence,
    BurnRate,
    Change,
    Condition,
    Threshold,
    Unseen,
)
from glancemetrics.rules.metrics import read_metric
from glancemetrics.rules.rule import Rule
from glancemetrics.state.tree import from_bytes, to_bytes
from tests.conftest import thorough
from tests.glancemetrics.alerting.reference import Happened, Request, happenings
from tests.lines import BASE

SPAN = 80
"""Seconds of a made-up log."""


def batch_of(requests: list[Request]) -> pa.RecordBatch:
    rows = [
        {
            "time": datetime.fromtimestamp(r.second, UTC),
            "host": r.host,
            "method": "GET",
            "path": r.path,
            "protocol": "HTTP/1.1",
            "status": r.status,
            "bytes": r.size,
            "duration": r.duration,
        }
        for r in requests
    ]
    columns = [
        pa.array([row.get(field.name) for row in rows], _plain(field.type)) for field in SCHEMA
    ]
    encoded = [
        column.dictionary_encode() if pa.types.is_dictionary(field.type) else column
        for column, field in zip(columns, SCHEMA, strict=True)
    ]
    return pa.RecordBatch.from_arrays(encoded, schema=SCHEMA)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def run(rule: Rule, batches: list[tuple[int, list[Request]]]) -> list[Happened]:
    """Close seconds up to each end, with what has come by then."""
    alerting = Alerting([rule])
    counting = Counting(alerting.wanted)
    alerting.close(ClosedSeconds(BASE, ()))
    found = []
    for end, requests in batches:
        counts = counting.count(batch_of(requests)) if requests else []
        for event in alerting.close(ClosedSeconds(end, tuple(counts))):
            assert event.incident is not None
            kind = {
                AlertEventKind.TRIGGERED: "TRIGGERED",
                AlertEventKind.FLAPPING: "FLAPPING",
                AlertEventKind.RECOVERED: "EXPIRED" if event.incident.expired else "RECOVERED",
            }[event.kind]
            found.append((event.time, event.incident.group or "", kind))
    return found


requests = st.builds(
    Request,
    second=st.integers(BASE, BASE + SPAN - 1),
    host=st.sampled_from(["a", "b", "c"]),
    path=st.sampled_from(["/", "/x", "/y", "/z"]),
    status=st.sampled_from([200, 200, 404, 500]),
    size=st.integers(0, 9),
)
timings = st.builds(
    Timing,
    hold=st.sampled_from([0, 0, 3]),
    keep=st.sampled_from([0, 0, 5]),
    patience=st.integers(1, 20),
    flap_times=st.sampled_from([0, 2, 3]),
    flap_within=st.integers(1, 40),
)
windows = st.integers(1, 12)
above = st.booleans()
plain = st.sampled_from(["hits", "rate", "errors", "bytes", "status(404)", "visitors"])
ratios = st.sampled_from(["error_ratio", "status_ratio(5xx)"])


def thresholds(limits: st.SearchStrategy[float]) -> st.SearchStrategy[Condition]:
    def made(limit: float, is_above: bool, share: float | None) -> Threshold:
        recover = None
        if share is not None:
            recover = limit * share if is_above else limit / share
        return Threshold(limit, is_above, recover)

    return st.builds(made, limits, above, st.sampled_from([None, 0.5]))


def rules(
    metrics: st.SearchStrategy[str], conditions: st.SearchStrategy[Condition]
) -> st.SearchStrategy[Rule]:
    return st.builds(
        Rule,
        name=st.just("rule"),
        metric=metrics.map(read_metric),
        condition=conditions,
        window_seconds=windows,
        timing=timings,
        min_hits=st.sampled_from([0, 0, 2]),
        by=st.sampled_from([None, None, "host"]),
    )


changes = st.builds(
    lambda factor, before: Change(Threshold(factor, is_above=factor > 1), tuple(before)),
    st.sampled_from([0.5, 2.0]),
    st.lists(st.integers(1, 25), min_size=1, max_size=2),
)
every_rule = st.one_of(
    rules(plain, thresholds(st.sampled_from([1.0, 2.0, 3.0]))),
    rules(ratios, thresholds(st.sampled_from([0.2, 0.5]))),
    rules(st.just("distinct(path)"), thresholds(st.sampled_from([1.0, 2.0]))),
    rules(plain.filter(lambda name: name != "visitors"), changes),
    rules(st.just("hits"), st.just(Absence())),
    st.builds(
        Rule,
        name=st.just("rule"),
        metric=st.just(read_metric("hits")),
        condition=st.builds(Unseen, st.integers(0, 30)),
        window_seconds=windows,
        timing=timings,
        by=st.just("path"),
    ),
    st.builds(
        Rule,
        name=st.just("rule"),
        metric=st.just(read_metric("error_ratio")),
        condition=st.builds(
            BurnRate,
            factor=st.sampled_from([1.0, 3.0]),
            objective=st.sampled_from([0.8, 0.9]),
            short_window=st.integers(1, 4),
        ),
        window_seconds=st.integers(4, 15),
        timing=timings,
    ),
)


@given(every_rule, st.lists(requests, max_size=60))
@settings(max_examples=thorough(250, 3000))
def test_rules_say_what_their_definitions_do(rule: Rule, made: list[Request]) -> None:
    made.sort(key=lambda request: request.second)
    end = BASE + SPAN + 60
    expected = happenings(rule, made, BASE, end)
    assert sorted(run(rule, [(end, made)])) == sorted(expected)


@given(every_rule, st.lists(requests, max_size=60), st.lists(st.integers(1, SPAN), max_size=6))
@settings(max_examples=thorough(150, 2000))
def test_it_does_not_matter_how_seconds_are_gathered(
    rule: Rule, made: list[Request], cuts: list[int]
) -> None:
    made.sort(key=lambda request: request.second)
    end = BASE + SPAN + 60
    parts = []
    start = BASE
    for cut in [*sorted({BASE + cut for cut in cuts}), end]:
        parts.append((cut, [r for r in made if start <= r.second < cut]))
        start = cut
    assert run(rule, parts) == run(rule, [(end, made)])


@given(every_rule, st.lists(requests, min_size=1, max_size=60), st.integers(1, 5))
@settings(max_examples=thorough(100, 1000))
def test_a_replay_does_not_depend_on_the_order_of_lines(
    rule: Rule, made: list[Request], pieces: int
) -> None:
    counting = Counting(Alerting([rule]).wanted)

    def incidents(chunks: list[list[Request]]) -> list[object]:
        counts = [part for chunk in chunks if chunk for part in counting.count(batch_of(chunk))]
        replayed = replay([rule], counts)
        return [] if replayed is None else list(replayed.incidents)

    shuffled = [made[i::pieces] for i in range(pieces)]
    assert incidents(shuffled) == incidents([sorted(made, key=lambda r: r.second)])


@pytest.mark.parametrize("share", [0.5, 0.95])
@given(data=st.data())
@settings(max_examples=60)
def test_quantiles_are_those_of_the_window(share: float, data: st.DataObject) -> None:
    """The bucket of a duration is one percent wide: thresholds are put between durations."""
    durations = st.sampled_from([0.001, 0.02, 0.3, 1.5, 20.0])
    made = data.draw(
        st.lists(
            st.builds(
                Request,
                second=st.integers(BASE, BASE + SPAN - 1),
                duration=durations | st.none(),
            ),
            max_size=60,
        )
    )
    made.sort(key=lambda request: request.second)
    rule = Rule(
        name="rule",
        metric=read_metric(f"p{share * 100:g}"),
        condition=Threshold(data.draw(st.sampled_from([0.01, 0.1, 5.0])), is_above=True),
        window_seconds=data.draw(st.integers(1, 60)),
    )
    end = BASE + SPAN + 60
    assert run(rule, [(end, made)]) == happenings(rule, made, BASE, end)


@given(every_rule, st.lists(requests, max_size=60), st.integers(1, SPAN + 40), st.integers(0, 30))
@settings(max_examples=thorough(150, 2000))
def test_after_a_restart_it_goes_on_where_it_was(
    rule: Rule, made: list[Request], after: int, ahead: int
) -> None:
    """Whatever of seconds that are not closed had been counted: each request is told but once."""
    made.sort(key=lambda request: request.second)
    cut, end = BASE + after, BASE + SPAN + 60
    whole = Alerting([rule])
    counting = Counting(whole.wanted)

    def closed(second: int, own: list[Request]) -> ClosedSeconds:
        return ClosedSeconds(second, tuple(counting.count(batch_of(own)) if own else ()))

    whole.close(closed(BASE, []))
    expected = whole.close(closed(end, made))
    first = Alerting([rule])
    first.close(closed(BASE, []))
    found = first.close(closed(cut, [r for r in made if r.second < cut + ahead]))
    second = Alerting([rule])
    assert second.restore(from_bytes(to_bytes(first.to_state()))) == []
    assert second.alerts == first.alerts
    found += second.close(closed(end, [r for r in made if r.second >= cut + ahead]))
    assert found == expected
    assert second.alerts == whole.alerts


def test_an_incident_of_a_rule_that_was_changed_is_ended() -> None:
    def rule(limit: float) -> Rule:
        return Rule(
            name="rule",
            metric=read_metric("hits"),
            condition=Threshold(limit, is_above=True),
            window_seconds=10,
        )

    first = Alerting([rule(1)])
    counting = Counting(first.wanted)
    counts = counting.count(batch_of([Request(BASE)] * 3))
    (begun,) = first.close(ClosedSeconds(BASE + 5, tuple(counts)))
    second = Alerting([rule(2)])
    (over,) = second.restore(from_bytes(to_bytes(first.to_state())))
    assert (over.kind, over.time) == (AlertEventKind.RECOVERED, BASE + 5)
    assert over.incident is not None
    assert begun.incident is not None
    assert over.incident.id == begun.incident.id
    assert over.message == "rule: the rule was changed or removed - no longer watched"
    assert second.alerts.firing == ()


@attrs.frozen(kw_only=True)
class LaterRule(Rule):
    """As a later version may have it."""

    above_all: int = 0


@pytest.mark.parametrize(
    ("changes", "is_the_same"),
    [
        ({}, True),
        ({"message": "It is too much"}, True),
        ({"above_all": 1}, True),
        ({"min_hits": 1}, False),
        ({"by": "host"}, False),
        ({"timing": Timing(keep=5)}, False),
        ({"condition": Threshold(1, is_above=True, recover=0.5)}, False),
        ({"condition": Absence()}, False),
        ({"metric": read_metric("errors")}, False),
    ],
)
def test_an_incident_goes_on_under_a_later_version_unless_the_rule_was_changed(
    changes: dict[str, Any], is_the_same: bool
) -> None:
    told: dict[str, Any] = {
        "name": "rule",
        "metric": read_metric("hits"),
        "condition": Threshold(1, is_above=True),
        "window_seconds": 10,
    }
    first = Alerting([Rule(**told)])
    counts = Counting(first.wanted).count(batch_of([Request(BASE)] * 3))
    first.close(ClosedSeconds(BASE + 5, tuple(counts)))
    second = Alerting([LaterRule(**told | changes)])
    ended = second.restore(from_bytes(to_bytes(first.to_state())))
    assert (len(ended), len(second.alerts.firing)) == ((0, 1) if is_the_same else (1, 0))


def test_the_key_of_a_rule_is_what_it_was() -> None:
    """Checkpoints have it; where it changes on purpose its version is counted up."""
    rule = Rule(
        name="rule",
        metric=read_metric("p95"),
        condition=Change(Threshold(2, is_above=True), (3600,)),
        window_seconds=60,
        where="status = 200",
        timing=Timing(hold=5),
    )
    assert rule.key == (
        '{"condition": ["change", {"before": [3600], "factor": {"is_above": true, "limit": 2}}], '
        '"metric": "p95", "severity": "warning", "timing": {"hold": 5}, "version": 1, '
        '"where": "status = 200", "window": 60}'
    )
