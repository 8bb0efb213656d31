"""Answers the query of `glancemetrics sql`."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from actors.archive.interruption import Interruption, interruption
from actors.archive.log_reader import ReadChunk
from actors.archive.logs import find_logs
from actors.archive.progress import ProgressLine
from actors.archive.reporting import Progress
from actors.archive.scan import scan_logs
from actors.commands.kept_fields import KeptFields
from actors.commands.reading_options import chosen_reading
from actors.commands.report_logs import chosen_selection
from actors.commands.state_options import chosen_state_folders
from actors.configuration.local_zone import zone_called
from actors.files.notices import tell, warn
from actors.files.output_file import replacing, write_data
from glancemetrics.reporting.tables import csv_of, text_table
from glancemetrics.selecting.sql import connect, query

_ROWS_IN_TABLE = 1000


def answer(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    connection = connect(threads=os.cpu_count() or 1)
    names, sql, output_format = options.names, options.sql, options.output_format
    if options.history:
        table = _of_history(names, sql, options, connection)
        if table is not None:
            _write(table, output_format, options.output)
        return 0 if table is not None else 128 + signal.SIGINT
    reading = chosen_reading(options, names)
    kept = reading.context.kept
    selection = chosen_selection(options, zone_called(options.timezone), kept)
    logs = find_logs(names, reading, warn)
    line = ProgressLine()
    total = None if any(log.size is None for log in logs) else sum(log.size or 0 for log in logs)
    read = lines = rejects = 0

    def told(chunk: ReadChunk[pa.RecordBatch]) -> None:
        nonlocal read, lines, rejects
        read += chunk.read_bytes
        lines += chunk.lines
        rejects += chunk.rejects
        if chunk.trouble is not None:
            line.clear()
            tell(f"{logs[chunk.log].name}: {chunk.trouble}")
        line.show(Progress(read, total, lines))

    with interruption() as interrupted:
        fields = KeptFields(kept)
        batches = scan_logs(
            logs, selection, context=reading.context, stopped=interrupted, on_chunk=told
        )
        reads = _Reads(fields.seen_in(batches), interrupted)
        question = _Question(lambda: query(sql, reads, connection, kept))
        try:
            table = question.answer(reads, interrupted, connection.interrupt)
        finally:
            line.clear()
        if table is None:
            return 128 + (interrupted.signal or signal.SIGINT)
        if interrupted():
            tell("Interrupted; results are partial.")
    if rejects:
        noun, are = ("line", "is") if rejects == 1 else ("lines", "are")
        tell(f"{rejects:,} {noun} could not be parsed and {are} not in the table.")
    if reads.is_complete:
        fields.tell_missing()
    _write(table, output_format, options.output)
    return 0


def _of_history(
    names: list[str],
    sql: str,
    options: argparse.Namespace,
    connection: Any,
) -> pa.Table | None:
    """Query the history of a monitor; `None` if that was interrupted."""
    from actors.history.reading import HistoryRecords, histories_in  # late: few ask for it

    histories = histories_in(chosen_state_folders(options.state_dir), names)
    fields = histories.kept
    selection = chosen_selection(options, zone_called(options.timezone), fields)
    kept = HistoryRecords(histories, selection.span)
    with interruption() as interrupted:
        reads = _Reads((selection.of(batch) for batch in kept), interrupted)
        question = _Question(lambda: query(sql, reads, connection, fields))
        answer = question.answer(reads, interrupted, connection.interrupt)
    for trouble in kept.troubles():
        tell(trouble)
    return answer


class _Reads:
    """The batches of logs, and whether they ended by themselves."""

    def __init__(self, batches: Iterator[pa.RecordBatch], interrupted: Interruption) -> None:
        self._batches = batches
        self._interrupted = interrupted
        self.has_ended = False
        """Whether nothing more comes, for whatever reason."""
        self.is_complete = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        yield from self._batches
        self.is_complete = not self._interrupted()
        self.has_ended = True


_PATIENCE_SECONDS = 1.0
"""From the first Ctrl-C until a query that asks for no more records is ended."""
_STUCK_SECONDS = 2.0
_LOOK_SECONDS = 0.05


class _Question:
    """A query in a thread of its own, so that a signal is heard while DuckDB works."""

    def __init__(self, ask: Callable[[], pa.Table]) -> None:
        self._ask = ask
        self._answer: pa.Table | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def answer(
        self, reads: _Reads, interrupted: Interruption, interrupt: Callable[[], None]
    ) -> pa.Table | None:
        """Return the answer; `None` where it was ended before there was one.

        Ctrl-C while logs are read asks for the answer of what was read by then. Once all is read,
        the second time, and SIGTERM end the query.
        """
        self._thread.start()
        try:
            asked = math.inf
            while self._thread.is_alive():
                self._thread.join(_LOOK_SECONDS)
                if interrupted():
                    asked = min(asked, time.monotonic())
                    is_late = time.monotonic() > asked + _PATIENCE_SECONDS and not reads.has_ended
                    if interrupted.signal == signal.SIGTERM or reads.is_complete or is_late:
                        return self._end(interrupt, 128 + (interrupted.signal or signal.SIGINT))
        except KeyboardInterrupt:
            return self._end(interrupt, 128 + (interrupted.signal or signal.SIGINT))
        if self._error is not None:
            raise self._error
        return self._answer

    def _run(self) -> None:
        try:
            self._answer = self._ask()
        except BaseException as error:
            self._error = error

    def _end(self, interrupt: Callable[[], None], status: int) -> pa.Table | None:
        deadline = time.monotonic() + _STUCK_SECONDS
        while self._thread.is_alive():
            interrupt()  # again and again, for it is forgotten where a query only begins
            self._thread.join(_LOOK_SECONDS)
            if time.monotonic() > deadline:
                os._exit(status)
        return None


def _write(answer: pa.Table, output_format: str, output: str | None) -> None:
    if output_format == "parquet":
        assert output is not None
        with replacing(Path(output)) as file:
            parquet.write_table(answer, file, compression="zstd")
        return
    write_data(_rendered(answer, output_format), output_format, output)


def _rendered(answer: pa.Table, output_format: str) -> str:
    names = answer.column_names
    match output_format:
        case "json":
            rows = [dict(zip(names, row, strict=True)) for row in _rows(answer)]
            return json.dumps(rows, ensure_ascii=False, indent=1, default=_json_value) + "\n"
        case "csv":
            return csv_of(names, _rows(answer))
    text = text_table(names, list(_rows(answer.slice(0, _ROWS_IN_TABLE))))
    if answer.num_rows > _ROWS_IN_TABLE:
        text += f"… {answer.num_rows - _ROWS_IN_TABLE:,} more rows; --csv has all\n"
    return text


def _rows(answer: pa.Table) -> Iterator[list[Any]]:
    for batch in answer.to_batches():
        yield from (list(row) for row in zip(*(c.to_pylist() for c in batch.columns), strict=True))


def _json_value(value: object) -> object:
    if isinstance(value, Decimal):  # DuckDB's sums of integers are decimals
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)
