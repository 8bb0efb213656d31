"""`glancemetrics report`: reads whole logs and says what was in them."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from actors.archive.agent_process import AgentProcess
from actors.archive.forking import processes_to_use
from actors.archive.interruption import Interruption, interruption
from actors.archive.log_reader import ReadChunk
from actors.archive.logs import LogFile, find_logs
from actors.archive.progress import ProgressLine
from actors.archive.reporting import Progress, report_on, report_on_batches
from actors.archive.scan import scan_logs
from actors.commands.kept_fields import KeptFields, tell_missing
from actors.commands.reading_options import (
    check_history_options,
    chosen_panels,
    chosen_reading,
)
from actors.commands.state_options import chosen_state_folders
from actors.configuration.local_zone import zone_called
from actors.files.notices import tell, warn
from actors.files.output_file import for_terminal, replacing, write_data, write_text
from actors.files.terminal_look import look_of_terminal
from actors.state.allocator import collect_from_now_on
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.log_format import LineContext
from glancemetrics.formats.w3c import NO_FIELDS
from glancemetrics.records.rejects import Reject
from glancemetrics.records.schema import schema_with
from glancemetrics.reporting.looks import Look
from glancemetrics.reporting.panel_names import PANEL_NAMES, Order
from glancemetrics.reporting.report import Report, ReportOptions, Source
from glancemetrics.selecting.selection import Selection, make_selection

_ROWS_ON_TERMINAL, _ROWS_IN_FILE = 10, 100
_MOST_SAMPLES = 8
_FOR_FILES = Look()


def report(options: argparse.Namespace, agents: AgentProcess | None = None) -> int:
    """Run the command; returns the exit status."""
    collect_from_now_on()
    output_format = options.output_format
    zone = zone_called(options.timezone)
    check_history_options(options)
    if options.history:
        return _report_on_history(options, zone)
    names = options.files or ["-"]
    if "-" in names and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("name a log: glancemetrics report access.log")
    reading = chosen_reading(options, names)
    kept = reading.context.kept
    selection = chosen_selection(options, zone, kept)
    wanted = _wanted(options, zone, kept)
    logs = find_logs(names, reading, warn)
    with interruption() as interrupted:
        if output_format == "parquet":
            _write_parquet(logs, reading.context, selection, options.output, interrupted)
            return 0
        line = ProgressLine()
        try:
            report = report_on(
                logs,
                context=reading.context,
                selection=selection,
                options=wanted,
                max_memory=options.max_memory,
                progress=line.show,
                stopped=interrupted,
                processes=processes_to_use(),
                classify_agents=None if agents is None else agents.classify,
            )
        finally:
            line.clear()
    _require_lines(report, logs)
    tell_missing(name for name in kept if report.hits and name in report.left_out)
    if selection.span and not report.hits:
        tell(_outside(logs, zone or UTC))
    _write(report, output_format, options.output)
    return 0


def _outside(logs: Sequence[LogFile], zone: tzinfo) -> str:
    """Say which time logs cover, where none of it was asked for."""
    oldest = [log.oldest for log in logs if log.oldest is not None]
    newest = [log.newest for log in logs if log.newest is not None]

    def at(second: int) -> str:
        return datetime.fromtimestamp(second, zone).strftime("%Y-%m-%d %H:%M:%S")

    covered = ""
    if oldest:
        what = "the log covers" if len(logs) == 1 else f"the {len(logs)} logs cover"
        end = f" to {at(max(newest))}" if newest else " and later"
        covered = f"; {what} {at(min(oldest))}{end}"
    return f"No requests in this time span{covered}."


def _without_panels(fields: Iterable[str]) -> tuple[str, ...]:
    """Return fields that a report can have; old histories may have others."""
    taken = [name for name in fields if name in PANEL_NAMES]
    for name in taken:
        tell(f"{name}: left out, because a panel of the report has this name")
    return tuple(name for name in fields if name not in taken)


def _wanted(
    options: argparse.Namespace, zone: ZoneInfo | None, kept: tuple[str, ...]
) -> ReportOptions:
    is_long = options.output_format != "text"
    return ReportOptions(
        top=options.top or (_ROWS_IN_FILE if is_long else _ROWS_ON_TERMINAL),
        order=Order(options.sort),
        panels=chosen_panels(options.panels, kept),
        zone=zone,
        kept=kept,
    )


def _write(report: Report, output_format: str, output: str | None) -> None:
    if report.unfinished is not None:
        tell(f"{report.unfinished}.")
    if output is not None:
        text = _rendered(report, output_format)
        write_data(text, output_format, output)
    else:
        _show(report, output_format)


def _report_on_history(options: argparse.Namespace, zone: ZoneInfo | None) -> int:
    """Report on what a monitor has kept."""
    from actors.history.reading import HistoryRecords, histories_in  # late: few ask for it

    histories = histories_in(chosen_state_folders(options.state_dir), options.files)
    fields = _without_panels(histories.kept)
    selection = chosen_selection(options, zone, fields)
    kept = HistoryRecords(histories, selection.span)
    wanted = _wanted(options, zone, fields)
    line, read = ProgressLine(), 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal read
        for batch in kept:
            if interrupted():
                return
            yield batch
            read += batch.num_rows
            line.show(Progress(read, kept.rows, read))

    with interruption() as interrupted:
        if options.output_format == "parquet":
            _write_batches(map(selection.of, batches()), schema_with(fields), options.output)
            line.clear()
            return 0
        try:
            report = report_on_batches(
                batches(),
                selection=selection,
                options=wanted,
                max_memory=options.max_memory,
                sources=lambda: [
                    Source(kept.names, read, 0, "; ".join(kept.troubles()) or None, "history")
                ],
                unfinished=lambda: "Interrupted; results are partial" if interrupted() else None,
            )
        finally:
            line.clear()
    if not report.hits:
        raise GlanceMetricsError(f"{kept.names}: no matching requests in the history")
    _write(report, options.output_format, options.output)
    return 0


def _write_batches(batches: Iterator[pa.RecordBatch], schema: pa.Schema, output: str) -> None:
    from pyarrow import parquet  # late: it takes as long to load as a small log to read

    with (
        replacing(Path(output)) as file,
        closing(parquet.ParquetWriter(file, schema, compression="zstd")) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch.select(schema.names))


def chosen_selection(
    options: argparse.Namespace, zone: ZoneInfo | None, kept: Sequence[str] = ()
) -> Selection:
    """Return what the options choose, of records that have fields kept. Raises `UsageError`."""
    return make_selection(
        now=time.time(),
        zone=zone,
        since=options.since,
        until=options.until,
        where=options.where,
        exclude_ip=options.exclude_ip,
        bots=True if options.only_bots else (False if options.exclude_bots else None),
        anonymize_ip=options.anonymize_ip,
        group_path=options.group_path,
        kept=kept,
    )


def _require_lines(report: Report, logs: list[LogFile]) -> None:
    """Raise `GlanceMetricsError` if not one line could be made sense of."""
    if report.hits or report.filtered or report.unfinished:
        return
    troubles = [f"{source.name}: {source.trouble}" for source in report.sources if source.trouble]
    if troubles:
        raise GlanceMetricsError("; ".join(troubles))
    refusal = _refusal(logs[0], report.lines, report.rejects.samples, report.foreign)
    if refusal is not None:
        raise GlanceMetricsError(refusal)


def _refusal(log: LogFile, lines: int, rejects: Sequence[Reject], foreign: int) -> str | None:
    """Say why nothing could be read of some lines; `None` if there is none."""
    log_format = log.format
    if any(sample.reason == NO_FIELDS for sample in rejects):
        return f"{log.name}: {NO_FIELDS}"
    if isinstance(log_format, AutoFormat) and log_format.known is None and lines:
        return (
            f"{log.name}: no known format matches "
            f"(`glancemetrics formats {shlex.quote(log.name)}` shows which come close)"
        )
    if rejects:
        return (
            f"{log.name}: no line is {log_format.expected}; the first: {rejects[0].reason} "
            "(name another format with --format)"
        )
    if foreign:
        return (
            f"{log.name}: no line is {log_format.expected}; all are of other programs "
            f"(`glancemetrics formats {shlex.quote(log.name)}` shows what was expected)"
        )
    return None


def _rendered(report: Report, output_format: str, look: Look = _FOR_FILES) -> str:
    match output_format:
        case "json":
            return json.dumps(report.to_json(), ensure_ascii=False, indent=1) + "\n"
        case "csv":
            from glancemetrics.reporting.tables import report_csv

            return report_csv(report)
        case "html":
            from glancemetrics.reporting.html import to_html

            return to_html(report, time.time())
    from glancemetrics.reporting.text import to_text

    return to_text(report, look)


def _show(report: Report, output_format: str) -> None:
    if not sys.stdout.isatty():
        write_text(_rendered(report, output_format))
        return
    text = for_terminal(_rendered(report, output_format, look_of_terminal()), output_format)
    if text.count("\n") <= shutil.get_terminal_size().lines or not _paged(text):
        write_text(text)


def _paged(text: str) -> bool:
    """Show a text in the user's pager; false if there is none."""
    command = shlex.split(os.environ.get("PAGER") or "less")
    if not command or shutil.which(command[0]) is None:
        return False
    import subprocess  # late: most reports are files

    environment = {"LESS": "FRX", **os.environ}
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as pager:  # noqa: S603
        assert pager.stdin is not None
        try:
            pager.stdin.write(text.encode("utf-8", "backslashreplace"))
            pager.stdin.close()
        except BrokenPipeError:
            pass  # they have seen enough
        while True:
            try:
                pager.wait()
            except KeyboardInterrupt:
                continue  # the pager's to deal with
            return True


