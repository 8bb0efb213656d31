"""Columns made of numpy's arrays are those of Arrow's own conversion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as some

from glancemetrics.native.columns import column_of

TYPES = [np.bool_, np.uint8, np.uint16, np.int32, np.int64, np.float64]


@given(
    numbers=some.lists(some.tuples(some.integers(0, 200), some.booleans()), max_size=40),
    dtype=some.sampled_from(TYPES),
    step=some.sampled_from([1, 2, -1]),
    has_mask=some.booleans(),
)
def test_a_column_is_that_of_arrow(
    numbers: list[tuple[int, bool]], dtype: npt.DTypeLike, step: int, has_mask: bool
) -> None:
    values = np.array([number for number, _ in numbers], np.int64).astype(dtype)[::step]
    mask = np.array([is_missing for _, is_missing in numbers], np.bool_)[::step]
    column = column_of(values, mask if has_mask else None)
    column.validate(full=True)
    expected = pa.array(values, mask=mask if has_mask else None)
    assert column.equals(expected)
    assert column.null_count == expected.null_count


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_the_numbers_are_not_copied(dtype: npt.DTypeLike) -> None:
    values = np.arange(1000, dtype=dtype)
    assert column_of(values).buffers()[1].address == values.ctypes.data
