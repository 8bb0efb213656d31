"""The screen, drawn for sizes of terminal and states of the monitor. Pure: no terminal here."""

from __future__ import annotations

from datetime import UTC

import attrs
import pyte
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.outputs.console.cells import Row, row_width
from actors.outputs.console.keys import KEYS
from actors.outputs.console.panels import Context
from actors.outputs.console.screen import View, render
from glancemetrics.alerting.alerting import Alerts
from glancemetrics.health.health import OutputHealth, OutputState, SourceHealth, SourceState
from glancemetrics.records.dimensions import AGENT, DIMENSIONS, HOST, PATH, SECTION, STATUS
from glancemetrics.records.rejects import Reject
from glancemetrics.rules.high_traffic import high_traffic
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.traffic.insights import TopRow, empty_insights
from glancemetrics.traffic.snapshot import Shown, Snapshot
from tests.actors.outputs.snapshots import FIRING, health, insights, snapshot
from tests.lines import BASE

CONTEXT = Context(
    version="0.1.0",
    started_at=BASE - 123.0,
    rules={"high_traffic": high_traffic(10.0, 120)},
    incident_limit=3,
    expected="in the combined format",
    zone=UTC,
)
NOTHING = empty_insights(BASE, 10)


def text(row: Row) -> str:
    return "".join(piece for _, piece in row)


def screen(
    shown: Snapshot | None = None, cells: int = 80, rows: int = 24, view: View | None = None
) -> list[str]:
    drawn = render(shown or snapshot(), view or View(), CONTEXT, cells, rows)
    return [text(row).rstrip() for row in drawn]


def styled(shown: Snapshot, words: str, cells: int = 160) -> str:
    """The style of the fragment that holds these words."""
    for row in render(shown, View(), CONTEXT, cells, 50):
        for style, piece in row:
            if words in piece:
                return style
    raise AssertionError(f"{words!r} is not on the screen")


def test_at_80_by_24_everything_that_matters_is_there() -> None:
    shown = screen()
    assert shown[0].startswith(" ▲ 1 warning  GlanceMetrics  /var/log/access.log  combined  ")
    assert "combined · up 2 min 03 s" in screen(cells=120)[0]
    assert shown[0].endswith("14:13:20 UTC")
    assert screen(cells=120)[0].endswith("2026-09-21 14:13:20 UTC")
    assert shown[1] == " lines 12,345  rejects 0  lag 0 B  delay 0.5 s"
    page = "\n".join(shown)
    assert "hits 1,284  req/s 128.4  traffic 91.1 kB  visitors 321  users 4" in page
    assert "errors 42 (3.3 %)  2xx 1,200  3xx 42  4xx 30  5xx 12" in page
    assert "Alerts: ▲ 1 warning" in page
    assert " ▲ warning  High traffic: 12.5 req/s over 2 min (limit 10)" in page
    assert "            since 14:13:00 UTC, 20 s so far, peak 14 req/s" in page
    assert " ✓ recovered  High traffic: 5 min 00 s, peak " in page
    assert " req/s, until 14:03:20 UTC" in page
    assert "Sections" in page
    assert "Paths" in page
    assert shown[-2] == " alert log: /state/alerts.jsonl"
    assert shown[-1].startswith(" q quit   p pause   ? help")
    assert "/s0" in page


def test_when_the_terminal_is_wide_tops_stand_side_by_side() -> None:
    wide = screen(cells=200, rows=60)
    heading = next(row for row in wide if "Sections" in row)
    assert "Paths" in heading
    assert "Hosts" in heading
    page = "\n".join(wide)
    for title in ("Sections", "Paths", "Hosts", "Status", "Methods", "Users", "Referrers",
                  "Agents"):  # fmt: skip
        assert title in page
    narrow = screen(cells=80, rows=60)
    assert not any("Sections" in row and "Paths" in row for row in narrow)


