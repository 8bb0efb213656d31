"""`Filters`: several filters evaluated together, on distinct values where possible."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.errors import UsageError
from glancemetrics.native.strings import codes_of
from glancemetrics.records.dimensions import Dimension, derived_named
from glancemetrics.records.schema import ORIGIN, TEXT, column_type
from glancemetrics.selecting.sql import (
    column_names,
    columns_in,
    connect,
    functions_in,
    parse_tree,
    readable,
    with_columns,
)

Bools = npt.NDArray[np.bool_]

_FEW, _SHORT = 2_000, 200_000
"""Maximum texts, and bytes, looked up in the cache (0.2 ms); a DuckDB query takes over 1 ms."""
_MOST_KNOWN, _MOST_CHARACTERS = 50_000, 5_000_000
"""Maximum texts in the cache, and their total length."""


@attrs.define(eq=False)
class _OfTexts:
    """Filters that depend on one text column only."""

    column: str
    expressions: list[str] = attrs.field(factory=list)
    known: dict[str | None, tuple[bool, ...]] = attrs.field(factory=dict)
    """{a text: which filters keep it}"""
    characters: int = 0
    """The total length of those texts."""


_STATUS, _NO_STATUS = "status", 1 << 16
"""A column, and the index of the result for null."""
UNSTEADY = frozenset(
    {
        *("age", "current_connection_id", "current_database", "current_date", "current_localtime"),
        *("current_localtimestamp", "current_query", "current_query_id", "current_schema"),
        *("current_schemas", "current_setting", "current_transaction_id", "currval", "error"),
        *("gen_random_uuid", "get_current_time", "get_current_timestamp", "getvariable"),
        *("in_search_path", "nextval", "now", "random", "setseed", "setval", "sleep_ms", "stats"),
        *("today", "transaction_timestamp", "txid_current", "uuid", "uuidv4", "uuidv7"),
        *("vector_type", "write_log"),
    }
)
"""Functions that are not deterministic: their results are not cached."""
_LEAVES, _KEEPS = 1, 2
"""The result of a filter for a status; 0 if unknown."""


class Filters:
    """Several filters, evaluated together.

    Filters that depend only on one text column, or on the status, are evaluated on distinct values,
    and their results are cached: logs are repetitive.
    """

    def __init__(
        self,
        expressions: Iterable[str],
        connection: Any | None = None,
        kept: Sequence[str] = (),
        asked_by: str = "where in a rule",
    ) -> None:
        """Each must be a valid `Where`; `kept` are fields of records beyond the schema.

        `asked_by` is the beginning of error messages.
        """
        self._asked_by = asked_by
        self._connection = connect() if connection is None else connection
        # SQL ignores case.
        self._column_of = {name.lower(): name for name in (*column_names(kept), *ORIGIN)}
        self._of_texts: dict[str, _OfTexts] = {}
        self._of_status_alone: list[str] = []
        self._others: list[str] = []
        self._derived: list[Dimension] = []
        for expression in dict.fromkeys(expressions):
            column = self._only_column(expression)
            if column == _STATUS:
                self._of_status_alone.append(expression)
            elif column is not None and _is_text(column):
                of = self._of_texts.setdefault(column, _OfTexts(column))
                of.expressions.append(expression)
            else:
                self._others.append(expression)
            self._derived += [one for one in derived_named(expression) if one not in self._derived]
        self._known_statuses = np.zeros((len(self._of_status_alone), _NO_STATUS + 1), np.uint8)

    def keeps(self, batch: pa.RecordBatch) -> dict[str, Bools]:
        """Return which records each expression keeps."""
        whole = with_columns(batch, self._derived)
        kept: dict[str, Bools] = {}
        for texts in self._of_texts.values():
            values = whole.column(texts.column)
            # The last entry is for rows without a value.
            distinct = pa.concat_arrays([values.dictionary, pa.nulls(1, pa.string())])
            codes = codes_of(values)
            answers = self._of_distinct(texts, distinct)
            kept |= {text: of[codes] for text, of in zip(texts.expressions, answers, strict=True)}
        if self._of_status_alone:
            kept |= self._of_status(whole)
        if self._others:
            answers = self._evaluated(pa.Table.from_batches([whole]), self._others)
            kept |= zip(self._others, answers, strict=True)
        return kept

    def _of_distinct(self, texts: _OfTexts, distinct: pa.StringArray) -> list[Bools]:
        """Return which texts each expression keeps."""
        if len(distinct) > _FEW or distinct.nbytes > _SHORT:
            return self._evaluated(pa.table({texts.column: distinct}), texts.expressions)
        values, known = distinct.to_pylist(), texts.known
        new = list({value: None for value in values if value not in known})
        added: dict[str | None, tuple[bool, ...]] = {}
        if new:
            table = pa.table({texts.column: pa.array(new, distinct.type)})
            answers = self._evaluated(table, texts.expressions)
            added = dict(zip(new, zip(*(of.tolist() for of in answers), strict=True), strict=True))
            size = texts.characters + sum(len(value or "") for value in new)
            if len(known) + len(added) <= _MOST_KNOWN and size <= _MOST_CHARACTERS:
                known.update(added)
                texts.characters = size
        results = np.array([added.get(value) or known[value] for value in values], np.bool_)
        return list(results.T)

    def _of_status(self, batch: pa.RecordBatch) -> dict[str, Bools]:
        column, known = batch.column(_STATUS), self._known_statuses
        results = [_looked_up(of, column) for of in known]
        is_known = np.logical_and.reduce(results)
        if not is_known.all():
            new = pc.unique(pc.filter(column, pa.array(~is_known)))
            answers = self._evaluated(pa.table({_STATUS: new}), self._of_status_alone)
            places = pc.fill_null(pc.cast(new, pa.int64()), _NO_STATUS).to_numpy()
            # Replaced, not changed: another thread may be reading it.
            known = known.copy()
            known[:, places] = np.where(answers, np.uint8(_KEEPS), np.uint8(_LEAVES))
            self._known_statuses = known
            results = [_looked_up(of, column) for of in known]
        return {text: of == _KEEPS for text, of in zip(self._of_status_alone, results, strict=True)}

    def _evaluated(self, table: pa.Table, expressions: Sequence[str]) -> list[Bools]:
        import duckdb

        columns = ", ".join(f"({text}\n) AS c{i}" for i, text in enumerate(expressions))
        cursor = self._connection.cursor()
        try:
            cursor.register("log", table)
            answer = cursor.sql(f"SELECT {columns} FROM log").to_arrow_table()  # noqa: S608
        except duckdb.Error as error:
            reason = readable(error, expression=" ".join(expressions))
            raise UsageError(f"{self._asked_by}: {reason}") from None
        finally:
            cursor.close()
        if answer.num_rows != table.num_rows:
            raise UsageError(f"{self._asked_by}: must be a condition on single requests")
        return [
            pc.fill_null(column.combine_chunks(), False).to_numpy(zero_copy_only=False)
            for column in answer.columns
        ]

    def _only_column(self, expression: str) -> str | None:
        """Return the only column that an expression depends on; `None` if there are others."""
        tree = parse_tree(f"SELECT ({expression}\n)", self._connection)
        try:
            parsed = json.loads(tree)
        except RecursionError:  # deeply nested, but still allowed by DuckDB
            return None
        columns = set(columns_in(parsed))
        if not UNSTEADY.isdisjoint(functions_in(parsed)):
            return None
        return self._column_of.get(next(iter(columns))) if len(columns) == 1 else None


def _is_text(column: str) -> bool:
    return bool(column_type(column) == TEXT)


def _looked_up(known: npt.NDArray[np.uint8], statuses: pa.Array) -> npt.NDArray[np.uint8]:
    # Arrow's take needs an eighth of the time of NumPy's.
    results = pc.take(pa.array(known[:_NO_STATUS]), statuses)
    if results.null_count:
        results = pc.fill_null(results, int(known[_NO_STATUS]))
    found: npt.NDArray[np.uint8] = results.to_numpy()
    return found
