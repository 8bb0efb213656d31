"""A journal whose content is in a fleet's Redis as well, so that another hub continues it.

It is of one target, written only in the term of this hub, and used from trio's worker threads.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import trio

from actors.outputs.notifier.journal import Event, Journal, Message, stored
from actors.redis.connection import Command
from actors.redis.term import Term
from glancemetrics.errors import GlanceMetricsError

_MOST = 10_000
"""Notifications that are remembered in Redis, the newest ones."""
_MOST_BYTES = 256 << 20
_TRIM_EVERY = 1_000
_AT_ONCE = 200
"""Names and values of one command: two for each notification."""
_COLUMNS = ("key", "event", "made", "gathered", "incident", "state", "told")
_WAITING = "waiting"

_Row = Mapping[str, Any]
"""The columns of a delivery."""


@attrs.define
class SharedJournals:
    """Opens the journal of one target in one term, again after each failure."""

    _path: Path
    _term: Term
    _target: str
    _is_first: bool = True

    def open(self) -> Journal:
        """Open it. Raises `sqlite3.Error`, and `OSError` if Redis cannot be reached."""
        journal = SharedJournal(self._path, self._term, self._target)
        try:
            journal.merge(is_first=self._is_first)
        except BaseException:
            journal.close()
            raise
        self._is_first = False
        return journal


class SharedJournal(Journal):
    """The journal of one target. Also raises `OSError` if Redis has not got what was written."""

    def __init__(self, path: Path, term: Term, target: str) -> None:
        super().__init__(path)
        self._term = term
        self._target = target
        self._added = 0
        self._returns = term.returns
        """As in `Term`, when Redis last had everything."""

    def merge(self, *, is_first: bool) -> None:
        """Take over what other hubs have noted and delivered; `is_first`: in this term."""
        shared = self._in_redis()
        for row in shared.values():
            self._take_over(row)
        if is_first and shared:
            # Noted in a term that was lost: if it happened, the next hub has noted it as well.
            lost = [row for row in self._rows("state = ?", _WAITING) if _field(row) not in shared]
            self._delete(lost)
        # Delivered, but Redis could not be reached then.
        self._put(row for row in self._rows() if row != shared.get(_field(row)))

    def add(self, target: str, key: str, event: Event, now: float, gathered: str = "") -> bool:
        """Add an event to be delivered; false if it was added before."""
        is_new = super().add(target, key, event, now, gathered)
        self._put(self._rows("key = ?", stored(key)))
        self._added += 1
        if not self._added % _TRIM_EVERY:
            oldest = list(self._in_redis())[:-_MOST]
            if oldest:
                self._run(("HDEL", self._name, *oldest))
        return is_new

    def delivered(self, message: Message, now: float) -> None:
        """Record that the target accepted it."""
        super().delivered(message, now)
        self._put(self._rows("message = ?", message.id))

    def refused(self, message: Message) -> None:
        """Record that the target will never accept it."""
        super().refused(message)
        self._put(self._rows("message = ?", message.id))

    def confirm(self) -> None:
        """Check that this hub may notify. Raises `OSError` if another one has taken over."""
        self._run()

    def put_back(self) -> None:
        """Put back what Redis may have lost."""
        returns = self._term.returns
        if returns != self._returns:
            self._put(self._rows())
            self._returns = returns

    @property
    def _name(self) -> str:
        return self._term.keys.told(self._target)

    def _rows(self, which: str = "true", *values: object) -> list[_Row]:
        """Return the newest deliveries that meet a condition, oldest first."""
        statement = (
            f"SELECT {', '.join(_COLUMNS)} FROM deliveries WHERE target = ? AND {which} "  # noqa: S608
            f"ORDER BY id DESC LIMIT {_MOST}"
        )
        with self._lock:
            found = self._database.execute(statement, (self._target, *values)).fetchall()
        return [dict(zip(_COLUMNS, row, strict=True)) for row in reversed(found)]

    def _take_over(self, row: _Row) -> None:
        values = (self._target, *(row[name] for name in _COLUMNS))
        marks = ", ".join("?" * len(values))
        with self._lock, self._database as database:
            database.execute(
                f"INSERT OR IGNORE INTO deliveries (target, {', '.join(_COLUMNS)}) "  # noqa: S608
                f"VALUES ({marks})",
                values,
            )
            if row["state"] != _WAITING:
                database.execute(
                    "UPDATE deliveries SET state = ?, told = ? "
                    "WHERE target = ? AND key = ? AND state = ?",
                    (row["state"], row["told"], self._target, row["key"], _WAITING),
                )

    def _delete(self, rows: Sequence[_Row]) -> None:
        with self._lock, self._database as database:
            database.executemany(
                "DELETE FROM deliveries WHERE target = ? AND key = ?",
                [(self._target, row["key"]) for row in rows],
            )

    def _in_redis(self) -> dict[bytes, _Row]:
        """Return what Redis has by the name of its field, oldest first."""
        with _as_os_errors():
            reply: list[bytes] = trio.from_thread.run(self._read)
        rows = dict(_readable(zip(reply[::2], reply[1::2], strict=True)))
        return dict(sorted(rows.items(), key=lambda item: float(item[1]["made"])))

    async def _read(self) -> list[bytes]:
        reply: list[bytes] = await self._term.read("HGETALL", self._name, most_bytes=_MOST_BYTES)
        return reply

    def _put(self, rows: Iterable[_Row]) -> None:
        fields = [part for row in rows for part in (_field(row), json.dumps(row).encode())]
        # Of all rows one command would be large, and make the event loop wait.
        commands: list[Command] = [
            ("HSET", self._name, *fields[at : at + _AT_ONCE])
            for at in range(0, len(fields), _AT_ONCE)
        ]
        if commands:
            self._run(*commands)

    def _run(self, *commands: Command) -> None:
        with _as_os_errors():
            trio.from_thread.run(self._term.run, *commands)


def _field(row: _Row) -> bytes:
    return hashlib.sha256(str(row["key"]).encode()).hexdigest().encode()


def _readable(fields: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, _Row]]:
    """Yield what this version can use."""
    for field, text in fields:
        with suppress(ValueError, TypeError, LookupError, RecursionError):
            row = json.loads(text)
            event = json.loads(row["event"])
            texts = [event["incident"], event["event"], row["key"], row["gathered"], row["state"]]
            numbers = [row["made"], *([] if row["told"] is None else [row["told"]])]
            if all(isinstance(one, str) for one in texts) and all(map(math.isfinite, numbers)):
                yield field, {name: row[name] for name in _COLUMNS}


@contextmanager
def _as_os_errors() -> Iterator[None]:
    """Make errors of Redis such that the output is tried again."""
    try:
        yield
    except GlanceMetricsError as error:
        raise ConnectionError(str(error)) from error
