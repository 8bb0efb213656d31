"""The service: the whole graph of actors, in the order of the flow."""

from __future__ import annotations

import functools
import math
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio
from loguru import logger

from actors.history import HistorySettings
from actors.monitor.aggregator import aggregate
from actors.monitor.alert_supervisor import supervise_alerts
from actors.monitor.checkpoints import UNLIKE_OURS, Checkpoints, Saved, UnusableStateError
from actors.monitor.fan_out import Delivery, FanOut
from actors.monitor.messages import FromAggregator, FromParser, Wish
from actors.monitor.parser import parse
from actors.monitor.restarting import keep_running
from actors.monitor.standby import Standby
from actors.outputs.desk import Latest
from actors.outputs.output import Output, want_totals, want_traffic
from actors.sources.desk import SavedMarks, SourceDesk
from actors.sources.intake import Intake
from actors.sources.mark import Mark
from actors.sources.messages import FromSource
from actors.sources.position import From, StartPosition
from actors.sources.registry import kinds_of, make_sources, newest_record, respelled, size_of
from actors.sources.source import run_sources
from actors.state.clock import WallClock
from glancemetrics.alerting.alerting import Alerting, open_incidents
from glancemetrics.alerting.counting import Counting
from glancemetrics.alerting.incident_events import ended
from glancemetrics.alerting.own_watch import OwnWatch, open_own_incidents
from glancemetrics.configuration.setting import OFF
from glancemetrics.configuration.settings import REDIS
from glancemetrics.errors import GlanceMetricsError, needing
from glancemetrics.fleet.address import fleet_address
from glancemetrics.formats.followed_logs import FollowedLogs
from glancemetrics.incidents.alert_events import AlertEvent
from glancemetrics.planning.plan import Plan
from glancemetrics.planning.sources import Sources
from glancemetrics.records.dimensions import SECTION, dimensions_with
from glancemetrics.rules.high_traffic import NAME
from glancemetrics.rules.rule import Rule, reach_of
from glancemetrics.traffic.aggregation import Aggregation
from glancemetrics.traffic.event_clock import LIVE_WITHIN, ClockMode
from glancemetrics.traffic.fitting_window import LADDER
from glancemetrics.traffic.totals import Totals
from glancemetrics.words.humane import format_duration

if TYPE_CHECKING:
    from actors.history.history import History

_MOST_BACKWARD = 3600
"""Seconds. A rule that looks back further learns as it runs: reading days first takes too long."""

_SHORT_BYTES = 8_000_000
"""About 40,000 requests, which take a tenth of a second."""

_LONGEST_ABSENCE = 86_400
"""Seconds; after a longer absence everything starts over."""

CHECKPOINT_SECONDS = 5.0
"""Seconds between checkpoints."""

CALM_CHECKPOINT_SECONDS = 10.0
"""The same where everything since the last one is read again after a crash, and nobody waits."""

PARSERS = 2
"""Chunks parsed at a time: pyarrow releases the interpreter lock."""

DRAIN_SECONDS = 1.5
"""Seconds from the request to stop until running work is cancelled. Including the terminal's
restoration, the program is gone within two seconds. An input that ends by itself, like standard
input, has no deadline."""


def checkpoints_of(plan: Plan, folder: Path, *, is_service: bool) -> Checkpoints | None:
    """Return where checkpoints are kept; `None` for nowhere.

    They are kept if that is configured, and if logs are followed live by something that runs
    unattended (`is_service`), not only for the console. Some sources need them in any case.
    """
    settings = plan.settings
    in_redis = settings.state == REDIS
    is_asked = in_redis or settings.state_dir is not None
    if settings.state_dir == OFF or settings.once:
        return None
    passing = passing_kinds(plan)
    if passing:
        if is_asked:
            names = " and ".join(passing)
            logger.warning("{} cannot be read again, so no state is saved", names)
        return None
    is_live = settings.start_from == "window" and settings.clock != "log"
    is_needed = any(kind.waits_for_state for kind in kinds_of(plan.sources))
    if not (is_asked or is_needed or (is_service and is_live)):
        return None
    texts = plan.sources.texts
    return _redis_checkpoints(folder, texts[0]) if in_redis else Checkpoints(folder, texts)


def _redis_checkpoints(folder: Path, text: str) -> Checkpoints:
    """Return where the checkpoints of a fleet's hub are kept in its Redis."""
    with needing("fleet", "--state redis:"):
        from actors.monitor.redis_checkpoints import RedisCheckpoints
        from actors.redis.term import Term
    return RedisCheckpoints(folder, [text], Term(fleet_address(text, "--file")))


def passing_kinds(plan: Plan) -> list[str]:
    """Return the names of the kinds of sources that can be read only once, such as a pipe."""
    kinds = kinds_of(plan.sources)
    return [kind.name for kind in kinds if not kind.marks and not kind.is_arriving]


