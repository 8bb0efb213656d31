"""Entries of the journal: their positions, wherever the output is cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.lines.journal_entries import (
    Entries,
    EntrySplitter,
    Position,
    is_match,
    is_pattern,
    is_same_entry,
    matches_of,
    position_of,
)

LIMIT = 700


def entry(number: int, message: object = "GET /", *, turned: bool = False) -> bytes:
    keys = {
        "__CURSOR": f"s=a;i={number:x};b=c;m=1;t=2;x={number:x}",
        "__REALTIME_TIMESTAMP": str(1_000_000 + number),
        "MESSAGE": message,
    }
    names = sorted(keys, reverse=turned)
    text = json.dumps({name: keys[name] for name in names}, separators=(",", ":"))
    return text.encode() + b"\n"


def place(number: int) -> Position:
    return Position(f"s=a;i={number:x};b=c;m=1;t=2;x={number:x}", 1_000_000 + number)


MESSAGES = st.one_of(
    st.text(max_size=40),
    st.integers(0, 3).map(lambda size: "x" * (size * 400)),
    st.sampled_from(['"__CURSOR":"s=evil"', '\\"__REALTIME_TIMESTAMP":"7"', "-- Boot"]),
    st.lists(st.integers(0, 255), max_size=30),
)


@given(st.lists(st.tuples(MESSAGES, st.booleans()), max_size=12), st.data())
def test_any_cut_gives_the_same_lines_and_each_position_with_its_line(made, data) -> None:
    lines = [entry(number, message, turned=turned) for number, (message, turned) in enumerate(made)]
    whole = b"-- Boot 1 --\n" + b"".join(lines) + b"-- No entries --\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    splitter = EntrySplitter(LIMIT)
    taken = 0
    text = b""
    overlong = 0
    pieces = zip([0, *cuts], [*cuts, len(whole)], strict=True)
    for begin, end in pieces:
        found = splitter.feed(whole[begin:end])
        count = found.whole.count(b"\n") + len(found.overlong)
        assert bool(found) is bool(count)
        if count:
            assert found.first == place(taken)
            assert found.last == place(taken + count - 1)
            rest = found.without_first()
            assert rest.whole.count(b"\n") + len(rest.overlong) == count - 1
        taken += count
        text += found.whole
        overlong += len(found.overlong)
    assert text == b"".join(line for line in lines if len(line) <= LIMIT + 1)
    assert overlong == sum(len(line) > LIMIT + 1 for line in lines)


def test_lines_that_are_no_entries_have_no_position() -> None:
    assert position_of(b'{"MESSAGE":"x"}\n') is None
    assert EntrySplitter().feed(b"-- No entries --\n") == Entries()


def test_the_same_entry_has_the_same_number_or_the_same_content() -> None:
    one = "s=a;i=5;b=c;m=1;t=2;x=9"
    assert is_same_entry(one, one)
    assert is_same_entry(one, "s=a;i=5;b=d;m=4;t=7;x=8")
    assert is_same_entry(one, "s=z;i=1;b=c;m=1;t=2;x=9")
    assert not is_same_entry(one, "s=a;i=6;b=c;m=1;t=2;x=8")
    assert not is_same_entry(one, "s=z;i=5;b=c;m=2;t=2;x=9")
    assert not is_same_entry("nonsense", "other")


@pytest.mark.parametrize(
    ("what", "matches"),
    [
        ("", ()),
        ("nginx", ("_SYSTEMD_UNIT=nginx.service",)),
        ("nginx.service", ("_SYSTEMD_UNIT=nginx.service",)),
        ("web@1", ("_SYSTEMD_UNIT=web@1.service",)),
        ("SYSLOG_IDENTIFIER=nginx", ("SYSLOG_IDENTIFIER=nginx",)),
        ("_EXE=/usr/sbin/*", ("_EXE=/usr/sbin/*",)),
    ],
)
def test_what_journalctl_is_asked_for(what: str, matches: tuple[str, ...]) -> None:
    assert matches_of(what) == matches


def test_globs_are_of_units() -> None:
    assert is_pattern("web-*")
    assert not is_pattern("web-1")
    assert not is_pattern("_EXE=/usr/sbin/*")
    assert is_match("A=b")
    assert not is_match("a=b")
