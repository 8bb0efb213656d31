"""What is read again without a checkpoint is not there twice, and nothing else is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from actors.history.overlap import Overlap, record_hashes
from actors.history.segments import SegmentFolder
from actors.history.stored_segments import stored_in
from glancemetrics.formats.combined import decode
from glancemetrics.records.schema import SCHEMA, SOURCE, TEXT, joined, with_source
from tests.lines import BASE, line

Line = tuple[int, int]
"""A second, and which it is."""


def batch_of(log: str, lines: Sequence[Line]) -> pa.RecordBatch:
    written = b"".join(line(BASE + at, request=f"GET /{n} HTTP/1.1") for at, n in lines)
    return with_source(decode(written).batch, log)


@st.composite
def logs(draw: st.DrawFn) -> list[Line]:
    seconds = sorted(draw(st.lists(st.integers(0, 6), max_size=12)))
    return [(at, number) for number, at in enumerate(seconds)]


def told(batches: Sequence[pa.RecordBatch]) -> Counter[tuple[object, ...]]:
    rows = [row for batch in batches for row in batch.to_pylist()]
    return Counter((row["source"], row["time"], row["path"]) for row in rows)


@given(st.data())
def test_each_request_is_there_once(data: st.DataObject) -> None:
    """Logs are read in turns, to some line, and again from before it, or from after it."""
    written = {name: data.draw(logs()) for name in ("a", "b")}
    kept = {name: data.draw(st.integers(0, len(lines))) for name, lines in written.items()}
    unread = [lines[kept[name]][0] for name, lines in written.items() if kept[name] < len(lines)]
    latest = min(unread, default=8)
    until = data.draw(st.none() | st.integers(0, latest))
    again = {name: data.draw(st.integers(0, len(lines))) for name, lines in written.items()}
    parts = [(name, one) for name, lines in written.items() for one in lines[: kept[name]]]
    stored = [batch_of(name, [one]) for name, one in data.draw(st.permutations(parts))]
    with TemporaryDirectory() as folder:
        segments = SegmentFolder(Path(folder))
        if stored:
            middle = data.draw(st.integers(1, len(stored)))
            segments.write(0, joined(stored[:middle]))
            if stored[middle:]:
                segments.write(middle, joined(stored[middle:]))
        overlap = Overlap(None if until is None else BASE + until, stored_in(segments))
    found = list(stored)
    for name, lines in data.draw(st.permutations(list(written.items()))):
        rest = lines[again[name] :]
        cut = data.draw(st.integers(0, len(rest)))
        found += [overlap.new_of(batch_of(name, part)) for part in (rest[:cut], rest[cut:]) if part]
    expected = [
        batch_of(name, [*lines[: kept[name]], *lines[max(kept[name], again[name]) :]])
        for name, lines in written.items()
        # Of a log that the history has nothing of, it knows nothing.
    ]
    assert told(found) == told(expected)


def test_lines_that_are_alike_are_counted() -> None:
    with TemporaryDirectory() as folder:
        segments = SegmentFolder(Path(folder))
        segments.write(0, batch_of("a", [(1, 1), (5, 5), (5, 5)]))
        overlap = Overlap(BASE + 3, stored_in(segments))
    found = [
        overlap.new_of(batch_of("a", [(1, 1), (5, 5)])).num_rows,
        overlap.new_of(batch_of("a", [(5, 5), (5, 5), (5, 5)])).num_rows,
        overlap.new_of(batch_of("b", [(1, 1), (5, 5)])).num_rows,
        overlap.new_of(batch_of("a", [(9, 1)])).num_rows,
    ]
    assert found == [0, 2, 2, 1]
    assert [overlap.is_over(BASE + second) for second in (5, 6, 7)] == [False, False, True]


def test_records_that_differ_have_other_hashes() -> None:
    """In any column; nulls are not zeros, and what is kept is no matter."""
    schema = SCHEMA.append(pa.field(SOURCE, TEXT))
    nothing = dict.fromkeys(schema.names)
    rows = [nothing]
    for name, kind in zip(schema.names, schema.types, strict=True):
        values = ["", "x", "y"] if pa.types.is_dictionary(kind) else [0, 1, 2]
        rows += [nothing | {name: value} for value in values]
    batch = pa.RecordBatch.from_pylist(rows, schema=schema)
    hashes = record_hashes(batch).tolist()
    assert len(set(hashes)) == len(rows)
    kept = batch.append_column("cache", pa.array(["HIT"] * len(rows)).dictionary_encode())
    assert record_hashes(kept.slice(3)).tolist() == hashes[3:]
