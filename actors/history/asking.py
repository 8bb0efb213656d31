"""Asks the history here and now; its segments are read by several threads."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, tzinfo
from typing import Any

from actors.history.segments import SegmentGoneError
from glancemetrics.errors import UsageError
from glancemetrics.history.asking import Recorded, answer
from glancemetrics.history.query import Answer, Query, RecordQuery

Question = Query | RecordQuery

_AHEAD = 2
"""Parts of the history a thread that are read before they are asked for."""
_LISTINGS, _PAUSE_SECONDS = 10, 0.05
"""How often segments may go while a question is answered, as they are merged."""


def ask(
    question: Question,
    recorded: Callable[[], Recorded],
    connection: Any,
    zone: tzinfo = UTC,
    *,
    threads: int = 2,
) -> Answer:
    """Answer a question here and now, with times in sentences of a zone. Raises `UsageError`."""
    with ThreadPoolExecutor(threads) as pool:
        mapped = _mapped_by(pool, _AHEAD * threads)
        for _ in range(_LISTINGS):
            try:
                return answer(question, recorded(), connection, mapped, zone)
            except SegmentGoneError:
                time.sleep(_PAUSE_SECONDS)  # in a thread
    raise UsageError("the history is being rewritten: try again")


def _mapped_by(pool: ThreadPoolExecutor, ahead: int) -> Callable[..., Iterator[Any]]:
    """Return what maps as `map`, so many steps ahead of who asks."""

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
