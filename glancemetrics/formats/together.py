"""Decodes chunks of several logs at once.

Of a few lines each, every chunk costs more than its lines.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.log_format import LineContext, LogFormat

Int64s = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class DecodedTogether:
    """The result of decoding several chunks of the same format."""

    batch: pa.RecordBatch
    """The records of all clean chunks, in order."""
    format: str | None
    """The format of the records; `None` without any."""
    lines: tuple[int, ...]
    """Of each chunk, its number of lines."""
    rows: tuple[int, ...]
    """Of each chunk, the number of its records; 0 if it is not clean."""
    are_clean: tuple[bool, ...]
    """Which chunks were read without a question. The others are to be decoded by themselves, with
    what their log alone knows."""


def shared_format(log_format: LogFormat) -> LogFormat | None:
    """Return what decodes the chunks of a log together with those of others; `None`: nothing does.

    Logs share a format if this is the same object for both.
    """
    found: LogFormat | None = log_format
    if isinstance(log_format, AutoFormat):
        found = log_format.known
    # Directives hold for the lines after them, so each log has its own.
    return None if found is None or found.directives else found


def decode_together(
    log_format: LogFormat, chunks: Sequence[bytes], context: LineContext
) -> DecodedTogether:
    """Decode chunks of whole lines of several logs, each line ended by a newline."""
    lines = [chunk.count(b"\n") for chunk in chunks]
    decoded = guarded_decode(log_format, b"".join(chunks), context)
    ends = np.cumsum(np.array(lines, np.int64))
    in_doubt = np.diff(np.searchsorted(decoded.unexplained, ends), prepend=0) > 0
    rows = np.diff(np.searchsorted(decoded.line, ends), prepend=0)
    batch = decoded.batch
    if in_doubt.any():
        batch = pc.filter(batch, pa.array(~np.repeat(in_doubt, rows)))
        rows[in_doubt] = 0
    return DecodedTogether(
        batch,
        decoded.format,
        tuple(lines),
        tuple(rows.tolist()),
        tuple((~in_doubt).tolist()),
    )
