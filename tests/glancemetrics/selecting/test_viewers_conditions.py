"""What viewers may ask by: everything that filters are made of, and nothing that takes much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.errors import UsageError
from glancemetrics.records.dimensions import DIMENSIONS
from glancemetrics.selecting.plain_words import condition_in
from glancemetrics.selecting.sql import Where
from glancemetrics.selecting.value_conditions import condition_of, excluded, joined_conditions
from glancemetrics.selecting.viewers_conditions import FUNCTIONS, check_condition_of_viewer


@pytest.mark.parametrize(
    "condition",
    [
        "status >= 500",
        "status BETWEEN 500 AND 599 AND NOT (path LIKE '/api/%')",
        "status IN (404, 410) OR method NOT IN ('GET', 'HEAD')",
        "path ILIKE '%login%' OR path SIMILAR TO '/a|/b'",
        "regexp_matches(path, '^/a[0-9]+$')",
        "user IS NOT NULL AND coalesce(duration, 0) > 1.5",
        "hour(time) = 3 AND time >= '2026-01-01'",
        "CASE WHEN status >= 500 THEN true ELSE bytes > 10 END",
        "length(path) > 100 AND starts_with(lower(agent), 'curl')",
        "CAST(status AS VARCHAR) LIKE '5%' AND bytes / 1024 > 5",
        "path IS DISTINCT FROM '/a' AND path = 'a' || chr(0)",
        "class = '5xx' AND browser = 'Firefox' AND -bytes < 0",
        "extract(hour from time) < 6",
        "path ^@ '/a'",
    ],
)
def test_filters_are_allowed(condition: str) -> None:
    check_condition_of_viewer(condition)
    Where(condition)


@pytest.mark.parametrize(
    "condition",
    [
        "length(concat(agent, path)) > 1",
        "length(path || agent) > 1",
        "length('a' || (path || 'b')) > 1",
        "length(strftime(time, '%A%A%A')) > 1",
        " OR ".join(["path = ''"] * 151),
        "lower(" * 201 + "path" + ")" * 201 + " = ''",
        "1 = 1 OR " * 300 + "1 = 1",
        "len(range(100000000)) > 1",
        "length(repeat(path, 100000)) > 1",
        "list_contains([1, 2], status)",
        "status = ANY([1, 2])",
        "len([x for x in [1, 2, 3]]) > 1",
        "list_transform([1], x -> x) = [1]",
        "length(rpad(path, 1000000000, 'x')) > 1",
        "length(lpad(path, 1000000000, 'x')) > 1",
        "replace(path, 'a', path) = ''",
        "regexp_replace(path, '.', path, 'g') = ''",
        "length(format('{:1000000000}', path)) > 1",
        "length(printf('%1000000000d', status)) > 1",
        "status IN (SELECT 1)",
        "EXISTS (SELECT 1)",
        "(SELECT count(*) FROM range(1000000000)) > 1",
        "2 ** 1000 > 1",
        "pow(2, status) > 1",
        "status << 60 > 1",
        "40! > 1",
        "array_length(generate_series(1, 1000000000)) > 1",
        "length(bar(1, 0, 1000000000, 1000000000)) > 1",
        "unnest([true])",
        "count(*) > 1",
        "row_number() over () > 1",
        "COLUMNS(*) = 1",
        "getenv('HOME') = ''",
        "{'a': 1}.a = 1",
        "path[1:1000] = ''",
        "1 = 1 -- comment",
        "1); SELECT (1",
        "status =",
        "(" * 3000 + "true" + ")" * 3000,
        "a" * 20_000,
        "'\0' = path",
    ],
)
def test_what_takes_much_is_refused(condition: str) -> None:
    with pytest.raises(UsageError):
        check_condition_of_viewer(condition)


@given(st.sampled_from(DIMENSIONS), st.text(max_size=20))
def test_values_of_all_fields_may_be_asked_by(dimension, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    condition = condition_of(dimension, value)
    for one in (condition, excluded(condition), joined_conditions([condition, "status = 1"])):
        assert one is not None
        check_condition_of_viewer(one)


@pytest.mark.parametrize("text", ["5xx", "404 /api", "POST", "10.0.0.0/8", "not curl", "errors"])
def test_plain_words_may_be_asked_by(text: str) -> None:
    check_condition_of_viewer(condition_in(text))


def test_no_function_makes_much_of_little() -> None:
    assert not FUNCTIONS & {
        *("repeat", "range", "rpad", "lpad", "replace", "regexp_replace", "format", "printf"),
        *("pow", "power", "factorial", "generate_series", "list_value", "string_agg", "bar"),
    }
