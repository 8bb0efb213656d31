"""`Recorded`: the whole history at one instant, and the holes in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Protocol

import attrs
import pyarrow as pa

from glancemetrics.history.rollups import Rollups


class MissingRecordsError(Exception):
    """Records cannot be read, now or later; the message is a clause."""


class StoredRecords(Protocol):
    """Some records of the history, in order of arrival."""

    @property
    def first(self) -> int:
        """The ordinal of the first one: the number of records before it, over all runs."""
        ...

    @property
    def rows(self) -> int: ...

    @property
    def oldest(self) -> int:
        """Time of the oldest record, in whole seconds since the epoch."""
        ...

    @property
    def newest(self) -> int: ...

    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        """Return some columns; missing ones are null.

        Raises `MissingRecordsError`.
        """
        ...


@attrs.frozen(kw_only=True)
class Hole:
    """Records missing from the history, between others."""

    since: int
    """Seconds since the epoch; none of them is likely to be older."""
    until: int
    why: str
    """The reason, as a clause."""
    records: int | None = None
    """The number of records; `None` if unknown."""
    is_all: bool = False
    """Whether nothing at all is known about that time."""

    def __str__(self) -> str:
        return self.text(UTC)

    def text(self, zone: tzinfo) -> str:
        """Say in a clause what is missing; times in `zone`."""
        since, until = time_text(self.since, zone), time_text(self.until, zone)
        which = "requests" if self.records is None else f"{self.records} requests"
        return f"{which} between {since} and {until} are missing ({self.why})"


Seconds = tuple[int, int]
"""From the first up to, but not including, the second; since the epoch."""


def unread_in(since: int, until: int, holes: Iterable[Hole]) -> tuple[Seconds, ...]:
    """Return the parts of a span of which nothing was read, in order; none overlaps another."""
    found: list[Seconds] = []
    for one in sorted((hole.since, hole.until) for hole in holes if hole.is_all):
        begin, end = max(since, one[0]), min(until, one[1])
        if found and begin <= found[-1][1]:
            begin, end = found[-1][0], max(found.pop()[1], end)
        if begin < end:
            found.append((begin, end))
    return tuple(found)


def known_seconds(since: int, until: int, unread: Iterable[Seconds]) -> int:
    """Return how many seconds of a span are in none of some parts, which do not overlap."""
    lost = (min(until, end) - max(since, begin) for begin, end in unread)
    return until - since - sum(max(0, one) for one in lost)


NOT_IN_TIME = "they could not be stored in time"


Ordinals = tuple[int, int]
"""From the first up to, but not including, the second."""


def holes_in(
    stored: Iterable[StoredRecords],
    deleted: Iterable[Ordinals] = (),
    why: Callable[[int], str] = lambda _: NOT_IN_TIME,
) -> tuple[Hole, ...]:
    """Return the holes between the records of one history, except for deleted records.

    `why` returns the reason for the first missing ordinal.
    """
    old = sorted(deleted)
    holes: list[Hole] = []
    before: StoredRecords | None = None
    for one in sorted(stored, key=lambda each: each.first):
        end = one.first if before is None else before.first + before.rows
        missing = one.first - end - _length_of(old, end, one.first)
        if before is not None and missing > 0:
            since, until = sorted([before.newest, one.oldest])
            holes.append(Hole(since=since, until=until, records=missing, why=why(end)))
        before = one
    return tuple(holes)


def _length_of(ordinals: Iterable[Ordinals], first: int, end: int) -> int:
    """Return how many ordinals of a span are in the others, which do not overlap."""
    return sum(max(0, min(own_end, end) - max(own, first)) for own, own_end in ordinals)


def time_text(second: int, zone: tzinfo) -> str:
    """Write a time for people, with its zone."""
    moment = datetime.fromtimestamp(second, zone)
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname()}"


@attrs.frozen(eq=False, kw_only=True)
class Recorded:
    """The whole history at one instant."""

    stored: tuple[StoredRecords, ...] = ()
    """Records, sorted by ordinal."""
    since: int | None = None
    """No record of this second or later was deleted; `None`: none ever was."""
    until: int | None = None
    """Later seconds are unknown, because no monitor has read them; `None`: all are known."""
    holes: tuple[Hole, ...] = ()
    rollups: Rollups | None = None
    unrolled: tuple[pa.RecordBatch, ...] = ()
    """Records that are not in the rollups yet."""
    troubles: tuple[str, ...] = ()
    """Other problems: a clause each."""

    @property
    def oldest(self) -> int | None:
        """Time of the oldest record, in seconds."""
        return min((one.oldest for one in self.stored), default=None)

    @property
    def newest(self) -> int | None:
        """Time of the newest record, in seconds."""
        return max((one.newest for one in self.stored), default=None)
