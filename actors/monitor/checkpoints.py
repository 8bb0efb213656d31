"""Checkpoints: the complete state at one instant, on disk, so that a restart resumes from it.

How far each source was read and what was counted are in one file, which is replaced as a whole: no
line is counted twice, and none is left out.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from actors.history.unused import SUFFIX
from actors.sources.mark import Mark
from actors.sources.registry import mark_from_state
from actors.state.state_file import make_folder, replace_state
from actors.state.state_lock import claim
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.incidents.alert_events import AlertEvent
from glancemetrics.planning.sources import PATH, scheme_of
from glancemetrics.state.tree import DamagedStateError, State, from_bytes, to_bytes

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
    """Number of records in the history; `None` without one."""


def _whole_name(source: str) -> str:
    """Return the name of a source that does not depend on the current directory."""
    if scheme_of(source) != PATH:
        return source
    return os.path.abspath(source)  # noqa: PTH100 - a link stays what it is


class Checkpoints:
    """The checkpoint file for a set of sources."""

    def __init__(self, folder: Path, sources: Sequence[str]) -> None:
        name = hashlib.sha256("\0".join(sorted(map(_whole_name, sources))).encode())
        self.path = folder / f"monitor-{name.hexdigest()[:16]}.state"
        self._lock: int | None = None

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
            state = from_bytes(self.path.read_bytes())
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
                state.get("history"),
            )
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnusableStateError(f"{self.path}: {error.strerror}") from None
        except DamagedStateError as error:
            raise UnusableStateError(f"{self.path}: damaged: {error}") from None
        except UNLIKE_OURS as error:
            reason = f"{self.path}: written by another version of GlanceMetrics ({error!r})"
            raise UnusableStateError(reason) from None

    def save(self, time: float, marks: Sequence[Mark], **parts: bytes | State | int | None) -> None:
        """Save the parts of `Saved`, atomically; two of them are bytes.

        Raises `OSError`.
        """
        state = {"time": time, "marks": [mark.to_state() for mark in marks], **parts}
        replace_state(self.path, to_bytes(state))
