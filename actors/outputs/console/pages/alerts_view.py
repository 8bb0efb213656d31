"""Alerts: incidents, breaches that may become ones, and each rule with its chart. Pure."""

from __future__ import annotations

from collections import Counter

import attrs

from actors.outputs.console import themes
from actors.outputs.console.alerts import (
    by_severity,
    ended_text,
    ended_then,
    ongoing,
    ongoing_then,
    pending_row,
)
from actors.outputs.console.cells import Click, Row, filled, fitted, left, right, safe
from actors.outputs.console.context import clock_near
from actors.outputs.console.headline import body_rows
from actors.outputs.console.layout import Band, Block, asks_of_bands, first_shown, stacked
from actors.outputs.console.moving import go_to_view_called
from actors.outputs.console.narrowing import with_scope
from actors.outputs.console.pages.plain import PlainPage
from actors.outputs.console.rule_charts import rule_ask, rule_chart
from actors.outputs.console.scope import Narrowing
from actors.outputs.console.state import CameFrom, Names, State, TableSpec, TableState
from actors.outputs.console.tables import chosen_index
from actors.state.silences import silence_among
from glancemetrics.history.ask import Ask
from glancemetrics.incidents.incident import Incident, rule_title
from glancemetrics.rules.rule import Rule, Severity
from glancemetrics.selecting.plain_words import condition_in
from glancemetrics.selecting.value_conditions import condition_of
from glancemetrics.traffic.windows import WINDOWS
from glancemetrics.words.durations import written_span

_LIST = TableSpec(key="alerts/list", title="Alerts", by=())
_MOST_PAST = 100
_NEWEST = 5
"""Past incidents that stand above the rules."""


@attrs.frozen
class _Item:
    """One row: an incident, a pending breach or a rule."""

    names: Names
    rule: str
    incident: Incident | None = None
    since: int | None = None
    """Of a pending breach."""
    group: str | None = None

    @classmethod
    def of(cls, incident: Incident) -> _Item:
        """Return the row of an incident."""
        return cls(_names_of(incident), incident.rule, incident, None, incident.group)


def _names_of(incident: Incident) -> Names:
    return "incident", incident.id, incident.rule, incident.group or ""


def _chart_title(rule: Rule, group: str | None) -> str:
    title = safe(rule_title(rule.name))
    if rule.by is None:
        return title
    if group is None:
        return f"{title}: all requests (the limit is for each {safe(rule.by)})"
    return f"{title}: {safe(rule.by)} {safe(group)}"


