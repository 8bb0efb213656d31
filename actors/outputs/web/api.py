"""What the API answers: one function for each endpoint of `glancemetrics/http_api/endpoints.py`."""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import attrs
import trio
from starlette.requests import Request
from starlette.responses import Response

from actors.outputs.filter_problem import problem_of_filter
from actors.outputs.web.guards import asker_of, person_of
from actors.outputs.web.limits import BusyError
from actors.outputs.web.replies import json_reply, reply
from actors.outputs.web.site import Site, dimensions_json
from actors.outputs.web.threads import in_thread
from actors.state.silences import LATEST, Silence
from glancemetrics.errors import UsageError
from glancemetrics.health.servers import FIELDS, MEASURES, agents_within, servers_of
from glancemetrics.history.query import Answer, Query, Question, RecordQuery
from glancemetrics.http_api import parameters
from glancemetrics.http_api.answer_arrow import MEDIA_TYPE as ARROW
from glancemetrics.http_api.answer_arrow import arrow_of
from glancemetrics.http_api.answer_columns import series_json
from glancemetrics.http_api.endpoints import CSV, HTML
from glancemetrics.http_api.json_text import json_of_rows
from glancemetrics.records.dimensions import dimensions_with
from glancemetrics.reporting.answers import answer_json, answer_rows
from glancemetrics.reporting.tables import csv_of
from glancemetrics.selecting.plain_words import condition_in, spellings
from glancemetrics.selecting.sql import without_option
from glancemetrics.selecting.value_conditions import joined_conditions
from glancemetrics.selecting.viewers_conditions import check_condition_of_viewer
from glancemetrics.traffic.snapshot import Snapshot
from glancemetrics.version import __version__
from glancemetrics.words.accepted import preferred

REPORT_SECONDS = 30.0
"""Time limit of a report."""
MOST_TEXT_ROWS = 100_000
"""Rows of an answer as JSON or CSV."""
_REPORTS = trio.CapacityLimiter(1)
_MOST_VALUES = 20
_MOST_SILENCES = 1000
_MOST_SERVERS = 20_000


@attrs.frozen(kw_only=True)
class Asked:
    """A request that has been checked."""

    request: Request
    site: Site
    values: Mapping[str, Any]
    """The parameters by name."""
    body: Mapping[str, Any]
    """The fields of its body."""

    @property
    def now(self) -> float:
        return self.site.desk.wall()

    @property
    def zone(self) -> ZoneInfo:
        """The zone of times in sentences."""
        return parameters.zone_of(self.values)

    @property
    def asker(self) -> str:
        """Who shares limits with others of its requests."""
        return asker_of(self.request.scope)

    async def answer(self, question: Question) -> Answer:
        """Return the answer to a question, within limits. Raises `UsageError`, and `BusyError`."""
        return await self.site.answer(question, self.zone, self.asker)


class NotThereError(Exception):
    """What a request names is not there; the text says so."""


Handler = Callable[[Asked], Awaitable[Response]]


async def query(asked: Asked) -> Response:
    question = parameters.query_of(asked.values, asked.site.kept, asked.now)
    return await _answer_reply(asked, question)


async def series(asked: Asked) -> Response:
    question = parameters.query_of(asked.values, asked.site.kept, asked.now)
    if question.step is None:
        raise UsageError("step: missing")
    answer = await asked.answer(question)
    return await json_reply(asked.request, lambda: series_json(answer, question))


async def records(asked: Asked) -> Response:
    question = parameters.record_query_of(asked.values, asked.site.kept, asked.now)
    return await _answer_reply(asked, question)


async def _answer_reply(asked: Asked, question: Query | RecordQuery) -> Response:
    answer = await asked.answer(question)
    rows, media = answer.table.num_rows, _media_of(asked)
    if media != "arrow" and rows > MOST_TEXT_ROWS:
        raise UsageError(
            f"{rows:,} rows are over {MOST_TEXT_ROWS:,}: lower limit, lengthen step, or ask for "
            "format=arrow"
        )
    following = _following(asked, answer, question)
    send = partial(reply, asked.request, following=following)
    match media:
        case "csv":
            name = _file_name(asked, "csv")
            return await send(lambda: _csv(answer), media=CSV, file_name=name)
        case "arrow":
            return await send(lambda: arrow_of(answer), media=ARROW)
        case _:
            return await send(lambda: _json(answer, question, following))


def _file_name(asked: Asked, ending: str) -> str:
    """Return a name for what is downloaded, with the time."""
    return f"glancemetrics-{datetime.fromtimestamp(asked.now, UTC):%Y%m%d-%H%M%S}.{ending}"


