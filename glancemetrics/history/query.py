"""`Query`: a question about the traffic of a time span, as a value; and `Answer`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs
import pyarrow as pa

from glancemetrics.errors import UsageError
from glancemetrics.history.measures import Measure, measure_called
from glancemetrics.records.dimensions import Dimension, dimensions_with
from glancemetrics.records.schema import seconds
from glancemetrics.records.time_span import TimeSpan
from glancemetrics.words.suggestions import suggestion

MOST_GROUPS = 1_000_000
MOST_STEPS = 100_000
MOST_ROWS = 2_000_000
"""Groups times steps; these take a second and 200 MB."""
_MOST_DIMENSIONS = 2


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@attrs.frozen(kw_only=True)
class Query:
    """Measures of the records of a time span, by fields, by time, by both or in total.

    Raises `UsageError` for an invalid query.
    """

    span: TimeSpan = attrs.field(factory=TimeSpan)
    """Whole seconds; an open end reaches as far as the history."""
    where: str | None = None
    """A filter, as for `--where`."""
    by: tuple[str, ...] = attrs.field(default=(), converter=_names)
    """Up to two fields to group by."""
    step: int | None = None
    """Seconds per step of a series; steps begin at multiples of this since the epoch."""
    measures: tuple[str, ...] = attrs.field(default=("hits",), converter=_names)
    order: str | None = None
    """The measure that groups are sorted by, largest first; `None`: the first measure."""
    is_ascending: bool = False
    """Whether the smallest come first."""
    limit: int = 20
    """Number of groups."""
    kept: tuple[str, ...] = attrs.field(default=(), converter=_names)
    """Extra fields (`--keep`): additional columns of records, and fields to group by."""
    is_anonymized: bool = False
    """Whether addresses have no last part, as for `--anonymize-ip`: in groups, in filters and in
    records. Visitors are counted by whole addresses all the same."""
    most_values: int | None = None
    """The most values of the answer (rows times columns); more are an error. `None`: `MOST_ROWS`
    rows of a series."""

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
        """The measure that groups are sorted by."""
        return self.measures[0] if self.order is None else self.order

    @property
    def dimensions(self) -> list[Dimension]:
        """The dimensions to group by."""
        known = dimensions_with(self.kept)
        return [known[name] for name in self.by]

    @property
    def asked(self) -> list[Measure]:
        """The measures."""
        return [measure_called(name) for name in self.measures]


@attrs.frozen
class Reached:
    """Up to where the records of a history are known to somebody."""

    second: int
    """All that were logged before it are known ..."""
    ordinal: int
    """... if they had arrived before the one with this ordinal."""


@attrs.frozen(kw_only=True)
class RecordQuery:
    """The records of a time span themselves, newest first, one page of them."""

    span: TimeSpan = attrs.field(factory=TimeSpan)
    where: str | None = None
    limit: int = 20
    offset: int = 0
    """Number of records to skip."""
    is_oldest_first: bool = False
    kept: tuple[str, ...] = attrs.field(default=(), converter=_names)
    is_anonymized: bool = False
    """As in `Query`."""
    after: Reached | None = None
    """Leave out what is known: the records of one history that is written to, as they arrive."""

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.limit <= MOST_GROUPS:
            raise UsageError(f"limit {self.limit}: must be from 1 to {MOST_GROUPS:,}")
        if not 0 <= self.offset <= MOST_GROUPS:
            raise UsageError(f"offset {self.offset}: must be from 0 to {MOST_GROUPS:,}")

    def following(self, answer: Answer) -> RecordQuery | None:
        """Return the query for the page after an answer; `None` after the last page.

        Its span begins (or ends) at the second of the last record: a page far behind is found as
        fast as the first one, and records that are logged in the meantime do not move it.
        """
        if not answer.has_more:
            return None
        times = seconds(answer.table)
        first, last = int(times[0]), int(times[-1])
        if first == last:
            # Records that were skipped may be of this second, too.
            offset = self.offset + len(times)
            until = answer.covers.until if self.span.until is None else self.span.until
            span = TimeSpan(self.span.since, until)
        elif self.is_oldest_first:
            offset = int((times == last).sum())
            span = TimeSpan(last, self.span.until)
        else:
            offset = int((times == last).sum())
            span = TimeSpan(self.span.since, last + 1)
        if offset > MOST_GROUPS:
            return None
        return attrs.evolve(self, offset=offset, span=span)


@attrs.frozen(eq=False, kw_only=True)
class Answer:
    """The answer to a query."""

    table: pa.Table
    """For a `Query`: `time` (timestamp in UTC, if there is a step), a text column per field, and a
    column per measure. For a `RecordQuery`: records, with `source`."""
    total: Mapping[str, object] = attrs.field(factory=dict)
    """Each measure of all selected records, whatever their group."""
    groups: int = 0
    """Number of groups; the table has the first ones."""
    records: int = 0
    """Number of records counted."""
    has_more: bool = False
    """For a `RecordQuery`: whether more records follow."""
    ungrouped: int = 0
    """Number of records without a group, because they have no such value."""
    covers: TimeSpan = attrs.field(factory=TimeSpan)
    """The part of the time span that is known; open where there is no data."""
    reached: int = 0
    """For a `RecordQuery`: the ordinal after all records that had arrived."""
    known: int = 0
    """Seconds of that part, without those of which nothing was read: rates are over these."""
    unread: tuple[tuple[int, int], ...] = ()
    """The parts of it of which nothing was read: from a second on, and before another."""
    grain: int = 0
    """Seconds of the coarsest rollup used; 0: from records."""
    is_exact: bool = True
    """Whether all numbers are exact: from rollups, visitors are within 2.3 % (one standard
    deviation), and quantiles and the limits of `under_300ms` within 1 %."""
    missing: str = ""
    """Which part of the time span is missing, in a sentence; empty if none is."""


Question = Query | RecordQuery
