"""Totals since the start, for programs that compute rates themselves, such as Prometheus.

Unlike windows, totals never forget: each counted record adds to them once, whatever its time. Their
labels are bounded, whatever is in a log: six status classes, ten methods, and `VHOST_LIMIT`
virtual hosts. They are part of a checkpoint, so a restart or a crash neither loses nor repeats a
record; without a checkpoint they start at 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.strings import codes_of
from glancemetrics.records.dimensions import OTHER
from glancemetrics.records.grouping import exact_sums_by
from glancemetrics.records.names import all_shortened
from glancemetrics.records.schema import sizes
from glancemetrics.state.tree import State

Int64s = npt.NDArray[np.int64]

STATUS_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")
"""`other`: no status, or one outside 100 to 599."""
USUAL_CLASSES = STATUS_CLASSES[1:5]
"""Counted from 0 once their method and virtual host have a request: `rate` of Prometheus misses
what a new series begins with, which may be the first errors."""
METHODS = (
    "",
    *("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"),
    "other",
)
"""Those of RFC 9110, section 9, and RFC 5789. Empty: there is no well-formed request line."""
VHOST_LIMIT = 100
"""Virtual hosts with totals of their own, the first ones that appear; the others are `OTHER`."""
DURATION_BOUNDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Upper bounds of the buckets of durations in seconds, inclusive; one more bucket has no bound.

Durations have no labels: twenty series for each of a hundred hosts are too many for one log."""

_VERSION = 1
"""Of the state; changes with the labels and the bounds."""
_NO_VHOST, _OTHER_VHOST = 0, 1
_MICROSECONDS = 1_000_000
_BOUNDS = np.rint(np.array(DURATION_BOUNDS) * _MICROSECONDS).astype(np.int64)
_OTHER_METHOD = len(METHODS) - 1
_MANY = 2000
"""Values from which on working on all of them at once is faster."""
_CLASS_OF = np.full(1 << 16, STATUS_CLASSES.index("other"), np.int64)
"""The class of each status."""
_CLASS_OF[100:600] = np.arange(500) // 100
_NO_STATUS = pa.scalar(0, pa.uint16())


class RequestLabels(NamedTuple):
    """What requests are counted by."""

    status_class: str
    """One of `STATUS_CLASSES`."""
    method: str
    """One of `METHODS`."""
    vhost: str
    """As logged, not yet escaped; shortened beyond 512 characters. Empty: none was logged."""


@attrs.frozen
class DurationTotals:
    """Durations of requests that have one."""

    counts: tuple[int, ...]
    """Durations in each bucket of `DURATION_BOUNDS`, and in the one above; not cumulative."""
    microseconds: int
    """Their exact sum, each rounded to whole microseconds."""

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.counts)

    @property
    def seconds(self) -> float:
        """Their sum."""
        return self.microseconds / _MICROSECONDS


@attrs.frozen
class TotalsSnapshot:
    """The totals at one instant."""

    since: float
    """When they began at 0, in seconds since the epoch; a restart does not change it."""
    requests: Mapping[RequestLabels, int]
    """Requests by labels. Where a method and a virtual host have requests, `USUAL_CLASSES` are
    there too, some with 0."""
    response_bytes: Mapping[str, int]
    """Response sizes in bytes by virtual host; requests without a size add 0."""
    durations: DurationTotals
    upstream_durations: DurationTotals


