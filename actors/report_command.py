"""`glancemetrics report`: reads whole logs and says what was in them."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from actors.archive.interruption import Interruption, interruption
from actors.archive.logs import LogFile, find_logs
from actors.archive.output_file import replacing
from actors.archive.progress import ProgressLine
from actors.archive.reporting import Progress, report_on
from actors.archive.scan import scan_logs
from actors.archive.workers import processes_to_use
from glancemetrics.errors import GlanceMetricsError, StdoutClosedError, UsageError
from glancemetrics.library import DEFAULT_MEMORY
from glancemetrics.records import SCHEMA
from glancemetrics.reporting.panels import PANEL_NAMES, Order
from glancemetrics.reporting.report import Report, Wishes
from glancemetrics.selection import Selection, make_selection
from glancemetrics.time_span import ALLOWED as ALLOWED_INSTANT
from glancemetrics.zones import named_zone

LEAST_MEMORY = 300_000_000
_FORMATS = ("text", "html", "json", "csv", "parquet")
_ROWS_ON_TERMINAL, _ROWS_IN_FILE = 10, 100
_ORDERS = tuple(order.value for order in Order if order is not Order.TOTAL_TIME)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)i?B?", re.IGNORECASE)
_SIZE_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def run_report(arguments: list[str], parser_class: type[argparse.ArgumentParser]) -> int:
    """Run the command; returns the exit status."""
    options = _parser(parser_class).parse_args(arguments)
    output_format = _output_format(options.output, options.output_format)
    zone = named_zone(options.timezone)
    selection = chosen_selection(options, zone)
    names = options.files or ["-"]
    if "-" in names and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("name a log, or pipe one in (`glancemetrics report -h` shows how)")
    logs = find_logs(names)
    with interruption() as interrupted:
        if output_format == "parquet":
            _write_parquet(logs, selection, options.output, interrupted)
            return 0
        to_file = options.output is not None
        wishes = Wishes(
            top=options.top or (_ROWS_IN_FILE if output_format != "text" else _ROWS_ON_TERMINAL),
            order=Order(options.sort),
            panels=frozenset(options.panels or PANEL_NAMES),
            zone=zone,
        )
        line = ProgressLine()
        try:
            report = report_on(
                logs,
                selection=selection,
                wishes=wishes,
                max_memory=options.max_memory,
                progress=line.show,
                stopped=interrupted,
                processes=processes_to_use(),
            )
        finally:
            line.clear()
    _require_lines(report)
    if report.unfinished is not None:
        sys.stderr.write(f"glancemetrics: {report.unfinished}.\n")
    if to_file:
        text = _rendered(report, output_format, 100, colour=False)
        with replacing(Path(options.output)) as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    else:
        _show(report, output_format)
    return 0


def _parser(parser_class: type[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = parser_class(
        prog="glancemetrics report",
        description="Read whole logs, compressed or not, and say what was in them.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE",
        help="logs, quoted globs, directories, - for standard input")  # fmt: skip
    add("-o", "--output", metavar="FILE",
        help="write to FILE: .html, .json, .csv, .txt; .parquet has the records")  # fmt: skip
    add("--output-format", choices=_FORMATS, metavar="FORMAT",
        help="text, html, json, csv or parquet, whatever FILE is called")  # fmt: skip
    add("--top", type=_positive, metavar="N",
        help="rows of a panel (default: 10 on a terminal, 100 in a file)")  # fmt: skip
    add("--panels", type=_panels, metavar="A,B", help=f"only these: {', '.join(PANEL_NAMES)}")
    add("--sort", choices=_ORDERS, default="hits", metavar="BY",
        help=f"order of rows: {', '.join(_ORDERS)} (default: hits)")  # fmt: skip
    add("--max-memory", type=_memory, default=DEFAULT_MEMORY, metavar="SIZE",
        help="past this, numbers are estimated and marked ~ (default: 2GB)")  # fmt: skip
    add_selection_options(parser)
    return parser


def add_selection_options(parser: argparse.ArgumentParser) -> None:
    """Add the options by which records are chosen."""
    add = parser.add_argument
    add("--since", metavar="TIME", help=f"only from then on: {ALLOWED_INSTANT}")
    add("--until", metavar="TIME", help="only before then")
    add("--where", metavar="EXPRESSION",
        help="only records for which this SQL expression is true: "
        "\"status >= 500 and path like '/api/%%'\" (needs glancemetrics[sql])")  # fmt: skip
    add("--exclude-ip", action="append", default=[], metavar="ADDRESS",
        help="leave a client out: an address, a network, or FIRST-LAST; repeatable")  # fmt: skip
    bots = parser.add_mutually_exclusive_group()
    bots.add_argument("--exclude-bots", action="store_true", help="leave crawlers out")
    bots.add_argument("--only-bots", action="store_true", help="nothing but crawlers")
    add("--anonymize-ip", action="store_true",
        help="zero the last octet of IPv4 and the last 80 bits of IPv6 addresses")  # fmt: skip
    add("--timezone", default="UTC", metavar="ZONE",
        help="whose days and hours: Europe/Paris, local (default: UTC)")  # fmt: skip


def chosen_selection(options: argparse.Namespace, zone: ZoneInfo | None) -> Selection:
    """Return what the options choose. Raises `UsageError`."""
    return make_selection(
        now=time.time(),
        zone=zone,
        since=options.since,
        until=options.until,
        where=options.where,
        exclude_ip=options.exclude_ip,
        bots=True if options.only_bots else (False if options.exclude_bots else None),
        anonymize_ip=options.anonymize_ip,
    )


def _output_format(output: str | None, named: str | None) -> str:
    if named is not None:
        if named == "parquet" and output is None:
            raise UsageError("--output-format parquet: needs a file, with --output")
        return named
    if output is None:
        return "text"
    suffix = Path(output).suffix.lower().removeprefix(".")
    known = {"htm": "html", "txt": "text"}.get(suffix, suffix)
    if known not in _FORMATS:
        raise UsageError(
            f"--output {output}: must end in .html, .json, .csv, .parquet or .txt, "
            "or say which with --output-format"
        )
    if not Path(output).absolute().parent.is_dir():
        raise UsageError(f"--output {output}: there is no such directory")
    return known


def _require_lines(report: Report) -> None:
    """Raise `GlanceMetricsError` if not one line could be made sense of."""
    if report.hits or report.filtered or report.unfinished:
        return
    troubles = [f"{source.name}: {source.trouble}" for source in report.sources if source.trouble]
    if troubles:
        raise GlanceMetricsError("; ".join(troubles))
    if report.rejects.count:
        sample = report.rejects.samples[0]
        raise GlanceMetricsError(
            f"{report.sources[0].name}: no line is a common or combined log line; "
            f"of the first, {sample.reason}"
        )


def _rendered(report: Report, output_format: str, width: int, *, colour: bool) -> str:
    match output_format:
        case "json":
            return json.dumps(report.to_json(), ensure_ascii=False, indent=1) + "\n"
        case "csv":
            from glancemetrics.reporting.tables import report_csv

            return report_csv(report)
        case "html":
            from glancemetrics.reporting.html import to_html

            return to_html(report, time.time())
    from glancemetrics.reporting.text import COLOUR, PLAIN, to_text

    return to_text(report, width, COLOUR if colour else PLAIN)


def _show(report: Report, output_format: str) -> None:
    to_terminal = sys.stdout.isatty()
    size = shutil.get_terminal_size()
    colour = to_terminal and not os.environ.get("NO_COLOR")
    text = _rendered(report, output_format, size.columns if to_terminal else 100, colour=colour)
    if to_terminal and text.count("\n") > size.lines and _paged(text):
        return
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.flush()
    except BrokenPipeError:
        raise StdoutClosedError from None


def _paged(text: str) -> bool:
    """Show a text in the user's pager; false if there is none."""
    command = shlex.split(os.environ.get("PAGER") or "less")
    if not command or shutil.which(command[0]) is None:
        return False
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
    logs: list[LogFile], selection: Selection, output: str, interrupted: Interruption
) -> None:
    from pyarrow import parquet  # late: it takes as long to load as a small log to read

    line = ProgressLine()
    total = None if any(log.size is None for log in logs) else sum(log.size or 0 for log in logs)
    read = lines = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal read, lines

        def told(chunk: object) -> None:
            nonlocal read, lines
            read += chunk.read_bytes  # type: ignore[attr-defined]
            lines += chunk.lines  # type: ignore[attr-defined]
            line.show(Progress(read, total, lines))

        yield from scan_logs(logs, selection, stopped=interrupted, told=told)

    try:
        with (
            replacing(Path(output)) as file,
            closing(parquet.ParquetWriter(file, SCHEMA, compression="zstd")) as writer,
        ):
            for batch in batches():
                writer.write_batch(batch)
    finally:
        line.clear()
    if interrupted():
        sys.stderr.write(
            f"glancemetrics: Stopped before the end: {output} has what was read by then.\n"
        )


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} must be a whole number above 0")
    return int(text)


def _panels(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in PANEL_NAMES:
            raise argparse.ArgumentTypeError(
                f"there is no panel {name!r}; there are {', '.join(PANEL_NAMES)}"
            )
    return names


def _memory(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    size = int(float(match[1]) * _SIZE_BYTES[match[2].lower()]) if match else 0
    if size < LEAST_MEMORY:
        raise argparse.ArgumentTypeError(f"{text} must be a size of at least 300MB, such as 1GB")
    return size
