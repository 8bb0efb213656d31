"""`PlainCounting`: counts plain lines straight into the tables of a tally.

There are two parts that touch different tables: visitors with their hosts and agents, and requests
by path, referrer and time. The second may run aside, a few chunks behind the first. Until it has
caught up, nothing here looks at its tables: their sizes come with its results, so that it does not
matter for a report how fast it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native.columns import column_of
from glancemetrics.native.plain_lines import BY_REQUESTS, BY_VISITORS, PlainLines, Tallying
from glancemetrics.reporting.counts import ValueCounts
from glancemetrics.reporting.slices import Base
from glancemetrics.reporting.tally import Extent, Tally, extent_of
from glancemetrics.reporting.visitors import Flags, Pairs

Int64s = npt.NDArray[np.int64]

_BASES = {
    Base.HOST: "host",
    Base.AGENT: "agent",
    Base.METHOD: "method",
    Base.PROTOCOL: "protocol",
    Base.STATUS: "status",
    Base.PATH: "path",
    Base.REFERRER: "referrer",
    Base.USER: "user",
    Base.TIME: "minute",
    Base.NOT_FOUND: "not found",
    Base.NOT_FOUND_FROM: "not found from",
    Base.SERVER_ERROR: "server error",
}
"""The dimensions of plain lines, and their names in `native.plain_lines`."""
_SECOND = 1_000_000
_NOTHING = Extent(0, 0)


class Pending(Protocol):
    """Work that is done aside."""

    def result(self) -> Extent:
        """Wait for its end and return what it returned; raises its error."""


@attrs.frozen
class _Done:
    _extent: Extent

    def result(self) -> Extent:
        """Return at once."""
        return self._extent


def at_once(work: Callable[[], Extent]) -> Pending:
    """Do the work here."""
    return _Done(work())


@attrs.define(eq=False)
class PlainCounting:
    """Counts plain lines into a tally, which nothing else may use before `finish`."""

    _tally: Tally
    _aside: Callable[[Callable[[], Extent]], Pending] = at_once
    """Does work elsewhere, one after the other in the order given."""
    _behind: int = 0
    """How many chunks that may be behind."""
    _tallying: Tallying = attrs.field(factory=Tallying)
    _empty: dict[Base, ValueCounts] = attrs.field(factory=dict)
    """Dimensions without values yet."""
    _waiting: deque[Pending] = attrs.field(factory=deque)
    _requests: Extent = _NOTHING
    """The tables of requests `behind` chunks ago."""
    _others: Extent = _NOTHING
    """What is not counted here."""

    def add(self, lines: PlainLines, minutes: Int64s) -> None:
        """Count the plain lines of a chunk; `minutes` are their local ones, by number.

        The chunk must outlive `behind` more calls, or one of `finish`.
        """
        if not len(lines.plain):
            self.finish()  # with this call, an earlier chunk may have gone
            return
        if not self._waiting:
            self._measure()
        self._tally.saw(len(lines.plain), lines.oldest * _SECOND, lines.newest * _SECOND)
        self._waiting.append(self._aside(partial(self._add_requests, lines, minutes)))
        self._add_visitors(lines)
        while len(self._waiting) > self._behind:
            self._requests = self._waiting.popleft().result()
        if not self._tally.allows((self._extent(BY_VISITORS), self._requests, self._others)):
            self.finish()

    def finish(self) -> None:
        """Wait until all is counted, and keep it within the limits."""
        while self._waiting:
            self._waiting.popleft().result()
        self._tally.hold_limits()

    def _measure(self) -> None:
        self._requests = self._extent(BY_REQUESTS)
        others = (counts for base, counts in self._tally.by.items() if base not in _BASES)
        self._others = extent_of((*others, *self._tally.dropped.values()))

    def _extent(self, names: Sequence[str]) -> Extent:
        return extent_of(counts for _, counts in self._counts_of(names) if len(counts))

    def _add_visitors(self, lines: PlainLines) -> None:
        done, size = 0, len(lines.plain)
        every = self._counts_of(BY_VISITORS)
        while done < size:
            self._prepare(every, size - done)
            handle = self._tally.visitors.handle
            done += self._tallying.count_visitors(lines, done, handle, self._tally.level)
            self._take_over(every)
            for _, counts in every:
                counts.leave_flags()

    def _add_requests(self, lines: PlainLines, minutes: Int64s) -> Extent:
        every = self._counts_of(BY_REQUESTS)
        times = next(counts for base, counts in every if base == Base.TIME)
        numbers = times.numbers_of(self._tally.in_steps(column_of(minutes)))
        self._prepare(every, len(lines.plain))
        totals = self._tallying.count_requests(lines, numbers, self._tally.level)
        self._tally.sum_up(totals.bytes, totals.client_errors, totals.server_errors)
        self._take_over(every)
        self._tally.coarsen_time()
        return self._extent(BY_REQUESTS)

    def _counts_of(self, names: Sequence[str]) -> list[tuple[Base, ValueCounts]]:
        return [(base, self._counts(base)) for base, name in _BASES.items() if name in names]

    def _counts(self, base: Base) -> ValueCounts:
        if base in self._tally.by:
            return self._tally.by[base]
        if base not in self._empty:
            kind = pa.int64() if base == Base.TIME else pa.string()
            self._empty[base] = self._tally.new_counts(base, kind)
        return self._empty[base]

    def _prepare(self, every: Sequence[tuple[Base, ValueCounts]], size: int) -> None:
        """Let `size` lines be counted there."""
        for base, counts in every:
            if base == Base.TIME:
                handle, more = None, 0  # minutes have their numbers
            else:
                handle, more = counts.table().handle, size
                # Memory may have run out in the chunk before: it left names there all the same.
                counts.resize()
            sums = counts.sums_for(more)
            prepare = partial(self._tallying.prepare, _BASES[base], handle, sums)
            match counts.visits:
                case Pairs() as pairs:
                    prepare(pairs=pairs.room_for(size, len(counts) + more), bits=pairs.bits)
                case Flags(shift=shift, width=width):
                    prepare(flag=shift, flags=width)
                case _:
                    prepare()

    def _take_over(self, every: Sequence[tuple[Base, ValueCounts]]) -> None:
        """Take over what was counted."""
        for base, counts in every:
            if base != Base.TIME:
                counts.resize()
            if isinstance(counts.visits, Pairs):
                counts.visits.written(self._tallying.written(_BASES[base]))
            if base not in self._tally.by and len(counts):
                self._tally.by[base] = self._empty.pop(base)