def history_of(plan: Plan, checkpoints: Checkpoints | None, wall: WallClock) -> History | None:
    """Return the history, on disk if there are checkpoints; `None` if it is disabled."""
    history = plan.settings.section(HistorySettings)
    if not history.is_on or plan.settings.once:
        return None
    from actors.history.about import About  # late: `--once` keeps no history
    from actors.history.history import History
    from actors.history.segments import SegmentFolder

    folder = None if checkpoints is None else SegmentFolder(checkpoints.history_folder)
    about = About(
        sources=plan.sources.texts,
        kept=plan.reading.context.kept,
        folder="" if folder is None else str(Path.cwd()),
        wheres=(plan.settings.where or "",),
        disk=history.disk,
        age=history.age,
    )
    return History(history, wall, folder, about)


def counting_of(alerting: Alerting, kept: Sequence[str] = ()) -> Counting:
    """Return the counting for rules, for records with kept fields. Raises `UsageError`."""
    wheres = [stream.where for stream, _ in alerting.wanted if stream.where is not None]
    if not wheres:
        return Counting(alerting.wanted)
    from glancemetrics.selecting.filters import Filters  # late: slow to import

    return Counting(alerting.wanted, Filters(wheres, kept=kept).keeps)


async def monitor(
    plan: Plan,
    outputs: Sequence[Output],
    *,
    checkpoints: Checkpoints | None = None,
    stop: trio.Event,
    wall: WallClock,
    standard_input: Callable[[], int],
    history: History | None = None,
    latest: Latest | None = None,
    intake: Intake | None = None,
    stays: bool = False,
    oldest_sent: float = -math.inf,
    standby: Standby | None = None,
) -> None:
    """Run a plan until `stop`, and keep its records in the history: see `_run`.

    `latest` and `intake` are also on the desk of the outputs. With `standby` nothing is read, and
    the outputs show what is waited for.
    """
    # Before the history runs: what is beyond the checkpoint is deleted there.
    loaded = await trio.to_thread.run_sync(_loaded, checkpoints)
    async with trio.open_nursery() as beside:
        if history is not None:
            beside.start_soon(history.run)
        await _run(
            plan,
            outputs,
            checkpoints=checkpoints,
            stop=stop,
            wall=wall,
            standard_input=standard_input,
            history=history,
            latest=latest,
            intake=intake,
            stays=stays,
            oldest_sent=oldest_sent,
            standby=standby,
            loaded=loaded,
        )
        beside.cancel_scope.cancel()


