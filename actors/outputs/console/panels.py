"""The panels of the console: what a snapshot holds, as rows of styled text. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo

import attrs

from actors.outputs.console import styles
from actors.outputs.console.cells import (
    Row,
    cut_left,
    fitted,
    left,
    right,
    row_width,
    safe,
    width,
    wrapped,
)
from actors.state.silences import Silence, silence_among
from glancemetrics.health.changes import clock_text
from glancemetrics.health.health import Health, OutputState, SourceHealth, SourceState
from glancemetrics.records.dimensions import (
    AGENT,
    HOST,
    METHOD,
    PATH,
    REFERRER,
    SECTION,
    STATUS,
    USER,
    Dimension,
)
from glancemetrics.rules.own_health import SHORT_OF_MEMORY
from glancemetrics.rules.rule import Rule, Severity
from glancemetrics.traffic.insights import Insights, TopRow
from glancemetrics.traffic.snapshot import Shown, Snapshot
from glancemetrics.words.escaping import readable
from glancemetrics.words.humane import (
    UNKNOWN,
    events_text,
    format_bytes,
    format_count,
    format_duration,
    format_rate,
    format_share,
)

CHART_SECONDS = 300
"""The chart shows at least so much, whatever the width."""

_FIRST = (SECTION, PATH, HOST, STATUS, METHOD, USER, REFERRER, AGENT)
"""Top tables in the order in which they are shown; then all others that are live."""

_ROOM_FOR_DATE = 100
"""Cells from which the clock has a date."""

_BLOCKS = " ▁▂▃▄▅▆▇█"


@attrs.frozen
class Context:
    """What does not change from snapshot to snapshot."""

    version: str
    started_at: float
    rules: Mapping[str, Rule]
    incident_limit: int
    expected: str
    """What a line should be, such as `a common or combined log line`."""
    zone: tzinfo | None = None
    """`None` for the machine's own."""
    targets: tuple[str, ...] = ()
    """Names of those who are told of incidents."""


def local_time(seconds: float, zone: tzinfo | None) -> str:
    """Return an instant as people here write it, with its zone."""
    moment = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    return moment.strftime("%Y-%m-%d %H:%M:%S %Z")


def title(snapshot: Snapshot, context: Context, cells: int, paused: bool) -> Row:
    """Name, source, format, uptime; the clock to the right."""
    up = format_duration(max(0.0, snapshot.time - context.started_at))
    where = _sources_name(snapshot.health.sources)
    formats = sorted({safe(s.format) for s in snapshot.health.sources if s.format})
    time = local_time(snapshot.time, context.zone)
    if cells < _ROOM_FOR_DATE:
        time = time[len("2026-11-23 ") :]
    clock = ("PAUSED  " if paused else "") + time
    facts = [", ".join(formats) or "no format yet", f"up {up}"]
    if not snapshot.health.live:
        facts.append("replay")
    tail = "  " + " · ".join(facts)
    room = cells - len(" GlanceMetrics  ") - len(tail) - len(clock) - 3
    text = f" GlanceMetrics  {cut_left(where, max(8, room))}{tail}"
    return [(styles.TITLE, left(text, cells - len(clock) - 2) + " " + clock + " ")]


def _sources_name(sources: tuple[SourceHealth, ...]) -> str:
    if not sources:
        return "nothing to follow"
    first = "standard input" if sources[0].name == "-" else safe(sources[0].name)
    return first if len(sources) == 1 else f"{first} and {len(sources) - 1} more"


