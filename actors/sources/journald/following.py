"""Follows the journal: each selection of its entries is a source with a position of its own.

What the journal already has is read without `--follow`, up to its end: so it is known when the
past has been read. Then `journalctl --follow` continues after the last entry.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from datetime import UTC, datetime

import attrs
import trio
from loguru import logger

from actors.sources.desk import SourceDesk
from actors.sources.journald import selected
from actors.sources.journald.journalctl import (
    FINAL,
    NO_JOURNAL,
    NO_PERMISSION,
    Journalctl,
    JournalctlError,
    journalctl,
)
from actors.sources.journald.marks import JournalMark
from actors.sources.messages import Chunk, FromSource, Gap, Marked, Resumes, SourceGone
from actors.sources.position import From, StartPosition
from actors.sources.source import Say, cancel_on, saying
from glancemetrics.errors import UsageError
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.lines.journal_entries import (
    Entries,
    EntrySplitter,
    Position,
    is_pattern,
    is_same_entry,
    matches_of,
    unit_name,
)

_LAST_LOOK_SECONDS = 0.2
"""Time for entries written before the stop."""
_SHORT_SECONDS = 1.0
"""What was written during a shorter reading of the past is left to `--follow`."""
_SEARCH_SECONDS = 5.0
"""Seconds between searches for units that match a glob."""
_LEAST_PAUSE = 50
"""Pause between searches, as a multiple of how long one takes."""
_MOST_UNITS = 64
"""Units that a glob may match: each has a journalctl of its own."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
"""Seconds until journalctl is started again."""
_HEALTHY_SECONDS = 60.0
"""After running for so long, the next pause is the first one again."""

_OUTPUT = ("--output=json", "--all", "--output-fields=MESSAGE")
"""`--all`: otherwise messages of more than 4,096 bytes would be null. Cursor and time are always
printed."""


class Journal:
    """Selections of the journal, as a source."""

    def __init__(self, texts: Sequence[str], desk: SourceDesk) -> None:
        """Raises `UsageError` if entries would be counted twice."""
        if len(texts) > 1:
            for text in texts:
                if not selected(text):
                    raise UsageError(f"--file {text}: already has every unit; omit the others")
        self._texts = texts
        self._desk = desk
        self._before = {mark.source: mark for mark in desk.before if isinstance(mark, JournalMark)}

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        """Follow them until `stop`."""
        say = saying(send)
        followed: dict[tuple[str, ...], str] = {}  # {matches: name of the source}
        async with send, trio.open_nursery() as background:
            async with trio.open_nursery() as flow:
                background.start_soon(cancel_on, stop, flow.cancel_scope, _LAST_LOOK_SECONDS)
                for text in self._texts:
                    matches = matches_of(selected(text))
                    if is_pattern(selected(text)):
                        continue
                    if matches in followed:
                        await say(SourceGone(text))  # the same, written differently
                        continue
                    followed[matches] = text
                    flow.start_soon(self._follower(text, matches, self._desk.start, say).run)
                for text in self._texts:
                    if is_pattern(selected(text)):
                        flow.start_soon(self._search, text, followed, flow, say)
            background.cancel_scope.cancel()

    def _follower(
        self, name: str, matches: tuple[str, ...], start: StartPosition, say: Say
    ) -> Follower:
        return Follower(
            name, matches, start, say, once=self._desk.once, before=self._before.get(name)
        )

    async def _search(
        self, text: str, followed: dict[tuple[str, ...], str], nursery: trio.Nursery, say: Say
    ) -> None:
        """Follow all units that match a glob, now and later."""
        pattern = unit_name(selected(text))
        prefix = text[: len(text) - len(selected(text))]
        start = self._desk.start
        if any(fnmatch.fnmatchcase(name, prefix + pattern) for name in self._before):
            # A unit that the last run did not know has written its first entry since.
            start = attrs.evolve(start, where=From.START)
        is_matched = False
        told = ""
        pauses = _Pauses()
        while True:
            began = trio.current_time()
            problem, state = "", SourceState.WAITING
            try:
                units = sorted(fnmatch.filter(await _units(), pattern))
            except JournalctlError as error:
                problem, state, units = str(error), SourceState.BLOCKED, []
            for unit in units:
                matches = matches_of(unit)
                if matches in followed:
                    continue
                if len(followed) >= _MOST_UNITS:
                    problem = (
                        f"{len(units)} units match, and at most {_MOST_UNITS} can be followed; "
                        "narrow the glob, or name the units"
                    )
                    state = SourceState.BLOCKED
                    break
                followed[matches] = name = prefix + unit
                nursery.start_soon(self._follower(name, matches, start, say).run)
            if state is SourceState.WAITING and not units:
                problem = "no unit that matches has written to the journal yet"
            if problem and problem != told:
                await say(SourceHealth(text, state, problem))
                is_matched = False
            elif not problem and not is_matched:
                await say(SourceGone(text))
                is_matched = True
            told = problem
            if self._desk.once:
                return
            start = attrs.evolve(start, where=From.START)
            took = trio.current_time() - began
            pause = max(_SEARCH_SECONDS, _LEAST_PAUSE * took)
            await trio.sleep(pauses.next() if state is SourceState.BLOCKED else pause)


