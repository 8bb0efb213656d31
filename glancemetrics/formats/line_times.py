"""The times of lines in a format, used to bisect a log by time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.lines import line_bounds
from glancemetrics.formats.log_format import UNKNOWN, LineContext, LogFormat
from glancemetrics.lines.time_bisect import LineTimes
from glancemetrics.records.schema import seconds

Int64s = npt.NDArray[np.int64]


def line_times(log_format: LogFormat, context: LineContext = UNKNOWN) -> LineTimes:
    """Return a function that finds the times of lines in this format."""

    def times(block: bytes) -> tuple[Int64s, Int64s]:
        whole = block[: block.rfind(b"\n") + 1]
        decoded = guarded_decode(log_format, whole, context)
        starts, _ = line_bounds(whole)
        return starts[decoded.line].astype(np.int64), seconds(decoded.batch)

    return times
