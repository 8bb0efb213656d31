"""What is wrong with GlanceMetrics itself, in sentences; and why there is nothing to see. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from actors.outputs.console import themes
from actors.outputs.console.cells import Row, fitted, safe, wrapped
from actors.outputs.console.context import Context, local_time
from glancemetrics.health.changes import clock_text
from glancemetrics.health.health import Health, OutputState, SourceHealth, SourceState
from glancemetrics.rules.own_health import SHORT_OF_MEMORY
from glancemetrics.traffic.snapshot import Snapshot
from glancemetrics.words.humane import (
    UNKNOWN,
    events_text,
    format_bytes,
    format_count,
    format_duration,
    requests_text,
)

ENDED = "Standard input has ended: no more requests will come"
CLOCK_AHEAD = (
    "Requests are ahead of this machine's clock; check the server's time zone (--log-timezone)"
)
_OLD_SECONDS = 3600
_SLOW_SECONDS = 10
"""Seconds of lag from which it is worth a line."""
_MANY_REJECTS = 0.01
"""Share of unparsed lines from which they are worth a line."""


Trouble = tuple[str, str]
"""What it is about, which stays while its numbers change; and a sentence."""


def troubles(snapshot: Snapshot) -> list[str]:
    """Return what is wrong with the monitor, each in a sentence; text of logs is escaped."""
    return [safe(text) for _, text in _troubles(snapshot.health)]


def troubles_by_subject(snapshot: Snapshot) -> dict[str, str]:
    """Return what is wrong with the monitor, by what it is about."""
    return {subject: safe(text) for subject, text in _troubles(snapshot.health)}


def _troubles(state: Health) -> Iterator[Trouble]:
    for output in state.outputs:
        for text in _output_troubles(output.name, output.state, output.detail, output.lost,
                                     output.waiting):  # fmt: skip
            yield f"output {output.name} {output.state.value}", text
    if state.lag_bytes and (state.lag_seconds or 0) > _SLOW_SECONDS:
        yield (
            "lag",
            f"behind by {format_duration(state.lag_seconds or 0)}: "
            f"{format_bytes(state.lag_bytes)} of the logs are not read yet",
        )
    if state.memory_share > SHORT_OF_MEMORY and state.memory_limit is not None:
        yield (
            "memory",
            f"using {100 * state.memory_share:.0f} % of the memory limit "
            f"({format_bytes(state.memory_limit)})",
        )
    if state.rejects > _MANY_REJECTS * state.lines:
        share = 100 * state.rejects / state.lines
        yield "rejects", f"{format_count(state.rejects)} lines could not be parsed ({share:.0f} %)"
    if state.late:
        yield "late", f"{requests_text(state.late)} arrived too late for any window"
    if state.early:
        ahead = any(source.behind < 0 for source in state.sources)
        counted = f"{requests_text(state.early)} dated in the future"
        yield "early", counted if ahead else f"{counted}. {CLOCK_AHEAD}"
    if state.gaps:
        spans = "1 part" if state.gaps == 1 else f"{format_count(state.gaps)} parts"
        yield "gaps", f"{spans} of the logs not counted: {state.last_gap}"
    unopened = sum(not source.opened for source in state.sources)
    if unopened:
        opened, count = len(state.sources) - unopened, len(state.sources)
        yield "opened", f"{format_count(opened)} of {format_count(count)} logs opened"
    yield from _source_troubles(state)
    if state.has_ended and state.live:
        yield "ended", ENDED


def _source_troubles(state: Health) -> Iterator[Trouble]:
    for source in state.sources:
        text = trouble_of(source)
        if text:
            yield f"source {source.name}", text
        elif source.is_unknown and state.records:  # without any, that is explained in full
            lines = f"{format_count(source.unparsed)} lines not parsed"
            yield f"format {source.name}", f"{source.name}: no known format, {lines}"


def _output_troubles(
    name: str, state: OutputState, detail: str, lost: int, waiting: int
) -> Iterator[str]:
    if state is OutputState.RETRYING:
        more = f", {events_text(lost)} lost" if lost else ""
        if waiting:
            more = f", {events_text(waiting)} waiting{more}"
        yield f"{name} fails: {detail}; retrying{more}"
    elif lost:
        yield f"{name} lost {events_text(lost)}"


def trouble_of(source: SourceHealth) -> str:
    """Return what is wrong with a source, in a sentence; empty if nothing is."""
    if source.behind:
        return f"{source.name} {clock_text(source)}"
    if source.state is SourceState.ENDED or not source.detail:
        return ""
    return f"{source.name}: {source.detail}"


def explanation(snapshot: Snapshot, context: Context, cells: int) -> list[Row] | None:
    """Why there is nothing to see and what to do about it; `None` where there is something."""
    state = snapshot.health
    if snapshot.shown.hits:
        return None
    if state.lines and not state.records:
        texts = [
            (
                themes.WARNING,
                f"{_lines(state.lines)} read, none {safe(context.expected)}.{_foreign(state)}",
            ),
            *_first_reject(state),
            (
                "",
                "Is this the access log, and not the error log? If it is, give its format with "
                "--format, as it stands in the server's configuration (nginx: log_format; Apache: "
                "LogFormat). `glancemetrics formats FILE` shows what was tried.",
            ),
        ]
    elif context.where is not None and state.records and state.filtered == state.records:
        texts = [
            (themes.WARNING, f"{requests_text(state.records)}, none matches {safe(context.where)}")
        ]
    else:
        texts = [(themes.WARNING, f"No requests. {_silence(snapshot, context)}")]
    return [
        fitted([(style, f" {line}")], cells)
        for style, text in texts
        for line in wrapped(text, cells - 2)
    ]


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{format_count(count)} lines"


def _foreign(state: Health) -> str:
    if not state.foreign:
        return ""
    are = "is" if state.foreign == 1 else "are"
    return f" {_lines(state.foreign)} {are} of other programs."


def _first_reject(state: Health) -> list[tuple[str, str]]:
    if not state.reject_samples:
        return []
    reject = state.reject_samples[0]
    return [
        ("", f"The first one: {safe(reject.line, 300)}"),
        ("", f"Why it is not read: {safe(reject.reason)}."),
    ]


def _silence(snapshot: Snapshot, context: Context) -> str:
    state = snapshot.health
    span = f"the last {format_duration(snapshot.shown.window_seconds)}"
    troubled = [source for source in state.sources if source.is_unread]
    if state.sources and len(troubled) == len(state.sources):
        named = _named(troubled[0])
        return named if named.endswith("?") else f"{named}."
    off = [source for source in state.sources if source.behind]
    if off:
        return f"{safe(off[0].name)} {clock_text(off[0])}"
    if state.early:
        return f"{CLOCK_AHEAD}."
    return _last_request(snapshot, context, f"None logged in {span}")


def _last_request(snapshot: Snapshot, context: Context, sentence: str) -> str:
    state = snapshot.health
    ends = [source.last_record for source in state.sources if source.last_record is not None]
    known = max(ends, default=None) if state.newest is None else state.newest
    if known is None:
        return f"{sentence}."
    newest = local_time(known, context.zone)
    if state.newest is None:
        report = "; glancemetrics report summarises an old log"
        is_old = snapshot.time - known > _OLD_SECONDS
        return f"{sentence}; the last one was at {newest}{report if is_old else ''}."
    if state.live and state.late and snapshot.time - state.newest > 3600:
        return f"The log is old, its last request at {newest}; --clock log shows it as it was."
    return f"{sentence}; the last one was at {newest}."


def _named(source: SourceHealth) -> str:
    """Return a source in trouble, with what is wrong."""
    return safe(f"{source.name}: {source.detail}" if source.detail else source.name)


def seconds_text(seconds: float | None) -> str:
    """Format a lag or a delay; a dash for unknown."""
    return UNKNOWN if seconds is None else format_duration(seconds)
