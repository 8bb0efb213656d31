"""Checkpoints: the complete state at one instant, on disk, so that a restart resumes from it.

How far each source was read and what was counted are in one place, which is replaced as a whole: no
line is counted twice, and none is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from actors.history import SUFFIX
from actors.sources.mark import Mark
from actors.sources.registry import identity_of, mark_from_state
from actors.state.state_file import make_folder, replace_state
from actors.state.state_lock import claim
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.incidents.alert_events import AlertEvent
from glancemetrics.state.tree import DamagedStateError, State, from_bytes, to_bytes

if TYPE_CHECKING:
    from actors.redis.term import Term

UNLIKE_OURS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""Errors caused by values that this version does not write."""


class ClaimedError(GlanceMetricsError):
    """Another monitor keeps the state of the same logs."""


class UnusableStateError(Exception):
    """There is a checkpoint, but nothing can resume from it."""


@attrs.frozen
class Saved:
    """The complete state at one instant."""

    time: float
    """Seconds since the epoch."""
    marks: tuple[Mark, ...]
    aggregation: State
    alerting: State
    own: State
    """State of the rules about GlanceMetrics itself."""
    undelivered: Mapping[str, Sequence[AlertEvent]]
    """By output, its undelivered events."""
    history: int | None = None
    """Number of records in the history of this machine; `None` without one."""
    is_others: bool = False
    """Whether another machine has saved it: the history here is without what was read since."""


class Checkpoints:
    """The checkpoint file for a set of sources, and what is beside it."""

    again_seconds = 15.0
    """Seconds until a failed save is tried again."""
    term: Term | None = None
    """The term of this hub, if the checkpoint is in Redis."""

    def __init__(self, folder: Path, sources: Sequence[str]) -> None:
        name = hashlib.sha256("\0".join(sorted(map(identity_of, sources))).encode())
        self.path = folder / f"monitor-{name.hexdigest()[:16]}.state"
        self._lock: int | None = None

    @property
    def folder(self) -> Path:
        """The directory that it is in."""
        return self.path.parent

    @property
    def is_claimed(self) -> bool:
        """Whether this process has kept others from using it."""
        return self._lock is not None

    @property
    def history_folder(self) -> Path:
        """The directory for the history of the same sources."""
        return self.path.with_suffix(SUFFIX)

    def claim(self) -> None:
        """Keep other processes from using it. Raises `GlanceMetricsError`."""
        try:
            make_folder(self.path.parent)
            self._lock = claim(self.path, is_patient=True)
        except BlockingIOError:
            raise ClaimedError(
                f"{self.path.parent}: another glancemetrics that follows the same files keeps its "
                "state there; choose another directory with --state-dir, or --state-dir off"
            ) from None
        except OSError as error:
            raise GlanceMetricsError(
                f"{self.path.parent}: {error.strerror}; choose another directory with --state-dir, "
                "or --state-dir off"
            ) from None

    def load(self) -> Saved | None:
        """Return the last saved state, or `None`. Raises `UnusableStateError`."""
        try:
            data = self.read()
            if data is None:
                return None
            state = from_bytes(data)
            return Saved(
                state["time"],
                tuple(mark_from_state(mark) for mark in state["marks"]),
                from_bytes(state["aggregation"]),
                from_bytes(state["alerting"]),
                state["own"],
                {
                    name: [AlertEvent.from_state(event) for event in events]
                    for name, events in state["undelivered"].items()
                },
                self.history_in(state),
                self.is_others(state),
            )
        except OSError as error:
            raise UnusableStateError(f"{self}: {error.strerror}") from None
        except DamagedStateError as error:
            raise UnusableStateError(f"{self}: damaged: {error}") from None
        except UNLIKE_OURS as error:
            reason = f"{self}: written by another version of GlanceMetrics ({error!r})"
            raise UnusableStateError(reason) from None

    def save(
        self,
        time: float,
        marks: Sequence[Mark],
        history: int | None = None,
        **parts: bytes | State | int | None,
    ) -> None:
        """Save the parts of `Saved`, atomically; two of them are bytes.

        Raises `OSError`.
        """
        state = {
            "time": time,
            "marks": [mark.to_state() for mark in marks],
            **self.with_history(history),
            **parts,
        }
        self.write(to_bytes(state))

    def __str__(self) -> str:
        """Say where it is."""
        return str(self.path)

    def read(self) -> bytes | None:
        """Return what was written; `None`: nothing. Raises `OSError`."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, data: bytes) -> None:
        """Replace what was written. Raises `OSError`."""
        replace_state(self.path, data)

    def history_in(self, state: Mapping[str, State]) -> int | None:
        """Return the number of records in the history of this machine, at a checkpoint."""
        number: int | None = state.get("history")
        return number

    def is_others(self, state: Mapping[str, State]) -> bool:
        """Tell whether a checkpoint was saved by another machine."""
        del state
        return False

    def with_history(self, number: int | None) -> Mapping[str, State]:
        """Return how that number is saved."""
        return {"history": number}
