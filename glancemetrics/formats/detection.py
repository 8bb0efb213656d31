"""Which format a log is in, as a sample of its lines tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.envelopes import ENVELOPES, Envelope
from glancemetrics.formats.extended import extended_combined
from glancemetrics.formats.log_format import UNKNOWN, Circumstances, LogFormat
from glancemetrics.formats.pattern import PatternFormat, lines_of
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.presets.preset import parts_of
from glancemetrics.formats.stream import StreamFormat, chunk_of, open_envelopes

Bools = npt.NDArray[np.bool_]

SAMPLE_LINES = 300
"""Lines that are looked at; more do not tell more."""
_FIRST_LINES = 32
"""Of them, looked at by all formats; only those that explain some look at the others."""
_LONGEST_LINE = 1 << 16
_MOST_FORMATS = 4
"""That may be mixed in a log."""
_DEEPEST = 3
"""Envelopes inside each other."""
_LEAST_ENVELOPED = 0.2
"""Share of lines in an envelope from which one is believed in."""


@attrs.frozen
class Candidate:
    """A format that explains some of the lines."""

    name: str
    formats: tuple[LogFormat, ...]
    is_shared: bool
    explained: Bools = attrs.field(eq=False)
    """Which lines are records in it."""
    columns: int
    """How many columns of a record it fills."""

    @property
    def records(self) -> int:
        return int(np.count_nonzero(self.explained))


@attrs.frozen
class Detection:
    """What was found."""

    lines: int
    """How many were looked at."""
    format: StreamFormat | None
    """How the log is written; `None` if no format that is known explains any line."""
    candidates: tuple[Candidate, ...]
    """All formats that explain some of the lines, the best first."""


def detect(sample: bytes, circumstances: Circumstances = UNKNOWN) -> Detection:
    """Find how the lines of a sample, each ended by a newline, are written."""
    lines = lines_of(_few_lines(sample))
    # A time that lines do not name themselves is of no matter here.
    circumstances = attrs.evolve(circumstances, arrived=circumstances.arrived or 0.0)
    best = _Found((), (), 0)
    for envelopes in _envelopes(lines):
        inside = open_envelopes(lines, envelopes).lines
        candidates = _candidates(inside, circumstances)
        explained = _explained(candidates[:_MOST_FORMATS], len(inside))
        # An envelope must explain more than the lines do without it.
        if explained > best.records:
            best = _Found(envelopes, candidates, explained)
    chosen = _chosen(best.candidates)
    return Detection(
        len(lines),
        StreamFormat(
            tuple(dict.fromkeys(one for candidate in chosen for one in candidate.formats)),
            best.envelopes,
            any(candidate.is_shared for candidate in chosen),
        )
        if chosen
        else None,
        best.candidates,
    )


@attrs.frozen
class _Found:
    envelopes: tuple[Envelope, ...]
    candidates: tuple[Candidate, ...]
    records: int


def _few_lines(sample: bytes) -> bytes:
    """Return some lines of a sample: the first and the last ones, none of them very long."""
    lines = [line for line in sample.splitlines(keepends=True) if len(line) <= _LONGEST_LINE]
    if len(lines) > SAMPLE_LINES:
        half = SAMPLE_LINES // 2
        lines = lines[:half] + lines[-half:]
    return b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines)


def _envelopes(lines: pa.StringArray) -> Iterable[tuple[Envelope, ...]]:
    """Yield what may be around the lines: nothing, then one envelope, and others in it."""
    envelopes: tuple[Envelope, ...] = ()
    yield envelopes
    for _ in range(_DEEPEST):
        counts = {
            name: np.count_nonzero(envelope.take_off(lines).enveloped)
            for name, envelope in ENVELOPES.items()
        }
        # Of several that open as many, the first is the one that cannot be mistaken.
        name = max(counts, key=lambda name: counts[name])
        if not counts[name] or counts[name] < _LEAST_ENVELOPED * len(lines):
            return
        envelopes = (*envelopes, ENVELOPES[name])
        lines = ENVELOPES[name].take_off(lines).lines
        yield envelopes


def _candidates(lines: pa.StringArray, circumstances: Circumstances) -> tuple[Candidate, ...]:
    """Return the formats that explain some lines: looked for by a few lines, twice."""
    # Some have several names; the first counts.
    unique: dict[tuple[LogFormat, ...], tuple[str, tuple[LogFormat, ...], bool]] = {}
    for preset in PRESETS.values():
        unique.setdefault(preset.formats, (preset.name, preset.formats, preset.is_shared))
    possible = list(unique.values())
    inferred = extended_combined(lines)
    if inferred is not None:
        possible.append((inferred.name, (inferred,), False))
    found: list[Candidate] = []
    unexplained = np.ones(len(lines), np.bool_)
    for _ in range(2):
        few = _spread(np.flatnonzero(unexplained))
        if not len(few):
            break
        chunk = chunk_of(lines.take(pa.array(few)))
        fitting = [one for one in possible if _candidate(*one, chunk, circumstances).records]
        possible = [one for one in possible if one not in fitting]
        for one in fitting:
            candidate = _candidate(*one, chunk_of(lines), circumstances)
            found.append(candidate)
            unexplained &= ~candidate.explained
    return tuple(sorted(found, key=lambda one: (one.records, one.columns), reverse=True))


def _spread(numbers: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return some of the numbers, from everywhere."""
    if len(numbers) <= _FIRST_LINES:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, _FIRST_LINES).astype(np.intp)]


