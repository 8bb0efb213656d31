"""The compiled tables against plain sets and dictionaries."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glancemetrics.native.pairs import PairArray, count_turned
from glancemetrics.native.strings import (
    StringTable,
    codes_of,
    compacted,
    indices_of,
    joined_texts,
    longest,
    string_hashes,
)
from glancemetrics.native.sums import (
    FIELDS,
    LARGEST,
    VISITORS,
    WITH_VISITORS,
    SumTable,
    add_sums,
    saturated,
    sum_groups,
    sums_by_code,
)
from glancemetrics.native.visitors import Only, VisitorTable, set_flags, visitor_hashes

WORDS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", "a", "aa", "é", "x" * 7, "x" * 8, "x" * 9, "x" * 16, "x" * 17, "y" * 33]),
)
CODES = st.lists(st.integers(-1, 9), max_size=60).map(lambda codes: np.array(codes, np.int32))


def strings(words: list[str]) -> pa.StringArray:
    return pa.array(words, pa.string())


@given(st.lists(st.lists(WORDS, max_size=40), max_size=5))
@settings(deadline=None)
def test_strings_have_the_number_of_their_first_coming(batches: list[list[str]]) -> None:
    table = StringTable()
    numbers: dict[str, int] = {}
    for words in batches:
        expected = [numbers.setdefault(word, len(numbers)) for word in words]
        assert table.enter(strings(words)).tolist() == expected
        assert len(table) == len(numbers)
    assert table.sealed().to_pylist() == list(numbers)


def test_a_table_grows() -> None:
    words = [f"/{i * 7919 % 200_000}/{'x' * (i % 50)}" for i in range(200_000)]
    table = StringTable()
    assert table.enter(strings(words)).tolist() == list(range(200_000))
    assert table.enter(strings(words[::-1])).tolist() == list(range(200_000))[::-1]
    assert table.nbytes > sum(map(len, words))
    assert table.sealed().to_pylist() == words


@given(st.lists(WORDS, max_size=30), st.integers(0, 5))
@settings(deadline=None)
def test_a_part_of_an_array_is_entered_as_it_is_alone(words: list[str], first: int) -> None:
    part = strings(words).slice(first)
    table = StringTable()
    numbers = table.enter(part)
    alone = StringTable()
    assert numbers.tolist() == alone.enter(strings(words[first:])).tolist()
    assert string_hashes(part).tolist() == string_hashes(strings(words[first:])).tolist()
    assert longest(part) == max((len(word.encode()) for word in words[first:]), default=0)


def reference_hash(text: bytes) -> int:
    value = mixed(0x9E3779B97F4A7C15 + len(text))
    for at in range(0, len(text), 8):
        value = mixed(value ^ int.from_bytes(text[at : at + 8], "little"))
    return value


def mixed(value: int) -> int:
    value %= 2**64
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
    return value ^ value >> 31


@given(st.lists(WORDS, unique=True, max_size=50))
def test_hashes_of_strings_differ_and_stay(words: list[str]) -> None:
    hashes = string_hashes(strings(words)).tolist()
    assert len(set(hashes)) == len(words)
    assert hashes == [reference_hash(word.encode()) for word in words]


@given(CODES, st.integers(0, 20))
def test_codes_are_indices_with_nulls(codes: np.ndarray, first: int) -> None:
    indices = indices_of(codes)
    indices.validate(full=True)
    assert indices.to_pylist() == [None if code < 0 else code for code in codes.tolist()]
    column = pa.DictionaryArray.from_arrays(indices, strings(list("abcdefghij"))).slice(first)
    assert codes_of(column).tolist() == codes[first:].tolist()


@given(CODES)
def test_compact_codes_leave_no_number_out(codes: np.ndarray) -> None:
    compact, which = compacted(codes, 10)
    assert [-1 if code < 0 else which[code] for code in compact.tolist()] == codes.tolist()
    assert which.tolist() == list(dict.fromkeys(code for code in codes.tolist() if code >= 0))


@given(CODES, st.data())
def test_sums_are_those_of_the_rows(codes: np.ndarray, data: st.DataObject) -> None:
    size = len(codes)
    sizes = data.draw(st.lists(st.integers(0, 2**50), min_size=size, max_size=size))
    errors = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    sums = sums_by_code(codes, np.array(sizes, np.int64), np.array(errors, np.bool_), 10)
    expected = np.zeros((10, FIELDS), np.int64)
    for code, bytes_, error in zip(codes.tolist(), sizes, errors, strict=True):
        if code >= 0:
            expected[code] += (1, bytes_, error)
    assert sums.tolist() == expected.tolist()
    numbers = np.array([3, -1, 0, 3, 2, 2, 2, -1, 1, 0])
    total = np.ones((4, FIELDS), np.int64)
    add_sums(total, sums, numbers)
    with_visitors = np.ones((4, WITH_VISITORS), np.int64)
    add_sums(with_visitors, sums, numbers)
    hits = sum_groups(np.ascontiguousarray(sums[:, 0]), numbers, 4)
    grouped = np.ones((4, FIELDS), np.int64)
    for number, row in zip(numbers.tolist(), expected.tolist(), strict=True):
        if number >= 0:
            grouped[number] += row
    assert total.tolist() == grouped.tolist()
    assert with_visitors.tolist() == [[*row, 1] for row in grouped.tolist()]
    assert hits.tolist() == (grouped[:, 0] - 1).tolist()


@given(st.lists(st.tuples(CODES, st.integers(0, 3)), max_size=5), st.data())
@settings(deadline=None)
def test_pairs_are_a_set(batches: list[tuple[np.ndarray, int]], data: st.DataObject) -> None:
    numbers = np.array([5, 0, 0, 7, -1, 2, 5, 1, 6, 3])
    pairs, expected = PairArray(), set()
    for codes, level in batches:
        hashes = data.draw(
            st.lists(st.integers(0, 2**64 - 1), min_size=len(codes), max_size=len(codes))
        )
        pairs.add(codes, np.array(hashes, np.uint64), numbers, 40, level)
        for code, visitor in zip(codes.tolist(), hashes, strict=True):
            if code >= 0 and numbers[code] >= 0 and visitor % (1 << level) == 0:
                expected.add(int(numbers[code]) << 40 | visitor % (1 << 40))
    pairs.sort_distinct()
    assert pairs.pairs.tolist() == sorted(expected)
    per_value = Counter(pair >> 40 for pair in expected)
    assert pairs.counts(40, 8).tolist() == [per_value[value] for value in range(8)]
    grouped = {(int(numbers[pair >> 40]), pair % (1 << 40)) for pair in expected}
    per_group = Counter(group for group, _ in grouped)
    with pairs.turned(40) as turned:
        counted = count_turned(turned, 40, numbers, 8)
    assert sorted(pairs.pairs.tolist()) == sorted(expected)
    pairs.sort_distinct()
    assert counted.tolist() == [per_group[group] for group in range(8)]
    others = PairArray()
    others.add_renumbered(pairs.pairs, 40, numbers[:8], 36)
    assert others.pairs.tolist() == [
        int(numbers[pair >> 40]) << 36 | pair % (1 << 36)
        for pair in sorted(expected)
        if numbers[pair >> 40] >= 0
    ]
    pairs.keep(pairs.pairs % 2 == 0)
    assert pairs.pairs.tolist() == sorted(pair for pair in expected if pair % 2 == 0)


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.integers(0, 400).map(lambda n: n * 0x9E3779B97F4A7C15 % 2**64),
                st.integers(-1, 3),
                st.integers(-1, 3),
                st.integers(-1, 5),
            ),
            max_size=150,
        ),
        max_size=4,
    ),
    st.integers(0, 4),
)
@settings(deadline=None)
def test_visitors_are_kept_once_with_all_their_flags(
    batches: list[list[tuple[int, int, int, int]]], level: int
) -> None:
    table = VisitorTable()
    hosts, agents = SumTable(8, WITH_VISITORS), SumTable(8, WITH_VISITORS)
    known: dict[int, tuple[int, int]] = {}
    flags: defaultdict[int, set[int]] = defaultdict(set)
    numbers = np.array([7, 1, 4, 0])
    values = np.uint64(1) << np.arange(10, 16, dtype=np.uint64)
    for rows in batches:
        hashes = np.array([row[0] for row in rows], np.uint64)
        host, agent, flag = (np.array([row[i] for row in rows], np.int32) for i in (1, 2, 3))
        row_flags = np.zeros(len(rows), np.uint64)
        set_flags(row_flags, flag, values)
        table.enter(
            hashes,
            Only(host, numbers, hosts.rows),
            Only(agent, numbers, agents.rows),
            row_flags,
            level,
        )
        for visitor, host_code, agent_code, flag_code in rows:
            if visitor % (1 << level):
                continue
            if visitor not in known:
                known[visitor] = host_code, agent_code
            if flag_code >= 0:
                flags[visitor].add(flag_code)
    # What a new visitor is counted for; one for as many as are left out.
    for sums, column in ((hosts, 0), (agents, 1)):
        per_code = Counter(codes[column] for codes in known.values())
        expected = np.zeros((8, WITH_VISITORS), np.int64)
        expected[numbers, VISITORS] = [per_code[code] << level for code in range(4)]
        assert sums.rows.tolist() == expected.tolist()
    for _ in range(2):
        assert len(table) == len(known)
        assert table.column("hash").tolist() == list(known)
        groups = np.array([1, -1, 1, 0, 2, 2])
        per_group = Counter(
            group for visitor in known for group in {int(groups[f]) for f in flags[visitor]}
        )
        assert table.count_flags(10, groups, 3).tolist() == [per_group[group] for group in range(3)]
        table.sample(level + 1)
        known = {visitor: at for visitor, at in known.items() if not visitor % (2 << level)}


def test_a_visitor_is_a_host_an_agent_and_a_day() -> None:
    names = string_hashes(strings(["a", "b"]))
    seconds = np.array([0, 86_399, 86_400, -1, 0, 0, 0])
    hosts = np.array([0, 0, 0, 0, 1, 0, -1], np.int32)
    agents = np.array([1, 1, 1, 1, 0, -1, 1], np.int32)
    hashes = visitor_hashes(seconds, hosts, names, agents, names).tolist()
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == len(hashes) - 1


def test_a_sum_that_no_number_can_hold_stays_at_the_largest() -> None:
    most = np.full(3, LARGEST // 2, np.int64)
    codes, none = np.zeros(3, np.int32), np.zeros(3, np.bool_)
    (sums,) = sums_by_code(codes, most, none, 1)
    assert sums.tolist() == [3, LARGEST, 0]
    total = np.array([[1, LARGEST - 5, 0]], np.int64)
    add_sums(total, np.array([[1, 6, 0]], np.int64), np.zeros(1, np.int64))
    assert total.tolist() == [[2, LARGEST, 0]]
    assert sum_groups(most, np.zeros(3, np.int64), 1).tolist() == [LARGEST]
    assert saturated(most, most + 2).tolist() == [LARGEST] * 3


def test_strings_that_are_lent_do_not_change_meanwhile() -> None:
    table = StringTable()
    table.enter(pa.array(["a"]))
    with table.lent() as strings:
        with pytest.raises(RuntimeError, match="while it is lent"):
            table.enter(pa.array(["b" * 1000]))
        with pytest.raises(RuntimeError, match="while it is lent"):
            table.enter_networks(pa.array(["10.0.0.1"]), "", "", keep_names=False)
        assert strings.to_pylist() == ["a"]
    table.enter(pa.array(["b"]))
    with table.lent() as strings:
        assert strings.to_pylist() == ["a", "b"]


TEXT_PARTS = st.lists(
    st.lists(st.none() | st.sampled_from(["", "a", "bb", "é"]), max_size=6), min_size=1, max_size=4
)


@given(TEXT_PARTS, st.integers(0, 3))
def test_columns_of_text_are_joined_whatever_stands_under_nulls(
    parts: list[list[str | None]], skipped: int
) -> None:
    columns = []
    for part in parts:
        encoded = pa.array(part, pa.string()).dictionary_encode()
        numbers = np.where(encoded.is_null(), 1 << 30, encoded.indices.fill_null(0)).astype(
            np.int32
        )
        valid = pa.array([value is not None for value in part]).buffers()[1] if part else None
        indices = pa.Array.from_buffers(
            pa.int32(), len(part), [valid, pa.py_buffer(numbers.astype(np.int32))]
        )
        whole = pa.DictionaryArray.from_arrays(indices, encoded.dictionary, safe=False)
        columns.append(whole.slice(skipped))
    joined = joined_texts(columns)
    expected = [value for part in parts for value in part[skipped:]]
    assert joined.to_pylist() == expected
    names = joined.dictionary.to_pylist()
    assert {*expected} - {None} <= {*names}
    assert len({*names}) == len(names)
    assert joined_texts([joined, joined]).to_pylist() == expected * 2
