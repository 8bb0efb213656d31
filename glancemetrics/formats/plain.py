"""Chunks whose lines are mostly plain: these need no columns, and all others are decoded."""

from __future__ import annotations

import attrs

from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.combined import CombinedFormat
from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.log_format import Decoded, LineContext, LogFormat, nothing_decoded
from glancemetrics.formats.stream import StreamFormat
from glancemetrics.native.plain_lines import PlainLines, plain_lines
from glancemetrics.records.names import shortened

_MOST_LEFT = 0.3
"""Share of other lines above which a chunk is decoded as a whole."""


@attrs.frozen(eq=False)
class PlainChunk:
    """A chunk in two parts, which have the same records as the decoded chunk."""

    plain: PlainLines
    left: bytes
    """The other lines."""
    rest: Decoded
    """The records of those."""


def may_be_plain(log_format: LogFormat, context: LineContext) -> bool:
    """Tell whether chunks of a log in this format may be split."""
    return _steady(log_format, context) is not None


def split_plain(
    log_format: LogFormat, chunk: bytes | memoryview, context: LineContext
) -> PlainChunk | None:
    """Split a chunk of whole lines, each ended by a newline; `None` if it must be decoded whole.

    The chunk must outlive the plain lines.
    """
    steady = _steady(log_format, context)
    if steady is None:
        return None
    plain = plain_lines(chunk, shortened)
    if not len(plain.left):
        return PlainChunk(plain, b"", nothing_decoded(context))
    if len(plain.left) > _MOST_LEFT * plain.lines:
        return None
    left = plain.left_lines()
    rest = guarded_decode(steady, left, context)
    unexplained = len(rest.unexplained)
    if isinstance(log_format, AutoFormat) and log_format.doubts(unexplained, plain.lines):
        return None
    return PlainChunk(plain, left, rest)


def _steady(log_format: LogFormat, context: LineContext) -> LogFormat | None:
    """Return the format of all chunks, if it begins with the combined one."""
    if context.kept or context.line_times is not None:
        return None
    known = log_format.steady if isinstance(log_format, AutoFormat) else log_format
    if isinstance(known, CombinedFormat):
        return known
    if isinstance(known, StreamFormat) and not known.envelopes:
        return known if isinstance(known.formats[0], CombinedFormat) else None
    return None
