"""The journal: what is to be told to whom, on disk until it has been.

SQLite in WAL mode: an event is in it before anything is sent, and stays until the target has taken
it, also when the program is killed in between.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

_SCHEMA = """
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
"""
_KEPT_SECONDS = 30 * 86_400
"""What has been told is remembered so long, so that it is not told again."""


@attrs.frozen
class Waiting:
    """An event that a target has not taken yet."""

    id: int
    key: str
    event: Mapping[str, Any]
    attempts: int


class Journal:
    """One database, for all targets; may be used from several threads. Raises `sqlite3.Error`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        path.touch(mode=0o640, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, timeout=10, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_SCHEMA)

    def add(self, target: str, key: str, event: Mapping[str, Any], now: float) -> bool:
        """Note that an event is to be told; false if it has been noted before."""
        with self._lock, self._database as database:
            done = database.execute(
                "INSERT OR IGNORE INTO deliveries (target, key, event, made) VALUES (?, ?, ?, ?)",
                (target, key, json.dumps(event), now),
            )
            database.execute(
                "DELETE FROM deliveries WHERE state <> 'waiting' AND made < ?",
                (now - _KEPT_SECONDS,),
            )
            return done.rowcount > 0

    def knows(self, target: str, key: str) -> bool:
        """Tell whether an event has been noted for a target."""
        with self._lock:
            row = self._database.execute(
                "SELECT 1 FROM deliveries WHERE target = ? AND key = ?", (target, key)
            ).fetchone()
        return row is not None

    def next(self, target: str) -> Waiting | None:
        """Return what a target is to be told next, the oldest first."""
        with self._lock:
            row = self._database.execute(
                "SELECT id, key, event, attempts FROM deliveries "
                "WHERE target = ? AND state = 'waiting' ORDER BY id LIMIT 1",
                (target,),
            ).fetchone()
        return None if row is None else Waiting(row[0], row[1], json.loads(row[2]), row[3])

    def count(self, target: str) -> int:
        """Return how many events wait for a target."""
        with self._lock:
            (count,) = self._database.execute(
                "SELECT count(*) FROM deliveries WHERE target = ? AND state = 'waiting'", (target,)
            ).fetchone()
        return int(count)

    def attempted(self, waiting: Waiting) -> None:
        """Note that it was tried in vain."""
        self._set("attempts = attempts + 1", waiting)

    def delivered(self, waiting: Waiting) -> None:
        """Note that the target has taken it."""
        self._set("state = 'delivered'", waiting)

    def refused(self, waiting: Waiting) -> None:
        """Note that the target will never take it."""
        self._set("state = 'refused'", waiting)

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._database.close()

    def _set(self, what: str, waiting: Waiting) -> None:
        with self._lock, self._database as database:
            database.execute(f"UPDATE deliveries SET {what} WHERE id = ?", (waiting.id,))  # noqa: S608
