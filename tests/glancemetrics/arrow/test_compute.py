"""Functions of Arrow give what those of `pyarrow.compute` do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pytest

from glancemetrics.arrow import compute

TEXTS = pa.array(["b", None, "a", "b"])
NUMBERS = pa.array([3, None, 1, 2], pa.int16())
FLAGS = pa.array([True, None, False, True])
BATCH = pa.RecordBatch.from_arrays([TEXTS, NUMBERS], ["text", "number"])


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("take", [TEXTS, pa.array([3, 0])], {}),
        ("take", [BATCH, pa.array([3, 0])], {}),
        ("take", [pa.chunked_array([TEXTS, TEXTS]), [5, 0]], {}),
        ("filter", [NUMBERS, FLAGS], {}),
        ("filter", [BATCH, FLAGS], {}),
        ("filter", [pa.Table.from_batches([BATCH]), FLAGS], {}),
        ("drop_null", [TEXTS], {}),
        ("is_valid", [TEXTS], {}),
        ("is_null", [TEXTS], {}),
        ("unique", [TEXTS], {}),
        ("fill_null", [NUMBERS, -1], {}),
        ("fill_null", [TEXTS, pa.scalar("c")], {}),
        ("fill_null", [NUMBERS, pa.scalar(5)], {}),
        ("cast", [NUMBERS, pa.string()], {}),
        ("dictionary_encode", [TEXTS], {}),
        ("any", [FLAGS], {}),
        ("and_", [FLAGS, FLAGS], {}),
        ("or_", [FLAGS, FLAGS], {}),
        ("if_else", [FLAGS, TEXTS, "none"], {}),
        ("coalesce", [TEXTS, TEXTS, "none"], {}),
        ("max", [NUMBERS], {}),
        ("match_substring_regex", [TEXTS, "[AC]"], {"ignore_case": True}),
        ("replace_substring_regex", [TEXTS, "(b)", r"\1\1"], {}),
        ("extract_regex", [TEXTS, "(?P<one>b)"], {}),
        ("is_in", [TEXTS], {"value_set": pa.array(["a"])}),
        ("binary_join_element_wise", [TEXTS, TEXTS, "-"], {"null_handling": "skip"}),
        ("select_k_unstable", [BATCH], {"k": 2, "sort_keys": [("number", "descending")]}),
    ],
)
def test_it_is_that_of_arrow(name: str, arguments: Sequence[Any], options: dict[str, Any]) -> None:
    expected = getattr(pyarrow.compute, name)(*arguments, **options)
    assert getattr(compute, name)(*arguments, **options).equals(expected)


def test_codes_of_distinct_values_stay_as_they_are() -> None:
    encoded = compute.dictionary_encode(TEXTS)
    assert compute.dictionary_encode(encoded) is encoded


def test_what_does_not_fit_is_an_error() -> None:
    with pytest.raises(pa.ArrowInvalid):
        compute.cast(TEXTS, pa.int64())
    with pytest.raises(pa.ArrowIndexError):
        compute.take(TEXTS, pa.array([9]))


def test_what_arrow_does_not_have_is_an_error() -> None:
    assert not hasattr(compute, "no_such_function")
    with pytest.raises(TypeError, match="is_valid has no options"):
        compute.is_valid(TEXTS, 1)
