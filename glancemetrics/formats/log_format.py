"""The interface of log formats: they decode chunks of lines to records and rejects."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any, Protocol, runtime_checkable

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.clients import Network
from glancemetrics.formats.lines import line_bounds
from glancemetrics.native.columns import column_of
from glancemetrics.records.rejects import Reject, reject_of
from glancemetrics.records.schema import empty_batch, seconds
from glancemetrics.records.schema import joined as joined_batches

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

NO_TIME = np.iinfo(np.int64).min
"""The time of a line without a known time."""

_SAMPLED_REJECTS = 8
"""Rejects of one chunk that are kept as samples; the rest are only counted."""


class DurationUnit(enum.Enum):
    """The values of `--duration-unit`."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"

    @property
    def in_a_second(self) -> float:
        """How many of them are in a second."""
        return {"s": 1.0, "ms": 1e3, "us": 1e6}[self.value]


@attrs.frozen
class LineContext:
    """What the lines of a chunk do not say themselves, and how to decode them."""

    directives: bytes = b""
    """The directives in effect before the chunk (`LogFormat.directives`)."""
    arrived: float | None = None
    """When the lines arrived, seconds since the epoch; `None` for a log that is not followed."""
    line_times: Int64s | None = attrs.field(default=None, eq=False)
    """The time of each line's envelope: microseconds since the epoch, or `NO_TIME`."""
    zone: tzinfo = UTC
    """The zone of times without one."""
    zone_is_explicit: bool = False
    """Whether the user has set the zone: then it also resolves ambiguous zone names such as CST."""
    duration_unit: DurationUnit | None = None
    """The unit of durations without one; `None`: they are ignored."""
    trusted: tuple[Network, ...] = ()
    """Proxies whose `X-Forwarded-For` is trusted."""
    repairs: bool = True
    """Whether lines that no format matches are decoded without their broken fields."""
    day: int | None = None
    """The day of times without a date: its beginning, microseconds since the epoch."""
    kept: tuple[str, ...] = ()
    """The fields of `--keep`: records have a text column for each."""

    def of_lines(self, line: npt.NDArray[np.integer[Any]]) -> LineContext:
        """Return the context of some of the lines."""
        if self.line_times is None:
            return self
        return attrs.evolve(self, line_times=self.line_times[line])

    def times_of(self, line: Int32s) -> tuple[Int64s, Bools]:
        """Return the times of lines that have none themselves, and which of them are known."""
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
    """The result of decoding a chunk: `lines == batch.num_rows + rejects + foreign`."""

    lines: int
    batch: pa.RecordBatch
    """The records, of `records.SCHEMA` plus kept fields, in file order."""
    line: Int32s
    """The line number of each record, from 0."""
    rejected: Int32s
    """The numbers of rejected lines, in order. Lines that are neither are foreign."""
    format: str | None
    """The format of the chunk's records; `None` if there are none."""
    damaged: Int32s = attrs.field(factory=lambda: np.zeros(0, np.int32))
    """The numbers of lines that are records with an unreadable field (now null), in order."""

    def reject_seconds(self) -> Int64s:
        """Return the second of the record before each reject, or else after it.

        Rejects have no time of their own. Empty if there are no records.
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
        """The numbers of rejected and damaged lines, in order."""
        if not len(self.damaged):
            return self.rejected
        return np.sort(np.concatenate([self.rejected, self.damaged]))

    @property
    def foreign(self) -> int:
        return int(self.lines - self.batch.num_rows - self.rejects)


class LogFormat(Protocol):
    """A format of access logs."""

    @property
    def name(self) -> str:
        """The name of the format."""

    @property
    def expected(self) -> str:
        """Completes "no line is ...": `in common or combined format`."""

    @property
    def directives(self) -> tuple[bytes, ...]:
        """Prefixes of directive lines, which describe the lines after them: W3C's `#Fields:`."""

    @property
    def keepable(self) -> tuple[str, ...] | None:
        """Names of the fields that it can keep (`LineContext.kept`); `None`: any field."""

    def decode(self, chunk: bytes | memoryview, context: LineContext = UNKNOWN, /) -> Decoded:
        """Decode a chunk of whole lines, each ended by a newline."""

    def explain(self, line: bytes) -> str:
        """Explain in one clause why a line was rejected."""


@runtime_checkable
class Repairing(Protocol):
    """A format that can decode lines with a broken field."""

    def repaired(self, lines: pa.StringArray, context: LineContext) -> Decoded:
        """Decode lines that no format matches, without their broken fields: all are damaged."""


def nothing_decoded(context: LineContext, rejected: int = 0) -> Decoded:
    """Return the result for no lines, or for lines that are all rejected."""
    none = np.zeros(0, np.int32)
    batch = empty_batch(context.kept)
    return Decoded(rejected, batch, none, np.arange(rejected, dtype=np.int32), None)


def joined(
    lines: int,
    parts: Sequence[tuple[Decoded, Int32s]],
    rejected: Int32s,
    context: LineContext,
) -> Decoded:
    """Combine the results of parts of a chunk; each part comes with its line numbers."""
    filled = [(decoded, numbers) for decoded, numbers in parts if decoded.batch.num_rows]
    if not filled:
        return attrs.evolve(nothing_decoded(context), lines=lines, rejected=rejected)
    line = np.concatenate([numbers[decoded.line] for decoded, numbers in filled])
    damaged = np.sort(np.concatenate([numbers[decoded.damaged] for decoded, numbers in filled]))
    if len(filled) == 1:
        return Decoded(lines, filled[0][0].batch, line, rejected, filled[0][0].format, damaged)
    order = np.argsort(line, kind="stable")
    batch = pc.take(joined_batches([decoded.batch for decoded, _ in filled]), column_of(order))
    names = dict.fromkeys(decoded.format for decoded, _ in filled if decoded.format)
    return Decoded(lines, batch, line[order], rejected, " + ".join(names), damaged)


def reject_samples(
    chunk: bytes | memoryview, decoded: Decoded, log_format: LogFormat
) -> tuple[Reject, ...]:
    """Return a sample of the rejects of a chunk with reasons: the first and the last ones."""
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
    """Explain in one clause why a line was rejected. Never fails."""
    try:
        return log_format.explain(line)
    except (ValueError, RecursionError, MemoryError, OverflowError, pa.ArrowException):
        # A line crafted to break parsers.
        return "unreadable line"


_LONGEST_DIRECTIVE = 1 << 13
"""Bytes; with 200 fields it has 4 KB. Each log keeps its own, also in checkpoints."""


def directives_after(known: bytes, lines: bytes, prefixes: Sequence[bytes]) -> bytes:
    """Return the directives in effect after some more lines, without those that are too long."""
    found = {}
    for prefix in prefixes:
        for text in (lines, known):
            at = 0 if text.startswith(prefix) else -1
            at = max(at, text.rfind(b"\n" + prefix) + 1 or -1)
            if at >= 0:
                directive = text[at : text.find(b"\n", at) + 1]
                if len(directive) <= _LONGEST_DIRECTIVE:
                    found[prefix] = directive
                break
    return b"".join(found.values())
