"""A format that is detected automatically, and again when it no longer fits."""

from __future__ import annotations

import threading

import attrs
import numpy as np

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.lines import line_bounds, lines_of
from glancemetrics.formats.log_format import (
    UNKNOWN,
    Decoded,
    LineContext,
    nothing_decoded,
)
from glancemetrics.formats.noise import LIKE_A_REQUEST, NOISE, shape_of
from glancemetrics.formats.stream import StreamFormat
from glancemetrics.formats.usual import usual_format
from glancemetrics.formats.w3c import NO_FIELDS, W3cFormat, is_headerless
from glancemetrics.native.lines import count_lines

_MOST_BETWEEN_DETECTIONS = 4096
"""Maximum rejects between two detections; each failed detection doubles the wait up to this."""
_MOST_SHAPES = 64
"""Maximum line shapes remembered; clients may send any number of them."""
_LONGEST_LINE = 1 << 16
_SAMPLED_LINES = 64
"""Rejects that are sampled for a detection."""
_SAMPLE_BYTES = 1 << 16
_LAST_LINES = 20
"""The last lines of a chunk: if most are rejects, the server has switched to another format."""
_MOST_REJECTED = 0.02
"""Share of rejected and damaged lines of a chunk above which the format of a log that is read whole
is detected again."""


class LastDetected:
    """The last format detected among logs that are read together: many logs share one."""

    def __init__(self, found: StreamFormat | None = None) -> None:
        self.format = found

    def explains(self, sample: bytes, context: LineContext) -> bool:
        """Tell whether it reads all lines of a sample, which makes detection unnecessary."""
        if self.format is None:
            return False
        if self.format.reads_easily(sample):
            return True
        decoded = guarded_decode(self.format, sample, context)
        return 0 < decoded.lines == _explained(decoded)


class AutoFormat:
    """The detected format of one log.

    With `learns`, as for a followed log, formats found later are remembered. Without it each chunk
    is judged on its own, and chunks may be decoded in any order with the same result.
    """

    def __init__(
        self,
        known: StreamFormat | None = None,
        *,
        learns: bool = True,
        last: LastDetected | None = None,
    ) -> None:
        """`last`: the format detected for the logs that are read with this one."""
        self._known = known
        self._last = last or LastDetected()
        self._learns = learns
        self._lock = threading.Lock()
        self._wait = 1
        self._rejects = 0
        self._seen: set[int] = set()
        """Shapes of lines for which detection failed, while no format is known."""

    @property
    def known(self) -> StreamFormat | None:
        """The detected format; `None` before one is found."""
        return self._known

    @property
    def steady(self) -> StreamFormat | None:
        """The format of all chunks of which nothing is in doubt; `None` if that may change."""
        return None if self._learns else self._known

    def doubts(self, unexplained: int, lines: int) -> bool:
        """Tell whether the format of a chunk is detected again, unless it learns."""
        return unexplained > _MOST_REJECTED * lines

    @property
    def name(self) -> str:
        """The name of the format."""
        return "none detected" if self._known is None else self._known.name

    @property
    def expected(self) -> str:
        """Completes "no line is ...": `in the haproxy format`."""
        return "in a known format" if self._known is None else self._known.expected

    @property
    def directives(self) -> tuple[bytes, ...]:
        """Prefixes of directive lines, which describe the lines after them."""
        return W3cFormat.directives if self._known is None else self._known.directives

    @property
    def keepable(self) -> tuple[str, ...] | None:
        """Names of the fields that it can keep; `None`: any field."""
        return None if self._known is None else self._known.keepable

    def look_at(self, sample: bytes, context: LineContext = UNKNOWN) -> None:
        """Detect the format, unless it is known."""
        with self._lock:
            if self._known is None:
                self._known = self._found(sample, context)

    def _found(self, sample: bytes, context: LineContext) -> StreamFormat | None:
        """Return the format of a sample: the last one, if it explains all, is shared."""
        if self._last.explains(sample, context):
            return self._last.format
        found = detected_format(sample, context)
        self._last.format = found or self._last.format
        return found

    def decode(self, chunk: bytes | memoryview, context: LineContext = UNKNOWN, /) -> Decoded:
        """Decode a chunk of whole lines, each ended by a newline."""
        known = self._known
        if known is None:
            known = self._detected(chunk, context)
            if known is None:
                return _unknown(chunk, context)
        decoded = known.decode(chunk, context)
        if len(decoded.unexplained) and self._is_detection_due(decoded):
            return self._detected_again(chunk, context, known, decoded)
        return decoded

    def _detected(self, chunk: bytes | memoryview, context: LineContext) -> StreamFormat | None:
        if not self._learns:
            return detected_format(_ends_of(chunk), context)
        unlike = self._unlike(chunk, any_line=bool(context.directives))
        sample = b"".join(line + b"\n" for line in unlike.values())
        found = self._found(sample, context) if unlike else None
        with self._lock:
            self._rejects += count_lines(chunk)[0]
            is_due = self._rejects >= self._wait
            self._seen.update(unlike)
        if found is None and is_due:
            found = detected_format(_ends_of(chunk), context)
        with self._lock:
            if found is not None or is_due:
                self._detection_ended(found is not None)
            if found is not None:
                self._known = found
                self._seen.clear()
        return found

    def _unlike(self, chunk: bytes | memoryview, *, any_line: bool) -> dict[int, bytes]:
        """Return possible requests of shapes that no failed detection has seen, by shape.

        So the first requests after a lot of noise are detected at once, and noise of one shape is
        examined only once.
        """
        unlike: dict[int, bytes] = {}
        for line in bytes(chunk).split(b"\n"):
            if len(self._seen) + len(unlike) >= _MOST_SHAPES:
                break
            if len(line) <= _LONGEST_LINE and (any_line or LIKE_A_REQUEST.search(line)):
                shape = shape_of(line)
                if shape not in self._seen:
                    unlike.setdefault(shape, line)
        return unlike

    def _detection_ended(self, found: bool) -> None:
        """Restart the count of rejects; each failed detection doubles the wait for the next."""
        self._rejects = 0
        self._wait = 1 if found else min(2 * self._wait, _MOST_BETWEEN_DETECTIONS)

    def explain(self, line: bytes) -> str:
        """Explain in one clause why a line was rejected."""
        if self._known is None:
            if is_headerless(line.decode("utf-8", "backslashreplace")):
                return NO_FIELDS
            return "no known format matches; details: glancemetrics formats FILE"
        return self._known.explain(line)

    def _is_detection_due(self, decoded: Decoded) -> bool:
        if not self._learns:
            return self.doubts(len(decoded.unexplained), decoded.lines)
        with self._lock:
            self._rejects += len(decoded.unexplained)
            return self._rejects >= self._wait

    def _detected_again(
        self,
        chunk: bytes | memoryview,
        context: LineContext,
        known: StreamFormat,
        decoded: Decoded,
    ) -> Decoded:
        found = detected_format(_lines_at(chunk, decoded), context)
        is_rare = not _has_changed(decoded)
        wider = known if found is None else known.widened(found, is_rare=is_rare)
        again = decoded if wider == known else wider.decode(chunk, context)
        better = _explained(again) > _explained(decoded)
        with self._lock:
            self._detection_ended(better)
            if better and self._learns:
                self._known = wider
        return again if better else decoded


