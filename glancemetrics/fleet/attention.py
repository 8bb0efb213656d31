"""When messages were taken as they came, and what follows for what was read."""

from __future__ import annotations

import math
from collections import deque

_TRIFLE_SECONDS = 0.001
"""A pause that counts as none."""


class Attention:
    """Spans of time in which nobody had to wait with a message.

    Whoever follows a log looks at it, hands over what is new, and looks again soon after that was
    taken. So all that was written before a moment of attention is handed over soon after it,
    however long messages had to wait before and since. Moments are seconds of a clock that is never
    set.
    """

    def __init__(self, now: float, within: float) -> None:
        """`within`: in how many seconds after a moment of attention the next look is handed over.

        Nobody has waited before `now`.
        """
        self._within = within
        self._spans: deque[tuple[float, float]] = deque([(-math.inf, now)])
        """Begins and ends, in their order; those that no longer matter are left out."""

    @property
    def last(self) -> float:
        """The last moment of attention."""
        return self._spans[-1][1]

    def was_given(self, begin: float, end: float) -> None:
        """Note a span that begins after the last one."""
        if begin - self.last <= _TRIFLE_SECONDS:
            begin, _ = self._spans.pop()
        self._spans.append((begin, end))
        while len(self._spans) > 1 and self._spans[1][0] <= end - self._within:
            self._spans.popleft()

    def read_until(self, now: float) -> float:
        """Return up to when all that was written is read, if all messages are taken now."""
        latest = now - self._within
        end = next(end for begin, end in reversed(self._spans) if begin <= latest)
        return min(end, latest)
