"""Finds the line that a record was made from, among lines of its log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import attrs
import numpy as np
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.lines import line_bounds
from glancemetrics.formats.log_format import LineContext, LogFormat
from glancemetrics.formats.path_groups import PathGroups
from glancemetrics.formats.pieces import unfinished
from glancemetrics.records.schema import microseconds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen(kw_only=True)
class RawLine:
    """The line that a record was made from, or why it is not known."""

    text: str = ""
    r"""The line without its newline, as it is in the log, not yet escaped; bytes that are not UTF-8
    are `\xHH`. Of a line that a collector has split, all pieces."""
    missing: str = ""
    """Why there is no line, in a sentence; empty if there is one."""


@attrs.frozen(eq=False)
class SoughtRecord:
    """A record whose line is sought."""

    micros: int
    """Its time, microseconds since the epoch."""
    fields: Mapping[str, object]
    """Its columns, as far as they are known."""
    paths: PathGroups = attrs.field(factory=PathGroups)
    """Which paths became one when it was counted."""

    @classmethod
    def of(cls, time: datetime, fields: Mapping[str, object], paths: PathGroups) -> SoughtRecord:
        """Return a record, from a row of an `Answer`."""
        return cls((time - _EPOCH) // timedelta(microseconds=1), fields, paths)

    @property
    def second(self) -> int:
        """The second of its time."""
        return self.micros // 1_000_000

    def line_in(self, lines: bytes, log_format: LogFormat, context: LineContext) -> bytes | None:
        """Return its line, the first that fits, among whole lines, each ended by a newline."""
        decoded = guarded_decode(log_format, lines, context)
        times = microseconds(decoded.batch)
        rows = np.flatnonzero(times == self.micros)
        batch = self.paths.of(pc.take(decoded.batch, pa.array(rows)))
        for name in batch.schema.names:
            if name == "time" or name not in self.fields:
                continue
            if not len(rows):
                return None
            found = batch.column(name).to_pylist()
            same = np.array([value == self.fields[name] for value in found], np.bool_)
            rows, batch = rows[same], pc.filter(batch, pa.array(same))
        if not len(rows):
            return None
        return _whole_line(lines, int(decoded.line[rows[0]]), log_format)


def _whole_line(lines: bytes, number: int, log_format: LogFormat) -> bytes:
    """Return a line, with the pieces after it if it is the first piece of a split one."""
    starts, ends = line_bounds(lines)
    last = number
    while last + 1 < len(starts) and unfinished(log_format, lines[starts[last] : ends[last] + 1]):
        last += 1
    return lines[starts[number] : ends[last]].removesuffix(b"\r")
