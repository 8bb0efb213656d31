"""Aggregation: records in, closed seconds and snapshots out, in event time.

The complete state of the window aggregator. Time is passed in: `wall` is the wall clock in seconds
since the epoch.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.alerting.counting import Counting, RuleCounts
from glancemetrics.arrow import compute as pc
from glancemetrics.health.health import AgentHealth, Health, SourceHealth, SourceState
from glancemetrics.records.dimensions import Dimension, live_dimensions
from glancemetrics.records.rejects import Reject
from glancemetrics.records.schema import joined
from glancemetrics.records.schema import seconds as seconds_of
from glancemetrics.state.tree import State
from glancemetrics.traffic.arrival_delay import LONGEST_DELAY, ArrivalDelay
from glancemetrics.traffic.event_clock import ClockMode, EventClock
from glancemetrics.traffic.fitting_window import FittingWindow
from glancemetrics.traffic.insights import empty_insights
from glancemetrics.traffic.log_series import DISTINCT_LIMIT, LogSeries
from glancemetrics.traffic.metric_series import MetricSeries
from glancemetrics.traffic.silence import Silence
from glancemetrics.traffic.snapshot import Shown, Snapshot
from glancemetrics.traffic.span_counts import SpanCounts, SpanRates
from glancemetrics.traffic.totals import Totals

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EARLY_TOLERANCE = 60
"""Seconds. A record further ahead of the wall clock is early and in no window."""

_KEPT_REJECTS = 8
_NOTED_SECONDS = 60
"""How long a change of format, or of a clock, is reported."""
_USUALLY_HELD_UP = 5.0
"""Seconds that servers may hold up the windows: as long as a hub waits for a silent agent."""
_COUNTERS = (
    "gaps",
    "lines",
    "records",
    "rejected",
    "foreign",
    "damaged",
    "filtered",
    "late",
    "early",
)
_MOST_RECENT_ROWS, _MOST_RECENT_BATCHES = 100_000, 10
"""Records that are not in the series yet. A batch costs as much as a thousand of its records."""
_RATE_SECONDS = 600
"""Seconds of hit rates in a snapshot."""


@attrs.frozen(eq=False)
class SourceBatch:
    """The result of reading one source once."""

    source: str
    batch: pa.RecordBatch
    """Columns of `records.SCHEMA`, and extra fields."""
    lines: int
    rejects: int
    reject_samples: tuple[Reject, ...]
    foreign: int
    """Lines of other programs."""
    format: str | None
    reformatted: str | None
    """A sentence, if the format had to be detected again."""
    caught_up: bool
    """Whether the source was read to its end."""
    fresh: bool
    """Whether it was at its end before, so that these lines were just written."""
    lag_bytes: int
    reject_seconds: Int64s | None = None
    """When each reject was probably written; `None` or empty: unknown."""
    wanted: Bools | None = None
    """Which records are counted; `None`: all. Only the times of the others matter."""
    damaged: int = 0
    """Records with an unreadable field."""


_Kept = tuple[pa.RecordBatch, Int64s]
"""Records to count, and their seconds."""


class Aggregation:
    """Counts records into windows. See the module's docstring."""

    def __init__(
        self,
        *,
        window_seconds: int,
        alert_window_seconds: int,
        limits: dict[Dimension, int],
        delay: float | None = None,
        clock: ClockMode = ClockMode.AUTO,
        sources: Sequence[str] = (),
        distinct_limit: int = DISTINCT_LIMIT,
        kept_fields: Sequence[str] = (),
        counting: Counting | None = None,
        keep: Callable[[pa.RecordBatch], None] | None = None,
        totals: Totals | None = None,
        fits_window: bool = False,
        since: int | None = None,
    ) -> None:
        """`delay` in seconds, `None` to measure it; `limits` are rows per top list.

        `kept_fields` are extra fields to count besides the live dimensions.
        `counting` counts for rules, whose longest window is `alert_window_seconds`.
        `keep` receives all counted records, in a window or not, and so does `totals`: these are
        in snapshots.
        `fits_window`: snapshots also have a window that fits a quiet log, and cover all of an old
        log. `since` is the second from which logs are read; `None`: from their start.
        The clock only starts after each of `sources` has reported, so that a log's history is
        never late.
        """
        self._limits = limits
        self._delay = delay
        self._longest = max(window_seconds, alert_window_seconds)
        self._window_seconds, self._distinct_limit = window_seconds, distinct_limit
        self._clock_mode = clock
        self._live = live_dimensions(kept_fields)
        self._fits_window, self._since = fits_window, since
        self._begin_windows()
        self._silent = set(sources)
        self._sources: dict[str, SourceHealth] = {}
        self._agents: dict[str, AgentHealth] = {}
        self._reformatted: dict[str, tuple[str, float]] = {}
        """By source, the change of its format, and when it was noticed."""
        self._ahead: dict[str, tuple[float, int]] = {}
        """By source, when records were last ahead of the wall clock, and by how much."""
        self._behind: dict[str, int] = {}
        """By source, by how many seconds its latest records were behind."""
        self._first_rejects: list[Reject] = []
        self._rejects: deque[Reject] = deque(maxlen=_KEPT_REJECTS)
        self._counting = counting or Counting(())
        self._keep = keep
        self._totals = totals
        self._lines = self._records = self._rejected = self._foreign = self._filtered = (
            self._damaged
        ) = 0
        self._late = self._early = 0
        self._gaps = 0
        self._last_gap = ""

        self._knows_groups = False
        self.learns_delay = True
        """Whether new lines count as just written."""
        self._begun: int | None = None
        """Older records are late, even if windows reach further back."""

    def _begin_windows(self) -> None:
        """Start with empty windows."""
        self._series = LogSeries(self._window_seconds, self._distinct_limit, self._live)
        self._recent: list[_Kept] = []
        """Records that are not in the series yet."""
        self.recent_rows = 0
        """How many these are."""
        self._clock = EventClock(self._clock_mode, self._longest)
        self._delays: dict[str, ArrivalDelay] = {}
        self._measured_at: int | None = None
        self._measured: float | None = None
        self._rates = MetricSeries(_RATE_SECONDS + reach_seconds(self._longest))
        self._counted: list[RuleCounts] = []
        self._end: int | None = None
        self._fitting: FittingWindow | None = None
        self._whole: SpanCounts | None = None
        """Of a log of the past: all of it."""
        self._whole_rates = SpanRates()
        self._silence = Silence()
        if self._fits_window:
            self._fitting = self._new_fitting()
            if self._clock_mode is ClockMode.AUTO:
                self._whole = SpanCounts(self._distinct_limit, self._live)

    def _new_fitting(self) -> FittingWindow:
        return FittingWindow(self._window_seconds, self._distinct_limit, self._live, self._since)

    @property
    def series(self) -> LogSeries:
        """The buckets of the window and its totals, up to date."""
        self.count_recent()
        return self._series

    def count_recent(self) -> None:
        """Count into the series what was gathered for it, and move its window; reading it does."""
        recent, self._recent, self.recent_rows = self._recent, [], 0
        if recent:
            # Skip what has left the window in the meantime.
            since = None if self._end is None else self._end - self._window_seconds
            self._series.add(*_together(recent), since)
        if self._end is not None:
            self._series.advance(self._end)

    def counts_recent_with(self, rows: int) -> bool:
        """Tell whether adding so many records counts what waits for the series as well."""
        is_much = self.recent_rows + rows >= _MOST_RECENT_ROWS
        return is_much or len(self._recent) + 1 >= _MOST_RECENT_BATCHES

    @property
    def classifies_agents(self) -> bool:
        """Whether rules ask for browsers, bots and so on."""
        return self._counting.classifies_agents

    def learn_groups(self) -> None:
        """Start grouping by browser, bot and so on; loading the necessary data takes a while."""
        self._knows_groups = True
        self._learn_groups()

    def _learn_groups(self) -> None:
        self.series.learn_groups()
        if self._whole is not None:
            self._whole.learn_groups()
        if self._fitting is not None:
            self._fitting.knows_groups = True

    def clock_was_set(self, wall: float) -> None:
        """The wall clock was set: windows start over, counters continue.

        Records from before the time that it shows now are late from here on.
        """
        if not self._clock.live:
            return  # an old log has no other clock than its records
        self._begun = self._since = int(wall) - EARLY_TOLERANCE
        live = self._clock.live
        self._begin_windows()
        if self._knows_groups:
            self._learn_groups()
        self._clock.restore({"newest": None, "live": live})
        for name, source in self._sources.items():
            self._clock.observe(name, None, source.state is not SourceState.READING, 0)

    @property
    def lines(self) -> int:
        """How many lines were read since the start."""
        return self._lines

    @property
    def is_settled(self) -> bool:
        """Whether everything counted for rules has been passed on."""
        return not self._counted

    @property
    def started(self) -> bool:
        """Whether each source has reported."""
        return not self._silent

    @property
    def caught_up(self) -> bool:
        """Whether every source has been read to its end, as far as possible."""
        return self.started and all(
            source.state is not SourceState.READING for source in self._sources.values()
        )

    @property
    def finished(self) -> bool:
        """Whether every source has ended, so that there will be no more records."""
        return all(source.state is SourceState.ENDED for source in self._sources.values())

    def add(self, read: SourceBatch, wall: float) -> None:
        """Count the result of reading a source."""
        self.add_all([read], wall)

    def add_all(
        self, reads: Sequence[SourceBatch], wall: float, joint: pa.RecordBatch | None = None
    ) -> None:
        """Count several results in this order, together: that is faster.

        `joint` has the records of all, if they are known as one batch.
        """
        if joint is not None and joint.num_rows and self._begun is None:
            seconds = seconds_of(joint)
            if seconds.max() <= wall + EARLY_TOLERANCE:
                self._take_in_together(reads, seconds, wall)
                self._count([_wanted_of(reads, joint, seconds)])
                return
        kept = [one for read in reads if (one := self._take_in(read, wall)) is not None]
        if kept:
            self._count(kept)

    def _take_in_together(self, reads: Sequence[SourceBatch], seconds: Int64s, wall: float) -> None:
        """Note everything about several results except the records to count.

        `seconds` are those of all their records, none of which is early.
        """
        rows = np.array([read.batch.num_rows for read in reads])
        ends = np.cumsum(rows)
        begins = ends - rows
        some = begins[rows > 0]
        oldest = iter(np.minimum.reduceat(seconds, some).tolist())
        newest = iter(np.maximum.reduceat(seconds, some).tolist())
        for read, begin, end in zip(reads, begins.tolist(), ends.tolist(), strict=True):
            self._note_read(read, wall)
            if begin < end:
                self._note_seconds(read, seconds[begin:end], next(oldest), next(newest), wall)

    def _take_in(self, read: SourceBatch, wall: float) -> _Kept | None:
        """Note everything except the records to count, which are returned."""
        self._note_read(read, wall)
        kept = self._kept(read, wall) if read.batch.num_rows else None
        if read.rejects:
            at = read.reject_seconds
            if at is None or len(at) < read.rejects:
                known = np.zeros(0, np.int64) if at is None else at
                more = read.rejects - len(known)
                at = np.append(known, [self._time_of_rejects(read, wall)] * more)
            self._counted += self._counting.count_rejects(at)
        return kept

    def _note_read(self, read: SourceBatch, wall: float) -> None:
        """Note what reading a source says about it."""
        self._silent.discard(read.source)
        self._lines += read.lines
        self._records += read.batch.num_rows
        if read.wanted is not None:
            self._filtered += int(np.count_nonzero(~read.wanted))
        self._rejected += read.rejects
        self._foreign += read.foreign
        self._damaged += read.damaged
        for reject in read.reject_samples:
            if self._first_rejects:
                self._rejects.append(reject)
            else:
                self._first_rejects.append(reject)
        if read.reformatted is not None:
            self._reformatted[read.source] = (read.reformatted, wall)
        state = SourceState.FOLLOWING if read.caught_up else SourceState.READING
        source = self._sources.get(read.source)
        unparsed = 0 if source is None else source.unparsed
        self._sources[read.source] = SourceHealth(
            read.source,
            state,
            detail=self._note_on(read.source, wall),
            format=read.format or (source.format if source else None),
            lag_bytes=read.lag_bytes,
            unparsed=0 if read.batch.num_rows else unparsed + read.rejects,
        )
        self._clock.observe(read.source, None, read.caught_up, wall)

    def _note_seconds(
        self, read: SourceBatch, seconds: Int64s, oldest: int, newest: int, wall: float
    ) -> None:
        """Note the times of some records of a source, of which two are known."""
        self._clock.observe(read.source, newest, read.caught_up, wall)
        if read.fresh and self.learns_delay and self._clock.live:
            delay = self._delays.get(read.source)
            if delay is None:
                delay = self._delays[read.source] = ArrivalDelay()
            delay.observe(wall, seconds, oldest, newest)

    def to_state(self) -> State:
        """Return the state for a restart, except for what sources report again.

        Everything counted for rules must have been passed on: `advance` with `whole`.
        """
        assert self.is_settled
        return {
            "end": self._end,
            "series": self.series.to_state(),
            "rates": self._rates.to_state(),
            "silence": self._silence.to_state(),
            "clock": self._clock.to_state(),
            "delays": {name: delay.to_state() for name, delay in self._delays.items()},
            "counters": {name: getattr(self, f"_{name}") for name in _COUNTERS},
            "rejects": [attrs.asdict(reject) for reject in (*self._first_rejects, *self._rejects)],
            "totals": None if self._totals is None else self._totals.to_state(),
        }

    def restore(self, state: State) -> None:
        """Resume from saved state. Raises `ValueError`, `KeyError` or `TypeError`."""
        self._series.restore(state["series"])
        self._whole = None  # what was read before the restart is not known
        if self._fitting is not None and state["end"] is not None:
            self._since = int(state["end"])
            self._fitting = self._new_fitting()
        self._rates.restore(state["rates"])
        if "silence" in state:  # earlier versions did not save it
            self._silence.restore(state["silence"])
        self._clock.restore(state["clock"])
        for name, held in state["delays"].items():
            self._delays[name] = ArrivalDelay()
            self._delays[name].restore(held)
        for name in _COUNTERS:
            setattr(self, f"_{name}", int(state["counters"].get(name, 0)))
        rejects = [Reject(**one) for one in state["rejects"]]
        self._first_rejects = rejects[:1]
        self._rejects.extend(rejects[1:])
        self._end = state["end"]
        totals = state.get("totals")  # unless an earlier version saved it, or nothing wanted any
        if self._totals is not None and totals is not None:
            self._totals.restore(totals)

    def _time_of_rejects(self, read: SourceBatch, wall: float) -> int:
        """Return when rejects without a preceding record were written."""
        newest = self._clock.newest
        if newest is None:
            return int(wall)
        end = self._next_end(wall)
        if read.fresh and self._clock.live and end is not None:
            return max(newest, end)  # just now, because nothing was left to read
        return newest

    def note_source(self, source: SourceHealth, wall: float) -> None:
        """Process a tailer's report about its source."""
        if source.state is not SourceState.READING:
            self._silent.discard(source.name)
        elif source.name not in self._sources:
            self._silent.add(source.name)
        known = self._sources.get(source.name)
        self._sources[source.name] = attrs.evolve(
            source,
            detail=source.detail or self._note_on(source.name, wall),
            format=source.format or (known.format if known else None),
            unparsed=known.unparsed if known else 0,
        )
        self._clock.observe(source.name, None, source.state is not SourceState.READING, wall)

    def note_agent(self, agent: AgentHealth) -> None:
        """Note what an agent is doing."""
        self._agents[agent.name] = agent

    def forget_agent(self, name: str) -> None:
        """The agent will not come back."""
        self._agents.pop(name, None)
        self._clock.read_until(name, None)

    def note_read_until(self, server: str, until: float | None) -> None:
        """Note up to when everything that a server wrote was counted; see `EventClock`."""
        self._clock.read_until(server, until)

    def note_gap(self, what: str) -> None:
        """Some of a log could not be read and is lost."""
        self._gaps += 1
        self._last_gap = what

    def forget_source(self, name: str) -> None:
        """The source is no longer followed."""
        self._silent.discard(name)
        self._sources.pop(name, None)
        self._reformatted.pop(name, None)
        self._delays.pop(name, None)
        self._ahead.pop(name, None)
        self._behind.pop(name, None)
        self._clock.forget(name)

    def _note_on(self, name: str, wall: float) -> str:
        """Return a recent change of a source's format, for a while."""
        text, since = self._reformatted.get(name, ("", wall))
        return text if wall - since < _NOTED_SECONDS else ""

    def delay(self, wall: float) -> float | None:
        """Seconds that windows end behind real time; `None` until measured."""
        if self._delay is not None:
            return self._delay
        if self._measured_at != int(wall):
            # With a thousand logs, measure once a second and not for each batch.
            self._measured_at, self._measured = int(wall), self._measured_delay(wall)
        return self._measured

    def _measured_delay(self, wall: float) -> float | None:
        measured = {name: delay.seconds(wall) for name, delay in self._delays.items()}
        for name, seconds in measured.items():
            if seconds is None:
                del self._delays[name]  # so long without records that nothing is known
        return max((seconds for seconds in measured.values() if seconds is not None), default=None)

    def advance(
        self, wall: float, *, ended: bool = False, whole: bool = False
    ) -> ClosedSeconds | None:
        """Move the window to now; returns what has closed, or `None` if nothing has.

        `ended`: there will be no more records, so the newest second is complete too. `whole`: pass
        on the counts even if nothing has closed.
        """
        if not (self.started or ended):
            return None
        newest = self._clock.newest
        end = self._next_end(wall)
        if ended and newest is not None:
            end = newest + 1 if end is None else max(end, newest + 1)
        hands_on = ended or (whole and self._counted)
        if end is None or (end == self._end and not hands_on):
            return None
        self._end = end
        counted, self._counted = self._counted, []
        return ClosedSeconds(end, tuple(counted))

    def snapshot(self, wall: float, *, is_shown: bool = True) -> Snapshot:
        """Return everything to show; without a window yet, an empty one that ends now.

        If it is not shown to anybody, the window is empty: only the health is looked at.
        """
        snapshot = self._snapshot(wall, is_shown=is_shown)
        if self._totals is None:
            return snapshot
        return attrs.evolve(snapshot, totals=self._totals.snapshot())

    def _snapshot(self, wall: float, *, is_shown: bool) -> Snapshot:
        if self._end is None or not is_shown:
            end = math.floor(wall) if self._end is None else self._end
            nothing = empty_insights(end, self._window_seconds)
            return Snapshot(time=wall, insights=nothing, health=self._health(wall))
        if self._whole is not None and self._whole.first is not None:
            return Snapshot(
                time=wall,
                insights=self._whole.insights(self._limits),
                health=self._health(wall),
                shown_as=Shown.WHOLE_LOG,
                rates=self._whole_rates.values(),
            )
        insights = self.series.insights(self._limits)
        shown = insights
        if self._fitting is not None:
            shown = self._fitting.fitted(insights, self._limits)
        health = self._health(wall)
        rates = self._rates.values(self._end - _RATE_SECONDS, self._end)
        silent = self._silence.seconds(rates, self._end)
        return Snapshot(
            time=wall,
            insights=insights,
            health=health,
            shown=shown,
            rates=tuple(rates.tolist()),
            silent=silent if health.live else 0,
        )

    def _next_end(self, wall: float) -> int | None:
        """The next end of the window, never before the current one."""
        now = self._clock.now(wall)
        if now is None:
            return self._end
        if now == wall:
            now -= self.delay(wall) or 0.0
        now = self._clock.held_up(now, wall)
        return math.floor(now) if self._end is None else max(self._end, math.floor(now))

    def _kept(self, read: SourceBatch, wall: float) -> _Kept | None:
        """Return the records of a source to count."""
        batch, wanted = read.batch, read.wanted
        seconds = seconds_of(batch)
        early = seconds > wall + EARLY_TOLERANCE
        if early.any():
            self._early += int(np.count_nonzero(early))
            self._ahead[read.source] = wall, round(float(seconds[early].min()) - wall)
            keep = np.flatnonzero(~early)
            batch, seconds = pc.take(batch, pa.array(keep)), seconds[keep]
            wanted = None if wanted is None else wanted[keep]
            if not len(seconds):
                return None
        if self._begun is not None:
            kept = seconds >= self._begun
            late = ~kept if wanted is None else ~kept & wanted
            self._late += int(np.count_nonzero(~kept))
            if late.any():
                # Too late for any window, but the history keeps them.
                self._pass_on(pc.filter(batch, pa.array(late)))
            batch, seconds = pc.filter(batch, pa.array(kept)), seconds[kept]
            wanted = None if wanted is None else wanted[kept]
            if not len(seconds):
                return None
        self._note_seconds(read, seconds, int(seconds.min()), int(seconds.max()), wall)
        if wanted is not None and not wanted.all():
            batch, seconds = pc.filter(batch, pa.array(wanted)), seconds[wanted]
        return batch, seconds

    def _count(self, kept: Sequence[_Kept]) -> None:
        batch, seconds = _together(kept)
        self._pass_on(batch)
        self._count_seconds(seconds)
        self._counted += self._counting.count(batch)
        if self._whole is not None and self._clock.live:
            self._whole = None  # of a log that is being written, windows are shown
        if self._whole is not None:
            self._whole.add(batch, seconds)
        if self._fitting is not None:
            self._fitting.add(batch, seconds)
        is_enough = self.counts_recent_with(len(seconds))
        self._recent.append((batch, seconds))
        self.recent_rows += len(seconds)
        if is_enough:
            self.count_recent()

    def _pass_on(self, batch: pa.RecordBatch) -> None:
        """Give records to what counts them whatever their time."""
        if self._keep is not None:
            self._keep(batch)
        if self._totals is not None:
            self._totals.add(batch)

    def _count_seconds(self, seconds: Int64s) -> None:
        distinct, hits = np.unique(seconds, return_counts=True)
        if self._end is not None:
            late = distinct < self._end - self._longest
            self._late += int(hits[late].sum())
        self._rates.add(distinct, hits)
        if self._whole is not None:
            self._whole_rates.add(distinct, hits)

    def _with_times(self, source: SourceHealth, wall: float) -> SourceHealth:
        """Return a source with its last record, and the offset of its server's clock.

        That of a silent source is the last one known.
        """
        delay = self._delays.get(source.name)
        known = None if delay is None or delay.seconds(wall) is None else delay.behind(wall)
        at, ahead = self._ahead.get(source.name, (0.0, 0))
        if wall - at < _NOTED_SECONDS:
            known = -ahead
        if known is not None:
            self._behind[source.name] = known
        behind = self._behind.get(source.name, 0)
        newest = self._clock.newest_of(source.name)
        last = source.last_record if newest is None else newest
        return attrs.evolve(source, behind=behind, last_record=last)

    def _held_up_seconds(self, wall: float) -> float:
        """Return by how much servers hold up the windows; 0 as long as that is usual."""
        if self._end is None or not self._clock.is_held_up:
            return 0.0
        seconds = wall - (self.delay(wall) or 0.0) - self._end
        return round(seconds, 1) if seconds > _USUALLY_HELD_UP else 0.0

    def _health(self, wall: float) -> Health:
        lag_bytes = sum(source.lag_bytes for source in self._sources.values())
        newest = self._clock.newest
        lag_seconds: float | None = None
        if not lag_bytes:
            lag_seconds = self._held_up_seconds(wall)
        elif self._clock.live and newest is not None:
            lag_seconds = max(0.0, round(wall - newest, 1))
        return Health(
            lines=self._lines,
            records=self._records,
            rejects=self._rejected,
            foreign=self._foreign,
            damaged=self._damaged,
            filtered=self._filtered,
            late=self._late,
            early=self._early,
            delay=self.delay(wall),
            gaps=self._gaps,
            last_gap=self._last_gap,
            lag_bytes=lag_bytes,
            lag_seconds=lag_seconds,
            sources=tuple(self._with_times(source, wall) for source in self._sources.values()),
            agents=tuple(self._agents.values()),
            reject_samples=(*self._first_rejects, *self._rejects),
            newest=newest,
            live=self._clock.live,
        )


def _together(kept: Sequence[_Kept]) -> _Kept:
    """Return several as one."""
    if len(kept) == 1:
        return kept[0]
    return joined([one for one, _ in kept]), np.concatenate([one for _, one in kept])


def _wanted_of(reads: Sequence[SourceBatch], joint: pa.RecordBatch, seconds: Int64s) -> _Kept:
    """Return the records of several results that are counted."""
    if all(read.wanted is None for read in reads):
        return joint, seconds
    wanted = np.concatenate(
        [
            np.ones(read.batch.num_rows, np.bool_) if read.wanted is None else read.wanted
            for read in reads
        ]
    )
    return pc.filter(joint, pa.array(wanted)), seconds[wanted]


def reach_seconds(longest_window_seconds: int) -> int:
    """Return how far past the closed seconds records may already be counted.

    Live: the delay, plus the tolerance for clocks that are ahead. While a source lags, the others
    may be a window ahead of it.
    """
    return longest_window_seconds + int(LONGEST_DELAY) + EARLY_TOLERANCE
