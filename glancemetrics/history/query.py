"""`Query`: a question about the traffic of a span, as a value; and `Answer`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs
import pyarrow as pa

from glancemetrics.errors import UsageError
from glancemetrics.history.measures import Measure, measure_called
from glancemetrics.records.dimensions import Dimension, dimensions_with
from glancemetrics.records.time_span import TimeSpan
from glancemetrics.words.suggestions import suggestion

MOST_GROUPS = 1_000_000
MOST_STEPS = 100_000
MOST_ROWS = 2_000_000
"""Groups times steps; they take a second and 200 MB."""
_MOST_DIMENSIONS = 2


def _names(written: Iterable[str]) -> tuple[str, ...]:
    return tuple(written)


@attrs.frozen(kw_only=True)
class Query:
    """What is asked: measures of the records of a span, by dimensions or time or neither.

    Raises `UsageError` for what cannot be asked.
    """

    span: TimeSpan = attrs.field(factory=TimeSpan)
    """Whole seconds; what is open goes as far as the history does."""
    where: str | None = None
    """Which records, as of `--where`."""
    by: tuple[str, ...] = attrs.field(default=(), converter=_names)
    """Names of up to two dimensions, or of fields that are kept."""
    step: int | None = None
    """Seconds: a series, whose steps begin at multiples of this since the epoch."""
    measures: tuple[str, ...] = attrs.field(default=("hits",), converter=_names)
    order: str | None = None
    """The measure by which groups stand, the largest first; `None`: the first one."""
    is_ascending: bool = False
    """Whether the smallest stand first."""
    limit: int = 20
    """Groups."""
    kept: tuple[str, ...] = attrs.field(default=(), converter=_names)
    """Fields that a person asked to keep, which are columns of records and dimensions as well."""

    def __attrs_post_init__(self) -> None:
        if not self.measures:
            raise UsageError("name at least one measure")
        for name in (*self.measures, self.ordered_by):
            measure_called(name)
        if self.ordered_by not in self.measures:
            raise UsageError(
                f"cannot sort by {self.ordered_by!r}: it is not among the measures "
                f"{', '.join(self.measures)}"
            )
        known = dimensions_with(self.kept)
        for name in self.by:
            if name not in known:
                raise UsageError(
                    f"unknown field {name!r}{suggestion(name, known)}; known: {', '.join(known)}"
                )
        if len(self.by) > _MOST_DIMENSIONS:
            raise UsageError(f"by {', '.join(self.by)}: at most two fields")
        if len(set(self.by)) < len(self.by):
            raise UsageError(f"by {', '.join(self.by)}: the same field twice")
        if shared := set(self.by) & set(self.measures):
            raise UsageError(f"by {', '.join(shared)}: is the name of a measure, too")
        if not 1 <= self.limit <= MOST_GROUPS:
            raise UsageError(f"limit {self.limit}: must be from 1 to {MOST_GROUPS:,}")
        if self.step is not None and self.step < 1:
            raise UsageError(f"step {self.step}: must be a second or more")

    @property
    def ordered_by(self) -> str:
        """The measure by which groups stand."""
        return self.measures[0] if self.order is None else self.order

    @property
    def dimensions(self) -> list[Dimension]:
        """What it is by."""
        known = dimensions_with(self.kept)
        return [known[name] for name in self.by]

    @property
    def asked(self) -> list[Measure]:
        """Its measures."""
        return [measure_called(name) for name in self.measures]


@attrs.frozen(kw_only=True)
class RecordQuery:
    """What is asked: the records of a span themselves, the newest first, a page of them."""

    span: TimeSpan = attrs.field(factory=TimeSpan)
    where: str | None = None
    limit: int = 20
    offset: int = 0
    """How many are left out before them."""
    is_oldest_first: bool = False
    kept: tuple[str, ...] = attrs.field(default=(), converter=_names)

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.limit <= MOST_GROUPS:
            raise UsageError(f"limit {self.limit}: must be from 1 to {MOST_GROUPS:,}")
        if not 0 <= self.offset <= MOST_GROUPS:
            raise UsageError(f"offset {self.offset}: must be from 0 to {MOST_GROUPS:,}")


@attrs.frozen(eq=False, kw_only=True)
class Answer:
    """What is known of a question."""

    table: pa.Table
    """Of a `Query`, `time` (timestamp in UTC, where there is a step), a column of text for each
    dimension, one for each measure. Of a `RecordQuery`, records, with `source`."""
    total: Mapping[str, object] = attrs.field(factory=dict)
    """Each measure of all records that were asked for, whatever their group."""
    groups: int = 0
    """How many there are; the table has the first of them."""
    records: int = 0
    """How many records were counted."""
    has_more: bool = False
    """Of a `RecordQuery`, whether there are others behind them."""
    ungrouped: int = 0
    """Of them, those that are in no group, as they have no such value."""
    covers: TimeSpan = attrs.field(factory=TimeSpan)
    """The part of the span that is known; an open end where nothing is."""
    grain: int = 0
    """Seconds of the coarsest rollup that it is made of; 0: of records."""
    is_exact: bool = True
    """Whether all numbers are exact: from rollups, visitors are within 2.3 % (one standard
    deviation) and quantiles within 1 %."""
    missing: str = ""
    """What of the span could not be had, in a sentence; empty where nothing lacks."""


Question = Query | RecordQuery