def detected_format(sample: bytes, context: LineContext) -> StreamFormat | None:
    """Detect the format of a sample of lines, each ended by a newline; `None`: no known one."""
    usual = usual_format(sample)
    if usual is not None:
        return usual
    from glancemetrics.formats.detection import detect  # late: it loads all formats

    return detect(sample, context).format


def _unknown(chunk: bytes | memoryview, context: LineContext) -> Decoded:
    """Return the outcome while no format is known: noise is foreign, all else is rejected."""
    lines = lines_of(chunk)
    noise = pc.match_substring_regex(lines, NOISE).to_numpy(zero_copy_only=False)
    return attrs.evolve(
        nothing_decoded(context), lines=len(lines), rejected=np.flatnonzero(~noise).astype(np.int32)
    )


def _explained(decoded: Decoded) -> int:
    """How many lines are undamaged records."""
    return int(decoded.batch.num_rows) - len(decoded.damaged)


def _has_changed(decoded: Decoded) -> bool:
    """Tell whether most of the last lines are rejects: the server has switched its format."""
    last = min(_LAST_LINES, decoded.lines)
    return bool(2 * np.count_nonzero(decoded.unexplained >= decoded.lines - last) >= last)


def _ends_of(chunk: bytes | memoryview) -> bytes:
    """Return the lines at the beginning and at the end of a chunk."""
    if len(chunk) <= 2 * _SAMPLE_BYTES:
        return bytes(chunk)
    _, ends = line_bounds(chunk)
    first = ends[np.searchsorted(ends, _SAMPLE_BYTES)] + 1
    last = ends[np.searchsorted(ends, len(chunk) - _SAMPLE_BYTES)] + 1
    return bytes(chunk[:first]) + bytes(chunk[max(first, last) :])


def _lines_at(chunk: bytes | memoryview, decoded: Decoded) -> bytes:
    """Return a sample of a chunk's rejected and damaged lines."""
    starts, ends = line_bounds(chunk)
    chosen = decoded.unexplained
    if len(chosen) > _SAMPLED_LINES:
        chosen = chosen[np.linspace(0, len(chosen) - 1, _SAMPLED_LINES).astype(np.intp)]
    return b"".join(bytes(chunk[starts[number] : ends[number] + 1]) for number in chosen.tolist())
