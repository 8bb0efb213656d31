"""`Watch`: one rule over what was counted, and the incidents of each of its groups."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.alert_events import AlertEvent, AlertEventKind, iso_time
from glancemetrics.alerting.baseline import Baseline
from glancemetrics.alerting.counting import Counts, Stream, ungrouped
from glancemetrics.alerting.lifecycle import Lifecycle, Signal, Step, StepKind
from glancemetrics.alerting.measuring import (
    DistinctValues,
    History,
    Measuring,
    Quantiles,
    Sums,
)
from glancemetrics.incidents import Incident, incident_id
from glancemetrics.rules.conditions import (
    Absence,
    Anomaly,
    BurnRate,
    Change,
    Threshold,
    Unseen,
)
from glancemetrics.rules.metrics import HITS, Measure, MeasureKind, Per
from glancemetrics.rules.rule import Rule, reach_of

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Signals = npt.NDArray[np.int8]

MOST_GROUPS = 1000
"""Groups of one rule that are watched at a time; of more, those with the most hits."""
_MOST_QUANTILE_GROUPS = 200
_FEW_GROUPS = 32
_NEW = -2
_WINDOW_SLOTS = 60
"""At least so many slots are told apart in a window, where it has the seconds."""
_SHORT_WINDOWS = 5
"""So many short windows of a burn rate have as many."""
_MOST_SLOTS = 20_000
"""Of what a rule looks back to."""
_RESOLUTIONS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
"""Seconds."""
_MOST_REMEMBERED = 20_000
"""Values that are known after a restart."""
_NEW_NORMAL = 86_400
"""Seconds."""
_MOST_SEEN = 1_000_000
"""Values that are remembered to tell new ones."""
_TRACED = 5000
"""Values of what stays the same."""
_STRETCH = 512
"""Slots that are evaluated at once."""
_CELLS = 1 << 20
"""Groups times slots that are evaluated at once."""


Trace = Callable[[Rule, Int64s, Float64s, Float64s, Float64s | None], None]
"""Is told the values of a rule: times, and for each group and time the value, what it is held
against, and how far from that it may be, if it may be on both sides."""


@attrs.frozen(eq=False)
class _Evaluated:
    """What a rule says of some slots, by group and slot."""

    signals: Signals
    values: Float64s
    limits: Float64s
    hits: Float64s
    band: Float64s | None = None
    """How far from the limit a value may be, on both sides of it."""


class Watch:
    """Watches one rule. Its memory is bounded by the rule's windows and `MOST_GROUPS`."""

    def __init__(self, rule: Rule, trace: Trace | None = None) -> None:
        """`trace` is told all values."""
        self.rule = rule
        self._trace = trace
        self.stream = Stream(rule.where, rule.by)
        self.step = resolution_of(rule)
        self.dropped = 0
        """Groups that there were too many of."""
        width = self._slots(rule.window_seconds)
        slots = width + 2 * _STRETCH
        self._width = width
        self._hits = Sums(width, slots)
        self._metric = self._measuring(width, slots)
        self._history = None
        if isinstance(rule.condition, Change):
            self._history = History(self._slots(max(rule.condition.before)) + 1)
        self._baseline = None
        if isinstance(rule.condition, Anomaly):
            self._baseline = Baseline(rule.condition.season)
        self._resume: int | None = None
        """Up to this second another has judged."""
        self._waiting: list[Counts] = []
        """What was counted of a slot that has not ended."""
        self._still = 0
        """So many slots the windows have been empty."""
        self._pruned = 0
        """How many groups were left when some were forgotten the last time."""
        self._names: list[str] = [] if rule.by else [""]
        self._index = {name: number for number, name in enumerate(self._names)}
        self._born: list[int] = [0] * len(self._names)
        """Of each group, the slot in which it came first."""
        self._most = _MOST_QUANTILE_GROUPS if rule.metric.quantile else MOST_GROUPS
        self._lives: dict[int, Lifecycle] = {}
        self._open: dict[int, Incident] = {}
        self._seen: set[str] = set()
        self._start: int | None = None
        """The slot with which the watching began."""
        self._next: int | None = None
        """The slot that is evaluated next."""

    @property
    def _counts_hits(self) -> bool:
        """Whether it matters how many requests there are, beside what the metric is."""
        rule = self.rule
        return (
            rule.min_hits > 0
            or rule.metric.per in {Per.HIT, Per.LINE}
            or not isinstance(rule.condition, Threshold)
            # A group is there once it is asked for, whatever is measured.
            or (rule.by is not None and not rule.condition.is_above)
            or (rule.message is not None and "{hits" in rule.message)
        )

    @property
    def wanted(self) -> Iterator[tuple[Stream, Measure]]:
        """What must be counted for it."""
        if self._counts_hits or self.rule.metric.measure == HITS:
            yield self.stream, HITS
        if self.rule.metric.measure != HITS:
            yield self.stream, self.rule.metric.measure

    @property
    def firing(self) -> list[Incident]:
        """Incidents that are not over."""
        return list(self._open.values())

    def begin(self, second: int) -> None:
        """Watch from a second on."""
        self._start = self._next = second // self.step

    def to_json(self) -> dict[str, Any]:
        """Return what is to be known after a restart, beside what is counted anew."""
        return {
            "rule": fingerprint(self.rule),
            "start": None if self._start is None else self._start * self.step,
            "groups": [
                {
                    "name": self._names[group],
                    "life": life.to_json(),
                    "incident": attrs.asdict(self._open[group]) if group in self._open else None,
                }
                for group, life in self._lives.items()
            ],
            "seen": sorted(self._seen)[:_MOST_REMEMBERED],
            "baseline": None if self._baseline is None else self._baseline.to_json(),
        }

    def restore(self, state: Mapping[str, Any], begin: int, resume: int) -> None:
        """Go on where another stood at `resume`; count from `begin` on, to fill the windows."""
        self._next = begin // self.step
        self._start = self._next if state["start"] is None else state["start"] // self.step
        self._resume = resume
        self._seen = set(state["seen"])
        if self._baseline is not None and state["baseline"] is not None:
            self._baseline.restore(state["baseline"])
        for group in state["groups"]:
            if self.rule.by is not None:
                self._index[group["name"]] = len(self._names)
                self._names.append(group["name"])
                self._born.append(self._start)
            number = self._index[group["name"]]
            self._lives[number] = Lifecycle.from_json(self.rule.timing, group["life"])
            if group["incident"] is not None:
                self._open[number] = Incident(**group["incident"])
        for measuring in self._measurings:
            measuring.resize(max(1, len(self._names)))

    def close(self, end: int, counts: list[Counts]) -> Iterator[AlertEvent]:
        """Take in what was counted, and evaluate all that has ended before the second `end`.

        Nothing of what was counted may be of a later second; and if anything was, `end` is at most
        `_STRETCH` seconds after the one before.
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
            count, repeated = min(_STRETCH, cells, upto - self._next), 1
            if not self._is_quiet(self._next):
                self._still = 0
            elif self._history is None or self._still >= self._history.size:
                # No value changes any more until something comes.
                count, repeated = 1, upto - self._next
            else:
                self._still += count
            if self._resume is not None:
                # What has been judged is not judged again.
                left = self._resume // self.step - self._next
                if left > 0:
                    count = min(count, left)
                    self._evaluated(self._next, count)
                    self._next += min(left, count * repeated)
                    continue
                self._resume = None
            said = self._evaluated(self._next, count)
            self._tell(self._next, said, repeated)
            yield from self._happened(self._next, said, repeated)
            self._next += count * repeated
        self._prune()

    def _slots(self, seconds: int) -> int:
        return max(1, round(seconds / self.step))

    def _measuring(self, width: int, slots: int) -> Measuring:
        metric = self.rule.metric
        if metric.measure == HITS:
            return self._hits
        if metric.measure.kind is MeasureKind.DURATIONS:
            return Quantiles(metric.quantile, width)
        if metric.measure.kind is MeasureKind.DISTINCT:
            return DistinctValues(width, slots)
        return Sums(width, slots)

    @property
    def _measurings(self) -> list[Measuring]:
        return [self._hits] if self._metric is self._hits else [self._hits, self._metric]

    def _add(self, counts: list[Counts]) -> None:
        for part in counts if self.rule.by else ungrouped(counts):
            measurings = [
                measuring
                for measure, measuring in zip(
                    (HITS, self.rule.metric.measure), self._measurings, strict=False
                )
                if measure == part.measure
            ]
            if not measurings or not len(part.seconds):
                continue
            slots = part.seconds // self.step
            groups = self._numbers(part, slots)
            kept = groups >= 0
            for measuring in measurings:
                measuring.add(slots[kept], groups[kept], part.keys[kept], part.counts[kept])

    def _numbers(self, part: Counts, slots: Int64s) -> Int64s:
        """Return the number of each row's group, -1 for one that is not watched."""
        if self.rule.by is None:
            return np.zeros(len(slots), np.int64)
        names: Sequence[str | None] = part.names
        if isinstance(self.rule.condition, Unseen):
            names = self._unseen(part, slots)
        numbers = np.array(
            [-1 if name is None else self._index.get(name, _NEW) for name in names], np.int64
        )
        if (numbers == _NEW).any():
            self._enter(part, names, slots)
            numbers = np.array(
                [-1 if name is None else self._index.get(name, -1) for name in names], np.int64
            )
        return numbers[part.groups]

    def _enter(self, part: Counts, names: Sequence[str | None], slots: Int64s) -> None:
        """Watch groups that have not been; if they become too many, let some go."""
        firsts = np.full(len(names), np.iinfo(np.int64).max)
        np.minimum.at(firsts, part.groups, slots)
        for name, first in zip(names, firsts.tolist(), strict=True):
            if name is not None and name not in self._index:
                self._index[name] = len(self._names)
                self._names.append(name)
                self._born.append(first)
        for measuring in self._measurings:
            measuring.resize(max(1, len(self._names)))
        if len(self._names) > 2 * self._most:
            self._let_go(part)

    def _unseen(self, part: Counts, slots: Int64s) -> list[str | None]:
        """Return the names that have not been seen before, others as `None`."""
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

    def _let_go(self, part: Counts) -> None:
        """Keep the groups with incidents, and of the others those with the most."""
        weights = self._measurings[0].weights() + self._measurings[-1].weights()
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
        """Forget all groups but some, which are numbered anew in this order."""
        moved = {int(old): new for new, old in enumerate(order.tolist())}
        self._names = [self._names[old] for old in order.tolist()]
        self._born = [self._born[old] for old in order.tolist()]
        self._index = {name: number for number, name in enumerate(self._names)}
        self._lives = {moved[old]: life for old, life in self._lives.items()}
        self._open = {moved[old]: incident for old, incident in self._open.items()}
        for measuring in self._measurings:
            measuring.keep(order)
        if self._history is not None:
            self._history.keep(order)

    def _tell(self, first: int, said: _Evaluated, repeated: int) -> None:
        """Tell the values to whoever traces them; of what stays the same, some."""
        if self._trace is None or not self._names:
            return
        count = said.values.shape[1]
        slots = np.arange(first, first + count * repeated, max(1, repeated // _TRACED))
        shape = (len(said.values), len(slots))
        values, limits = said.values, said.limits
        if repeated > 1:
            values, limits = np.broadcast_to(values, shape), np.broadcast_to(limits, shape)
        self._trace(self.rule, (slots + 1) * self.step, values, limits, said.band)

    def _prune(self) -> None:
        """Forget groups of which there is nothing any more, if that cannot be a breach."""
        condition = self.rule.condition
        above = isinstance(condition, Threshold) and condition.is_above
        if not above or len(self._names) < 2 * max(_FEW_GROUPS, self._pruned):
            return
        assert self._next is not None
        begin = self._next - self._width + 1
        idle = np.logical_and.reduce([one.idle_groups(begin) for one in self._measurings])
        idle[list(self._lives)] = False
        self._keep(np.flatnonzero(~idle[: len(self._names)]))
        self._pruned = len(self._names)

    def _is_quiet(self, slot: int) -> bool:
        """Tell whether nothing changes any more until something comes."""
        assert self._start is not None
        if self._baseline is not None or slot - self._start < self._width:
            return False
        begin = slot - self._width + 1
        return all(measuring.is_empty(begin) for measuring in self._measurings)

    def _evaluated(self, first: int, count: int) -> _Evaluated:
        hits = self._hits.values(first, count)
        counted = hits if self._metric is self._hits else self._metric.values(first, count)
        values = self._scaled(counted, hits)
        limits = np.full(values.shape, self.rule.threshold)
        band = None
        condition = self.rule.condition
        match condition:
            case Threshold():
                signals = condition.signals(values)
                if not condition.is_above:
                    signals[self._young(first, count)] = Signal.NO_DATA
            case Change(factor, before):
                assert self._history is not None
                known = np.where(hits >= max(1, self.rule.min_hits), values, np.nan)
                pasts = self._history.before(known, [self._slots(ago) for ago in before])
                # Where one of them is not known, none is.
                past = np.maximum.reduce(pasts) if factor.is_above else np.minimum.reduce(pasts)
                limits = past * factor.limit
                signals = factor.signals(values, past)
                signals[np.isnan(past)] = Signal.NO_DATA
            case Absence():
                signals = np.where(hits > 0, Signal.CLEAR, Signal.BREACH).astype(np.int8)
                signals[self._young(first, count)] = Signal.NO_DATA
            case Unseen():
                signals = np.where(hits > 0, Signal.BREACH, Signal.CLEAR).astype(np.int8)
            case BurnRate(factor, objective, short):
                values = values / (1 - objective)
                short_rates = self._short_ratio(first, count, short) / (1 - objective)
                over = (values > factor) & (short_rates > factor)
                signals = np.where(over, Signal.BREACH, Signal.CLEAR).astype(np.int8)
            case Anomaly(deviations):
                assert self._baseline is not None
                ends = np.arange(first + 1, first + 1 + count) * self.step
                usual, width = self._baseline.usual(ends, values[0], deviations)
                limits, band = usual[None, :], width[None, :]
                signals = np.where(
                    np.abs(values - limits) > width, Signal.BREACH, Signal.CLEAR
                ).astype(np.int8)
                signals[np.isnan(limits)] = Signal.NO_DATA
        unknown = np.isnan(values)
        if self._needs_hits:
            seen = hits + counted if self.rule.metric.per is Per.LINE else hits
            unknown |= seen < self.rule.min_hits
        signals[unknown] = Signal.NO_DATA
        return _Evaluated(signals, values, limits, hits, band)

    @property
    def _needs_hits(self) -> bool:
        """Whether a window with few requests says nothing; that there are few may be the point."""
        condition = self.rule.condition
        if isinstance(condition, Change):
            return condition.factor.is_above
        return not isinstance(condition, Absence)

    def _scaled(self, values: Float64s, hits: Float64s) -> Float64s:
        match self.rule.metric.per:
            case Per.SECOND:
                return values / self.rule.window_seconds
            case Per.HIT:
                return _share(values, hits)
            case Per.LINE:
                return _share(values, values + hits)
            case Per.NOTHING:
                return values

    def _short_ratio(self, first: int, count: int, window: int) -> Float64s:
        assert isinstance(self._metric, Sums)
        width = self._slots(window)
        hits = self._hits.values(first, count, width)
        bad = self._metric.values(first, count, width)
        return _share(bad, hits)

    def _young(self, first: int, count: int) -> npt.NDArray[np.bool_]:
        """Tell of which groups and slots the window began before they were watched."""
        assert self._start is not None
        born = np.maximum(np.array(self._born or [0], np.int64), self._start)
        slots = np.arange(first, first + count)
        return slots[None, :] - born[:, None] + 1 < self._width

    def _happened(self, first: int, said: _Evaluated, repeated: int) -> Iterator[AlertEvent]:
        stirred = (said.signals == Signal.BREACH).any(axis=1)
        stirred[[group for group, life in self._lives.items() if group < len(stirred)]] = True
        for group in np.flatnonzero(stirred).tolist():
            if group < len(self._names):
                yield from self._lived(group, first, said, repeated)

    def _lived(
        self, group: int, first: int, said: _Evaluated, repeated: int
    ) -> Iterator[AlertEvent]:
        life = self._lives.get(group)
        if life is None:
            life = self._lives[group] = Lifecycle(self.rule.timing)
        signals = self._held(group, first, said)
        size = len(signals)
        at, last = self._time(first), self._time(first + size * repeated - 1)
        while at <= last:
            # What repeats is but one slot.
            slot = min(at // self.step - 1 - first, size - 1)
            others = np.flatnonzero(signals[slot:] != signals[slot])
            until = self._time(first + slot + int(others[0]) - 1) if len(others) else last
            step = life.during(Signal(int(signals[slot])), at, until, self.step)
            upto = until if step is None else step.time
            yield from self._followed(group, at, upto, first, said, step)
            if step is not None:
                signals = self._held(group, first, said)
            at = upto + self.step
        if life.idle(last + self.step):
            del self._lives[group]

    def _held(self, group: int, first: int, said: _Evaluated) -> Signals:
        """Return a group's signals; a change that is an incident is held against what was before.

        Else an outage would be over as soon as it was the past. What stays for a day is the new
        normal.
        """
        signals: Signals = said.signals[group]
        incident = self._open.get(group)
        condition = self.rule.condition
        if incident is None or not isinstance(condition, Change):
            return signals
        values = said.values[group]
        past = incident.threshold / condition.factor.limit
        held = condition.factor.signals(values, past)
        held[np.isnan(values)] = Signal.NO_DATA
        times = (np.arange(first, first + len(values)) + 1) * self.step
        until = incident.triggered_at + _NEW_NORMAL
        return held if times[-1] < until else np.where(times < until, held, signals).astype(np.int8)

    def _time(self, slot: int) -> int:
        """When a slot has ended: seconds since the epoch."""
        return (slot + 1) * self.step

    def _followed(
        self, group: int, at: int, upto: int, first: int, said: _Evaluated, step: Step | None
    ) -> Iterator[AlertEvent]:
        """Note the worst of an incident from one moment up to another, and what happened then."""
        size = said.values.shape[1]
        begin, end = (min(time // self.step - 1 - first, size - 1) for time in (at, upto))
        incident = self._open.get(group)
        if incident is not None:
            worst = self._worst(said.values[group, begin : end + 1], incident.peak)
            if worst != incident.peak:
                incident = self._open[group] = attrs.evolve(incident, peak=worst)
        if step is None:
            return
        if step.kind in {StepKind.TRIGGERED, StepKind.FLAPPING}:
            yield self._trigger(group, step, said, end)
            return
        assert incident is not None
        del self._open[group]
        over = attrs.evolve(incident, recovered_at=step.time, expired=step.kind is StepKind.EXPIRED)
        message = self.rule.recovered_message(over, iso_time(step.time))
        yield AlertEvent(AlertEventKind.RECOVERED, step.time, message, over)

    def _worst(self, values: Float64s, so_far: float) -> float:
        known = values[~np.isnan(values)]
        if not len(known):
            return so_far
        condition = self.rule.condition
        if isinstance(condition, Change):
            condition = condition.factor
        below = isinstance(condition, Threshold) and not condition.is_above
        return min(so_far, float(known.min())) if below else max(so_far, float(known.max()))

    def _trigger(self, group: int, step: Step, said: _Evaluated, at: int) -> AlertEvent:
        rule = self.rule
        name = self._names[group] if rule.by is not None else None
        value = float(said.values[group, at])
        incident = Incident(
            incident_id(rule.name, name, step.time),
            rule.name,
            float(said.limits[group, at]),
            rule.window_seconds,
            step.time,
            value,
            value,
            severity=rule.severity.value,
            by=rule.by,
            group=name,
            hits=int(said.hits[group, at]),
            flapping=step.kind is StepKind.FLAPPING,
        )
        self._open[group] = incident
        kind = AlertEventKind.FLAPPING if incident.flapping else AlertEventKind.TRIGGERED
        return AlertEvent(
            kind, step.time, rule.triggered_message(incident, iso_time(step.time)), incident
        )


def _share(part: Float64s, whole: Float64s) -> Float64s:
    """Return shares; NaN of nothing."""
    shares = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def fingerprint(rule: Rule) -> str:
    """Return what a rule is told by from what it was before it was changed."""
    plain = attrs.evolve(rule, triggered_words=None, recovered_words=None, worst_words=None)
    return hashlib.sha256(repr(plain).encode()).hexdigest()


def resolution_of(rule: Rule) -> int:
    """Return how many seconds a rule does not tell apart."""
    if rule.is_exact:
        return 1
    window = rule.window_seconds
    if isinstance(rule.condition, BurnRate):
        window = rule.condition.short_window * _SHORT_WINDOWS
    fine = max((step for step in _RESOLUTIONS if step * _WINDOW_SLOTS <= window), default=1)
    least = reach_of(rule) / _MOST_SLOTS
    return next((step for step in _RESOLUTIONS if step >= max(fine, least)), _RESOLUTIONS[-1])
