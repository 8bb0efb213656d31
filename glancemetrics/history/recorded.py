"""`Recorded`: all that is kept at one instant, and the holes in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Protocol

import attrs
import pyarrow as pa

from glancemetrics.history.rollups import Rollups


class MissingRecordsError(Exception):
    """Records of the history cannot be read, and will not be later; says so in a clause."""


class StoredRecords(Protocol):
    """Some records of the history, in the order in which they came."""

    @property
    def first(self) -> int:
        """The ordinal of the first: how many records came before it, in all runs."""
        ...

    @property
    def rows(self) -> int: ...

    @property
    def oldest(self) -> int:
        """Whole seconds since the epoch of the oldest of them."""
        ...

    @property
    def newest(self) -> int: ...

    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        """Return some of their columns; one that they do not have is null.

        Raises `MissingRecordsError`.
        """
        ...


@attrs.frozen(kw_only=True)
class Hole:
    """Records that are not in the history, between others that are."""

    since: int
    """Seconds since the epoch; none of them is likely to be older."""
    until: int
    why: str
    """A clause."""
    records: int | None = None
    """How many; `None`: nobody knows."""
    is_all: bool = False
    """Whether nothing at all is known of that time."""

    def __str__(self) -> str:
        return self.told(UTC)

    def told(self, zone: tzinfo) -> str:
        """Say in a clause what is missing, in a zone's time."""
        since, until = written(self.since, zone), written(self.until, zone)
        which = "requests" if self.records is None else f"{self.records} requests"
        return f"{which} between {since} and {until} are missing ({self.why})"


NOT_IN_TIME = "they could not be stored in time"


Ordinals = tuple[int, int]
"""From one on and before another."""


def holes_in(
    stored: Iterable[StoredRecords],
    let_go: Iterable[Ordinals] = (),
    why: Callable[[int], str] = lambda _: NOT_IN_TIME,
) -> tuple[Hole, ...]:
    """Return what is missing between the records of one history, but for what was let go.

    `why` says it of the first ordinal that is missing.
    """
    old = sorted(let_go)
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
    """Return how many ordinals of one span are in others, none of which overlap."""
    return sum(max(0, min(own_end, end) - max(own, first)) for own, own_end in ordinals)


def written(second: int, zone: tzinfo) -> str:
    """Write an instant for people, with its zone."""
    moment = datetime.fromtimestamp(second, zone)
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname()}"


@attrs.frozen(eq=False, kw_only=True)
class Recorded:
    """All that is kept, at one instant."""

    stored: tuple[StoredRecords, ...] = ()
    """Records, by ordinal."""
    since: int | None = None
    """No record of this second or a later one has been let go; `None`: none ever was."""
    until: int | None = None
    """Of later seconds nothing is known, as no monitor has read them; `None`: all is known."""
    holes: tuple[Hole, ...] = ()
    rollups: Rollups | None = None
    unrolled: tuple[pa.RecordBatch, ...] = ()
    """Records that are not in the rollups yet."""
    troubles: tuple[str, ...] = ()
    """What else is not right or could not be read; a clause each."""

    @property
    def oldest(self) -> int | None:
        """The second of the oldest record."""
        return min((one.oldest for one in self.stored), default=None)

    @property
    def newest(self) -> int | None:
        """The second of the newest record."""
        return max((one.newest for one in self.stored), default=None)
