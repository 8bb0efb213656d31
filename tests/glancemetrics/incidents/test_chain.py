"""The chain of the alert log: what was written is proved, and any other thing is found."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.incidents.chain import Head, Line, Link, link_after, sealed, verify

EVENTS = [{"event": "triggered", "message": f"number {i}"} for i in range(8)]


def written(events: list[dict[str, str]], cut_after: int | None = None) -> list[bytes]:
    """Lines as they are written, with a crash in the middle of one."""
    lines: list[bytes] = []
    link = Link()
    for number, event in enumerate(events):
        lines.append(sealed(dict(event), link).encode())
        link = link_after(lines[-2:])
        if number == cut_after:
            lines.append(b'{"seq": 99, "prev": "ab')
            link = link_after(lines[-2:])
    return lines


def found(lines: list[bytes], last_ended: bool = True, head: Head | None = None) -> str | None:
    made = [Line("alerts.jsonl", i, text) for i, text in enumerate(lines, 1)]
    if made and not last_ended:
        made[-1] = Line("alerts.jsonl", len(lines), lines[-1], ended=False)
    return verify(made, head).broken


def head_of(lines: list[bytes]) -> Head:
    link = link_after(lines)
    return Head(link.seq, link.hash)


def test_what_was_written_is_whole() -> None:
    lines = written(EVENTS)
    verdict = verify(Line("a", i, text) for i, text in enumerate(lines, 1))
    assert (verdict.events, verdict.first, verdict.broken) == (8, 1, None)
    assert verdict.last == link_after(lines)
    assert json.loads(lines[2])["seq"] == 3


def test_the_oldest_lines_may_be_gone() -> None:
    verdict = verify(Line("a", i, text) for i, text in enumerate(written(EVENTS)[3:], 1))
    assert (verdict.events, verdict.first, verdict.broken) == (5, 4, None)


@pytest.mark.parametrize("at", range(1, 7))
def test_a_line_that_was_taken_out_is_missed(at: int) -> None:
    lines = written(EVENTS)
    del lines[at]
    assert found(lines) == (
        f"alerts.jsonl, line {at + 1} follows a gap: 1 line was removed before it"
    )


@pytest.mark.parametrize("at", range(7))
def test_a_line_that_was_changed_is_found(at: int) -> None:
    lines = written(EVENTS)
    lines[at] = lines[at].replace(b"number", b"Number")
    assert found(lines) == f"alerts.jsonl, line {at + 1} was changed after it was written"


def test_lines_in_another_order_are_found() -> None:
    lines = written(EVENTS)
    lines[2], lines[3] = lines[3], lines[2]
    assert "line 3 follows a gap" in str(found(lines))
    doubled = written(EVENTS)
    doubled.insert(4, doubled[3])
    assert "line 5 is out of order: it has number 4, after 4" in str(found(doubled))


def test_a_line_that_was_put_in_is_found() -> None:
    lines = written(EVENTS)
    lines.insert(4, b'{"event": "recovered"}')
    assert "line 5 was not written by GlanceMetrics: it has no number" in str(found(lines))
    lines[4] = b"garbage"
    assert found(lines) is not None


def test_a_file_that_a_crash_cut_short_is_accepted_as_that() -> None:
    lines = [*written(EVENTS), b'{"seq": 9, "pre']
    assert found(lines, last_ended=False) is None
    assert found(lines) == "alerts.jsonl, line 9 was changed: it is not an event"


def test_what_was_written_after_a_crash_goes_on() -> None:
    lines = written(EVENTS, cut_after=3)
    verdict = verify(Line("a", i, text) for i, text in enumerate(lines, 1))
    assert (verdict.events, verdict.cuts, verdict.broken) == (8, 1, None)
    lines[4] = b'{"seq": 99, "prev": "cd'
    assert found(lines) == "alerts.jsonl, line 5 was changed after it was written"


def test_lines_of_an_earlier_version_come_before() -> None:
    old = [json.dumps(event).encode() for event in EVENTS[:3]]
    lines = [*old]
    link = link_after(old)
    for event in EVENTS:
        lines.append(sealed(dict(event), link).encode())
        link = link_after(lines[-1:])
    verdict = verify(Line("a", i, text) for i, text in enumerate(lines, 1))
    assert (verdict.events, verdict.unsealed, verdict.broken) == (8, 3, None)
    lines[2] = lines[2].replace(b"number", b"Number")
    assert found(lines) is not None


@given(st.data())
def test_any_other_bytes_are_found(data: st.DataObject) -> None:
    """But for the last line, which nothing comes after."""
    lines = written(EVENTS, cut_after=data.draw(st.none() | st.integers(0, 5)))
    at = data.draw(st.integers(0, len(lines) - 2))
    text = bytearray(lines[at])
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte not in (text[place], 10)))
    text[place] = other
    lines[at] = bytes(text)
    assert found(lines) is not None


@given(st.data())
def test_with_the_head_any_other_bytes_are_found_in_the_last_line_too(data: st.DataObject) -> None:
    lines = written(EVENTS[: data.draw(st.integers(1, 8))])
    head = head_of(lines)
    assert found(lines, head=head) is None
    text = bytearray(lines[-1])
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte not in (text[place], 10)))
    assert found([*lines[:-1], bytes(text)], head=head) is not None
    assert found(lines[:-1], head=head) is not None


def test_lines_that_were_put_after_the_head_are_found() -> None:
    lines = written(EVENTS)
    # One may be there after a crash; more were not written by us.
    assert found(lines, head=head_of(lines[:-1])) is None
    assert found(lines, head=head_of(lines[:-2])) == (
        "alerts.jsonl, line 8 was added: the last line written has number 6"
    )


def test_a_file_without_any_line_misses_those_of_the_head() -> None:
    assert found([], head=Head(3, "0" * 64)) == "3 lines are missing: the alert log is empty"


def test_a_line_that_a_crash_cut_short_after_the_head_is_accepted() -> None:
    lines = written(EVENTS)
    assert found([*lines, b'{"seq": 9, "pre'], last_ended=False, head=head_of(lines)) is None


def test_the_next_line_holds_the_hash_of_what_was_written() -> None:
    lines = written(EVENTS)
    head = head_of(lines)
    changed = [*lines[:-1], lines[-1].replace(b"number", b"Number")]
    for left in (changed, lines[:-2], [*lines[:-1], b"garbage"], []):
        assert link_after(left, head) == Link(head.seq, head.hash)
    assert link_after(lines, Head(5, "0" * 64)) == link_after(lines)  # as after a crash


@pytest.mark.parametrize("data", [b"", b"\x00" * 86, b"7 abc\n", b"9" * 1000])
def test_a_head_that_is_none(data: bytes) -> None:
    assert Head.from_bytes(data) is None
    head = Head(7, "ab" * 32)
    assert Head.from_bytes(head.to_bytes()) == head
    assert len(head.to_bytes()) == len(Head(10**17, "ab" * 32).to_bytes())


@given(st.lists(st.binary() | st.sampled_from(written(EVENTS)), max_size=6))
def test_any_lines_end_in_a_verdict(lines: list[bytes]) -> None:
    found(lines)
    found(lines, head=Head(3, "0" * 64))


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"seq":' * 100_000,
        b'{"seq": ' + b"9" * 5000 + b"}",
        b'{"seq": ' + b"9" * 4000 + b"}",
        b'{"seq": true}',
        b'{"seq": -1}',
        b'{"seq": 1e999}',
        b'{"seq": [1]}',
    ],
)
def test_a_line_of_odd_values_ends_in_a_verdict(line: bytes) -> None:
    lines = written(EVENTS)
    lines[4] = line
    assert found(lines) is not None
    assert found([line]) is not None or b"seq" in line
