"""A slow and obvious window, row by row, to hold the fast one against."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from glancemetrics.records.dimensions import MALFORMED, Dimension
from glancemetrics.records.schema import LogRecord


def section(record: LogRecord) -> str:
    if record.path is None:
        return MALFORMED
    parts = record.path.split("/")
    return "/" + parts[1] if record.path.startswith("/") else parts[0]


NAME: dict[Dimension, Callable[[LogRecord], str | None]] = {
    Dimension.SECTION: section,
    Dimension.PATH: lambda r: MALFORMED if r.path is None else r.path,
    Dimension.HOST: lambda r: r.host,
    Dimension.USER: lambda r: r.user,
    Dimension.STATUS: lambda r: None if r.status is None else f"{r.status:03}",
    Dimension.METHOD: lambda r: r.method,
    Dimension.REFERRER: lambda r: r.referrer,
    Dimension.AGENT: lambda r: r.agent,
}


def second_of(record: LogRecord) -> int:
    return int(record.time.timestamp())


def failed(record: LogRecord) -> bool:
    return record.status is not None and 400 <= record.status < 600


def tops(records: Iterable[LogRecord]) -> dict[Dimension, dict[str, tuple[int, int, int]]]:
    """Hits, bytes and errors of each value of each dimension."""
    counts: dict[Dimension, dict[str, list[int]]] = {
        dimension: defaultdict(lambda: [0, 0, 0]) for dimension in Dimension
    }
    for record in records:
        for dimension, name_of in NAME.items():
            name = name_of(record)
            if name is not None:
                row = counts[dimension][name]
                row[0] += 1
                row[1] += record.bytes or 0
                row[2] += failed(record)
    return {d: {k: (v[0], v[1], v[2]) for k, v in rows.items()} for d, rows in counts.items()}


def classes(records: Iterable[LogRecord]) -> dict[str, int]:
    counted = Counter(
        f"{r.status // 100}xx" if r.status and 100 <= r.status < 600 else "other" for r in records
    )
    return {name: counted[name] for name in ("1xx", "2xx", "3xx", "4xx", "5xx", "other")}
