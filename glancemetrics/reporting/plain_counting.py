"""`PlainCounting`: counts plain lines straight into the tables of a tally.

There are two parts that touch different tables: visitors with their hosts and agents, and requests
by path, referrer and time. The second may run aside, a few chunks behind the first.
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
from glancemetrics.reporting.tally import Tally
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


class Pending(Protocol):
    """Work that is done aside."""

    def result(self) -> None:
        """Wait for its end; raises its error."""


class _Done:
    def result(self) -> None:
        """Return at once."""


def at_once(work: Callable[[], None]) -> Pending:
    """Do the work here."""
    work()
    return _Done()


@attrs.define(eq=False)
class PlainCounting:
    """Counts plain lines into a tally, which nothing else may use before `finish`."""

    _tally: Tally
    _aside: Callable[[Callable[[], None]], Pending] = at_once
    """Does work elsewhere, one after the other in the order given."""
    _behind: int = 0
    """How many chunks that may be behind."""
    _tallying: Tallying = attrs.field(factory=Tallying)
    _empty: dict[Base, ValueCounts] = attrs.field(factory=dict)
    """Dimensions without values yet."""
    _waiting: deque[Pending] = attrs.field(factory=deque)

    def add(self, lines: PlainLines, minutes: Int64s) -> None:
        """Count the plain lines of a chunk; `minutes` are their local ones, by number.

        The chunk must outlive `behind` more calls, or one of `finish`.
        """
        if not len(lines.plain):
            return
        self._tally.saw(len(lines.plain), lines.oldest * _SECOND, lines.newest * _SECOND)
        self._waiting.append(self._aside(partial(self._add_requests, lines, minutes)))
        self._add_visitors(lines)
        while len(self._waiting) > self._behind:
            self._waiting.popleft().result()
        if self._tally.is_over_limits:
            self.finish()
            self._tally.hold_limits()

    def finish(self) -> None:
        """Wait until all is counted."""
        while self._waiting:
            self._waiting.popleft().result()

    def _add_visitors(self, lines: PlainLines) -> None:
        done, size = 0, len(lines.plain)
        every = self._counts_of(BY_VISITORS)
        while done < size:
            self._prepare(every, size - done)
            handle = self._tally.visitors.entering()
            done += self._tallying.count_visitors(lines, done, handle, self._tally.level)
            self._take_over(every)
            for _, counts in every:
                counts.leave_flags()

    def _add_requests(self, lines: PlainLines, minutes: Int64s) -> None:
        every = self._counts_of(BY_REQUESTS)
        times = next(counts for base, counts in every if base == Base.TIME)
        numbers = times.numbers_of(self._tally.in_steps(column_of(minutes)))
        self._prepare(every, len(lines.plain))
        totals = self._tallying.count_requests(lines, numbers, self._tally.level)
        self._tally.sum_up(totals.bytes, totals.client_errors, totals.server_errors)
        self._take_over(every)
        self._tally.coarsen_time()

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
            handle = None if base == Base.TIME else counts.table().handle
            sums = counts.sums_for(size)
            prepare = partial(self._tallying.prepare, _BASES[base], handle, sums)
            match counts.visits:
                case Pairs() as pairs:
                    prepare(pairs=pairs.room_for(size, len(counts) + size), bits=pairs.bits)
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
