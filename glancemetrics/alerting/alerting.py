"""Alerting: rules evaluated for every closed second, in order, and the incidents they open."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import attrs
import numpy as np

from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.alerting.counting import RuleCounts, Stream
from glancemetrics.alerting.incident_events import GONE, ended
from glancemetrics.alerting.watch import Trace, Watch
from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.incidents.incident import Incident
from glancemetrics.rules.metrics import Measure
from glancemetrics.rules.rule import Rule
from glancemetrics.state.tree import State

_Value = TypeVar("_Value")

_EMPTY_STRETCH = 86_400
"""Seconds without a record that are evaluated at once before all rules have settled."""
_STRETCH = 512
"""Seconds of counts added before rules are evaluated: windows hold that much past their end."""


REMEMBERED = 200
"""Ended incidents that are remembered at least."""


@attrs.frozen
class Pending:
    """A breach that has not lasted long enough to be an incident."""

    rule: str
    group: str | None
    since: int
    """Second in which it began."""


@attrs.frozen
class Alerts:
    """The incidents shown."""

    firing: tuple[Incident, ...] = ()
    """Ongoing, the newest first."""
    recovered: tuple[Incident, ...] = ()
    """The last ones that ended, newest first: so many as are set (`--incident-limit`)."""
    past: tuple[Incident, ...] = ()
    """The last `REMEMBERED` ones that ended, newest first."""
    pending: tuple[Pending, ...] = ()
    """Breaches that may become incidents, the oldest first."""
    latest: Mapping[str, float] = attrs.field(factory=dict)
    """The newest value of ongoing incidents, by their id."""
    closing: Mapping[str, int] = attrs.field(factory=dict)
    """When ongoing incidents end that are no longer in breach, by their id, if nothing changes."""
    begun: Mapping[str, int] = attrs.field(factory=dict)
    """How many incidents have begun since the start, by rule; rules without one are left out."""

    @property
    def ended(self) -> tuple[Incident, ...]:
        """As many of those that ended as are known, newest first."""
        return self.past or self.recovered


class Alerting:
    """Evaluates rules over closed seconds. Holds only what their windows need.

    Results do not depend on how seconds are batched: the same counts give the same events.
    """

    def __init__(
        self, rules: Sequence[Rule], *, incident_limit: int = 3, trace: Trace | None = None
    ) -> None:
        """`incident_limit`: how many ended incidents `Alerts.recovered` has.

        `trace` receives all values.
        """
        self._limit = incident_limit
        self._watches = [Watch(rule, trace) for rule in rules]
        self._recovered: deque[Incident] = deque(maxlen=max(incident_limit, REMEMBERED))
        self._ahead: list[RuleCounts] = []
        """Counts for seconds that are not closed yet."""
        self._end: int | None = None
        self._begun: Counter[str] = Counter()
        """Incidents by rule."""

    @property
    def wanted(self) -> list[tuple[Stream, Measure]]:
        """What must be counted for the rules."""
        return list(dict.fromkeys(want for watch in self._watches for want in watch.wanted))

    @property
    def alerts(self) -> Alerts:
        firing = [incident for watch in self._watches for incident in watch.firing]
        past = tuple(self._recovered)
        pending = [
            Pending(watch.rule.name, group, since)
            for watch in self._watches
            for group, since in watch.pending
        ]
        return Alerts(
            tuple(sorted(firing, key=lambda i: i.triggered_at, reverse=True)),
            past[: self._limit],
            past,
            tuple(sorted(pending, key=lambda one: one.since)),
            _merged(watch.latest for watch in self._watches),
            _merged(watch.closing for watch in self._watches),
            dict(self._begun),
        )

    def to_state(self) -> State:
        """Return the state for a restart."""
        return {
            "end": self._end,
            "watches": {watch.rule.name: watch.to_state() for watch in self._watches},
            "recovered": [attrs.asdict(incident) for incident in self._recovered],
            "ahead": [counts.to_state() for counts in self._ahead],
            "begun": dict(self._begun),
        }

    def restore(self, state: State) -> list[AlertEvent]:
        """Resume from saved state exactly where it stopped.

        Changed rules start fresh. Returns the ends of incidents that changed
        and removed rules left open. Raises `ValueError`, `KeyError` or `TypeError`.
        """
        self._begun = begun_in(state)
        self._end = end = state["end"]
        if end is None:
            return []
        left = dict(state["watches"])
        for watch in self._watches:
            known = left.get(watch.rule.name)
            if known is not None and known["rule"] == watch.rule.key:
                watch.restore(left.pop(watch.rule.name))
            else:
                watch.begin(end)
        self._recovered.extend(Incident(**one) for one in state["recovered"])
        self._ahead = [RuleCounts.from_state(counts) for counts in state["ahead"]]
        return [ended(one, int(end), GONE) for one in open_incidents({"watches": left})]

    @property
    def dropped_groups(self) -> dict[str, int]:
        """By rule, how many groups were dropped because there were too many."""
        return {watch.rule.name: watch.dropped for watch in self._watches if watch.dropped}

    def begin_anew(self, why: str) -> list[AlertEvent]:
        """Start over without a past, as after the clock was set; return the ends of open incidents.

        `why` is part of their message. What was learned over seasons is kept.
        """
        end = self._end or 0
        over = [ended(incident, end, why) for incident in self.alerts.firing]
        self._watches = [watch.anew() for watch in self._watches]
        self._ahead, self._end = [], None
        self._recovered.extendleft(event.incident for event in over if event.incident)
        return over

    def close(self, closed: ClosedSeconds, unread: str = "") -> list[AlertEvent]:
        """Add counts, evaluate the seconds that are closed, and return what happened.

        `unread` names logs that cannot be read, and why: then silence is not the site's.
        """
        return [event for events in self.closing(closed, unread) for event in events]

    def closing(self, closed: ClosedSeconds, unread: str = "") -> Iterator[list[AlertEvent]]:
        """Do the same piece by piece, each in a few milliseconds; run it to its end."""
        for watch in self._watches:
            watch.unread = unread
        waiting = [*self._ahead, *closed.counts]
        if self._end is None:
            self._end = min([closed.end, *(int(counts.seconds[0]) for counts in waiting)])
            for watch in self._watches:
                watch.begin(self._end)
        while self._end < closed.end:
            cut = min(self._end + _STRETCH, closed.end)
            first = min((int(counts.seconds[0]) for counts in waiting), default=closed.end)
            if first >= cut:
                # Skips years without a record.
                settled = all(watch.is_settled for watch in self._watches)
                longest = closed.end if settled else self._end + _EMPTY_STRETCH
                cut = min(first, closed.end, longest)
            taken, waiting = _cut(waiting, cut)
            events = self._evaluated(cut, taken)
            self._end, self._ahead = cut, waiting
            for event in events:
                assert event.incident is not None
                if event.kind is AlertEventKind.RECOVERED:
                    self._recovered.appendleft(event.incident)
                else:
                    self._begun[event.incident.rule] += 1
            yield events
        self._ahead = waiting

    def _evaluated(self, end: int, counts: list[RuleCounts]) -> list[AlertEvent]:
        events: list[tuple[int, int, str, AlertEvent]] = []
        for order, watch in enumerate(self._watches):
            own = [part for part in counts if part.stream == watch.stream]
            for event in watch.close(end, own):
                assert event.incident is not None
                events.append((event.time, order, event.incident.group or "", event))
        # Sorted, so that the order of groups does not matter.
        return [event for *_, event in sorted(events, key=lambda entry: entry[:3])]


def open_incidents(state: State) -> list[Incident]:
    """Return the incidents that saved state has open."""
    return [
        Incident(**incident)
        for known in state["watches"].values()
        for incident in known["open"].values()
    ]


def begun_in(state: State) -> Counter[str]:
    """Return how many incidents of each rule had begun; none in the state of earlier versions."""
    return Counter({name: int(count) for name, count in state.get("begun", {}).items()})


def _merged(parts: Iterable[Mapping[str, _Value]]) -> dict[str, _Value]:
    return {name: value for part in parts for name, value in part.items()}


def _cut(waiting: list[RuleCounts], second: int) -> tuple[list[RuleCounts], list[RuleCounts]]:
    """Split counts into those before a second and the rest."""
    taken, left = [], []
    for counts in waiting:
        at = int(np.searchsorted(counts.seconds, second))
        if at:
            whole = at == len(counts.seconds) and counts.is_whole
            taken.append(counts if whole else counts.between(0, at))
        if at < len(counts.seconds):
            left.append(counts.rest(at))
    return taken, left
