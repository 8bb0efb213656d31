"""`OwnWatch`: evaluates the rules about GlanceMetrics' own health at each snapshot."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence

import attrs

from glancemetrics.alerting.alerting import REMEMBERED, Alerts, begun_in
from glancemetrics.alerting.incident_events import GONE, begun, ended, over
from glancemetrics.health.health import Health
from glancemetrics.incidents.alert_events import AlertEvent
from glancemetrics.incidents.incident import Incident
from glancemetrics.incidents.lifecycle import Lifecycle, Signal, Step, StepKind
from glancemetrics.rules.own_health import OwnRule
from glancemetrics.state.tree import State


class OwnWatch:
    """Watches the monitor itself, in wall-clock time."""

    def __init__(self, rules: Sequence[OwnRule], incident_limit: int = 3) -> None:
        self._rules = rules
        self._limit = incident_limit
        self._lives: dict[tuple[str, str | None], Lifecycle] = {}
        self._open: dict[tuple[str, str | None], Incident] = {}
        self._counted: dict[tuple[str, str | None], float] = {}
        self._recovered: deque[Incident] = deque(maxlen=max(incident_limit, REMEMBERED))
        self._begun: Counter[str] = Counter()
        """Incidents by rule."""

    def to_state(self) -> State:
        """Return the state for a restart."""
        return {
            "lives": [[*key, life.to_json()] for key, life in self._lives.items()],
            "open": [attrs.asdict(incident) for incident in self._open.values()],
            "counted": [[*key, value] for key, value in self._counted.items()],
            "recovered": [attrs.asdict(incident) for incident in self._recovered],
            "begun": dict(self._begun),
        }

    def restore(self, state: State, now: float) -> list[AlertEvent]:
        """Resume from saved state; `now` in seconds since the epoch.

        Returns the ends of incidents of removed rules. Raises `KeyError`, `TypeError` or
        `ValueError`.
        """
        timings = {own.rule.name: own.rule.timing for own in self._rules}
        self._lives = {
            (name, group): Lifecycle.from_json(timings[name], life)
            for name, group, life in state["lives"]
            if name in timings
        }
        left = open_own_incidents(state)
        self._open = {(one.rule, one.group): one for one in left if one.rule in timings}
        self._counted = {(name, group): value for name, group, value in state["counted"]}
        self._recovered.extend(Incident(**one) for one in state["recovered"])
        self._begun = begun_in(state)
        return [ended(one, int(now), GONE) for one in left if one.rule not in timings]

    def begin_anew(self, why: str, now: float) -> list[AlertEvent]:
        """Start over without a past, as after the clock was set; return the ends of incidents."""
        ends = [ended(incident, int(now), why) for incident in self._open.values()]
        self._lives, self._open = {}, {}
        self._recovered.extendleft(event.incident for event in ends if event.incident)
        return ends

    def look(self, health: Health, now: float) -> list[AlertEvent]:
        """Evaluate the current health; return what happened. `now` in seconds since the epoch."""
        if not health.live:
            return []
        return [event for own in self._rules for event in self._look(own, health, int(now))]

    def joined(self, alerts: Alerts) -> Alerts:
        """Return these alerts together with others, for display."""
        firing = sorted(
            (*self._open.values(), *alerts.firing), key=lambda i: i.triggered_at, reverse=True
        )
        past = sorted(
            (*self._recovered, *alerts.past), key=lambda i: i.recovered_at or 0, reverse=True
        )
        return attrs.evolve(
            alerts,
            firing=tuple(firing),
            recovered=tuple(past[: self._limit]),
            past=tuple(past[:REMEMBERED]),
            begun={**alerts.begun, **self._begun},
        )

    def _look(self, own: OwnRule, health: Health, now: int) -> Iterator[AlertEvent]:
        measured = own.measure(health)
        gone = [group for name, group in self._lives if name == own.rule.name]
        for group in dict.fromkeys([*measured, *gone]):
            value, cause = measured.get(group, (0.0, ""))
            key = own.rule.name, group
            if own.is_count:
                before = self._counted.get(key, 0.0)
                self._counted[key] = value
                value = max(0.0, value - before)
            is_bad = value > own.rule.threshold
            life = self._lives.get(key)
            if life is None:
                if not is_bad:
                    continue
                life = self._lives[key] = Lifecycle(own.rule.timing)
            step = life.during(Signal.BREACH if is_bad else Signal.CLEAR, now, now, 1)
            if step is not None:
                yield self._event_of(own, key, step, value, cause)
            if life.inactive:
                del self._lives[key]

    def _event_of(
        self, own: OwnRule, key: tuple[str, str | None], step: Step, value: float, cause: str
    ) -> AlertEvent:
        if step.kind is StepKind.TRIGGERED:
            limit = own.rule.threshold
            incident, event = begun(own.rule, key[1], step, value, threshold=limit, cause=cause)
            self._open[key] = incident
            self._begun[own.rule.name] += 1
            return event
        incident, event = over(own.rule, self._open.pop(key), step)
        self._recovered.appendleft(incident)
        return event


def open_own_incidents(state: State) -> list[Incident]:
    """Return the incidents that saved state has open."""
    return [Incident(**incident) for incident in state["open"]]