async def _units() -> list[str]:
    """Return the units that have written to the journal. Raises `JournalctlError`."""
    async with journalctl(["--field=_SYSTEMD_UNIT"]) as running:
        printed = await _all_of(running)
        await running.ended()
        if running.hides_entries:
            raise JournalctlError(NO_PERMISSION)
    return printed.decode("utf-8", "replace").split("\n")


_MOST_PRINTED = 16 << 20
"""Bytes of what is read at once: a hundred thousand units, or the last entry."""


async def _all_of(running: Journalctl) -> bytes:
    pieces: list[bytes] = []
    while (piece := await running.read()).bytes:
        pieces.append(piece.bytes)
        if sum(map(len, pieces)) > _MOST_PRINTED:
            raise JournalctlError("journalctl printed more than expected")
    return b"".join(pieces)


class _Pauses:
    """How long to wait before journalctl is started again: longer and longer."""

    def __init__(self) -> None:
        self._next = _FIRST_PAUSE

    def next(self) -> float:
        pause, self._next = self._next, min(2 * self._next, _LONGEST_PAUSE)
        return pause

    def reset(self) -> None:
        self._next = _FIRST_PAUSE


@attrs.define(eq=False)
class Follower:
    """Follows one selection of the journal. Every chunk has the mark behind its last entry."""

    name: str
    matches: tuple[str, ...]
    start: StartPosition
    say: Say
    once: bool = False
    before: JournalMark | None = None
    _mark: JournalMark = attrs.field(init=False)
    _caught_up: bool = False
    """Whether everything had been read at the last look."""
    _missed: str = ""
    """The cursor of a last entry that was not found once."""

    def __attrs_post_init__(self) -> None:
        self._mark = self.before or JournalMark(self.name)

    async def run(self) -> None:
        """Follow it until cancelled; with `once`, until the end of the journal."""
        if self.before is not None:
            await self.say(Resumes(self.before))
        has_begun = self.before is not None
        pauses = _Pauses()
        while True:
            await self.say(SourceHealth(self.name, SourceState.READING))
            began = trio.current_time()
            try:
                if not has_begun:
                    self._mark = await self._first_mark()
                    await self.say(Marked(self._mark))
                    has_begun = True
                await self._read_past()
                await self.say(SourceHealth(self.name, SourceState.FOLLOWING))
                if self.once:
                    return
                await self._read(follow=True)
                why = "journalctl has ended"
            except JournalctlError as error:
                why = str(error)
            self._caught_up = False
            if trio.current_time() - began > _HEALTHY_SECONDS:
                pauses.reset()
            if self.once:
                await self.say(SourceHealth(self.name, SourceState.BLOCKED, why))
                logger.error("{}: {}", self.name, why)
                return
            pause = pauses.next()
            said = why if why in FINAL else f"{why}; trying again in {pause:.0f} s"
            await self.say(SourceHealth(self.name, SourceState.BLOCKED, said))
            await trio.sleep(pause)

    async def _first_mark(self) -> JournalMark:
        """Return where to begin. Raises `JournalctlError`."""
        start = self.start
        since = start.since
        if start.where is From.START:
            return self._mark
        if start.where is From.WINDOW and since is not None:
            return attrs.evolve(self._mark, time=since * 1_000_000)
        last = await self._last()
        if last is None:
            return self._mark
        if start.where is From.END:
            return attrs.evolve(self._mark, cursor=last.cursor, time=last.time)
        since = last.time // 1_000_000 + 1 - start.window_seconds
        return attrs.evolve(self._mark, time=max(0, since) * 1_000_000)

    async def _last(self) -> Position | None:
        """Return the last entry there is. Raises `JournalctlError`."""
        async with journalctl([*_OUTPUT, "--lines=1", *self.matches]) as running:
            splitter = EntrySplitter()
            last = None
            while (piece := await running.read()).bytes:
                last = splitter.feed(piece.bytes).last or last
            await running.ended()
            self._check_permission(running)
        return last

    async def _read_past(self) -> None:
        """Read to the end of the journal. Raises `JournalctlError`."""
        while True:
            began = trio.current_time()
            await self._read(follow=False)
            if trio.current_time() - began < _SHORT_SECONDS:
                return

    async def _read(self, *, follow: bool) -> None:
        """Read behind the mark until journalctl ends. Raises `JournalctlError`."""
        mark = self._mark
        where: tuple[str, ...] = ()
        if mark.cursor:
            # Not `--after-cursor`: whether the entry is still there shows whether any are missing.
            where = (f"--cursor={mark.cursor}",)
        elif mark.time is not None:
            where = (f"--since=@{mark.time // 1_000_000}.{mark.time % 1_000_000:06d}",)
        follows = ("--follow", "--no-tail") if follow else ()
        checked = not mark.cursor
        splitter = EntrySplitter()
        async with journalctl([*_OUTPUT, *follows, *where, *self.matches]) as running:
            while (piece := await running.read()).bytes:
                entries = splitter.feed(piece.bytes)
                if entries and not checked:
                    entries = await self._behind_mark(entries)
                    checked = True
                await self._hand_on(entries, piece.left, follow=follow)
            try:
                await running.ended()
            except JournalctlError:
                if not running.lost_cursor:
                    raise
            self._check_permission(running)
        if not checked and not follow:
            await self._miss(None)  # not even that entry is left

    def _check_permission(self, running: Journalctl) -> None:
        is_fields = bool(self.matches) and not self.matches[0].startswith("_SYSTEMD_UNIT=")
        if running.hides_entries and not is_fields:
            raise JournalctlError(NO_PERMISSION)
        if running.has_no_files:
            raise JournalctlError(NO_JOURNAL)

    async def _behind_mark(self, entries: Entries) -> Entries:
        """Return the entries behind the mark; the first one is expected to be that of the mark."""
        first = entries.first
        if first is not None and is_same_entry(first.cursor, self._mark.cursor):
            return entries.without_first()
        await self._miss(first)
        return entries

    async def _miss(self, first: Position | None) -> None:
        """Say that entries are missing, if their last one is not found twice in a row.

        While journald rotates, journalctl may miss a file that it then finds under its new name.
        Raises `JournalctlError` the first time.
        """
        if self._missed != self._mark.cursor and not self.once:
            self._missed = self._mark.cursor
            raise JournalctlError("the last entry that was read is not found in the journal")
        await self._say_gap(first)

    async def _say_gap(self, first: Position | None) -> None:
        since = "" if self._mark.time is None else f" since {_utc(self._mark.time)}"
        until = "" if first is None else f" until {_utc(first.time)}"
        what = "the journal no longer has the last entry that was read (vacuumed or lost)"
        await self.say(Gap(self.name, f"{self.name}: {what}; entries{since}{until} may be missing"))
        self._mark = attrs.evolve(self._mark, cursor="", parsing=None)
        await self.say(Marked(self._mark))

    async def _hand_on(self, entries: Entries, left: int, *, follow: bool) -> None:
        if entries.last is not None:
            last = entries.last
            self._mark = attrs.evolve(self._mark, cursor=last.cursor, time=last.time, parsing=None)
        fresh = follow and self._caught_up
        self._caught_up = follow and not left
        if entries:
            await self.say(
                Chunk(
                    self.name,
                    entries.whole,
                    entries.overlong,
                    self._caught_up,
                    fresh,
                    left,
                    self._mark,
                )
            )
        elif left:
            await self.say(SourceHealth(self.name, SourceState.READING, lag_bytes=left))


def _utc(micros: int) -> str:
    return f"{datetime.fromtimestamp(micros // 1_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
