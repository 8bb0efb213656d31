"""A slow and obvious window, row by row, to hold the fast one against."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from glancemetrics.records.dimensions import DIMENSIONS, MALFORMED, Dimension
from glancemetrics.records.schema import LogRecord
from glancemetrics.records.user_agents import classify


def section(record: LogRecord) -> str:
    if record.path is None:
        return MALFORMED
    parts = record.path.split("/")
    return "/" + parts[1] if record.path.startswith("/") else parts[0]


def route(record: LogRecord) -> str:
    if record.path is None:
        return MALFORMED
    return "/".join(
        "{id}" if is_id(part, i) else part for i, part in enumerate(record.path.split("/"))
    )


def is_id(segment: str, position: int) -> bool:
    if not position or not segment.isascii():
        return False
    is_uuid = [len(part) for part in segment.split("-")] == [8, 4, 4, 4, 12]
    if segment.isdecimal() or (is_uuid and set(segment) <= set("0123456789abcdefABCDEF-")):
        return True
    is_hex = set(segment) <= set("0123456789abcdef") or set(segment) <= set("0123456789ABCDEF")
    return is_hex and 16 <= len(segment) <= 128


def network(record: LogRecord) -> str | None:
    try:
        address = ip_address(record.host or "")
    except ValueError:
        return None
    prefix = 24 if address.version == 4 else 48
    return str(ip_network(f"{address}/{prefix}", strict=False))


def site(record: LogRecord) -> str | None:
    if record.referrer is None or not re.match(r"(?i)[a-z][a-z0-9+.\-]*://", record.referrer):
        return None
    netloc = urlsplit(record.referrer).netloc.rpartition("@")[2].lower()
    return re.sub(r":(80|443)$", "", netloc) or None


def status_class(record: LogRecord) -> str | None:
    if record.status is None:
        return None
    return f"{record.status // 100}xx" if 100 <= record.status < 600 else "other"


def of_people(name: str) -> Callable[[LogRecord], str | None]:
    def name_of(record: LogRecord) -> str | None:
        if record.agent is None:
            return None
        (agent,) = classify([record.agent])
        return None if agent.bot is not None else str(getattr(agent, name))

    return name_of


NAMES: dict[str, Callable[[LogRecord], str | None]] = {
    "section": section,
    "path": lambda r: MALFORMED if r.path is None else r.path,
    "route": route,
    "host": lambda r: r.host,
    "network": network,
    "user": lambda r: r.user,
    "vhost": lambda r: r.vhost,
    "status": lambda r: None if r.status is None else f"{r.status:03}",
    "class": status_class,
    "method": lambda r: r.method,
    "protocol": lambda r: r.protocol,
    "referrer": lambda r: r.referrer,
    "referring_site": site,
    "agent": lambda r: r.agent,
    "browser": of_people("browser"),
    "os": of_people("system"),
    "device": of_people("device"),
    "bot": lambda r: None if r.agent is None else classify([r.agent])[0].bot,
}
"""Of each dimension that a record of the schema tells."""


def second_of(record: LogRecord) -> int:
    return int(record.time.timestamp())


def failed(record: LogRecord) -> bool:
    return record.status is not None and 400 <= record.status < 600


def tops(records: Iterable[LogRecord]) -> dict[Dimension, dict[str, tuple[int, int, int]]]:
    """Hits, bytes and errors of each value of each dimension."""
    counts: dict[Dimension, dict[str, list[int]]] = {
        dimension: defaultdict(lambda: [0, 0, 0])
        for dimension in DIMENSIONS
        if dimension.is_live and dimension.name in NAMES
    }
    for record in records:
        for dimension in counts:
            name = NAMES[dimension.name](record)
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
