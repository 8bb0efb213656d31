"""Where accepted lines wait for the flow: on the disk if state is kept, else in memory."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Protocol

import attrs
import trio
from loguru import logger

from actors.sources.intake import KeyInUseError, NotTakenError, OtherLinesError
from actors.sources.mark import Mark
from actors.sources.posted.marks import START, Place, PostedMark, furthest
from actors.sources.posted.spool import (
    READ_BYTES,
    SEGMENT_BYTES,
    Found,
    Read,
    Spool,
    after,
    counted_segments,
    unread,
)
from glancemetrics.errors import sentence
from glancemetrics.formats.posted_frames import NO_KEY, Posted
from glancemetrics.formats.posted_keys import KeyState, PostedKeys

MOST_UNREAD, MOST_ON_DISK = 256 << 20, 1 << 30
"""Bytes on the disk that were not passed on yet, and that no checkpoint has yet."""
MOST_IN_MEMORY = 64 << 20
"""The same in memory, where no state is kept."""
_MOST_AT_ONCE = 16 << 20
"""Bytes that are written with one wait for the disk."""
_FULL_SECONDS = 2.0
_FAILED_SECONDS = 10.0
"""When to send again: while too much waits to be counted, and after the disk has failed."""
_WARN_SECONDS = 60.0


class Store(Protocol):
    """Takes requests, and gives them back in the same order."""

    problem: str
    """Why nothing can be taken, in a sentence; empty if it can."""
    full_at: float
    """When something was last refused because too much waited, on trio's clock."""

    @property
    def unread(self) -> int:
        """Bytes that were not read yet."""

    async def take(self, posted: Posted) -> bool:
        """Take a request; returns whether it is new. Raises the errors of `Intake.take`."""

    async def drain(self) -> None:
        """Wait until everything that was taken can be read."""

    async def wait(self) -> None:
        """Wait until there is something to read."""

    async def read(self) -> Read | None:
        """Read what was taken next; `None` if there is nothing."""


class _Keyed:
    """Finds out which requests were accepted before."""

    def __init__(self) -> None:
        self.keys = PostedKeys()

    def is_known(self, posted: Posted) -> bool:
        """Tell whether it was accepted before. Raises `KeyInUseError` and `OtherLinesError`."""
        if posted.key == NO_KEY:
            return False
        match self.keys.begin(posted):
            case KeyState.NEW:
                return False
            case KeyState.ACCEPTED:
                return True
            case KeyState.IN_PROGRESS:
                raise KeyInUseError
            case KeyState.OTHER_LINES:
                raise OtherLinesError


class MemoryStore:
    """Lines in memory: whoever kills the program loses them."""

    problem = ""

    def __init__(self) -> None:
        self._keyed = _Keyed()
        self._waiting: deque[Posted] = deque()
        self._there = trio.Event()
        self.unread = 0
        self.full_at = -math.inf

    async def take(self, posted: Posted) -> bool:
        await trio.lowlevel.checkpoint()
        if self._keyed.is_known(posted):
            return False
        if self.unread and self.unread + posted.size > MOST_IN_MEMORY:
            self._keyed.keys.fail(posted)
            self.full_at = trio.current_time()
            raise _full(self.unread)
        self._keyed.keys.accept(posted)
        self._waiting.append(posted)
        self.unread += posted.size
        self._there.set()
        return True

    async def drain(self) -> None:
        await trio.lowlevel.checkpoint()

    async def wait(self) -> None:
        await self._there.wait()

    async def read(self) -> Read | None:
        await trio.lowlevel.checkpoint()
        self._there = trio.Event()
        taken: list[Posted] = []
        size = 0
        while self._waiting and size < READ_BYTES:
            taken.append(self._waiting.popleft())
            size += taken[-1].size
        self.unread -= size
        if self._waiting:
            self._there.set()
        return Read(tuple(taken), START, START) if taken else None


def _full(behind: int) -> NotTakenError:
    return NotTakenError(
        f"too many lines wait to be counted ({behind >> 20:,} MiB); send these again later",
        _FULL_SECONDS,
    )


@attrs.define(eq=False)
class _Waiting:
    """A request that waits for the disk."""

    posted: Posted
    done: trio.Event = attrs.field(factory=trio.Event)
    problem: NotTakenError | None = None


