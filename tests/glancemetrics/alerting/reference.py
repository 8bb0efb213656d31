"""Rules evaluated as plainly as can be: every second, over all records, by their definitions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import attrs

from glancemetrics.incidents.lifecycle import Signal, StepKind
from glancemetrics.rules.conditions import Absence, BurnRate, Change, Threshold, Unseen
from glancemetrics.rules.metrics import MeasureKind, Per
from glancemetrics.rules.rule import Rule
from tests.glancemetrics.alerting.lifecycle_model import Model


@attrs.frozen
class Request:
    """What matters of a record here."""

    second: int
    host: str = "192.0.2.1"
    path: str = "/"
    status: int = 200
    size: int = 0
    duration: float | None = None


Happened = tuple[int, str, str]
"""When, of which group, and what."""


def happenings(rule: Rule, requests: list[Request], start: int, end: int) -> list[Happened]:
    """What a rule says from the second `start` on until `end`."""
    groups = sorted({_group(rule, r) for r in requests}) if rule.by else [""]
    found: list[Happened] = []
    for group in groups:
        own = [r for r in requests if not rule.by or _group(rule, r) == group]
        if isinstance(rule.condition, Unseen):
            first = min(r.second for r in own)
            if first < start + rule.condition.warm_up:
                continue
        found += _of_group(rule, group, own, start, end)
    return sorted(found, key=lambda happened: happened[0])


def _of_group(
    rule: Rule, group: str, requests: list[Request], start: int, end: int
) -> Iterator[Happened]:
    born = max(start, min((r.second for r in requests), default=start)) if rule.by else start
    model = Model(rule.timing)
    held: tuple[float, int] | None = None
    for time in range(start + 1, end + 1):
        signal, past = _signal(rule, requests, time, start, born)
        if held is not None and isinstance(rule.condition, Change) and time < held[1] + 86_400:
            value = _value(rule, requests, time)
            signal = (
                Signal.NO_DATA if value is None else _against(rule.condition.factor, value, held[0])
            )
        step = model.at(time, signal)
        if step is not None:
            begun = step.kind in {StepKind.TRIGGERED, StepKind.FLAPPING}
            held = (past, time) if begun and past is not None else None
            yield time, group, step.kind.name


def _group(rule: Rule, request: Request) -> str:
    return request.host if rule.by == "host" else request.path


def _inside(requests: Iterable[Request], time: int, window: int) -> list[Request]:
    return [r for r in requests if time - window <= r.second < time]


def _value(
    rule: Rule, requests: list[Request], time: int, window: int | None = None
) -> float | None:
    window = window or rule.window_seconds
    inside = _inside(requests, time, window)
    measure = rule.metric.measure
    wanted = [
        r
        for r in inside
        if measure.statuses is None or measure.statuses[0] <= r.status <= measure.statuses[1]
    ]
    match measure.kind:
        case MeasureKind.BYTES:
            counted: float = sum(r.size for r in wanted)
        case MeasureKind.DISTINCT:
            counted = len({getattr(r, measure.column) for r in wanted})
        case MeasureKind.DURATIONS:
            durations = sorted(r.duration for r in wanted if r.duration is not None)
            if not durations:
                return None
            return durations[max(1, math.ceil(rule.metric.quantile * len(durations) - 1e-9)) - 1]
        case _:
            counted = len(wanted)
    match rule.metric.per:
        case Per.SECOND:
            return counted / window
        case Per.HIT:
            return counted / len(inside) if inside else None
        case _:
            return counted


def _against(threshold: Threshold, value: float, scale: float = 1) -> Signal:
    worse: Callable[[float, float], bool] = (
        (lambda a, b: a > b) if threshold.is_above else (lambda a, b: a < b)
    )
    recover = threshold.limit if threshold.recover is None else threshold.recover
    if worse(value, scale * threshold.limit):
        return Signal.BREACH
    return Signal.CLEAR if worse(scale * recover, value) else Signal.BETWEEN


def _signal(
    rule: Rule, requests: list[Request], time: int, start: int, born: int
) -> tuple[Signal, float | None]:
    """Return the signal, and of a change what the value is held against."""
    hits = len(_inside(requests, time, rule.window_seconds))
    value = _value(rule, requests, time)
    young = time - born < rule.window_seconds
    match rule.condition:
        case Absence():
            if young:
                return Signal.NO_DATA, None
            return (Signal.CLEAR if hits else Signal.BREACH), None
        case Unseen():
            return (Signal.BREACH if hits else Signal.CLEAR), None
        case BurnRate(factor, objective, short):
            if value is None or hits < rule.min_hits:
                return Signal.NO_DATA, None
            rates = [value, _value(rule, requests, time, short) or 0]
            over = all(rate / (1 - objective) > factor for rate in rates)
            return (Signal.BREACH if over else Signal.CLEAR), None
        case Change(factor, before):
            least = max(1, rule.min_hits)
            pasts = []
            for ago in before:
                past = _value(rule, requests, time - ago)
                known = time - ago > start
                enough = len(_inside(requests, time - ago, rule.window_seconds)) >= least
                pasts.append(past if known and enough else None)
            few = hits < rule.min_hits and factor.is_above
            if value is None or few or any(past is None for past in pasts):
                return Signal.NO_DATA, None
            past = (max if factor.is_above else min)(past for past in pasts if past is not None)
            return _against(factor, value, past), past
        case Threshold() as threshold:
            if value is None or hits < rule.min_hits or (young and not threshold.is_above):
                return Signal.NO_DATA, None
            return _against(threshold, value), None
    raise AssertionError