def health(snapshot: Snapshot, cells: int) -> list[Row]:
    """How GlanceMetrics itself fares, one row; and a row for each source in trouble."""
    state = snapshot.health
    row: Row = [(styles.DIM, " lines "), ("", format_count(state.lines))]
    row += _warned("rejects", format_count(state.rejects), state.rejects > 0)
    if state.damaged:
        row += _warned("damaged", format_count(state.damaged), True)
    if state.foreign:
        row += [(styles.DIM, "  foreign "), ("", format_count(state.foreign))]
    if state.filtered:
        row += [(styles.DIM, "  filtered "), ("", format_count(state.filtered))]
    lag = format_bytes(state.lag_bytes)
    if state.lag_bytes:
        seconds = UNKNOWN if state.lag_seconds is None else format_duration(state.lag_seconds)
        lag = f"{lag}, {seconds}"
    row += _warned("lag", lag, bool(state.lag_seconds and state.lag_seconds > 10))
    delay = UNKNOWN if state.delay is None else f"{state.delay:g} s"
    row += [(styles.DIM, "  delay "), ("", delay)]
    if state.memory is not None:
        limit, taken = state.memory_limit, format_bytes(state.memory)
        of = "" if limit is None else f" of {format_bytes(limit)}"
        row += _warned("memory", f"{taken}{of}", state.memory_share > SHORT_OF_MEMORY)
    if state.late:
        row += _warned("late", format_count(state.late), True)
    if state.early:
        row += _warned("early", format_count(state.early), True)
    rows = [row]
    if state.gaps:
        spans = "a span" if state.gaps == 1 else f"{format_count(state.gaps)} spans"
        rows.append(_warning(f"{spans} of the logs not counted: {safe(state.last_gap)}"))
    if state.early and not any(source.behind < 0 for source in state.sources):
        rows.append(
            _warning("records are ahead of this machine's clock: is the server's time zone right?")
        )
    unopened = sum(not source.opened for source in state.sources)
    if unopened:
        opened, count = len(state.sources) - unopened, len(state.sources)
        rows.append(_warning(f"{format_count(opened)} of {format_count(count)} logs opened"))
    troubled = [(s.name, said) for s in state.sources if (said := _trouble_of(s))]
    rows += [_warning(f"{safe(name)} {safe(said)}") for name, said in troubled[:2]]
    if len(troubled) > 2:
        rows.append(_warning(f"and {len(troubled) - 2} more sources"))
    return [fitted(row, cells) for row in rows]


def _trouble_of(source: SourceHealth) -> str:
    if source.behind:
        return clock_text(source)
    return "" if source.state is SourceState.ENDED else source.detail


def _warned(name: str, value: str, bad: bool) -> Row:
    return [(styles.DIM, f"  {name} "), (styles.WARNING if bad else "", value)]


def _warning(text: str) -> Row:
    return [(styles.WARNING, f" ! {text}")]


