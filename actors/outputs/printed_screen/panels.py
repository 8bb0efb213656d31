"""The panels of the printed screen: what a snapshot holds, as rows of styled text. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from actors.outputs.console import themes as styles
from actors.outputs.console.cells import (
    Row,
    cut_left,
    fitted,
    left,
    named,
    right,
    row_width,
    safe,
    width,
    wrapped,
)
from actors.outputs.console.context import Context, local_time, time_near
from actors.outputs.console.sources_name import sources_name
from actors.state.silences import Silence, silence_among
from glancemetrics.charts.axis import AXIS_CELLS, time_axis, with_axes
from glancemetrics.charts.columns import Series, stacked_columns
from glancemetrics.charts.scales import resampled
from glancemetrics.charts.values import Quantity, value_scale
from glancemetrics.health.health import OutputState
from glancemetrics.incidents.incident import Incident
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
from glancemetrics.rules.rule import Severity
from glancemetrics.traffic.insights import Insights, TopRow
from glancemetrics.traffic.snapshot import Shown, Snapshot
from glancemetrics.traffic.troubles import CLOCK_AHEAD, trouble_of
from glancemetrics.words.humane import (
    UNKNOWN,
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
"""Cells from which there is room for the date and the uptime."""


def title(snapshot: Snapshot, context: Context, cells: int) -> Row:
    """Whether the site is well, name, source, format, uptime; the clock to the right."""
    up = format_duration(max(0.0, snapshot.time - context.started_at))
    where = sources_name(snapshot.health.sources)
    formats = sorted({safe(s.format) for s in snapshot.health.sources if s.format})
    time = local_time(snapshot.time, context.zone)
    if cells < _ROOM_FOR_DATE:
        time = time[len("2026-11-23 ") :]
    clock = time
    facts = [", ".join(formats) or "format: detecting…"]
    if cells >= _ROOM_FOR_DATE:
        facts.append(f"up {up}")
    if not snapshot.health.live:
        facts.append("ended" if snapshot.health.has_ended else "replay")
    style, status = _status(snapshot)
    tail = "  " + " · ".join(facts)
    room = cells - width(status) - len(" GlanceMetrics  ") - len(tail) - len(clock) - 3
    text = f" GlanceMetrics  {cut_left(where, max(8, room))}{tail}"
    text = left(text, cells - width(status) - len(clock) - 2)
    return [(style, status), (styles.TITLE, f"{text} {clock} ")]


def _status(snapshot: Snapshot) -> tuple[str, str]:
    """Return the style and the words that say at a glance whether the site is well."""
    firing = snapshot.alerts.firing
    if firing:
        worst = min((Severity(one.severity) for one in firing), key=lambda one: one.rank)
        count = sum(one.severity == worst.value for one in firing)
        if worst is not Severity.INFO:
            return styles.ALERTS[worst], f" {styles.MARKS[worst]} {count} {worst.value} "
    if any(output.state is OutputState.RETRYING for output in snapshot.health.outputs):
        return styles.TITLE_WARNING, " ▲ output fails "
    if snapshot.health.behind:
        return styles.TITLE_WARNING, " ? behind "
    if snapshot.health.blindness or not snapshot.health.records:
        return styles.TITLE_WARNING, " ? no data "
    return styles.TITLE_OK, " ✓ OK "


def health(snapshot: Snapshot, context: Context, cells: int) -> list[Row]:
    """How GlanceMetrics itself fares, the filter, and a row for each source with a problem."""
    state = snapshot.health
    row: Row = [(styles.DIM, " lines "), ("", format_count(state.lines))]
    row += _warned("rejects", format_count(state.rejects), state.rejects > 0)
    if state.damaged:
        row += _warned("damaged", format_count(state.damaged), True)
    if state.foreign:
        row += [(styles.DIM, "  foreign "), ("", format_count(state.foreign))]
    lag = format_bytes(state.lag_bytes)
    if state.lag_bytes or state.behind:
        seconds = UNKNOWN if state.lag_seconds is None else format_duration(state.lag_seconds)
        lag = f"{lag}, {seconds}"
    row += _warned("lag", lag, state.behind > 0)
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
    if context.where is not None:
        rows.append(
            [
                (styles.DIM, " where "),
                (styles.FIGURE, safe(context.where)),
                (styles.DIM, f"  filtered out {format_count(state.filtered)}"),
            ]
        )
    if state.gaps:
        spans = "1 part" if state.gaps == 1 else f"{format_count(state.gaps)} parts"
        rows.append(_warning(f"{spans} of the logs not counted: {safe(state.last_gap)}"))
    if state.early and not any(source.behind < 0 for source in state.sources):
        rows.append(_warning(CLOCK_AHEAD))
    unopened = sum(not source.opened for source in state.sources)
    if unopened:
        opened, count = len(state.sources) - unopened, len(state.sources)
        rows.append(_warning(f"{format_count(opened)} of {format_count(count)} logs opened"))
    troubled = [sentence for source in state.sources if (sentence := trouble_of(source))]
    rows += [_warning(safe(sentence)) for sentence in troubled[:2]]
    if len(troubled) > 2:
        rows.append(_warning(f"{len(troubled) - 2} more logs have a problem"))
    return [fitted(row, cells) for row in rows]


def _warned(name: str, value: str, bad: bool) -> Row:
    return [(styles.DIM, f"  {name} "), (styles.WARNING if bad else "", value)]


def _warning(text: str) -> Row:
    return [(styles.WARNING, f" ! {text}")]


def chart(snapshot: Snapshot, context: Context, cells: int, rows: int) -> list[Row]:
    """Requests per second of the last minutes, or of a whole log; the newest to the right."""
    room = cells - AXIS_CELLS - 1
    if not snapshot.rates or room < 10:
        return []
    is_whole = snapshot.shown_as is Shown.WHOLE_LOG
    shown = snapshot.rates if is_whole else snapshot.rates[-max(CHART_SECONDS, room) :]
    values = resampled(shown, room, "mean")
    height, drawing = rows - 1, context.drawing
    scale = value_scale(max((one or 0.0 for one in values), default=0.0), height, Quantity.RATE)
    lines = stacked_columns(
        [Series("hits", values)], cells=room, rows=height, top=scale.top, drawing=drawing
    )
    end = snapshot.shown.end
    since = end - (snapshot.shown.window_seconds if is_whole else len(shown))
    below = time_axis(
        since, end, cells=room, zone=context.zone, is_live=snapshot.health.live, drawing=drawing
    )
    return [
        [(styles.inked(run.ink), run.text) for run in line]
        for line in with_axes(lines, scale, below, drawing=drawing)
    ]


def span_text(snapshot: Snapshot, context: Context) -> str:
    """Return which span the insights cover: `last 10 s`, or from when to when a log reaches."""
    insights = snapshot.shown
    length = _without_nothing(format_duration(insights.window_seconds))
    if snapshot.shown_as is not Shown.WHOLE_LOG:
        return f"last {length}"
    start = local_time(insights.end - insights.window_seconds, context.zone)
    end = local_time(insights.end - 1, context.zone)
    if start[:10] == end[:10]:
        end = end[11:]
    return f"whole log: {start} – {end} ({length})"


def _without_nothing(duration: str) -> str:
    """Return `1 min` for `1 min 00 s`."""
    return duration.removesuffix(" 00 s").removesuffix(" 00 min")


def _rate(rate: float) -> str:
    """Return a rate, of a quiet log with two digits: `0.0023`, not `0`."""
    return f"{rate:.2g}" if 0 < rate < 0.01 else format_rate(rate, comma=",")


def figures(snapshot: Snapshot, context: Context, cells: int) -> list[Row]:
    """The insights that are one number each."""
    insights = snapshot.shown
    hosts_estimated = HOST in insights.estimated
    users_estimated = USER in insights.estimated
    classes = insights.status_classes
    pairs = [
        ("hits", format_count(insights.hits), ""),
        ("req/s", _rate(insights.hit_rate), ""),
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
    """Active alerts, the most severe first; then the last past ones."""
    recovered = snapshot.alerts.recovered
    firing = sorted(snapshot.alerts.firing, key=lambda i: Severity(i.severity).rank)
    rows: list[Row] = [_alert_counts(firing)]
    shown = firing[: context.incident_limit]
    for incident in shown:
        rule = context.rules[incident.rule]
        since = time_near(incident.triggered_at, snapshot.time, context)
        lasts = format_duration(max(0, snapshot.shown.end - incident.triggered_at))
        worst = rule.worst(incident)
        more = f"since {since}, {lasts} so far" + (f", {worst}" if worst else "")
        silence = silence_among(silences, incident.rule)
        if silence is not None:
            more += f", silenced until {time_near(silence.until, snapshot.time, context)}"
        severity = Severity(incident.severity)
        mark = f"{styles.MARKS[severity]} {severity.value}"
        rows += _alert(
            styles.ALERTS[severity], mark, rule.headline(incident) + rule.hint_text, more, cells
        )
    if len(firing) > len(shown):
        others = Counter(incident.title for incident in firing[len(shown) :]).most_common()
        listed = ", ".join(f"{safe(rule)} {count}" for rule, count in others)
        rows.append([(styles.HEADING, f"   {len(firing) - len(shown)} more: {listed}")])
    for incident in recovered[: max(0, context.incident_limit - len(firing))]:
        assert incident.recovered_at is not None
        until = time_near(incident.recovered_at, snapshot.time, context)
        how = context.rules[incident.rule].recovery(incident)
        rows += _alert(styles.RECOVERED, "✓ recovered", f"{how}, until {until}", "", cells)
    return [fitted(row, cells) for row in rows]


def _alert_counts(firing: Sequence[Incident]) -> Row:
    """Return how many alerts are active, by severity."""
    if not firing:
        return [(styles.HEADING, " Alerts: "), (styles.RECOVERED, "none active")]
    row: Row = [(styles.HEADING, " Alerts:")]
    for severity in Severity:
        count = sum(incident.severity == severity.value for incident in firing)
        if count:
            row.append(
                (styles.ALERTS[severity], f" {styles.MARKS[severity]} {count} {severity.value} ")
            )
    return row


def _alert(style: str, mark: str, message: str, more: str, cells: int) -> list[Row]:
    """One alert, over two rows where one is too narrow: nothing of it is cut off."""
    message, more = safe(message, _MESSAGE_LENGTH), safe(more, _MESSAGE_LENGTH)
    room = cells - width(mark) - 3
    whole = f"{message}, {more}" if more else message
    lines = [whole] if width(whole) <= room else [*wrapped(message, room), *wrapped(more, room)]
    marks = [f" {mark}  "] + [" " * (width(mark) + 3)] * len(lines)
    return [[(style, start + line)] for start, line in zip(marks, lines, strict=False) if line]


def tables(insights: Insights) -> tuple[Dimension, ...]:
    """The top tables that have rows, in their order."""
    others = (one for one in insights.top if one not in _FIRST)
    return tuple(one for one in (*_FIRST, *others) if insights.top.get(one))


def top_table(snapshot: Snapshot, dimension: Dimension, cells: int, rows: int) -> list[Row]:
    """One top table: a heading, and its first rows."""
    insights = snapshot.shown
    table = insights.top.get(dimension, ())
    body = table[: max(0, rows - 1)]
    with_bytes = cells >= 44
    estimated = "~" if dimension in insights.estimated else ""
    more = f" 1–{len(body)} of {len(table)}" if len(body) < len(table) else ""
    heading = f"{safe(dimension.title)}{estimated}{more}"
    columns = right("hits", 10) + right("share", 8)
    columns += (right("bytes", 11) if with_bytes else "") + right("errors", 8)
    name_cells = max(4, cells - len(columns) - 1)
    drawn: list[Row] = [[(styles.HEADING, " " + left(heading, name_cells)), (styles.DIM, columns)]]
    drawn += [_top_row(row, insights, name_cells, with_bytes) for row in body]
    return [fitted(row, cells) for row in drawn]


_MESSAGE_LENGTH = 2000


def _top_row(row: TopRow, insights: Insights, name_cells: int, with_bytes: bool) -> Row:
    return [
        ("", " " + left(named(row.name), name_cells)),
        (styles.FIGURE, right(format_count(row.hits), 10)),
        ("", right(format_share(row.hits, insights.hits), 8)),
        ("", right(format_bytes(row.bytes), 11) if with_bytes else ""),
        (
            styles.WARNING if row.errors else styles.DIM,
            right(format_share(row.errors, row.hits) if row.errors else "0 %", 8),
        ),
    ]
