"""How GlanceMetrics itself fares, as alerts."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.alerting.alerting import Alerts
from glancemetrics.alerting.own_watch import OwnWatch
from glancemetrics.health.health import Health, OutputHealth, OutputState, SourceHealth, SourceState
from glancemetrics.incidents.alert_events import AlertEventKind
from glancemetrics.rules.own_health import own_rules
from glancemetrics.state.tree import from_bytes, to_bytes
from tests.lines import BASE

FINE = Health(
    sources=(SourceHealth("a.log", SourceState.FOLLOWING),),
    outputs=(OutputHealth("syslog", OutputState.WORKING),),
)


def source(state: SourceState, detail: str = "") -> Health:
    return attrs.evolve(FINE, sources=(SourceHealth("a.log", state, detail),))


def output(**fields: object) -> Health:
    return attrs.evolve(FINE, outputs=(attrs.evolve(FINE.outputs[0], **fields),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "lasts", "said"),
    [
        (attrs.evolve(FINE, lag_seconds=90.0), 60, "Own lag: the display is 1 min 30 s behind"),
        (
            source(SourceState.BLOCKED, "may not be read\x1b[2J"),
            60,
            "Log unreadable: a.log: may not be read\\x1b[2J, noticed",
        ),
        (source(SourceState.WAITING, "is gone"), 60, "Log unreadable: a.log: is gone, noticed"),
        (
            output(state=OutputState.RETRYING, detail="cannot reach"),
            120,
            "Output failing: syslog is failing: cannot reach, noticed",
        ),
        (
            attrs.evolve(FINE, memory=950 << 20, memory_limit=1 << 30),
            60,
            "Own memory: using 93 % of the memory limit, noticed",
        ),
        (output(lost=3), 0, "Events lost: syslog lost 3 events, noticed"),
        (attrs.evolve(FINE, gaps=1, last_gap="it was removed"), 0, "Lines not counted: it was"),
    ],
)
def test_what_is_bad_for_long_enough_is_told_and_its_end(
    bad: Health, lasts: int, said: str
) -> None:
    watch = OwnWatch(own_rules())
    assert watch.look(FINE, BASE) == []
    events = []
    for second in range(lasts + 2):
        assert bool(events) == (second > lasts)
        events += watch.look(bad, BASE + 1 + second)
    (begun,) = events
    assert begun.kind is AlertEventKind.TRIGGERED
    assert said in begun.message
    assert [incident.id for incident in watch.joined(Alerts()).firing] == [begun.incident.id]  # type: ignore[union-attr]
    # What is counted does not go down; no more of it is enough.
    good = attrs.evolve(FINE, gaps=bad.gaps)
    if bad.outputs[0].lost:
        good = bad
    ends = [event for second in range(700) for event in watch.look(good, BASE + 200 + second)]
    (over,) = ends
    assert over.kind is AlertEventKind.RECOVERED
    assert over.message.startswith(begun.message.partition(":")[0])
    assert watch.joined(Alerts()).firing == ()


@given(st.lists(st.tuples(st.sampled_from("fbrl"), st.integers(1, 400)), max_size=12))
def test_after_a_restart_happens_what_would_have(stretches: list[tuple[str, int]]) -> None:
    """`f`ine, `b`locked, `r`etrying, or events `l`ost, for some seconds each."""
    states = {
        "f": FINE,
        "b": source(SourceState.BLOCKED, "is gone"),
        "r": output(state=OutputState.RETRYING),
        "l": output(lost=1),
    }
    steady, stopped = OwnWatch(own_rules()), OwnWatch(own_rules())
    second = BASE
    for letter, seconds in stretches:
        for _ in range(seconds):
            second += 1
            assert stopped.look(states[letter], second) == steady.look(states[letter], second)
        before, stopped = stopped, OwnWatch(own_rules())
        assert stopped.restore(from_bytes(to_bytes(before.to_state())), second) == []
        assert stopped.joined(Alerts()) == steady.joined(Alerts())


def test_incidents_of_rules_that_are_gone_are_ended() -> None:
    before = OwnWatch(own_rules())
    (begun,) = before.look(output(lost=3), BASE)
    (over,) = OwnWatch(()).restore(before.to_state(), BASE + 9)
    assert begun.incident is not None
    assert over.incident == attrs.evolve(begun.incident, recovered_at=BASE + 9, expired=True)
    assert over.message == "Events lost: the rule was changed or removed - no longer watched"


def test_what_is_bad_but_briefly_is_not_told() -> None:
    watch = OwnWatch(own_rules())
    for second in range(600):
        bad = second % 50 < 40
        state = SourceState.BLOCKED if bad else SourceState.FOLLOWING
        assert watch.look(source(state), BASE + second) == []


def test_a_source_that_is_not_followed_any_more_is_no_trouble() -> None:
    watch = OwnWatch(own_rules())
    for second in range(100):
        watch.look(source(SourceState.WAITING), BASE + second)
    (over,) = watch.look(attrs.evolve(FINE, sources=()), BASE + 100)
    assert over.kind is AlertEventKind.RECOVERED


def test_a_replay_is_not_judged() -> None:
    watch = OwnWatch(own_rules())
    bad = attrs.evolve(source(SourceState.BLOCKED), live=False)
    assert not [event for second in range(200) for event in watch.look(bad, BASE + second)]
