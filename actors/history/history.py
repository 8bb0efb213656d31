"""`History`: a monitor's records and rollups, in memory and, if state is kept, on disk.

It blocks nothing. Adding records is cheap; every second the new ones are joined, counted in rollups
and written by a worker thread. Records that have to leave memory before they are on disk are a
hole, which answers mention.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import trio
from loguru import logger

from actors.history import HistorySettings
from actors.history.about import (
    About,
    Gap,
    read_about,
    read_reached,
    write_about,
    write_reached,
)
from actors.history.overlap import Overlap
from actors.history.rollup_files import RollupFiles
from actors.history.segments import SegmentFolder, beyond
from actors.history.stored_segments import StoredSegment, deleted_in, gaps_of, readable, stored_in
from actors.history.unused import bound_unused
from actors.state.clock import WallClock
from actors.state.left_threads import run_leavable
from glancemetrics.errors import sentence
from glancemetrics.health.health import OutputHealth, OutputState
from glancemetrics.history.held_records import HeldRecords, due_for_joining, put_together
from glancemetrics.history.recorded import (
    NOT_IN_TIME,
    Hole,
    Ordinals,
    Recorded,
    StoredRecords,
    holes_in,
)
from glancemetrics.history.rollups import Rollups
from glancemetrics.words.humane import format_bytes, format_round_duration, requests_text

STEP_SECONDS = 5.5
"""Seconds between writes; a crash of the machine loses at most that. Each costs as much as counting
thousands of records. Checkpoints, which are made every 5 or 10 s, write as well: the next write is
this much later, and never just before one."""
_BOUND_SECONDS = 60.0
"""Seconds between checks for records to delete; under load there are many more steps."""
_ROOM_SECONDS = 5.0
_SLOW = f"cannot be written: the disk does not answer for {_ROOM_SECONDS:g} s"
_LEAST_GAP = 60
"""Shortest gap worth recording, in seconds."""
_MANY_APART, _MOST_APART = 250_000, 1_000_000
"""Records in unjoined batches, which use two to three times the memory counted: from the first
number on they are joined at once; above the second one, adding waits."""
_MOST_ROWS = 200_000
"""Rows per joined batch of a step."""


def cut_history(folder: SegmentFolder, position: int) -> None:
    """Delete the records from an ordinal on: they are read again. Raises `OSError`."""
    folder.cut(position)
    # Records may be read again in another order, or with another filter.
    RollupFiles(folder.path).cut(position)


class History:
    """See the module's docstring. `run` does the work; `take` and `recorded` are thread-safe."""

    def __init__(
        self,
        settings: HistorySettings,
        wall: WallClock,
        folder: SegmentFolder | None = None,
        about: About = About(),  # noqa: B008 - frozen
    ) -> None:
        """`folder` is where records are written; `None`: nowhere. `about` is stored there."""
        self._about, self._is_about_written = about, False
        self._settings = settings
        self._wall = wall
        self._folder = folder
        self._rollup_files = None if folder is None else RollupFiles(folder.path)
        self._lock = threading.Lock()
        self._held: list[HeldRecords] = []
        self._on_disk: list[StoredSegment] = []
        self._deleted_before: list[Ordinals] = []
        """Ordinals deleted from disk because of their age, between others."""
        self._position = 0
        """Ordinal of the next record."""
        self._saved = 0
        """All records before this ordinal are on disk, or never will be."""
        self._rolled = 0
        """All records before this ordinal are in the rollups."""
        self._joined_to = 0
        """All records before this ordinal are in joined batches."""
        self._rollups: Rollups | None = None
        """`None` while they are loaded."""
        self._lost: list[tuple[int, int, str]] = []
        """First and last ordinal (exclusive) of lost records, and the reason."""
        self._unrolled = 0
        """Records that were dropped before they were in the rollups."""
        self._reached: int | None = None
        self._is_open = self._is_apart = False
        """Whether the content on disk is known; whether it is kept apart from this run."""
        self._begun_at = 0
        self._overlap: Overlap | None = None
        """Records to leave out, because they are read again; `None`: none."""
        self._gap: Gap | None = None
        """The time before this run in which nothing was read."""
        self._since: int | None = None
        self._problem = ""
        """Why nothing can be written, in a clause."""
        self._is_slow = False
        """Whether the disk is unresponsive: then it is not waited for again."""
        self.is_asked = True
        """Whether somebody may ask for records here: then they stay in memory, also once they are
        on disk. Other processes read them there."""
        self._is_merging = True
        """Whether there may be segments to merge."""
        self._wake = trio.Event()
        self._stepped = trio.Event()

    @property
    def position(self) -> int | None:
        """Number of records ever added, over all runs; `None` if unknown."""
        return None if self._is_apart else self._position

    @property
    def health(self) -> OutputHealth:
        """Its health, in the form of an output's."""
        trouble = self._trouble
        if trouble:
            return OutputHealth("history", OutputState.RETRYING, trouble)
        return OutputHealth("history", OutputState.WORKING, self._content())

    @property
    def _trouble(self) -> str:
        """Why nothing can be written, in a clause; empty where it can."""
        return self._problem or (_SLOW if self._is_slow else "")

    def _content(self) -> str:
        """Say how much there is, from when on, and where; nothing before there is something."""
        with self._lock:
            held, on_disk = self._held, self._on_disk
        kept: list[StoredRecords] = [*on_disk, *held]
        if not kept:
            return ""
        older, cut = self._before(held, on_disk)
        first = held[0].first if held else self._position
        count = sum(one.rows for one in older) + max(0, self._position - max(cut, first))
        length = max(one.newest for one in kept) - min(one.oldest for one in kept) + 1
        text = f"{requests_text(count)} of {format_round_duration(length)}"
        if self._folder is None:
            return f"{text}, in memory only"
        size = format_bytes(sum(one.segment.size for one in on_disk))
        return f"{text}, {size} in {self._folder.path}"

    def resume(
        self, position: int | None, since: int | None = None, *, is_behind: bool = False
    ) -> None:
        """Resume from a checkpoint's position; `None`: without a checkpoint.

        Records on disk beyond it are deleted: they will be read again. Without a checkpoint,
        records read again are left out; nothing logged before the second `since` is read, if that
        is known. `is_behind`: another machine has read what lies between the history and `since`.
        """
        if self._folder is None:
            self._position = self._saved = self._rolled = self._joined_to = position or 0
            return
        try:
            if position is None:
                position = self._begin(self._folder, since)
            elif is_behind:
                self._note_gap(read_reached(self._folder.path)[0], since)
        except OSError as error:
            # The content is unknown: it cannot be continued, and must not be overwritten.
            self._note_problem(error)
            self._folder = self._rollup_files = None
            self._is_apart = True
            return
        self._position = self._saved = self._rolled = self._begun_at = self._joined_to = position
        self._open_folder(self._folder)

    def _open_folder(self, folder: SegmentFolder) -> None:
        """Find out what is on disk, if possible."""
        try:
            cut_history(folder, self._begun_at)
            self._list(folder)
        except OSError as error:
            self._note_problem(error)
            return
        self._is_open = True
        self._about = self._about.after(read_about(folder.path))
        if self._gap is not None:
            self._about = self._about.with_gap(self._gap)
        _, self._since = read_reached(folder.path)
        if self._on_disk and (end := self._on_disk[-1].end) < self._begun_at:
            self._note_lost(end, self._begun_at, "not yet written when the process was killed")

    def _begin(self, folder: SegmentFolder, since: int | None) -> int:
        """Return the first ordinal for a run without a checkpoint. Raises `OSError`."""
        stored = stored_in(folder)
        if stored:
            until, _ = read_reached(folder.path)
            self._overlap = Overlap(until, stored)
            self._note_gap(until, since)
        return stored[-1].end if stored else 0

    def _note_gap(self, until: int | None, since: int | None) -> None:
        if until is not None and since is not None and since > until + _LEAST_GAP:
            self._gap = Gap(until, since)

    def take(self, batch: pa.RecordBatch) -> None:
        """Add records: columns of `records.SCHEMA`, `source` and extra fields."""
        if self._overlap is not None:
            batch = self._overlap.new_of(batch)
        if not batch.num_rows:
            return
        with self._lock:
            held = HeldRecords.of(self._position, batch)
            self._position = held.end
            self._hold([*self._held, held])

    def reached(self, end: int) -> None:
        """Everything logged before a second has been added, as far as it ever will be."""
        self._reached = end
        if self._overlap is not None and self._overlap.is_over(end):
            self._overlap = None

    async def room(self) -> None:
        """Wait for memory, when existing logs are read faster than they can be stored.

        Live lines never wait.
        """
        self.hurry()
        with trio.move_on_after(_ROOM_SECONDS) as waiting:
            while self._is_crowded:
                self._wake.set()
                await self._stepped.wait()
        if waiting.cancelled_caught:  # do not wait again before something was written
            self._is_slow = True

    def hurry(self) -> None:
        """Do at once what is due, if there is much."""
        if self._position - self._joined_to > _MANY_APART:
            self._wake.set()

    @property
    def _is_crowded(self) -> bool:
        if self._problem or self._is_slow:
            return False
        with self._lock:
            waiting = sum(one.nbytes for one in self._held if one.end > self._saved)
            apart = self._position - self._joined_to
        is_behind = self._folder is not None and waiting > self._settings.memory // 2
        return is_behind or apart > _MOST_APART

    async def run(self) -> None:
        """Process what was added, forever."""
        await self._do(self._open)
        bound_due = -math.inf
        while True:
            with trio.move_on_after(STEP_SECONDS):
                await self._wake.wait()
            self._wake = trio.Event()
            now = trio.current_time()
            is_time = now >= bound_due
            bound_due = now + _BOUND_SECONDS if is_time else bound_due
            await self._do(functools.partial(self._step, is_time=is_time))
            self._is_slow = False
            stepped, self._stepped = self._stepped, trio.Event()
            stepped.set()

    async def _do(self, work: Callable[[], None]) -> None:
        """Run work in a thread; whatever fails, the monitor continues."""
        try:
            await run_leavable(work)
        except Exception as error:
            self._note_problem(error)
            logger.opt(exception=error).debug("the history failed")

    async def flushed(self, position: int | None) -> None:
        """Wait until all records before an ordinal are on disk, or cannot be written."""
        if self._folder is None or position is None:
            return
        while self._saved < position and not self._problem:
            self._wake.set()
            await self._stepped.wait()

    def recorded(self) -> Recorded:
        """Return everything that is kept now."""
        with self._lock:
            held = self._held
            on_disk = self._on_disk
            rolled, rollups = self._rolled, self._rollups
            since, until, deleted = self._since, self._reached, self._deleted_before
        older, cut = self._before(held, on_disk)
        newer = [one.since(cut) for one in held if one.end > cut]
        unrolled = [one.since(rolled).batch for one in held if one.end > rolled]
        stored: tuple[StoredRecords, ...] = (*older, *newer)
        lacking = f"rollups are missing {self._unrolled} requests ({NOT_IN_TIME})"
        return Recorded(
            stored=stored,
            since=since,
            until=until,
            holes=(
                *gaps_of(self._about),
                *self._holes_before(stored),
                *holes_in(stored, deleted, self._why),
            ),
            rollups=rollups,
            unrolled=tuple(unrolled) if rollups is not None else (),
            troubles=(*self._about.troubles, *([lacking] if self._unrolled else [])),
        )

    def _before(
        self, held: Sequence[HeldRecords], on_disk: Sequence[StoredSegment]
    ) -> tuple[list[StoredSegment], int]:
        """Return what is on disk before what is held, and where it ends: they may overlap."""
        first = held[0].first if held else self._position
        older = [one for one in on_disk if one.first < first]
        return older, max((one.end for one in older), default=0)

    def _hold(self, held: Sequence[HeldRecords]) -> None:
        """Hold these from now on, as many as fit into memory."""
        kept = list(held)
        size = sum(one.nbytes for one in kept)
        while size > self._settings.memory and len(kept) > 1:
            gone = kept.pop(0)
            size -= gone.nbytes
            self._drop(gone)
        self._held = kept

    def _drop(self, gone: HeldRecords) -> None:
        if self._folder is None:
            self._since = max(self._since or 0, gone.newest + 1)
        elif gone.end > self._saved:
            why = f"the history {self._trouble}" if self._trouble else NOT_IN_TIME
            self._note_lost(gone.first, gone.end, why)
            self._saved = gone.end
        self._unrolled += max(0, gone.end - max(gone.first, self._rolled))

    def _note_lost(self, first: int, end: int, why: str) -> None:
        last = self._lost[-1] if self._lost else None
        if last is not None and (last[1], last[2]) == (first, why):
            self._lost[-1] = last[0], end, why
        else:
            self._lost.append((first, end, why))
            logger.warning("history: requests are missing: {}", why)

    def _holes_before(self, stored: Sequence[StoredRecords]) -> Iterator[Hole]:
        """Yield what this run lost before the first existing record."""
        for first, end, why in self._lost:
            if stored and end <= stored[0].first:
                at = stored[0].oldest
                yield Hole(since=at, until=at, records=end - first, why=why)

    def _why(self, ordinal: int) -> str:
        """Return why a record is missing."""
        whys = (why for first, end, why in self._lost if first <= ordinal < end)
        return next(whys, NOT_IN_TIME)

    def _open(self) -> None:
        """Do pending initial work, if possible. Raises `OSError`."""
        if self._folder is not None and not self._is_open:
            self._open_folder(self._folder)
        if self._rollups is None and (self._folder is None or self._is_open):
            self._load_rollups()

    def _load_rollups(self) -> None:
        """Load rollups, and count records on disk that are not in them. Raises `OSError`."""
        rollups, position = Rollups(), self._rolled
        troubles: list[str] = []
        if self._rollup_files is not None:
            rollups, position = self._rollup_files.load(self._rolled, troubles)
        left = [one.since(position) for one in self._on_disk if one.end > position]
        for batch in readable(left, troubles):
            rollups.add(batch)
        for trouble in troubles:
            logger.warning("{}", trouble)
        with self._lock:
            self._rollups = rollups

    def _step(self, *, is_time: bool) -> None:
        """Join, count and write new records; occasionally delete old ones."""
        self._join_new()
        self._open()
        self._roll_up()
        if self._folder is None:
            with self._lock:
                self._saved = self._rolled
        elif self._is_open:
            self._keep_on_disk(self._folder, is_time=is_time)
        if self._folder is not None and not self.is_asked:
            self._let_go()
        self._join_small()

    def _let_go(self) -> None:
        """Let go of what is on disk, as far as that is known here, and in the rollups."""
        with self._lock:
            if self._rollups is not None and self._on_disk:
                done = min(self._saved, self._rolled, self._on_disk[-1].end)
                self._hold([one for one in self._held if one.end > done])

    def _join_new(self) -> None:
        with self._lock:
            new = [one for one in self._held if one.first >= self._joined_to]
        group: list[HeldRecords] = []
        for one in new:
            group.append(one)
            if sum(each.rows for each in group) >= _MOST_ROWS:
                self._replace(group)
                group = []
        self._replace(group)
        if new:
            self._joined_to = new[-1].end

    def _join_small(self) -> None:
        """Join neighbours that are either all on disk or all not."""
        while True:
            with self._lock:
                held, saved = self._held, self._saved
            done = [one for one in held if one.end <= saved] if self._folder else held
            group = due_for_joining(done) or due_for_joining(held[len(done) :])
            if not group:
                return
            self._replace(group)

    def _replace(self, group: Sequence[HeldRecords]) -> None:
        """Replace neighbours by one batch, unless the first was dropped in the meantime."""
        if not group:
            return
        joined = put_together(group)
        with self._lock:
            if group[0] in self._held:
                at = self._held.index(group[0])
                self._hold([*self._held[:at], joined, *self._held[at + len(group) :]])

    def _roll_up(self) -> None:
        with self._lock:
            new = [one for one in self._held if one.end > self._rolled]
            rollups, rolled = self._rollups, self._rolled
        if rollups is None or not new:
            return
        # Others may be reading them: they are copied before they change.
        rollups = rollups.with_records([one.since(rolled).batch for one in new])
        with self._lock:
            self._rollups, self._rolled = rollups, new[-1].end

    def _keep_on_disk(self, folder: SegmentFolder, *, is_time: bool) -> None:
        reached = self._reached  # everything added before this will be on disk
        problem: OSError | None = None
        works = [
            functools.partial(self._write, folder, reached),
            functools.partial(self._merge, folder),
        ]
        is_large = sum(one.segment.size for one in self._on_disk) > self._settings.disk
        if is_time or is_large or self._problem:  # first: it frees space on a full disk
            works.insert(0, functools.partial(self._bound, folder))
        for work in works:
            try:
                work()
            except OSError as error:
                problem = problem or error
        if is_time:
            bound_unused(folder.path, self._wall())
        if problem is None:
            self._problem = ""
        else:
            self._note_problem(problem)

    def _write(self, folder: SegmentFolder, reached: int | None) -> None:
        with self._lock:
            # A joined batch may be partly written already.
            unsaved = [one.since(self._saved) for one in self._held if one.end > self._saved]
        for one in unsaved:
            folder.write(one.first, one.batch)
            with self._lock:
                self._saved = max(self._saved, one.end)
        if unsaved:
            self._list(folder)
            self._is_merging |= folder.is_due([one.segment for one in self._on_disk])
            if not self._is_about_written:
                write_about(folder.path, self._about)
                self._is_about_written = True
        if reached is not None and folder.path.exists():
            write_reached(folder.path, reached, self._since)
        if self._rollup_files is not None and self._rollups is not None:
            self._rollup_files.save(self._rollups, self._rolled, self._wall())

    def _merge(self, folder: SegmentFolder) -> None:
        if self._is_merging:
            self._is_merging = folder.merge()
            self._list(folder)

    def _bound(self, folder: SegmentFolder) -> None:
        # In the records' time: an old log that is read from its start is kept as well.
        newest = max((one.newest for one in self._on_disk), default=0)
        end = min(int(self._wall()), newest)
        limits = self._settings.disk, end - self._settings.age
        if not beyond((one.segment for one in self._on_disk), *limits):
            return
        if self._rollup_files is not None and self._rollups is not None:
            # What is only in records must be in saved rollups before they are deleted.
            self._rollup_files.save(self._rollups, self._rolled, self._wall(), is_urgent=True)
        gone = folder.bound(*limits)
        if gone:
            newest = max(one.newest for one in gone)
            with self._lock:
                self._since = max(self._since or 0, newest + 1)
            self._list(folder)

    def _list(self, folder: SegmentFolder) -> None:
        found, deleted = stored_in(folder), deleted_in(folder.path)
        with self._lock:
            self._on_disk, self._deleted_before = found, deleted

    def _note_problem(self, error: Exception) -> None:
        # Logged once, by whoever watches the health.
        self._problem = f"cannot be written: {sentence(error)}"
