"""What `glancemetrics query` queries: the histories on this machine, or that of a server."""

from __future__ import annotations

import os
import signal
import threading
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

import attrs
import pyarrow as pa

from actors.history.asking import ask
from actors.history.reading import StoredHistories
from glancemetrics.history.query import Answer, Query, Question, RecordQuery
from glancemetrics.history.recorded import Recorded
from glancemetrics.selecting.sql import connect

if TYPE_CHECKING:
    from actors.client.client import Client

_MOST_THREADS, _MEMORY = 8, "4GB"
_LOOK_SECONDS, _PATIENCE_SECONDS = 0.05, 0.5


class QueriedHistory(Protocol):
    """What is queried. Times in sentences of its answers are in the zone that it was made with."""

    @property
    def kept(self) -> tuple[str, ...]:
        """Extra fields of its requests."""
        ...

    def answer(self, question: Question) -> Answer:
        """Answer a query. Raises `GlanceMetricsError`; Ctrl-C ends the program."""
        ...

    def seconds(self) -> tuple[int, int] | None:
        """Return the seconds of its oldest and newest request; `None`: it has none."""
        ...


class HistoryOfServer:
    """The history of a running monitor."""

    def __init__(self, client: Client, zone: ZoneInfo | None) -> None:
        """`zone` is `None` for UTC."""
        self._client = client
        # A zone that was read from a file without a name is unknown elsewhere.
        self._zone = None if zone is None or zone.key == "local" else zone.key

    @property
    def kept(self) -> tuple[str, ...]:
        return self._client.kept_fields()

    def answer(self, question: Question) -> Answer:
        if isinstance(question, Query):
            return self._client.query(question, timezone=self._zone)
        return joined(list(self._client.records(question, timezone=self._zone)))

    def seconds(self) -> tuple[int, int] | None:
        found = [
            self.answer(RecordQuery(limit=1, is_oldest_first=is_oldest_first)).table.column("time")
            for is_oldest_first in (True, False)
        ]
        if not all(len(times) for times in found):
            return None
        oldest, newest = (times[0].value // 1_000_000 for times in found)
        return oldest, newest


def joined(pages: list[Answer]) -> Answer:
    """Return pages of requests as one answer."""
    first, last = pages[0], pages[-1]
    clauses = (clause for page in pages for clause in page.missing.split("; "))
    table = pa.concat_tables([page.table for page in pages]).unify_dictionaries()
    return attrs.evolve(
        first,
        table=table,
        records=table.num_rows,
        has_more=last.has_more,
        missing="; ".join(filter(None, dict.fromkeys(clauses))),
    )


class HistoriesOnDisk:
    """Histories in state directories."""

    def __init__(self, histories: StoredHistories, zone: ZoneInfo | None) -> None:
        """`zone` is `None` for UTC."""
        self._histories = histories
        self._zone = zone or UTC

    @property
    def kept(self) -> tuple[str, ...]:
        return self._histories.kept

    def answer(self, question: Question) -> Answer:
        return _Asking(question, self._histories, self._zone).answer()

    def seconds(self) -> tuple[int, int] | None:
        recorded = self._histories.recorded()
        if recorded.oldest is None or recorded.newest is None:
            return None
        return recorded.oldest, recorded.newest


class _Asking:
    """A question in a thread of its own, so that Ctrl-C is heard while DuckDB works."""

    def __init__(self, question: Question, histories: StoredHistories, zone: tzinfo) -> None:
        self._question = question
        self._histories = histories
        self._zone = zone
        self._threads = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
        self._connection = connect(threads=self._threads, memory=_MEMORY)
        self._answer: Answer | None = None
        self._error: BaseException | None = None

    def answer(self) -> Answer:
        """Return the answer. Raises `UsageError`; Ctrl-C ends the program."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_LOOK_SECONDS)
        except KeyboardInterrupt:
            self._connection.interrupt()
            thread.join(_PATIENCE_SECONDS)
            # The thread may still be in compiled code, where the interpreter must not end.
            os._exit(128 + signal.SIGINT)
        if self._error is not None:
            raise self._error
        assert self._answer is not None
        return self._answer

    def _run(self) -> None:
        try:
            self._answer = ask(
                self._question,
                self._recorded,
                self._connection,
                self._zone,
                threads=self._threads,
            )
        except BaseException as error:
            self._error = error

    def _recorded(self) -> Recorded:
        question = self._question
        with_rollups = isinstance(question, Query) and question.where is None and not question.by
        return self._histories.recorded(with_rollups=with_rollups)
