"""Lines that a person types: filter, text to find, time, file name, command. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, timedelta

import attrs

from actors.outputs.console import effects
from actors.outputs.console.cells import safe
from actors.outputs.console.context import local
from actors.outputs.console.narrowing import filter_by, with_scope
from actors.outputs.console.scope import Narrowing
from actors.outputs.console.state import Prompt, State
from glancemetrics.incidents.incident import rule_title
from glancemetrics.records.dimensions import dimensions_with
from glancemetrics.records.time_span import parse_instant
from glancemetrics.selecting.plain_words import condition_in, is_searched
from glancemetrics.traffic.windows import WINDOWS
from glancemetrics.words.durations import parse_span

FILTER, FIND, TIME, SAVE, REPORT, PALETTE = "filter", "find", "time", "save", "report", "command"
SILENCE, SEARCH = "silence", "search"
CONDITIONS = frozenset({FILTER, SEARCH})
"""Prompts for a condition."""

_LABELS = {
    FILTER: "Only requests where",
    FIND: "Find",
    SEARCH: "Requests with",
    TIME: "Time",
    SAVE: "Save the screen as",
    REPORT: "Write the report to",
    PALETTE: "Command",
    SILENCE: "Silence",
}
_MOST_SILENT = 365 * 86_400
_TIMES = "a time, such as 14:05, 2h (ago), yesterday or 2026-11-20 10:30"
_CLOCK_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
_USUALLY_SILENT = "1h"
_ENDINGS = (".txt", ".svg", ".html")


def label(prompt: Prompt) -> str:
    """Return what stands before the text."""
    if prompt.kind == SILENCE:
        return f" Silence {safe(rule_title(prompt.subject))} for [{_USUALLY_SILENT}]: "
    return f" {_LABELS[prompt.kind]}: "


def _prompting(state: State, kind: str, text: str = "") -> State:
    return attrs.evolve(state, prompt=Prompt(kind, text), notice="")


def ask_filter(state: State) -> State:
    return _prompting(state, FILTER, state.scope.where or "")


def ask_find(state: State) -> State:
    spec = state.focused
    if spec is None:
        if state.page.name != "requests":
            return state.told("there is no table to find something in")
        return _prompting(state, SEARCH)  # words are looked for in the requests themselves
    text = state.table(spec).find
    return attrs.evolve(state, prompt=Prompt(FIND, text, subject=text), notice="")


def ask_time(state: State) -> State:
    return _prompting(state, TIME)


def ask_file(state: State) -> State:
    return _prompting(state, SAVE, f"glancemetrics-{_stamp(state)}.svg")


def ask_report(state: State) -> State:
    return _prompting(state, REPORT, f"report-{_stamp(state)}.html")


def ask_palette(state: State) -> State:
    return _prompting(state, PALETTE)


def ask_silence_of(state: State, rule: str) -> State:
    """Ask for how long a rule is to be silent."""
    targets = ", ".join(map(safe, state.context.targets))
    about = (
        f"no notifications for its new incidents; otherwise notified: {targets}"
        if targets
        else "no notifications are configured ([[notify]]), so this has no effect yet"
    )
    return attrs.evolve(state, prompt=Prompt(SILENCE, subject=rule, about=about), notice="")


def _stamp(state: State) -> str:
    return f"{local(state.now, state.context.zone):%Y%m%d-%H%M%S}"


def stop_finding(state: State) -> State:
    """Show all rows of the table again."""
    spec = state.focused
    if spec is None or not state.table(spec).find:
        return state
    return _finding(state, "")


def _finding(state: State, text: str) -> State:
    spec = state.focused
    if spec is None:
        return state
    table = attrs.evolve(state.table(spec), find=text, chosen=None, order=())
    return state.with_table(spec, table)


def typed(state: State, text: str) -> State:
    """The text of the prompt has changed."""
    prompt = state.prompt
    if prompt is None or prompt.text == text:
        return state
    state = attrs.evolve(state, prompt=attrs.evolve(prompt, text=text))
    if prompt.kind == FIND:
        return _finding(state, text)
    if prompt.kind in CONDITIONS:
        return state.wanting(effects.CheckFilter(_condition(state, text), is_accepted=False))
    return _with_problem(state, _problem(state, prompt.kind, text))


def _with_problem(state: State, problem: str) -> State:
    assert state.prompt is not None
    return attrs.evolve(state, prompt=attrs.evolve(state.prompt, problem=problem))


def _problem(state: State, kind: str, text: str) -> str:
    if kind == TIME and text.strip():
        return "" if _instant(state, text) is not None else f"must be {_TIMES}"
    if kind == SAVE and not text.endswith(_ENDINGS):
        return f"must end with {', '.join(_ENDINGS[:-1])} or {_ENDINGS[-1]}"
    if kind == SILENCE and text and (text.isdigit() or not _is_span(text)):
        return "must be a duration with its unit, such as 30m, 4h or 2d"
    if kind == REPORT and not text.endswith(".html"):
        return "must end with .html"
    return ""


def _condition(state: State, text: str) -> str:
    """Return what a filter means: plain words, such as `404`, are conditions too."""
    return condition_in(text, _fields(state))


def _fields(state: State) -> frozenset[str]:
    return frozenset(dimensions_with(state.context.kept))


def _is_span(text: str) -> bool:
    try:
        return parse_span(text) <= _MOST_SILENT
    except ValueError:
        return False


def _instant(state: State, text: str) -> int | None:
    now = state.latest.time if state.latest is not None else state.now
    if state.latest is not None and not state.latest.health.live:
        now = state.latest.shown.end  # `2h` ago, and `14:05`, in the log's own time
    zone = local(now, state.context.zone).tzinfo or UTC
    try:
        at = parse_instant(text, now, zone)
        if at > now and _CLOCK_TIME.fullmatch(text.strip()):  # `23:50` after midnight
            yesterday = local(now, zone).date() - timedelta(days=1)
            at = parse_instant(f"{yesterday} {text.strip()}", now, zone)
    except (ValueError, OverflowError, OSError):
        return None
    return at


def accept(state: State, text: str) -> State:
    """Enter was pressed: do what the prompt is for, or keep it open with the problem."""
    prompt = state.prompt
    if prompt is None:
        return state
    if prompt.kind in CONDITIONS:
        condition = _condition(state, text)
        if not condition:
            state = attrs.evolve(state, prompt=None)
            return filter_by(state, "") if prompt.kind == FILTER else state
        return state.wanting(effects.CheckFilter(condition, is_accepted=True))
    problem = _problem(state, prompt.kind, text)
    if problem:
        return _with_problem(state, problem)
    state = attrs.evolve(state, prompt=None)
    if prompt.kind == SILENCE:
        return state.wanting(
            effects.BeginSilence(prompt.subject, parse_span(text or _USUALLY_SILENT))
        )
    return _ACCEPTED[prompt.kind](state, text.strip())


def cancel(state: State) -> State:
    """Leave the prompt without doing anything."""
    if state.prompt is not None and state.prompt.kind == FIND:
        state = _finding(state, state.prompt.subject)
    return attrs.evolve(state, prompt=None)


def checked(state: State, text: str, problem: str, *, is_accepted: bool) -> State:
    """A filter was checked: narrow to it if it was accepted and is one."""
    prompt = state.prompt
    if prompt is None or prompt.kind not in CONDITIONS:
        return state
    if _condition(state, prompt.text) != text:
        return state
    if problem or not is_accepted:
        return _with_problem(state, problem)
    state, typed_text = attrs.evolve(state, prompt=None), prompt.text.strip()
    if is_searched(typed_text, _fields(state)):
        typed_text = f"text '{typed_text}'"
    if prompt.kind == SEARCH:
        return with_scope(state, state.scope.within(Narrowing(typed_text, text)))
    return filter_by(state, text, typed_text)


def _go_to_time(state: State, text: str) -> State:
    until = _instant(state, text) if text else None
    if until is None:
        return state
    seconds = state.seconds
    # The time a person names stands in the middle of what is shown.
    newest, around = state.newest, until
    room = 2 * (newest - until)
    if 0 < room <= seconds:  # a shorter one, or the window would reach into the future
        seconds = max((one for one in WINDOWS if one <= room), default=WINDOWS[0])
    until = max(seconds, until + seconds // 2)
    if until >= newest:
        when = "in the future" if _is_future(state, text) else "now"
        return with_scope(state, state.scope.live()).told(f"that is {when}: live")
    return with_scope(state, state.scope.at(until, seconds, around))


def _is_future(state: State, text: str) -> bool:
    at = _instant(state, text)
    return at is not None and state.latest is not None and at > state.latest.time


def _run_command(state: State, text: str) -> State:
    from actors.outputs.console.palette import found  # it lists all commands, this one too

    commands = found(text)
    return commands[0].act(state) if commands else state.told(f"no such command: {text}")


_ACCEPTED: dict[str, Callable[[State, str], State]] = {
    FIND: lambda state, _: state,
    TIME: _go_to_time,
    SAVE: lambda state, text: state.wanting(effects.SaveView(text)),
    REPORT: lambda state, text: state.wanting(effects.WriteReport(text)),
    PALETTE: _run_command,
}
