"""Logs that are followed: what holds from one chunk to the next, wherever they are cut."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.followed_logs import FollowedLog, FollowedLogs
from glancemetrics.formats.reading import Reading
from glancemetrics.lines.sample import Sample, sample_of
from glancemetrics.records.schema import seconds
from glancemetrics.state.tree import from_bytes, to_bytes
from tests.conftest import thorough
from tests.glancemetrics.formats.test_pieces import TEXT, cri, cut, cut_lines, docker
from tests.lines import BASE, line

HEADER = b"#Fields: date time c-ip sc-status\n"
OTHER_HEADER = b"#Fields: sc-status c-ip time date\n"


def w3c(second: int) -> bytes:
    moment = datetime.fromtimestamp(BASE + second, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} 192.0.2.1 200\n".encode()


def other_w3c(second: int) -> bytes:
    return b" ".join(reversed(w3c(second).split())) + b"\n"


def counts(log: FollowedLog, lines: bytes, *, is_last: bool = False) -> tuple[int, int]:
    """Records, and all else, in the next lines of a log."""
    records = others = 0
    passages = [log.take(lines), log.rest()] if is_last else [log.take(lines)]
    for passage in passages:
        context = attrs.evolve(Reading().context, directives=passage.directives)
        decoded = log.format.decode(passage.lines, context)
        records += decoded.batch.num_rows
        others += decoded.lines - decoded.batch.num_rows
    return records, others


def test_directives_that_come_hold_for_the_lines_after_them() -> None:
    log = FollowedLogs(Reading()).log("a")
    log.begin(HEADER + w3c(0))
    chunks = [HEADER + w3c(0), w3c(1), b"#Fields: time\n", w3c(2)]
    passages = [log.take(chunk) for chunk in chunks]
    assert [(one.directives, one.lines) for one in passages] == [
        (b"", HEADER + w3c(0)),
        (HEADER, w3c(1)),
        (HEADER, b"#Fields: time\n"),
        (b"#Fields: time\n", w3c(2)),
    ]


W3C = [HEADER, *map(w3c, range(5)), OTHER_HEADER, *map(other_w3c, range(5)), HEADER, w3c(9)]


@given(st.lists(st.integers(0, len(W3C)), max_size=6), st.sets(st.integers(0, 9)))
def test_wherever_a_log_is_cut_and_whenever_another_goes_on_its_lines_are_read(
    cuts: list[int], restarts: set[int]
) -> None:
    log = FollowedLogs(Reading()).log("a")
    log.begin(b"".join(W3C))
    found = np.zeros(2, np.int64)
    for number, chunk in enumerate(cut_lines(W3C, cuts)):
        if number in restarts:
            state = from_bytes(to_bytes(log.to_state()))
            log = FollowedLogs(Reading()).log("a")
            log.restore(state)
            log.begin(HEADER)
        found += counts(log, chunk)
    assert found.tolist() == [11, 3]  # the directives are foreign


@pytest.mark.parametrize("wrap", [cri, docker])
@settings(max_examples=thorough(30, 1000))
@given(
    st.lists(st.integers(0, 12), max_size=6),
    st.sets(st.integers(0, 9)),
    st.lists(st.integers(1, 90), max_size=3),
)
def test_so_are_lines_that_a_collector_has_cut(
    wrap: object, cuts: list[int], restarts: set[int], ats: list[int]
) -> None:
    assert callable(wrap)
    text = wrap(TEXT) + wrap(*cut(TEXT, *sorted(set(ats)))) + wrap(TEXT)
    log = FollowedLogs(Reading()).log("a")
    log.begin(text)
    found = np.zeros(2, np.int64)
    chunks = cut_lines(text.splitlines(True), cuts)
    for number, chunk in enumerate(chunks):
        if number in restarts:
            state = from_bytes(to_bytes(log.to_state()))
            log = FollowedLogs(Reading()).log("a")
            log.restore(state)
            log.begin(wrap(TEXT))
        found += counts(log, chunk, is_last=number == len(chunks) - 1)
    assert found.tolist() == [3, 0]


def test_of_most_logs_nothing_need_be_remembered() -> None:
    log = FollowedLogs(Reading()).log("a")
    assert counts(log, line() * 3) == (3, 0)
    assert log.to_state() is None


def test_each_log_has_its_own_format_and_what_was_forgotten_is_another_log() -> None:
    logs = FollowedLogs(Reading())
    assert counts(logs.log("a"), line()) == (1, 0)
    assert counts(logs.log("b"), HEADER + w3c(0)) == (1, 1)
    assert (logs.log("a").format.name, logs.log("b").format.name) == ("combined", "iis")
    logs.forget("b")
    assert logs.log("b").format.name == "none detected"
    assert counts(logs.log("b"), w3c(1)) == (0, 1)


def test_a_format_that_is_told_is_that_of_all() -> None:
    logs = FollowedLogs(Reading(COMBINED))
    logs.log("a").begin(HEADER + w3c(0))
    assert logs.log("a").format is logs.dated(Sample(b"", b"")).format is COMBINED


def test_lines_are_dated_by_the_directives_at_the_beginning_of_their_log() -> None:
    text = HEADER + b"".join(map(w3c, range(20)))
    logs = FollowedLogs(Reading())
    dated = logs.dated(Sample(text, b""))
    block = text[len(HEADER) :]
    offsets, found = dated.times(block)
    assert found.tolist() == [BASE + second for second in range(20)]
    assert [block[at:][: len(w3c(0))] for at in offsets] == [w3c(second) for second in range(20)]
    assert dated.lines_before(lambda at, size: text[at : at + size], len(text)) == HEADER
    log = logs.log("a")
    log.begin(text, HEADER, dated)
    assert log.format is dated.format  # it is not detected again
    assert counts(log, w3c(20)) == (1, 0)


def test_dated_lines_are_those_that_are_records() -> None:
    text = line(BASE) + b"no record\n" + line(BASE + 7)
    offsets, found = FollowedLogs(Reading()).dated(Sample(text, b"")).times(text)
    assert offsets.tolist() == [0, len(line()) + 10]
    assert found.tolist() == seconds(COMBINED.decode(text).batch).tolist()


@given(st.lists(st.integers(0, 40_000), max_size=6), st.booleans())
def test_a_sample_is_of_whole_lines_each_once(lengths: list[int], ends: bool) -> None:
    lines = [b"%d " % number + b"x" * length + b"\n" for number, length in enumerate(lengths)]
    text = b"".join(lines) + (b"" if ends else b"not whole")
    sample = sample_of(lambda at, size: text[at : at + size], len(text))
    kept = sample.lines.splitlines(True)
    assert kept == [one for one in lines if one in kept]
    assert len(sample.head) <= 1 << 16
    assert len(sample.end) <= 1 << 16
    if len(text) <= 1 << 16:
        assert kept == lines
