"""Entries: there and back, and what is not one."""

from __future__ import annotations

import msgpack
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from glancemetrics.fleet.entry import (
    MOST_PACKED,
    MOST_UNPACKED,
    Entry,
    EntryId,
    InvalidEntryError,
    Part,
    packed,
    unpacked,
)
from glancemetrics.health.health import SourceState

NUMBERS = st.integers(0, (1 << 53) - 1)
PATHS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=50) | st.just("/logs/\udcff.log")
PARTS = st.builds(
    Part,
    path=PATHS,
    sample=st.binary(max_size=20),
    before=st.binary(max_size=20),
    lines=st.lists(st.binary(max_size=20), max_size=3).map(
        lambda lines: b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)
    ),
    overlong=st.lists(st.binary(max_size=9), max_size=2).map(tuple),
    caught_up=st.booleans(),
    fresh=st.booleans(),
    lag_bytes=NUMBERS,
    mark=st.binary(max_size=20),
    gaps=st.lists(st.text(max_size=9), max_size=2).map(tuple),
    state=st.none() | st.sampled_from(SourceState),
    detail=st.text(max_size=20),
    is_gone=st.booleans(),
)
ENTRIES = st.builds(
    Entry,
    after=st.none() | st.builds(EntryId, NUMBERS, NUMBERS),
    past=st.none() | st.floats(0, 4e9),
    parts=st.lists(PARTS, max_size=4).map(tuple),
)


@given(ENTRIES)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    assert unpacked(packed(entry)) == entry


def in_zstd(plain: object) -> bytes:
    return zstandard.ZstdCompressor().compress(msgpack.packb(plain))


ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats() | st.binary(max_size=9) | st.text(max_size=9),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(
            st.sampled_from(["v", "after", "past", "parts", "path", "lines", "state", "mark", "x"]),
            inside,
            max_size=6,
        )
    ),
)


@given(st.binary(max_size=200) | ANYTHING.map(in_zstd) | ANYTHING.map(msgpack.packb))
@example(in_zstd({"v": 1, "after": None, "past": None, "parts": [{"path": "a", "lines": b"x"}]}))
@example(in_zstd({"v": 1, "after": [1], "past": None, "parts": []}))
@example(in_zstd({"v": 1, "after": None, "past": 1e400, "parts": [{"path": 1}]}))
@example(in_zstd({"v": 1, "after": None, "past": None, "parts": [{"path": "a", "lag_bytes": -1}]}))
def test_whatever_the_bytes_are_it_is_an_entry_or_an_error(data: bytes) -> None:
    try:
        found = unpacked(data)
    except InvalidEntryError:
        return
    assert all(not part.lines or part.lines.endswith(b"\n") for part in found.parts)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(4 * MOST_UNPACKED))
    assert len(bomb) < 20_000
    with pytest.raises(InvalidEntryError, match="when unpacked"):
        unpacked(bomb)
    with pytest.raises(InvalidEntryError, match="larger than"):
        unpacked(bytes(MOST_PACKED + 1))


def test_another_version_is_named() -> None:
    with pytest.raises(InvalidEntryError, match="another version"):
        unpacked(in_zstd({"v": 2, "after": None, "past": None, "parts": []}))


def test_ids_are_in_the_order_of_redis() -> None:
    ids = [EntryId(1, 9), EntryId(1, 10), EntryId(2, 1)]
    assert sorted(ids, key=lambda one: one) == ids
    assert [EntryId.read(str(one)) for one in ids] == ids
    assert ids[0].next == ids[1]
    for text in ("", "1", "a-1", "1-", "1-1-1", "-1-1", "1" * 21 + "-1"):
        with pytest.raises(InvalidEntryError):
            EntryId.read(text)


def test_few_bytes_are_not_many_values() -> None:
    inner = b"\xdc\x27\x10" + b"\x90" * 10_000
    count = (16 << 20) // len(inner) - 2
    after = b"\xdc" + count.to_bytes(2, "big") + inner * count
    body = b"\x84\xa1v\x01\xa5after" + after + b"\xa4past\xc0\xa5parts\x90"
    with pytest.raises(InvalidEntryError, match="too many values"):
        unpacked(zstandard.ZstdCompressor().compress(body))


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"gaps": [""] * 1001}, "too much at once"),
        ({"overlong": [b""] * 1001}, "too much at once"),
        ({"mark": bytes((1 << 16) + 1)}, "mark that is too large"),
        ({"sample": bytes((1 << 17) + 1)}, "sample that is too large"),
        ({"state": "unheard of"}, "damaged"),
    ],
)
def test_a_part_has_limits(part: dict[str, object], problem: str) -> None:
    entry = {"v": 1, "after": None, "past": None, "parts": [{"path": "/log", **part}]}
    with pytest.raises(InvalidEntryError, match=problem):
        unpacked(in_zstd(entry))


def test_an_entry_has_as_many_samples_as_an_agent_gathers() -> None:
    sample = b"x\n" * (1 << 16)
    for count in (1, 16):
        parts = tuple(Part(f"/{number}.log", sample=sample) for number in range(count))
        assert unpacked(packed(Entry(parts=parts))).parts == parts
    with pytest.raises(InvalidEntryError, match="samples that are too large"):
        unpacked(packed(Entry(parts=(*parts, Part("/17.log", sample=sample)))))


@pytest.mark.parametrize("past", [float("nan"), float("inf"), -1e300, "soon"])
def test_a_moment_is_a_number(past: object) -> None:
    with pytest.raises(InvalidEntryError):
        unpacked(in_zstd({"v": 1, "after": None, "past": past, "parts": []}))
