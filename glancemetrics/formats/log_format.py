"""What a log format is: something that decodes chunks of lines to records and rejects."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any, Protocol, runtime_checkable

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.formats.clients import Network
from glancemetrics.formats.lines import line_bounds
from glancemetrics.records.rejects import Reject, reject_of
from glancemetrics.records.schema import empty_batch, seconds
from glancemetrics.records.schema import joined as joined_batches

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

NO_TIME = np.iinfo(np.int64).min
"""Of a line of which it is not known when it was written."""

_SAMPLED_REJECTS = 8
"""Rejects of one chunk that are kept as samples; the rest are only counted."""


class DurationUnit(enum.Enum):
    """What `--duration-unit` may say."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"

    @property
    def in_a_second(self) -> float:
        """How many of them a second has."""
        return {"s": 1.0, "ms": 1e3, "us": 1e6}[self.value]


@attrs.frozen
class LineContext:
    """What the lines of a chunk do not say themselves, and what is wanted of them."""

    directives: bytes = b""
    """Lines before the chunk that say how its lines are written (`LogFormat.directives`)."""
    arrived: float | None = None
    """When the lines came, seconds since the epoch; `None` for a log that had been written."""
    line_times: Int64s | None = attrs.field(default=None, eq=False)
    """When each line was written, as what is around it says: microseconds since the epoch, or
    `NO_TIME`."""
    zone: tzinfo = UTC
    """Of times that name none."""
    zone_is_told: bool = False
    """Whether somebody has named it: then it is also that of names which several zones have."""
    duration_unit: DurationUnit | None = None
    """Of durations that do not show theirs; `None`: they are not known."""
    trusted: tuple[Network, ...] = ()
    """Proxies that are believed when they say whom they ask for."""
    repairs: bool = True
    """Whether lines that no format explains are read without what is broken in them."""
    day: int | None = None
    """Microseconds since the epoch at which the day began that lines do not name themselves."""
    kept: tuple[str, ...] = ()
    """Fields that a person asked to keep: records have a column of text for each."""

    def of_lines(self, line: npt.NDArray[np.integer[Any]]) -> LineContext:
        """Return those of some of the lines."""
        if self.line_times is None:
            return self
        return attrs.evolve(self, line_times=self.line_times[line])

    def times_of(self, line: Int32s) -> tuple[Int64s, Bools]:
        """Return when lines were written that do not say so, and for which that is known."""
        known = np.full(len(line), self.arrived is not None, np.bool_)
        micros = np.full(len(line), round((self.arrived or 0) * 1_000_000), np.int64)
        if self.line_times is not None:
            around = self.line_times[line]
            micros = np.where(around != NO_TIME, around, micros)
            known |= around != NO_TIME
        return micros, known


UNKNOWN = LineContext()


@attrs.frozen(eq=False)
class Decoded:
    """What became of the lines of one chunk: `lines == batch.num_rows + rejects + foreign`."""

    lines: int
    batch: pa.RecordBatch
    """The records, of `records.SCHEMA` and with what is kept, in file order."""
    line: Int32s
    """Of each record, which line it was, from 0."""
    rejected: Int32s
    """Which lines are rejects, in order. What is neither is foreign: another program's line."""
    format: str | None
    """What format the chunk's records are in; `None` without any."""
    damaged: Int32s = attrs.field(factory=lambda: np.zeros(0, np.int32))
    """Which lines are records with something that could not be read, and is not known; in order."""

    def reject_seconds(self) -> Int64s:
        """Return the second of the record before each reject, or else after it; empty if none is.

        Rejects do not say when they were written.
        """
        if not self.batch.num_rows:
            return np.zeros(0, np.int64)
        before = np.searchsorted(self.line, self.rejected) - 1
        return seconds(self.batch)[np.maximum(before, 0)]

    @property
    def rejects(self) -> int:
        return len(self.rejected)

    @property
    def unexplained(self) -> Int32s:
        """Which lines the format does not explain quite, in order: rejects, and what is damaged."""
        if not len(self.damaged):
            return self.rejected
        return np.union1d(self.rejected, self.damaged).astype(np.int32)

    @property
    def foreign(self) -> int:
        return int(self.lines - self.batch.num_rows - self.rejects)


