"""`glancemetrics query`: finds the history, queries it and writes the answer."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, tzinfo
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import attrs

from actors.commands.queried_histories import HistoriesOnDisk, HistoryOfServer, QueriedHistory
from actors.commands.server_options import client_of
from actors.commands.state_options import chosen_state_folders
from actors.configuration.local_zone import zone_called
from actors.files.notices import tell
from actors.files.output_file import replacing, write_data, write_text
from actors.files.terminal_look import look_of_terminal
from actors.history.reading import histories_in
from glancemetrics.errors import UsageError
from glancemetrics.history.measures import Unit
from glancemetrics.history.named_values import query_of, record_query_of, span_of
from glancemetrics.history.query import MOST_GROUPS, Answer, Query, RecordQuery
from glancemetrics.history.recorded import time_text
from glancemetrics.records.schema import with_own_texts
from glancemetrics.records.time_span import ALLOWED as ALLOWED_INSTANT
from glancemetrics.records.time_span import parse_instant
from glancemetrics.reporting.answers import answer_json, answer_rows, answer_text, charted_of
from glancemetrics.reporting.looks import Look
from glancemetrics.reporting.tables import csv_of
from glancemetrics.selecting.sql import check_no_comment

_LIMIT, _RECORDS_IN_FILE = 20, 1000


def answer(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    zone = zone_called(options.timezone)
    if options.at is None:
        histories = histories_in(chosen_state_folders(options.state_dir), options.file)
        _answer(HistoriesOnDisk(histories, zone), options, zone)
        return 0
    with client_of(options) as client:
        _answer(HistoryOfServer(client, zone), options, zone)
    return 0


def _answer(history: QueriedHistory, options: argparse.Namespace, zone: ZoneInfo | None) -> None:
    question = question_of(options, history.kept, zone, time.time())
    answered = history.answer(question)
    is_text = options.output_format == "text"
    if is_text and options.measures is None and isinstance(question, Query):
        question, answered = _without_unknown(question, answered)
    _write(answered, question, options, zone)
    _explain(answered, history, options, zone or UTC)


def question_of(
    options: argparse.Namespace, kept: tuple[str, ...], zone: ZoneInfo | None, now: float
) -> Query | RecordQuery:
    """Return what is asked. Raises `UsageError`."""
    values = vars(options) | {"limit": _limit(options)}
    second = partial(_second, now=now, zone=zone or ZoneInfo("UTC"))
    span = span_of(values, now, second, dashes="--")
    if options.where is not None:
        if not options.where.strip():
            raise UsageError("--where: must be a condition, such as status >= 500")
        check_no_comment(options.where)
    if options.records:
        return record_query_of(values, span, kept)
    question = query_of(values, span, kept)
    is_drawn = options.output_format == "text" and options.step is not None
    if is_drawn and (charted := charted_of(question)).unit is Unit.TIME:
        raise UsageError(
            f"--step with {charted.name} alone: a chart needs another measure, such as hits; "
            "or choose --json or --csv"
        )
    return question


def _limit(options: argparse.Namespace) -> int:
    if options.limit is not None:
        return int(options.limit)
    if options.output_format == "text":
        return _LIMIT
    return _RECORDS_IN_FILE if options.records else MOST_GROUPS


def _second(name: str, text: str, now: float, zone: ZoneInfo) -> int:
    try:
        return parse_instant(text, now, zone)
    except (ValueError, OverflowError):
        raise UsageError(f"--{name} {text}: must be {ALLOWED_INSTANT}") from None


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
                parquet.write_table(with_own_texts(answered.table), file, compression="zstd")
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
    answered: Answer, history: QueriedHistory, options: argparse.Namespace, zone: tzinfo
) -> None:
    """Say why there is nothing, where the history has something at another time."""
    if answered.records:
        return
    seconds = history.seconds()
    if seconds is None:
        tell("No data yet.")
        return
    if options.records and options.offset:
        tell(f"No more matching requests from --offset {options.offset} on.")
        return
    oldest, newest = (time_text(one, zone) for one in seconds)
    tell(f"No matching requests. The history covers {oldest} to {newest}.")
