"""Chunks of lines to record batches: one by one, or those of several logs together."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import attrs
from loguru import logger

from actors.monitor.in_order import Parsable
from actors.monitor.messages import FromParser, Parsed, ParsedTogether, Together
from actors.sources.messages import AgentHeard, Marked, NotLines, ReadUntil
from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.log_format import LineContext, LogFormat, reject_samples
from glancemetrics.formats.path_groups import PathGroups
from glancemetrics.formats.together import decode_together, shared_format
from glancemetrics.lines.splitter import OVERLONG_REASON
from glancemetrics.records.rejects import of_source, reject_of
from glancemetrics.records.schema import with_origins, with_source
from glancemetrics.traffic.aggregation import SourceBatch

if TYPE_CHECKING:
    from glancemetrics.selecting.sql import Where

_FEW = 4
"""Chunks that are not worth being decoded together."""

Message = Parsed | ParsedTogether | NotLines


@attrs.frozen
class Parsing:
    """How chunks become records."""

    context: LineContext
    """With the time of their arrival."""
    where: Where | None
    """Which records are counted; `None`: all."""
    paths: PathGroups
    server: str
    """The name of this machine, for records that are made on it; empty: without a name."""

    def all(self, messages: Sequence[Parsable | NotLines]) -> FromParser:
        """Parse chunks. The messages keep their order as far as it has a meaning."""
        parsed = tuple(itertools.chain.from_iterable(map(self._run, _runs(messages))))
        return parsed[0] if len(parsed) == 1 else Together(parsed)

    def _run(self, run: NotLines | list[Parsable]) -> Iterator[Message]:
        if not isinstance(run, list):
            yield run
            return
        alone: list[Parsable] = []
        sharing: dict[int, tuple[LogFormat, list[Parsable]]] = {}
        for chunk in run:
            shared = shared_format(chunk.format)
            if shared is None or chunk.overlong:
                alone.append(chunk)
            else:
                sharing.setdefault(id(shared), (shared, []))[1].append(chunk)
        for shared, chunks in sharing.values():
            if len(chunks) > _FEW:
                yield from self._together(shared, chunks)
            else:
                alone += chunks
        for chunk in alone:
            yield Parsed(self.one(chunk), chunk.mark)

    def one(self, chunk: Parsable) -> SourceBatch:
        """Parse one chunk."""
        known = chunk.format.known if isinstance(chunk.format, AutoFormat) else None
        context = attrs.evolve(self.context, directives=chunk.directives)
        decoded = guarded_decode(chunk.format, chunk.lines, context)
        batch = with_source(decoded.batch, chunk.source, chunk.server or self.server)
        for problem in chunk.kept.look(decoded.batch, chunk.format):
            logger.warning("{} {}", chunk.source, problem)
        samples = reject_samples(chunk.lines, decoded, chunk.format)
        reformatted = None
        if known is not None and chunk.format.name != known.name:
            reformatted = f"format changed from {known.name} to {chunk.format.name}"
            logger.warning("{}: {}", chunk.source, reformatted)
        overlong = tuple(reject_of(line, OVERLONG_REASON) for line in chunk.overlong)
        return SourceBatch(
            source=chunk.source,
            batch=self.paths.of(batch),
            lines=decoded.lines + len(overlong),
            rejects=decoded.rejects + len(overlong),
            reject_samples=of_source(samples + overlong, chunk.source),
            foreign=decoded.foreign,
            damaged=len(decoded.damaged),
            format=decoded.format,
            reformatted=reformatted,
            caught_up=chunk.caught_up,
            fresh=chunk.fresh,
            lag_bytes=chunk.lag_bytes,
            reject_seconds=decoded.reject_seconds(),
            wanted=self.where.keeps(batch) if self.where is not None else None,
        )

    def _together(self, shared: LogFormat, chunks: Sequence[Parsable]) -> Iterator[Message]:
        decoded = decode_together(shared, [chunk.lines for chunk in chunks], self.context)
        clean = [
            (chunk, lines, rows)
            for chunk, lines, rows, is_clean in zip(
                chunks, decoded.lines, decoded.rows, decoded.are_clean, strict=True
            )
            if is_clean
        ]
        if clean:
            origins = [(chunk.source, chunk.server or self.server) for chunk, _, _ in clean]
            batch = with_origins(decoded.batch, origins, [rows for _, _, rows in clean])
            wanted = self.where.keeps(batch) if self.where is not None else None
            batch = self.paths.of(batch)
            parsed = []
            begin = 0
            for chunk, lines, rows in clean:
                end = begin + rows
                part = batch.slice(begin, rows)
                if self.context.kept:
                    for problem in chunk.kept.look(part, chunk.format):
                        logger.warning("{} {}", chunk.source, problem)
                read = SourceBatch(
                    source=chunk.source,
                    batch=part,
                    lines=lines,
                    rejects=0,
                    reject_samples=(),
                    foreign=lines - rows,
                    format=decoded.format if rows else None,
                    reformatted=None,
                    caught_up=chunk.caught_up,
                    fresh=chunk.fresh,
                    lag_bytes=chunk.lag_bytes,
                    wanted=None if wanted is None else wanted[begin:end],
                )
                parsed.append(Parsed(read, chunk.mark))
                begin = end
            yield ParsedTogether(tuple(parsed), batch)
        for chunk, is_clean in zip(chunks, decoded.are_clean, strict=True):
            if not is_clean:
                yield Parsed(self.one(chunk), chunk.mark)


def _runs(messages: Iterable[Parsable | NotLines]) -> Iterator[NotLines | list[Parsable]]:
    """Yield chunks that may be decoded together, and the messages between them.

    A chunk may be moved before messages that are not about its log, but not behind them. Those of
    the same log are never together, so that they keep their order.
    """
    runs: list[NotLines | list[Parsable]] = []
    open_run: list[Parsable] | None = None
    moved: set[str] = set()
    """Sources whose chunks may not join the open run: it has one, or a mark came after it."""
    for message in messages:
        match message:
            case Parsable():
                if open_run is None or message.source in moved:
                    open_run, moved = [], set()
                    runs.append(open_run)
                open_run.append(message)
                moved.add(message.source)
            case Marked(mark=mark):
                moved.add(mark.source)
                runs.append(message)
            case ReadUntil() | AgentHeard():
                runs.append(message)
            case _:
                open_run = None
                runs.append(message)
    return iter(runs)
