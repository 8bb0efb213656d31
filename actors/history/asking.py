"""Runs a query on the history in this thread; its segments are read by several threads."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, tzinfo
from typing import Any

import attrs
import pyarrow as pa

from actors.history.segments import SegmentGoneError
from glancemetrics.errors import UsageError
from glancemetrics.history.asking import answer
from glancemetrics.history.query import Answer, Question
from glancemetrics.history.recorded import Recorded, StoredRecords

_AHEAD = 2
"""Parts of the history per thread that are read ahead."""
_LISTINGS, _PAUSE_SECONDS = 10, 0.05
"""How often segments may vanish during a query, because they are merged."""


def ask(
    question: Question,
    recorded: Callable[[], Recorded],
    connection: Any,
    zone: tzinfo = UTC,
    *,
    threads: int = 2,
    is_given_up: Callable[[], bool] = lambda: False,
) -> Answer:
    """Answer a query here and now; times in sentences are in `zone`.

    Raises `UsageError`, also once `is_given_up` returns true.
    """
    with ThreadPoolExecutor(threads) as pool:
        mapped = _mapped_by(pool, _AHEAD * threads)
        for _ in range(_LISTINGS):
            try:
                found = recorded()
                parts = tuple(_Leavable(one, is_given_up) for one in found.stored)
                found = attrs.evolve(found, stored=parts)
                return answer(question, found, connection, mapped, zone)
            except SegmentGoneError:
                time.sleep(_PAUSE_SECONDS)  # in a thread
    raise UsageError("the history is being rewritten; try again")


@attrs.frozen(eq=False)
class _Leavable:
    """Records that are no more read once the question is given up."""

    records: StoredRecords
    is_given_up: Callable[[], bool]

    @property
    def first(self) -> int:
        return self.records.first

    @property
    def rows(self) -> int:
        return self.records.rows

    @property
    def oldest(self) -> int:
        return self.records.oldest

    @property
    def newest(self) -> int:
        return self.records.newest

    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        if self.is_given_up():
            raise UsageError("query cancelled")
        return self.records.read(columns)


def _mapped_by(pool: ThreadPoolExecutor, ahead: int) -> Callable[..., Iterator[Any]]:
    """Return a function like `map` that runs several steps ahead of its consumer."""

    def mapped(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        left = iter(items)
        running: deque[Future[Any]] = deque(
            pool.submit(function, item) for item in itertools.islice(left, ahead)
        )
        try:
            while running:
                done = running.popleft().result()
                running.extend(pool.submit(function, item) for item in itertools.islice(left, 1))
                yield done
        finally:
            for one in running:
                one.cancel()

    return mapped
