"""A rule's metric over time, made of measures of the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from glancemetrics.errors import UsageError
from glancemetrics.history.measures import measure_called
from glancemetrics.rules.metrics import Metric

_PLAIN = ("hits", "rate", "errors", "error_ratio", "bytes", "visitors")


def measures_of(metric: Metric) -> tuple[str, ...]:
    """Return the measures of the history that a metric is made of; none: it has no chart."""
    name = metric.name
    if name in _PLAIN:
        return (name,)
    if name == "bytes_rate":
        return ("bytes",)
    for kind, others in (("status", ()), ("status_ratio", ("hits",))):
        if name.startswith(f"{kind}(") and name.endswith("xx)"):
            return (name[len(kind) + 1 : -1], *others)
    if metric.quantile and not name.startswith("upstream"):
        try:
            return (measure_called(name).name,)
        except UsageError:
            return ()
    return ()


def metric_values(
    metric: Metric,
    known: Mapping[str, Sequence[float | None]],
    measures: Sequence[str],
    seconds: int,
) -> Sequence[float | None]:
    """Return a metric's values, made of its measures in spans of so many seconds."""
    values = known[measures[0]]
    if metric.name == "bytes_rate":
        return [None if one is None else one / seconds for one in values]
    if len(measures) > 1:
        return [
            None if part is None or not whole else part / whole
            for part, whole in zip(values, known[measures[1]], strict=True)
        ]
    return values
