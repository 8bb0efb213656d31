"""Answers queries while a monitor runs, in worker threads."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, tzinfo
from typing import Any

import attrs
import trio

from actors.state.left_threads import run_leavable
from actors.state.turns import OWN, Turn, Turns
from glancemetrics.errors import UsageError
from glancemetrics.history.query import Answer, Question
from glancemetrics.history.recorded import Recorded

LIMIT_SECONDS = 30.0
"""Time limit of a query."""
MEMORY = "1GB"
"""Memory limit of DuckDB for a query."""
_AT_ONCE = 3
"""Queries that run at the same time; others wait ..."""
_FOR_OWN = 1
"""... and one of them is always one of the terminal's screen, whatever others ask."""
_THREADS = 2
"""Threads per query: the monitor needs the others."""


@attrs.define(eq=False)
class _Asked:
    """A running query, and how many wait for it."""

    turn: Turn
    done: trio.Event = attrs.field(factory=trio.Event)
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    waiting: int = 0
    answer: Answer | None = None
    error: Exception | None = None


_Key = tuple[Question, tzinfo]
"""A question, and the zone of times in its answer's sentences."""


class Answering:
    """Answers queries while `run` runs; identical concurrent queries share an answer."""

    def __init__(self, recorded: Callable[[], Recorded]) -> None:
        self._recorded = recorded
        self._asked: dict[_Key, _Asked] = {}
        self._turns = Turns(_AT_ONCE, for_own=_FOR_OWN)
        self._connections = _Connections()
        self._nursery: trio.Nursery | None = None

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run queries, forever."""
        try:
            async with trio.open_nursery() as self._nursery:
                task_status.started()
                await trio.sleep_forever()
        finally:
            self._connections.close()

    async def answer(self, question: Question, zone: tzinfo = UTC, asker: str = OWN) -> Answer:
        """Answer a query; times in sentences are in `zone`. Raises `UsageError`.

        Askers take turns. A query that nobody waits for is cancelled.
        """
        if self._nursery is None:
            raise UsageError("the history is not ready yet")
        key = question, zone
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = _Asked(self._turns.of(asker))
            self._nursery.start_soon(self._work, key, asked)
        else:
            asked.turn.also_for(asker)
        asked.waiting += 1
        try:
            await asked.done.wait()
        finally:
            asked.waiting -= 1
            if not asked.waiting and not asked.done.is_set():
                self._forget(key, asked)
                asked.scope.cancel()
        if asked.answer is None:
            raise asked.error or UsageError("query cancelled")
        return asked.answer

    async def _work(self, key: _Key, asked: _Asked) -> None:
        running = _Running(self._connections)
        with asked.scope, trio.move_on_after(LIMIT_SECONDS) as limit:
            try:
                asked.answer = await self._run(key, running, asked.turn)
            except Exception as error:
                asked.error = error
            finally:
                running.interrupt()
        if limit.cancelled_caught:
            asked.error = UsageError(
                f"query timed out after {LIMIT_SECONDS:g} s; narrow the time span or the filter"
            )
        self._forget(key, asked)
        asked.done.set()

    def _forget(self, key: _Key, asked: _Asked) -> None:
        if self._asked.get(key) is asked:
            del self._asked[key]

    async def _run(self, key: _Key, running: _Running, turn: Turn) -> Answer:
        return await run_leavable(lambda: running.run(*key, self._recorded), turn)


class _Connections:
    """Open connections to DuckDB: opening one takes as long as most queries of a screen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Any] = []

    @contextmanager
    def one(self) -> Iterator[Any]:
        """Lend a connection. After an error it is closed: who knows what is left in it."""
        from glancemetrics.selecting.sql import connect

        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = connect(threads=_THREADS, memory=MEMORY)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            is_kept = len(self._idle) < _AT_ONCE
            if is_kept:
                self._idle.append(connection)
        if not is_kept:
            connection.close()

    def close(self) -> None:
        """Close those that are not lent."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


class _Running:
    """A running query, which can be interrupted from another thread."""

    def __init__(self, connections: _Connections) -> None:
        self._connections = connections
        self._lock = threading.Lock()
        self._connection: _Interruptible | None = None
        self._is_given_up = False

    def run(self, question: Question, zone: tzinfo, recorded: Callable[[], Recorded]) -> Answer:
        """Run it. Raises `UsageError`."""
        # Late: slow to import, and not needed for the first screen.
        from actors.history.asking import ask

        with self._connections.one() as connection:
            with self._lock:
                if self._is_given_up:
                    raise UsageError("query cancelled")
                self._connection = _Interruptible(connection)
            try:
                return ask(
                    question,
                    recorded,
                    self._connection,
                    zone,
                    threads=_THREADS,
                    is_given_up=lambda: self._is_given_up,
                )
            finally:
                with self._lock:
                    self._connection = None

    def interrupt(self) -> None:
        """End it soon."""
        with self._lock:
            self._is_given_up = True
            if self._connection is not None:
                self._connection.interrupt()


class _Interruptible:
    """A DuckDB connection that is interrupted together with its cursors."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._cursors: weakref.WeakSet[Any] = weakref.WeakSet()

    def cursor(self) -> Any:
        cursor = self._connection.cursor()
        with self._lock:
            self._cursors.add(cursor)
        return cursor

    def interrupt(self) -> None:
        with self._lock:
            cursors = list(self._cursors)
        for one in (self._connection, *cursors):
            with suppress(Exception):  # already closed
                one.interrupt()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)
