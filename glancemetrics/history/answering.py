"""Answers queries from records: DuckDB counts, over the columns that a query needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs
import numpy as np
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.errors import UsageError
from glancemetrics.history.choice import WHOLE_HOST, Choice
from glancemetrics.history.numbering import Numbering, too_large
from glancemetrics.history.query import Query
from glancemetrics.history.recorded import MissingRecordsError, StoredRecords
from glancemetrics.records.dimensions import code, dictionary_of
from glancemetrics.records.schema import TEXT, TIME, empty_batch, with_all, with_source
from glancemetrics.selecting.sql import readable

Mapped = Callable[
    [Callable[[StoredRecords], pa.RecordBatch], Iterable[StoredRecords]], Iterable[pa.RecordBatch]
]
"""Like `map`; may use several threads."""


@attrs.frozen(eq=False)
class Counted:
    """The counts for a query, without facts about the history as a whole."""

    total: dict[str, Any]
    groups: int
    table: pa.Table
    """As in `Answer`, except that a step without records has no row, and a rate is a count."""
    records: int = 0
    ungrouped: int = 0
    troubles: tuple[str, ...] = ()
    """What could not be read: a clause each."""


def count(
    query: Query,
    stored: Iterable[StoredRecords],
    connection: Any,
    mapped: Mapped = map,
    most_memory: int = 1 << 30,
) -> Counted:
    """Count records for a query. Raises `UsageError`, also when time or memory runs out.

    `connection` is used by this query alone, `mapped` works like `map`; `most_memory` bytes are
    available for the texts that are grouped by.
    """
    import duckdb

    choice = Choice(
        query.span,
        query.where,
        query.kept,
        connection,
        is_anonymized=query.is_anonymized,
    )
    plan = _Counting.of(query)
    numbering = Numbering(plan.empty, most_memory)
    chosen = (one for one in stored if choice.has_some_of(one))
    troubles: list[str] = []

    def of(one: StoredRecords) -> pa.RecordBatch:
        try:
            return plan.prepared(choice.of(one, plan.columns))
        except MissingRecordsError as error:
            troubles.append(str(error))
            return plan.empty

    batches = _Handed(map(numbering.numbered, mapped(of, chosen)))
    reader = pa.RecordBatchReader.from_batches(numbering.schema, batches)
    try:
        connection.register("log", reader)
        try:
            connection.execute(plan.sql).fetchall()
        finally:
            connection.unregister("log")
        counted = _read(plan, numbering, connection)
    except duckdb.Error as error:
        raise batches.error or _query_error(error) from None
    finally:
        connection.execute("DROP TABLE IF EXISTS counted")
    return attrs.evolve(counted, troubles=tuple(troubles))


class _Handed:
    """The batches that DuckDB reads, and the error that ended them early, which it hides."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = batches
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._batches
        except Exception as error:
            self.error = error
            raise


