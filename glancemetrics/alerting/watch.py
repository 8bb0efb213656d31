"""`Watch`: evaluates one rule and keeps the incidents of each of its groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.alerting.counting import RuleCounts, Stream, ungrouped
from glancemetrics.alerting.incident_events import begun, over
from glancemetrics.alerting.judge import STRETCH, Judge, Judged
from glancemetrics.incidents.alert_events import AlertEvent
from glancemetrics.incidents.incident import Incident
from glancemetrics.incidents.lifecycle import Lifecycle, Signal, Step, StepKind
from glancemetrics.rules.conditions import Change, Threshold, Unseen
from glancemetrics.rules.metrics import Measure
from glancemetrics.rules.rule import Rule
from glancemetrics.state.tree import State

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Signals = npt.NDArray[np.int8]

MOST_GROUPS = 1000
"""Groups watched per rule; with more, those with the most traffic."""
_MOST_QUANTILE_GROUPS = 200
_FEW_GROUPS = 32
_NEW = -2
_NEW_NORMAL = 86_400
"""Seconds."""
_MOST_SEEN = 1_000_000
"""Remembered values, to recognize new ones."""
_TRACED = 5000
"""Points traced of values that stay the same."""
_CELLS = 1 << 20
"""Groups times slots evaluated at once."""


Trace = Callable[[Rule, Int64s, Float64s, Float64s, Float64s | None], None]
"""Receives a rule's values: times, and for each group and time the value, its limit, and how far
from the limit it may be if it may be on either side."""


class Watch:
    """Watches one rule. Its memory is bounded by the rule's windows and `MOST_GROUPS`."""

    def __init__(self, rule: Rule, trace: Trace | None = None) -> None:
        """`trace` receives all values."""
        self.rule = rule
        self._trace = trace
        self.stream = Stream(rule.where, rule.by)
        self._judge = Judge(rule)
        self.step = self._judge.step
        self.unread = ""
        """Which logs cannot be read at the moment, and why."""
        self.dropped = 0
        """Groups dropped because there were too many."""
        self._waiting: list[RuleCounts] = []
        """Counts of a slot that has not ended."""
        self._still = 0
        """Number of slots for which the windows have been empty."""
        self._pruned = 0
        """How many groups remained after the last pruning."""
        self._names: list[str] = [] if rule.by else [""]
        self._index = {name: number for number, name in enumerate(self._names)}
        self._first_slots: list[int] = [0] * len(self._names)
        """The first slot of each group."""
        self._most = _MOST_QUANTILE_GROUPS if rule.metric.quantile else MOST_GROUPS
        self._lives: dict[int, Lifecycle] = {}
        self._open: dict[int, Incident] = {}
        self._latest: dict[int, float] = {}
        """The newest value of each group with an open incident."""
        self._seen: set[str] = set()
        self._start: int | None = None
        """The slot in which watching began."""
        self._next: int | None = None
        """The next slot to evaluate."""

    @property
    def wanted(self) -> Iterator[tuple[Stream, Measure]]:
        """What must be counted for the rule."""
        for measure in self._judge.measures:
            yield self.stream, measure

    @property
    def firing(self) -> list[Incident]:
        """Open incidents."""
        return list(self._open.values())

    @property
    def latest(self) -> dict[str, float]:
        """The newest value of each open incident, by its id."""
        return {
            incident.id: self._latest[group]
            for group, incident in self._open.items()
            if group in self._latest
        }

    @property
    def closing(self) -> dict[str, int]:
        """When each open incident ends if nothing changes, by its id, where it would."""
        return {
            incident.id: ends_at
            for group, incident in self._open.items()
            if group in self._lives and (ends_at := self._lives[group].ends_at) is not None
        }

    @property
    def pending(self) -> list[tuple[str | None, int]]:
        """Groups whose breach is not an incident yet, and the second in which it began."""
        return [
            (self._names[number] if self.rule.by else None, life.pending_since)
            for number, life in self._lives.items()
            if life.pending_since is not None
        ]

    def begin(self, second: int) -> None:
        """Watch from a second on."""
        self._start = self._next = second // self.step

    def anew(self) -> Watch:
        """Return a watch without a past, except for what was learned."""
        other = Watch(self.rule, self._trace)
        other._seen, other.dropped = self._seen, self.dropped
        other._judge.baseline = self._judge.baseline
        return other

    def to_state(self) -> State:
        """Return the state for a restart."""
        return {
            "rule": self.rule.key,
            "start": self._start,
            "next": self._next,
            "still": self._still,
            "pruned": self._pruned,
            "dropped": self.dropped,
            "names": self._names,
            "born": self._first_slots,
            "lives": {str(group): life.to_json() for group, life in self._lives.items()},
            "open": {str(group): attrs.asdict(one) for group, one in self._open.items()},
            "latest": {str(group): value for group, value in self._latest.items()},
            "seen": list(self._seen),
            "waiting": [counts.to_state() for counts in self._waiting],
            "judge": self._judge.to_state(),
        }

    def restore(self, state: State) -> None:
        """Resume from the state of the same rule. Raises `ValueError`, `KeyError`."""
        self._judge.restore(state["judge"])
        self._judge.resize(len(state["names"]))
        self._start, self._next = state["start"], state["next"]
        self._still, self._pruned, self.dropped = state["still"], state["pruned"], state["dropped"]
        self._names, self._first_slots = state["names"], state["born"]
        self._index = {name: number for number, name in enumerate(self._names)}
        self._lives = {
            int(group): Lifecycle.from_json(self.rule.timing, life)
            for group, life in state["lives"].items()
        }
        self._open = {int(group): Incident(**one) for group, one in state["open"].items()}
        latest = state.get("latest", {})  # not in states of before there was such a thing
        self._latest = {int(group): value for group, value in latest.items()}
        self._seen = set(state["seen"])
        self._waiting = [RuleCounts.from_state(counts) for counts in state["waiting"]]

    @property
    def is_settled(self) -> bool:
        """Whether nothing changes until there is a record."""
        assert self._next is not None
        return self._is_quiet(self._next) and self._still >= self._judge.remembers

    def close(self, end: int, counts: list[RuleCounts]) -> Iterator[AlertEvent]:
        """Add counts, and evaluate all slots that end before the second `end`.

        No count may be of a later second. If there are counts, `end` is at most `STRETCH` seconds
        after the last one.
        """
        assert self._next is not None
        upto = end // self.step
        self._waiting += counts
        if upto <= self._next:
            return
        self._add(self._waiting)
        self._waiting = []
        while self._next < upto:
            cells = max(1, _CELLS // max(1, len(self._names)))
            count, repeated = min(STRETCH, cells, upto - self._next), 1
            if not self._is_quiet(self._next):
                self._still = 0
            elif self._still >= self._judge.remembers:
                # No value changes until there is a record.
                self._judge.forget_usual()
                count, repeated = 1, upto - self._next
            else:
                self._still += count
            judged = self._judged(self._next, count)
            self._trace_values(self._next, judged, repeated)
            yield from self._events(self._next, judged, repeated)
            self._next += count * repeated
        self._prune()

    def _add(self, counts: list[RuleCounts]) -> None:
        for part in counts if self.rule.by else ungrouped(counts):
            if part.measure not in self._judge.measures or not len(part.seconds):
                continue
            slots = part.seconds // self.step
            groups = self._numbers(part, slots)
            kept = groups >= 0
            self._judge.add(
                part.measure, slots[kept], groups[kept], part.keys[kept], part.counts[kept]
            )

    def _numbers(self, part: RuleCounts, slots: Int64s) -> Int64s:
        """Return the group number of each row, -1 for groups that are not watched."""
        if self.rule.by is None:
            return np.zeros(len(slots), np.int64)
        names: Sequence[str | None] = part.names
        if isinstance(self.rule.condition, Unseen):
            names = self._unseen(part, slots)
        numbers = np.array(
            [-1 if name is None else self._index.get(name, _NEW) for name in names], np.int64
        )
        if (numbers == _NEW).any():
            self._add_groups(part, names, slots)
            numbers = np.array(
                [-1 if name is None else self._index.get(name, -1) for name in names], np.int64
            )
        return numbers[part.groups]

    def _add_groups(self, part: RuleCounts, names: Sequence[str | None], slots: Int64s) -> None:
        """Watch new groups; if there are too many then, drop some."""
        firsts = np.full(len(names), np.iinfo(np.int64).max)
        np.minimum.at(firsts, part.groups, slots)
        for name, first in zip(names, firsts.tolist(), strict=True):
            if name is not None and name not in self._index:
                self._index[name] = len(self._names)
                self._names.append(name)
                self._first_slots.append(first)
        self._judge.resize(len(self._names))
        if len(self._names) > 2 * self._most:
            self._drop_groups(part)

    def _unseen(self, part: RuleCounts, slots: Int64s) -> list[str | None]:
        """Return the names not seen before, others as `None`."""
        assert isinstance(self.rule.condition, Unseen)
        assert self._start is not None
        ready = self._start + self.rule.condition.warm_up // self.step
        firsts = np.full(len(part.names), np.iinfo(np.int64).max)
        np.minimum.at(firsts, part.groups, slots)
        names: list[str | None] = []
        for name, first in zip(part.names, firsts.tolist(), strict=True):
            known = name in self._seen
            if not known and len(self._seen) < _MOST_SEEN:
                self._seen.add(name)
            names.append(name if name in self._index or (not known and first >= ready) else None)
        return names

    def _drop_groups(self, part: RuleCounts) -> None:
        """Keep the groups with incidents, and the ones with the most traffic."""
        weights = self._judge.weights()
        added = np.zeros(len(part.names))
        np.add.at(added, part.groups, part.counts)
        for name, count in zip(part.names, added.tolist(), strict=True):
            if name in self._index:
                weights[self._index[name]] += count
        weights[list(self._lives)] = np.inf
        order = np.sort(np.argsort(-weights, kind="stable")[: self._most])
        self.dropped += int(np.count_nonzero(np.delete(weights, order)))
        self._keep(order)

    def _keep(self, order: Int64s) -> None:
        """Drop all groups except these, which are renumbered in this order."""
        moved = {int(old): new for new, old in enumerate(order.tolist())}
        self._names = [self._names[old] for old in order.tolist()]
        self._first_slots = [self._first_slots[old] for old in order.tolist()]
        self._index = {name: number for number, name in enumerate(self._names)}
        self._lives = {moved[old]: life for old, life in self._lives.items()}
        self._open = {moved[old]: incident for old, incident in self._open.items()}
        self._latest = {moved[old]: value for old, value in self._latest.items() if old in moved}
        self._judge.keep(order)

    def _trace_values(self, first: int, judged: Judged, repeated: int) -> None:
        """Pass the values to the trace; of repeated values, some."""
        if self._trace is None or not self._names:
            return
        count = judged.values.shape[1]
        slots = np.arange(first, first + count * repeated, max(1, repeated // _TRACED))
        shape = (len(judged.values), len(slots))
        values, limits = judged.values, judged.limits
        if repeated > 1:
            values, limits = np.broadcast_to(values, shape), np.broadcast_to(limits, shape)
        self._trace(self.rule, (slots + 1) * self.step, values, limits, judged.band)

    @property
    def _forgets_idle(self) -> bool:
        """Whether an empty group is the same as one that never existed."""
        condition = self.rule.condition
        return isinstance(condition, Threshold) and condition.is_above

    def _prune(self) -> None:
        """Forget empty groups, where being empty cannot be a breach."""
        few = 2 * max(_FEW_GROUPS, self._pruned)
        if not self._forgets_idle or len(self._names) < few:
            return
        assert self._next is not None
        idle = self._judge.idle_groups(self._next)
        idle[list(self._lives)] = False
        self._keep(np.flatnonzero(~idle[: len(self._names)]))
        self._pruned = len(self._names)

    def _is_quiet(self, slot: int) -> bool:
        assert self._start is not None
        return slot - self._start >= self._judge.width and self._judge.is_quiet(slot)

    def _judged(self, first: int, count: int) -> Judged:
        def young() -> Bools:
            assert self._start is not None
            born = np.maximum(np.array(self._first_slots or [0], np.int64), self._start)
            slots = np.arange(first, first + count)
            is_young: Bools = slots[None, :] - born[:, None] + 1 < self._judge.width
            return is_young

        return self._judge.judge(first, count, young)

    def _events(self, first: int, judged: Judged, repeated: int) -> Iterator[AlertEvent]:
        active = (judged.signals == Signal.BREACH).any(axis=1)
        active[[group for group, life in self._lives.items() if group < len(active)]] = True
        for group in np.flatnonzero(active).tolist():
            if group < len(self._names):
                yield from self._group_events(group, first, judged, repeated)
        newest = {group: float(judged.values[group, -1]) for group in self._open}
        self._latest = {group: value for group, value in newest.items() if not math.isnan(value)}

    def _group_events(
        self, group: int, first: int, judged: Judged, repeated: int
    ) -> Iterator[AlertEvent]:
        life = self._lives.get(group)
        if life is None:
            life = self._lives[group] = Lifecycle(self.rule.timing)
        signals = self._signals(group, first, judged)
        size = len(signals)
        at, last = self._time(first), self._time(first + size * repeated - 1)
        while at <= last:
            # A repetition is a single slot.
            slot = min(at // self.step - 1 - first, size - 1)
            others = np.flatnonzero(signals[slot:] != signals[slot])
            until = self._time(first + slot + int(others[0]) - 1) if len(others) else last
            step = life.during(Signal(int(signals[slot])), at, until, self.step)
            upto = until if step is None else step.time
            yield from self._step_events(group, at, upto, first, judged, step)
            if step is not None:
                signals = self._signals(group, first, judged)
            at = upto + self.step
        if life.idle(last + self.step):
            del self._lives[group]

    def _signals(self, group: int, first: int, judged: Judged) -> Signals:
        """Return a group's signals; an open change is compared with the value before the incident.

        Otherwise an outage would end as soon as the comparison reaches into it. What lasts a day is
        the new normal.
        """
        signals: Signals = judged.signals[group]
        incident = self._open.get(group)
        condition = self.rule.condition
        if incident is None or not isinstance(condition, Change):
            return signals
        values = judged.values[group]
        past = incident.threshold / condition.factor.limit
        held = condition.factor.signals(values, past)
        held[np.isnan(values)] = Signal.NO_DATA
        times = (np.arange(first, first + len(values)) + 1) * self.step
        until = incident.triggered_at + _NEW_NORMAL
        return held if times[-1] < until else np.where(times < until, held, signals).astype(np.int8)

    def _time(self, slot: int) -> int:
        """The end of a slot, in seconds since the epoch."""
        return (slot + 1) * self.step

    def _step_events(
        self, group: int, at: int, upto: int, first: int, judged: Judged, step: Step | None
    ) -> Iterator[AlertEvent]:
        """Update an incident's worst value, and return the event of a step if there is one."""
        size = judged.values.shape[1]
        begin, end = (min(time // self.step - 1 - first, size - 1) for time in (at, upto))
        incident = self._open.get(group)
        if incident is not None:
            worst = self._worst(judged.values[group, begin : end + 1], incident.peak)
            if worst != incident.peak:
                incident = self._open[group] = attrs.evolve(incident, peak=worst)
        if step is None:
            return
        if step.kind in {StepKind.TRIGGERED, StepKind.FLAPPING}:
            yield self._trigger(group, step, judged, end)
            return
        assert incident is not None
        del self._open[group]
        _, event = over(self.rule, incident, step)
        yield event

    def _worst(self, values: Float64s, so_far: float) -> float:
        known = values[~np.isnan(values)]
        if not len(known):
            return so_far
        condition = self.rule.condition
        if isinstance(condition, Change):
            condition = condition.factor
        below = isinstance(condition, Threshold) and not condition.is_above
        return min(so_far, float(known.min())) if below else max(so_far, float(known.max()))

    def _trigger(self, group: int, step: Step, judged: Judged, at: int) -> AlertEvent:
        incident, event = begun(
            self.rule,
            self._names[group] if self.rule.by is not None else None,
            step,
            float(judged.values[group, at]),
            threshold=float(judged.limits[group, at]),
            hits=int(judged.hits[group, at]),
            cause=self.unread if self.rule.is_of_little else "",
        )
        self._open[group] = incident
        return event
