"""`Judge`: evaluates one rule for slots of time, group by group."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.alerting.baseline import Baseline
from glancemetrics.alerting.measuring import (
    DistinctValues,
    History,
    Measuring,
    Quantiles,
    Sums,
)
from glancemetrics.incidents.lifecycle import Signal
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
from glancemetrics.state.tree import State

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Signals = npt.NDArray[np.int8]

_SILENT_SEASONS = 30
"""Seasons without a single request after which the usual values are learned again."""

STRETCH = 512
"""Slots evaluated at once."""
_WINDOW_SLOTS = 60
"""A window has at least this many slots, if it has as many seconds."""
_SHORT_WINDOWS = 5
"""This many short windows of a burn rate have at least that many slots."""
_MOST_SLOTS = 20_000
"""The most slots a rule may look back."""
_RESOLUTIONS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
"""Slot lengths in seconds."""


@attrs.frozen(eq=False)
class Judged:
    """The result of a rule by group and slot."""

    signals: Signals
    values: Float64s
    limits: Float64s
    hits: Float64s
    band: Float64s | None = None
    """How far from the limit a value may be in either direction."""


class Judge:
    """Judges one rule. The caller numbers the groups."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        hits = [HITS] if self._counts_hits else []
        self.measures = tuple(dict.fromkeys([*hits, rule.metric.measure]))
        """What must be counted for the rule."""
        self.step = resolution_of(rule)
        """Seconds per slot."""
        self.width = self._slots(rule.window_seconds)
        """Slots per window."""
        slots = self.width + 2 * STRETCH
        self._hits = Sums(self.width, slots)
        self._metric = self._measuring(self.width, slots)
        self._history = None
        if isinstance(rule.condition, Change):
            self._history = History(self._slots(max(rule.condition.before)) + 1)
        self.baseline = None
        if isinstance(rule.condition, Anomaly):
            self.baseline = Baseline(rule.condition.season)

    @property
    def remembers(self) -> int:
        """Empty slots after which no value changes until there is a record."""
        condition = self._rule.condition
        if isinstance(condition, Anomaly):
            return _SILENT_SEASONS * condition.season // self.step
        return 0 if self._history is None else self._history.size

    def to_state(self) -> State:
        """Return its state."""
        return {
            "step": self.step,
            "measurings": [measuring.to_state() for measuring in self._measurings],
            "history": None if self._history is None else self._history.to_state(),
            "baseline": None if self.baseline is None else self.baseline.to_state(),
        }

    def restore(self, state: State) -> None:
        """Take over the state of a judge of the same rule. Raises `ValueError` for another rule."""
        if state["step"] != self.step:
            raise ValueError("slots of another length")
        for measuring, held in zip(self._measurings, state["measurings"], strict=True):
            measuring.restore(held)
        if self._history is not None:
            self._history.restore(state["history"])
        if self.baseline is not None:
            self.baseline.restore(state["baseline"])

    def add(
        self, measure: Measure, slots: Int64s, groups: Int64s, keys: Int64s, counts: Int64s
    ) -> None:
        """Add counts of a measure."""
        if measure == HITS:
            self._hits.add(slots, groups, keys, counts)
        elif measure == self._rule.metric.measure:
            self._metric.add(slots, groups, keys, counts)

    def resize(self, groups: int) -> None:
        """Make room for this many groups."""
        for measuring in self._measurings:
            measuring.resize(max(1, groups))

    def keep(self, groups: Int64s) -> None:
        """Drop all groups except these, which are renumbered in this order."""
        for measuring in self._measurings:
            measuring.keep(groups)
        if self._history is not None:
            self._history.keep(groups)

    def weights(self) -> Float64s:
        """Return how much traffic each group has now."""
        return self._measurings[0].weights() + self._measurings[-1].weights()

    def idle_groups(self, slot: int) -> Bools:
        """Return which groups have nothing in the window that ends with a slot."""
        begin = slot - self.width + 1
        idle: Bools = np.logical_and.reduce([one.idle_groups(begin) for one in self._measurings])
        return idle

    def is_quiet(self, slot: int) -> bool:
        """Return whether the window that ends with a slot, and all later ones, are empty."""
        begin = slot - self.width + 1
        return all(one.is_empty(begin) for one in self._measurings)

    def forget_usual(self) -> None:
        """Forget the usual values after whole seasons without requests."""
        if isinstance(self._rule.condition, Anomaly):
            self.baseline = Baseline(self._rule.condition.season)

    def judge(self, first: int, count: int, young: Callable[[], Bools]) -> Judged:
        """Judge `count` slots from `first`. Every slot is judged once, in order.

        `young` returns for which groups and slots the window began before they were watched.
        """
        hits = self._hits.values(first, count)
        counted = hits if self._metric is self._hits else self._metric.values(first, count)
        values = self._scaled(counted, hits)
        limits = np.full(values.shape, self._rule.threshold)
        band = None
        condition = self._rule.condition
        match condition:
            case Threshold():
                signals = condition.signals(values)
                if not condition.is_above:
                    signals[young()] = Signal.NO_DATA
            case Change(factor, before):
                assert self._history is not None
                known = np.where(hits >= max(1, self._rule.min_hits), values, np.nan)
                pasts = self._history.before(known, [self._slots(ago) for ago in before])
                # Unknown as soon as one of them is unknown.
                past = np.maximum.reduce(pasts) if factor.is_above else np.minimum.reduce(pasts)
                limits = past * factor.limit
                signals = factor.signals(values, past)
                signals[np.isnan(past)] = Signal.NO_DATA
            case Absence():
                signals = np.where(values > 0, Signal.CLEAR, Signal.BREACH).astype(np.int8)
                signals[young()] = Signal.NO_DATA
            case Unseen():
                signals = np.where(hits > 0, Signal.BREACH, Signal.CLEAR).astype(np.int8)
            case BurnRate(factor, objective, short):
                values = values / (1 - objective)
                short_rates = self._short_ratio(first, count, short) / (1 - objective)
                over = (values > factor) & (short_rates > factor)
                signals = np.where(over, Signal.BREACH, Signal.CLEAR).astype(np.int8)
            case Anomaly(deviations):
                assert self.baseline is not None
                ends = np.arange(first + 1, first + 1 + count) * self.step
                usual, width = self.baseline.usual(ends, values[0], deviations)
                limits, band = usual[None, :], width[None, :]
                signals = np.where(
                    np.abs(values - limits) > width, Signal.BREACH, Signal.CLEAR
                ).astype(np.int8)
                signals[np.isnan(limits)] = Signal.NO_DATA
        unknown = np.isnan(values)
        if self._needs_hits:
            is_of_lines = self._rule.metric.per in {Per.ANY_LINE, Per.NOTHING_WITH_RECORDS}
            seen = hits + counted if is_of_lines else hits
            unknown |= seen < self._rule.min_hits
        signals[unknown] = Signal.NO_DATA
        return Judged(signals, values, limits, hits, band)

    @property
    def _counts_hits(self) -> bool:
        """Whether the number of requests matters besides the metric."""
        rule = self._rule
        return (
            rule.min_hits > 0
            or rule.metric.per in {Per.HIT, Per.ANY_LINE, Per.NOTHING_WITH_RECORDS}
            or not isinstance(rule.condition, Threshold)
            # A group exists once it has a request, whatever the metric is.
            or (rule.by is not None and not rule.condition.is_above)
            or (rule.message is not None and "{hits" in rule.message)
        )

    @property
    def _needs_hits(self) -> bool:
        """Whether windows with few requests are ignored; for some rules, few are the point."""
        condition = self._rule.condition
        if isinstance(condition, Change):
            return condition.factor.is_above
        return not isinstance(condition, Absence)

    def _scaled(self, values: Float64s, hits: Float64s) -> Float64s:
        match self._rule.metric.per:
            case Per.SECOND:
                return values / self._rule.window_seconds
            case Per.HIT:
                return _share(values, hits)
            case Per.ANY_LINE:
                return _share(values, values + hits)
            case Per.NOTHING_WITH_RECORDS:
                return values + hits
            case Per.NOTHING:
                return values

    def _short_ratio(self, first: int, count: int, window: int) -> Float64s:
        assert isinstance(self._metric, Sums)
        width = self._slots(window)
        hits = self._hits.values(first, count, width)
        bad = self._metric.values(first, count, width)
        return _share(bad, hits)

    def _slots(self, seconds: int) -> int:
        return max(1, round(seconds / self.step))

    def _measuring(self, width: int, slots: int) -> Measuring:
        metric = self._rule.metric
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


def _share(part: Float64s, whole: Float64s) -> Float64s:
    """Return shares; NaN where the whole is 0."""
    shares = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def resolution_of(rule: Rule) -> int:
    """Return the rule's resolution in seconds: the length of its slots."""
    if rule.is_exact:
        return 1
    window = rule.window_seconds
    if isinstance(rule.condition, BurnRate):
        window = rule.condition.short_window * _SHORT_WINDOWS
    fine = max((step for step in _RESOLUTIONS if step * _WINDOW_SLOTS <= window), default=1)
    least = reach_of(rule) / _MOST_SLOTS
    return next((step for step in _RESOLUTIONS if step >= max(fine, least)), _RESOLUTIONS[-1])
