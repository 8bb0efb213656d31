"""Batches of records put together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from glancemetrics.formats.combined import decode
from glancemetrics.records.schema import joined
from tests.lines import line


def mixed(number: int) -> pa.RecordBatch:
    """Return two records, of which one has a query and a user."""
    plain, full = line(), line(user=f"u{number}", request=f"GET /{number}?q={number} HTTP/1.1")
    return decode(plain + full).batch


def lowest_and_highest(column: pa.DictionaryArray) -> tuple[int, int]:
    """Of the indices, those where there is no value too."""
    indices = column.indices
    raw = np.frombuffer(indices.buffers()[1], np.int32)[indices.offset :][: len(indices)]
    return int(raw.min()), int(raw.max())


def test_records_without_a_value_can_be_joined_again_and_again() -> None:
    batches = [mixed(number) for number in range(8)]
    rows = [row for batch in batches for row in batch.to_pylist()]
    while len(batches) > 1:
        batches = [joined(batches[i : i + 2]) for i in range(0, len(batches), 2)]
        for batch in batches:
            for name in ("user", "query"):
                column = batch.column(name)
                lowest, highest = lowest_and_highest(column)
                # Arrow looks up all of them when it joins once more, and may end the process.
                assert lowest >= 0
                assert highest < len(column.dictionary)
    assert batches[0].to_pylist() == rows
