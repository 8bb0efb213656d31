"""Detects the format of a log from a sample of its lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.combined import COMBINED, COMBINED_PARTS
from glancemetrics.formats.envelopes import ENVELOPES, Envelope
from glancemetrics.formats.extended import extended_combined
from glancemetrics.formats.fields import Field
from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.lines import chunk_of, lines_of
from glancemetrics.formats.log_format import UNKNOWN, LineContext, LogFormat, explained
from glancemetrics.formats.noise import LIKE_A_REQUEST
from glancemetrics.formats.pairs import PairsFormat
from glancemetrics.formats.pattern import PatternFormat
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.stream import StreamFormat, open_envelopes
from glancemetrics.formats.times import is_time_fault
from glancemetrics.formats.w3c import W3cFormat
from glancemetrics.native.strings import codes_of

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_ADDRESS = r"^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+(?:%\w+)?)$"
_TIME = r"^\d{4}-\d\d-\d\dT"
_IMPLAUSIBLE = 0.9
"""Weight of a line in which one field looks like another."""

_DAMAGED = 0.5
"""Weight of a line with an unreadable field."""

SAMPLE_LINES = 300
"""Lines that are examined; more do not improve the result."""
_FIRST_LINES = 32
"""Lines tried with all formats; only formats that match some of them try the others."""
_LONGEST_LINE = 1 << 16
_MOST_FORMATS = 4
"""Maximum formats mixed in one log."""
_DEEPEST = 3
"""Maximum nested envelopes."""
_MOST_ENVELOPES = 12
"""Maximum combinations of envelopes tried; envelopes that look alike multiply them."""
_LEAST_ENVELOPED = 0.2
"""Minimum share of lines in an envelope for it to count."""


@attrs.frozen
class Candidate:
    """A format that matches some of the lines."""

    name: str
    formats: tuple[LogFormat, ...]
    is_shared: bool
    explained: Bools = attrs.field(eq=False)
    """Which lines are records in this format."""
    weights: Floats = attrs.field(eq=False)
    """The confidence in each line, 0 to 1."""
    columns: int
    """How many columns of a record it fills."""

    @property
    def records(self) -> int:
        return int(np.count_nonzero(self.explained))

    @property
    def score(self) -> float:
        """Number of matched lines, weighted by confidence."""
        return float(self.weights.sum())


@attrs.frozen
class Detection:
    """The result of a detection."""

    lines: int
    """How many lines were examined."""
    format: StreamFormat | None
    """The format of the log; `None` if no known format matches any line."""
    candidates: tuple[Candidate, ...]
    """All formats that match some of the lines, best first."""


def detect(sample: bytes, context: LineContext = UNKNOWN) -> Detection:
    """Detect the format of a sample of lines, each ended by a newline."""
    lines = lines_of(_few_lines(sample))
    # Detection does not need the times of lines that have none.
    context = attrs.evolve(context, arrived=context.arrived or 0.0, repairs=False, kept=())
    best = _Found((), (), 0.0)
    for envelopes in islice(_envelopes(lines), _MOST_ENVELOPES):
        opened = open_envelopes(lines, envelopes)
        inside = opened.lines
        around = attrs.evolve(context, line_times=opened.times)
        candidates = _candidates(inside, around)
        score = _score(candidates, len(inside))
        # Removing an envelope must make more lines match.
        if score > best.score:
            best = _Found(envelopes, candidates, score)
        if score == len(inside):
            break
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
    score: float


def _few_lines(sample: bytes) -> bytes:
    """Return the first and the last lines of a sample, without very long ones."""
    # Only a newline ends a line: other separators may come from clients.
    lines = [line for line in sample.split(b"\n") if line and len(line) < _LONGEST_LINE]
    if len(lines) > SAMPLE_LINES:
        # A log may begin with many lines of another program.
        likely = [line for line in lines if LIKE_A_REQUEST.search(line)]
        # Lines described by directives need not look like requests.
        has_fields = any(line.startswith(b"#Fields:") for line in likely)
        lines = lines if has_fields else likely or lines
    if len(lines) > SAMPLE_LINES:
        half = SAMPLE_LINES // 2
        lines = lines[:half] + lines[-half:]
    return b"".join(line + b"\n" for line in lines)


def _envelopes(
    lines: pa.StringArray, around: tuple[Envelope, ...] = ()
) -> Iterable[tuple[Envelope, ...]]:
    """Yield possible envelopes around the lines: none, then one, then nested ones."""
    yield around
    if len(around) == _DEEPEST:
        return
    opened = {name: envelope.take_off(lines) for name, envelope in ENVELOPES.items()}
    # Joining split lines leaves fewer of them, so shares are compared, not counts.
    shares = {
        name: float(each.enveloped.mean()) if len(each.enveloped) else 0.0
        for name, each in opened.items()
    }
    most = max(shares.values())
    if most >= _LEAST_ENVELOPED:
        # The lines inside distinguish envelopes that look alike.
        for name, share in shares.items():
            if share == most:
                yield from _envelopes(opened[name].lines, (*around, ENVELOPES[name]))


def _candidates(lines: pa.StringArray, context: LineContext) -> tuple[Candidate, ...]:
    """Return the formats that match some lines; two rounds, each with a few lines first."""
    # Some formats have several names; the first counts.
    unique: dict[tuple[LogFormat, ...], tuple[str, tuple[LogFormat, ...], bool]] = {}
    for preset in PRESETS.values():
        unique.setdefault(preset.formats, (preset.name, preset.formats, preset.is_shared))
    possible = list(unique.values())
    inferred = extended_combined(lines, context.duration_unit)
    if inferred is not None:
        possible.append((inferred.name, (inferred,), False))
    found: list[Candidate] = []
    unexplained = np.ones(len(lines), np.bool_)
    for _ in range(2):
        few = _spread(np.flatnonzero(unexplained))
        if not len(few):
            break
        chunk = chunk_of(pc.take(lines, pa.array(few)))
        of_few = context.of_lines(few)
        fitting = [
            one
            for one in possible
            if one[1] == (inferred,) or any(_may_explain(each, chunk, of_few) for each in one[1])
        ]
        fitting = [one for one in fitting if _candidate(*one, chunk, of_few).records]
        possible = [one for one in possible if one not in fitting]
        for one in fitting:
            candidate = _candidate(*one, chunk_of(lines), context)
            found.append(candidate)
            unexplained &= ~candidate.explained
    # Named formats are more certain than inferred ones.
    return tuple(
        sorted(
            found,
            key=lambda one: (
                *(one.score, one.formats != (inferred,), one.columns),
                _has_time_of_its_own(one),
            ),
            reverse=True,
        )
    )


def _has_time_of_its_own(candidate: Candidate) -> bool:
    """Tell whether its time format is unique to it, which beats a general format."""
    return any(
        part.field is Field.FORMATTED_TIME
        for one in candidate.formats
        if isinstance(one, PatternFormat)
        for part in one.parts
    )


def _may_explain(log_format: LogFormat, chunk: bytes, context: LineContext) -> bool:
    """Check quickly whether a format may match any line: a full attempt takes a millisecond."""
    if isinstance(log_format, W3cFormat):
        return bool(context.directives) or log_format.may_explain(chunk)
    if isinstance(log_format, JsonFormat | PairsFormat | PatternFormat):
        return log_format.may_explain(chunk)
    return True


def _spread(numbers: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return an evenly spread sample of the numbers."""
    if len(numbers) <= _FIRST_LINES:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, _FIRST_LINES).astype(np.intp)]


