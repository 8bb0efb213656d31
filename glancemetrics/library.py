"""What `import glancemetrics as gm` offers: `read`, `scan` and `report`.

With `cli`, the only module that joins what is computed to what runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from glancemetrics.formats.format_names import DEFAULT_FORMAT
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.notations import read_format
from glancemetrics.records import SCHEMA
from glancemetrics.reporting.memory_limit import DEFAULT_MEMORY
from glancemetrics.reporting.panel_names import PANEL_NAMES, Order
from glancemetrics.reporting.report import Report, Wishes
from glancemetrics.selection import Selection, make_selection
from glancemetrics.zones import named_zone

if TYPE_CHECKING:
    from actors.archive.logs import LogFile

Path = str | os.PathLike[str]
Logs = Path | Iterable[Path]
Instant = str | datetime | float
Addresses = str | Iterable[str]


def read(
    logs: Logs,
    *,
    format: str = DEFAULT_FORMAT,  # noqa: A002 - the flag's name
    since: Instant | None = None,
    until: Instant | None = None,
    where: str | None = None,
    exclude_ip: Addresses = (),
    bots: bool | None = None,
    anonymize_ip: bool = False,
) -> pa.Table:
    """Read logs into a table of `SCHEMA`, in the time order of their records.

    `logs` are paths, globs or directories, compressed or not, in a `format` that `--format` may
    name. `since` and `until` are times,
    dates, spans such as `2h` (ago), datetimes or seconds since the epoch; `where` is an SQL
    expression over the columns (needs `glancemetrics[sql]`); `bots` is true for nothing but
    bots, false for none. Raises `GlanceMetricsError` for what cannot be read, `UsageError` for
    what cannot be understood.
    """
    selection = _selection(since, until, where, exclude_ip, bots, anonymize_ip)
    batches = list(_scan(logs, format, selection))
    return pa.Table.from_batches(batches, SCHEMA).unify_dictionaries()


def scan(
    logs: Logs,
    *,
    format: str = DEFAULT_FORMAT,  # noqa: A002 - the flag's name
    since: Instant | None = None,
    until: Instant | None = None,
    where: str | None = None,
    exclude_ip: Addresses = (),
    bots: bool | None = None,
    anonymize_ip: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Yield what `read` reads, batch by batch and in constant memory."""
    selection = _selection(since, until, where, exclude_ip, bots, anonymize_ip)
    return _scan(logs, format, selection)


def report(
    logs: Logs | pa.Table | pa.RecordBatchReader,
    *,
    format: str = DEFAULT_FORMAT,  # noqa: A002 - the flag's name
    since: Instant | None = None,
    until: Instant | None = None,
    where: str | None = None,
    exclude_ip: Addresses = (),
    bots: bool | None = None,
    anonymize_ip: bool = False,
    top: int = 100,
    panels: Iterable[str] = PANEL_NAMES,
    sort: str = "hits",
    timezone: str = "UTC",
    max_memory: int = DEFAULT_MEMORY,
) -> Report:
    """Report on logs, or on records that were read before (a table of `SCHEMA`).

    `top` limits the rows of each panel, `sort` is one of `hits`, `visitors`, `bytes`, `errors`
    and `p95`. Past `max_memory` bytes numbers are estimated; `Report.estimated()` says which.
    """
    selection = _selection(since, until, where, exclude_ip, bots, anonymize_ip, timezone)
    wishes = Wishes(top, Order(sort), frozenset(panels), named_zone(timezone))
    if isinstance(logs, (pa.Table, pa.RecordBatchReader)):
        from actors.archive.reporting import report_on_batches

        batches = logs.to_batches() if isinstance(logs, pa.Table) else logs
        return report_on_batches(
            (_conforming(batch) for batch in batches),
            selection=selection,
            wishes=wishes,
            max_memory=max_memory,
        )
    from actors.archive.reporting import report_on

    log_format = read_format(format)
    return report_on(
        _found(logs, log_format),
        log_format=log_format,
        selection=selection,
        wishes=wishes,
        max_memory=max_memory,
    )


def _scan(logs: Logs, named: str, selection: Selection) -> Iterator[pa.RecordBatch]:
    from actors.archive.scan import scan_logs

    log_format = read_format(named)
    return scan_logs(_found(logs, log_format), selection, log_format=log_format)


def _found(logs: Logs, log_format: LogFormat) -> list[LogFile]:
    from actors.archive.logs import find_logs

    paths = [logs] if isinstance(logs, (str, os.PathLike)) else list(logs)
    return find_logs((os.fspath(path) for path in paths), log_format)


def _conforming(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch if batch.schema.equals(SCHEMA) else batch.select(SCHEMA.names).cast(SCHEMA)


def _selection(
    since: Instant | None,
    until: Instant | None,
    where: str | None,
    exclude_ip: Addresses,
    bots: bool | None,
    anonymize_ip: bool,
    timezone: str = "UTC",
) -> Selection:
    return make_selection(
        now=time.time(),
        zone=named_zone(timezone),
        since=since,
        until=until,
        where=where,
        exclude_ip=[exclude_ip] if isinstance(exclude_ip, str) else exclude_ip,
        bots=bots,
        anonymize_ip=anonymize_ip,
    )
