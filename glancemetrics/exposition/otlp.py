"""Metrics as OTLP messages: what is sent to a collector, and what its answer means.

Source: OpenTelemetry Protocol (OTLP) specification 1.x, and the metrics data model. All sums are
cumulative. Names are those for Prometheus without `_total`, which collectors add for Prometheus.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from glancemetrics.exposition.families import FAMILIES, Family, Kind, Observed, Point, since
from glancemetrics.traffic.totals import DURATION_BOUNDS, DurationTotals
from glancemetrics.version import __version__

_UNITS = {"seconds": "s", "bytes": "By", "": ""}
"""Units of UCUM, by those of families."""
_LARGEST = (1 << 63) - 1
"""Whole numbers above are sent as floating-point numbers."""
_NANOSECONDS = 1_000_000_000


def request_body(observed: Observed, resource: Mapping[str, str]) -> bytes:
    """Return the metrics as an encoded `ExportMetricsServiceRequest`.

    There must be a snapshot; its time is that of all values. `resource` is what produces them,
    such as `service.name`.
    """
    assert observed.snapshot is not None
    time = _nanoseconds(observed.snapshot.time)
    metrics = [
        _metric(family, points, time, _nanoseconds(since(family, observed)))
        for family in FAMILIES
        if (points := family.points(observed))
    ]
    scope = InstrumentationScope(name="glancemetrics", version=__version__)
    of_resource = ResourceMetrics(
        resource=Resource(attributes=_attributes(resource.items())),
        scope_metrics=[ScopeMetrics(scope=scope, metrics=metrics)],
    )
    request = ExportMetricsServiceRequest(resource_metrics=[of_resource])
    return request.SerializeToString()


@attrs.frozen
class Acceptance:
    """What a collector says about values that it accepted at least in part."""

    rejected: int = 0
    """Data points that it rejected; they must not be sent again."""
    message: str = ""
    """Why, or a warning."""


def acceptance(body: bytes) -> Acceptance:
    """Read the body of a successful answer (section "Partial Success").

    A body that is none says nothing: the status is success enough.
    """
    try:
        partial = ExportMetricsServiceResponse.FromString(body).partial_success
    except DecodeError:
        return Acceptance()
    return Acceptance(max(0, partial.rejected_data_points), partial.error_message)


def _metric(family: Family, points: Sequence[Point], time: int, start: int) -> Metric:
    metric = Metric(
        name=family.full_name if family.kind is Kind.INFO else family.name,
        description=family.help,
        unit=_UNITS[family.unit],
    )
    match family.kind:
        case Kind.HISTOGRAM:
            metric.histogram.CopyFrom(
                Histogram(
                    aggregation_temporality=AGGREGATION_TEMPORALITY_CUMULATIVE,
                    data_points=[_histogram_point(family, one, time, start) for one in points],
                )
            )
        case Kind.COUNTER:
            metric.sum.CopyFrom(
                Sum(
                    aggregation_temporality=AGGREGATION_TEMPORALITY_CUMULATIVE,
                    is_monotonic=True,
                    data_points=[_number_point(family, one, time, start) for one in points],
                )
            )
        case Kind.GAUGE | Kind.INFO:
            data_points = [_number_point(family, one, time) for one in points]
            metric.gauge.CopyFrom(Gauge(data_points=data_points))
    return metric


def _number_point(family: Family, point: Point, time: int, start: int = 0) -> NumberDataPoint:
    assert not isinstance(point.value, DurationTotals)
    made = NumberDataPoint(
        attributes=_attributes(zip(family.labels, point.labels, strict=True)),
        start_time_unix_nano=start,
        time_unix_nano=time,
    )
    if isinstance(point.value, int) and point.value <= _LARGEST:
        made.as_int = point.value
    else:
        made.as_double = point.value
    return made


def _histogram_point(family: Family, point: Point, time: int, start: int) -> HistogramDataPoint:
    assert isinstance(point.value, DurationTotals)
    return HistogramDataPoint(
        attributes=_attributes(zip(family.labels, point.labels, strict=True)),
        start_time_unix_nano=start,
        time_unix_nano=time,
        count=point.value.count,
        sum=point.value.seconds,
        bucket_counts=point.value.counts,
        explicit_bounds=DURATION_BOUNDS,
    )


def _attributes(pairs: Iterable[tuple[str, str]]) -> list[KeyValue]:
    return [KeyValue(key=name, value=AnyValue(string_value=value)) for name, value in pairs]


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1000) * (_NANOSECONDS // 1000)