class LogFormat(Protocol):
    """One way to write access logs."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def expected(self) -> str:
        """What a line should be, as a noun: `a common or combined log line`."""

    @property
    def directives(self) -> tuple[bytes, ...]:
        """How lines begin that say how those after them are written, as of W3C's `#Fields:`."""

    @property
    def keepable(self) -> tuple[str, ...] | None:
        """Names of fields that it can keep (`LineContext.kept`); `None`: any that lines have."""

    def decode(self, chunk: bytes | memoryview, context: LineContext = UNKNOWN, /) -> Decoded:
        """Decode a chunk of whole lines, each ended by a newline."""

    def explain(self, line: bytes) -> str:
        """Say in one clause why a rejected line is no record."""


@runtime_checkable
class Repairing(Protocol):
    """A format that reads lines of which a field is broken."""

    def repaired(self, lines: pa.StringArray, context: LineContext) -> Decoded:
        """Decode lines that no format explains, without what is broken: all are damaged."""


def nothing_decoded(context: LineContext, rejected: int = 0) -> Decoded:
    """Return what becomes of no lines, or of some that are all rejects."""
    none = np.zeros(0, np.int32)
    batch = empty_batch(context.kept)
    return Decoded(rejected, batch, none, np.arange(rejected, dtype=np.int32), None)


def joined(
    lines: int,
    parts: Sequence[tuple[Decoded, Int32s]],
    rejected: Int32s,
    context: LineContext,
) -> Decoded:
    """Put together what became of parts of a chunk; each with which lines of it the part has."""
    filled = [(decoded, numbers) for decoded, numbers in parts if decoded.batch.num_rows]
    if not filled:
        return attrs.evolve(nothing_decoded(context), lines=lines, rejected=rejected)
    line = np.concatenate([numbers[decoded.line] for decoded, numbers in filled])
    damaged = np.sort(np.concatenate([numbers[decoded.damaged] for decoded, numbers in filled]))
    if len(filled) == 1:
        return Decoded(lines, filled[0][0].batch, line, rejected, filled[0][0].format, damaged)
    order = np.argsort(line, kind="stable")
    batch = joined_batches([decoded.batch for decoded, _ in filled]).take(pa.array(order))
    names = dict.fromkeys(decoded.format for decoded, _ in filled if decoded.format)
    return Decoded(lines, batch, line[order], rejected, " + ".join(names), damaged)


def reject_samples(
    chunk: bytes | memoryview, decoded: Decoded, log_format: LogFormat
) -> tuple[Reject, ...]:
    """Return some of the rejects of a chunk, with reasons: the first, and the last ones."""
    if not decoded.rejects:
        return ()
    starts, ends = line_bounds(chunk)
    chosen = decoded.rejected
    if len(chosen) > _SAMPLED_REJECTS:
        chosen = np.concatenate([chosen[:1], chosen[1 - _SAMPLED_REJECTS :]])
    texts = (
        bytes(chunk[starts[number] : ends[number]]).rstrip(b"\r") for number in chosen.tolist()
    )
    return tuple(reject_of(text, explained(text, log_format)) for text in texts)


def explained(line: bytes, log_format: LogFormat) -> str:
    """Say in one clause why a rejected line is no record. Never fails."""
    try:
        return log_format.explain(line)
    except (ValueError, RecursionError, MemoryError, OverflowError, pa.ArrowException):
        # Of a line that somebody made so that no parser reads it.
        return "the line cannot be read"


def directives_after(known: bytes, lines: bytes, prefixes: Sequence[bytes]) -> bytes:
    """Return the directives that hold after some more lines."""
    found = {}
    for prefix in prefixes:
        for text in (lines, known):
            at = 0 if text.startswith(prefix) else -1
            at = max(at, text.rfind(b"\n" + prefix) + 1 or -1)
            if at >= 0:
                found[prefix] = text[at : text.find(b"\n", at) + 1]
                break
    return b"".join(found.values())