class SpoolStore:
    """Lines on the disk, from the moment that `take` returns."""

    def __init__(self, spool: Spool, mark: PostedMark | None) -> None:
        """`mark`: how far the lines were counted by an earlier run."""
        self._keyed = _Keyed()
        self._spool = spool
        self._mark = mark
        self._sizes: dict[int, int] = {}
        """{segment: bytes}, what is on the disk"""
        self._segment: int | None = None
        """The segment that is appended to."""
        self._last = 0
        """The highest number of a segment so far."""
        self._place: Place = START
        """Where to read next."""
        self._queue: deque[_Waiting] = deque()
        self._newest: _Waiting | None = None
        self._queued = 0
        """Bytes in the queue, and being written."""
        self._wanted = trio.Event()
        self._there = trio.Event()
        self._disk = trio.CapacityLimiter(1)
        self._reading = trio.CapacityLimiter(1)
        self._turn = trio.Lock()
        """For what changes segments: to write, and to delete."""
        self._to_remove = trio.Event()
        self._counted: Place = START
        """Up to where a checkpoint is on the disk."""
        self._warned_at = -math.inf
        self.problem = ""
        self.full_at = -math.inf

    @property
    def unread(self) -> int:
        return unread(self._place, self._sizes)

    async def open(self) -> list[str]:
        """Look at what is on the disk; returns what is damaged. Raises `OSError`."""
        found = await trio.to_thread.run_sync(
            self._spool.open, self._keyed.keys, time.time(), limiter=self._disk
        )
        self._sizes = found.sizes
        begin = START if self._mark is None else self._mark.begin
        self._last = max([begin[0], *found.sizes])
        self._place = begin if begin[0] in found.sizes else (begin[0], 0)
        self._place = after(self._place, self._sizes)
        if self.unread:
            self._there.set()
        return list(_damages(found))

    async def run(self) -> None:
        """Write and delete, forever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._remove_counted)
            while True:
                await self._wanted.wait()
                self._wanted = trio.Event()
                while self._queue:
                    async with self._turn:
                        await self._write_some()

    async def take(self, posted: Posted) -> bool:
        await trio.lowlevel.checkpoint()
        if self._keyed.is_known(posted):
            return False
        behind = self.unread + self._queued
        held = sum(self._sizes.values()) + self._queued
        size = posted.size
        if held and (behind + size > MOST_UNREAD or held + size > MOST_ON_DISK):
            self._keyed.keys.fail(posted)
            self.full_at = trio.current_time()
            raise _full(held)
        waiting = self._newest = _Waiting(posted)
        self._queue.append(waiting)
        self._queued += posted.size
        self._wanted.set()
        # Whoever leaves now does not change what is written: its key is known afterwards.
        await waiting.done.wait()
        if waiting.problem is not None:
            raise waiting.problem
        return True

    async def _write_some(self) -> None:
        batch: list[_Waiting] = []
        size = 0
        while self._queue and (not batch or size < _MOST_AT_ONCE):
            batch.append(self._queue.popleft())
            size += batch[-1].posted.size
        requests = [one.posted for one in batch]
        problem: NotTakenError | None = None
        # What is written counts as accepted, also at the end.
        with trio.CancelScope(shield=True):
            try:
                number = await self._segment_to_append()
                self._sizes[number] = await trio.to_thread.run_sync(
                    self._spool.append, number, self._sizes[number], requests, limiter=self._disk
                )
                self.problem = ""
            except OSError as error:
                self._segment = None
                problem = self._failed(error)
        self._queued -= size
        for one in batch:
            if problem is None:
                self._keyed.keys.accept(one.posted)
            else:
                self._keyed.keys.fail(one.posted)
                one.problem = NotTakenError(str(problem), problem.wait)
            one.done.set()
        self._there.set()

    async def _segment_to_append(self) -> int:
        if self._segment is not None and self._sizes[self._segment] < SEGMENT_BYTES:
            return self._segment
        number = self._last = self._last + 1
        self._segment = None
        await trio.to_thread.run_sync(self._spool.begin, number, limiter=self._disk)
        self._segment = number
        self._sizes[number] = 0
        return number

    def _failed(self, error: OSError) -> NotTakenError:
        self.problem = f"cannot keep sent lines on the disk ({sentence(error)}); senders try again"
        self._warn(self.problem)
        return NotTakenError(
            "the lines cannot be kept on the disk of the monitor; send them again later",
            _FAILED_SECONDS,
        )

    async def wait(self) -> None:
        await self._there.wait()

    async def read(self) -> Read | None:
        """Read what was taken next; what was counted in part, as it was read by an earlier run.

        Without requests, the rest of a segment is damaged.
        """
        self._there = trio.Event()
        mark, self._mark = self._mark, None
        self._place = after(self._place, self._sizes)
        number, offset = self._place
        limit = self._sizes.get(number, 0)
        if offset >= limit:
            return None
        is_same = mark is not None and mark.counted and mark.begin == self._place
        until = mark.end if mark is not None and is_same else None
        read = await trio.to_thread.run_sync(
            self._spool.read, self._place, limit, until, limiter=self._reading
        )
        if not read.requests:
            read = attrs.evolve(read, end=(number, limit))
        elif mark is not None and is_same:
            read = attrs.evolve(read, counted=mark.counted)
        self._place = read.end
        if self.unread:
            self._there.set()
        return read

    async def drain(self) -> None:
        """Wait until everything that was taken is on the disk."""
        if self._newest is not None:
            await self._newest.done.wait()

    def saved(self, marks: Mapping[str, Mark]) -> None:
        """Note which marks are in a checkpoint on the disk."""
        mark = furthest(marks.values())
        if mark is not None and mark.begin > self._counted:
            self._counted = mark.begin
            self._to_remove.set()

    async def _remove_counted(self) -> None:
        while True:
            await self._to_remove.wait()
            self._to_remove = trio.Event()
            async with self._turn:
                numbers = list(counted_segments(self._counted, self._sizes))
                if self._segment in numbers:
                    self._segment = None
                with trio.CancelScope(shield=True):
                    await self._remove(numbers)

    async def _remove(self, numbers: list[int]) -> None:
        try:
            await trio.to_thread.run_sync(
                self._spool.remove, numbers, time.time(), limiter=self._disk
            )
        except OSError as error:  # tried again after the next checkpoint
            self._warn(f"cannot delete counted lines from the disk ({sentence(error)})")
            return
        for number in numbers:
            del self._sizes[number]

    def _warn(self, text: str) -> None:
        now = trio.current_time()
        if now - self._warned_at >= _WARN_SECONDS:
            self._warned_at = now
            logger.warning("{}", text)


def _damages(found: Found) -> Iterator[str]:
    """Say what of a spool is damaged. The end of the last segment may have been cut by a crash."""
    last = max(found.sizes, default=0)
    for number, size in found.damaged.items():
        if number != last:
            yield f"{size:,} bytes of sent lines were damaged on the disk and are lost"