def test_small_tables_are_whole_before_large_ones_are_long() -> None:
    few = insights()
    top = few.top | {
        SECTION: few.top[SECTION][:8],
        STATUS: few.top[STATUS][:7],
    }
    shown = screen(snapshot(insights=attrs.evolve(few, top=top)), cells=126, rows=34)
    headings = [row for row in shown if "hits   share" in row]
    assert headings[0].startswith(" Sections  ")
    assert "Paths 1–" in headings[0]
    assert any("Status  " in row for row in headings)
    narrow = screen(snapshot(insights=attrs.evolve(few, top=top)), rows=27)
    assert any(row.startswith(" Sections  ") for row in narrow)


@given(
    st.integers(1, 260),
    st.integers(1, 90),
    st.integers(0, 30),
    st.integers(0, 9),
    st.booleans(),
    st.booleans(),
)
@settings(deadline=None, max_examples=200)
def test_every_size_is_filled_exactly(
    cells: int, rows: int, top: int, focus: int, help_: bool, empty: bool
) -> None:
    view = View(help=help_, focus=focus)
    shown = snapshot(insights=NOTHING if empty else insights(top))
    drawn = render(shown, view, CONTEXT, cells, rows)
    assert len(drawn) == rows
    assert {row_width(row) for row in drawn} == {cells}


