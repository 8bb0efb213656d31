"""Metrics in the text formats that Prometheus scrapes.

Formats: OpenMetrics 1.0, and Prometheus' "Text-based format" 0.0.4 for everyone who does not ask
for the former.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from glancemetrics.exposition.families import FAMILIES, Family, Kind, Observed, Point
from glancemetrics.traffic.totals import DURATION_BOUNDS, DurationTotals
from glancemetrics.words.accepted import accepted_in

_OPENMETRICS = "application/openmetrics-text; version=1.0.0"
_BOUNDS = [*(repr(bound) for bound in DURATION_BOUNDS), "+Inf"]


def exposition(observed: Observed, accept: str = "") -> tuple[bytes, str]:
    """Return the metrics as the body of an answer, and its `Content-Type`.

    `accept` is the request's `Accept` header, empty if it has none. Before the first snapshot there
    are only the version and the start time.
    """
    # Nothing of a request but this choice gets into the answer.
    encode, content_type = choose_encoder(_OPENMETRICS if _prefers_openmetrics(accept) else "")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(observed))
    return encode(registry), content_type


def _prefers_openmetrics(accept: str) -> bool:
    """Tell whether an `Accept` header asks for OpenMetrics 1.0 (RFC 9110, section 12.5.1)."""
    openmetrics = text = 0.0
    for one in accepted_in(accept):
        version = one.parameters.get("version", "1.0.0")
        if one.name == "application/openmetrics-text" and version == "1.0.0":
            openmetrics = max(openmetrics, one.quality)
        elif one.name == "text/plain":
            text = max(text, one.quality)
    return openmetrics > 0 and openmetrics >= text


class _Collector(Collector):
    def __init__(self, observed: Observed) -> None:
        self._observed = observed

    def collect(self) -> Iterable[Metric]:
        for family in FAMILIES:
            points = family.points(self._observed)
            if points:
                yield _metric(family, points)

    def describe(self) -> Iterable[Metric]:
        return ()


def _metric(family: Family, points: Iterable[Point]) -> Metric:
    match family.kind:
        case Kind.COUNTER:
            counter = CounterMetricFamily(
                family.name, family.help, labels=family.labels, unit=family.unit
            )
            for point in points:
                counter.add_metric(point.labels, _number(point))
            return counter
        case Kind.GAUGE:
            gauge = GaugeMetricFamily(
                family.name, family.help, labels=family.labels, unit=family.unit
            )
            for point in points:
                gauge.add_metric(point.labels, _number(point))
            return gauge
        case Kind.HISTOGRAM:
            histogram = HistogramMetricFamily(
                family.name, family.help, labels=family.labels, unit=family.unit
            )
            for point in points:
                assert isinstance(point.value, DurationTotals)
                buckets = list(zip(_BOUNDS, _cumulative(point.value.counts), strict=True))
                histogram.add_metric(point.labels, buckets, point.value.seconds)
            return histogram
        case Kind.INFO:
            info = InfoMetricFamily(family.name, family.help)
            for point in points:
                info.add_metric([], dict(zip(family.labels, point.labels, strict=True)))
            return info


def _cumulative(counts: Iterable[int]) -> Iterable[float]:
    total = 0
    for count in counts:
        total += count
        yield total


def _number(point: Point) -> float:
    assert not isinstance(point.value, DurationTotals)
    return point.value
