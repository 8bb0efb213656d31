"""Distinct visitors: exact while they are few, within the stated error when they are many."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.history.visitors import (
    MOST_HASHES,
    STANDARD_ERROR,
    Visitors,
    hashes_of,
    merged_visitors,
)

HASHES = st.integers(0, 2**32 - 1)


def visitors_of(hashes: set[int]) -> Visitors:
    return Visitors.of(np.array(sorted(hashes), np.uint32))


def of_hosts(count: int) -> Visitors:
    hosts = pa.array([f"203.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(count)], pa.string())
    return Visitors.of(np.unique(hashes_of(hosts)))


@pytest.mark.parametrize("count", [0, 1, 10, MOST_HASHES])
def test_few_visitors_are_counted_exactly(count: int) -> None:
    visitors = of_hosts(count)
    assert visitors.is_exact
    assert visitors.estimate() == count


@pytest.mark.parametrize("count", [MOST_HASHES + 1, 1000, 5000, 12_000, 200_000])
def test_the_estimate_of_many_is_within_three_standard_errors(count: int) -> None:
    visitors = of_hosts(count)
    assert not visitors.is_exact
    assert abs(visitors.estimate() - count) <= 3 * STANDARD_ERROR * count


@pytest.mark.parametrize("count", [MOST_HASHES + 1, 2000, 5000, 10_000])
def test_the_estimate_errs_to_no_side(count: int) -> None:
    random = np.random.default_rng(count)
    estimates = [
        Visitors.of(np.unique(random.integers(0, 1 << 32, count, np.uint32))).estimate()
        for _ in range(100)
    ]
    assert np.mean(estimates) == pytest.approx(count, rel=3 * STANDARD_ERROR / 10)


@given(st.lists(st.sets(HASHES, max_size=400), min_size=1, max_size=5))
def test_merged_visitors_are_those_of_all(parts: list[set[int]]) -> None:
    # Hypothesis does not draw large sets often: some hundreds more make it cross the border.
    more = {hash_ * 7_654_321 % 2**32 for hash_ in range(300)}
    for first in (parts[0], parts[0] | more):
        merged = merged_visitors(map(visitors_of, [first, *parts[1:]]))
        assert merged == visitors_of(first.union(*parts[1:]))


@given(st.sets(HASHES, max_size=20), st.booleans())
def test_what_is_written_is_read_again(hashes: set[int], many: bool) -> None:
    visitors = visitors_of(hashes | set(range(600)) if many else hashes)
    written = visitors.to_bytes()
    assert len(written) == (2048 if many else 4 * len(hashes))
    assert Visitors.from_bytes(written) == visitors


@pytest.mark.parametrize("count", [MOST_HASHES, MOST_HASHES + 1])
def test_what_is_written_is_read_again_where_hashes_become_registers(count: int) -> None:
    visitors = visitors_of(set(range(count)))
    assert Visitors.from_bytes(visitors.to_bytes()) == visitors


def test_merging_leaves_the_parts_as_they_were() -> None:
    first, second = of_hosts(1000), of_hosts(3000)
    merged = merged_visitors([first, second])
    assert first == of_hosts(1000)
    assert merged == second == of_hosts(3000)


@given(st.sets(HASHES, min_size=600, max_size=600))
def test_registers_are_the_places_of_the_first_one(hashes: set[int]) -> None:
    hashes |= {0, 1, 5 << 21, (6 << 21) + 2**20, 2**32 - 1}
    expected = [0] * 2048
    for hash_ in hashes:
        bits = f"{hash_:032b}"
        register, place = int(bits[:11], 2), (bits[11:] + "1").index("1") + 1
        expected[register] = max(expected[register], place)
    assert list(visitors_of(hashes).to_bytes()) == expected


def test_a_hash_is_the_same_in_every_run_and_version() -> None:
    hosts = pa.array(["203.0.113.7", "2001:db8::1", "www.example.org", ""])
    assert hashes_of(hosts).tolist() == [4234074284, 2830352177, 2081258385, 3793791033]


@pytest.mark.parametrize(
    "data",
    [b"abc", b"\2\0\0\0\1\0\0\0", b"\1\0\0\0\1\0\0\0", bytes(4 * 513), bytes(2047) + b"\27"],
)
def test_bytes_that_are_no_visitors_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="visitors"):
        Visitors.from_bytes(data)
