"""`glancemetrics query`: finds the history, asks it and writes what it answers."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import attrs

from actors.commands.state_options import chosen_state_folders
from actors.configuration.local_zone import zone_called
from actors.files.notices import tell
from actors.files.output_file import replacing, write_data, write_text
from actors.files.terminal_look import look_of_terminal
from actors.history.asking import ask
from actors.history.reading import StoredHistories, histories_in
from glancemetrics.errors import UsageError
from glancemetrics.history.measures import Unit
from glancemetrics.history.query import MOST_GROUPS, Answer, Query, RecordQuery
from glancemetrics.history.recorded import Recorded, time_text
from glancemetrics.records.time_span import ALLOWED as ALLOWED_INSTANT
from glancemetrics.records.time_span import TimeSpan, parse_instant
from glancemetrics.reporting.answers import answer_json, answer_rows, answer_text, charted_of
from glancemetrics.reporting.looks import Look
from glancemetrics.reporting.tables import csv_of
from glancemetrics.selecting.sql import check_no_comment, connect

_USUAL = ("hits", "visitors", "bytes", "errors", "error_ratio", "p95")
_USUAL_OF_SERIES = ("hits", "errors", "p95")
_LIMIT, _RECORDS_IN_FILE = 20, 1000
_MOST_THREADS, _MEMORY = 8, "4GB"
_LOOK_SECONDS, _PATIENCE_SECONDS = 0.05, 0.5


def answer(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    zone = zone_called(options.timezone)
    histories = histories_in(chosen_state_folders(options.state_dir), options.file)
    question = question_of(options, histories.kept, zone, time.time())
    with_rollups = isinstance(question, Query) and question.where is None and not question.by

    def recorded() -> Recorded:
        return histories.recorded(with_rollups=with_rollups)

    answered = _Asking(question, recorded, zone or UTC).answer()
    is_text = options.output_format == "text"
    if is_text and options.measures is None and isinstance(question, Query):
        question, answered = _without_unknown(question, answered)
    _write(answered, question, options, zone)
    _explain(answered, histories, options, zone or UTC)
    return 0


class _Asking:
    """A question in a thread of its own, so that Ctrl-C is heard while DuckDB works."""

    def __init__(
        self, question: Query | RecordQuery, recorded: Callable[[], Recorded], zone: tzinfo
    ) -> None:
        self._question = question
        self._recorded = recorded
        self._zone = zone
        self._threads = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
        self._connection = connect(threads=self._threads, memory=_MEMORY)
        self._answer: Answer | None = None
        self._error: BaseException | None = None

    def answer(self) -> Answer:
        """Return the answer. Raises `UsageError`; Ctrl-C ends the program."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_LOOK_SECONDS)
        except KeyboardInterrupt:
            self._connection.interrupt()
            thread.join(_PATIENCE_SECONDS)
            # The thread may still be in compiled code, where the interpreter must not end.
            os._exit(128 + signal.SIGINT)
        if self._error is not None:
            raise self._error
        assert self._answer is not None
        return self._answer

    def _run(self) -> None:
        try:
            self._answer = ask(
                self._question,
                self._recorded,
                self._connection,
                self._zone,
                threads=self._threads,
            )
        except BaseException as error:
            self._error = error


def question_of(
    options: argparse.Namespace, kept: tuple[str, ...], zone: ZoneInfo | None, now: float
) -> Query | RecordQuery:
    """Return what is asked. Raises `UsageError`."""
    limit = _limit(options) if options.limit is None else options.limit
    span = _span(options, zone, now)
    if options.where is not None:
        check_no_comment(options.where)
    if options.records:
        return RecordQuery(
            span=span,
            where=options.where,
            limit=limit,
            offset=options.offset,
            is_oldest_first=options.reverse,
            kept=kept,
        )
    measures = options.measures
    if measures is None:
        measures = _USUAL if options.step is None else _USUAL_OF_SERIES
    if options.sort is not None and options.sort not in measures:
        measures = (*measures, options.sort)
    called = {name.lower(): name for name in kept}
    question = Query(
        span=span,
        where=options.where,
        by=tuple(called.get(name.lower(), name) for name in options.by or ()),
        step=options.step,
        measures=measures,
        order=options.sort,
        is_ascending=options.reverse,
        limit=limit,
        kept=kept,
    )
    is_drawn = options.output_format == "text" and options.step is not None
    if is_drawn and (charted := charted_of(question)).unit is Unit.TIME:
        raise UsageError(
            f"--step with {charted.name} alone: a chart needs another measure, such as hits; "
            "or choose --json or --csv"
        )
    return question