def chart(snapshot: Snapshot, cells: int, rows: int) -> list[Row]:
    """Requests per second of the last minutes, the newest to the right."""
    label_cells = 9
    room = cells - label_cells - 1
    if not snapshot.rates or room < 10:
        return []
    per_column = max(1, math.ceil(min(CHART_SECONDS, len(snapshot.rates)) / room))
    shown = snapshot.rates[-per_column * min(room, len(snapshot.rates) // per_column) :]
    columns = [
        sum(shown[i : i + per_column]) / per_column for i in range(0, len(shown), per_column)
    ]
    peak = max(columns, default=0.0)
    drawn: list[Row] = []
    for level in range(rows - 1, -1, -1):
        text = "".join(_block(value, peak, rows, level) for value in columns)
        label = ""
        if level == rows - 1:
            label = format_rate(round(peak, 1 if peak < 100 else 0))
        elif level == 0:
            label = "req/s"
        drawn.append(
            [(styles.DIM, right(label, label_cells) + " "), (styles.CHART, left(text, room))]
        )
    return drawn


def _block(value: float, peak: float, rows: int, level: int) -> str:
    if not peak or not value:
        return " "
    eighths = max(1, round(value / peak * rows * 8)) - level * 8
    return _BLOCKS[min(8, max(0, eighths))]


def span_text(snapshot: Snapshot, context: Context) -> str:
    """Return which span the insights cover: `last 10 s`, or from when to when a log reaches."""
    insights = snapshot.shown
    length = format_duration(insights.window_seconds)
    if snapshot.shown_as is not Shown.WHOLE_LOG:
        return f"last {length}"
    start = local_time(insights.end - insights.window_seconds, context.zone)
    end = local_time(insights.end - 1, context.zone)
    if start[:10] == end[:10]:
        end = end[11:]
    return f"whole log: {start} – {end} ({length})"


def figures(snapshot: Snapshot, context: Context, cells: int) -> list[Row]:
    """The insights that are one number each."""
    insights = snapshot.shown
    hosts_estimated = HOST in insights.estimated
    users_estimated = USER in insights.estimated
    classes = insights.status_classes
    pairs = [
        ("hits", format_count(insights.hits), ""),
        ("req/s", format_rate(insights.hit_rate), ""),
        ("traffic", format_bytes(insights.bytes), ""),
        ("visitors", ("~" if hosts_estimated else "") + format_count(insights.visitors), ""),
        ("users", ("~" if users_estimated else "") + format_count(insights.known_users), ""),
        (
            "errors",
            f"{format_count(insights.errors)} ({format_share(insights.errors, insights.hits)})",
            styles.WARNING if insights.errors else "",
        ),
        *((name, format_count(count), "") for name, count in classes.items() if count),
    ]
    rows: list[Row] = []
    row: Row = [(styles.DIM, f" {span_text(snapshot, context)} ")]
    for name, value, style in pairs:
        piece: Row = [(styles.DIM, f"  {name} "), (style or styles.FIGURE, value)]
        if row_width(row) + row_width(piece) > cells:
            rows.append(row)
            row = [("", "    ")]
        row += piece
    return [fitted(row, cells) for row in [*rows, row]]


def alerts(
    snapshot: Snapshot, context: Context, cells: int, silences: Sequence[Silence] = ()
) -> list[Row]:
    """Ongoing incidents first, those that matter most, then the last that are over."""
    recovered = snapshot.alerts.recovered
    firing = sorted(snapshot.alerts.firing, key=lambda i: Severity(i.severity).rank)
    count = f"{len(firing)} ongoing" if firing else "none ongoing"
    rows: list[Row] = [[(styles.FIRING if firing else styles.HEADING, f" Alerts: {count}")]]
    shown = firing[: context.incident_limit]
    for incident in shown:
        rule = context.rules[incident.rule]
        message = rule.triggered_message(
            incident, time_near(incident.triggered_at, snapshot.time, context)
        )
        lasts = format_duration(max(0, snapshot.shown.end - incident.triggered_at))
        worst = rule.worst(incident)
        more = f"for {lasts} now" + (f", {worst}" if worst else "")
        silence = silence_among(silences, incident.rule)
        if silence is not None:
            more += f", silent until {time_near(silence.until, snapshot.time, context)}"
        style = styles.HEADING if incident.severity == Severity.INFO.value else styles.FIRING
        rows += _alert(style, "●", message, more, cells)
    if len(firing) > len(shown):
        others = Counter(incident.rule for incident in firing[len(shown) :]).most_common()
        told = ", ".join(f"{safe(rule)} {count}" for rule, count in others)
        rows.append([(styles.HEADING, f"   and {len(firing) - len(shown)} more: {told}")])
    for incident in recovered[: max(0, context.incident_limit - len(firing))]:
        assert incident.recovered_at is not None
        message = context.rules[incident.rule].recovered_message(
            incident, time_near(incident.recovered_at, snapshot.time, context)
        )
        rows += _alert(styles.RECOVERED, "✓", message, "", cells)
    return [fitted(row, cells) for row in rows]


def _alert(style: str, mark: str, message: str, more: str, cells: int) -> list[Row]:
    """One alert, over two rows where one is too narrow: nothing of it is cut off."""
    message, more = safe(message, _MESSAGE_LENGTH), safe(more, _MESSAGE_LENGTH)
    whole = f"{message} ({more})" if more else message
    lines = (
        [whole]
        if width(whole) <= cells - 3
        else [*wrapped(message, cells - 3), *wrapped(more, cells - 3)]
    )
    marks = [f" {mark} "] + ["   "] * len(lines)
    return [[(style, start + line)] for start, line in zip(marks, lines, strict=False) if line]


def time_near(seconds: float, now: float, context: Context) -> str:
    """Local time; without the date where it is today's."""
    time = local_time(seconds, context.zone)
    today = local_time(now, context.zone)[:10]
    return time.removeprefix(f"{today} ")


def tables(insights: Insights) -> tuple[Dimension, ...]:
    """The top tables that have rows, in their order."""
    others = (one for one in insights.top if one not in _FIRST)
    return tuple(one for one in (*_FIRST, *others) if insights.top.get(one))


def top_table(
    snapshot: Snapshot, dimension: Dimension, cells: int, rows: int, offset: int, focused: bool
) -> list[Row]:
    """One top table: a heading, and as many of its rows from `offset` on as fit."""
    insights = snapshot.shown
    table = insights.top.get(dimension, ())
    body = table[offset : offset + max(0, rows - 1)]
    with_bytes = cells >= 44
    estimated = "~" if dimension in insights.estimated else ""
    more = f" {offset + 1}–{offset + len(body)} of {len(table)}" if len(body) < len(table) else ""
    heading = f"{safe(dimension.title)}{estimated}{more}"
    columns = right("hits", 10) + right("share", 8)
    columns += (right("bytes", 11) if with_bytes else "") + right("errors", 8)
    name_cells = max(4, cells - len(columns) - 1)
    drawn: list[Row] = [
        [
            (styles.FOCUSED if focused else styles.HEADING, " " + left(heading, name_cells)),
            (styles.DIM, columns),
        ]
    ]
    drawn += [_top_row(row, insights, name_cells, with_bytes) for row in body]
    return [fitted(row, cells) for row in drawn]


_MESSAGE_LENGTH = 2000
_NAME_LENGTH = 400
"""Characters of a name that are looked at; the narrowest of them fills a screen."""


def _top_row(row: TopRow, insights: Insights, name_cells: int, with_bytes: bool) -> Row:
    return [
        ("", " " + left(readable(row.name[:_NAME_LENGTH], in_cells=True), name_cells)),
        (styles.FIGURE, right(format_count(row.hits), 10)),
        ("", right(format_share(row.hits, insights.hits), 8)),
        ("", right(format_bytes(row.bytes), 11) if with_bytes else ""),
        (
            styles.WARNING if row.errors else styles.DIM,
            right(format_share(row.errors, row.hits) if row.errors else "0 %", 8),
        ),
    ]


def outputs(state: Health, cells: int) -> list[Row]:
    """Where the outputs write, in one row; and a row for each with which something is wrong."""
    fine = [
        f"{output.name}: {safe(output.detail)}"
        for output in state.outputs
        if output.state is not OutputState.RETRYING and output.detail and output.name != "console"
    ]
    rows = [[(styles.DIM, " " + "   ".join(fine))]] if fine else []
    for output in state.outputs:
        if output.state is OutputState.RETRYING:
            lost = f", {events_text(output.lost)} lost" if output.lost else ""
            if output.waiting:
                lost = f", {events_text(output.waiting)} waiting{lost}"
            rows.append(
                _warning(f"{output.name} does not work: {safe(output.detail)}; retrying{lost}")
            )
        elif output.lost:
            rows.append(_warning(f"{output.name} has lost {events_text(output.lost)}"))
    return [fitted(row, cells) for row in rows]


def explanation(snapshot: Snapshot, context: Context, cells: int) -> list[Row] | None:
    """Why there is nothing to see and what to do about it; `None` where there is something."""
    state = snapshot.health
    if snapshot.shown.hits:
        return None
    if state.lines and not state.records:
        texts = [
            (
                styles.WARNING,
                f"Nothing parses. Lines read: {format_count(state.lines)}; none is "
                f"{safe(context.expected)}.{_of_others(state)}",
            ),
            *_first_reject(state),
            (
                "",
                "Is this the access log, and not the error log? If the server writes another "
                "format, say so with --format, as it stands in the server's configuration "
                "(nginx: log_format; Apache: LogFormat). `glancemetrics formats FILE` shows "
                "what was tried.",
            ),
        ]
    else:
        texts = [(styles.WARNING, f"Nothing comes. {_silence(snapshot, context)}")]
    return [
        fitted([(style, f" {line}")], cells)
        for style, text in texts
        for line in wrapped(text, cells - 2)
    ]


def _of_others(state: Health) -> str:
    return f" {format_count(state.foreign)} are of other programs." if state.foreign else ""


def _first_reject(state: Health) -> list[tuple[str, str]]:
    if not state.reject_samples:
        return []
    reject = state.reject_samples[0]
    return [
        ("", f"The first of them: {safe(reject.line, 300)}"),
        ("", f"What is wrong with it: {safe(reject.reason)}."),
    ]


def _silence(snapshot: Snapshot, context: Context) -> str:
    state = snapshot.health
    span = f"the last {format_duration(snapshot.shown.window_seconds)}"
    troubled = [source for source in state.sources if source.is_unread]
    if state.sources and len(troubled) == len(state.sources):
        return f"{safe(troubled[0].name)} {safe(troubled[0].detail)}."
    off = [source for source in state.sources if source.behind]
    if off and not snapshot.shown.hits:
        return f"{safe(off[0].name)} {clock_text(off[0])}"
    if state.early and not snapshot.shown.hits:
        return "All records are ahead of this machine's clock: is the server's time zone right?"
    return _last_request(snapshot, context, f"No request was logged in {span}")


def _last_request(snapshot: Snapshot, context: Context, said: str) -> str:
    state = snapshot.health
    ends = [source.last_record for source in state.sources if source.last_record is not None]
    known = max(ends, default=None) if state.newest is None else state.newest
    if known is None:
        return f"{said}."
    newest = local_time(known, context.zone)
    if state.newest is None:
        return (
            f"{said}; the last in the log is of {newest}. To see what "
            "is in the log already, start with --from start."
        )
    if state.live and state.late and snapshot.time - state.newest > 3600:
        return f"The records are old, the newest of {newest}; --clock log shows them as they were."
    return f"{said}; the newest is of {newest}."