@attrs.frozen(eq=False)
class _Counting:
    """How DuckDB is queried."""

    query: Query
    columns: tuple[str, ...]
    """The columns needed of a record."""
    empty: pa.RecordBatch
    """Prepared records, without any rows."""

    @classmethod
    def of(cls, query: Query) -> _Counting:
        needed = _measured(query) | {one.column for one in query.dimensions}
        if query.is_anonymized and "host" in _measured(query):
            needed.add(WHOLE_HOST)
        columns = tuple(sorted(needed)) or _ANY
        nothing = with_all(with_source(empty_batch(query.kept), ""), columns)
        return cls(query, columns, _with_groups(nothing, query))

    @property
    def by(self) -> list[str]:
        """The columns of the query's dimensions."""
        return [f"by{i}" for i in range(len(self.query.by))]

    @property
    def texts(self) -> list[str]:
        """The columns of their texts, in answers."""
        return [f"text{i}" for i in range(len(self.query.by))]

    @property
    def step(self) -> list[str]:
        """The column of the steps, if there are steps."""
        return [] if self.query.step is None else ["step"]

    @property
    def measures(self) -> list[str]:
        """The columns of the measures."""
        return [f"m{i}" for i in range(len(self.query.measures))]

    def prepared(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return records prepared for the query."""
        return _with_groups(batch, self.query)

    @property
    def sql(self) -> str:
        """SQL that counts everything at once: total, by group, by step, by group and step."""
        by, step = self.by, self.step
        sets = ["()"]
        sets += [f"({', '.join(by)})"] if by else []
        sets += [f"({', '.join([*by, *step])})"] if step else []
        asked = zip(self.measures, self.query.asked, strict=True)
        measures = "".join(f", {measure.sql} AS {name}" for name, measure in asked)
        kinds = "".join(f", GROUPING({name}) AS all_{name}" for name in (*by, *step))
        micros = (self.query.step or 1) * 1_000_000
        # Each step is named by its start; floor() also fits records before 1970.
        at = f", (floor(epoch_us(time) / {micros}) * {micros})::BIGINT AS step" if step else ""
        return (
            f"CREATE TEMP TABLE counted AS SELECT {', '.join([*by, *step, ''])}"  # noqa: S608
            f"count(*) AS records{measures}{kinds} "
            f"FROM (SELECT *{at} FROM log) GROUP BY GROUPING SETS ({', '.join(sets)})"
        )

    def level(self, *, grouped: bool, stepped: bool) -> str:
        """Return the condition for rows of groups or of all, of steps or of the whole time."""
        parts = [f"all_{name} = {0 if grouped else 1}" for name in self.by]
        parts += [f"all_step = {0 if stepped else 1}" for _ in self.step]
        parts += [f"{name} IS NOT NULL" for name in self.by] if grouped else []
        return " AND ".join(parts) or "true"


def _read(plan: _Counting, numbering: Numbering, connection: Any) -> Counted:
    """Read the counts."""
    query, measures = plan.query, ", ".join(plan.measures)
    together = plan.level(grouped=False, stepped=False)
    ((records, *row),) = connection.execute(
        f"SELECT records, {measures} FROM counted WHERE {together}"  # noqa: S608
    ).fetchall()
    total = dict(zip(query.measures, row, strict=True))
    names = [*(["time"] if plan.step else []), *query.by, *query.measures]
    if not plan.by:
        steps = plan.level(grouped=False, stepped=bool(plan.step))
        table = connection.sql(
            f"SELECT {', '.join([*plan.step, measures])} FROM counted "  # noqa: S608
            f"WHERE {steps} ORDER BY {'step' if plan.step else '1'}"
        ).to_arrow_table()
        return Counted(total, 1, _with_times(table, plan).rename_columns(names), records)
    of_groups = plan.level(grouped=True, stepped=False)
    ((groups, grouped),) = connection.execute(
        f"SELECT count(*), coalesce(sum(records), 0)::BIGINT FROM counted WHERE {of_groups}"  # noqa: S608
    ).fetchall()
    ungrouped = records - grouped
    top = _top(plan, numbering, connection)
    if not plan.step:
        table = top.select([*plan.texts, *plan.measures]).rename_columns(names)
        return Counted(total, groups, table, records, ungrouped)
    places = pa.array(np.arange(top.num_rows))
    connection.register("top", top.select(plan.by).append_column("place", places))
    try:
        table = connection.sql(
            f"SELECT place, step, {measures} FROM counted JOIN top USING ({', '.join(plan.by)}) "  # noqa: S608
            f"WHERE {plan.level(grouped=True, stepped=True)} ORDER BY place, step"
        ).to_arrow_table()
    finally:
        connection.unregister("top")
    of_rows = pc.take(top.select(plan.texts), table.column("place"))
    for i, text in enumerate(plan.texts):
        table = table.add_column(2 + i, text, of_rows.column(text))
    table = _with_times(table.drop_columns(["place"]), plan)
    return Counted(total, groups, table.rename_columns(names), records, ungrouped)


def _top(plan: _Counting, numbering: Numbering, connection: Any) -> pa.Table:
    """Return the first groups in their order, with their texts; ties are ordered by text."""
    query = plan.query
    order, limit = plan.measures[query.measures.index(query.ordered_by)], query.limit
    of_groups = plan.level(grouped=True, stepped=False)
    last = (
        f"(SELECT {order} FROM counted WHERE {of_groups} "  # noqa: S608
        f"ORDER BY {order} {'ASC' if query.is_ascending else 'DESC'} NULLS LAST "
        f"LIMIT 1 OFFSET {limit - 1})"
    )
    columns = ", ".join([*plan.by, *plan.measures])
    # With fewer groups, or few known values, there is no last one.
    before = "<" if query.is_ascending else ">"
    is_first = f"coalesce({order} {before} {last}, {order} IS NOT NULL)"
    found = connection.sql(
        f"SELECT {columns}, {is_first} AS is_first FROM counted "  # noqa: S608
        f"WHERE {of_groups} AND ({last} IS NULL OR {order} {before}= {last})"
    ).to_arrow_table()
    for name, text in zip(plan.by, plan.texts, strict=True):
        found = found.append_column(text, pc.take(numbering.names(name), found.column(name)))
    by_text = [(text, "ascending") for text in plan.texts]
    if found.num_rows > limit:
        first = pc.filter(found, found.column("is_first"))
        others = pc.filter(found, pc.invert(found.column("is_first")))
        tied = pc.select_k_unstable(others, limit - first.num_rows, by_text)
        found = pa.concat_tables([first, pc.take(others, tied)])
    direction = "ascending" if query.is_ascending else "descending"
    return found.sort_by([(order, direction), *by_text])


def _with_times(table: pa.Table, plan: _Counting) -> pa.Table:
    if not plan.step:
        return table
    return table.set_column(0, pa.field("step", TIME), pc.cast(table.column("step"), TIME))


def _measured(query: Query) -> set[str]:
    """Return the columns needed for the measures and the steps."""
    needed = {name for measure in query.asked for name in measure.columns}
    return needed if query.step is None else needed | {"time"}


_ANY = ("time",)
"""Without any column the number of records is unknown."""


def _with_groups(batch: pa.RecordBatch, query: Query) -> pa.RecordBatch:
    """Add the columns that are grouped by, and drop texts that nothing else needs."""
    grouped = [dictionary_of(code(batch, one)) for one in query.dimensions]
    if WHOLE_HOST in batch.schema.names:  # visitors are counted by it
        whole = batch.column(WHOLE_HOST)
        at = batch.schema.get_field_index("host")
        batch = batch.set_column(at, batch.schema.field(at), whole)
    measured = _measured(query)
    if not query.dimensions:
        measured |= set(_ANY)
    batch = batch.select([name for name in batch.schema.names if name in measured])
    for i, column in enumerate(grouped):
        batch = batch.append_column(pa.field(f"by{i}", TEXT), column)
    return batch


def _query_error(error: Exception) -> UsageError:
    import duckdb

    if isinstance(error, duckdb.InterruptException):
        return UsageError("query cancelled")
    if isinstance(error, duckdb.OutOfMemoryException):
        return too_large()
    return UsageError(f"query failed: {readable(error)}")