async def _run(
    plan: Plan,
    outputs: Sequence[Output],
    *,
    checkpoints: Checkpoints | None,
    stop: trio.Event,
    wall: WallClock,
    standard_input: Callable[[], int],
    history: History | None,
    latest: Latest | None,
    intake: Intake | None,
    stays: bool,
    oldest_sent: float,
    standby: Standby | None,
    loaded: Saved | UnusableStateError | None,
) -> None:
    """Run a plan until `stop`, or until all sources have ended, like standard input.

    With `stays`, the screen is shown until `stop`, also after the end of all sources. Alerts that
    were raised before `oldest_sent`, in seconds since the epoch, are only shown.
    After `stop`, everything has `DRAIN_SECONDS` to end; after the end of all sources, what was
    read is counted and delivered however long that takes. Everything ends in the order of the
    flow: the sources first, then each actor when its channel is empty, the outputs last. A
    failure of a source, the parser, the aggregator or the alert supervisor ends everything; an
    output fails alone, unless it raises `GlanceMetricsError`, which is raised after everything
    has ended.
    """
    # The file is the buffer. Two chunks of at most 4 MiB wait for the parser, so that it does
    # not wait for the disk; two batches for the aggregator, for the same reason.
    to_parser, from_tailers = trio.open_memory_channel[FromSource](2)
    to_aggregator, from_parser = trio.open_memory_channel[FromParser](2)
    # Closed seconds and snapshots are small; a slow rule eventually holds the aggregator back.
    to_alerts, from_aggregator = trio.open_memory_channel[FromAggregator](16)
    # The fan-out defines how many events and snapshots wait for each output.
    fan_out = FanOut(outputs, latest, oldest_sent)

    settings, rules, kept = plan.settings, plan.rules, plan.reading.context.kept
    longest = max([_window(plan), *map(_backward, rules)])
    counting = counting_of(Alerting(rules), kept)

    def anew() -> Resumed:
        alerting = Alerting(rules, incident_limit=settings.incident_limit)
        limits = {
            d: settings.section_limit if d == SECTION else settings.top_limit
            for d in dimensions_with(kept).values()
        }
        aggregation = Aggregation(
            window_seconds=settings.timewindow,
            alert_window_seconds=longest,
            limits=limits,
            delay=settings.delay,
            clock=ClockMode(settings.clock),
            sources=plan.sources.texts,
            distinct_limit=settings.distinct_limit,
            kept_fields=kept,
            counting=counting,
            fits_window=want_traffic(outputs) and not settings.is_given("timewindow"),
            # A pipe has no beginning but its own.
            since=None if passing_kinds(plan) else start.since,
            keep=None if history is None else history.take,
            totals=Totals(wall()) if want_totals(outputs) else None,
        )
        own = OwnWatch(plan.own_rules, settings.incident_limit)
        return Resumed(aggregation, alerting, own)

    logs = FollowedLogs(plan.reading)
    start = StartPosition(
        From(settings.start_from),
        # The delay is not known yet; reading a bit before the window costs little.
        longest + math.ceil(settings.delay or 0),
        None if settings.clock == "log" else wall(),
    )
    resumed = resume(anew, loaded, wall()).respelled(plan.sources)
    fan_out.send_again(resumed.undelivered)
    if history is not None:
        history.resume(resumed.history, resumed.since(start), is_behind=resumed.is_others)

    saved, wish = SavedMarks(), Wish()
    term = None if checkpoints is None else checkpoints.term
    desk = SourceDesk(
        sources=plan.sources,
        start=start,
        dating=logs.dated,
        standard_input=standard_input,
        once=settings.once,
        before=resumed.marks,
        state=None if checkpoints is None else checkpoints.path,
        intake=intake,
        on_saved=saved.listen,
        is_unsaved=lambda: saved.is_overdue,
        lease=None if term is None else term.kept_lease,
    )
    sources = make_sources(settings, desk) if standby is None else standby.sources(plan.sources)

    async with trio.open_nursery() as output_nursery:
        limit = trio.CancelScope()
        output_nursery.start_soon(_limit_on, stop, limit, output_nursery.cancel_scope)
        failures: list[GlanceMetricsError] = []
        for delivery in fan_out.deliveries:
            output_nursery.start_soon(
                _run_output, delivery, stop, failures, name=delivery.output.name
            )
        ended = False
        try:
            async with trio.open_nursery() as flow:
                flow.start_soon(
                    functools.partial(
                        supervise_alerts,
                        resumed.alerting,
                        from_aggregator,
                        fan_out,
                        own=resumed.own,
                        what="" if standby else _monitored(plan.sources.texts),
                        wall=wall,
                        checkpoints=checkpoints,
                        first=resumed.ended,
                        history=history,
                        saved=saved,
                        wish=wish,
                        is_sure=None if term is None else term.is_sure,
                    )
                )
                flow.start_soon(
                    functools.partial(
                        aggregate,
                        resumed.aggregation,
                        from_parser,
                        to_alerts,
                        refresh_seconds=settings.refresh,
                        wall=wall,
                        before=resumed.marks,
                        checkpoint_seconds=_checkpoint_seconds(plan, checkpoints),
                        history=history,
                        wish=wish,
                        is_shown=want_traffic(outputs),
                    )
                )
                flow.start_soon(
                    functools.partial(
                        parse,
                        from_tailers,
                        to_aggregator,
                        logs,
                        workers=PARSERS,
                        wall=wall,
                        paths=plan.paths,
                        where=plan.where,
                        server="" if plan.sources.are_local else socket.gethostname(),
                    )
                )
                await run_sources(sources, to_parser, stop)
            ended = True
            if stays:
                await stop.wait()
        finally:
            if stop.is_set() and not ended and checkpoints is None:
                logger.warning("stopped before all lines were counted; the numbers are partial")
            # Also after a failure: the outputs report how it ended.
            fan_out.close()
            # After a natural end everything is delivered, however long that takes; an output that
            # fails in the meantime gives up (`keep_running`).
            patience = math.inf if ended else DRAIN_SECONDS
            with trio.move_on_after(patience, shield=not ended):
                await fan_out.drained()
            limit.cancel()
    if failures:
        raise failures[0]


def _is_start_open(plan: Plan) -> bool:
    """Tell whether it is left open how much of the logs is read."""
    settings = plan.settings
    is_open = settings.state_dir in {None, OFF} and settings.clock == "auto"
    return is_open and not settings.is_given("from", "timewindow")


async def is_short(plan: Plan) -> bool:
    """Tell whether all of the logs can be read at once, and how much is left open.

    Of a quiet log the screen then shows all, where its last hour has too few requests.
    """
    if plan.targets or not _is_start_open(plan):
        return False
    size = await trio.to_thread.run_sync(size_of, plan.sources)
    return size is not None and size <= _SHORT_BYTES


async def is_of_the_past(plan: Plan, wall: WallClock) -> bool:
    """Tell whether all logs of a plan are old, and how much of them to read is left open."""
    if not _is_start_open(plan):
        return False
    live = int(wall()) - LIVE_WITHIN
    dated = FollowedLogs(plan.reading).dated
    newest = await trio.to_thread.run_sync(newest_record, plan.sources, dated, live)
    return newest is not None and newest < live


