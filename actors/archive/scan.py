"""Reads logs as one stream of record batches in time order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import attrs
import numpy as np
import pyarrow as pa

from actors.archive.log_reader import LogReader, ReadChunk
from actors.archive.logs import LogFile
from actors.archive.workers import ThreadWorkers
from glancemetrics.arrow import compute as pc
from glancemetrics.formats.log_format import UNKNOWN, LineContext
from glancemetrics.records.schema import joined, microseconds
from glancemetrics.selecting.selection import Selection

_WORKERS = 2


@attrs.define(eq=False)
class _Source:
    """A log being merged: the current batch and those after it."""

    batch: pa.RecordBatch
    following: Iterator[pa.RecordBatch]

    @property
    def newest(self) -> int:
        return int(microseconds(self.batch).max())


def scan_logs(
    logs: list[LogFile],
    selection: Selection,
    *,
    context: LineContext = UNKNOWN,
    stopped: Callable[[], bool] = lambda: False,
    on_chunk: Callable[[ReadChunk[pa.RecordBatch]], None] = lambda _: None,
) -> Iterator[pa.RecordBatch]:
    """Yield the selected records, without empty batches.

    Logs that do not overlap in time are read one after the other; overlapping logs are merged.
    Records of one log keep their order. `on_chunk` is called for every chunk.
    """
    with ThreadPoolExecutor(_WORKERS, "glancemetrics-scan") as pool:

        def batches(log: LogFile) -> Iterator[pa.RecordBatch]:
            reader = LogReader(
                [log],
                lambda decoded: selection.of(decoded.batch),
                context=context,
                span=selection.span,
                stopped=stopped,
            )
            workers = ThreadWorkers(reader.chunk_of, pool, _WORKERS, reader.chunk_bytes)
            for chunk in reader.chunks(workers):
                on_chunk(chunk)
                if chunk.result is not None and chunk.result.num_rows:
                    yield chunk.result

        yield from _merged(logs, batches)


def _merged(
    logs: list[LogFile], batches: Callable[[LogFile], Iterator[pa.RecordBatch]]
) -> Iterator[pa.RecordBatch]:
    waiting = list(logs)
    active: list[_Source] = []

    def begin() -> None:
        following = batches(waiting.pop(0))
        first = next(following, None)
        if first is not None:
            active.append(_Source(first, following))

    while active or waiting:
        if not active:
            begin()
            continue
        # No log being read has more records up to this time.
        cutoff = min(source.newest for source in active)
        if waiting and waiting[0].oldest is not None and waiting[0].oldest * 1_000_000 <= cutoff:
            begin()
            continue
        parts = []
        for source in list(active):
            times = microseconds(source.batch)
            ready = times <= cutoff
            if ready.all():
                parts.append(source.batch)
                after = next(source.following, None)
                if after is None:
                    active.remove(source)
                else:
                    source.batch = after
            elif ready.any():
                parts.append(pc.filter(source.batch, pa.array(ready)))
                source.batch = pc.filter(source.batch, pa.array(~ready))
        yield parts[0] if len(parts) == 1 else _interleaved(parts)


def _interleaved(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    batch = joined(parts)
    order = np.argsort(microseconds(batch), kind="stable")
    return pc.take(batch, pa.array(order))
