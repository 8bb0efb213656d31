"""What keys do to the state, without a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.outputs.console import effects, moving, narrowing, prompts
from actors.outputs.console.alerts import alert_rows, by_severity
from actors.outputs.console.commands import COMMANDS, copy_row, go_back
from actors.outputs.console.completing import completions
from actors.outputs.console.pages.alerts_view import (
    choose_incident,
    chosen_incident,
    chosen_rule_of,
)
from actors.outputs.console.pages.request_detail import RequestDetail
from actors.outputs.console.pages.requests_view import chosen_record, records_ask
from actors.outputs.console.palette import found
from actors.outputs.console.rule_charts import rule_ask, rule_chart
from actors.outputs.console.screen import asks
from actors.outputs.console.state import State, TableState
from actors.outputs.console.tables import ask_before, ask_of, chosen_index, finding, table_of
from actors.outputs.console.values import change_text, rate_text
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.history.ask import Answered
from glancemetrics.history.metric_series import measures_of
from glancemetrics.records.dimensions import dimension_called
from glancemetrics.rules.metrics import read_metric
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.traffic.insights import TopRow
from glancemetrics.traffic.windows import WINDOWS
from tests.actors.outputs.console.replays import (
    OUTAGE,
    answer_from,
    answer_of,
    answered,
    recorded,
    replay,
)
from tests.lines import BASE


@pytest.fixture
def state() -> State:
    return answered(replay())


def names_of(state: State) -> list[str]:
    spec = state.focused
    assert spec is not None
    return [row.names[0] for row in table_of(state, spec).rows]


def test_rows_keep_their_place_under_the_cursor_until_home(state: State) -> None:
    spec = state.focused
    assert spec is not None
    before = names_of(state)
    state = moving.move(moving.move(state, 1), 1)
    assert chosen_index(table_of(state, spec).rows, state.table(spec)) == 2
    ask = ask_of(state, spec)
    known = state.answers[ask]
    turned = attrs.evolve(known, rows=tuple(reversed(known.rows)))
    state = state.with_answer(ask, turned)
    assert names_of(state) == before
    gone = attrs.evolve(known, rows=[{**known.rows[0], "section": "/new"}, *known.rows[2:]])
    after = names_of(state.with_answer(ask, gone))
    assert after[: len(before)] == before  # those that are gone keep their place, too
    assert after[-1] == "/new"
    assert names_of(moving.go_to_top(state)) == before[::-1]


def test_columns_are_sorted_by_and_the_order_is_reversed(state: State) -> None:
    spec = state.focused
    assert spec is not None
    for expected in ("5xx", "4xx", "p95", "bytes", "hits"):
        state = moving.sort_by_next(state, 1)
        assert state.table(spec).sort == expected
    state = answered(moving.reverse(state))
    hits = [row.values["hits"] for row in table_of(state, spec).rows]
    assert hits == sorted(hits)


def test_opening_a_row_narrows_everything_and_back_widens(state: State) -> None:
    state = moving.move(state, 1)
    name = names_of(state)[1]
    opened = state.page.opened(state)
    assert opened.scope.where == f"section = '{name}'"
    assert all(ask.where is not None and f"section = '{name}'" in ask.where for ask in asks(opened))
    assert narrowing.widen(opened).scope == state.scope
    without = narrowing.exclude_row(state)
    assert without.scope.where == f"section IS DISTINCT FROM '{name}'"
    assert name not in names_of(answered(without))


def test_finding_asks_the_history_for_all_values(state: State) -> None:
    state = moving.focus(state, 1)
    state = prompts.typed(prompts.ask_find(state), "POST-3")
    state = answered(prompts.accept(state, "POST-3"))
    assert names_of(state) == ["/blog/post-3"]
    assert state.prompt is None
    assert len(names_of(answered(prompts.stop_finding(state)))) > 1


@given(st.text())
@settings(max_examples=40, deadline=None)
def test_any_text_to_find_gives_an_answer_or_a_sentence(text: str) -> None:
    state = prompts.typed(prompts.ask_find(replay()), text)
    spec = state.focused
    assert spec is not None
    ask = ask_of(state, spec)
    answer = answered(attrs.evolve(state, answers={})).answers.get(ask)
    assert answer is not None
    assert not answer.error or "\0" in text or not text.isprintable()


def test_windows_go_from_ten_seconds_to_thirty_days(state: State) -> None:
    assert (WINDOWS[0], WINDOWS[-1]) == (10, 30 * 86_400)
    for seconds in WINDOWS[1:]:
        state = narrowing.lengthen(state, 1)
        assert state.seconds == seconds
    assert narrowing.lengthen(state, 1).notice
    for seconds in WINDOWS[-2::-1]:
        state = narrowing.lengthen(state, -1)
        assert state.seconds == seconds
    assert narrowing.lengthen(state, -1).notice
    for seconds in (*WINDOWS[1:], WINDOWS[0]):
        state = narrowing.cycle_window(state)
        assert state.seconds == seconds


def test_time_is_gone_back_and_forward(state: State) -> None:
    back = narrowing.go_back(narrowing.go_back(state, 1), 1)
    assert (back.scope.until, back.scope.seconds) == (BASE - 20, 10)
    assert narrowing.go_back(back, -1).scope.until == BASE - 10
    assert narrowing.go_back(narrowing.go_back(back, -1), -1).is_live
    assert narrowing.go_live(back).is_live
    past = prompts.accept(prompts.ask_time(state), "14:00")
    noon = int(datetime(2026, 9, 21, 14, tzinfo=UTC).timestamp())
    assert past.scope.until == noon + 5
    assert prompts.accept(prompts.ask_time(state), "soon").prompt is not None


def test_a_filter_is_checked_before_it_counts(state: State) -> None:
    state = prompts.typed(prompts.ask_filter(state), "status >= 400")
    assert state.effects[-1] == effects.CheckFilter("status >= 400", is_accepted=False)
    wrong = prompts.checked(state, "status >= 400", "no such column", is_accepted=True)
    assert wrong.prompt is not None
    assert wrong.prompt.problem == "no such column"
    right = prompts.checked(state, "status >= 400", "", is_accepted=True)
    assert right.prompt is None
    assert right.scope.where == "status >= 400"
    late = prompts.checked(state, "status >=", "", is_accepted=True)
    assert late == state  # the answer to what was typed before


def test_saving_needs_a_known_ending(state: State) -> None:
    asked = prompts.ask_file(state)
    assert asked.prompt is not None
    assert asked.prompt.text == "glancemetrics-20260921-141320.svg"
    assert prompts.accept(asked, "x.png").prompt is not None
    saved = prompts.accept(asked, "x.svg")
    assert saved.effects[-1] == effects.SaveView("x.svg")


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", "section"),
        ("sta", "status"),
        ("status ", "="),
        ("status = ", "200"),
        ("status = 2", "200"),
        ("path = '/che", "'/checkout'"),
        ("status = 200 ", "AND"),
        ("status = 200 and me", "method"),
        ("path in ('/', '/sea", "'/search'"),
    ],
)
def test_a_filter_is_completed(state: State, before: str, expected: str) -> None:
    offered = completions(moving.focus(state, 1), before)
    assert expected in [one.text for one in offered]
    chosen = next(one for one in offered if one.text == expected)
    whole = before[: len(before) - chosen.back] + chosen.text
    assert whole.endswith(expected)


@given(st.text())
@settings(deadline=None)
def test_any_text_can_be_completed(text: str) -> None:
    for one in completions(replay(), text):
        assert one.back <= len(text)


def test_commands_are_found_by_their_words() -> None:
    assert found("longer")[0].action.name == "longer"
    assert found("silence")[0].action.keys == ("m",)
    assert not found("xyzzy")
    assert len(found("")) == len(COMMANDS)


def test_no_key_has_two_meanings() -> None:
    keys = [key for command in COMMANDS for key in command.action.keys]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("hits", "before", "expected"),
    [
        (10, None, ""),
        (10, 0, "new"),
        (0, 0, ""),
        (10, 10, "="),
        (12, 10, "▲ 20 %"),
        (5, 10, "▼ 50 %"),
        (200, 10, "▲ 20x"),
        (0, 10, "▼ 100 %"),
    ],
)
def test_changes_are_said_in_short(hits: float, before: float | None, expected: str) -> None:
    assert change_text(hits, before)[1] == expected


@pytest.mark.parametrize(
    ("rate", "text"), [(0.0023, "0.0023"), (9.87, "9.87"), (12.34, "12.3"), (29_779.2, "29,779")]
)
def test_a_rate_has_as_many_digits_as_say_something_and_its_thousands_apart(
    rate: float, text: str
) -> None:
    assert rate_text(rate) == text


@pytest.mark.parametrize(
    ("metric", "measures"),
    [
        ("rate", ("rate",)),
        ("status_ratio(5xx)", ("5xx", "hits")),
        ("status(4xx)", ("4xx",)),
        ("p95", ("p95",)),
        ("bytes_rate", ("bytes",)),
        ("distinct(path)", ()),
        ("status(503)", ()),
        ("upstream_p95", ()),
    ],
)
def test_metrics_that_the_history_knows_have_a_chart(
    metric: str, measures: tuple[str, ...]
) -> None:
    assert measures_of(read_metric(metric)) == measures


def test_an_incident_is_opened_at_its_time() -> None:
    state = attrs.evolve(replay(is_broken=True), view=5)
    state = answered(state, recorded(is_broken=True))
    state = moving.move(state, 3)  # below two that are ongoing and one that is pending
    opened = state.page.opened(state)
    # From its window before it to its end, and a tenth more.
    assert opened.scope.until == BASE - 420
    assert opened.scope.seconds == 550
    assert opened.page.name == "overview"


def test_answers_that_nobody_asks_for_are_forgotten(state: State) -> None:
    ask = asks(state)[0]
    many: Any = state
    for number in range(400):
        many = many.with_answer(attrs.evolve(ask, shift=number), Answered(None))
    assert len(many.answers) < 200


def test_a_filter_may_be_plain_words(state: State) -> None:
    typed = prompts.typed(prompts.ask_filter(state), "404")
    assert typed.effects[-1] == effects.CheckFilter("status = 404", is_accepted=False)
    accepted = prompts.accept(typed, "404")
    right = prompts.checked(accepted, "status = 404", "", is_accepted=True)
    assert right.scope.where == "status = 404"


def test_a_rule_is_silenced_for_as_long_as_is_typed(state: State) -> None:
    asked = prompts.ask_silence_of(state, "Server errors")
    assert prompts.accept(asked, "").effects[-1] == effects.BeginSilence("Server errors", 3600)
    assert prompts.accept(asked, "2d").effects[-1] == effects.BeginSilence("Server errors", 172_800)
    wrong = prompts.accept(asked, "soon")
    assert wrong.prompt is not None
    assert "30m, 4h or 2d" in wrong.prompt.problem


def test_alerts_of_the_past_are_those_of_then() -> None:
    state = answered(replay(is_broken=True), recorded(is_broken=True))
    assert {one.rule for one in by_severity(state)} == {"Server errors", "high_traffic"}
    then = narrowing.with_scope(state, attrs.evolve(state.scope, until=BASE - 600, seconds=10))
    (one,) = by_severity(then)
    assert (one.id, one.recovered_at) == ("high_traffic-0", None)
    shown = "".join(piece[1] for piece in alert_rows(then, 120, 1)[0])
    assert "3 min 20 s" in shown
    before = attrs.evolve(then, scope=attrs.evolve(then.scope, until=BASE - 850))
    shown = "".join(piece[1] for piece in alert_rows(before, 120, 1)[0])
    assert "No active alerts at that time" in shown
    assert "recovered" not in shown


def test_an_ongoing_alert_says_how_bad_it_is_now() -> None:
    state = replay(is_broken=True)
    assert state.shown is not None
    (incident, *_) = by_severity(state)
    alerts = attrs.evolve(state.shown.alerts, latest={incident.id: 0.123})
    state = attrs.evolve(state, shown=attrs.evolve(state.shown, alerts=alerts))
    shown = "".join(piece[1] for piece in alert_rows(state, 120, 1)[0])
    assert "12.3 %" in shown
    assert f"peak {100 * incident.peak:.0f}" in shown


@pytest.mark.parametrize(
    ("latest", "expected"),
    [({OUTAGE.id: 0.02}, "clear: over in 40 s"), ({}, "no data: over in 40 s")],
)
def test_an_alert_that_is_no_longer_in_breach_says_when_it_is_over(
    latest: dict[str, float], expected: str
) -> None:
    state = replay(is_broken=True)
    assert state.shown is not None
    alerts = attrs.evolve(state.shown.alerts, latest=latest, closing={OUTAGE.id: BASE + 40})
    state = attrs.evolve(state, shown=attrs.evolve(state.shown, alerts=alerts))
    shown = "".join(piece[1] for piece in alert_rows(state, 120, 1)[0])
    assert expected in shown
    past = narrowing.with_scope(state, attrs.evolve(state.scope, until=BASE - 10, seconds=10))
    shown = "".join(piece[1] for piece in alert_rows(past, 120, 1)[0])
    assert "over in" not in shown


def test_enter_on_a_rule_keeps_the_filter(state: State) -> None:
    state = narrowing.filter_by(attrs.evolve(state, view=5), "method = 'GET'")
    state = moving.move(state, 1)  # below the incident that is over
    assert state.page.opened(state).notice == "this rule counts all requests"
    opened = state
    assert opened.scope.where is not None
    assert "method = 'GET'" in opened.scope.where


def test_rows_that_have_gone_do_not_pile_up(state: State) -> None:
    spec = state.focused
    assert spec is not None
    for second in range(30):
        rows = [{"section": f"/{second}-{number}", "hits": 200 - number} for number in range(200)]
        state = state.with_answer(ask_of(state, spec), Answered(None, rows=rows, groups=200))
        state = moving.move(state, 1)
    assert len(state.table(spec).order) <= 600
    assert len(table_of(state, spec).rows) <= 600


def test_the_cursor_stays_in_its_table_when_another_one_appears(state: State) -> None:
    assert state.shown is not None
    top = dict(state.shown.shown.top)
    agent = next(one for one in top if one.name == "agent")
    user = dimension_called("user")
    assert user not in top
    while state.focused is None or state.focused.by != ("agent",):
        state = moving.focus(state, 1)
    insights = attrs.evolve(state.shown.shown, top={**top, user: (TopRow("ann", 1, 1, 0),)})
    more = attrs.evolve(state, shown=attrs.evolve(state.shown, shown=insights))
    assert ("user",) in [spec.by for spec in more.page.tables(more)]
    assert more.focused is not None
    assert more.focused.by == ("agent",)
    # Without any agent the cursor is in the first table, until there are some again.
    insights = attrs.evolve(insights, top={one: rows for one, rows in top.items() if one != agent})
    none = attrs.evolve(state, shown=attrs.evolve(state.shown, shown=insights))
    assert none.focused == none.page.tables(none)[0]


def test_a_failed_question_about_the_window_before_makes_nothing_new(state: State) -> None:
    spec = state.focused
    assert spec is not None
    state = state.with_answer(ask_before(state, spec), Answered(None, error="the disk is gone"))
    assert {row.before for row in table_of(state, spec).rows} == {None}


def test_the_request_under_the_cursor_stays_when_the_newest_come(state: State) -> None:
    state = moving.go_to_view_called(state, "requests")
    old = records_ask(state)
    kept = recorded()
    late = Answered.of(old.question(BASE - 5), answer_from(old.question(BASE - 5), kept), 0.0)
    state = state.with_answer(old, late)
    state = moving.move(state, 3)
    chosen = chosen_record(state)
    assert chosen is not None
    new = records_ask(state)
    question = new.question(state.now)
    state = state.with_answer(new, Answered.of(question, answer_from(question, kept), 0.0))
    assert chosen_record(state) == chosen


def test_answers_that_are_kept_are_bounded_in_bytes(state: State) -> None:
    """A row may have a path of megabytes."""
    for number in range(200):
        ask = state.ask(limit=number + 1)
        state = state.with_answer(ask, Answered(None, size=1 << 21))
        assert ask in state.answers
    assert len(state.answers) == 24
    for number in range(200):
        state = state.with_answer(state.ask(limit=number + 1), Answered(None, size=1 << 10))
    assert 80 < len(state.answers) <= 91


def test_an_answer_that_says_the_same_again_stays_the_one_that_was_drawn(state: State) -> None:
    ask = asks(state)[0]
    first = Answered(None, rows=[{"hits": 3}], total={"hits": 3}, seconds=0.1)
    again = Answered(None, rows=[{"hits": 3}], total={"hits": 3}, seconds=0.2)
    other = Answered(None, rows=[{"hits": 4}], total={"hits": 4})
    state = state.with_answer(ask, first)
    assert state.with_answer(ask, again).answers[ask] is first
    assert state.with_answer(ask, other).answers[ask] is other
    partial = attrs.evolve(first, missing="no data before 10:00")
    assert state.with_answer(ask, partial).answers[ask] is partial


def test_what_is_shown_is_asked_for_before_what_it_is_compared_with(state: State) -> None:
    shifts = [ask.shift for ask in asks(state)]
    assert shifts == sorted(shifts)
    assert shifts[-1] > 0


def test_an_incident_is_left_by_going_back(state: State) -> None:
    """It is about all requests, and going back is to where one was."""
    before = narrowing.filter_by(attrs.evolve(state, view=5), "method = 'GET'")
    opened = before.page.opened(before)
    assert opened.scope.where is None
    assert opened.scope.until is not None
    assert opened.page.name == "overview"
    back = go_back(opened)
    assert (back.scope, back.view) == (before.scope, 5)
    assert go_back(back).scope.narrowed == ()


def test_after_the_past_the_window_is_the_monitors_own_again(state: State) -> None:
    assert narrowing.go_live(narrowing.go_back(state, 1)).scope.is_plain
    longer = narrowing.lengthen(state, 1)
    assert narrowing.go_live(narrowing.go_back(longer, 1)).scope == longer.scope
    for _ in WINDOWS:
        state = narrowing.cycle_window(state)
    assert state.scope.is_plain


def test_what_is_copied_cannot_run_in_a_shell(state: State) -> None:
    evil = attrs.evolve(state, over=(RequestDetail({"path": "/a"}, raw="a\nrm -rf ~\n\x1b[31m"),))
    (copied,) = copy_row(evil).effects
    assert isinstance(copied, effects.Copy)
    assert copied.text.isprintable()
    assert "rm -rf" in copied.text


def test_names_are_found_as_they_are_shown(state: State) -> None:
    spec = state.focused
    assert spec is not None
    condition = finding(spec, "Café's")
    assert condition is not None
    assert "caf%c3%a9''s" in condition


def test_words_are_looked_for_in_requests_where_there_is_no_table(state: State) -> None:
    narrowed = narrowing.filter_by(attrs.evolve(state, view=6), "status = 404")
    asked = prompts.ask_find(narrowed)
    assert asked.prompt is not None
    assert (asked.prompt.kind, asked.prompt.text) == ("search", "")
    # What it is narrowed to stays, and nothing typed changes nothing.
    assert prompts.accept(asked, "").scope == narrowed.scope
    typed = prompts.typed(asked, "checkout")
    (effect,) = prompts.accept(attrs.evolve(typed, effects=()), "checkout").effects
    assert isinstance(effect, effects.CheckFilter)
    found = prompts.checked(typed, effect.text, "", is_accepted=True)
    assert [one.label for one in found.scope.narrowed] == ["status = 404", "text 'checkout'"]
    assert "no table" in prompts.ask_find(attrs.evolve(state, view=5)).notice


def test_leaving_a_search_goes_back_to_the_one_before(state: State) -> None:
    spec = state.focused
    assert spec is not None
    state = prompts.accept(prompts.typed(prompts.ask_find(state), "blog"), "blog")
    changed = prompts.typed(prompts.ask_find(state), "sta")
    assert changed.table(spec).find == "sta"
    assert prompts.cancel(changed).table(spec).find == "blog"


def test_a_time_of_an_old_log_is_in_its_own_time() -> None:
    state = replay()
    assert state.latest is not None
    health = attrs.evolve(state.latest.health, live=False)
    latest = attrs.evolve(state.latest, health=health, time=BASE + 9e7)
    state = attrs.evolve(state, latest=latest)
    gone = prompts.accept(prompts.ask_time(state), "5m")
    assert gone.scope.until == BASE - 300 + 5
    wide = attrs.evolve(state, scope=attrs.evolve(state.scope, seconds=86_400))
    gone = prompts.accept(prompts.ask_time(wide), "5m")
    assert gone.scope.seconds == 300
    assert gone.scope.until == BASE - 150 - 0
    long_ago = prompts.accept(prompts.ask_time(state), "1000000d")
    assert long_ago.scope.until == 10


def test_a_clock_time_that_is_still_to_come_was_yesterday(state: State) -> None:
    # It is 14:13:20.
    asked = prompts.ask_time(state)
    gone = prompts.accept(asked, "23:50")
    assert gone.scope.until is not None
    assert datetime.fromtimestamp(gone.scope.until, UTC).strftime("%d %H:%M:%S") == "20 23:50:05"
    assert "future" in prompts.accept(asked, "2099-01-01").notice
    assert prompts.accept(asked, "now").notice == "that is now: live"
    wrong = prompts.typed(asked, "never")
    assert wrong.prompt is not None
    assert wrong.prompt.problem.startswith("must be a time, such as 14:05, 2h (ago)")


def test_opening_a_row_goes_on_in_the_next_table_and_comes_back_to_it(state: State) -> None:
    first = state.focused
    assert first is not None
    state = moving.move(state, 2)
    found = narrowing.chosen_names(state)
    opened = answered(narrowing.narrow_to_row(state))
    assert opened.focused != first
    back = answered(narrowing.widen(opened))
    assert back.focused == first
    assert narrowing.chosen_names(back) == found
    # A second time there is nothing more to narrow to.
    again = answered(attrs.evolve(opened, focus={opened.page.name: first.key}))
    assert "shown already" in narrowing.narrow_to_row(again).notice


def test_an_incident_that_has_just_ended_is_not_opened_into_the_future() -> None:
    state = answered(replay(is_broken=True), recorded(is_broken=True))
    assert state.shown is not None
    ended = attrs.evolve(OUTAGE, recovered_at=BASE - 5)
    alerts = attrs.evolve(state.shown.alerts, firing=(), recovered=(ended,), past=(ended,))
    shown = attrs.evolve(state.shown, alerts=alerts)
    state = attrs.evolve(state, shown=shown, latest=shown, view=5)
    opened = state.page.opened(choose_incident(state, ended))
    assert opened.scope.until == BASE
    assert opened.scope.seconds == 280
    # Only what has failed then, and back to the same row.
    assert [one.condition for one in opened.scope.narrowed] == ["status BETWEEN 500 AND 599"]
    back = go_back(opened)
    assert back.page.name == "alerts"
    assert chosen_incident(back) == ended
    live = narrowing.go_live(opened)
    assert live.scope.seconds is None


def test_a_longer_or_shorter_window_stays_around_the_time_that_was_named(state: State) -> None:
    wide = attrs.evolve(state, scope=attrs.evolve(state.scope, seconds=300))
    gone = prompts.accept(prompts.ask_time(wide), "14:05:00")
    named = BASE - 500  # 14:13:20 is BASE
    assert (gone.scope.until, gone.scope.seconds) == (named + 150, 300)
    for steps, seconds in ((-1, 60), (-1, 30), (1, 60), (1, 300)):
        gone = narrowing.lengthen(gone, steps)
        assert (gone.scope.until, gone.scope.seconds) == (named + seconds // 2, seconds)
    # A window as long as this would reach into the future: it ends now.
    assert narrowing.lengthen(narrowing.lengthen(gone, 1), 1).scope.until == BASE
    # Without a name it is the middle of what is shown.
    back = narrowing.go_back(wide, 1)
    assert narrowing.lengthen(back, -1).scope.until == BASE - 300 - 150 + 30
    assert narrowing.go_live(prompts.accept(prompts.ask_time(wide), "14:13")).scope.seconds == 300


def test_a_key_that_comes_before_the_answer_is_not_lost_in_silence(state: State) -> None:
    asked = narrowing.lengthen(state, 1)  # whose rows are not there yet
    for act in (narrowing.narrow_to_row, narrowing.exclude_row):
        assert act(asked).notice == "there is no row here yet"


def test_another_log_takes_the_place_of_the_last_one() -> None:
    state = replay()
    assert state.shown is not None
    sources = tuple(SourceHealth(one, SourceState.FOLLOWING) for one in ("a.log", "b.log"))
    health = attrs.evolve(state.shown.health, sources=sources)
    state = attrs.evolve(state, view=7, shown=attrs.evolve(state.shown, health=health))
    state = narrowing.filter_by(state, "status = 404")
    first = state.page.opened(state)
    second = moving.move(first, 1)
    second = second.page.opened(second)
    assert [one.label for one in second.scope.narrowed] == ["status = 404", "log b.log"]
    assert "already" in second.page.opened(second).notice
    back = go_back(second)
    assert back.page.copied(back) == "b.log"


def test_the_cursor_follows_what_a_pending_breach_becomes() -> None:
    state = replay(is_broken=True)
    state = attrs.evolve(state, view=5)
    while "pending" not in (state.tables.get("alerts/list") or TableState(("",))).chosen:  # type: ignore[operator]
        state = moving.move(state, 1)
    assert chosen_rule_of(state) == "high_traffic"
    assert state.shown is not None
    quiet = attrs.evolve(state.shown.alerts, pending=(), firing=(OUTAGE,))
    calm = attrs.evolve(state, shown=attrs.evolve(state.shown, alerts=quiet))
    assert chosen_rule_of(calm) == "high_traffic"
    assert chosen_incident(calm) is None
    firing = attrs.evolve(state.shown, alerts=attrs.evolve(state.shown.alerts, pending=()))
    incident = chosen_incident(attrs.evolve(state, shown=firing))
    assert incident is not None
    assert incident.rule == "high_traffic"


def test_the_chart_of_a_rule_for_each_host_is_of_one_host() -> None:
    (rule,) = read_rules(
        '[[rule]]\nname = "busy host"\nmetric = "rate"\nby = "host"\nabove = 50', "rules.toml"
    )
    state = replay()
    ask = rule_ask(state, rule, "203.0.113.7", 80)
    assert ask is not None
    assert ask.where == "host = '203.0.113.7'"
    chart = rule_chart(answered(state).with_answer(ask, answer_of(state, ask, recorded())), rule,
                       "203.0.113.7", 80, 10)  # fmt: skip
    assert any("limit" in piece[0] for row in chart for piece in row)
    # Of all hosts together there is no limit.
    whole = rule_ask(state, rule, None, 80)
    assert whole is not None
    assert whole.where is None
    chart = rule_chart(state.with_answer(whole, answer_of(state, whole, recorded())), rule, None,
                       80, 10)  # fmt: skip
    assert not any("limit" in piece[0] for row in chart for piece in row)


def test_a_long_request_is_copied_as_it_was_logged_or_not_at_all(state: State) -> None:
    record = {"time": datetime.fromtimestamp(BASE, UTC), "method": "GET", "path": "/caf%C3%A9"}
    ask = records_ask(attrs.evolve(state, view=6))
    for path, copied in (("/caf%C3%A9" + "x" * 5000, True), ("/" + "x" * 60_000, False)):
        rows = [{**record, "path": path}]
        shown = attrs.evolve(state, view=6).with_answer(ask, Answered(None, rows=rows))
        after = copy_row(shown)
        assert [one.text for one in after.effects if isinstance(one, effects.Copy)] == (
            [f"GET {path}"] if copied else []
        )
        assert ("too long" in after.notice) is not copied


def test_old_answers_are_not_shown_as_the_present(state: State) -> None:
    assert state.shown is not None
    shown = attrs.evolve(state.shown, shown=attrs.evolve(state.shown.shown, end=BASE + 60))
    later = moving.go_to_view(attrs.evolve(state, shown=shown), 0)
    assert not later.answers
    assert moving.go_to_view(state, 1).answers == state.answers
