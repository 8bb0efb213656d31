"""Checkpoints in the Redis of a fleet, for hubs on several machines.

The history stays on the disk of each machine: a checkpoint has the number of records in each of
them, by a random name that is beside the history. Until the first one that has its own, the number
of records that there were before is beside it as well: those that came since are in no checkpoint.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import trio

from actors.history.segments import SegmentFolder
from actors.monitor.checkpoints import Checkpoints
from actors.redis.term import Term
from actors.state.state_file import replace_state
from glancemetrics.errors import GlanceMetricsError, UnreachableError
from glancemetrics.state.tree import State

MOST_BYTES = 256 << 20
"""Bytes of a checkpoint; Redis itself takes 512 MiB in one value."""
_SECONDS = 60.0
"""How long sending a checkpoint may take."""
_MOST_HISTORIES = 32


class RedisCheckpoints(Checkpoints):
    """The checkpoint of a fleet; read and written in trio's worker threads."""

    again_seconds = 2.0
    term: Term

    def __init__(self, folder: Path, sources: Sequence[str], term: Term) -> None:
        """`folder` is for what stays on this machine."""
        super().__init__(folder, sources)
        self.term = term
        self._histories: dict[str, int] = {}
        """By name of a history, the number of its records at the last checkpoint."""
        self._own = ""
        self._before = self.path.with_suffix(".before")
        """Has the number of records before the first checkpoint that has this history."""

    def claim(self) -> None:
        """Keep other processes from using the folder. Raises `GlanceMetricsError`."""
        super().claim()
        try:
            self._own = _name_in(self.path.with_suffix(".name"))
        except OSError as error:
            raise GlanceMetricsError(f"{self.path.parent}: {error.strerror}") from None

    def __str__(self) -> str:
        """Say where it is."""
        return f"Redis, {self.term.keys.state}"

    def read(self) -> bytes | None:
        """Return what was written; `None`: nothing."""
        data = trio.from_thread.run(self._read)
        if data is None:
            self._note_before()
        return data

    def write(self, data: bytes) -> None:
        """Replace what was written. Raises `OSError`, also if another hub has taken over."""
        if len(data) > MOST_BYTES:
            raise OSError(
                f"it has {len(data) >> 20} MiB, and Redis is for at most {MOST_BYTES >> 20} MiB; "
                "choose a lower --distinct-limit or a shorter --timewindow"
            )
        try:
            trio.from_thread.run(self._write, data)
        except GlanceMetricsError as error:
            raise OSError(str(error)) from error
        if self._own in self._histories:
            with suppress(OSError):
                self._before.unlink(missing_ok=True)

    def history_in(self, state: Mapping[str, State]) -> int | None:
        """Return the number of records in the history of this machine, at a checkpoint."""
        self._histories = {str(name): int(number) for name, number in state["histories"].items()}
        number = self._histories.get(self._own)
        # A checkpoint of our own without a number is of a run without a history.
        return self._note_before() if number is None and self.is_others(state) else number

    def is_others(self, state: Mapping[str, State]) -> bool:
        """Tell whether a checkpoint was saved by another machine."""
        return bool(state["by"] != self._own)

    def with_history(self, number: int | None) -> Mapping[str, State]:
        """Return the numbers of this history and of those of other machines."""
        self._histories.pop(self._own, None)
        if number is not None:
            self._histories[self._own] = number  # the last one: the first ones are dropped
        self._histories = dict(list(self._histories.items())[-_MOST_HISTORIES:])
        return {"by": self._own, "histories": self._histories}

    def _note_before(self) -> int | None:
        """Note how many records there are before the first checkpoint, unless that is noted.

        Returns that number; `None` if it cannot be known.
        """
        with suppress(OSError, ValueError):
            if self._before.exists():
                return int(self._before.read_text(encoding="ascii"))
            segments = SegmentFolder(self.history_folder).segments()
            number = segments[-1].end if segments else 0
            replace_state(self._before, str(number).encode())
            return number
        return None

    async def _read(self) -> bytes | None:
        while True:
            try:
                data: bytes | None = await self.term.read(
                    "GET", self.term.keys.state, most_bytes=2 * MOST_BYTES
                )
            except UnreachableError:
                await trio.sleep(self.again_seconds)
            else:
                return data

    async def _write(self, data: bytes) -> None:
        await self.term.run_long(("SET", self.term.keys.state, data), seconds=_SECONDS)


def _name_in(path: Path) -> str:
    """Return the name in a file, a new one if there is none. Raises `OSError`."""
    try:
        name = path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        name = ""
    if not name:
        name = secrets.token_hex(8)
        replace_state(path, name.encode())
    return name
