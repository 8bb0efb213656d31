"""What a client can ask a server: each method once, as a request and how its reply is read.

Knows no network: `actors/client` sends the requests, with and without trio.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlsplit

import attrs

from glancemetrics.errors import GlanceMetricsError, UnreachableError, UsageError
from glancemetrics.history.query import Answer, Query, RecordQuery
from glancemetrics.http_api.answer_arrow import MEDIA_TYPE as ARROW
from glancemetrics.http_api.answer_arrow import answer_of
from glancemetrics.http_api.endpoints import ENDPOINTS, EVENTS, JSON, PROBLEM, Endpoint
from glancemetrics.http_api.monitor_values import (
    Alerts,
    Incident,
    Rule,
    Silence,
    alerts_of,
    moment,
    value_of,
)
from glancemetrics.http_api.openapi import BASE
from glancemetrics.http_api.parameters import MOST_RECORDS, parameters_of

Instant = str | datetime | float
"""A time: as for `--since`, or seconds since 1970."""
Duration = str | timedelta | int
"""A length of time: `1h`, or seconds."""
Texts = str | Iterable[str]
"""One or several names."""

T = TypeVar("T")
_ENDPOINTS = {one.name: one for one in ENDPOINTS}
_CREDENTIALS = (
    "pass one of its --web-token-file (`--token-file FILE`, `token=`) or --web-users (`user=`, "
    "`password=`)"
)
_NEXT = re.compile(r'<([^<>]*)>\s*;\s*rel="?next"?')


@attrs.frozen(kw_only=True)
class Server:
    """Which server is asked, for errors."""

    url: str
    has_credentials: bool = False
    """Whether a token or a password is sent to it."""

    def __str__(self) -> str:
        return self.url


@attrs.frozen(kw_only=True)
class Reply:
    """What came back."""

    status: int
    media: str
    """Its media type, without parameters."""
    body: bytes
    link: str = ""
    """The header `Link`."""
    location: str = ""
    """The header `Location`."""


@attrs.frozen(kw_only=True)
class Call(Generic[T]):
    """A request, and how its reply is read."""

    endpoint: Endpoint
    read: Callable[[Reply], T]
    """Raises `ValueError`, `KeyError` or `TypeError` for a reply that is not ours."""
    parameters: Mapping[str, str] = attrs.field(factory=dict)
    body: Mapping[str, Any] | None = None
    media: str = JSON
    """What it accepts; empty: the reply has no body."""

    @property
    def path(self) -> str:
        """The path below that of the server."""
        return BASE + self.endpoint.path

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Accept": self.media or JSON}
        if self.endpoint.method != "GET":
            headers["X-GlanceMetrics"] = "1"
        return headers


EventCall = Call[None]
"""A request for a stream of events."""


def query(
    question: Query | None = None,
    *,
    where: str | None = None,
    by: Texts = (),
    last: Duration | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    timezone: str | None = None,
    step: Duration | None = None,
    measures: Texts = (),
    sort: str | None = None,
    reverse: bool = False,
    limit: int | None = None,
) -> Call[Answer]:
    """Query the history, by fields, by time, by both or in total.

    The arguments are the options of `glancemetrics query`, or a `Query`. `limit` is 1000 groups by
    default. Times without a zone, and those in sentences, are in `timezone` (UTC).
    """
    given = _given(
        where=where, by=_joined(by), **_span(last, since, until), step=_duration(step),
        measures=_joined(measures), sort=sort, reverse=reverse, limit=limit,
    )  # fmt: skip
    return Call(
        endpoint=_ENDPOINTS["query"],
        parameters=_asked(question, given) | _given(timezone=timezone),
        media=ARROW,
        read=lambda reply: answer_of(reply.body),
    )


def series(
    step: Duration,
    *,
    where: str | None = None,
    by: Texts = (),
    last: Duration | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    timezone: str | None = None,
    measures: Texts = (),
    sort: str | None = None,
    reverse: bool = False,
    limit: int | None = None,
) -> Call[Answer]:
    """Query a time series: a row for each step, and for each group if there is `by`.

    All else is as for `query`.
    """
    return query(
        where=where, by=by, last=last, since=since, until=until, timezone=timezone, step=step,
        measures=measures, sort=sort, reverse=reverse, limit=limit,
    )  # fmt: skip


@attrs.frozen(kw_only=True)
class Pages:
    """The pages of an answer: a call for the next one, made from the reply to the last."""

    call: Call[tuple[Answer, str]]
    page: int
    left: int | None
    """Requests that are still wanted; `None`: all."""

    def after(self, answer: Answer, link: str) -> Pages | None:
        """Return the pages after one, with its `Link`; `None` if it was the last."""
        left = None if self.left is None else self.left - answer.table.num_rows
        found = _NEXT.search(link)
        if found is None or left == 0:
            return None
        parameters = dict(parse_qsl(urlsplit(found[1]).query, keep_blank_values=True))
        return Pages(call=_page_call(parameters, self.page, left), page=self.page, left=left)


def records(
    question: RecordQuery | None = None,
    *,
    where: str | None = None,
    last: Duration | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    timezone: str | None = None,
    reverse: bool = False,
    limit: int | None = None,
    offset: int | None = None,
    page: int = MOST_RECORDS,
) -> Pages:
    """Iterate over the requests themselves, newest first, page by page, each an `Answer`.

    The arguments are the options of `glancemetrics query --records`, or a `RecordQuery`. A page has
    up to `page` requests (at most 10,000) and is asked for when it is needed. Without `limit` there
    are as many as the history has.
    """
    given = _given(
        where=where, **_span(last, since, until), reverse=reverse, limit=limit, offset=offset
    )
    if not 1 <= page <= MOST_RECORDS:
        raise UsageError(f"page {page}: must be from 1 to {MOST_RECORDS:,}")
    if limit is not None and limit < 1:
        raise UsageError(f"limit {limit}: must be 1 or more")
    left = limit if question is None else question.limit
    parameters = _asked(question, given) | _given(timezone=timezone)
    return Pages(call=_page_call(parameters, page, left), page=page, left=left)


def _page_call(
    parameters: Mapping[str, str], page: int, left: int | None
) -> Call[tuple[Answer, str]]:
    limit = page if left is None else min(page, left)
    return Call(
        endpoint=_ENDPOINTS["records"],
        parameters={**parameters, "limit": str(limit)},
        media=ARROW,
        read=lambda reply: (answer_of(reply.body), reply.link),
    )


def kept_fields() -> Call[tuple[str, ...]]:
    """Return the extra fields (`--keep`) that requests of this monitor have."""
    return _json_call("dimensions", lambda fields: tuple(fields["kept"]))


def snapshot() -> Call[dict[str, Any]]:
    """Return the last seconds of traffic, active alerts and health, as `--json` prints them."""
    return _json_call("snapshot", dict)


def health() -> Call[dict[str, Any]]:
    """Return what the monitor knows about itself: `health` of `--json`."""
    return _json_call("health", dict)


def alerts() -> Call[Alerts]:
    """Return active incidents, those that ended, and what may become one."""
    return _json_call("alerts", alerts_of)


def rules() -> Call[tuple[Rule, ...]]:
    """Return all rules, including those about GlanceMetrics itself."""
    return _json_call("rules", lambda fields: tuple(value_of(Rule, one) for one in fields["rules"]))


def silences() -> Call[tuple[Silence, ...]]:
    """Return the active silences."""
    return _json_call(
        "silences", lambda fields: tuple(value_of(Silence, one) for one in fields["silences"])
    )


def silence(pattern: str, seconds: int, why: str = "") -> Call[Silence]:
    """Silence the rules whose names match a glob. The server needs `--web-admin`."""
    body = {"pattern": pattern, "seconds": seconds} | ({"why": why} if why else {})
    return _json_call("add_silence", lambda fields: value_of(Silence, fields), body=body)


def end_silence(pattern: str) -> Call[None]:
    """End the silences of a pattern. The server needs `--web-admin`."""
    return _empty_call("end_silence", pattern=pattern)


def acknowledge(incident: Incident | str) -> Call[datetime]:
    """Stop the reminders about an active incident, or its id; returns when.

    The server needs `--web-admin`.
    """
    return _json_call(
        "acknowledge", lambda fields: moment(fields["at"]), body={"incident": _id_of(incident)}
    )


def take_back(incident: Incident | str) -> Call[None]:
    """Take the acknowledgement of an incident back. The server needs `--web-admin`."""
    return _empty_call("take_back_acknowledgement", incident=_id_of(incident))


def events(where: str | None = None, *, snapshots: bool = True, alerts: bool = True) -> EventCall:
    """Iterate over what happens, as an `Event` each, until the program or you stop.

    Snapshots come once per refresh of the monitor. With `where` there are also the requests that
    match it. A connection that is lost is made again, for as long as it takes; then an event of
    the kind `missed` says from when on alerts may be missing.
    """
    wanted = _given(where=where, requests=where is not None)
    flags = {"snapshots": str(snapshots).lower(), "alerts": str(alerts).lower()}
    return Call(
        endpoint=_ENDPOINTS["events"],
        parameters=wanted | flags,
        media=EVENTS,
        read=lambda _: None,
    )


def read_reply(call: Call[T], reply: Reply, server: Server) -> T:
    """Return what a reply says. Raises `GlanceMetricsError`, which names the server."""
    check_reply(call, reply, server)
    try:
        return call.read(reply)
    except (GlanceMetricsError, ValueError, KeyError, TypeError, AttributeError):
        raise unreadable(server) from None


def unreadable(server: Server) -> GlanceMetricsError:
    """Return the error for an answer that is not as expected."""
    return GlanceMetricsError(
        f"{server}: its answer cannot be read; is it another version of GlanceMetrics?"
    )


def check_reply(call: Call[Any], reply: Reply, server: Server) -> None:
    """Raise `GlanceMetricsError` for a reply that is not the answer to a call."""
    if reply.status == call.endpoint.status and (not call.media or reply.media == call.media):
        return
    if reply.media == PROBLEM:
        raise _problem(reply, server)
    if reply.location:
        raise GlanceMetricsError(
            f"{server}: redirects to {_shown(reply.location)}; use the address it redirects to"
        )
    if reply.status in {401, 407}:
        raise GlanceMetricsError(
            f"{server}: a proxy before it asks for a password (status {reply.status})"
        )
    if reply.status in {502, 503, 504}:
        raise UnreachableError(
            f"{server}: a proxy before it cannot reach the monitor (status {reply.status})"
        )
    raise GlanceMetricsError(
        f"{server}: not a GlanceMetrics server, or not its address (status {reply.status}, "
        f"{reply.media or 'no content'})"
    )


def _problem(reply: Reply, server: Server) -> GlanceMetricsError:
    """Return the error of a problem (RFC 9457)."""
    try:
        detail = json.loads(reply.body)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"status {reply.status}"
    said = f"{server}: {detail}"
    match reply.status:
        case 400:
            return UsageError(said)
        case 401:
            if server.has_credentials:
                said = f"{server}: the token or password was refused"
            return GlanceMetricsError(f"{said}; {_CREDENTIALS}")
        case 429 | 503:
            return UnreachableError(said)
        case _:
            return GlanceMetricsError(said)


def _shown(location: str) -> str:
    return location.partition("?")[0][:200]


def _json_call(
    name: str, read: Callable[[dict[str, Any]], T], body: Mapping[str, Any] | None = None
) -> Call[T]:
    return Call(
        endpoint=_ENDPOINTS[name], body=body, read=lambda reply: read(json.loads(reply.body))
    )


def _empty_call(name: str, **parameters: str) -> Call[None]:
    return Call(
        endpoint=_ENDPOINTS[name], parameters=_given(**parameters), media="", read=lambda _: None
    )


def _id_of(incident: Incident | str) -> str:
    return incident if isinstance(incident, str) else incident.id


def _asked(question: Query | RecordQuery | None, given: dict[str, str]) -> dict[str, str]:
    """Return the parameters of a query, or those that are given apart."""
    if question is None:
        return given
    if given:
        raise UsageError(f"{next(iter(given))}: cannot be combined with a query")
    return _checked(parameters_of(question))


def _given(**values: Any) -> dict[str, str]:
    """Return those that are given, as texts. Raises `UsageError`."""
    return _checked(
        {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in values.items()
            if value is not None and value is not False and (value != "" or name == "where")
        }
    )


def _checked(parameters: dict[str, str]) -> dict[str, str]:
    for name, text in parameters.items():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{name}: not valid UTF-8") from None
    if not parameters.get("where", "-").strip():
        raise UsageError("where: must be a condition, such as status >= 500")
    return parameters


def _joined(names: Texts) -> str:
    return names if isinstance(names, str) else ",".join(names)


def _span(
    last: Duration | None, since: Instant | None, until: Instant | None
) -> dict[str, str | None]:
    return {"last": _duration(last), "since": _instant(since), "until": _instant(until)}


def _duration(value: Duration | None) -> str | None:
    """Return a length of time as a parameter. Raises `UsageError` for none of whole seconds."""
    if value is None or isinstance(value, str):
        return value
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds % 1:
        raise UsageError(f"{value!r}: must be whole seconds, a timedelta of them, or a text as 1h")
    return f"{int(seconds)}s"


def _instant(value: Instant | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, datetime):
        return str(int(value))
    # Without a zone it is in that of the query, as a text is.
    return value.isoformat() if value.tzinfo is None else str(int(value.timestamp()))
