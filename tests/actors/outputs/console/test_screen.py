"""The screen, drawn for sizes of terminal and states of the monitor. Pure: no terminal here."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import attrs
import pyte
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.outputs.console import figures, themes
from actors.outputs.console.cells import Row, row_width
from actors.outputs.console.charts import marked_by
from actors.outputs.console.context import clock_on
from actors.outputs.console.keys import ACTIONS, keys_shown
from actors.outputs.console.pages.help import MEANINGS, Help
from actors.outputs.console.pages.registry import VIEWS
from actors.outputs.console.pages.requests_list import RowForm
from actors.outputs.console.receiving import received
from actors.outputs.console.scope import Narrowing, Scope
from actors.outputs.console.screen import asks, render, undrawable
from actors.outputs.console.state import Prompt, State, TableState
from actors.outputs.console.status import status
from actors.outputs.console.tables import ask_of
from actors.outputs.console.values import error_limits, server_errors_text
from actors.state.silences import Silence
from glancemetrics.alerting.alerting import Alerts, Pending
from glancemetrics.charts.runs import Drawing
from glancemetrics.health.health import OutputHealth, OutputState, SourceHealth, SourceState
from glancemetrics.history.ask import Answered
from glancemetrics.history.recorded import Hole
from glancemetrics.records.dimensions import DIMENSIONS, HOST, PATH
from glancemetrics.records.rejects import Reject
from glancemetrics.rules.high_traffic import high_traffic
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.traffic.insights import TopRow, empty_insights
from glancemetrics.traffic.snapshot import Shown, Snapshot
from glancemetrics.traffic.troubles import troubles_of
from glancemetrics.words.humane import short_count
from tests.actors.outputs.console.replays import (
    BROKEN,
    BUSY,
    CONTEXT,
    OUTAGE,
    START,
    answered,
    recorded,
    records,
    replay,
)
from tests.actors.outputs.snapshots import FIRING, health, insights, snapshot
from tests.lines import BASE

SIZES = [(80, 24), (120, 40), (200, 60)]
NOTHING = empty_insights(BASE, 10)


def text(row: Row) -> str:
    return "".join(piece[1] for piece in row)


def page(state: State, cells: int = 80, rows: int = 24) -> str:
    drawn = render(attrs.evolve(state, cells=cells, rows=rows))
    return "\n".join(text(row).rstrip() for row in drawn)


def showing(shown: Snapshot | None, **fields: object) -> State:
    values = {"context": CONTEXT, "views": VIEWS, "shown": shown, "latest": shown}
    return State(**(values | fields))


def styled(state: State, words: str) -> str:
    """The style of the fragment that holds these words."""
    for row in render(state):
        for fragment in row:
            if words in fragment[1]:
                return fragment[0]
    raise AssertionError(f"{words!r} is not on the screen")


@pytest.mark.parametrize(("cells", "rows"), SIZES)
def test_the_first_screen_has_what_matters(cells: int, rows: int) -> None:
    state = answered(attrs.evolve(replay(), cells=cells, rows=rows))
    shown = page(state, cells, rows)
    title, figures = shown.splitlines()[:2]
    assert "/var/log/access.log · combined · last 10 s [w]" in title
    assert "● HEALTHY" in title
    assert "10 req/s" in figures
    assert "p95 " in figures
    assert " visitors" in figures
    assert "now" in shown
    assert "No active alerts" in shown
    for words in (
        "/static",
        "/api",
        "hits ▾",
        "5xx",
        "?help" if cells < 100 else "? help",
        "Overview",
    ):
        assert words in shown, words
    for words in ("lag", "memory", "alert log"):
        assert words not in shown  # nothing is wrong with them
    if cells >= 120:
        assert "Response times p50 p90 p95 p99" in shown
    if cells >= 200:
        assert "Requests that failed, newest first" in shown
        assert "GET /" in shown
        assert "Incidents" in shown


def test_an_outage_is_seen_at_a_glance() -> None:
    kept = recorded(is_broken=True)
    state = answered(replay(is_broken=True), kept)
    shown = page(state)
    title = shown.splitlines()[0]
    assert "✖ 1 CRITICAL" in title
    assert styled(state, "CRITICAL") == "class:title-critical"
    assert styled(state, "/var/log") == "class:title-critical"
    assert "5xx 51 %" in shown.splitlines()[1] or "5xx 4" in shown.splitlines()[1]
    assert "class:bad" in {
        fragment[0] for row in render(state)[1:] for fragment in row if "%" in fragment[1]
    }
    assert "✖ Server errors: 12 % of responses are 5xx (limit 5 %, 2 min)" in shown
    chart = [row for row in render(state)[2:9] if any("class:5xx" in one[0] for one in row)]
    assert chart, "the errors are in the chart"


def test_failing_requests_are_said_also_without_a_rule() -> None:
    state = replay(is_broken=True)
    assert state.shown is not None
    quiet = attrs.evolve(state, shown=attrs.evolve(state.shown, alerts=Alerts()))
    assert "✖ FAILING: " in page(quiet).splitlines()[0]
    assert styled(quiet, "FAILING") == "class:title-critical"


def test_an_acknowledged_incident_no_longer_turns_the_title_red() -> None:
    state = replay()
    assert state.shown is not None
    shown = attrs.evolve(state.shown, alerts=Alerts((OUTAGE,)))
    state = attrs.evolve(state, shown=shown)
    assert "✖ 1 CRITICAL" in page(state)
    known = attrs.evolve(state, acknowledged={OUTAGE.id: object()})
    assert "▲ 1 ACKNOWLEDGED" in page(known)
    assert "acknowledged" in page(known, 120, 30)


@given(
    st.integers(1, 400),
    st.integers(1, 100),
    st.integers(0, 30),
    st.integers(0, len(VIEWS) - 1),
    st.sampled_from(["none", "help", "narrowed", "palette", "no snapshot", "empty"]),
    st.booleans(),
)
@settings(deadline=None, max_examples=300)
def test_every_size_is_filled_exactly(
    cells: int, rows: int, top: int, view: int, what: str, is_answered: bool
) -> None:
    shown = snapshot(insights=NOTHING if what == "empty" else insights(top))
    state = showing(None if what == "no snapshot" else shown, cells=cells, rows=rows, view=view)
    if what == "help":
        state = attrs.evolve(state, over=(Help(VIEWS[view].name),))
    if what == "narrowed":
        scope = Scope((Narrowing("path /x" * 30, "path = '/x'"),), 60, BASE)
        state = attrs.evolve(state, scope=scope)
    if what == "palette":
        state = attrs.evolve(state, prompt=Prompt("command", "s"))
    if is_answered and what != "no snapshot":
        for ask in asks(state):
            state = state.with_answer(ask, Answered(None, error="the history is disabled"))
    drawn = render(state)
    assert len(drawn) == rows
    assert {row_width(row) for row in drawn} == {cells}


@pytest.mark.parametrize("view", range(len(VIEWS)), ids=[view.name for view in VIEWS])
@pytest.mark.parametrize(
    ("cells", "rows"), [(60, 15), (80, 24), (100, 30), (140, 44), (200, 60), (400, 100)]
)
def test_every_view_fits_every_size(cells: int, rows: int, view: int) -> None:
    state = attrs.evolve(replay(is_broken=True), cells=cells, rows=rows, view=view)
    state = answered(state, recorded(is_broken=True))
    drawn = render(state)
    assert len(drawn) == rows
    assert {row_width(row) for row in drawn} == {cells}
    for drawing in Drawing:
        context = attrs.evolve(state.context, drawing=drawing)
        rows_drawn = render(attrs.evolve(state, context=context))
        assert {row_width(row) for row in rows_drawn} == {cells}
        if drawing is Drawing.ASCII:
            assert all(text(row).isascii() for row in rows_drawn)


TRICKY = st.text(
    st.characters(codec="utf-8")
    | st.sampled_from("🇩🇪👨👩🏽\u200d\ufe0f\u20e31☺\u1112\u1161\u11ab\u3164कमि्ा\u064b한日\u0301")
)


@given(TRICKY, TRICKY, st.integers(20, 130))
@example("\u0904\u0941", "x", 27)
@settings(deadline=None, max_examples=200)
def test_no_text_gives_a_row_another_width_in_a_terminal(
    path: str, source: str, cells: int
) -> None:
    top = {PATH: (TopRow(f"/{path}", 5, 5, 0),)}
    firing = attrs.evolve(FIRING, by="path", group=path)
    shown = snapshot(
        insights=attrs.evolve(insights(1), top=top),
        alerts=Alerts((firing,)),
        health=health(
            sources=(SourceHealth(source or "x", SourceState.WAITING, f"is {path}"),),
            reject_samples=(Reject(path, source),),
            last_gap=path, gaps=1,
        ),
    )  # fmt: skip
    terminal = pyte.Screen(cells + 20, 1)
    stream = pyte.Stream(terminal)
    for view in (0, 5, 7):
        for row in render(showing(shown, cells=cells, rows=24, view=view)):
            # One by one: pyte gives up the rest of a text at a mark that is of combining class 0.
            for character in "\r" + text(row):
                stream.feed(character)
            assert terminal.cursor.x == cells


def test_what_a_source_has_done_so_far_is_shown_and_is_no_trouble() -> None:
    source = SourceHealth("http:", SourceState.FOLLOWING, note="2 requests from 1 sender")
    shown = snapshot(health=health(sources=(source,)))
    drawn = " ".join(page(showing(shown, cells=120, rows=40, view=7)).split())
    assert "following, 2 requests from 1 sender" in drawn
    assert "no request yet" not in drawn
    assert not list(troubles_of(shown.health))


def test_when_nothing_parses_it_says_so_with_the_first_line_and_what_to_do() -> None:
    shown = snapshot(
        insights=NOTHING,
        rates=(),
        health=health(
            lines=1284,
            records=0,
            rejects=1284,
            reject_samples=(
                Reject('{"msg": "first"}', "no time such as [x]"),
                Reject("last", "empty"),
            ),
        ),
    )
    drawn = " ".join(page(showing(shown)).split())
    assert "1,284 lines read, none in the combined format." in drawn
    assert 'The first one: {"msg": "first"}' in drawn
    assert "Why it is not read: no time such as [x]." in drawn
    assert "give its format with --format" in drawn
    assert "Sections" not in drawn


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"sources": (SourceHealth("/x.log", SourceState.WAITING, "does not exist yet"),)},
            "No requests. /x.log: does not exist yet.",
        ),
        (
            {"sources": (SourceHealth("/x.log", SourceState.BLOCKED, "may not be read"),)},
            "No requests. /x.log: may not be read.",
        ),
        ({"newest": None}, "No requests. None logged in the last 10 s."),
        (
            {
                "newest": None,
                "sources": (
                    SourceHealth("/x.log", SourceState.FOLLOWING, last_record=BASE - 3600),
                ),
            },
            "the last one was at 2026-09-21 13:13:20 UTC.",
        ),
        (
            {"newest": BASE + 1},
            "No requests. One was logged at 2026-09-21 14:13:21 UTC, and is shown",
        ),
        ({"newest": BASE - 60}, "None logged in the last 10 s; the last one was at 2026-09"),
        (
            {"newest": BASE - 90_000, "late": 5},
            "The log is old, its last request at 2026-09-20 13:13:20 UTC; --clock log shows",
        ),
        (
            {
                "newest": BASE - 3000,
                "late": 5,
                "sources": (SourceHealth("/x.log", SourceState.FOLLOWING, behind=3001),),
            },
            "/x.log has records 50 min behind this machine's clock; check the server's clock",
        ),
        (
            {"newest": None, "early": 5},
            "Requests are ahead of this machine's clock; check the server's time zone",
        ),
    ],
)
def test_when_nothing_comes_it_says_why(fields: dict[str, object], expected: str) -> None:
    shown = snapshot(insights=NOTHING, rates=(), health=health(**fields))
    drawn = " ".join(page(showing(shown)).split())
    assert expected in drawn
    assert "lines read" not in drawn


def test_a_filter_of_the_monitor_is_on_the_screen() -> None:
    context = attrs.evolve(CONTEXT, where="status = 599")
    assert " only status = 599" in page(showing(snapshot(), context=context))
    nothing = snapshot(insights=NOTHING, rates=(), health=health(records=8385, filtered=8385))
    drawn = page(showing(nothing, context=context))
    assert "8,385 requests, none matches status = 599" in drawn


def test_a_longer_window_says_how_long_it_is() -> None:
    wide = attrs.evolve(insights(), window_seconds=300)
    assert " last 5 min [w]" in page(showing(snapshot(shown=wide)))


def test_an_old_log_is_headed_by_its_span() -> None:
    whole = attrs.evolve(insights(), end=BASE + 1, window_seconds=90_001)
    shown = snapshot(
        insights=whole, shown=whole, shown_as=Shown.WHOLE_LOG, rates=(5.0, *(0.0,) * 999)
    )
    drawn = page(showing(shown), 160, 40)
    assert "whole log: 1 d 01 h" in drawn


def test_at_a_glance_it_is_said_whether_there_is_data() -> None:
    blind = health(sources=(SourceHealth("/x.log", SourceState.BLOCKED, "permission denied"),))
    assert "? NO DATA" in page(showing(snapshot(alerts=Alerts(), health=blind))).splitlines()[0]


def test_the_default_limit_says_how_to_set_it() -> None:
    rule = high_traffic(10.0, 120, is_default=True)
    context = attrs.evolve(CONTEXT, rules={"high_traffic": rule})
    firing = attrs.evolve(FIRING, severity=rule.severity.value)
    drawn = page(showing(snapshot(alerts=Alerts((firing,))), context=context), 130, 24)
    assert "● High traffic: 12.5 req/s over 2 min (limit 10)" in drawn
    assert "(limit 10) – the default: --alert-threshold N" in drawn
    assert "● HEALTHY" in drawn


def test_trouble_stays_in_sight() -> None:
    troubled = health(
        rejects=700,
        late=3,
        early=2,
        lag_bytes=5_000_000,
        lag_seconds=42.0,
        memory=950_000_000,
        memory_limit=1_000_000_000,
        sources=(
            SourceHealth("/a.log", SourceState.FOLLOWING),
            SourceHealth("/b.log", SourceState.BLOCKED, "may not be read"),
            *(SourceHealth(f"{i}", SourceState.READING, opened=False) for i in range(3)),
        ),
        outputs=(
            OutputHealth("alert log", OutputState.RETRYING, "/root: Permission denied", 2, 5),
            OutputHealth("notify ops", OutputState.WORKING, "webhook", 1),
        ),
    )
    drawn = page(showing(snapshot(health=troubled)), 120, 30)
    assert "! alert log fails: /root: Permission denied; retrying, 2 events lost" in drawn
    assert "! notify ops lost 1 event" in drawn
    assert "more problems [8]" in drawn
    everything = page(showing(snapshot(health=troubled), view=7), 120, 60)
    for words in (
        "! behind by 42 s: 5.0 MB of the logs are not read yet",
        "! using 95 % of the memory limit (1.0 GB)",
        "! 700 lines could not be parsed (6 %)",
        "! 3 requests arrived too late for any window",
        "! 2 requests dated in the future",
        "! 2 of 5 logs opened",
        "! /b.log: may not be read",
    ):
        assert words in everything, words
    assert "and 4 more" in drawn


def test_health_counts_everything_also_while_all_is_well() -> None:
    shown = page(
        showing(snapshot(health=health(damaged=1234, foreign=5, memory=2e8)), view=7), 100, 40
    )
    for words in (
        "lines 12,345", "rejects 0", "damaged 1,234", "foreign 5", "lag 0 B", "memory 200.0 MB",
        "alert log", "/state/alerts.jsonl", "following, combined",
    ):  # fmt: skip
        assert words in shown, words


def test_help_tells_every_key() -> None:
    state = showing(snapshot(), over=(Help("overview"),))
    drawn = page(state, 100, 90)
    for action in ACTIONS:
        assert action.about in drawn, action.about
        assert keys_shown(action.keys) in drawn
    for mark, meaning in MEANINGS:
        assert mark in drawn
        assert meaning in drawn


def test_help_of_a_small_screen_is_scrolled() -> None:
    state = showing(snapshot(), over=(Help("overview"),))
    assert "quit; twice: immediately" not in page(state)
    for _ in range(100):
        state = state.page.moved(state, 1)
    assert "requests dated more than a minute in the future" in page(state)


def test_a_pause_is_told() -> None:
    assert "PAUSED" in page(showing(snapshot(), is_paused=True)).splitlines()[0]


def test_a_replay_says_that_it_is_one() -> None:
    past = attrs.evolve(snapshot(), health=health(live=False))
    assert "REPLAY" in page(showing(past)).splitlines()[0]


HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202e\u200b\u0301\n\t日本" + "x" * 300


@pytest.mark.parametrize("cells", [40, 80, 150, 220])
def test_nothing_of_a_log_is_anything_but_text(cells: int) -> None:
    row = TopRow(HOSTILE, 1, 1, 1)
    evil = snapshot(
        insights=insights(top=dict.fromkeys(DIMENSIONS, (row,))),
        health=health(
            sources=(SourceHealth(HOSTILE, SourceState.BLOCKED, "may not be read"),),
            outputs=(OutputHealth("alert log", OutputState.RETRYING, HOSTILE),),
        ),
    )
    rejected = snapshot(
        insights=NOTHING,
        health=health(lines=1, records=0, rejects=1, reject_samples=(Reject(HOSTILE, HOSTILE),)),
    )
    scope = Scope((Narrowing(HOSTILE, "path = 'x'"),))
    for shown in (evil, rejected):
        for view in range(len(VIEWS)):
            for narrowed in (Scope(), scope):
                state = showing(shown, cells=cells, rows=44, view=view, scope=narrowed)
                drawn = render(state)
                found = "".join(map(text, drawn))
                assert not set(found) & set("\x1b\x07\u202e\u200b\u0301\n\t")
                assert {row_width(row) for row in drawn} == {cells}


def test_before_the_first_snapshot_there_is_a_word() -> None:
    assert "Reading the log" in page(showing(None))


def test_estimates_and_figures_of_a_narrowed_screen_are_of_the_history() -> None:
    state = attrs.evolve(
        replay(), scope=Scope((Narrowing("section /api", "section = '/api'"),), 300)
    )
    state = answered(state)
    known = figures.totals(state)
    expected = sum(
        1 for row in state.answers[figures.total_ask(state)].rows[:1] for _ in range(row["hits"])
    )
    assert known["hits"] == expected > 0
    assert "section /api" in page(state)
    assert "[Backspace: wider]" in page(state)


def test_the_rate_of_the_first_seconds_is_over_these() -> None:
    state = answered(replay(), attrs.evolve(recorded(), since=BASE - 4))
    assert state.shown is not None
    begun = attrs.evolve(state.shown.shown, hits=20)
    began = attrs.evolve(state, shown=attrs.evolve(state.shown, shown=begun))
    assert figures.totals(began)["hits"] == 20
    assert figures.totals(began)["rate"] == 20 / 4
    whole = answered(replay())
    assert figures.totals(whole)["rate"] == 10


def test_the_rate_after_a_takeover_is_over_the_window_of_the_hub_before() -> None:
    """Its counters came with the state, its history did not."""
    state = answered(replay(), attrs.evolve(recorded(), since=BASE - 4))
    assert figures.totals(state)["hits"] == 100
    assert figures.totals(state)["rate"] == 10


def test_what_is_known_only_in_part_says_so() -> None:
    state = attrs.evolve(replay(), scope=Scope((), 30 * 86_400))
    state = answered(state)
    assert "of 15 min known" in page(state)
    health_page = page(attrs.evolve(state, view=7), 120, 40)
    assert "no data before 2026-09-21 13:58:20 UTC" in health_page
    assert "known" not in page(answered(replay()))


def test_a_time_before_all_data_is_no_zero() -> None:
    state = answered(attrs.evolve(replay(), scope=Scope((), 60, START - 3600)))
    shown = page(state, 120, 40)
    assert "? NO DATA" in shown
    assert "no data before" in shown
    assert "HEALTHY" in shown.splitlines()[0]  # that is how it is now
    assert "now ● HEALTHY" in shown


def test_the_title_is_about_the_monitors_own_window_whatever_one_looks_at() -> None:
    """An outage that is over is none, however long a window one looks at."""
    calm = attrs.evolve(replay(), scope=Scope((), 900))
    after = answered(calm, recorded(is_broken=True))
    assert figures.totals(after)["5xx"] > 400
    assert status(after).text == "● HEALTHY"
    broken = answered(attrs.evolve(replay(is_broken=True), context=attrs.evolve(CONTEXT, rules={})))
    assert status(broken).text == "✖ FAILING: 45 % 5xx"
    wide = attrs.evolve(broken, scope=Scope((), 900))
    assert status(wide).text == "✖ FAILING: 45 % 5xx, 10 s"


def test_a_share_above_its_rules_limit_is_red() -> None:
    def style(errors: int, hits: int, by: tuple[str, ...] = ()) -> str:
        return server_errors_text(errors, hits, error_limits(rules, by))[0]

    rules = {"Server errors": BROKEN}  # 5 %
    assert style(4, 100) == ""
    assert style(6, 100) == themes.BAD
    assert server_errors_text(6, 100, ())[0] == themes.NOTICED
    (few,) = read_rules(
        '[[rule]]\nname = "x"\nmetric = "status_ratio(5xx)"\nabove = 0.02\nmin_hits = 60\n'
        'by = "path"',
        "rules.toml",
    )
    rules = {"x": few}
    assert style(3, 100, ("path",)) == themes.BAD
    assert style(3, 59, ("path",)) == themes.NOTICED  # the rule says nothing yet
    assert style(3, 100, ("host",)) == ""
    assert style(3, 100) == ""


def test_errors_that_are_narrowed_to_are_no_outage() -> None:
    for until in (None, BASE - 10):
        scope = Scope((Narrowing("5xx", "status >= 500"),), 10, until)
        state = attrs.evolve(replay(is_broken=until is not None), scope=scope)
        state = attrs.evolve(state, context=attrs.evolve(CONTEXT, rules={}))
        assert status(answered(state, recorded(is_broken=True))).text == "● HEALTHY"


def test_what_comes_from_rollups_is_an_estimate() -> None:
    state = answered(attrs.evolve(replay(), scope=Scope((), 600)))
    ask = figures.total_ask(state)
    assert "~" not in page(state, 120, 40)
    rough = state.with_answer(ask, attrs.evolve(state.answers[ask], is_exact=False))
    assert re.search(r"p95 ~\d.* ~\d+ visitors", page(rough, 120, 40))


def test_time_that_nobody_read_is_not_known() -> None:
    hole = Hole(since=BASE - 600, until=BASE - 60, why="the monitor was off", is_all=True)
    kept = attrs.evolve(recorded(), holes=(hole,))
    half = answered(attrs.evolve(replay(), scope=Scope((), 300)), kept)
    # In this recording there are requests in the hole; what counts is what they are divided by.
    assert figures.totals(half)["rate"] == figures.totals(half)["hits"] / 60
    assert "of 1 min known" in page(half)
    inside = answered(attrs.evolve(replay(), scope=Scope((), 300, BASE - 120)), kept)
    assert "? NO DATA" in page(inside)
    some = attrs.evolve(recorded(), holes=(attrs.evolve(hole, is_all=False),))
    assert "with gaps" in page(answered(attrs.evolve(replay(), scope=Scope((), 300)), some))


def test_the_rate_of_an_answer_that_lags_is_over_its_own_time() -> None:
    scope = Scope((Narrowing("all", "status > 0"),))
    state = answered(attrs.evolve(replay(), scope=scope), attrs.evolve(recorded(), since=BASE - 5))
    assert state.shown is not None
    ask = figures.total_ask(state)
    asked = state.answers[ask]
    assert (asked.known, asked.total["hits"]) == (5, 50)
    later = attrs.evolve(state.shown, shown=attrs.evolve(state.shown.shown, end=BASE + 5))
    busy = attrs.evolve(state, shown=later)
    assert figures.totals(busy)["rate"] == 10
    idle = attrs.evolve(state, shown=attrs.evolve(later, rates=(0.0,) * 600))
    assert figures.totals(idle)["rate"] == 5


def test_each_log_has_its_rate_over_what_is_known() -> None:
    state = attrs.evolve(replay(), scope=Scope((), 30 * 86_400), view=7)
    assert re.search(r"access\.log +10 ", page(answered(state), 120, 40))


def test_incidents_of_another_group_do_not_shade_a_chart() -> None:
    mine = attrs.evolve(BUSY, by="host", group="a")
    state = showing(snapshot(alerts=Alerts((mine,))))
    assert marked_by(state, [BASE - 10], 10, rule="high_traffic", group="a") == ["incident"]
    assert marked_by(state, [BASE - 10], 10, rule="high_traffic", group="b") == [""]


def test_headings_do_not_touch() -> None:
    state = attrs.evolve(answered(attrs.evolve(replay(), view=1)))
    for measure in ("hits", "5xx", "4xx", "p95", "visitors", "bytes"):
        spec = state.focused
        assert spec is not None
        if measure not in spec.measures:
            continue
        sorted_state = answered(state.with_table(spec, TableState(sort=measure)))
        (heading,) = (row for row in page(sorted_state).splitlines() if " ▾" in row)
        assert f"  {measure} ▾" in heading


@pytest.mark.parametrize("cells", range(60, 121, 5))
def test_no_part_of_the_title_is_cut_but_the_name_of_the_log(cells: int) -> None:
    firing = attrs.evolve(replay(is_broken=True), scope=Scope((), 300, BASE - 300))
    old = attrs.evolve(snapshot(), shown_as=Shown.WHOLE_LOG)
    old = attrs.evolve(old, health=attrs.evolve(old.health, live=False))
    for state in (answered(firing, recorded(is_broken=True)), showing(old), answered(replay())):
        shown = page(state, cells).splitlines()[0]
        assert "…" not in shown.strip()[1:].removeprefix("…").partition(" ")[2], shown
    assert "5 min until 14:08:20" in page(answered(firing), cells).splitlines()[0]
    assert "whole log: 10 s" in page(showing(old), cells).splitlines()[0]


def test_while_one_looks_at_the_past_the_title_says_what_is_now() -> None:
    state = attrs.evolve(replay(is_broken=True), scope=Scope((), 60, BASE - 820))
    state = answered(state, recorded(is_broken=True))
    for cells in (80, 120):
        title = page(state, cells).splitlines()[0]
        assert "● HEALTHY" in title
        assert "now ✖ 1 CRITICAL" in title
    assert "now" not in page(answered(replay())).splitlines()[0]


def test_an_alert_of_the_past_has_its_value_of_then() -> None:
    state = attrs.evolve(replay(is_broken=True), scope=Scope((), 10, BASE - 30))
    window = [
        one.status
        for one in records(is_broken=True)
        if BASE - 150 <= one.time.timestamp() < BASE - 30
    ]
    share = 100 * sum(status >= 500 for status in window) / len(window)
    for cells in (80, 120):
        shown = page(answered(state, recorded(is_broken=True)), cells, 24)
        assert f"Server errors: {share:.1f} % of responses are 5xx" in shown
        assert "✖ when it began: Server errors: 12 % of" in page(state, cells, 24)
    silenced = attrs.evolve(state, silences=(Silence("Server errors", BASE + 60.0, ""),))
    for view in (0, 5):  # it was not, then
        past = answered(attrs.evolve(silenced, view=view), recorded(is_broken=True))
        assert "silenced" not in page(past, 120, 40)


def test_what_matters_of_an_alert_is_not_cut_for_what_does_not() -> None:
    state = replay(is_broken=True)
    assert state.shown is not None
    alerts = attrs.evolve(
        state.shown.alerts, latest={OUTAGE.id: 0.013}, closing={OUTAGE.id: BASE + 119}
    )
    state = attrs.evolve(
        state,
        shown=attrs.evolve(state.shown, alerts=alerts),
        acknowledged={OUTAGE.id: object()},
        silences=(Silence("Server errors", BASE + 600.0, ""),),
    )
    whole = "Server errors: 1.3 % of responses are 5xx (limit 5 %, 2 min)"
    assert f"{whole}  clear: over in 1 min 59 s, acknowledged, silenced" in page(state, 120, 40)
    assert f"{whole}  acknowledged" in page(state, 80, 24)


def test_the_length_of_a_past_window_is_always_shown() -> None:
    state = attrs.evolve(replay(), scope=Scope((), 300, BASE - 300))
    for cells in (60, 80, 120):
        assert "5 min until 14:08:20" in page(answered(state), cells).splitlines()[0]


def test_a_breach_that_is_no_alert_yet_is_on_the_first_screen() -> None:
    shown = snapshot(alerts=Alerts(pending=(Pending("held", None, BASE - 12),)))
    (held,) = read_rules(
        '[[rule]]\nname = "held"\nmetric = "rate"\nabove = 1\nfor = "30s"', "rules.toml"
    )
    state = showing(shown, context=attrs.evolve(CONTEXT, rules={"held": held}))
    assert "◌ held in breach for 12 s, an alert after 30 s" in page(state)
    assert " for 30s" in page(attrs.evolve(state, view=5), 120, 40)


def test_a_silenced_rule_says_so_on_a_narrow_screen() -> None:
    silences = (Silence("Server errors", BASE + 3600.0, "deploy"),)
    state = attrs.evolve(replay(), view=5, silences=silences)
    assert "silenced until 15:13:20" in page(state)


@pytest.mark.parametrize("hits", [999_999, 1_000_000, 17_280_000, 4_999_999_999])
@pytest.mark.parametrize(("cells", "rows"), [(60, 15), (80, 24), (120, 40), (200, 60)])
def test_no_number_is_cut_into_a_smaller_one(cells: int, rows: int, hits: int) -> None:
    state = attrs.evolve(replay(), cells=cells, rows=rows)
    spec = state.focused
    assert spec is not None
    row = {"section": "/x", "hits": hits, "5xx": hits // 3, "4xx": 0, "p95": 1.0, "bytes": hits}
    for sort in (None, "5xx"):
        chosen = state.with_table(spec, TableState(sort=sort))
        one = Answered(None, rows=[row], total=row, groups=1)
        shown = page(chosen.with_answer(ask_of(chosen, spec), one), cells, rows)
        (drawn,) = (line for line in shown.splitlines() if "/x" in line)
        assert "…" not in drawn
        expected = short_count(hits) if len(f"{hits:,}") >= 8 else f"{hits:,}"
        assert f" {expected} " in drawn


def test_a_table_that_is_sorted_by_errors_shows_how_many() -> None:
    state = answered(replay(is_broken=True), recorded(is_broken=True))
    spec = state.focused
    assert spec is not None
    state = answered(state.with_table(spec, TableState(sort="5xx")), recorded(is_broken=True))
    rows = page(state, 100, 24).splitlines()
    counts = [int(found[1]) for row in rows if (found := re.search(r"(\d+)  [\d.]+ %", row))]
    assert len(counts) >= 4
    assert counts == sorted(counts, reverse=True)


def test_estimates_are_marked() -> None:
    some = attrs.evolve(insights(), estimated=frozenset({HOST}))
    shown = page(showing(snapshot(insights=some)), 120, 40)
    assert "~321 visitors" in shown
    assert "Hosts~" in shown
    assert "~" not in page(showing(snapshot()), 120, 40)


def test_a_question_that_cannot_be_answered_says_why_above() -> None:
    state = attrs.evolve(replay(), scope=Scope((Narrowing("x", "CAST(path AS INTEGER) = 1"),)))
    assert "! " in page(answered(state)).splitlines()[2]


def test_the_clock_that_was_set_back_does_not_stop_the_screen() -> None:
    state = replay()
    assert state.shown is not None
    earlier = attrs.evolve(state.shown, time=state.shown.time - 3000)
    assert received(state, earlier).shown == earlier


def test_a_window_without_response_times_keeps_their_chart() -> None:
    state = answered(attrs.evolve(replay(), cells=120, rows=40))
    narrowed = attrs.evolve(state, scope=Scope((Narrowing("599", "status = 599"),)))
    assert "Response times" in page(answered(narrowed), 120, 40)


def test_a_log_in_no_known_format_says_so_and_lines_name_their_log() -> None:
    sources = (
        SourceHealth("good.log", SourceState.FOLLOWING, format="combined"),
        SourceHealth("bad.log", SourceState.FOLLOWING, unparsed=18),
    )
    rejects = (Reject("what is this", "no known format", "bad.log"),)
    shown = snapshot(health=health(sources=sources, rejects=18, reject_samples=rejects))
    drawn = page(showing(shown, view=7), 100, 30)
    assert "no known format, 18 lines not parsed" in drawn
    assert "bad.log:  no known format: what is this" in drawn


def test_a_screen_that_cannot_be_drawn_says_so_and_what_leads_back() -> None:
    shown = undrawable(showing(snapshot(), cells=80, rows=24), "year -712 is out of range")
    text = "\n".join("".join(piece[1] for piece in row) for row in shown)
    assert len(shown) == 24
    assert "This cannot be shown: year -712 is out of range" in text
    assert "[End: live]" in text


def test_a_busy_log_that_falls_silent_is_not_healthy() -> None:
    quiet = snapshot(alerts=Alerts(), insights=insights(hits=0), silent=100)
    assert status(showing(quiet)).text == "? SILENT FOR 1 min 40 s"
    behind = snapshot(alerts=Alerts(), health=health(lag_seconds=38.0))
    assert status(showing(behind)).text == "? BEHIND BY 38 s"
    told = "! behind by 38 s: newer lines of the servers have not arrived"
    assert told in "\n".join(map(text, render(showing(behind, cells=100, rows=30))))
    assert status(showing(snapshot(alerts=Alerts()))).text == "● HEALTHY"


def test_few_requests_that_nearly_all_fail_are_no_health() -> None:
    for hits, errors, text in ((6, 6, "FAILING"), (6, 2, "HEALTHY"), (4, 4, "HEALTHY")):
        few = insights(hits=hits, server_errors=errors)
        state = showing(snapshot(alerts=Alerts(), insights=few))
        assert text in status(state).text, hits


def test_a_time_has_the_date_and_the_year_where_it_matters() -> None:
    today = date(2026, 9, 21)
    assert clock_on(datetime(2026, 9, 21, 7, 5, 9, tzinfo=UTC), today) == "07:05:09"
    assert clock_on(datetime(2026, 9, 20, 7, 5, 9, tzinfo=UTC), today) == "Sep 20 07:05"
    assert clock_on(datetime(2015, 9, 21, 7, 5, 9, tzinfo=UTC), today) == "2015-09-21"
    state = replay()
    old = {"time": datetime(2015, 5, 19, 7, tzinfo=UTC)}
    now = {"time": datetime.fromtimestamp(BASE, UTC)}
    assert RowForm.of(state, [now]).time_form == "%H:%M:%S"
    assert RowForm.of(state, [now, old]).time_form == "%Y-%m-%d %H:%M:%S"


def test_without_colors_the_parts_of_a_chart_differ_by_their_letters() -> None:
    context = attrs.evolve(CONTEXT, has_colors=False)
    state = attrs.evolve(replay(is_broken=True), context=context)
    state = answered(attrs.evolve(state, cells=120, rows=40), recorded(is_broken=True))
    shown = page(state, 120, 40)
    assert "2xx # 3xx = 4xx 4 5xx 5" in shown
    assert "p50 * p90 + p95 o p99 x" in shown
    assert "5555" in shown
    unknown = answered(attrs.evolve(state, scope=Scope((), 60, START + 60)))
    assert "·····" in page(unknown, 120, 40)
    assert "????" not in page(unknown, 120, 40)


def test_a_small_screen_names_the_lines_of_response_times() -> None:
    state = answered(attrs.evolve(replay(), view=4))
    assert "Response times p50 p90 p95 p99" in page(state)
