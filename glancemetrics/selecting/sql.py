"""SQL over records, run by DuckDB directly on the record batches.

DuckDB is sandboxed: it has no access to files, the network, extensions or Python variables.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.errors import UsageError
from glancemetrics.records.dimensions import (
    DIMENSIONS,
    SECTION,
    Dimension,
    code,
    derived_named,
    dictionary_of,
)
from glancemetrics.records.schema import ORIGIN, SCHEMA, TEXT, empty_batch, schema_with, with_source
from glancemetrics.selecting.condition_hints import hint_for, outside_of_quotes
from glancemetrics.words.escaping import is_utf_8
from glancemetrics.words.suggestions import suggestion

Bools = npt.NDArray[np.bool_]

_TABLE = re.compile(r"\blog\b(?!\s*\()", re.IGNORECASE)
"""The table's name, but not the logarithm function."""

_MOST_SHOWN = 200
"""Maximum characters of an expression in an error."""

_LOCKS = (
    "SET python_enable_replacements = false",
    "SET TimeZone = 'UTC'",
    "SET lock_configuration = true",
)


_JOINING = frozenset({"CONJUNCTION_AND", "CONJUNCTION_OR", "OPERATOR_NOT"})
"""What joins conditions, in DuckDB's parse tree."""


class Where:
    """A filter: an SQL expression over the columns of a record, true for records to keep.

    Raises `UsageError` for an invalid expression.
    """

    def __init__(
        self, expression: str, kept: Sequence[str] = (), connection: Any | None = None
    ) -> None:
        """`kept` are fields of records beyond the schema.

        Opening a connection takes 30 ms; filters may share one (`connect`).
        """
        self.expression = expression
        self._kept = tuple(kept)
        self._query = f"SELECT ({expression}\n) AS keep FROM log"  # noqa: S608 - that is its purpose
        self._derived = derived_named(expression)
        self._connection = connect() if connection is None else connection
        check_one_select(self._query, "--where", expression)
        self._check_alternatives()
        # A record of which nothing is known: without any, DuckDB would not look at values.
        unknown = pa.RecordBatch.from_pylist([{}], schema=schema_with(kept))
        result = self._run(with_source(unknown, ""))
        if not pa.types.is_boolean(result.type):
            raise UsageError(
                f"--where {shortened(expression)}: must be a condition, such as status >= 500"
            )

    def _check_alternatives(self) -> None:
        """Refuse `status = 404 or 500`, which is true for every request in SQL, and `or path`."""
        try:
            parsed = json.loads(parse_tree(self._query, self._connection.cursor()))
        except RecursionError:  # deeply nested, but still allowed by DuckDB
            return
        for node in nodes_of(parsed):
            if str(node.get("type")) in _JOINING:
                for value in filter(None, map(_constant, node["children"])):
                    raise UsageError(
                        f"--where {shortened(self.expression)}: {shortened(value)} is no "
                        "condition; repeat the comparison: status = 404 or status = 500"
                    )
                for field in self._fields_among(node["children"]):
                    raise UsageError(
                        f"--where {shortened(self.expression)}: {field} alone is no condition; "
                        f"compare it: {field} = ..., or {field} IS NOT NULL"
                    )

    def _fields_among(self, nodes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        known = {*SCHEMA.names, *(one.name for one in DIMENSIONS), *self._kept, *ORIGIN}
        for node in nodes:
            names = node.get("column_names") if node.get("class") == "COLUMN_REF" else None
            if names and str(names[-1]).lower() in known:
                yield str(names[-1])

    def keeps(self, batch: pa.RecordBatch) -> Bools:
        """Tell which records to keep; records for which the expression is null are not kept."""
        kept = self._run(batch)
        if len(kept) != batch.num_rows:
            raise UsageError(
                f"--where {shortened(self.expression)}: must be a condition on single requests"
            )
        flags: Bools = pc.fill_null(kept, False).to_numpy(zero_copy_only=False)
        return flags

    def _run(self, batch: pa.RecordBatch) -> pa.Array:
        import duckdb

        # A cursor of its own: batches are filtered in several threads.
        cursor = self._connection.cursor()
        try:
            cursor.register("log", pa.Table.from_batches([with_columns(batch, self._derived)]))
            kept = cursor.sql(self._query).to_arrow_table()
        except duckdb.Error as error:
            reason = readable(error, self._kept, self.expression)
            raise UsageError(f"--where {shortened(self.expression)}: {reason}") from None
        finally:
            cursor.close()
        if kept.num_columns != 1:  # such as *
            raise UsageError(f"--where {shortened(self.expression)}: must be a single expression")
        column = kept.column(0)
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _constant(node: Mapping[str, Any]) -> str:
    """Return the text of a number or text in a parse tree; empty for anything else.

    DuckDB has it as `literal` from 2.0 on, and as `value` before that.
    """
    literal, value = node.get("literal"), node.get("value")
    if node.get("class") != "CONSTANT":
        return ""
    if isinstance(literal, dict):
        kind, text = str(literal.get("kind")), literal.get("text")
    elif isinstance(value, dict):
        kind, text = str(value.get("type", {}).get("id")), value.get("value")
    else:
        return ""
    return "" if "BOOL" in kind or "NULL" in kind else str(text)


def columns_in(tree: object) -> Iterator[str]:
    """Yield the column names in a parse tree of DuckDB, including unknown ones and `*`."""
    for node in nodes_of(tree):
        if node.get("type") == "COLUMN_REF":
            yield ".".join(node["column_names"]).lower()
        elif node.get("type") == "STAR":
            yield "*"


def parse_tree(query: str, connection: Any) -> str:
    """Return the parse tree of a query as JSON, as DuckDB writes it."""
    ((tree,),) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchall()
    return str(tree)


def functions_in(tree: object) -> Iterator[str]:
    """Yield the functions and operators in a parse tree of DuckDB."""
    return (node["function_name"].lower() for node in nodes_of(tree) if "function_name" in node)


def nodes_of(tree: object) -> Iterator[dict[str, Any]]:
    """Yield all objects in a part of a parse tree of DuckDB."""
    left = [tree]  # not recursive: the tree may be deeply nested
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
            left += one.values()
        elif isinstance(one, list):
            left += one


def query(
    sql: str, batches: Iterable[pa.RecordBatch], connection: Any, kept: Sequence[str] = ()
) -> pa.Table:
    """Run an SQL query over records, as the table `log`; returns its result.

    `kept` are fields of records beyond the schema.

    A query that names the table once streams the batches, in constant memory. Raises `UsageError`
    for an invalid query.
    """
    import duckdb

    check_one_select(sql, "the query", sql)
    derived = [SECTION, *(one for one in derived_named(sql) if one != SECTION)]
    batches = iter(batches)
    # Some batches have more columns: the source and kept fields.
    first = next(batches, empty_batch(kept))
    schema = with_columns(first, derived).schema
    batches = itertools.chain([first], batches)
    reader = pa.RecordBatchReader.from_batches(
        schema, (with_columns(batch, derived).cast(schema) for batch in batches)
    )
    try:
        if len(_TABLE.findall(sql)) == 1:
            connection.register("log", reader)
        else:
            connection.register("incoming", reader)
            connection.execute("CREATE TABLE log AS SELECT * FROM incoming")
            connection.unregister("incoming")  # not part of the interface
        return connection.sql(sql).to_arrow_table()
    except duckdb.Error as error:
        raise UsageError(f"the query: {readable(error, kept)}") from None


def connect(threads: int = 1, memory: str | None = None) -> Any:
    """Open a sandboxed connection, which takes 30 ms; `memory` (`512MB`) limits its memory."""
    import duckdb

    config: dict[str, Any] = {
        "threads": threads,
        "enable_external_access": False,
        "temp_directory": "",  # no spilling to disk: running out of memory is an error
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
    }
    if memory is not None:
        config["memory_limit"] = memory
    connection = duckdb.connect(":memory:", config=config)
    for lock in _LOCKS:
        connection.execute(lock)
    return connection


def with_columns(batch: pa.RecordBatch, dimensions: Iterable[Dimension]) -> pa.RecordBatch:
    """Return a batch with dimensions added as text columns."""
    for one in dimensions:
        if one.name not in batch.schema.names:
            column = dictionary_of(code(batch, one))
            batch = batch.append_column(pa.field(one.name, TEXT), column)
    return batch


def readable(error: Exception, kept: Sequence[str] = (), expression: str = "") -> str:
    """Return DuckDB's error message in one clause, with the available columns.

    `expression` is the user's text: errors about the SQL around it are reworded.
    """
    if "Max expression depth" in str(error):  # DuckDB's advice is not available here
        return "nested too deeply"
    reason = _reworded(error)
    hint = hint_for(expression, is_in_text="is not a number" in reason)
    missing = re.search(r'Referenced column "(.*)" not found', reason, re.DOTALL)
    for name in kept:
        if not name.isidentifier() and _stands_bare(name, expression):
            return f'{reason}; put the name of the field in double quotes: "{name}"'
    if hint is not None:
        return hint
    if missing is not None:
        return _no_such_column(missing[1], column_names(kept), expression)
    if "not found in FROM clause" in reason or "Candidate bindings" in reason:
        reason += f"; columns: {', '.join(column_names(kept))}"
    if expression and re.search(r'syntax error at or near "(?:\)|AS|keep)"', reason):
        return "incomplete, or a bracket or quote is missing"
    if expression and "syntax error" in reason:
        reason += "; put text in single quotes: path = '/login', path like '/api/%'"
    return reason


def _reworded(error: Exception) -> str:
    """Return the first line of DuckDB's message, without its names for things."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = re.sub(r"^\w+ Error: ", "", lines[0]) if lines else type(error).__name__
    called = re.search(r"^Scalar Function with name (\S+) does not exist", reason) or re.search(
        r"^No function matches the given name and argument types '([^('\s]+)\(", reason
    )
    if called is not None:
        kind = "function" if called[1].isidentifier() else "operator"
        return f"no {kind} {called[1]}{' for such values' if 'types' in reason else ''}"
    table = re.search(r"^Table with name (\S+) does not exist", reason)
    if table is not None:
        return f"no table {table[1]}; the table is called log"
    if reason.startswith("unterminated"):
        return "a closing quote is missing"
    number = re.search(r"^Could not convert string ('.*') to U?INT", reason)
    return reason if number is None else f"{number[1]} is not a number"


def _no_such_column(name: str, known: Sequence[str], expression: str) -> str:
    if f'"{name}"' in expression or not re.fullmatch(r"\w+", name):
        text = name.strip("\"'“”‘’").replace("'", "''")
        return f"no column {name!r}; put text in single quotes: '{text}'"
    reason = f"no column {name!r}{suggestion(name, known)}"
    return f"{reason}; put text in single quotes; columns: {', '.join(known)}"


def _stands_bare(name: str, expression: str) -> bool:
    """Tell whether an expression has a name outside of quotes, where it would be several words."""
    plain = outside_of_quotes(expression)
    return not name.isdigit() and bool(
        re.search(rf"(?<!\w){re.escape(name)}(?!\w)", plain, re.IGNORECASE)
    )


def check_no_comment(expression: str) -> None:
    """Raise `UsageError` for a condition with a comment: a quote is probably misplaced."""
    import duckdb

    if not is_utf_8(expression):
        return  # reported elsewhere
    if any(kind == duckdb.token_type.comment for _, kind in duckdb.tokenize(expression)):
        raise UsageError(
            f"--where {shortened(expression)}: contains a comment (--); check the closing quote"
        )


def column_names(kept: Sequence[str] = ()) -> list[str]:
    """Return all names usable in SQL: columns of a record, dimensions, and kept fields."""
    dimensions = (one.name for one in DIMENSIONS if one.name not in SCHEMA.names)
    return [*SCHEMA.names, *dimensions, *kept]


def shortened(text: str) -> str:
    """Return an expression, shortened for an error."""
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def without_option(error: Exception | str, condition: str) -> str:
    """Return what is wrong with a condition, without `--where` and the condition before it.

    For people who have typed it into a field.
    """
    return str(error).removeprefix(f"--where {shortened(condition)}: ")


def check_one_select(query: str, asked_by: str, text: str) -> None:
    """Raise `UsageError` for anything but a single SELECT."""
    import duckdb

    if not is_utf_8(query):
        raise UsageError(f"{asked_by} {shortened(text)}: not valid UTF-8")
    if "\0" in query:  # DuckDB would end the text there, without an error
        raise UsageError(f"{asked_by} {shortened(text)}: has a NUL character; write chr(0)")
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        reason = readable(error, expression=text if asked_by == "--where" else "")
        raise UsageError(f"{asked_by} {shortened(text)}: {reason}") from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise UsageError(f"{asked_by} {shortened(text)}: must be a single SELECT")
