"""Counts whole logs for rules."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import attrs

from actors.archive.log_reader import LogReader
from actors.archive.logs import LogFile
from actors.archive.reporting import Progress, working
from glancemetrics.alerting.counting import Counting, RuleCounts, merged
from glancemetrics.formats.log_format import Decoded, LineContext
from glancemetrics.records.rejects import Reject
from glancemetrics.selecting.selection import Selection

_MERGED_AT = 64
"""Counts are merged every so many chunks, to save memory."""
_THREADS = 2


@attrs.define(eq=False)
class CountedLogs:
    """The counts, and statistics of the reading itself."""

    counts: list[RuleCounts] = attrs.field(factory=list)
    lines: int = 0
    records: int = 0
    rejects: int = 0
    foreign: int = 0
    damaged: int = 0
    sample: Reject | None = None
    """The first reject."""
    trouble: dict[int, str] = attrs.field(factory=dict)
    """Why a log could not be read to its end, by log."""


def count_logs(
    logs: list[LogFile],
    counting: Counting,
    *,
    context: LineContext,
    selection: Selection,
    progress: Callable[[Progress], None],
    stopped: Callable[[], bool],
    processes: int,
) -> CountedLogs:
    """Count logs; returns partial counts once `stopped` returns true.

    `processes`: the number of processes to fork as helpers; only for programs without threads.
    """

    def work(decoded: Decoded) -> tuple[int, list[RuleCounts]]:
        batch = selection.of(decoded.batch)
        counts = counting.count(batch) + counting.count_rejects(decoded.reject_seconds())
        return decoded.batch.num_rows, counts

    reader = LogReader(logs, work, context=context, span=selection.span, stopped=stopped)
    sizes = [log.size for log in logs]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    if total is not None and total <= reader.chunk_bytes:
        processes = 0
    counted = CountedLogs()
    read = 0
    waiting: list[RuleCounts] = []
    with (
        ThreadPoolExecutor(_THREADS, "glancemetrics-replay") as pool,
        working(reader, pool, processes) as workers,
    ):
        for number, chunk in enumerate(reader.chunks(workers), 1):
            read += chunk.read_bytes
            counted.lines += chunk.lines
            counted.rejects += chunk.rejects
            counted.foreign += chunk.foreign
            counted.damaged += chunk.damaged
            if chunk.trouble is not None:
                counted.trouble[chunk.log] = chunk.trouble
            if chunk.samples and counted.sample is None:
                counted.sample = chunk.samples[0]
            if chunk.result is not None:
                records, counts = chunk.result
                counted.records += records
                waiting += counts
            if not number % _MERGED_AT:
                counted.counts = merged([*counted.counts, *waiting])
                waiting = []
            progress(Progress(read, total, counted.lines))
    counted.counts = merged([*counted.counts, *waiting])
    return counted
