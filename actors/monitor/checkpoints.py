"""Checkpoints: all that is known at one instant, on disk, so that any stop is but a pause.

How far each source had been read and what was counted of it are in one file, which is replaced
whole: no line is counted twice, and none is left out.
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
from glancemetrics.state.tree import DamagedStateError, State, from_bytes, to_bytes

UNLIKE_OURS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What comes of values that are not what this version writes."""


class UnusableStateError(Exception):
    """There is a checkpoint, but nothing can go on from it."""


@attrs.frozen
class Saved:
    """All that is known at one instant."""

    time: float
    """When it was saved: seconds since the epoch."""
    marks: tuple[Mark, ...]
    aggregation: State
    alerting: State
    own: State
    """Of what watches the program itself."""
    undelivered: Mapping[str, Sequence[AlertEvent]]
    """By output, the events that it has not delivered."""
    history: int | None = None
    """How many records the history had been given; `None` where there was none."""


class Checkpoints:
    """The file of the checkpoints of some sources."""

    def __init__(self, folder: Path, sources: Sequence[str]) -> None:
        name = hashlib.sha256("\0".join(sorted(map(os.path.abspath, sources))).encode())
        self.path = folder / f"monitor-{name.hexdigest()[:16]}.state"
        self._lock: int | None = None

    @property
    def history_folder(self) -> Path:
        """Where the history of the same sources is."""
        return self.path.with_suffix(SUFFIX)

    def claim(self) -> None:
        """Keep others from it as long as this program runs. Raises `GlanceMetricsError`."""
        try:
            make_folder(self.path.parent)
            self._lock = claim(self.path, is_patient=True)
        except BlockingIOError:
            raise GlanceMetricsError(
                f"{self.path.parent}: another glancemetrics that follows the same files keeps its "
                "state there; name another folder with --state-dir, or off"
            ) from None
        except OSError as error:
            raise GlanceMetricsError(
                f"{self.path.parent}: {error.strerror}; name another folder with --state-dir, "
                "or off"
            ) from None

    def load(self) -> Saved | None:
        """Return what was saved last; `None` if that is nothing. Raises `UnusableStateError`."""
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
            raise UnusableStateError(f"{self.path} cannot be read: {error.strerror}") from None
        except DamagedStateError as error:
            raise UnusableStateError(f"{self.path} is damaged: {error}") from None
        except UNLIKE_OURS as error:
            reason = f"another version of GlanceMetrics wrote {self.path} ({error!r})"
            raise UnusableStateError(reason) from None

    def save(self, time: float, marks: Sequence[Mark], **parts: bytes | State | int | None) -> None:
        """Save it at once and whole: the parts of `Saved`, two of them as bytes.

        Raises `OSError`.
        """
        state = {"time": time, "marks": [mark.to_state() for mark in marks], **parts}
        replace_state(self.path, to_bytes(state))