def _csv(answer: Answer) -> bytes:
    return csv_of(answer.table.column_names, answer_rows(answer)).encode("utf-8", "replace")


def _json(answer: Answer, question: Query | RecordQuery, following: str) -> bytes:
    fields = answer_json(answer, question)
    rows = fields.pop("rows")
    assert isinstance(rows, list)
    if isinstance(question, RecordQuery):
        fields["next"] = following or None
    return json_of_rows(fields, rows)


def _following(asked: Asked, answer: Answer, question: Query | RecordQuery) -> str:
    """Return the address of the next page, relative to this one; empty if there is none."""
    found = question.following(answer) if isinstance(question, RecordQuery) else None
    if found is None:
        return ""
    named = {name: asked.values[name] for name in ("timezone", "format") if asked.values[name]}
    return f"?{urlencode(parameters.parameters_of(found) | named)}"


def _media_of(asked: Asked) -> str:
    named = asked.values["format"]
    if named is not None:
        return str(named)
    return preferred(_MEDIA, ",".join(asked.request.headers.getlist("accept"))) or "json"


_MEDIA = {"application/json": "json", "text/csv": "csv", ARROW: "arrow"}


async def servers(asked: Asked) -> Response:
    question = Query(
        span=parameters.span_of(asked.values, asked.now),
        where=asked.values["where"],
        by=("server",),
        measures=MEASURES,
        limit=_MOST_SERVERS,
        kept=asked.site.kept,
    )
    answer = await asked.answer(question)
    latest, where = asked.site.latest, question.where
    everyone = () if latest is None else latest.health.agents
    conditions = () if where is None else (where.strip(),)

    def rows() -> list[dict[str, Any]]:
        traffic = answer.table.to_pylist()
        return [
            one.to_json()
            for one in servers_of(agents_within(everyone, conditions, traffic), traffic)
        ]

    def as_csv() -> bytes:
        return csv_of(FIELDS, [list(row.values()) for row in rows()]).encode("utf-8", "replace")

    def as_json() -> bytes:
        known = answer_json(answer, question)
        fields = {name: known[name] for name in ("since", "until", "exact", "missing")}
        return json_of_rows({**fields, "version": __version__}, rows())

    if _media_of(asked) == "csv":
        return await reply(asked.request, as_csv, media=CSV, file_name=_file_name(asked, "csv"))
    return await reply(asked.request, as_json)


async def report(asked: Asked) -> Response:
    if asked.site.settings.anonymize_ip:
        raise NotThereError("reports have whole addresses (--web-anonymize-ip)")
    span = parameters.span_of(asked.values, asked.now)
    try:
        _REPORTS.acquire_nowait()
    except trio.WouldBlock:
        raise BusyError("a report is being written already; try again in a few seconds") from None
    try:
        with trio.move_on_after(REPORT_SECONDS), tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "report.html")
            await asked.site.desk.write_report(str(path), asked.values["where"], span)
            name = _file_name(asked, "html")
            return await reply(asked.request, path.read_bytes, media=HTML, file_name=name)
    finally:
        _REPORTS.release()
    raise UsageError(
        f"the report was not written within {REPORT_SECONDS:g} s; narrow the time span"
    )


async def snapshot(asked: Asked) -> Response:
    found = _snapshot_of(asked)
    return await json_reply(asked.request, found.to_json)


async def health(asked: Asked) -> Response:
    found = _snapshot_of(asked)
    return await json_reply(asked.request, lambda: found.to_json()["health"])


async def alerts(asked: Asked) -> Response:
    latest = asked.site.desk.latest.snapshot
    if latest is None:
        return await json_reply(asked.request, lambda: {"firing": [], "ended": [], "pending": []})
    return await json_reply(asked.request, lambda: asked.site.alerts_json(latest))


def _snapshot_of(asked: Asked) -> Snapshot:
    latest = asked.site.latest
    if latest is None:
        raise NotThereError("nothing has been counted yet; try again in a few seconds")
    return latest


async def rules(asked: Asked) -> Response:
    return await json_reply(asked.request, asked.site.rules_json)


async def dimensions(asked: Asked) -> Response:
    return await json_reply(asked.request, lambda: dimensions_json(asked.site.kept))


