"""What is wrong with GlanceMetrics itself, in sentences; and why there is nothing to see."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from glancemetrics.health.changes import clock_text
from glancemetrics.health.health import Health, OutputState, SourceHealth, SourceState
from glancemetrics.health.servers import agents_text
from glancemetrics.rules.own_health import SHORT_OF_MEMORY
from glancemetrics.traffic.snapshot import Snapshot
from glancemetrics.words.humane import (
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
_LINE_LENGTH = 300
"""Characters of a line that are shown."""
_MANY_REJECTS = 0.01
"""Share of unparsed lines from which they are worth a line."""


Trouble = tuple[str, str]
"""What it is about, which stays while its numbers change; and a sentence."""


def troubles_of(state: Health) -> Iterator[Trouble]:
    """Yield what is wrong with the monitor. Texts of logs are as they stand there."""
    for output in state.outputs:
        for text in _output_troubles(output.name, output.state, output.detail, output.lost,
                                     output.waiting):  # fmt: skip
            yield f"output {output.name} {output.state.value}", text
    if state.behind:
        left = f"{format_bytes(state.lag_bytes)} of the logs are not read yet"
        why = left if state.lag_bytes else "newer lines of the servers have not arrived"
        yield "lag", f"behind by {format_duration(state.behind)}: {why}"
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
    if any(agent.state.is_trouble for agent in state.agents):
        yield "agents", agents_text(state.agents)
    if state.has_ended and state.live:
        yield "ended", ENDED


def _source_troubles(state: Health) -> Iterator[Trouble]:
    for source in state.sources:
        text = trouble_of(source)
        if text:
            yield f"source {source.name}", text
        elif source.is_unknown and state.records:  # without any, that is explained in full
            lines = f"{format_count(source.unparsed)} lines not parsed"
            yield f"format {source.name}", f"{source.called}: no known format, {lines}"


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
        return f"{source.called} {clock_text(source)}"
    if source.state is SourceState.ENDED or not source.detail:
        return ""
    return f"{source.called}: {source.detail}"


def explanation_of(
    snapshot: Snapshot,
    *,
    expected: str,
    where: str | None,
    moment: Callable[[float], str],
    is_of_window: bool = True,
) -> list[str]:
    """Return why there is nothing to see and what to do about it; empty where there is something.

    The first sentence says what is wrong. `expected`: what a line should be, as a noun; `where`:
    the monitor's own filter; `moment` writes an instant; `is_of_window`: whether the snapshot's
    window is the one that is looked at. Texts of logs are as they stand there.
    """
    state = snapshot.health
    if snapshot.shown.hits:
        return []
    if state.lines and not state.records:
        return [
            f"{_lines(state.lines)} read, none {expected}.{_foreign(state)}",
            *_first_reject(state),
            "Is this the access log, and not the error log? If it is, give its format with "
            "--format, as it stands in the server's configuration (nginx: log_format; Apache: "
            "LogFormat). `glancemetrics formats FILE` shows what was tried.",
        ]
    if where is not None and state.records and state.filtered == state.records:
        return [f"{requests_text(state.records)}, none matches {where}"]
    return [f"No requests. {_silence(snapshot, moment, is_of_window=is_of_window)}"]


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{format_count(count)} lines"


def _foreign(state: Health) -> str:
    if not state.foreign:
        return ""
    are = "is" if state.foreign == 1 else "are"
    return f" {_lines(state.foreign)} {are} of other programs."


def _first_reject(state: Health) -> list[str]:
    if not state.reject_samples:
        return []
    reject = state.reject_samples[0]
    return [
        f"The first one: {reject.line[:_LINE_LENGTH]}",
        f"Why it is not read: {reject.reason}.",
    ]


def _silence(snapshot: Snapshot, moment: Callable[[float], str], *, is_of_window: bool) -> str:
    state = snapshot.health
    troubled = [source for source in state.sources if source.is_unread]
    if state.sources and len(troubled) == len(state.sources):
        named = _named(troubled[0])
        return named if named.endswith("?") else f"{named}."
    off = [source for source in state.sources if source.behind]
    if off:
        return f"{off[0].called} {clock_text(off[0])}"
    if state.early:
        return f"{CLOCK_AHEAD}."
    return _last_request(snapshot, moment, is_of_window=is_of_window)


def _last_request(snapshot: Snapshot, moment: Callable[[float], str], *, is_of_window: bool) -> str:
    state = snapshot.health
    ends = [source.last_record for source in state.sources if source.last_record is not None]
    known = max(ends, default=None) if state.newest is None else state.newest
    span = f" in the last {format_duration(snapshot.shown.window_seconds)}" if is_of_window else ""
    if known is None:
        return f"None logged{span or ' yet'}."
    newest = moment(known)
    if is_of_window and known >= snapshot.shown.end and not state.filtered:
        # The window ends behind real time, because servers write late.
        return f"One was logged at {newest}, and is shown in a moment."
    sentence = f"None logged{span}; the last one was at {newest}."
    if not is_of_window:
        sentence = f"The last one was at {newest}."
    if state.newest is None and snapshot.time - known > _OLD_SECONDS:
        return (
            f"{sentence} An old log is shown from its start with --from start, and summarised by "
            "glancemetrics report."
        )
    if state.live and state.late and snapshot.time - known > 3600:
        return f"The log is old, its last request at {newest}; --clock log shows it as it was."
    return sentence


def _named(source: SourceHealth) -> str:
    """Return a source in trouble, with what is wrong."""
    return f"{source.called}: {source.detail}" if source.detail else source.called