TRICKY = st.text(
    st.characters(codec="utf-8")
    | st.sampled_from("🇩🇪👨👩🏽\u200d\ufe0f\u20e31☺\u1112\u1161\u11ab\u3164कमि्ا\u064b한日\u0301")
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
    for row in render(shown, View(), CONTEXT, cells, 24):
        # One by one: pyte gives up the rest of a text at a mark that is of combining class 0.
        for character in "\r" + "".join(text for _, text in row):
            stream.feed(character)
        assert terminal.cursor.x == cells


def test_the_sparkline_ends_with_the_newest_second() -> None:
    rates = (0,) * 590 + (5,) * 8 + (0, 10)
    shown = screen(snapshot(rates=rates), cells=320, rows=24)
    assert shown[2].endswith("█")
    assert "10" in shown[2]
    assert shown[3].endswith("████████ █")


def test_ongoing_alerts_are_red_and_recovered_ones_are_not() -> None:
    assert styled(snapshot(), "▲ warning  High traffic") == "class:warning-alert"
    assert styled(snapshot(), "✓ recovered  High traffic") == "class:recovered"
    quiet = snapshot(alerts=Alerts())
    assert "Alerts: none active" in "\n".join(screen(quiet))
    assert screen(quiet)[0].startswith(" ✓ OK  GlanceMetrics")


def test_of_many_ongoing_alerts_those_that_matter_most_are_shown() -> None:
    (scan,) = read_rules('[[rule]]\nname = "Scan"\nscan = "paths"\nseverity = "info"', "a")
    (broken,) = read_rules(
        '[[rule]]\nname = "Broken"\nmetric = "error_ratio"\nabove = 0.1\nseverity = "critical"',
        "a",
    )
    context = attrs.evolve(CONTEXT, rules={**CONTEXT.rules, "Scan": scan, "Broken": broken})
    scans = [
        attrs.evolve(FIRING, rule="Scan", severity="info", by="host", group=f"192.0.2.{i}\x1b")
        for i in range(40)
    ]
    critical = attrs.evolve(FIRING, rule="Broken", severity="critical", value=0.25, peak=0.5)
    shown = snapshot(alerts=Alerts((*scans, FIRING, critical)))
    drawn = render(shown, View(), context, 120, 40)
    text = ["".join(piece for _, piece in row) for row in drawn]
    page = "\n".join(text)
    assert "Alerts: ✖ 1 critical  ▲ 1 warning  ● 40 info" in page
    assert page.startswith(" ✖ 1 critical  GlanceMetrics")
    lines = ("✖ critical  Broken: 25 %", "▲ warning  High traffic", "● info  Scan")
    order = [page.index(line) for line in lines]
    assert order == sorted(order)
    assert "39 more: Scan 39" in page
    assert "192.0.2.0\\x1b" in page
    assert "\x1b" not in page


def test_when_nothing_parses_it_says_so_with_the_first_line_and_what_to_do() -> None:
    page = " ".join(
        screen(
            snapshot(
                insights=NOTHING,
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
        )
    )
    page = " ".join(page.split())
    assert "1,284 lines read, none in the combined format." in page
    assert 'The first one: {"msg": "first"}' in page
    assert "Why it is not read: no time such as [x]." in page
    assert "give its format with --format" in page
    assert "Sections" not in page


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
    page = " ".join(" ".join(screen(snapshot(insights=NOTHING, health=health(**fields)))).split())
    assert expected in page
    assert "lines read" not in page


def test_a_filter_is_on_the_screen_with_what_it_leaves_out() -> None:
    context = attrs.evolve(CONTEXT, where="status = 599")
    some = snapshot(health=health(filtered=345))
    drawn = [text(row).rstrip() for row in render(some, View(), context, 80, 24)]
    assert drawn[2] == " where status = 599  filtered out 345"
    nothing = snapshot(insights=NOTHING, health=health(records=8385, filtered=8385))
    page = "\n".join(text(row) for row in render(nothing, View(), context, 80, 24))
    assert "8,385 requests, none matches status = 599" in page


def test_a_longer_window_says_how_long_it_is() -> None:
    wide = attrs.evolve(insights(), window_seconds=300)
    assert " last 5 min  " in "\n".join(screen(snapshot(shown=wide)))


def test_an_old_log_is_headed_by_its_span_and_its_chart_is_of_all() -> None:
    whole = attrs.evolve(insights(), end=BASE + 1, window_seconds=90_001)
    shown = snapshot(
        insights=whole,
        shown=whole,
        shown_as=Shown.WHOLE_LOG,
        rates=(5.0, *(0.0,) * 999),
    )
    page = screen(shown, cells=160)
    assert any(
        "whole log: 2026-09-20 13:13:20 UTC – 2026-09-21 14:13:20 UTC (1 d 01 h)" in row
        for row in page
    )
    assert page[2].strip().endswith("█")
    assert page[3].strip() == "req/s █"


def test_at_a_glance_it_is_said_whether_there_is_data() -> None:
    blind = health(sources=(SourceHealth("/x.log", SourceState.BLOCKED, "permission denied"),))
    assert screen(snapshot(alerts=Alerts(), health=blind))[0].startswith(" ? no data  Glance")


def test_the_default_limit_says_how_to_set_it() -> None:
    rule = high_traffic(10.0, 120, is_default=True)
    context = attrs.evolve(CONTEXT, rules={"high_traffic": rule})
    firing = attrs.evolve(FIRING, severity=rule.severity.value)
    shown = snapshot(alerts=Alerts((firing,)))
    page = "\n".join(text(row) for row in render(shown, View(), context, 120, 24))
    assert "● info  High traffic: 12.5 req/s over 2 min (limit 10)" in page
    assert "10 req/s is the default: --alert-threshold N" in page
    assert page.startswith(" ✓ OK ")


def test_trouble_stays_in_sight() -> None:
    troubled = health(
        rejects=7,
        late=3,
        early=2,
        lag_bytes=5_000_000,
        lag_seconds=42.0,
        sources=(
            SourceHealth("/a.log", SourceState.FOLLOWING),
            SourceHealth("/b.log", SourceState.BLOCKED, "may not be read"),
        ),
        outputs=(
            OutputHealth("alert log", OutputState.RETRYING, "/root: Permission denied", 2, 5),
            OutputHealth("notify ops", OutputState.WORKING, "webhook", 1),
        ),
    )
    page = "\n".join(screen(snapshot(health=troubled), cells=120))
    assert "rejects 7  lag 5.0 MB, 42 s  delay 0.5 s  late 3  early 2" in page
    assert "! /b.log: may not be read" in page
    assert "! alert log fails: /root: Permission denied; retrying, 2 events lost" in page
    assert "! notify ops lost 1 event" in page
    assert "/a.log and 1 more" in page


def test_logs_that_have_not_been_opened_are_counted_on_the_screen() -> None:
    sources = [SourceHealth(f"{i}.log", SourceState.READING, opened=i < 640) for i in range(1000)]
    page = "\n".join(screen(snapshot(health=health(sources=tuple(sources))), cells=120))
    assert "! 640 of 1,000 logs opened" in page


def test_damaged_requests_are_shown_beside_the_rejects() -> None:
    assert "damaged" not in screen()[1]
    shown = screen(snapshot(health=attrs.evolve(snapshot().health, damaged=1234)))
    assert shown[1].startswith(" lines 12,345  rejects 0  damaged 1,234  lag")


def test_memory_is_shown_beside_what_may_be_taken_and_marked_when_it_is_short() -> None:
    def shown(**fields: object) -> Snapshot:
        return snapshot(health=health(**fields))

    row = screen(shown(memory=200_000_000), cells=120)[1]
    assert row.endswith("memory 200.0 MB")
    fine = shown(memory=200_000_000, memory_limit=1_000_000_000)
    short = shown(memory=950_000_000, memory_limit=1_000_000_000)
    assert screen(short, cells=120)[1].endswith("memory 950.0 MB of 1.0 GB")
    assert styled(short, "950.0 MB") != styled(fine, "200.0 MB")


def test_estimates_are_marked() -> None:
    estimated = insights(estimated=frozenset({HOST}))
    page = "\n".join(screen(snapshot(insights=estimated), cells=200, rows=60))
    assert "visitors ~321" in page
    assert "Hosts~" in page


def test_what_is_not_known_is_a_dash() -> None:
    shown = snapshot(health=health(delay=None, lag_bytes=9, lag_seconds=None))
    assert screen(shown)[1] == " lines 12,345  rejects 0  lag 9 B, –  delay –"


def test_tab_and_arrows_move_and_scroll() -> None:
    view = View()
    assert " /s0 " in "\n".join(screen(view=view))
    view.scroll_down()
    page = "\n".join(screen(view=view))
    assert " /s0 " not in page
    assert "/s1" in page
    view.page_down()
    view.page_down()
    view.page_down()
    screen(view=view)
    assert "/s19" in "\n".join(screen(view=view))
    view.scroll_home()
    assert " /s0 " in "\n".join(screen(view=view))
    for _ in range(7):
        view.focus_next()
    assert "Agent/0.0" in "\n".join(screen(view=view))
    view.focus_next()
    assert view.focused is SECTION
    view.focus_previous()
    assert view.focused is AGENT


def test_help_tells_every_key() -> None:
    page = "\n".join(screen(view=View(help=True), rows=24))
    assert "requests dated more than a minute in the future" in page
    for key in KEYS:
        assert key.help in page
    assert "? or Esc back" in page


def test_a_pause_is_told() -> None:
    shown = screen(view=View(paused=True))
    assert "PAUSED" in shown[0]
    assert "p resume" in shown[-1]


HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202e\u200b\u0301\n\t日本" + "x" * 300


def test_nothing_of_a_log_is_anything_but_text() -> None:
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
    for shown in (evil, rejected):
        drawn = render(shown, View(), CONTEXT, 100, 40)
        page = "".join(map(text, drawn))
        assert not set(page) & set("\x1b\x07\u202e\u200b\u0301\n\t")
        assert {row_width(row) for row in drawn} == {100}
        assert r"\x1b[2J" in page


def test_before_the_first_snapshot_there_is_a_word() -> None:
    drawn = [text(row) for row in render(None, View(), CONTEXT, 80, 24)]
    assert "Reading the log" in drawn[1]


def test_a_replay_says_that_it_is_one() -> None:
    past = attrs.evolve(snapshot(), health=health(live=False))
    assert "replay" in screen(past, cells=120)[0]