async def filter_(asked: Asked) -> Response:
    kept = asked.site.kept
    text = asked.values["text"]
    fields = frozenset((*dimensions_with(kept), "bytes", "duration", "query", "time"))

    def found() -> dict[str, str]:
        where = condition_in(text, fields)
        try:
            if where:
                check_condition_of_viewer(where)
        except UsageError as error:
            return {"where": where, "problem": without_option(error, where)}
        return {"where": where, "problem": problem_of_filter(where, kept)}

    return await json_reply(asked.request, found)


async def values(asked: Asked) -> Response:
    field, kept = asked.values["field"], asked.site.kept
    if field not in dimensions_with(kept):
        raise UsageError(f"unknown field {field[:40]!r}")
    prefix = asked.values["prefix"]
    like = None
    if prefix and field != "time":
        like = " OR ".join(
            f"contains(lower(CAST({_quoted(field)} AS VARCHAR)), '{text}')"
            for text in spellings(prefix)
        )
    question = Query(
        span=parameters.span_of(asked.values, asked.now),
        where=joined_conditions(one for one in (asked.values["where"], like) if one),
        by=(field,),
        limit=_MOST_VALUES,
        kept=kept,
    )
    answer = await asked.answer(question)
    return await json_reply(
        asked.request,
        lambda: {
            "values": [
                {"value": row[field], "hits": row["hits"]} for row in answer.table.to_pylist()
            ]
        },
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def raw_line(asked: Asked) -> Response:
    if asked.site.settings.anonymize_ip:
        raise NotThereError("lines of logs are not shown here (--web-anonymize-ip)")
    record = dict(asked.body["record"])
    source, at = record.pop("source", None), record.pop("time", None)
    try:
        if isinstance(at, str):
            moment = datetime.fromisoformat(at)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        else:
            moment = datetime.fromtimestamp(float(at), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise UsageError("record: needs its time") from None
    if not isinstance(source, str):
        raise UsageError("record: needs its source")
    found = await asked.site.desk.raw_line(source, moment, {**record, "time": moment}, asked.asker)
    return await json_reply(asked.request, lambda: {"line": found.text, "missing": found.missing})


async def silences(asked: Asked) -> Response:
    return await json_reply(asked.request, lambda: {"silences": asked.site.silences_json()})


async def add_silence(asked: Asked) -> Response:
    desk, now = asked.site.desk, asked.now
    pattern, seconds = asked.body["pattern"], asked.body["seconds"]
    who = person_of(asked.request.scope)
    why = asked.body.get("why") or f"by {who.name if who else 'a viewer of the page'}"
    silence = Silence(pattern, min(now + seconds, LATEST), why)

    def add() -> dict[str, Any]:
        if len(desk.silences.active(now)) >= _MOST_SILENCES:
            raise UsageError(f"there are {_MOST_SILENCES:,} silences already")
        desk.silences.add(silence, now)
        return asked.site.silence_json(silence)

    return await json_reply(asked.request, add, status=201)


async def end_silence(asked: Asked) -> Response:
    desk, pattern = asked.site.desk, asked.values["pattern"]

    def end() -> bool:
        # The page names a rule, the command line a pattern.
        now = desk.wall()
        ended = [desk.silences.end(one, now) for one in {pattern, glob.escape(pattern)}]
        return any(ended)

    if not await in_thread(end, asked.asker):
        raise NotThereError("there is no such silence")
    return Response(status_code=204)


async def acknowledge(asked: Asked) -> Response:
    desk, name = asked.site.desk, asked.body["incident"]
    incident = asked.site.incident_called(name)
    if incident is None:
        raise NotThereError("there is no such active incident")

    def add() -> dict[str, Any]:
        return {"incident": name, "at": desk.acknowledgements.add(incident, desk.wall()).at}

    return await json_reply(asked.request, add)


async def take_back_acknowledgement(asked: Asked) -> Response:
    desk, name = asked.site.desk, asked.values["incident"]
    incident = asked.site.incident_called(name) or name
    if not await in_thread(partial(desk.acknowledgements.take_back, incident), asked.asker):
        raise NotThereError("this incident is not acknowledged")
    return Response(status_code=204)


HANDLERS: Mapping[str, Handler] = {
    "query": query,
    "series": series,
    "records": records,
    "servers": servers,
    "report": report,
    "snapshot": snapshot,
    "raw_line": raw_line,
    "filter": filter_,
    "values": values,
    "dimensions": dimensions,
    "alerts": alerts,
    "rules": rules,
    "silences": silences,
    "add_silence": add_silence,
    "end_silence": end_silence,
    "acknowledge": acknowledge,
    "take_back_acknowledgement": take_back_acknowledgement,
    "health": health,
}
"""By the name of the endpoint; `events` is in `live`."""
