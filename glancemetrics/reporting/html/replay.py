"""A replay as a page: each rule's values with their limit, incidents shaded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

import numpy as np
import numpy.typing as npt

from glancemetrics.alerting.replay import Chart, Replay
from glancemetrics.incidents.incident import Incident
from glancemetrics.reporting.html.document import document, text_of
from glancemetrics.rules.metrics import MeasureKind
from glancemetrics.rules.rule import Rule
from glancemetrics.version import __version__
from glancemetrics.words.humane import format_count, format_duration

Float64s = npt.NDArray[np.float64]

_WIDTH, _HEIGHT = 960, 120
_LEAST_WIDTH = 1.5
"""Of shaded incidents, so that they are visible."""
_ROWS_OPEN = 20
"""More incidents per rule are folded."""
_ROWS = 1000
"""Incidents listed per rule."""


def replay_page(replay: Replay, title: str, zone: tzinfo, now: float) -> str:
    """Write a replay as a page; `title` names the logs, `now` is the time of writing."""
    return document(
        f"Replay of {title} · GlanceMetrics", _body(replay, title, zone, now), scripted=False
    )


def _body(replay: Replay, title: str, zone: tzinfo, now: float) -> Iterator[str]:
    span = format_duration(replay.end - replay.start)
    count = len(replay.incidents)
    yield f"<header><h1>{text_of(title)}</h1>"
    yield (
        f"<p>{_when(replay.start, zone)} to {_when(replay.end, zone)} ({span}): "
        f"{format_count(count)} {'incident' if count == 1 else 'incidents'} of "
        f"{format_count(len(replay.rules))} {'rule' if len(replay.rules) == 1 else 'rules'}"
        "</p></header>"
    )
    for rule in replay.rules:
        incidents = [incident for incident in replay.incidents if incident.rule == rule.name]
        yield "<section>"
        yield f"<h2>{text_of(rule.title)}: {len(incidents) or 'none'}</h2>"
        chart = replay.charts.get(rule.name)
        if chart is not None and not np.isnan(chart.values).all():
            yield from _chart(rule, chart, incidents, replay, zone)
        else:
            yield f'<p class="note">{text_of(_no_data(rule))}</p>'
        if incidents:
            yield from _table(rule, incidents, replay, zone)
        yield "</section>"
    made = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    yield f"<footer><p>Made by GlanceMetrics {__version__} at {made}.</p></footer>"


def _chart(
    rule: Rule, chart: Chart, incidents: list[Incident], replay: Replay, zone: tzinfo
) -> Iterator[str]:
    known = np.concatenate([chart.values, chart.limits])
    known = known[np.isfinite(known)]
    top = float(known.max()) or 1.0
    yield "<figure>"
    yield (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{text_of(rule.title)}, highest {text_of(rule.metric.format(top))}">'
    )
    span = replay.end - replay.start
    for incident in incidents:
        begin = _WIDTH * (incident.triggered_at - replay.start) / span
        end = _WIDTH * ((incident.recovered_at or replay.end) - replay.start) / span
        yield (
            f'<rect class="incident" x="{begin:.2f}" y="0" height="{_HEIGHT}" '
            f'width="{max(_LEAST_WIDTH, end - begin):.2f}">'
            f"<title>{text_of(_tip(rule, incident, zone))}</title></rect>"
        )
    yield f'<path class="value" d="{_line(chart.values, top)}"/>'
    yield f'<path class="limit" d="{_line(chart.limits, top)}"/>'
    if np.isfinite(chart.lows).any():
        yield f'<path class="limit" d="{_line(chart.lows, top)}"/>'
    yield "</svg>"
    yield f'<p class="top">{text_of(rule.metric.format(top))}</p>'
    yield (
        f'<p class="axis"><span>{_when(replay.start, zone)}</span>'
        f"<span>{_when(replay.end, zone)}</span></p>"
    )
    yield "</figure>"


def _line(values: Float64s, top: float) -> str:
    """Return the path of a line, with gaps where there is no data."""
    step = _WIDTH / max(1, len(values) - 1)
    pieces = []
    on = False
    for i, value in enumerate(values.tolist()):
        if not np.isfinite(value):
            on = False
            continue
        y = _HEIGHT - 1 - min(1.0, max(0.0, value / top)) * (_HEIGHT - 6)
        pieces.append(f"{'L' if on else 'M'}{i * step:.1f} {y:.1f}")
        on = True
    return "".join(pieces)


def _table(rule: Rule, incidents: list[Incident], replay: Replay, zone: tzinfo) -> Iterator[str]:
    shown = " open" if len(incidents) <= _ROWS_OPEN else ""
    yield f"<details{shown}><summary>Incidents</summary>"
    yield '<div class="scroll"><table><thead><tr>'
    yield "".join(
        f'<th scope="col">{title}</th>' for title in ("When", "How long", "Group", "Worst value")
    )
    yield "</tr></thead><tbody>"
    for incident in incidents[:_ROWS]:
        cells = (
            _when(incident.triggered_at, zone),
            _lasted(incident, replay.end),
            text_of(incident.group or ""),
            text_of(rule.worst_value(incident)),
        )
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</tbody></table></div></details>"
    if len(incidents) > _ROWS:
        yield f'<p class="note">{format_count(len(incidents) - _ROWS)} more.</p>'


def _no_data(rule: Rule) -> str:
    is_timed = rule.metric.measure.kind is MeasureKind.DURATIONS
    return "No data (this log has no response times)." if is_timed else "No data."


def _tip(rule: Rule, incident: Incident, zone: tzinfo) -> str:
    return f"{rule.summary(incident)}, since {_when(incident.triggered_at, zone)}"


def _lasted(incident: Incident, end: int) -> str:
    if incident.duration_seconds is None:
        return f"{format_duration(end - incident.triggered_at)}, ongoing"
    return format_duration(incident.duration_seconds)


def _when(second: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(second, zone).strftime("%Y-%m-%d %H:%M:%S")