def _write_parquet(
    logs: list[LogFile],
    context: LineContext,
    selection: Selection,
    output: str,
    interrupted: Interruption,
) -> None:
    from pyarrow import parquet  # late: it takes as long to load as a small log to read

    line = ProgressLine()
    total = None if any(log.size is None for log in logs) else sum(log.size or 0 for log in logs)
    read = lines = foreign = records = 0
    rejects: list[Reject] = []
    fields = KeptFields(context.kept)

    def batches() -> Iterator[pa.RecordBatch]:
        def told(chunk: ReadChunk[object]) -> None:
            nonlocal read, lines, foreign, records
            read += chunk.read_bytes
            lines += chunk.lines
            foreign += chunk.foreign
            records += chunk.lines - chunk.rejects - chunk.foreign
            rejects.extend(chunk.samples[: _MOST_SAMPLES - len(rejects)])
            line.show(Progress(read, total, lines))

        scanned = scan_logs(logs, selection, context=context, stopped=interrupted, on_chunk=told)
        yield from fields.seen_in(scanned)

    schema = schema_with(context.kept)
    try:
        with (
            replacing(Path(output)) as file,
            closing(parquet.ParquetWriter(file, schema, compression="zstd")) as writer,
        ):
            for batch in batches():
                writer.write_batch(batch.select(schema.names))
            refusal = None if records else _refusal(logs[0], lines, rejects, foreign)
            if refusal is not None and not interrupted():
                raise GlanceMetricsError(refusal)
    finally:
        line.clear()
    if interrupted():
        tell(f"Interrupted; {output} is partial.")
    else:
        fields.tell_missing()