def _limit(options: argparse.Namespace) -> int:
    if options.output_format == "text":
        return _LIMIT
    return _RECORDS_IN_FILE if options.records else MOST_GROUPS


def _span(options: argparse.Namespace, zone: ZoneInfo | None, now: float) -> TimeSpan:
    if options.last is not None:
        return TimeSpan(int(now) + 1 - options.last, int(now) + 1)
    instants = []
    for name, text in (("since", options.since), ("until", options.until)):
        try:
            found = None if text is None else parse_instant(text, now, zone or ZoneInfo("UTC"))
        except (ValueError, OverflowError):
            raise UsageError(f"--{name} {text}: must be {ALLOWED_INSTANT}") from None
        instants.append(found)
    since, until = instants
    if since is not None and until is not None and since >= until:
        raise UsageError(f"--since {options.since}: is not before --until {options.until}")
    return TimeSpan(since, until)


def _without_unknown(question: Query, answered: Answer) -> tuple[Query, Answer]:
    """Leave out what nobody asked for and the logs do not have, as response times may be."""
    unknown = [
        name
        for name in question.measures
        if answered.total.get(name) is None and name != question.ordered_by and answered.groups
    ]
    if not unknown or not any(answered.total.values()):
        return question, answered
    measures = tuple(name for name in question.measures if name not in unknown)
    table = answered.table.drop_columns(unknown)
    total = {name: answered.total[name] for name in measures}
    return attrs.evolve(question, measures=measures), attrs.evolve(
        answered, table=table, total=total
    )


def _write(
    answered: Answer,
    question: Query | RecordQuery,
    options: argparse.Namespace,
    zone: ZoneInfo | None,
) -> None:
    match options.output_format:
        case "parquet":
            from pyarrow import parquet  # late: few want it

            with replacing(Path(options.output)) as file:
                parquet.write_table(answered.table, file, compression="zstd")
            _tell_missing(answered)
            _tell_limit(answered, question)
        case "json":
            text = json.dumps(answer_json(answered, question), ensure_ascii=False, indent=1)
            write_data(f"{text}\n", "json", options.output)
        case "csv":
            text = csv_of(answered.table.column_names, answer_rows(answered))
            write_data(text, "csv", options.output)
            _tell_missing(answered)
            _tell_limit(answered, question)
        case _:
            is_shown = options.output is None and sys.stdout.isatty()
            look = look_of_terminal() if is_shown else Look()
            write_text(answer_text(answered, question, look, zone), options.output)


def _tell_limit(answered: Answer, question: Query | RecordQuery) -> None:
    """Say that there may be more requests than are written."""
    if answered.has_more:
        tell(f"the first {question.limit:,} requests are written (--limit)")


def _tell_missing(answered: Answer) -> None:
    if answered.missing:
        tell(f"Incomplete: {answered.missing}.")


def _explain(
    answered: Answer, histories: StoredHistories, options: argparse.Namespace, zone: tzinfo
) -> None:
    """Say why there is nothing, where the history has something at another time."""
    if answered.records:
        return
    kept = histories.recorded()
    if kept.oldest is None or kept.newest is None:
        tell("No data yet.")
        return
    if options.records and options.offset:
        tell(f"No more matching requests from --offset {options.offset} on.")
        return
    tell(
        f"No matching requests. The history covers {time_text(kept.oldest, zone)} to "
        f"{time_text(kept.newest, zone)}."
    )
