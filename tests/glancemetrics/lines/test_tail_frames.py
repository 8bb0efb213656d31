"""What `tail -F a b` puts between files."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.lines.splitter import LineSplitter
from glancemetrics.lines.tail_frames import FrameSorter, frame_name


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("==> /var/log/nginx/a.log <==", "/var/log/nginx/a.log"),
        ("==> standard input <==\n", "standard input"),
        ("==> a <== b <==\r\n", "a <== b"),
        ("==>  <==", None),
        ("==> a.log <== ", None),
        (" ==> a.log <==", None),
        ('192.0.2.1 - - [x] "==> a <=="', None),
        ("", None),
    ],
)
def test_a_frame_names_the_file_of_which_the_lines_follow(line: str, name: str | None) -> None:
    assert frame_name(line) == name


class Tail:
    """Writes as `tail -F` does: a frame where what follows is of another file."""

    def __init__(self) -> None:
        self.written = b""
        self._last: str | None = None

    def write(self, name: str, text: bytes) -> None:
        if name != self._last:
            blank = b"" if self._last is None else b"\n"
            self.written += blank + f"==> {name} <==\n".encode()
            self._last = name
        self.written += text


def sorted_by_name(written: bytes, cuts: list[int], **options: object) -> dict[str, bytes]:
    splitter, sorter = LineSplitter(), FrameSorter("-", **options)
    found: dict[str, bytes] = {}

    def note(lines: dict[str, bytes]) -> None:
        for name, text in lines.items():
            found[name] = found.get(name, b"") + text

    edges = [0, *sorted(cuts), len(written)]
    for start, end in itertools.pairwise(edges):
        note(sorter.sort(splitter.feed(written[start:end]).whole))
    note(sorter.sort(splitter.flush().whole))
    note(sorter.rest())
    return found


def lines_in(text: bytes) -> list[bytes]:
    """What is neither blank nor a frame."""
    return [one for one in text.split(b"\n") if one and frame_name(one.decode()) is None]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 12)), max_size=20),
    st.lists(st.integers(0, 400), max_size=5),
)
def test_each_file_has_its_lines_also_where_tail_cut_them(
    writes: list[tuple[str, int]], cuts: list[int]
) -> None:
    tail, whole = Tail(), {name: b"".join(b"%d%s\n" % (i, name.encode() * i) for i in range(60))
                           for name in "abc"}  # fmt: skip
    at = dict.fromkeys("abc", 0)
    tail.write("a", b"")
    for name, count in [("b", 2), *writes]:  # tail's blank lines are known by the second frame
        tail.write(name, whole[name][at[name] : at[name] + count])
        at[name] += count
    # tail writes a blank line and its frame at once
    frames = [found.span() for found in re.finditer(rb"\n==> . <==\n", tail.written)]
    apart = [cut for cut in cuts if not any(start < cut < end for start, end in frames)]
    found = sorted_by_name(tail.written, [cut for cut in apart if cut <= len(tail.written)])
    for name in "abc":
        assert lines_in(found.get(name, b"")) == lines_in(whole[name][: at[name]])


def test_a_line_before_a_frame_is_whole_where_nobody_writes_blank_lines() -> None:
    """As a loop of `echo "==> $f <=="; cat $f` does."""
    written = b"==> a <==\n1\n2\n==> b <==\n3\n==> a <==\n4\n"
    assert sorted_by_name(written, []) == {
        "a": b"==> a <==\n1\n2\n==> a <==\n4\n",
        "b": b"==> b <==\n3\n",
    }


def test_names_are_bounded_and_no_other_sources() -> None:
    long = "n" * 5000
    names = ["a", "taken", long, "b", "c", "a"]
    written = b"".join(f"\n==> {name} <==\n{name[:5]}\n".encode() for name in names)
    found = sorted_by_name(written, [], taken={"taken"}, most_names=2)
    assert {name: lines_in(text) for name, text in found.items()} == {
        "-": [b"taken", b"nnnnn", b"c"],
        "a": [b"a", b"a"],
        "b": [b"b"],
    }


def test_a_line_that_is_cut_and_very_long_is_not_kept() -> None:
    long = b"x" * (1 << 17)
    written = b"==> a <==\n1\n\n==> b <==\n" + long + b"\n==> a <==\n2\n\n==> b <==\nrest\n"
    assert lines_in(sorted_by_name(written, [])["b"]) == [long, b"rest"]
