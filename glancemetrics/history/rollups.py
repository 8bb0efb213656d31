"""`Rollups`: all traffic in cells of time, fine for recent and coarse for old traffic.

Every level has cells of one width and reaches back from the newest record. A record is counted in
each level that reaches it, so levels are independent, and memory is bounded by the number of cells,
35,658 at most, whatever the traffic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs
import pyarrow as pa

from glancemetrics.history.cell import Cell, Rows, merged
from glancemetrics.history.cell_tables import cells_in, table_of

_HOUR, _DAY = 3600, 86_400

_AHEAD = 120
"""Seconds that the newest record may be ahead of the end of a query: a server's clock may be a
minute fast, and windows end some seconds behind real time. The whole last hour is kept anyway."""

LEVELS = {
    1: _HOUR + _AHEAD,
    10: 12 * _HOUR + _AHEAD,
    60: 7 * _DAY + _AHEAD,
    _HOUR: 730 * _DAY + _AHEAD,
}
"""Width of the cells and how far back they reach, in seconds; finest first. Each width is a
multiple of the one before it."""

_COARSEST = max(LEVELS)
_SECOND = 1_000_000


@attrs.frozen
class RolledUp:
    """What cells know about a time span."""

    cells: dict[int, Cell]
    """Keyed by the second since the epoch at which a step begins, in order. Steps without records
    are missing."""
    since: int
    """Start of the covered span, in seconds since the epoch: earlier than requested if only coarse
    cells are left, later if nothing is left."""
    until: int
    """End of the covered span, exclusive: later than requested if only coarse cells are left."""
    grain: int
    """Seconds: the width of the widest cells used, or the length of steps that had to be longer
    than requested. Up to the requested step, all steps are as requested."""


@attrs.define(eq=False)
class _Level:
    width: int
    """Seconds per cell."""
    reach: int
    """Seconds."""
    begin: int | None = None
    """The second at which the oldest cell kept begins; `None` before the first record."""
    cells: dict[int, Cell] = attrs.field(factory=dict)
    """Keyed by the second at which they begin."""

    def add(self, cells: Mapping[int, Cell]) -> None:
        for start, cell in cells.items():
            before = self.cells.get(start)
            self.cells[start] = cell if before is None else merged([before, cell])

    def advance(self, newest: int) -> None:
        """Delete the cells that are completely out of reach of the newest record.

        The newest never moves back.
        """
        begin = _down(newest - self.reach + 1, self.width)
        for start in self._before(begin):
            del self.cells[start]
        self.begin = begin

    def reaches(self, second: int) -> bool:
        return self.begin is not None and self.begin <= second

    def _before(self, begin: int) -> list[int]:
        if self.begin is not None and begin - self.begin <= len(self.cells) * self.width:
            return [s for s in range(self.begin, begin, self.width) if s in self.cells]
        return [start for start in self.cells if start < begin]


class Rollups:
    """Two years of traffic in cells of time. Not thread-safe."""

    def __init__(self) -> None:
        self.too_old = 0
        """Records older than the coarsest level reaches, which are not counted."""
        self._levels = [_Level(width, reach) for width, reach in LEVELS.items()]
        self._newest: int | None = None

    @property
    def reach(self) -> int | None:
        """Time of the oldest record still counted, in seconds; `None` without any."""
        cells = self._levels[-1].cells
        return cells[min(cells)].first // _SECOND if cells else None

    @property
    def newest(self) -> int | None:
        """Time of the newest record counted, in seconds; `None` without any."""
        return self._newest

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the records of a batch of `records.SCHEMA`, in any order and of any age.

        The newest record moves all levels forward, permanently. The caller must leave out records
        dated in the future: one record with a wrong year would delete everything.
        """
        rows = Rows.of(batch)
        if not len(rows):
            return
        newest = int(rows.times.max()) // _SECOND
        self._advance(newest if self._newest is None else max(newest, self._newest))
        # The coarsest first: what it does not reach, no finer level reaches.
        for level in reversed(self._levels):
            assert level.begin is not None
            reached = rows.since(level.begin)
            if level.width == _COARSEST:
                self.too_old += len(rows) - len(reached)
            rows = reached
            level.add(rows.cells(level.width))

    def with_records(self, batches: Iterable[pa.RecordBatch]) -> Rollups:
        """Return rollups with more records; these stay unchanged."""
        more = Rollups()
        more.too_old, more._newest = self.too_old, self._newest
        more._levels = [attrs.evolve(one, cells=dict(one.cells)) for one in self._levels]
        for batch in batches:
            more.add(batch)
        return more

    def take_in(self, other: Rollups) -> None:
        """Add the counts of other rollups."""
        if other._newest is None:
            return
        self.too_old += other.too_old
        self._advance(other._newest if self._newest is None else max(other._newest, self._newest))
        for level, more in zip(self._levels, other._levels, strict=True):
            level.add({at: cell for at, cell in more.cells.items() if level.reaches(at)})

    def cells(self, since: int, until: int, step: int | None = None) -> RolledUp:
        """Return what is known from second `since` up to, but not including, `until`.

        In steps of `step` seconds, which begin at multiples of it; the first and the last one are
        cut where the span ends. `None`: one step for the whole span.

        Of old times only coarse cells are left. The span is widened to whole ones, and a step that
        cannot be composed of them becomes longer: the next multiple of their width. Raises
        `ValueError` if the span ends before it begins, or if a step is shorter than a second.
        """
        if until < since or (step is not None and step < 1):
            raise ValueError(f"invalid time span: {since} to {until} in steps of {step} s")
        if self._newest is None or since == until:
            return RolledUp({}, since, until, min(LEVELS))
        oldest = self._levels[-1].begin
        assert oldest is not None
        if until <= oldest:
            return RolledUp({}, until, until, _COARSEST)
        since = _down(max(since, oldest), self._finest(max(since, oldest)).width)
        until = _up(until, self._finest(until - 1).width)
        # There is nothing behind the newest record, however far the span reaches.
        last = min(until, _up(self._newest + 1, _COARSEST))
        steps: dict[int, Cell] = {}
        at, grain = since, min(LEVELS)
        while at < last:
            start, end, length = self._step_at(at, since, last, step)
            if step is not None and (start % step or end > start + step):
                grain = max(grain, length)
            found = []
            while at < end:
                level = self._fitting(at, end)
                grain = max(grain, level.width)
                if at in level.cells:
                    found.append(level.cells[at])
                at += level.width
            if found:
                steps[start] = merged(found)
        return RolledUp(steps, since, max(until, at), grain)

    def to_tables(self) -> dict[int, pa.Table]:
        """Return all cells, a table per width; see `cell_tables` for the columns."""
        return {level.width: table_of(level.cells, level.width) for level in self._levels}

    @classmethod
    def from_tables(cls, tables: Mapping[int, pa.Table]) -> Rollups:
        """Load cells from tables. Raises `ValueError` for another version, or if damaged.

        `too_old` starts at 0.
        """
        if sorted(tables) != sorted(LEVELS):
            raise ValueError(
                f"rollups need tables of {_listed(LEVELS)} seconds, not of {_listed(tables)}"
            )
        rollups = cls()
        newest = set()
        for level in rollups._levels:
            level.cells = cells_in(tables[level.width], level.width)
            newest.add(max((cell.last // _SECOND for cell in level.cells.values()), default=None))
        if len(newest) > 1:
            raise ValueError("the tables of the rollups end with different records")
        (last,) = newest
        if last is not None:
            rollups._advance(last)
        return rollups

    def _advance(self, newest: int) -> None:
        self._newest = newest
        for level in self._levels:
            level.advance(newest)

    def _finest(self, second: int) -> _Level:
        """Return the finest level that reaches a second; the coarsest one does."""
        return next(level for level in self._levels if level.reaches(second))

    def _fitting(self, at: int, end: int) -> _Level:
        """Return the coarsest level with a cell that begins at `at` and does not go past `end`.

        If there is none, the finest remaining one: its cell does.
        """
        for level in reversed(self._levels):
            if level.reaches(at) and at % level.width == 0 and at + level.width <= end:
                return level
        return self._finest(at)

    def _step_at(self, at: int, since: int, until: int, step: int | None) -> tuple[int, int, int]:
        """Return start and end of the step that continues at `at`, and its full length."""
        if step is None:
            return since, until, until - since
        length = _up(step, self._finest(at).width)
        start = _down(at, length)
        end = min(start + length, until)
        # A longer step before it covers its beginning.
        return (start if at == since else at), end, length


def joined(several: Sequence[Rollups]) -> Rollups:
    """Merge one or more rollups."""
    whole = several[0].with_records(())
    for other in several[1:]:
        whole.take_in(other)
    return whole


def _down(second: int, width: int) -> int:
    return second // width * width


def _up(second: int, width: int) -> int:
    return -(-second // width) * width


def _listed(widths: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(widths)))
