"""Reports on logs: workers decode chunks, and a tally adds up their counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from actors.archive.log_reader import (
    CHUNK_BYTES,
    CHUNKS_KEPT,
    PLAIN_CHUNK_BYTES,
    LogReader,
    Piece,
    ReadChunk,
)
from actors.archive.logs import LogFile
from actors.archive.workers import ThreadWorkers, Workers
from actors.state.allocator import share_memory
from glancemetrics.formats.log_format import UNKNOWN, Decoded, LineContext
from glancemetrics.formats.plain import PlainChunk, may_be_plain
from glancemetrics.native.plain_lines import PlainLines
from glancemetrics.records.agent_kinds import Classify, classify_here, kinds_of
from glancemetrics.records.rejects import Reject
from glancemetrics.records.user_agents import forget, prepare
from glancemetrics.records.zones import offsets_at
from glancemetrics.reporting.panel_names import AGENT_PANELS
from glancemetrics.reporting.panels import groups_kept
from glancemetrics.reporting.plain_counting import PlainCounting, at_once
from glancemetrics.reporting.report import Rejects, Report, ReportOptions, Source, build_report
from glancemetrics.reporting.slices import Base, Slices, slices_of
from glancemetrics.reporting.tally import Each, Tally
from glancemetrics.selecting.selection import Selection, inside

_THREADS = 2
"""Two are enough: reading, searching and numbering release the interpreter most of the time."""

_REJECT_SAMPLES = 5
_BASE_MEMORY = 255_000_000
"""Bytes used before anything is counted, with a few chunks of only distinct values in memory."""
_TALLY_SHARE = 0.6
"""Share of the remaining memory for the tally; making the panels takes about as much again."""

Int64s = npt.NDArray[np.int64]
Result = TypeVar("Result")


@attrs.frozen
class Progress:
    """The progress of reading."""

    read_bytes: int
    """Bytes read from disk."""
    total_bytes: int | None
    """`None` for streams of unknown length."""
    lines: int


@attrs.frozen(eq=False)
class _Worked:
    slices: Slices
    records: int
    """All records, including filtered ones."""
    plain: tuple[PlainLines, Int64s] | None = None
    """Lines that are counted as they are, and the beginnings of their local minutes."""


def report_on(
    logs: list[LogFile],
    *,
    context: LineContext = UNKNOWN,
    selection: Selection = Selection(),  # noqa: B008 - frozen
    options: ReportOptions = ReportOptions(),  # noqa: B008 - frozen
    max_memory: int,
    progress: Callable[[Progress], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
    processes: int = 0,
    classify_agents: Classify | None = None,
) -> Report:
    """Read logs and report on them; returns a partial report once `stopped` returns true.

    `processes`: the number of processes to fork as helpers, only for programs without threads; with
    0, threads are used. User agents are classified in this process, unless there is
    `classify_agents`.
    """
    share_memory()

    def work(decoded: Decoded) -> _Worked:
        batch = selection.of(decoded.batch)
        return _Worked(slices_of(batch, options.zone), decoded.batch.num_rows)

    def plain_work(chunk: PlainChunk) -> _Worked | None:
        plain, zone = chunk.plain, options.zone
        records = len(plain.plain) + chunk.rest.batch.num_rows
        if selection:
            plain = plain.only(inside(selection.span, plain.seconds()))
        minutes = plain.minutes(None if zone is None else offsets_at(plain.seconds(), zone))
        if minutes is None:
            return None
        rest = slices_of(selection.of(chunk.rest.batch), zone)
        return _Worked(rest, records, (plain, minutes))

    plainly = selection.is_span and all(may_be_plain(log.format, context) for log in logs)
    reader = LogReader(
        logs,
        work,
        context=context,
        span=selection.span,
        stopped=stopped,
        chunk_bytes=PLAIN_CHUNK_BYTES if plainly else CHUNK_BYTES,
        plain_work=plain_work if plainly else None,
    )
    sizes = [log.size for log in logs]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    is_small = total is not None and total <= CHUNK_BYTES
    if plainly or selection.where is not None or is_small:
        # Plain lines are counted in C, DuckDB has threads, and one chunk needs no helpers.
        processes = 0
    counted = _Counted(len(logs))
    # Forks happen before there are threads: a pool starts them with its first task.
    with (
        ThreadPoolExecutor(_THREADS, "glancemetrics-report") as pool,
        ThreadPoolExecutor(1, "glancemetrics-count") as aside,
    ):
        with working(reader, pool, processes) as workers:
            # Of a few values, threads would wait for each other most of the time.
            tally = _tally(max_memory, map if is_small else pool.map, options)
            agents_matter = bool(options.panels & AGENT_PANELS)
            if classify_agents is None and agents_matter and not is_small:
                pool.submit(prepare)
            plain = PlainCounting(tally, at_once if is_small else aside.submit, CHUNKS_KEPT)
            for chunk in reader.chunks(workers):
                counted.add(chunk)
                worked = chunk.result
                if worked is None or worked.plain is None:
                    plain.finish()  # the reader counts this chunk too among those it keeps
                else:
                    plain.add(*worked.plain)
                if worked is not None and worked.slices.records:
                    plain.finish()
                    tally.add(worked.slices)
                progress(Progress(counted.read_bytes, total, counted.lines))
            plain.finish()
        tally.settle(Base.AGENT)  # before another thread looks at its names
        classified = pool.submit(_classify, tally, classify_agents) if agents_matter else None
        unfinished = None
        if stopped():
            unfinished = "Interrupted; results are partial"
            if total:
                unfinished += f": {100 * counted.read_bytes / total:.0f} % of the bytes were read"
        return build_report(
            tally,
            options,
            sources=[
                Source(
                    log.name,
                    counted.lines_of[i],
                    counted.rejects_of[i],
                    counted.trouble.get(i),
                    log.format.name,
                )
                for i, log in enumerate(logs)
            ],
            lines=counted.lines,
            filtered=counted.records - tally.records,
            rejects=Rejects(sum(counted.rejects_of.values()), tuple(counted.samples)),
            foreign=counted.foreign,
            damaged=counted.damaged,
            unfinished=unfinished,
            agents_are_ready=lambda: None if classified is None else classified.result(),
        )


def _classify(tally: Tally, classify_agents: Classify | None) -> None:
    """Classify all user agents; panels of them need that, and others can be made meanwhile."""
    if Base.AGENT in tally.by:
        kinds_of(tally.by[Base.AGENT].names, classify_agents or classify_here)
    forget()


@contextmanager
def working(
    reader: LogReader[Result], pool: ThreadPoolExecutor, processes: int
) -> Iterator[Workers[Piece, ReadChunk[Result]]]:
    """Run the reader's work in processes, or in threads of the pool if there are none."""
    if processes:
        from actors.archive.process_workers import ProcessWorkers  # late: a small log needs none

        with ProcessWorkers(reader.chunk_of, processes, reader.chunk_bytes) as workers:
            yield workers
    else:
        yield ThreadWorkers(reader.chunk_of, pool, _THREADS, reader.chunk_bytes)


