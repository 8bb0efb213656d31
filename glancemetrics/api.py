"""What `import glancemetrics as gm` offers: `read`, `scan`, `report`, `connect`, `connect_trio`.

With `cli`, the only module that joins what is computed to what runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from actors.configuration.local_zone import zone_called
from glancemetrics.formats.format_names import AUTO
from glancemetrics.formats.kept_fields import read_kept
from glancemetrics.formats.reading import Reading, make_reading
from glancemetrics.records.schema import joined, schema_with, with_kept
from glancemetrics.reporting.memory_limit import DEFAULT_MEMORY
from glancemetrics.reporting.panel_names import PANEL_NAMES, Order
from glancemetrics.reporting.report import Report, ReportOptions
from glancemetrics.selecting.selection import Selection, make_selection

if TYPE_CHECKING:
    from actors.archive.logs import LogFile
    from actors.client.client import Client
    from actors.client.trio_client import TrioClient

Path = str | os.PathLike[str]
Logs = Path | Iterable[Path]
Instant = str | datetime | float
Texts = str | Iterable[str]


def read(
    logs: Logs,
    *,
    format: str = AUTO,  # noqa: A002 - the flag's name
    log_timezone: str = "UTC",
    trusted_proxy: Texts = (),
    duration_unit: str | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    where: str | None = None,
    exclude_ip: Texts = (),
    bots: bool | None = None,
    anonymize_ip: bool = False,
    group_path: Texts = (),
    keep: Texts = (),
) -> pa.Table:
    """Read logs into a table of `SCHEMA`, in the time order of their records.

    - `logs`: paths, globs or directories, compressed or not
    - `format`: as for `--format`; by default it is detected
    - `log_timezone`: time zone of log times without one
    - `trusted_proxy`: addresses or networks whose `X-Forwarded-For` is trusted
    - `duration_unit`: unit of durations without one: `us`, `ms` or `s`; by default such
      durations are ignored
    - `since`, `until`: times, dates, spans such as `2h` (ago), datetimes, or seconds since 1970
    - `where`: an SQL expression over the columns
    - `exclude_ip`: addresses, networks or `FIRST-LAST` ranges to leave out
    - `bots`: true for bots only, false for no bots
    - `anonymize_ip`: zero the last octet of IPv4 and the last 80 bits of IPv6 addresses
    - `group_path`: `auto`, or patterns such as `/users/*`: paths to count as one
    - `keep`: extra fields of the log, as text columns after the others

    Raises `GlanceMetricsError` if a log cannot be read, and `UsageError` for an invalid argument.
    """
    reading = _reading(format, log_timezone, trusted_proxy, duration_unit, keep)
    kept = reading.context.kept
    selection = _selection(since, until, where, exclude_ip, bots, anonymize_ip, group_path, kept)
    batches = list(_scan(logs, reading, selection))
    return pa.Table.from_batches([joined(batches)] if batches else [], schema_with(kept))


def scan(
    logs: Logs,
    *,
    format: str = AUTO,  # noqa: A002 - the flag's name
    log_timezone: str = "UTC",
    trusted_proxy: Texts = (),
    duration_unit: str | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    where: str | None = None,
    exclude_ip: Texts = (),
    bots: bool | None = None,
    anonymize_ip: bool = False,
    group_path: Texts = (),
    keep: Texts = (),
) -> Iterator[pa.RecordBatch]:
    """Yield the records of `read` as batches, in constant memory. The arguments are the same."""
    reading = _reading(format, log_timezone, trusted_proxy, duration_unit, keep)
    kept = reading.context.kept
    selection = _selection(since, until, where, exclude_ip, bots, anonymize_ip, group_path, kept)
    return _scan(logs, reading, selection)


def report(
    logs: Logs | pa.Table | pa.RecordBatchReader,
    *,
    format: str = AUTO,  # noqa: A002 - the flag's name
    log_timezone: str = "UTC",
    trusted_proxy: Texts = (),
    duration_unit: str | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    where: str | None = None,
    exclude_ip: Texts = (),
    bots: bool | None = None,
    anonymize_ip: bool = False,
    group_path: Texts = (),
    keep: Texts = (),
    top: int = 100,
    panels: Iterable[str] | None = None,
    sort: str = "hits",
    timezone: str = "UTC",
    max_memory: int = DEFAULT_MEMORY,
) -> Report:
    """Report on logs, or on records that were already read (a table of `SCHEMA`).

    Besides the arguments of `read`:

    - `top`: maximum rows per panel
    - `panels`: names of the panels to make; by default all
    - `sort`: `hits`, `visitors`, `bytes`, `errors` or `p95`
    - `timezone`: time zone of days and hours
    - `max_memory`: limit in bytes; above it, numbers are estimated, and `Report.estimated()`
      lists them
    """
    kept = read_kept(_several(keep))
    selection = _selection(
        since, until, where, exclude_ip, bots, anonymize_ip, group_path, kept, timezone
    )
    names = frozenset((*PANEL_NAMES, *kept) if panels is None else panels)
    options = ReportOptions(top, Order(sort), names, zone_called(timezone), kept)
    if isinstance(logs, (pa.Table, pa.RecordBatchReader)):
        from actors.archive.reporting import report_on_batches

        batches = logs.to_batches() if isinstance(logs, pa.Table) else logs
        return report_on_batches(
            (_conforming(batch, kept) for batch in batches),
            selection=selection,
            options=options,
            max_memory=max_memory,
        )
    from actors.archive.reporting import report_on

    reading = _reading(format, log_timezone, trusted_proxy, duration_unit, kept)
    return report_on(
        _found(logs, reading),
        context=reading.context,
        selection=selection,
        options=options,
        max_memory=max_memory,
    )


def connect(
    url: str,
    *,
    token: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ca_file: Path | None = None,
    client_cert: Path | tuple[Path, Path] | None = None,
    timeout: float = 30.0,
) -> Client:
    """Return a client of a running monitor, one with `--web`. It connects when it is first used.

    - `url`: `web1:7890`, or an `http://` or `https://` address, also with a path
    - `token`: one of its `--web-token-file`
    - `user`, `password`: one of its `--web-users`
    - `ca_file`: PEM file of the authority of its certificate; by default those of this machine
    - `client_cert`: PEM file of a certificate with its key, or both files, for `--web-client-ca`
    - `timeout`: seconds to wait for a connection, and then for an answer

    Raises `UsageError` for an invalid argument; its methods raise `GlanceMetricsError`, with one
    sentence that names the server.
    """
    from actors.client.client import Client
    from actors.client.connection import Connection

    return Client(Connection.to(url, token=token, user=user, password=password, ca_file=ca_file,
                                client_cert=client_cert, timeout=timeout))  # fmt: skip


def connect_trio(
    url: str,
    *,
    token: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ca_file: Path | None = None,
    client_cert: Path | tuple[Path, Path] | None = None,
    timeout: float = 30.0,
) -> TrioClient:
    """Return a client for `async with` in programs that use trio. All else is as for `connect`."""
    from actors.client.connection import Connection
    from actors.client.trio_client import TrioClient

    return TrioClient(Connection.to(url, token=token, user=user, password=password, ca_file=ca_file,
                                    client_cert=client_cert, timeout=timeout))  # fmt: skip


def _reading(
    log_format: str,
    log_timezone: str,
    trusted_proxy: Texts,
    duration_unit: str | None,
    keep: Texts,
) -> Reading:
    zone = zone_called(log_timezone, "log_timezone")
    return make_reading(
        log_format,
        zone,
        _several(trusted_proxy),
        duration_unit=duration_unit,
        zone_is_explicit=log_timezone != "UTC",
        keep=_several(keep),
    )


def _several(texts: Texts) -> Iterable[str]:
    return [texts] if isinstance(texts, str) else texts


def _scan(logs: Logs, reading: Reading, selection: Selection) -> Iterator[pa.RecordBatch]:
    from actors.archive.scan import scan_logs

    found = scan_logs(_found(logs, reading), selection, context=reading.context)
    kept = reading.context.kept
    return (_conforming(batch, kept) for batch in found)


def _found(logs: Logs, reading: Reading) -> list[LogFile]:
    from actors.archive.logs import find_logs

    paths = [logs] if isinstance(logs, (str, os.PathLike)) else list(logs)
    return find_logs((os.fspath(path) for path in paths), reading)


def _conforming(batch: pa.RecordBatch, kept: tuple[str, ...]) -> pa.RecordBatch:
    schema = schema_with(kept)
    batch = with_kept(batch, [name for name in kept if name not in batch.schema.names])
    return batch if batch.schema.equals(schema) else batch.select(schema.names).cast(schema)


def _selection(
    since: Instant | None,
    until: Instant | None,
    where: str | None,
    exclude_ip: Texts,
    bots: bool | None,
    anonymize_ip: bool,
    group_path: Texts,
    kept: tuple[str, ...],
    timezone: str = "UTC",
) -> Selection:
    return make_selection(
        now=time.time(),
        zone=zone_called(timezone),
        since=since,
        until=until,
        where=where,
        exclude_ip=_several(exclude_ip),
        bots=bots,
        anonymize_ip=anonymize_ip,
        group_path=_several(group_path),
        kept=kept,
    )
