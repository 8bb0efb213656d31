"""All that the API can be asked, in one list: routes, OpenAPI and docs are made from it."""

from __future__ import annotations

import attrs

from glancemetrics.http_api import parameters
from glancemetrics.http_api.answer_arrow import MEDIA_TYPE as ARROW
from glancemetrics.http_api.parameters import Parameter
from glancemetrics.http_api.sent_lines import MEDIA as LINES

JSON, CSV, HTML, EVENTS, PROBLEM = (
    *("application/json", "text/csv; charset=utf-8", "text/html; charset=utf-8"),
    *("text/event-stream", "application/problem+json"),
)


@attrs.frozen(kw_only=True)
class Endpoint:
    """One path and method."""

    name: str
    """The id of the operation."""
    path: str
    """Below `/api/v1`."""
    about: str
    method: str = "GET"
    group: str = "Traffic"
    parameters: tuple[Parameter, ...] = ()
    body: str | None = None
    """The schema of the JSON that it takes; `None`: it takes none."""
    takes: tuple[str, ...] = ()
    """The media types of a body that is no JSON of a schema: lines."""
    is_for_senders: bool = False
    """Whether it is for those in `--web-senders`, and for nobody else."""
    answer: str = ""
    """The schema of what it returns as JSON; empty: it returns nothing, or no JSON."""
    media: tuple[str, ...] = (JSON,)
    """The media types it returns."""
    status: int = 200
    is_writing: bool = False
    """Whether it needs `--web-admin`."""
    may_be_missing: bool = False
    """Whether what it names may not be there: 404."""


ENDPOINTS = (
    Endpoint(
        name="query",
        path="/query",
        about="Measures of the requests of a time span: by fields, by time, by both, or in total.",
        parameters=(*parameters.QUERY, parameters.FORMAT),
        answer="Answer",
        media=(JSON, CSV, ARROW),
    ),
    Endpoint(
        name="series",
        path="/series",
        about="A time series as columns, as charts need it; `step` is needed.",
        parameters=parameters.QUERY,
        answer="Series",
    ),
    Endpoint(
        name="records",
        path="/records",
        about="The requests themselves, newest first, in pages.",
        parameters=(*parameters.RECORDS, parameters.FORMAT),
        answer="Records",
        media=(JSON, CSV, ARROW),
    ),
    Endpoint(
        name="servers",
        path="/servers",
        about="All servers of a time span: their requests, and what their agents are doing now.",
        parameters=(parameters.WHERE, *parameters.SPAN, parameters.TEXT_FORMAT),
        answer="Servers",
        media=(JSON, CSV),
    ),
    Endpoint(
        name="report",
        path="/report",
        about="An HTML report of a time span, to pass on; it has no address that loads anything.",
        parameters=(parameters.WHERE, *parameters.SPAN),
        media=(HTML,),
        may_be_missing=True,
    ),
    Endpoint(
        name="snapshot",
        path="/snapshot",
        about="The last seconds of traffic, active alerts, and the monitor's health.",
        answer="Snapshot",
        may_be_missing=True,
    ),
    Endpoint(
        name="raw_line",
        path="/raw-line",
        method="POST",
        about="The line of the log that a request was read from; `record` is a row of `/records`.",
        body="Record",
        answer="RawLine",
    ),
    Endpoint(
        name="filter",
        path="/filter",
        about="What a condition or plain words mean as a filter.",
        parameters=(parameters.FILTER_TEXT,),
        answer="Filter",
    ),
    Endpoint(
        name="values",
        path="/values",
        about="Values of a field that contain a text, the most frequent first.",
        parameters=(parameters.FIELD, parameters.PREFIX, parameters.WHERE, *parameters.SPAN),
        answer="Values",
    ),
    Endpoint(
        name="dimensions",
        path="/dimensions",
        about="The fields to group and filter by, and the measures.",
        answer="Dimensions",
    ),
    Endpoint(
        name="alerts",
        path="/alerts",
        group="Alerts",
        about="Active incidents, those that ended, and breaches that may become some.",
        answer="Alerts",
    ),
    Endpoint(name="rules", path="/rules", group="Alerts", about="What is watched.", answer="Rules"),
    Endpoint(
        name="silences",
        path="/silences",
        group="Alerts",
        about="Active silences: rules without notifications for a while.",
        answer="Silences",
    ),
    Endpoint(
        name="add_silence",
        path="/silences",
        method="POST",
        group="Alerts",
        about="Silence the rules that a pattern matches (`*` stands for any text).",
        body="NewSilence",
        answer="Silence",
        status=201,
        is_writing=True,
    ),
    Endpoint(
        name="end_silence",
        path="/silences",
        method="DELETE",
        group="Alerts",
        about="End the silences of a pattern.",
        parameters=(parameters.PATTERN,),
        media=(),
        status=204,
        is_writing=True,
        may_be_missing=True,
    ),
    Endpoint(
        name="acknowledge",
        path="/acknowledgements",
        method="PUT",
        group="Alerts",
        about="Acknowledge an active incident: no more reminders.",
        body="NewAcknowledgement",
        answer="Acknowledgement",
        is_writing=True,
        may_be_missing=True,
    ),
    Endpoint(
        name="take_back_acknowledgement",
        path="/acknowledgements",
        method="DELETE",
        group="Alerts",
        about="Take an acknowledgement back.",
        parameters=(parameters.INCIDENT,),
        media=(),
        status=204,
        is_writing=True,
        may_be_missing=True,
    ),
    Endpoint(
        name="send_lines",
        path="/lines",
        method="POST",
        group="Lines",
        about="Send lines of a log: text, or JSON with a line in each value. If the answer is "
        "200, they are counted exactly once.",
        parameters=(parameters.SERVER,),
        takes=tuple(LINES),
        answer="TakenLines",
        is_for_senders=True,
        may_be_missing=True,
    ),
    Endpoint(
        name="health",
        path="/health",
        group="Monitor",
        about="Sources, outputs, lag, and what could not be read.",
        answer="Health",
        may_be_missing=True,
    ),
    Endpoint(
        name="events",
        path="/events",
        group="Live",
        about="Snapshots, alert events and requests as they come, as Server-Sent Events; the same "
        "path is a WebSocket.",
        parameters=(
            parameters.SNAPSHOTS,
            parameters.ALERTS,
            parameters.REQUESTS,
            parameters.WHERE,
        ),
        media=(EVENTS,),
    ),
)
