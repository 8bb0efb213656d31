"""Conditions of viewers: of other people than the one who runs GlanceMetrics.

DuckDB's limits of memory and time do not hold for every function: `range(100000000)` and
`repeat(path, 100000)` take gigabytes, and what is computed before the first row cannot be
interrupted. So viewers get the functions that filters need, each of which takes and returns little,
and few of them at a time: the text of each is in memory for 2,048 requests at once, and a path may
have thousands of characters.
"""

from __future__ import annotations

import json
import re
import threading
from functools import lru_cache
from typing import Any

from glancemetrics.errors import UsageError
from glancemetrics.selecting.sql import (
    check_no_comment,
    check_one_select,
    connect,
    nodes_of,
    parse_tree,
    shortened,
)
from glancemetrics.words.suggestions import suggestion

LONGEST, _LONGEST_CODE = 10_000, 2_000
"""Characters of a condition: with the values that it compares with, and without."""
MOST_FIELDS, MOST_CALLS = 150, 200
"""Fields that a condition names, and functions that it calls."""
FUNCTIONS = frozenset(
    (
        *("abs", "ceil", "floor", "round", "least", "greatest", "mod", "sign"),
        *("lower", "upper", "trim", "ltrim", "rtrim", "length", "len", "strlen"),
        *("left", "right", "substr", "substring", "split_part", "instr", "strpos", "position"),
        *("starts_with", "ends_with", "prefix", "suffix", "contains", "chr", "ascii"),
        *("regexp_matches", "regexp_full_match", "regexp_extract", "like_escape"),
        *("ilike_escape", "not_like_escape", "not_ilike_escape"),
        *("ifnull", "nullif", "coalesce", "if"),
        *("date_part", "date_trunc", "epoch", "epoch_ms", "to_timestamp", "make_date"),
        *("year", "month", "day", "hour", "minute", "second", "dayofweek", "isodow", "weekday"),
    )
)
"""What viewers may call: each takes time and memory in proportion to what it is given."""
_OPERATORS = frozenset(
    (
        *("+", "-", "*", "/", "//", "%", "||"),
        *("~~", "!~~", "~~*", "!~~*", "~~~", "~", "!~", "^@"),
    )
)
_CLASSES = frozenset(
    (
        *("BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT"),
        *("FUNCTION", "OPERATOR", "TYPE"),
    )
)
_JOINING = "||"
_TEXTS = re.compile(r"'(?:[^']|'')*'")
_NOT_OPERATORS = frozenset({"ARRAY_CONSTRUCTOR", "ARRAY_EXTRACT", "ARRAY_SLICE", "TRY"})


@lru_cache(maxsize=512)
def check_condition_of_viewer(condition: str) -> None:
    """Raise `UsageError` for a condition that viewers may not use, or that is none.

    It takes milliseconds.
    """
    if len(condition) > LONGEST:
        raise UsageError(f"where: must be at most {LONGEST:,} characters")
    if len(_TEXTS.sub("''", condition)) > _LONGEST_CODE:
        raise UsageError(
            f"where: must be at most {_LONGEST_CODE:,} characters besides texts in quotes"
        )
    query = f"SELECT ({condition}\n)"
    check_one_select(query, "--where", condition)
    check_no_comment(condition)
    fields = calls = 0
    for node in nodes_of(_parsed(query)["statements"][0]["node"]["select_list"]):
        if "class" in node:
            problem = _problem_of(node)
            if problem:
                raise UsageError(f"--where {shortened(condition)}: {problem}")
            fields += node["class"] == "COLUMN_REF"
            calls += node["class"] in {"FUNCTION", "CAST"}
    if fields > MOST_FIELDS or calls > MOST_CALLS:
        raise UsageError(
            f"where: {fields} fields and {calls} functions are too many; use at most "
            f"{MOST_FIELDS} and {MOST_CALLS}"
        )


def _problem_of(node: dict[str, Any]) -> str:
    """Say why a viewer may not use this part of a condition; empty if it is fine."""
    kind = str(node["class"])
    if kind not in _CLASSES or str(node.get("type")).removeprefix("OPERATOR_") in _NOT_OPERATORS:
        return "conditions here may compare fields with values, and not select or build lists"
    if kind == "FUNCTION":
        name = str(node["function_name"]).lower()
        if name not in FUNCTIONS and name not in _OPERATORS:
            what = "function" if name.replace("_", "").isalnum() else "operator"
            return f"the {what} {name} is not allowed here{suggestion(name, FUNCTIONS)}"
        if name == _JOINING and any(one.get("class") == "COLUMN_REF" for one in nodes_of(node)):
            return "fields cannot be joined here; compare each of them"
    return ""


class _Parser:
    """A connection that only parses: opening one takes 30 ms."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Any = None

    def tree(self, query: str) -> Any:
        with self._lock:
            if self._connection is None:
                self._connection = connect()
            tree = parse_tree(query, self._connection)
        return json.loads(tree)


_PARSER = _Parser()


def _parsed(query: str) -> Any:
    try:
        return _PARSER.tree(query)
    except RecursionError:
        raise UsageError("where: nested too deeply") from None