def report_on_batches(
    batches: Iterable[pa.RecordBatch],
    *,
    selection: Selection,
    options: ReportOptions,
    max_memory: int,
    sources: Callable[[], Iterable[Source]] = tuple,
    unfinished: Callable[[], str | None] = lambda: None,
) -> Report:
    """Report on existing records.

    `sources` and `unfinished` are called after the last batch.
    """
    records = 0
    with ThreadPoolExecutor(_THREADS, "glancemetrics-report") as pool:
        tally = _tally(max_memory, pool.map, options)
        for batch in batches:
            records += batch.num_rows
            tally.add(slices_of(selection.of(batch), options.zone))
        return build_report(
            tally,
            options,
            sources=sources(),
            lines=records,
            filtered=records - tally.records,
            unfinished=unfinished(),
        )


def _tally(max_memory: int, each: Each, options: ReportOptions) -> Tally:
    return Tally(
        int(max(max_memory - _BASE_MEMORY, 0) * _TALLY_SHARE),
        groups=groups_kept(options.panels),
        each=each,
    )


class _Counted:
    """Statistics of the reading itself."""

    def __init__(self, logs: int) -> None:
        self.read_bytes = self.lines = self.records = self.foreign = self.damaged = 0
        self.lines_of: Counter[int] = Counter(dict.fromkeys(range(logs), 0))
        self.rejects_of: Counter[int] = Counter(dict.fromkeys(range(logs), 0))
        self.trouble: dict[int, str] = {}
        self.samples: list[Reject] = []

    def add(self, chunk: ReadChunk[_Worked]) -> None:
        self.read_bytes += chunk.read_bytes
        self.lines += chunk.lines
        self.foreign += chunk.foreign
        self.damaged += chunk.damaged
        self.lines_of[chunk.log] += chunk.lines
        if chunk.trouble is not None:
            self.trouble[chunk.log] = chunk.trouble
        self.rejects_of[chunk.log] += chunk.rejects
        self.samples.extend(chunk.samples[: _REJECT_SAMPLES - len(self.samples)])
        if chunk.result is not None:
            self.records += chunk.result.records