def _candidate(
    name: str,
    formats: tuple[LogFormat, ...],
    is_shared: bool,
    chunk: bytes,
    context: LineContext,
) -> Candidate:
    decoded = guarded_decode(StreamFormat(formats, is_shared=is_shared), chunk, context)
    explains = np.zeros(decoded.lines, np.bool_)
    explains[decoded.line] = True
    batch = decoded.batch
    is_damaged = np.isin(decoded.line, decoded.damaged)
    # A damaged line without a readable status may not be a request at all.
    without_status = pc.is_null(batch.column("status")).to_numpy(zero_copy_only=False)
    explains[decoded.line[is_damaged & without_status]] = False
    # Identities (RFC 1413) are no longer used: a value there is really another field.
    columns = sum(
        _has_values(batch.column(column)) for column in batch.schema.names if column != "identity"
    )
    weights = explains.astype(np.float64)
    weights[decoded.line[~_are_plausible(batch)]] *= _IMPLAUSIBLE
    weights[decoded.damaged] *= _DAMAGED
    return Candidate(name, formats, is_shared, explains, weights, columns)


def _has_values(column: pa.Array) -> bool:
    """Tell whether a column has a value; empty quotes are not one."""
    if isinstance(column, pa.DictionaryArray) and column.dictionary.equals(_EMPTY_TEXT):
        return False
    return bool(column.null_count < len(column))


_EMPTY_TEXT = pa.array([""])


def _are_plausible(batch: pa.RecordBatch) -> Bools:
    """Tell which records look plausible, rather than as if fields had been mixed up.

    A client should be an address (unless the server resolves names), and no host is a time.
    """
    hosts, vhosts = batch.column("host"), batch.column("vhost")
    addresses = pc.match_substring_regex(hosts.dictionary, _ADDRESS)
    times = pc.match_substring_regex(vhosts.dictionary, _TIME)
    plausible: Bools = np.append(addresses.to_numpy(zero_copy_only=False), True)[codes_of(hosts)]
    misread: Bools = np.append(times.to_numpy(zero_copy_only=False), False)[codes_of(vhosts)]
    return plausible & ~misread


def _chosen(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the best candidate, and others that match lines it does not."""
    chosen: list[Candidate] = []
    left = list(candidates)
    explained = np.zeros(len(left[0].explained) if left else 0, np.bool_)
    while left and len(chosen) < _MOST_FORMATS:
        gains = [float(candidate.weights[~explained].sum()) for candidate in left]
        best = left.pop(gains.index(max(gains)))
        if not max(gains):
            break
        explained |= best.explained
        chosen.append(best)
    return chosen


def _score(candidates: Sequence[Candidate], lines: int) -> float:
    best = np.zeros(lines, np.float64)
    for candidate in candidates:
        best = np.maximum(best, candidate.weights)
    return float(best.sum())


@attrs.frozen
class Stop:
    """Where the closest format stops matching a line."""

    name: str
    at: int
    """Characters into the line."""
    reason: str


def nearest(line: str, formats: Sequence[LogFormat] | None = None) -> Stop | None:
    """Find the format that matches the longest beginning of a line that no format matches.

    Searches the given formats, or all named ones; `None` if no format can say where it stops.
    """
    if formats is None:
        formats = [one for preset in PRESETS.values() for one in preset.formats]
    stops: list[tuple[int, Stop]] = []
    for one in dict.fromkeys(formats):
        pattern = COMBINED_PARTS if one == COMBINED else one
        if isinstance(pattern, PatternFormat):
            _, at = pattern.stop(line)
            encoded = line.encode("utf-8", "backslashreplace")
            stop = Stop(one.name, at, explained(encoded, pattern))
            fault = explained(encoded, one)
            if is_time_fault(fault):
                there = pattern.time_at(line)
                stop = Stop(one.name, at if there is None else there, fault)
            stops.append((at, stop))
    return max(stops, key=lambda stop: stop[0], default=(0, None))[1]
