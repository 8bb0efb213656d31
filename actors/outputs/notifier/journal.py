"""The journal: undelivered notifications, on disk.

SQLite in WAL mode: an event is in it before anything is sent, and stays until the target has
accepted it, even if the process is killed. Events that share a message stay together from the
first attempt on, so that a message is the same each time it is sent.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from actors.state.state_file import make_folder, open_own, refuse_link

_MIGRATIONS = (
    """
    CREATE TABLE IF NOT EXISTS deliveries (
        id INTEGER PRIMARY KEY,
        target TEXT NOT NULL,
        key TEXT NOT NULL,
        event TEXT NOT NULL,
        made REAL NOT NULL,
        state TEXT NOT NULL DEFAULT 'waiting',
        attempts INTEGER NOT NULL DEFAULT 0,
        UNIQUE (target, key)
    );
    CREATE INDEX IF NOT EXISTS waiting ON deliveries (target, id) WHERE state = 'waiting';
    """,
    """
    ALTER TABLE deliveries ADD COLUMN gathered TEXT NOT NULL DEFAULT '';
    ALTER TABLE deliveries ADD COLUMN message INTEGER;
    ALTER TABLE deliveries ADD COLUMN incident TEXT NOT NULL DEFAULT '';
    UPDATE deliveries SET incident = json_extract(event, '$.incident');
    CREATE INDEX incidents ON deliveries (target, incident);
    CREATE INDEX messages ON deliveries (message);
    CREATE INDEX begun ON deliveries (target, message)
        WHERE state = 'waiting' AND message IS NOT NULL;
    """,
    """
    ALTER TABLE deliveries ADD COLUMN told REAL;
    CREATE INDEX told ON deliveries (target, told) WHERE told IS NOT NULL;
    """,
)
"""What each schema version adds to the one before."""
_KEPT_SECONDS = 90 * 86_400
"""How long delivered events are remembered, so that they are not sent again."""
_MOST_GATHERED = 100
"""Events in one message."""

Event = Mapping[str, Any]
"""As in the alert log."""


@attrs.frozen
class Message:
    """One or more events that a target has not accepted yet."""

    id: int
    events: tuple[Event, ...]
    """Oldest first."""
    attempts: int


class Journal:
    """One database for all targets, usable from several threads. Raises `sqlite3.Error`."""

    def __init__(self, path: Path) -> None:
        make_folder(path.parent)
        os.close(open_own(path, os.O_RDWR))
        for suffix in ("-wal", "-shm", "-journal"):  # SQLite opens them as they are
            refuse_link(path.with_name(path.name + suffix))
        self._path = path
        self._lock = threading.Lock()
        self._database = sqlite3.connect(
            path, timeout=10, check_same_thread=False, isolation_level="IMMEDIATE"
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._migrate()

    def add(self, target: str, key: str, event: Event, now: float, gathered: str = "") -> bool:
        """Add an event to be delivered; false if it was added before.

        `gathered` is the group of events that share its message.
        """
        with self._lock, self._database as database:
            done = database.execute(
                "INSERT OR IGNORE INTO deliveries (target, key, event, made, gathered, incident) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(target, stored(key), json.dumps(event), now, stored(gathered)),
                    stored(str(event.get("incident", ""))),
                ),
            )
            database.execute(
                "DELETE FROM deliveries WHERE state <> 'waiting' AND made < ?",
                (now - _KEPT_SECONDS,),
            )
            return done.rowcount > 0

    def confirm(self) -> None:
        """Check that this process may notify. Raises `OSError` if another one has taken over."""

    def put_back(self) -> None:
        """Put back what was lost elsewhere, if this journal is also kept elsewhere."""

    def last_noted(self, target: str, incident: str) -> float | None:
        """Return when the last event of an incident was added for a target."""
        with self._lock:
            (last,) = self._database.execute(
                "SELECT max(made) FROM deliveries WHERE target = ? AND incident = ?",
                (target, stored(incident)),
            ).fetchone()
        return None if last is None else float(last)

    def next(self, target: str, now: float, wait: float | None = None) -> Message | float | None:
        """Return the next message for a target, oldest first.

        With `wait`, events wait that many seconds for others of their group and are sent together;
        until then the remaining seconds are returned. `None` if there is nothing to deliver.
        """
        with self._lock, self._database as database:
            (message,) = database.execute(
                "SELECT min(message) FROM deliveries "
                "WHERE target = ? AND state = 'waiting' AND message IS NOT NULL",
                (target,),
            ).fetchone()
            if message is None:
                oldest = database.execute(
                    "SELECT id, made, gathered FROM deliveries "
                    "WHERE target = ? AND state = 'waiting' ORDER BY id LIMIT 1",
                    (target,),
                ).fetchone()
                if oldest is None:
                    return None
                message, made, gathered = oldest
                # Never longer than configured, even if the clock was set.
                left = 0 if wait is None else min(wait, made + wait - now)
                if left > 0:
                    return left
                database.execute(
                    "UPDATE deliveries SET message = ? WHERE id IN (SELECT id FROM deliveries "
                    "WHERE target = ? AND state = 'waiting' AND gathered = ? ORDER BY id LIMIT ?)",
                    (message, target, gathered, 1 if wait is None else _MOST_GATHERED),
                )
            rows = database.execute(
                "SELECT event, attempts FROM deliveries WHERE message = ? ORDER BY id", (message,)
            ).fetchall()
        return Message(message, tuple(json.loads(event) for event, _ in rows), rows[0][1])

    def count(self, target: str) -> int:
        """Return how many events wait for a target."""
        with self._lock:
            (count,) = self._database.execute(
                "SELECT count(*) FROM deliveries WHERE target = ? AND state = 'waiting'", (target,)
            ).fetchone()
        return int(count)

    def attempted(self, message: Message) -> None:
        """Record a failed attempt."""
        self._set("attempts = attempts + 1", message)

    def delivered(self, message: Message, now: float) -> None:
        """Record that the target accepted it."""
        self._set("state = 'delivered', told = ?", message, now)

    def last_delivered(self, target: str, incidents: Iterable[str]) -> list[Event]:
        """Return for each incident the last event that a target accepted, if there is one."""
        found = []
        with self._lock:
            for incident in incidents:
                row = self._database.execute(
                    "SELECT event FROM deliveries WHERE target = ? AND incident = ? "
                    "AND state = 'delivered' ORDER BY id DESC LIMIT 1",
                    (target, stored(incident)),
                ).fetchone()
                found += [] if row is None else [json.loads(row[0])]
        return found

    def delivered_since(self, target: str, then: float) -> list[Event]:
        """Return what a target accepted since a time, oldest first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT event FROM deliveries WHERE target = ? AND told >= ? ORDER BY id",
                (target, then),
            ).fetchall()
        return [json.loads(event) for (event,) in rows]

    def refused(self, message: Message) -> None:
        """Record that the target will never accept it."""
        self._set("state = 'refused'", message)

    @contextmanager
    def claimed(self, target: str) -> Iterator[bool]:
        """Keep other processes from notifying a target; false if one is doing so right now."""
        name = hashlib.sha256(target.encode()).hexdigest()[:16]
        lock = self._path.with_name(f".{self._path.stem}-{name}.lock")
        descriptor = open_own(lock, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def _set(self, what: str, message: Message, *values: float) -> None:
        with self._lock, self._database as database:
            statement = f"UPDATE deliveries SET {what} WHERE message = ?"  # noqa: S608
            database.execute(statement, (*values, message.id))

    def _migrate(self) -> None:
        with self._database as database:
            database.execute("BEGIN IMMEDIATE")  # another process may be migrating too
            (version,) = database.execute("PRAGMA user_version").fetchone()
            for script in _MIGRATIONS[version:]:
                for statement in filter(str.strip, script.split(";")):
                    database.execute(statement)
            # A later version's columns do no harm; its number stays.
            database.execute(f"PRAGMA user_version = {max(version, len(_MIGRATIONS))}")


def stored(text: str) -> str:
    """Return a text that SQLite accepts: the name of a file may hold bytes that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()
