"""Allowances: how often somebody may ask (token buckets)."""

from __future__ import annotations

from collections import OrderedDict

import attrs

_MOST_NAMES = 10_000


@attrs.define
class Allowance:
    """So many a second on average, and so many at once."""

    rate: float
    burst: float
    _left: float = attrs.field(default=attrs.Factory(lambda self: self.burst, takes_self=True))
    _since: float | None = None

    def take(self, now: float, cost: float = 1.0) -> bool:
        """Take from it; returns whether there was enough. `now` is in seconds."""
        if self._since is not None:
            self._left = min(self.burst, self._left + self.rate * max(0.0, now - self._since))
        self._since = now
        if self._left < cost:
            return False
        self._left -= cost
        return True

    def give_back(self, cost: float = 1.0) -> None:
        """Undo a `take`."""
        self._left = min(self.burst, self._left + cost)

    def wait(self, cost: float = 1.0) -> float:
        """Return the seconds until there is enough."""
        return max(0.0, (cost - self._left) / self.rate)


class Allowances:
    """An allowance each for many, such as addresses. Those seen longest ago are forgotten."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._known: OrderedDict[str, Allowance] = OrderedDict()

    def of(self, name: str) -> Allowance:
        """Return the allowance of a name."""
        found = self._known.pop(name, None) or Allowance(self._rate, self._burst)
        self._known[name] = found
        if len(self._known) > _MOST_NAMES:
            self._known.popitem(last=False)
        return found
