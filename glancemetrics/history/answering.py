"""Answers from records: a `Query` is asked of DuckDB, over the columns that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs
import pyarrow as pa

from glancemetrics.errors import UsageError
from glancemetrics.history.choice import Choice, MissingRecordsError, StoredRecords
from glancemetrics.history.query import Query
from glancemetrics.records.dimensions import Dimension, code, dictionary_of
from glancemetrics.records.schema import TEXT, TIME, empty_batch, with_source
from glancemetrics.selecting.sql import readable

Mapped = Callable[
    [Callable[[StoredRecords], pa.RecordBatch], Iterable[StoredRecords]], Iterable[pa.RecordBatch]
]
"""As `map`; maybe by several threads."""


@attrs.frozen(eq=False)
class Counted:
    """What was counted for a query, without what concerns the history as a whole."""

    total: dict[str, Any]
    groups: int
    table: pa.Table
    """As of `Answer`, but that a step without a record has no row, and a rate is a count."""
    troubles: tuple[str, ...] = ()
    """What could not be read, in a clause each."""


def count(
    query: Query, stored: Iterable[StoredRecords], connection: Any, mapped: Mapped = map
) -> Counted:
    """Count records for a query. Raises `UsageError`, also where time or memory ran out.

    `connection` is for this question alone meanwhile, `mapped` maps as `map` does.
    """
    import duckdb

    choice = Choice(query.span, query.where, query.kept, connection)
    plan = _Counting.of(query)
    chosen = (one for one in stored if choice.has_some_of(one))
    troubles: list[str] = []

    def of(one: StoredRecords) -> pa.RecordBatch:
        try:
            return plan.prepared(choice.of(one, plan.columns))
        except MissingRecordsError as error:
            troubles.append(str(error))
            return pa.RecordBatch.from_pylist([], schema=plan.schema)

    batches = _Handed(mapped(of, chosen))
    reader = pa.RecordBatchReader.from_batches(plan.schema, batches)
    try:
        connection.register("log", reader)
        try:
            connection.execute(plan.sql).fetchall()
        finally:
            connection.unregister("log")
        return attrs.evolve(plan.counted(connection), troubles=tuple(troubles))
    except duckdb.Error as error:
        raise batches.error or _told(error) from None
    finally:
        connection.execute("DROP TABLE IF EXISTS counted")


class _Handed:
    """Batches that DuckDB asks for, and why they ended before the end: it would not say."""

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
    """How DuckDB is asked."""

    query: Query
    columns: tuple[str, ...]
    """What is needed of a record."""
    schema: pa.Schema
    """Of what is asked of: the columns that are needed, and `by0`, `by1`."""

    @classmethod
    def of(cls, query: Query) -> _Counting:
        needed = {name for measure in query.asked for name in measure.columns}
        needed |= {one.column for one in query.dimensions}
        if query.step is not None or not needed:
            needed.add("time")
        columns = tuple(sorted(needed))
        empty = with_source(empty_batch(query.kept), "").select(list(columns))
        return cls(query, columns, _with_groups(empty, query.dimensions).schema)

    def prepared(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return records as they are asked of."""
        return _with_groups(batch, self.query.dimensions).cast(self.schema)

    @property
    def sql(self) -> str:
        """Counts everything at once: all together, by group, by step, by group and step."""
        by = [f"by{i}" for i in range(len(self.query.by))]
        step = [] if self.query.step is None else ["step"]
        groups, steps = ", ".join(by), ", ".join([*by, *step])
        sets = ["()"] + ([f"({groups})"] if by else []) + ([f"({steps})"] if step else [])
        measures = "".join(f", {one.sql} AS m{i}" for i, one in enumerate(self.query.asked))
        kinds = "".join(f", GROUPING({name}) AS all_{name}" for name in (*by, *step))
        micros = (self.query.step or 1) * 1_000_000
        # Each step by its start; a record before 1970 is of a step that begins before it.
        at = f", (floor(epoch_us(time) / {micros}) * {micros})::BIGINT AS step" if step else ""
        return (
            f"CREATE TEMP TABLE counted AS SELECT {', '.join([*by, *step, ''])}"  # noqa: S608
            f"count(*) AS records{measures}{kinds} "
            f"FROM (SELECT *{at} FROM log) GROUP BY GROUPING SETS ({', '.join(sets)})"
        )

    def counted(self, connection: Any) -> Counted:
        """Read what was counted."""
        query = self.query
        measures = ", ".join(f"m{i}" for i in range(len(query.asked)))
        by = [f"by{i}" for i in range(len(query.by))]
        has_step = query.step is not None

        def level(*, grouped: bool, stepped: bool) -> str:
            """Say which rows are of groups or of all together, and of steps or of all time."""
            parts = [f"all_{name} = {0 if grouped else 1}" for name in by]
            parts += [f"all_step = {0 if stepped else 1}"] if has_step else []
            parts += [f"{name} IS NOT NULL" for name in by] if grouped else []
            return " AND ".join(parts) or "true"

        together = level(grouped=False, stepped=False)
        row = connection.execute(f"SELECT {measures} FROM counted WHERE {together}").fetchall()  # noqa: S608
        total = dict(zip(query.measures, row[0], strict=True)) if row else {}
        groups = 1
        joined = order = ""
        if by:
            of_groups = level(grouped=True, stepped=False)
            ((groups,),) = connection.execute(
                f"SELECT count(*) FROM counted WHERE {of_groups}"  # noqa: S608
            ).fetchall()
            first = f"m{query.measures.index(query.ordered_by)} DESC NULLS LAST, {', '.join(by)}"
            own = ", ".join(by)
            joined = (
                f"JOIN (SELECT {own}, row_number() OVER (ORDER BY {first}) AS place "  # noqa: S608
                f"FROM counted WHERE {of_groups} ORDER BY {first} LIMIT {query.limit}) "
                f"USING ({own}) "
            )
            order = "place, "
        columns = [*(["step"] if has_step else []), *by, measures]
        rows = level(grouped=bool(by), stepped=has_step)
        table = connection.sql(
            f"SELECT {', '.join(columns)} FROM counted {joined}"  # noqa: S608
            f"WHERE {rows} ORDER BY {order}{'step' if has_step else '1'}"
        ).to_arrow_table()
        if has_step:
            at = table.column("step").cast(TIME)
            table = table.set_column(0, pa.field("step", TIME), at)
        names = [*(["time"] if has_step else []), *query.by, *query.measures]
        return Counted(total, groups, table.rename_columns(names))


def _with_groups(batch: pa.RecordBatch, dimensions: Iterable[Dimension]) -> pa.RecordBatch:
    for i, one in enumerate(dimensions):
        column = dictionary_of(code(batch, one))
        batch = batch.append_column(pa.field(f"by{i}", TEXT), column)
    return batch


def _told(error: Exception) -> UsageError:
    import duckdb

    if isinstance(error, duckdb.InterruptException):
        return UsageError("the question took too long, or was given up")
    if isinstance(error, duckdb.OutOfMemoryException):
        return UsageError(
            "the question needs more memory than it may have: ask for a shorter span, a narrower "
            "filter, or fewer values"
        )
    return UsageError(f"the question cannot be answered: {readable(error)}")