class AlertsView(PlainPage):
    """See the module's docstring."""

    name = "alerts"
    title = "Alerts"

    def asks(self, state: State) -> tuple[Ask, ...]:
        return asks_of_bands(self._bands(state, state.cells, body_rows(state)))

    def render(self, state: State, cells: int, rows: int) -> list[Row]:
        return stacked(self._bands(state, cells, rows), cells, rows)

    def _bands(self, state: State, cells: int, rows: int) -> list[Band]:
        item = _chosen(state)
        if item is None or rows < 16:
            return [Band(rows, (Block(lambda c, r: _list(state, c, r)),))]
        chart = min(14, rows // 3)
        rule, group = state.context.rules[item.rule], item.group
        ask = rule_ask(state, rule, group, cells - 2)
        block = Block(
            lambda c, r: rule_chart(state, rule, group, c, r),
            title=_chart_title(rule, group),
            asks=() if ask is None else (ask,),
        )
        return [
            Band(rows - chart, (Block(lambda c, r: _list(state, c, r)),)),
            Band(chart, (block,)),
        ]

    def moved(self, state: State, rows: int) -> State:
        items = _items(state)
        if not items:
            return state
        index = max(0, min(len(items) - 1, _index(state, items) + rows))
        return choose(state, items[index].names)

    def opened(self, state: State) -> State:
        item = _chosen(state)
        if item is None:
            return state
        return _show_traffic(state, item)

    def copied(self, state: State) -> str:
        item = _chosen(state)
        if item is None:
            return ""
        if item.incident is not None:
            return state.context.rules[item.rule].headline(item.incident)
        return item.rule


def _show_traffic(state: State, item: _Item) -> State:
    """Show the requests that the rule counts, around the incident's time."""
    rule, incident = state.context.rules[item.rule], item.incident
    scope = state.scope
    if incident is not None:  # it was about all requests
        scope = attrs.evolve(scope, narrowed=())
    if rule.where is not None:
        scope = scope.within(Narrowing(f"rule {rule.title}", rule.where))
    if rule.by is not None and item.group is not None:
        narrowing = Narrowing(f"{rule.by} {item.group}", condition_of(rule.by, item.group))
        scope = scope.within(narrowing)
    if incident is None and scope == state.scope:
        own = _is_own(rule)
        return state.told(
            "this rule is about GlanceMetrics itself" if own else "this rule counts all requests"
        )
    if incident is not None and incident.recovered_at is None and state.is_live:
        lasts = state.now - incident.triggered_at + rule.window_seconds
        scope = scope.lasting(_window_of(max(lasts, state.seconds)), state.newest)
    elif incident is not None and incident.recovered_at is not None:
        since, until = _time_of(rule, incident)
        scope = scope.at(min(until, max(state.newest, since + 1)), until - since)
    failing = None if incident is None else _failing_in(rule)
    if failing is not None:
        scope = scope.within(failing)
    came_from = CameFrom(scope, state.scope, state.view, state.tables)
    state = go_to_view_called(with_scope(state, scope), "overview" if failing is None else "errors")
    return attrs.evolve(state, came_from=came_from)


def _time_of(rule: Rule, incident: Incident) -> tuple[int, int]:
    """Return when an incident that is over was in breach: without what its rule waited for then."""
    assert incident.recovered_at is not None
    window, timing = rule.window_seconds, rule.timing
    since = incident.triggered_at - timing.hold - window
    until = max(incident.triggered_at, incident.recovered_at - timing.keep) + window // 4
    # Whole tens of seconds, and a tenth more at both ends.
    margin = max(10, (until - since) // 10)
    return (since - margin) // 10 * 10, -(-(until + margin) // 10) * 10


def _failing_in(rule: Rule) -> Narrowing | None:
    """Return which requests a rule is about that watches errors; `None` for others."""
    words = {"5xx": "5xx", "4xx": "4xx", "error": "errors"}
    for part, word in words.items():
        if part in rule.metric.name:
            return Narrowing(word, condition_in(word))
    return None


def _window_of(seconds: int) -> int:
    """Return the shortest window that so many seconds fit into."""
    return next((one for one in WINDOWS if one >= seconds), WINDOWS[-1])


def _items(state: State) -> list[_Item]:
    if state.shown is None:
        return []
    alerts = state.shown.alerts
    found = [_Item.of(one) for one in by_severity(state)]
    if state.is_live:
        found += [
            _Item(("pending", "", one.rule, one.group or ""), one.rule, None, one.since, one.group)
            for one in alerts.pending
        ]
    active = {one.incident.id for one in found if one.incident is not None}
    past = [one for one in ended_then(state, is_all=True) if one.id not in active]
    past.sort(key=lambda one: one.triggered_at, reverse=True)
    found += [_Item.of(one) for one in past[:_NEWEST]]
    # Those about GlanceMetrics itself come last: people have set the others.
    rules = sorted(state.context.rules.values(), key=_is_own)
    found += [_Item(("rule", "", rule.name, ""), rule.name) for rule in rules]
    found += [_Item.of(one) for one in past[_NEWEST:_MOST_PAST]]
    return found


def _is_own(rule: Rule) -> bool:
    """Whether a rule is about the monitor itself."""
    return rule.metric.name == "own health"


def _index(state: State, items: list[_Item]) -> int:
    """Return the row under the cursor; where that has gone, what has become of it, or its rule."""
    chosen = state.table(_LIST).chosen
    if chosen is None or chosen in {item.names for item in items}:
        return chosen_index(items, state.table(_LIST))
    _, _, rule, group = chosen
    for number, item in enumerate(items):
        is_ongoing = item.incident is not None and item.incident.recovered_at is None
        if is_ongoing and item.names[2:] == (rule, group):
            return number
    rules = [item.names for item in items]
    own = ("rule", "", rule, "")
    return rules.index(own) if own in rules else 0


def _chosen(state: State) -> _Item | None:
    items = _items(state)
    return items[_index(state, items)] if items else None


def choose(state: State, names: Names) -> State:
    """Put the cursor on a row."""
    return state.with_table(_LIST, TableState(chosen=names))


def choose_incident(state: State, incident: Incident) -> State:
    """Put the cursor on an incident."""
    return choose(state, _names_of(incident))


def chosen_incident(state: State) -> Incident | None:
    """Return the incident under the cursor."""
    item = _chosen(state)
    return None if item is None else item.incident


def chosen_rule_of(state: State) -> str | None:
    """Return the rule of what is under the cursor."""
    item = _chosen(state)
    return None if item is None else item.rule


def _choosing(names: Names) -> Click:
    return lambda state: choose(state, names)


def _list(state: State, cells: int, rows: int) -> list[Row]:
    items = _items(state)
    chosen = _index(state, items)
    drawn: list[Row] = []
    at = 0
    group = ""
    for number, item in enumerate(items):
        heading = _group_of(item)
        if heading != group:
            if drawn:
                drawn.append([])
            drawn.append([(themes.HEADING, f" {heading}")])
            group = heading
        if number == chosen:
            at = len(drawn)
        row = _row(state, item, cells - 2)
        over = themes.CURSOR if number == chosen else ""
        mark = "▸" if number == chosen else " "
        click = _choosing(item.names)
        drawn.append([
            (over or themes.MARK, mark, click),
            *((over or one[0], one[1], click) for one in fitted(row, cells - 1)),
        ])  # fmt: skip
    first = first_shown(at, len(drawn), rows)
    return filled(drawn[first:], cells, rows)


def _group_of(item: _Item) -> str:
    if item.names[0] == "incident" and item.incident is not None:
        return "Active" if item.incident.recovered_at is None else "Past incidents"
    return "Pending" if item.names[0] == "pending" else "Rules"


def _row(state: State, item: _Item, cells: int) -> Row:
    assert state.shown is not None
    now = state.shown.time
    if item.incident is not None and item.incident.recovered_at is None:
        return ongoing(state, item.incident, cells)
    if item.incident is not None:
        began = clock_near(item.incident.triggered_at, now, state.context)
        severity = Severity(item.incident.severity)
        return [
            (themes.DIM, f" {left(began, 13)} "),
            (themes.ALERTS[severity], f"{left(severity.value, 9)}"),
            ("", ended_text(state, item.incident)),
        ]
    if item.since is not None:
        return pending_row(state, state.context.rules[item.rule], item.group, item.since)
    return _rule_row(state, item.rule)


def _rule_row(state: State, name: str) -> Row:
    rule = state.context.rules[name]
    assert state.shown is not None
    count = Counter(one.rule for one in ongoing_then(state))[name]
    silence = silence_among(state.silences, name) if state.is_live else None
    row: Row = [
        (themes.ALERTS[rule.severity], f" {left(safe(rule.title), 30)} "),
        (themes.DIM, left(rule.severity.value, 9)),
        (
            themes.BAD if count else themes.DIM,
            right(f"{count} active" if count else "quiet", 11) + "  ",
        ),
    ]
    about = "GlanceMetrics' own health" if _is_own(rule) else safe(rule.bound)
    by = f", by {safe(rule.by)}" if rule.by else ""
    if rule.where:
        by += f", where {safe(rule.where)}"
    if not _is_own(rule):
        about += f" over {written_span(rule.window_seconds)}"
        if rule.timing.hold:
            about += f" for {written_span(rule.timing.hold)}"
    if silence is not None:  # a rule that nobody hears of is the first thing to know of it
        until = clock_near(silence.until, state.shown.time, state.context)
        why = f" ({safe(silence.why)})" if silence.why else ""
        row.append((themes.WARNING, f"silenced until {until}{why}  "))
    row.append((themes.DIM, about + by))
    return row
