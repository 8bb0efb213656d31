"""For how long no request was logged, where that is unusual."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.state.tree import State

_LEAST_SECONDS, _UNUSUAL_GAPS = 15, 30
"""Seconds, and usual gaps between requests, after which it is unusual that there is none."""
_FEWEST_REQUESTS = 10
"""With fewer of them nobody knows which gaps are usual."""


@attrs.define
class Silence:
    """Knows when the last request was logged, and how far apart they usually are.

    That stays known when the log has been silent for longer than its rates are kept.
    """

    _last: int | None = None
    """The last second with a request."""
    _usual_gap: float | None = None
    """Seconds between two requests; `None` until there were enough of them."""

    def to_state(self) -> State:
        """Return its state."""
        return [self._last, self._usual_gap]

    def restore(self, state: State) -> None:
        """Take over saved state."""
        self._last, self._usual_gap = state

    def seconds(self, rates: npt.NDArray[np.int64], end: int) -> int:
        """Return for how many seconds before `end` there was no request; 0 if that is usual.

        `rates` has the requests of each second before `end`.
        """
        busy = np.flatnonzero(rates)
        if len(busy):
            first, last = int(busy[0]), int(busy[-1])
            requests = int(rates.sum())
            self._last = end - len(rates) + last
            if requests >= _FEWEST_REQUESTS:
                self._usual_gap = (last + 1 - first) / requests
        if self._last is None or self._usual_gap is None:
            return 0
        silent = end - 1 - self._last
        is_unusual = silent >= max(_LEAST_SECONDS, _UNUSUAL_GAPS * self._usual_gap)
        return silent if is_unusual else 0
