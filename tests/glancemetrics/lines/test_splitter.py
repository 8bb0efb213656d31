"""Whole lines out of pieces, wherever the stream is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.lines.splitter import LINE_LIMIT, OVERLONG_SAMPLE, LineSplitter


def test_a_line_written_in_two_halves_is_one_line() -> None:
    splitter = LineSplitter()
    assert not splitter.feed(b"first ha")
    assert splitter.feed(b"lf\nsecond").whole == b"first half\n"
    assert splitter.flush().whole == b"second\n"
    assert not splitter.flush()


def test_a_line_that_is_too_long_is_told_once_and_not_kept() -> None:
    splitter = LineSplitter()
    told = [splitter.feed(b"x" * 300_000).overlong for _ in range(20)]
    assert sum(map(len, told)) == 1
    assert splitter.feed(b"end\nnext\n").whole == b"next\n"


def test_the_longest_line_allowed_is_a_line() -> None:
    longest = b"x" * LINE_LIMIT + b"\n"
    assert LineSplitter().feed(longest).whole == longest
    assert LineSplitter().feed(b"x" + longest).overlong == (b"x" * OVERLONG_SAMPLE,)


@given(
    st.lists(st.text("ab\n", max_size=6).map(str.encode), max_size=30),
    st.lists(st.integers(0, 120), max_size=8),
)
def test_any_cut_gives_the_same_lines(parts: list[bytes], cuts: list[int]) -> None:
    limit = 4
    stream = b"".join(parts)
    places = sorted(min(cut, len(stream)) for cut in cuts)
    splitter = LineSplitter(limit)
    found = [
        splitter.feed(stream[start:end])
        for start, end in zip([0, *places], [*places, len(stream)], strict=True)
    ]
    found.append(splitter.flush())
    expected = stream.split(b"\n")
    if not expected[-1]:
        expected.pop()
    whole = b"".join(lines.whole for lines in found)
    assert whole == b"".join(text + b"\n" for text in expected if len(text) <= limit)
    assert sum(len(lines.overlong) for lines in found) == sum(len(t) > limit for t in expected)
