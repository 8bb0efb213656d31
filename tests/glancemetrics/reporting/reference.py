"""A slow and obvious report, row by row in plain Python, to hold the fast one against."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import timedelta

from glancemetrics.records.dimensions import MALFORMED
from glancemetrics.records.schema import LogRecord
from glancemetrics.reporting.panels import STATIC_EXTENSIONS
from tests.glancemetrics.reference import failed, network, section, site, status_class

Key = Callable[[LogRecord], str | None]


def path(record: LogRecord) -> str:
    return MALFORMED if record.path is None else record.path


def static(record: LogRecord) -> str | None:
    name = path(record)
    return name if name.rpartition(".")[2].lower() in STATIC_EXTENSIONS and "." in name else None


def status_is(low: int, high: int) -> Key:
    def key(record: LogRecord) -> str | None:
        return path(record) if record.status is not None and low <= record.status < high else None

    return key


KEYS: dict[str, Key] = {
    "time": lambda r: f"{r.time:%Y-%m-%d %H:00}",
    "hours_of_day": lambda r: f"{r.time:%H}",
    "weekdays": lambda r: f"{r.time:%A}",
    "sections": section,
    "paths": path,
    "static_files": static,
    "not_found": status_is(404, 405),
    "server_errors": status_is(500, 600),
    "hosts": lambda r: r.host,
    "networks": network,
    "vhosts": lambda r: r.vhost,
    "users": lambda r: r.user,
    "methods": lambda r: r.method,
    "protocols": lambda r: r.protocol,
    "status": status_class,
    "referring_sites": site,
    "referrers": lambda r: r.referrer,
    "agents": lambda r: r.agent,
    "bandwidth": path,
}

Numbers = tuple[int, int, int, int]
"""Hits, visitors, bytes, errors."""


def visitor(record: LogRecord, zone: timedelta = timedelta()) -> tuple[object, ...]:
    return record.host, record.agent, (record.time + zone).date()


def counts(records: Iterable[LogRecord], key: Key) -> dict[str, Numbers]:
    """Count the records of each value."""
    rows: dict[str, list[LogRecord]] = defaultdict(list)
    for record in records:
        name = key(record)
        if name is not None:
            rows[name].append(record)
    return {
        name: (
            len(own),
            len({visitor(record) for record in own}),
            sum(record.bytes or 0 for record in own),
            sum(failed(record) for record in own),
        )
        for name, own in rows.items()
    }


def quantile(durations: list[float], share: float) -> float:
    """By nearest rank."""
    return sorted(durations)[max(1, math.ceil(share * len(durations))) - 1]
