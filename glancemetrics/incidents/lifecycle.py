"""The state machine of a rule: when a breach is an incident, and when that is over.

    inactive ──breach──▶ pending ──breached for `hold`──▶ firing ──clear for `keep`──▶ inactive
                            │                               │
                            └────────not breached           └──no data for `patience`──▶ inactive

A value that is neither in breach nor clear (between limit and recovery limit) leaves a firing
incident as it is. An incident that comes back too often is reported as flapping, and stays open
until it has been clear for `flap_within`.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Mapping
from typing import Any

import attrs


class Signal(enum.IntEnum):
    """What a rule says about one moment."""

    NO_DATA = 0
    """Too little data."""
    CLEAR = 1
    BETWEEN = 2
    """Neither a breach nor clear."""
    BREACH = 3


@attrs.frozen
class Timing:
    """How long things must last, in seconds."""

    hold: int = 0
    """How long a breach must last to become an incident."""
    keep: int = 0
    """How long it must be clear before the incident ends."""
    patience: int = 300
    """How long there must be no data before the incident ends without recovery."""
    flap_times: int = 4
    """This many triggers ...; 0 turns flapping detection off."""
    flap_within: int = 3600
    """... within this time are one flapping incident."""


class StepKind(enum.Enum):
    """What can happen to an incident."""

    TRIGGERED = enum.auto()
    FLAPPING = enum.auto()
    """It triggers, too often to be reported each time."""
    RECOVERED = enum.auto()
    EXPIRED = enum.auto()
    """It ends because there is no more data."""


@attrs.frozen
class Step:
    """One thing that happened, and when."""

    kind: StepKind
    time: int


class Lifecycle:
    """The state of one rule, or of one of its groups. Times are seconds and never go back."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._since: int | None = None
        """Start of a pending breach."""
        self.firing = False
        self.flapping = False
        self._clear_since: int | None = None
        self._unknown_since: int | None = None
        self._beginnings: deque[int] = deque(maxlen=timing.flap_times)

    def to_json(self) -> dict[str, Any]:
        """Return its state."""
        return {
            "since": self._since,
            "firing": self.firing,
            "flapping": self.flapping,
            "clear_since": self._clear_since,
            "unknown_since": self._unknown_since,
            "beginnings": list(self._beginnings),
        }

    @classmethod
    def from_json(cls, timing: Timing, state: Mapping[str, Any]) -> Lifecycle:
        """Return one with this state."""
        life = cls(timing)
        life._since = state["since"]
        life.firing, life.flapping = state["firing"], state["flapping"]
        life._clear_since, life._unknown_since = state["clear_since"], state["unknown_since"]
        life._beginnings.extend(state["beginnings"])
        return life

    @property
    def pending_since(self) -> int | None:
        """When a breach began that is not an incident yet; `None` without one."""
        return None if self.firing else self._since

    @property
    def ends_at(self) -> int | None:
        """When it ends if nothing changes; `None` if it would not, or is not firing."""
        return min(
            (since + wait for since, wait, _ in self._endings if since is not None), default=None
        )

    @property
    def inactive(self) -> bool:
        return self._since is None and not self.firing

    def idle(self, now: int) -> bool:
        """Return whether it is in the state of a new one."""
        recent = self._beginnings and now - self._beginnings[-1] <= self._timing.flap_within
        return self.inactive and not recent

    def during(self, signal: Signal, first: int, last: int, step: int) -> Step | None:
        """Apply a signal that is the same at `first`, and every `step` seconds up to `last`.

        Returns the step it leads to: at most one can happen in that time.
        """
        if not self.firing:
            return self._before(signal, first, last, step)
        self._unknown_since = self._kept(self._unknown_since, signal is Signal.NO_DATA, first)
        self._clear_since = self._kept(self._clear_since, signal is Signal.CLEAR, first)
        for since, wait, kind in self._endings:
            time = None if since is None else _reached(since + wait, first, step)
            if time is not None and time <= last:
                self.firing = self.flapping = False
                self._clear_since = self._unknown_since = None
                return Step(kind, time)
        return None

    @property
    def _endings(self) -> tuple[tuple[int | None, int, StepKind], ...]:
        """What may end it: since when it holds, how long it must, and what that is called."""
        timing = self._timing
        clear = timing.flap_within if self.flapping else timing.keep
        return (
            (self._clear_since, clear, StepKind.RECOVERED),
            (self._unknown_since, timing.patience, StepKind.EXPIRED),
        )

    @staticmethod
    def _kept(since: int | None, goes_on: bool, now: int) -> int | None:
        if not goes_on:
            return None
        return now if since is None else since

    def _before(self, signal: Signal, first: int, last: int, step: int) -> Step | None:
        if signal is not Signal.BREACH:
            self._since = None
            return None
        if self._since is None:
            self._since = first
        time = _reached(self._since + self._timing.hold, first, step)
        if time > last:
            return None
        self._since = None
        self.firing = True
        self._beginnings.append(time)
        often = len(self._beginnings) == self._timing.flap_times > 0
        self.flapping = often and time - self._beginnings[0] <= self._timing.flap_within
        return Step(StepKind.FLAPPING if self.flapping else StepKind.TRIGGERED, time)


def _reached(due: int, first: int, step: int) -> int:
    """Return the first moment, counted in steps from `first`, that is not before `due`."""
    return first + max(0, -(-(due - first) // step)) * step
