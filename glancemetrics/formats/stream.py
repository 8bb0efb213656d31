"""The format of a whole log: envelopes around its lines, and one or more formats inside.

A line that no format matches is rejected, unless another program wrote it: then it is foreign.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.combined import CombinedFormat, is_plain
from glancemetrics.formats.envelopes import Envelope
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.kept_fields import ObjectFields
from glancemetrics.formats.lines import chunk_of, lines_of
from glancemetrics.formats.log_format import (
    NO_TIME,
    UNKNOWN,
    Decoded,
    LineContext,
    LogFormat,
    Repairing,
    joined,
)
from glancemetrics.formats.noise import NOISE
from glancemetrics.formats.pairs import PairsFormat
from glancemetrics.native.columns import column_of

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

_OTHER_LOGS = (
    # Error logs of nginx and Apache.
    r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[[a-z]+\] \d+#\d+: |"
    r"^\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4}\] \["
)
_IN_QUOTES = r'^"(.+)"([ \r]*\n)$'
_LIKE_A_REQUEST = r'HTTP/\d(?:\.\d)?[" ]|\[\d\d/[A-Z][a-z]{2}/\d{4}:[^"]*"|^\{(?:.*[^}\s])?\s*$'
"""Pattern (RE2) of broken requests in a log shared by several programs."""


@attrs.frozen
class StreamFormat:
    """The format of the lines of a log."""

    formats: tuple[LogFormat, ...]
    """The formats, tried in this order."""
    envelopes: tuple[Envelope, ...] = ()
    """The envelopes around each line, outermost first."""
    is_shared: bool = False
    """Whether other programs write to the log too, or the server writes other lines to it."""

    @property
    def name(self) -> str:
        """The name of the format."""
        inner = " + ".join(dict.fromkeys(log_format.name for log_format in self.formats))
        return " in ".join([inner, *(envelope.name for envelope in reversed(self.envelopes))])

    @property
    def expected(self) -> str:
        """Completes "no line is ...": `in the haproxy format`."""
        inner = ", or ".join(dict.fromkeys(one.expected for one in self.formats))
        return " in ".join([inner, *(envelope.title for envelope in reversed(self.envelopes))])

    @property
    def directives(self) -> tuple[bytes, ...]:
        """Prefixes of directive lines, which describe the lines after them."""
        return tuple(dict.fromkeys(prefix for one in self.formats for prefix in one.directives))

    @property
    def keepable(self) -> tuple[str, ...] | None:
        """Names of the fields that it can keep; `None`: any field."""
        each = [one.keepable for one in self.formats]
        if any(names is None for names in each) or any(one.is_object for one in self.envelopes):
            return None
        return tuple(dict.fromkeys(name for names in each for name in names or ()))

    def widened(self, other: StreamFormat, *, is_rare: bool = False) -> StreamFormat:
        """Return a format for the lines of both; lines without an envelope are read as they are.

        The other format is tried first, unless it `is_rare`: otherwise a few odd lines would slow
        down all others.
        """
        first, then = (self, other) if is_rare else (other, self)
        return StreamFormat(
            tuple(dict.fromkeys([*first.formats, *then.formats])),
            other.envelopes or self.envelopes,
            self.is_shared or other.is_shared,
        )

    def decode(self, chunk: bytes | memoryview, context: LineContext = UNKNOWN, /) -> Decoded:
        """Decode a chunk of whole lines, each ended by a newline."""
        if chunk[: len(BOM_UTF8)] == BOM_UTF8:
            chunk = chunk[len(BOM_UTF8) :]  # written by Windows tools
        if not self.envelopes:
            return self._decode_inside(chunk, context)
        lines = lines_of(chunk)
        opened = open_envelopes(lines, self.envelopes, context.kept)
        inside = chunk_of(opened.lines)
        decoded = self._decode_inside(inside, attrs.evolve(context, line_times=opened.times))
        if opened.kept:
            decoded = attrs.evolve(decoded, batch=_with_kept(decoded, opened.kept))
        named = attrs.evolve(
            decoded,
            lines=len(lines),
            line=opened.line[decoded.line],
            rejected=opened.line[decoded.rejected],
            damaged=opened.line[decoded.damaged],
        )
        # The pieces of a split line count as one line.
        pieces = len(lines) - len(opened.line)
        return attrs.evolve(named, lines=len(lines) - pieces) if pieces else named

    def reads_easily(self, chunk: bytes) -> bool:
        """Tell whether all lines of a chunk are records, if that is known without full decoding."""
        first = self.formats[0]
        return isinstance(first, CombinedFormat) and not self.envelopes and is_plain(chunk)

    def explain(self, line: bytes) -> str:
        """Explain in one clause why a line was rejected."""
        if self.envelopes:
            line = self.without_envelopes(line.decode("utf-8", "backslashreplace")).encode()
        return self.formats[0].explain(line)

    def without_envelopes(self, line: str) -> str:
        """Return a line without its envelopes."""
        opened = open_envelopes(pa.array([f"{line}\n"]), self.envelopes)
        inside: str = opened.lines[0].as_py()
        return inside.removesuffix("\n")

    def _decode_inside(self, chunk: bytes | memoryview, context: LineContext) -> Decoded:
        first = self.formats[0].decode(chunk, context)
        if first.batch.num_rows == first.lines:
            return first
        left = _others(first)
        rejected = first.rejected
        parts: list[tuple[Decoded, Int32s]] = [(first, np.arange(first.lines, dtype=np.int32))]
        lines: pa.StringArray | None = None
        for log_format in self.formats[1:]:
            if not len(left):
                break
            lines = lines_of(chunk) if lines is None else lines
            some = pc.take(lines, column_of(left))
            decoded = log_format.decode(chunk_of(some), context.of_lines(left))
            parts.append((decoded, left))
            rejected = np.intersect1d(rejected, left[decoded.rejected], assume_unique=True)
            left = left[_others(decoded)]
        if len(rejected) and context.repairs:
            lines = lines_of(chunk) if lines is None else lines
            for part in self._without_quotes(lines, rejected, context):
                parts.append(part)
                rejected = np.setdiff1d(rejected, part[1][part[0].line], assume_unique=True)
            for log_format in self.formats:
                if isinstance(log_format, Repairing) and len(rejected):
                    broken = rejected.astype(np.int32)
                    some = pc.take(lines, column_of(broken))
                    repaired = log_format.repaired(some, context.of_lines(broken))
                    parts.append((repaired, broken))
                    rejected = broken[repaired.rejected]
        if len(rejected):
            lines = lines_of(chunk) if lines is None else lines
            rejected = rejected[~self._foreign(pc.take(lines, column_of(rejected)))]
        if len(parts) == 1:
            return attrs.evolve(first, rejected=rejected)
        return joined(first.lines, parts, rejected.astype(np.int32), context)

    def _without_quotes(
        self, lines: pa.StringArray, rejected: Int32s, context: LineContext
    ) -> Iterator[tuple[Decoded, Int32s]]:
        """Decode rejected lines without the quotes around the whole line (LiteSpeed)."""
        some = pc.take(lines, column_of(rejected))
        quoted = pc.match_substring_regex(some, _IN_QUOTES).to_numpy(zero_copy_only=False)
        left = rejected[quoted].astype(np.int32)
        for log_format in self.formats:
            if not len(left):
                return
            inside = pc.replace_substring_regex(
                pc.take(lines, column_of(left)), _IN_QUOTES, r"\1\2"
            )
            decoded = log_format.decode(chunk_of(inside), context.of_lines(left))
            yield decoded, left
            left = left[_others(decoded)]

    def _foreign(self, lines: pa.StringArray) -> Bools:
        """Tell which lines that no format matches were written by another program."""
        foreign = pc.match_substring_regex(lines, f"{NOISE}|{_OTHER_LOGS}")
        if self.is_shared or self.envelopes:
            # Here only broken requests are rejected.
            own = [one.like for one in self.formats if isinstance(one, JsonFormat | PairsFormat)]
            like = "|".join(dict.fromkeys([_LIKE_A_REQUEST, *own]))
            foreign = pc.or_(foreign, pc.invert(pc.match_substring_regex(lines, like)))
        mask: Bools = foreign.to_numpy(zero_copy_only=False)
        return mask


@attrs.frozen(eq=False)
class Payload:
    """The contents of envelopes."""

    lines: pa.StringArray
    line: Int32s
    times: Int64s
    kept: dict[str, pa.StringArray]
    """The values of kept fields in the envelopes, by name; null if missing."""


def open_envelopes(
    lines: pa.StringArray, envelopes: Sequence[Envelope], kept: Sequence[str] = ()
) -> Payload:
    """Remove envelopes from lines, outermost first.

    The innermost envelope with a time, or with a kept field, counts.
    """
    fields = ObjectFields(kept) if any(one.is_object for one in envelopes) and kept else None
    outer: dict[str, pa.StringArray] = {}
    line = np.arange(len(lines), dtype=np.int32)
    times = np.full(len(lines), NO_TIME, np.int64)
    for envelope in envelopes:
        opened = envelope.take_off(lines)
        if fields is not None and envelope.is_object:
            outer |= {
                name: pc.coalesce(texts, outer[name]) if name in outer else texts
                for name, texts in fields.of(lines).items()
            }
        outer = {name: pc.take(texts, column_of(opened.line)) for name, texts in outer.items()}
        lines, line = opened.lines, line[opened.line]
        times = np.where(opened.times != NO_TIME, opened.times, times[opened.line])
    return Payload(lines, line, times, outer)


def _with_kept(decoded: Decoded, around: dict[str, pa.StringArray]) -> pa.RecordBatch:
    """Fill missing kept fields of records from the envelopes of their lines."""
    batch = decoded.batch
    for name, texts in around.items():
        at = batch.schema.get_field_index(name)
        own = pc.cast(batch.column(at), pa.string())
        column = pc.dictionary_encode(pc.coalesce(own, pc.take(texts, column_of(decoded.line))))
        batch = batch.set_column(at, batch.schema.field(at), column)
    return batch


def _others(decoded: Decoded) -> Int32s:
    """Return the numbers of lines that are not records."""
    others = np.ones(decoded.lines, np.bool_)
    others[decoded.line] = False
    return np.flatnonzero(others).astype(np.int32)
