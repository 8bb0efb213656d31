"""State as bytes and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from glancemetrics.state.tree import DamagedStateError, from_bytes, to_bytes

ARRAYS = npst.arrays(
    st.sampled_from([np.int64, np.int32, np.float64, np.bool_, np.uint8]),
    npst.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5),
)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
KEYS = st.text() | st.sampled_from(["$array", "$bytes", "$", "$$array"])
STATES = st.recursive(
    PLAIN | ARRAYS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and one.shape == other.shape
            and one.tobytes() == other.tobytes()
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(same(one[key], other[key]) for key in one)
        )
    return type(one) is type(other) and one == other


@given(STATES)
@example({"$array": ["<i8", [1], 0]})
@example([1, "a", 2.5, math.inf])
def test_what_is_written_is_read(state: Any) -> None:
    assert same(from_bytes(to_bytes(state)), state)


@given(STATES, st.data())
def test_any_change_is_noticed(state: Any, data: st.DataObject) -> None:
    written = to_bytes(state)
    at = data.draw(st.integers(0, len(written) - 1))
    changed = bytearray(written)
    changed[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(written) - 1))
    for bad in (bytes(changed), written[:cut]):
        with pytest.raises(DamagedStateError):
            from_bytes(bad)


@pytest.mark.parametrize(
    "no_state", [{1: 2}, object(), {1, 2}, np.array(["a"]), np.array([object()])]
)
def test_what_is_no_state_is_not_written(no_state: object) -> None:
    with pytest.raises(TypeError):
        to_bytes(no_state)


def test_an_array_may_be_changed_after_it_was_read() -> None:
    read = from_bytes(to_bytes(np.zeros(3, np.int64)))
    read[0] = 1
    assert read.tolist() == [1, 0, 0]
