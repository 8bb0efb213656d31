"""Up to when everything that was written has been read, if reading has stood still at times."""

from __future__ import annotations

from collections import deque

import attrs


@attrs.define
class Standstills:
    """When reading stood still. Moments are seconds of any clock that is never set."""

    _known: deque[tuple[float, float]] = attrs.field(factory=deque)
    """Begins and ends, in their order; those that no longer matter are left out."""

    def add(self, begin: float, end: float) -> None:
        """Note one that has ended. It does not begin before the end of the last one."""
        if self._known and self._known[-1][1] == begin:
            begin, _ = self._known.pop()
        self._known.append((begin, end))

    def read_until(self, now: float, within: float) -> float:
        """Return up to when all was read, if that takes at most `within` seconds.

        Those are seconds in which reading did not stand still.
        """
        reached, left = now, within
        for number, (begin, end) in enumerate(reversed(self._known)):
            if reached - end >= left:
                self._forget(number)
                break
            left -= reached - end
            reached = begin
        return reached - left

    def _forget(self, kept: int) -> None:
        """Leave out all but the last ones: later moments need no earlier ones."""
        while len(self._known) > kept:
            self._known.popleft()
