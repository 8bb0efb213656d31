"""Which format a log is in, as a sample of its lines tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

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
"""How sure a format is of a line in which something looks like something else."""

_DAMAGED = 0.5
"""And of one of which it cannot read a field."""

SAMPLE_LINES = 300
"""Lines that are looked at; more do not tell more."""
_FIRST_LINES = 32
"""Of them, looked at by all formats; only those that explain some look at the others."""
_LONGEST_LINE = 1 << 16
_MOST_FORMATS = 4
"""That may be mixed in a log."""
_DEEPEST = 3
"""Envelopes inside each other."""
_MOST_ENVELOPES = 12
"""Ways to open the lines that are tried: where several look alike, each opens more."""
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
    weights: Floats = attrs.field(eq=False)
    """How sure that is of each line, 0 to 1."""
    columns: int
    """How many columns of a record it fills."""

    @property
    def records(self) -> int:
        return int(np.count_nonzero(self.explained))

    @property
    def score(self) -> float:
        """How many lines it explains, those less of which it is not sure."""
        return float(self.weights.sum())


@attrs.frozen
class Detection:
    """What was found."""

    lines: int
    """How many were looked at."""
    format: StreamFormat | None
    """How the log is written; `None` if no format that is known explains any line."""
    candidates: tuple[Candidate, ...]
    """All formats that explain some of the lines, the best first."""


def detect(sample: bytes, context: LineContext = UNKNOWN) -> Detection:
    """Find how the lines of a sample, each ended by a newline, are written."""
    lines = lines_of(_few_lines(sample))
    # A time that lines do not name themselves is of no matter here.
    context = attrs.evolve(context, arrived=context.arrived or 0.0, repairs=False, kept=())
    best = _Found((), (), 0.0)
    for envelopes in islice(_envelopes(lines), _MOST_ENVELOPES):
        opened = open_envelopes(lines, envelopes)
        inside = opened.lines
        around = attrs.evolve(context, line_times=opened.times)
        candidates = _candidates(inside, around)
        score = _score(candidates, len(inside))
        # An envelope must explain more than the lines do without it.
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
    """Return some lines of a sample: the first and the last ones, none of them very long."""
    # Nothing but a newline ends a line: others are what somebody has sent.
    lines = [line for line in sample.split(b"\n") if line and len(line) < _LONGEST_LINE]
    if len(lines) > SAMPLE_LINES:
        # A log may begin with a lot that another program has written.
        likely = [line for line in lines if LIKE_A_REQUEST.search(line)]
        # What directives say need have nothing of a request.
        has_fields = any(line.startswith(b"#Fields:") for line in likely)
        lines = lines if has_fields else likely or lines
    if len(lines) > SAMPLE_LINES:
        half = SAMPLE_LINES // 2
        lines = lines[:half] + lines[-half:]
    return b"".join(line + b"\n" for line in lines)


def _envelopes(
    lines: pa.StringArray, around: tuple[Envelope, ...] = ()
) -> Iterable[tuple[Envelope, ...]]:
    """Yield what may be around the lines: nothing, then one envelope, and others in it."""
    yield around
    if len(around) == _DEEPEST:
        return
    opened = {name: envelope.take_off(lines) for name, envelope in ENVELOPES.items()}
    # Of lines put together from pieces there are fewer.
    shares = {
        name: float(each.enveloped.mean()) if len(each.enveloped) else 0.0
        for name, each in opened.items()
    }
    most = max(shares.values())
    if most >= _LEAST_ENVELOPED:
        # One may be mistaken for another: what is inside tells.
        for name, share in shares.items():
            if share == most:
                yield from _envelopes(opened[name].lines, (*around, ENVELOPES[name]))


def _candidates(lines: pa.StringArray, context: LineContext) -> tuple[Candidate, ...]:
    """Return the formats that explain some lines: looked for by a few lines, twice."""
    # Some have several names; the first counts.
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
        chunk = chunk_of(lines.take(pa.array(few)))
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
    # What has a name is surer than what is inferred.
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
    """Tell whether times are written as by no other server: that is surer than a general format."""
    return any(
        part.field is Field.FORMATTED_TIME
        for one in candidate.formats
        if isinstance(one, PatternFormat)
        for part in one.parts
    )


def _may_explain(log_format: LogFormat, chunk: bytes, context: LineContext) -> bool:
    """Tell at a glance whether a format may explain any line: to try it takes a millisecond."""
    if isinstance(log_format, W3cFormat):
        return bool(context.directives) or log_format.may_explain(chunk)
    if isinstance(log_format, JsonFormat | PairsFormat | PatternFormat):
        return log_format.may_explain(chunk)
    return True


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
    context: LineContext,
) -> Candidate:
    decoded = guarded_decode(StreamFormat(formats, is_shared=is_shared), chunk, context)
    explains = np.zeros(decoded.lines, np.bool_)
    explains[decoded.line] = True
    batch = decoded.batch
    is_damaged = np.isin(decoded.line, decoded.damaged)
    # What has no status that could be read may be about anything.
    without_status = batch.column("status").is_null().to_numpy(zero_copy_only=False)
    explains[decoded.line[is_damaged & without_status]] = False
    # Nobody has an identity (RFC 1413) any more: what stands there is something else.
    columns = sum(
        _has_values(batch.column(column)) for column in batch.schema.names if column != "identity"
    )
    weights = explains.astype(np.float64)
    weights[decoded.line[~_are_plausible(batch)]] *= _IMPLAUSIBLE
    weights[decoded.damaged] *= _DAMAGED
    return Candidate(name, formats, is_shared, explains, weights, columns)


def _has_values(column: pa.Array) -> bool:
    """Tell whether a column says anything: nothing between quotes is nothing."""
    if isinstance(column, pa.DictionaryArray) and column.dictionary.equals(_EMPTY_TEXT):
        return False
    return bool(column.null_count < len(column))


_EMPTY_TEXT = pa.array([""])


def _are_plausible(batch: pa.RecordBatch) -> Bools:
    """Tell which records look as they should, and not as if a field had been taken for another.

    A client is an address, though servers that look up names write those; no host is a time.
    """
    hosts, vhosts = batch.column("host"), batch.column("vhost")
    addresses = pc.match_substring_regex(hosts.dictionary, _ADDRESS)
    times = pc.match_substring_regex(vhosts.dictionary, _TIME)
    plausible: Bools = np.append(addresses.to_numpy(zero_copy_only=False), True)[codes_of(hosts)]
    misread: Bools = np.append(times.to_numpy(zero_copy_only=False), False)[codes_of(vhosts)]
    return plausible & ~misread


def _chosen(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the best, and what explains lines that it does not."""
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
    stops: list[tuple[int, Stop]] = []
    for one in dict.fromkeys(formats):
        pattern = COMBINED_PARTS if one == COMBINED else one
        if isinstance(pattern, PatternFormat):
            _, at = pattern.stop(line)
            written = line.encode("utf-8", "backslashreplace")
            stop = Stop(one.name, at, explained(written, pattern))
            fault = explained(written, one)
            if is_time_fault(fault):
                there = pattern.time_at(line)
                stop = Stop(one.name, at if there is None else there, fault)
            stops.append((at, stop))
    return max(stops, key=lambda stop: stop[0], default=(0, None))[1]
