"""`Selection`: which records are selected, and whether they are anonymized."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.errors import UsageError
from glancemetrics.formats.path_groups import PathGroups, make_path_groups
from glancemetrics.records.networks import AddressRanges, anonymized_column
from glancemetrics.records.schema import seconds
from glancemetrics.records.time_span import ALLOWED as ALLOWED_INSTANT
from glancemetrics.records.time_span import TimeSpan, parse_instant
from glancemetrics.records.user_agents import are_bots

if TYPE_CHECKING:
    from glancemetrics.selecting.sql import Where

Bools = npt.NDArray[np.bool_]

_NO_INDEX = pa.scalar(-1, pa.int32())


@attrs.frozen
class Selection:
    """All criteria for selecting records; a record must meet all of them."""

    span: TimeSpan = attrs.field(factory=TimeSpan)
    where: Where | None = None
    excluded: AddressRanges | None = None
    """Excluded clients."""
    bots: bool | None = None
    """Only bots (true), or no bots (false)."""
    anonymize: bool = False
    """Whether addresses are anonymized."""
    paths: PathGroups = attrs.field(factory=PathGroups)
    """Paths that count as one."""

    def __bool__(self) -> bool:
        return bool(
            self.span
            or self.where
            or self.excluded
            or self.bots is not None
            or self.anonymize
            or self.paths
        )

    @property
    def is_span(self) -> bool:
        """Whether the span is all that is asked of a record, if anything is."""
        return not attrs.evolve(self, span=TimeSpan())

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the selected records of a batch of `records.SCHEMA`."""
        if not self or not batch.num_rows:
            return batch
        kept = inside(self.span, seconds(batch))
        if self.excluded is not None:
            kept &= ~_by_value(batch.column("host"), self.excluded.hold, missing=False)
        if self.bots is not None:
            bots = _by_value(batch.column("agent"), _are_bots, missing=False)
            kept &= bots if self.bots else ~bots
        if not kept.all():
            batch = pc.filter(batch, pa.array(kept))
        if self.where is not None and batch.num_rows:
            batch = pc.filter(batch, pa.array(self.where.keeps(batch)))
        if self.anonymize:
            batch = batch.set_column(
                batch.schema.get_field_index("host"),
                batch.schema.field("host"),
                anonymized_column(batch.column("host")),
            )
        return self.paths.of(batch)


def make_selection(
    *,
    now: float,
    zone: tzinfo | None = None,
    since: str | datetime | float | None = None,
    until: str | datetime | float | None = None,
    where: str | None = None,
    exclude_ip: Iterable[str] = (),
    bots: bool | None = None,
    anonymize_ip: bool = False,
    group_path: Iterable[str] = (),
    kept: Sequence[str] = (),
) -> Selection:
    """Parse the options of a selection. Raises `UsageError`.

    `kept` are fields of records beyond the schema.
    """
    instants = []
    for name, instant in (("since", since), ("until", until)):
        try:
            instants.append(None if instant is None else parse_instant(instant, now, zone or UTC))
        except (ValueError, OverflowError):
            raise UsageError(f"--{name} {instant}: must be {ALLOWED_INSTANT}") from None
    span = TimeSpan(*instants)
    if span.since is not None and span.until is not None and span.since >= span.until:
        raise UsageError(f"--since {since}: must be before --until {until}")
    try:
        ranges = AddressRanges.parse(exclude_ip)
    except ValueError as error:
        raise UsageError(
            f"--exclude-ip {error}: must be an address (10.0.0.1), a network (10.0.0.0/8) "
            "or a range (10.0.0.1-10.0.0.9)"
        ) from None
    condition = None
    if where is not None:
        from glancemetrics.selecting.sql import Where  # late: slow to import

        condition = Where(where, kept)
    return Selection(
        span,
        condition,
        ranges if ranges.v4 or ranges.v6 else None,
        bots,
        anonymize_ip,
        make_path_groups(group_path),
    )


def inside(span: TimeSpan, seconds: npt.NDArray[np.int64]) -> Bools:
    """Tell which times, in seconds since the epoch, are in a span."""
    within = np.ones(len(seconds), np.bool_)
    if span.since is not None:
        within &= seconds >= span.since
    if span.until is not None:
        within &= seconds < span.until
    return within


def _are_bots(agents: pa.StringArray) -> list[bool]:
    return are_bots(agents.to_pylist())


def _by_value(
    column: pa.DictionaryArray,
    test: Callable[[pa.StringArray], npt.ArrayLike],
    *,
    missing: bool,
) -> Bools:
    """Test each distinct value once."""
    # The last verdict is for missing values: the index -1 points at it.
    verdicts = np.append(np.asarray(test(column.dictionary), np.bool_), missing)
    rows: Bools = verdicts[pc.fill_null(column.indices, _NO_INDEX).to_numpy()]
    return rows