class Totals:
    """Adds up batches of counted records. How records are cut into batches makes no difference."""

    def __init__(self, since: float, vhost_limit: int = VHOST_LIMIT) -> None:
        """`since` is now, in seconds since the epoch."""
        self._since = since
        self._limit = vhost_limit
        self._vhosts = ["", OTHER]
        """The name of each virtual host's number."""
        self._numbers = _by_name(self._vhosts)
        self._requests = np.zeros((len(self._vhosts), len(METHODS), len(STATUS_CLASSES)), np.int64)
        self._bytes = [0, 0]
        self._durations = _Durations()
        self._upstream = _Durations()

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the records of a batch of `records.SCHEMA`, in their order."""
        if not batch.num_rows:
            return
        vhosts = self._numbered(batch.column("vhost"))
        keys = _methods(batch.column("method")) * len(STATUS_CLASSES) + _classes(batch)
        if vhosts is not None:
            keys += vhosts * (len(METHODS) * len(STATUS_CLASSES))
        counts = np.bincount(keys, minlength=self._requests.size)
        self._requests += counts.reshape(self._requests.shape)
        logged = sizes(batch)
        if vhosts is None:
            self._bytes[_NO_VHOST] += exact_sum(logged)
        else:
            for number, size in enumerate(exact_sums_by(vhosts, logged, len(self._vhosts))):
                self._bytes[number] += size
        self._durations.add(batch.column("duration"))
        self._upstream.add(batch.column("upstream_duration"))

    def snapshot(self) -> TotalsSnapshot:
        """Return the totals now."""
        vhosts, methods, _ = self._requests.shape
        requests = {}
        for vhost in range(vhosts):
            for method in range(methods):
                counts = self._requests[vhost, method].tolist()
                if any(counts):
                    for name, count in zip(STATUS_CLASSES, counts, strict=True):
                        if count or name in USUAL_CLASSES:
                            labels = RequestLabels(name, METHODS[method], self._vhosts[vhost])
                            requests[labels] = count
        seen = self._requests.sum(axis=(1, 2)).tolist()
        return TotalsSnapshot(
            self._since,
            requests,
            {
                name: size
                for name, size, count in zip(self._vhosts, self._bytes, seen, strict=True)
                if count
            },
            self._durations.totals(),
            self._upstream.totals(),
        )

    def to_state(self) -> State:
        """Return the state for a restart."""
        return {
            "version": _VERSION,
            "since": self._since,
            "vhosts": list(self._vhosts),
            "requests": self._requests,
            "bytes": list(self._bytes),
            "durations": self._durations.to_state(),
            "upstream": self._upstream.to_state(),
        }

    def restore(self, state: State) -> None:
        """Resume from saved state; from that of a version with other labels, start at 0.

        Raises `ValueError`, `KeyError` or `TypeError`.
        """
        if state["version"] != _VERSION:
            return
        self._since = float(state["since"])
        self._vhosts = [str(name) for name in state["vhosts"]]
        self._numbers = _by_name(self._vhosts)
        shape = len(self._vhosts), len(METHODS), len(STATUS_CLASSES)
        self._requests = np.array(state["requests"], np.int64).reshape(shape)
        self._bytes = [int(size) for size in state["bytes"]]
        self._durations.restore(state["durations"])
        self._upstream.restore(state["upstream"])

    def _numbered(self, column: pa.DictionaryArray) -> Int64s | None:
        """Return the number of each record's virtual host; `None` if none has one."""
        if column.null_count == len(column):
            return None
        codes = codes_of(column)
        texts = all_shortened(column.dictionary)
        numbers = _numbers(texts, self._numbers)
        has_room = len(self._vhosts) < self._limit + 2
        if has_room and (numbers < 0).any() and (unknown := codes[numbers[codes] < 0]).size:
            found, first = np.unique(unknown, return_index=True)
            # In order of appearance: that is the same however records are cut into batches.
            for code in found[np.argsort(first)].tolist():
                numbers[code] = self._number_of(texts[code].as_py())
        numbers[numbers < 0] = _OTHER_VHOST
        return numbers[codes]

    def _number_of(self, name: str) -> int:
        if name in self._numbers:  # a dictionary may have a text twice
            return self._numbers[name]
        if len(self._vhosts) == self._limit + 2:
            return _OTHER_VHOST
        self._numbers[name] = len(self._vhosts)
        self._vhosts.append(name)
        self._bytes.append(0)
        none = np.zeros((1, *self._requests.shape[1:]), np.int64)
        self._requests = np.concatenate([self._requests, none])
        return len(self._vhosts) - 1


class _Durations:
    """A histogram of one column."""

    def __init__(self) -> None:
        self._counts = np.zeros(len(_BOUNDS) + 1, np.int64)
        self._microseconds = 0

    def add(self, column: pa.Array) -> None:
        if column.null_count == len(column):
            return
        seconds = (pc.drop_null(column) if column.null_count else column).to_numpy()
        # Several times faster than `np.rint`, and lengths are not negative.
        lengths = (seconds * _MICROSECONDS + 0.5).astype(np.int64)
        self._counts += _by_bucket(lengths)
        self._microseconds += exact_sum(lengths)

    def totals(self) -> DurationTotals:
        return DurationTotals(tuple(self._counts.tolist()), self._microseconds)

    def to_state(self) -> State:
        return {"counts": self._counts, "microseconds": self._microseconds}

    def restore(self, state: State) -> None:
        self._counts = np.array(state["counts"], np.int64).reshape(len(_BOUNDS) + 1)
        self._microseconds = int(state["microseconds"])


def exact_sum(values: Int64s) -> int:
    """Sum non-negative values, even if the sum exceeds an int64."""
    if not len(values) or int(values.max()) < (1 << 63) // len(values):
        return int(values.sum())
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFF_FFFF).sum())


def _by_bucket(lengths: Int64s) -> Int64s:
    """Return how many lengths in microseconds each bucket has."""
    if len(lengths) < _MANY:
        return np.bincount(np.searchsorted(_BOUNDS, lengths), minlength=len(_BOUNDS) + 1)
    # Comparing all with each bound is five times faster than searching for each.
    up_to = [np.count_nonzero(lengths <= bound) for bound in _BOUNDS.tolist()]
    return np.diff([0, *up_to, len(lengths)])


def _classes(batch: pa.RecordBatch) -> Int64s:
    """Return the number of each record's status class."""
    column = batch.column("status")
    if column.null_count:
        column = pc.fill_null(column, _NO_STATUS)
    classes: Int64s = _CLASS_OF[column.to_numpy()]
    return classes


def _methods(column: pa.DictionaryArray) -> Int64s:
    """Return the number of each record's method."""
    numbers = _numbers(column.dictionary, _METHOD_NUMBERS)
    numbers[numbers < 0] = _OTHER_METHOD
    return numbers[codes_of(column)]


def _by_name(names: Sequence[str]) -> dict[str | None, int]:
    """Number names in their order; null is the first, which is that of no value."""
    return {**{name: number for number, name in enumerate(names)}, None: 0}


def _numbers(texts: pa.StringArray, known: Mapping[str | None, int]) -> Int64s:
    """Return the number of each text, -1 for unknown ones; and one more, for the code -1."""
    if len(texts) < _MANY:  # a call of Arrow takes as long
        found = [known.get(text, -1) for text in texts.to_pylist()]
    else:
        positions = pc.index_in(texts, value_set=pa.array(known, pa.string()))
        found = np.append(list(known.values()), -1)[pc.fill_null(positions, -1).to_numpy()]
    return np.append(found, 0).astype(np.int64)


_METHOD_NUMBERS = _by_name(METHODS[:-1])