def read_from_start(plan: Plan) -> Plan:
    """Return a plan that reads its logs from their start."""
    return attrs.evolve(plan, settings=attrs.evolve(plan.settings, start_from=From.START.value))


async def _run_output(
    delivery: Delivery, stop: trio.Event, failures: list[GlanceMetricsError]
) -> None:
    """Run an output; if the program was started for it and it cannot work, stop everything."""
    try:
        await keep_running(delivery)
    except GlanceMetricsError as error:
        failures.append(error)
        stop.set()


@attrs.frozen(eq=False)
class Resumed:
    """What a run begins with."""

    aggregation: Aggregation
    alerting: Alerting
    own: OwnWatch
    marks: tuple[Mark, ...] = ()
    """How far sources were read."""
    ended: Sequence[AlertEvent] = ()
    """The ends of incidents that are no longer watched."""
    undelivered: Mapping[str, Sequence[AlertEvent]] = attrs.field(factory=dict)
    history: int | None = None
    """Number of records in the history; `None`: as many as there are on disk."""
    saved_at: float | None = None
    """When the sources were read so far; `None`: they start over."""

    is_others: bool = False
    """Whether another machine has read the sources so far."""

    def since(self, start: StartPosition) -> int | None:
        """Return the second before which nothing is read; `None` if that is not known."""
        return start.since if self.saved_at is None else int(self.saved_at)

    def respelled(self, sources: Sources) -> Resumed:
        """Return the same with the current spellings of the sources."""
        return attrs.evolve(self, marks=respelled(self.marks, sources))


def _loaded(checkpoints: Checkpoints | None) -> Saved | UnusableStateError | None:
    """Load the checkpoint; returns the error if nothing can resume from it."""
    try:
        return None if checkpoints is None else checkpoints.load()
    except UnusableStateError as error:
        return error


def resume(
    anew: Callable[[], Resumed], saved: Saved | UnusableStateError | None, now: float
) -> Resumed:
    """Resume where another run stopped; start over if that was too long ago or is unreadable."""
    if isinstance(saved, UnusableStateError):
        return _with_gap(anew(), str(saved))
    fresh = anew()
    if saved is None:
        return fresh
    try:
        away = now - saved.time
        if away > _LONGEST_ABSENCE:
            why = f"no run for {format_duration(away)}"
            incidents = (*open_incidents(saved.alerting), *open_own_incidents(saved.own))
            ends = [ended(incident, int(saved.time), why) for incident in incidents]
            fresh = attrs.evolve(_with_gap(fresh, why), ended=ends)
        else:
            fresh.aggregation.restore(saved.aggregation)
            ends = fresh.alerting.restore(saved.alerting)
            ends += fresh.own.restore(saved.own, saved.time)
            fresh = attrs.evolve(
                fresh,
                marks=saved.marks,
                ended=ends,
                history=saved.history,
                saved_at=saved.time,
                is_others=saved.is_others,
            )
    except UNLIKE_OURS as error:
        fresh = _with_gap(anew(), f"cannot understand the saved state ({error!r})")
    return attrs.evolve(fresh, undelivered=saved.undelivered)


def _with_gap(fresh: Resumed, why: str) -> Resumed:
    gap = f"{why}: starting over; lines since the last run are not all counted"
    logger.warning("{}", gap)
    fresh.aggregation.note_gap(gap)
    return fresh


def _window(plan: Plan) -> int:
    """Return the longest window of the screen: without a given one, one that fits is looked for."""
    settings = plan.settings
    return settings.timewindow if settings.is_given("timewindow") else LADDER[-1]


def _backward(rule: Rule) -> int:
    """Return how far back a rule looks when following begins; nothing older is read."""
    return rule.window_seconds if rule.name == NAME else min(reach_of(rule), _MOST_BACKWARD)


def _checkpoint_seconds(plan: Plan, checkpoints: Checkpoints | None) -> float:
    if checkpoints is None:
        return math.inf
    kinds = kinds_of(plan.sources)
    is_calm = all(kind.marks and not (kind.is_arriving or kind.waits_for_state) for kind in kinds)
    return CALM_CHECKPOINT_SECONDS if is_calm else CHECKPOINT_SECONDS


def _monitored(sources: Sequence[str]) -> str:
    """Name the sources for people."""
    return ", ".join("standard input" if source == "-" else source for source in sources)


async def _limit_on(
    stop: trio.Event, scope: trio.CancelScope, everything: trio.CancelScope
) -> None:
    """Limit the time that everything still has once a stop is requested."""
    with scope:
        await stop.wait()
        everything.deadline = trio.current_time() + DRAIN_SECONDS
