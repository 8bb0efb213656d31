"""Chunks decoded together are as if each was decoded by itself."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.formats.auto import AutoFormat, LastDetected
from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.log_format import UNKNOWN
from glancemetrics.formats.together import decode_together, shared_format
from glancemetrics.formats.w3c import W3cFormat
from tests.lines import BASE, line

LINES = st.one_of(
    st.builds(line, st.integers(BASE, BASE + 9), size=st.integers(0, 99)),
    st.sampled_from([b"noise\n", b"\n", line(request="\\x16\\x03"), line(status="x")]),
)
CHUNKS = st.lists(st.lists(LINES, max_size=4).map(b"".join), min_size=1, max_size=6)


def rows(batch: pa.RecordBatch) -> list[dict[str, object]]:
    found: list[dict[str, object]] = batch.to_pylist()
    return found


@given(CHUNKS)
def test_each_clean_chunk_has_the_records_that_it_has_alone(chunks: list[bytes]) -> None:
    together = decode_together(COMBINED, chunks, UNKNOWN)
    begin = 0
    for chunk, lines, count, is_clean in zip(
        chunks, together.lines, together.rows, together.are_clean, strict=True
    ):
        alone = COMBINED.decode(chunk)
        assert lines == alone.lines
        assert is_clean == (len(alone.unexplained) == 0)
        expected = rows(alone.batch) if is_clean else []
        assert rows(together.batch.slice(begin, count)) == expected
        begin += count
    assert begin == together.batch.num_rows


def test_logs_of_the_same_server_share_a_format_also_without_a_sample() -> None:
    last = LastDetected()
    formats = [AutoFormat(last=last) for _ in range(3)]
    assert shared_format(formats[0]) is None
    formats[0].look_at(line())
    formats[1].decode(line(BASE + 1) * 3)
    assert shared_format(formats[0]) is shared_format(formats[1]) is not None
    assert shared_format(formats[2]) is None


def test_a_format_with_directives_is_each_logs_own() -> None:
    assert shared_format(W3cFormat("w3c")) is None
