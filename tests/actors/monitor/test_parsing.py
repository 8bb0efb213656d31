"""Chunks of several logs: together or one by one, the same is counted, in the same order."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.in_order import Parsable
from actors.monitor.messages import FromParser, Parsed, ParsedTogether, Together
from actors.monitor.parsing import Parsing
from actors.sources.files.marks import PathMark
from actors.sources.messages import Marked, NotLines, ReadUntil, SourceGone
from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.kept_fields import KeptWatch
from glancemetrics.formats.log_format import UNKNOWN
from glancemetrics.formats.path_groups import PathGroups
from glancemetrics.selecting.sql import Where
from tests.lines import BASE, line

PARSING = Parsing(UNKNOWN, None, PathGroups(), "here")
NAMES = st.sampled_from("abcdefgh")
LINES = st.lists(
    st.builds(line, st.integers(BASE, BASE + 5), size=st.integers(0, 9)) | st.just(b"noise\n"),
    max_size=3,
).map(b"".join)


def mark(name: str, number: int) -> PathMark:
    return PathMark(name, (), parsing=number)


@st.composite
def messages(draw: st.DrawFn) -> list[Parsable | NotLines]:
    made: list[Parsable | NotLines] = []
    for number in range(draw(st.integers(0, 24))):
        name = draw(NAMES)
        kind = draw(st.sampled_from(["chunk"] * 6 + ["mark", "gone", "until"]))
        if kind == "chunk":
            made.append(
                Parsable(
                    source=name, lines=draw(LINES), format=COMBINED, directives=b"", overlong=(),
                    caught_up=draw(st.booleans()), fresh=False, lag_bytes=number,
                    server=draw(st.sampled_from(["", "web1", "web2"])), kept=KeptWatch(()),
                    mark=mark(name, number),
                )
            )  # fmt: skip
        elif kind == "mark":
            made.append(Marked(mark(name, number)))
        elif kind == "gone":
            made.append(SourceGone(name))
        else:
            made.append(ReadUntil(name, float(number)))
    return made


def one_by_one(message: FromParser) -> Iterable[Parsed | NotLines]:
    for one in message.messages if isinstance(message, Together) else (message,):
        if isinstance(one, ParsedTogether):
            yield from one.parsed
        else:
            yield one


def story(found: Iterable[Parsed | NotLines], name: str) -> list[object]:
    """What is said of one source, in order."""
    told: list[object] = []
    for one in found:
        match one:
            case Parsed(batch=batch) if batch.source == name:
                rows = batch.batch.to_pylist()
                told.append((rows, attrs.astuple(attrs.evolve(batch, batch=0, reject_seconds=0,
                             format=0), recurse=False), one.mark))  # fmt: skip
            case Marked(mark=PathMark(path=path)) if path == name:
                told.append(one)
            case SourceGone(name=gone) if gone == name:
                told.append(one)
    return told


@given(messages())
def test_of_each_log_the_same_is_said_in_the_same_order(given: list[Parsable | NotLines]) -> None:
    if not given:
        return
    found = list(one_by_one(PARSING.all(given)))
    alone = [
        Parsed(PARSING.one(one), one.mark) if isinstance(one, Parsable) else one for one in given
    ]
    for name in "abcdefgh":
        assert story(found, name) == story(alone, name)
    assert [one for one in found if isinstance(one, ReadUntil)] == [
        one for one in given if isinstance(one, ReadUntil)
    ]


@given(messages())
def test_nothing_is_said_to_be_read_before_it_is(given: list[Parsable | NotLines]) -> None:
    """What is known to be read up to a moment stands before that, as it was sent."""
    if not given:
        return
    before: set[int] = set()
    for one in one_by_one(PARSING.all(given)):
        if isinstance(one, Parsed):
            before.add(one.batch.lag_bytes)
        if isinstance(one, ReadUntil):
            assert one.until is not None
            numbers = [sent.lag_bytes for sent in given if isinstance(sent, Parsable)]
            assert {number for number in numbers if number < one.until} <= before


def test_many_small_chunks_are_one_batch_with_the_origin_of_each() -> None:
    chunks = [
        Parsable(
            source=f"log{number}", lines=line(size=number), format=COMBINED, directives=b"",
            overlong=(), caught_up=True, fresh=True, lag_bytes=0,
            server="" if number % 2 else f"web{number}", kept=KeptWatch(()), mark=None,
        )
        for number in range(10)
    ]  # fmt: skip
    where = Where("bytes >= 5")
    together = attrs.evolve(PARSING, where=where).all(chunks)
    assert isinstance(together, ParsedTogether)
    batch: pa.RecordBatch = together.batch
    assert batch.column("source").to_pylist() == [f"log{number}" for number in range(10)]
    assert batch.column("server").to_pylist() == [
        "here" if number % 2 else f"web{number}" for number in range(10)
    ]
    wanted = [one.batch.wanted for one in together.parsed]
    assert [flags is not None and flags.tolist() for flags in wanted] == [
        [number >= 5] for number in range(10)
    ]
