"""The state machine of a rule: when a breach is an incident, and when that is over.

    inactive ──breach──▶ pending ──breached for `hold`──▶ firing ──clear for `keep`──▶ inactive
                            │                               │
                            └────────not breached           └──no data for `patience`──▶ inactive

What is neither in breach nor clear (between the two thresholds) leaves a firing incident as it is.
An incident that comes back too often is told as flapping, and stays open until it has been quiet
for as long as that is judged by.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Mapping
from typing import Any

import attrs


class Signal(enum.IntEnum):
    """What a rule says of one moment."""

    NO_DATA = 0
    """Too little is known."""
    CLEAR = 1
    BETWEEN = 2
    """No breach, and not clear either."""
    BREACH = 3


@attrs.frozen
class Timing:
    """How long things must last. Seconds."""

    hold: int = 0
    """A breach, before it is an incident."""
    keep: int = 0
    """The absence of one, before the incident is over."""
    patience: int = 300
    """The absence of data, before the incident is over for want of it."""
    flap_times: int = 4
    """So many beginnings within ...; 0 for none ever."""
    flap_within: int = 3600
    """... so long are one flapping incident."""


class StepKind(enum.Enum):
    """What can happen to an incident."""

    TRIGGERED = enum.auto()
    FLAPPING = enum.auto()
    """It begins, once more than is told singly."""
    RECOVERED = enum.auto()
    EXPIRED = enum.auto()
    """It is over for want of data."""


@attrs.frozen
class Step:
    """One thing that happened, and when."""

    kind: StepKind
    time: int


class Lifecycle:
    """Where one rule, or one group of it, stands. Times are seconds, and never go back."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._since: int | None = None
        """Of a pending breach, its first moment."""
        self.firing = False
        self.flapping = False
        self._clear_since: int | None = None
        self._unknown_since: int | None = None
        self._beginnings: deque[int] = deque(maxlen=timing.flap_times)

    def to_json(self) -> dict[str, Any]:
        """Return where it stands."""
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
        """Return one that stands where another stood."""
        life = cls(timing)
        life._since = state["since"]
        life.firing, life.flapping = state["firing"], state["flapping"]
        life._clear_since, life._unknown_since = state["clear_since"], state["unknown_since"]
        life._beginnings.extend(state["beginnings"])
        return life

    @property
    def inactive(self) -> bool:
        return self._since is None and not self.firing

    def idle(self, now: int) -> bool:
        """Tell whether it is as a new one would be."""
        recent = self._beginnings and now - self._beginnings[-1] <= self._timing.flap_within
        return self.inactive and not recent

    def during(self, signal: Signal, first: int, last: int, step: int) -> Step | None:
        """Take in that a signal is the same at `first`, and each `step` seconds up to `last`.

        Returns what that leads to: at most one thing can happen meanwhile.
        """
        if not self.firing:
            return self._before(signal, first, last, step)
        self._unknown_since = self._kept(self._unknown_since, signal is Signal.NO_DATA, first)
        self._clear_since = self._kept(self._clear_since, signal is Signal.CLEAR, first)
        timing = self._timing
        for since, patience, kind in (
            (
                self._clear_since,
                timing.flap_within if self.flapping else timing.keep,
                StepKind.RECOVERED,
            ),
            (self._unknown_since, timing.patience, StepKind.EXPIRED),
        ):
            time = None if since is None else _reached(since + patience, first, step)
            if time is not None and time <= last:
                self.firing = self.flapping = False
                self._clear_since = self._unknown_since = None
                return Step(kind, time)
        return None

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
    """Return the first of the moments from `first` on that is not before `due`."""
    return first + max(0, -(-(due - first) // step)) * step
