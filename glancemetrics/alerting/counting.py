"""Counts records for rules, by second and group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.strings import codes_of, string_hashes
from glancemetrics.records.dimensions import code, derived_named, dimension_called
from glancemetrics.records.duration_bins import bucket_of
from glancemetrics.records.names import shortened
from glancemetrics.records.schema import seconds as seconds_of
from glancemetrics.records.schema import sizes, statuses
from glancemetrics.rules.metrics import REJECTS, Measure, MeasureKind
from glancemetrics.state.tree import State

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
Masks = Callable[[pa.RecordBatch], Mapping[str, Bools]]
"""Return for each condition which records of a batch match it."""

_DENSE = 4 << 20
"""Up to this many possible keys are counted in an array; with more, actual keys are sorted."""
_ATTACKS = (
    r"(?i)(?:^/(?:wp-(?:login|admin|config|includes)|xmlrpc\.php|phpmyadmin|pma/|admin\.php|"
    r"\.(?:env|git|aws|ssh|svn|htaccess|htpasswd|DS_Store)|cgi-bin/|vendor/phpunit|HNAP1|"
    r"boaform|actuator|solr/|owa/|ecp/|autodiscover|setup\.cgi|shell|eval-stdin)|"
    r"\.\./|%2e%2e|/etc/passwd|/proc/self|<script|%3cscript|union(?:\+|%20)select)"
)
"""Paths that scanners ask for and no site links to (RE2)."""


@attrs.frozen
class Stream:
    """Records that several rules may share: a condition and a grouping."""

    where: str | None = None
    by: str | None = None

    @property
    def classifies_agents(self) -> bool:
        """Whether it asks for what user agents are: browsers, bots and so on."""
        return any(one.column == "agent" for one in derived_named(f"{self.by} {self.where}"))


@attrs.frozen(eq=False)
class RuleCounts:
    """Counts of one stream: rows of second, group and key, each once.

    `keys` are 0 where the measure has none, else duration buckets or hashes of values.
    """

    stream: Stream
    measure: Measure
    seconds: Int64s
    groups: Int64s
    """Indices into `names`."""
    keys: Int64s
    counts: Int64s
    names: Sequence[str]
    """Names of groups; one empty name without grouping."""
    is_whole: bool = True
    """Whether every name has rows."""

    def to_state(self) -> State:
        """Return it as plain values, for `from_state`."""
        stream, measure = self.stream, self.measure
        return {
            "stream": [stream.where, stream.by],
            "measure": [measure.kind.name, measure.statuses, measure.column],
            "rows": [self.seconds, self.groups, self.keys, self.counts],
            "names": list(self.names),
            "is_whole": self.is_whole,
        }

    @classmethod
    def from_state(cls, state: State) -> RuleCounts:
        """Return it from the values of `to_state`."""
        kind, statuses, column = state["measure"]
        measure = Measure(MeasureKind[kind], tuple(statuses) if statuses else None, column)
        seconds, groups, keys, counts = state["rows"]
        stream, names = Stream(*state["stream"]), state["names"]
        return cls(stream, measure, seconds, groups, keys, counts, names, state["is_whole"])

    def between(self, start: int, end: int) -> RuleCounts:
        """Return a range of rows."""
        rows = slice(start, end)
        used, groups = np.unique(self.groups[rows], return_inverse=True)
        return attrs.evolve(
            self,
            seconds=self.seconds[rows],
            groups=groups,
            keys=self.keys[rows],
            counts=self.counts[rows],
            names=[self.names[i] for i in used.tolist()],
            is_whole=True,
        )

    def rest(self, start: int) -> RuleCounts:
        """Return the rows from `start`, with all names."""
        rows = slice(start, None)
        return attrs.evolve(
            self,
            seconds=self.seconds[rows],
            groups=self.groups[rows],
            keys=self.keys[rows],
            counts=self.counts[rows],
            is_whole=False,
        )


def merged(parts: Iterable[RuleCounts]) -> list[RuleCounts]:
    """Merge counts of the same stream and measure, so that each row occurs once."""
    alike: dict[tuple[Stream, Measure], list[RuleCounts]] = {}
    for part in parts:
        alike.setdefault((part.stream, part.measure), []).append(part)
    return [_added(parts) for parts in alike.values()]


def ungrouped(parts: list[RuleCounts]) -> list[RuleCounts]:
    """Merge counts of the same measure without groups; rows may occur twice."""
    alike: dict[Measure, list[RuleCounts]] = {}
    for part in parts:
        alike.setdefault(part.measure, []).append(part)
    return [
        attrs.evolve(
            own[0],
            seconds=np.concatenate([part.seconds for part in own]),
            groups=np.concatenate([part.groups for part in own]),
            keys=np.concatenate([part.keys for part in own]),
            counts=np.concatenate([part.counts for part in own]),
        )
        if len(own) > 1
        else own[0]
        for own in alike.values()
    ]


def _added(parts: list[RuleCounts]) -> RuleCounts:
    if len(parts) == 1:
        return parts[0]
    numbers: dict[str, int] = {}
    groups = []
    for part in parts:
        own = [numbers.setdefault(name, len(numbers)) for name in part.names]
        groups.append(np.array(own, np.int64)[part.groups])
    seconds = np.concatenate([part.seconds for part in parts])
    first = int(seconds.min())
    seconds, of, keys, counts = _summed(
        seconds - first,
        np.concatenate(groups),
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.counts for part in parts]),
        0,
        len(numbers),
    )
    return RuleCounts(
        parts[0].stream, parts[0].measure, seconds + first, of, keys, counts, list(numbers)
    )


class Counting:
    """Counts batches of records for streams and their measures."""

    def __init__(
        self, wanted: Iterable[tuple[Stream, Measure]], masks: Masks = lambda _: {}
    ) -> None:
        """`masks` evaluates the conditions of all streams."""
        self._wanted = list(dict.fromkeys(wanted))
        self._masks = masks

    @property
    def classifies_agents(self) -> bool:
        """Whether user agents have to be classified for any stream."""
        return any(stream.classifies_agents for stream, _ in self._wanted)

    def count(self, batch: pa.RecordBatch) -> list[RuleCounts]:
        """Count the records of a batch of `records.SCHEMA`."""
        if not batch.num_rows or not self._wanted:
            return []
        counting = _Batch(batch, self._masks(batch))
        return [
            counts
            for stream, measure in self._wanted
            if measure != REJECTS and (counts := counting.counted(stream, measure)) is not None
        ]

    def count_rejects(self, seconds: Int64s) -> list[RuleCounts]:
        """Count unparsed lines by the second in which they were written."""
        if not len(seconds):
            return []
        distinct, counts = np.unique(seconds, return_counts=True)
        zeros = np.zeros(len(distinct), np.int64)
        return [
            RuleCounts(stream, measure, distinct, zeros, zeros, counts, [""])
            for stream, measure in self._wanted
            if measure == REJECTS
        ]


class _Batch:
    """One batch; work shared by several streams is done once."""

    def __init__(self, batch: pa.RecordBatch, masks: Mapping[str, Bools]) -> None:
        self._batch = batch
        self._masks = masks
        self._seconds = seconds_of(batch)
        self._first = int(self._seconds.min())
        self._span = int(self._seconds.max()) - self._first + 1
        self._groups: dict[str | None, tuple[Int64s, Sequence[str]]] = {}
        self._rows: dict[Stream, Int64s | None] = {}
        self._attacks: Bools | None = None
        self._statuses: Int64s | None = None

    def counted(self, stream: Stream, measure: Measure) -> RuleCounts | None:
        groups, names = self._grouped(stream.by)
        chosen = self._chosen(stream)
        if measure.statuses is not None:
            first, last = measure.statuses
            of_chosen = _of(self._all_statuses(), chosen)
            chosen = _narrowed(chosen, (of_chosen >= first) & (of_chosen <= last))
        weights: Int64s | None = None
        keys: Int64s | None = None
        match measure.kind:
            case MeasureKind.BYTES:
                weights = _of(sizes(self._batch), chosen)
            case MeasureKind.DURATIONS:
                column = self._batch.column(measure.column)
                there = pc.is_valid(column).to_numpy(zero_copy_only=False)
                chosen = _narrowed(chosen, _of(there, chosen))
                keys = bucket_of(_of(pc.fill_null(column, _ZERO).to_numpy(), chosen))
            case MeasureKind.DISTINCT:
                hashes, there = self._hashes(measure.column)
                chosen = _narrowed(chosen, _of(there, chosen))
                keys = _of(hashes, chosen)
            case MeasureKind.ATTACKS:
                chosen = _narrowed(chosen, _of(self._are_attacks(), chosen))
        seconds, groups = _of(self._seconds - self._first, chosen), _of(groups, chosen)
        if not len(seconds):
            return None
        seconds, groups, keys, counts = _summed(
            seconds, groups, keys, weights, self._span, len(names)
        )
        if not len(seconds):
            return None
        used, groups = np.unique(groups, return_inverse=True)
        return RuleCounts(
            stream,
            measure,
            seconds + self._first,
            groups,
            keys,
            counts,
            [shortened(names[i]) for i in used.tolist()],
        )

    def _chosen(self, stream: Stream) -> Int64s | None:
        """Return the row numbers of a stream; `None` for all rows."""
        if stream not in self._rows:
            chosen = None
            if stream.where is not None:
                chosen = np.flatnonzero(self._masks[stream.where])
            groups, _ = self._grouped(stream.by)
            there = _of(groups, chosen) >= 0
            self._rows[stream] = chosen if there.all() else _narrowed(chosen, there)
        return self._rows[stream]

    def _all_statuses(self) -> Int64s:
        if self._statuses is None:
            self._statuses = statuses(self._batch)
        return self._statuses

    def _grouped(self, by: str | None) -> tuple[Int64s, Sequence[str]]:
        if by not in self._groups:
            if by is None:
                found: tuple[Int64s, Sequence[str]] = (np.zeros(len(self._seconds), np.int64), [""])
            else:
                coded = code(self._batch, dimension_called(by))
                found = coded.codes, coded.names.to_pylist()
            self._groups[by] = found
        return self._groups[by]

    def _hashes(self, column: str) -> tuple[Int64s, Bools]:
        dimension = dimension_called(column)
        if dimension.derive is None:
            dimension = attrs.evolve(dimension, missing=None)  # a missing value is not a value
        coded = code(self._batch, dimension)
        hashes = np.append(string_hashes(pc.drop_null(coded.names)).view(np.int64), 0)
        return hashes[coded.codes], coded.codes >= 0

    def _are_attacks(self) -> Bools:
        if self._attacks is None:
            paths = self._batch.column("path")
            found = pc.match_substring_regex(paths.dictionary, _ATTACKS)
            flags = np.append(found.to_numpy(zero_copy_only=False), False)
            self._attacks = flags[codes_of(paths)]
        return self._attacks


_ZERO = pa.scalar(0.0)


def _of(values: npt.NDArray[Any], rows: Int64s | None) -> npt.NDArray[Any]:
    return values if rows is None else values[rows]


def _narrowed(rows: Int64s | None, kept: Bools) -> Int64s:
    """Return the kept ones of some rows."""
    return np.flatnonzero(kept) if rows is None else rows[kept]


def _summed(
    seconds: Int64s,
    groups: Int64s,
    keys: Int64s | None,
    weights: Int64s | None,
    span: int,
    size: int,
) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Count rows by second, group and key, or sum their weights."""
    combined = seconds * size + groups
    if keys is None and span * size <= _DENSE:
        if weights is None:
            sums = np.bincount(combined, minlength=span * size)
        else:
            sums = np.zeros(span * size, np.int64)
            np.add.at(sums, combined, weights)
        present = np.flatnonzero(sums)
        return present // size, present % size, np.zeros(len(present), np.int64), sums[present]
    if keys is None:
        keys = np.zeros(len(combined), np.int64)
    order = np.lexsort((keys, combined))
    combined, keys = combined[order], keys[order]
    starts = np.flatnonzero(
        np.append(True, (combined[1:] != combined[:-1]) | (keys[1:] != keys[:-1]))
    )
    if weights is None:
        counts = np.diff(np.append(starts, len(combined)))
    else:
        counts = np.add.reduceat(weights[order], starts)
    return combined[starts] // size, combined[starts] % size, keys[starts], counts