def _candidate(
    name: str,
    formats: tuple[LogFormat, ...],
    is_shared: bool,
    chunk: bytes,
    circumstances: Circumstances,
) -> Candidate:
    decoded = StreamFormat(formats, is_shared=is_shared).decode(chunk, circumstances)
    explained = np.zeros(decoded.lines, np.bool_)
    explained[decoded.line] = True
    batch = decoded.batch
    # Nobody has an identity (RFC 1413) any more: what stands there is something else.
    columns = sum(
        batch.column(column).null_count < batch.num_rows
        for column in batch.schema.names
        if column != "identity"
    )
    return Candidate(name, formats, is_shared, explained, columns)


def _chosen(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the best, and what explains lines that it does not."""
    chosen: list[Candidate] = []
    left = list(candidates)
    explained = np.zeros(len(left[0].explained) if left else 0, np.bool_)
    while left and len(chosen) < _MOST_FORMATS:
        gains = [int(np.count_nonzero(candidate.explained & ~explained)) for candidate in left]
        best = left.pop(gains.index(max(gains)))
        if not max(gains):
            break
        explained |= best.explained
        chosen.append(best)
    return chosen


def _explained(candidates: Sequence[Candidate], lines: int) -> int:
    together = np.zeros(lines, np.bool_)
    for candidate in candidates:
        together |= candidate.explained
    return int(np.count_nonzero(together))


@attrs.frozen
class Stop:
    """Where the format that comes nearest stops to explain a line."""

    name: str
    at: int
    """Characters into the line."""
    reason: str


def nearest(line: str, formats: Sequence[LogFormat] | None = None) -> Stop | None:
    """Find the format that goes furthest into a line which none explains.

    Of those that are given, or of all that have a name; `None` if none can say where it stops.
    """
    if formats is None:
        formats = [one for preset in PRESETS.values() for one in preset.formats]
    stops = []
    for one in dict.fromkeys(formats):
        pattern = _COMBINED_PATTERN if one == COMBINED else one
        if isinstance(pattern, PatternFormat):
            _, at = pattern.stop(line)
            stops.append(Stop(one.name, at, one.explain(line.encode("utf-8", "backslashreplace"))))
    return max(stops, key=lambda stop: stop.at, default=None)


_COMBINED_PATTERN = PatternFormat(
    "combined",
    parts_of(
        '{host} {identity} {user} [{clf_time}] "{request}" {status} {bytes} "{referrer}" "{agent}"'
    ),
)
"""Says where a line stops to be combined, which its own decoder does not."""
