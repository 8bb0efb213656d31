"""Turns: so many at the same time, fairly by who asks. Nobody who asks much holds up others."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque

import attrs
import trio

OWN = ""
"""Who is served before all others: the terminal's own screen."""


class Turns:
    """So many turns at the same time.

    Whoever waits is served by askers in a circle, each one's own in order. `OWN` is served first,
    and some turns are for it alone.
    """

    def __init__(self, most: int, *, for_own: int = 0) -> None:
        self._most = most
        self._for_others = most - for_own
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[Turn]] = OrderedDict()
        """By asker; who was served last comes last."""

    @property
    def taken(self) -> int:
        """How many are taken now."""
        return self._held.total()

    def of(self, asker: str = OWN) -> Turn:
        """Return a turn that may be taken for somebody."""
        return Turn(self, asker)

    def _serve(self) -> None:
        """Let in who may be let in."""
        while (asker := self._next()) is not None:
            waiting = self._waiting[asker]
            turn = waiting.popleft()
            self._waiting.move_to_end(asker)
            if not waiting:
                del self._waiting[asker]
            if not turn.is_taken:  # it may have waited for several
                self._held[asker] += 1
                turn.taken_for = asker
                turn.let_in.set()

    def _next(self) -> str | None:
        if self.taken >= self._most:
            return None
        if OWN in self._waiting:
            return OWN
        others = self.taken - self._held[OWN]
        return next(iter(self._waiting), None) if others < self._for_others else None

    def _wait(self, turn: Turn, asker: str) -> None:
        self._waiting.setdefault(asker, deque()).append(turn)
        self._serve()

    def _leave(self, turn: Turn) -> None:
        for asker in turn.askers:
            waiting = self._waiting.get(asker)
            if waiting is not None and turn in waiting:
                waiting.remove(turn)
                if not waiting:
                    del self._waiting[asker]

    def _give_back(self, asker: str) -> None:
        self._held[asker] -= 1
        if not self._held[asker]:
            del self._held[asker]
        self._serve()


@attrs.define(eq=False)
class Turn:
    """One turn: wait for it with `take`, then `give_back`."""

    _turns: Turns
    _first: str
    askers: set[str] = attrs.field(init=False, factory=set)
    """Who waits for it."""
    taken_for: str | None = attrs.field(init=False, default=None)
    let_in: trio.Event = attrs.field(init=False, factory=trio.Event)
    is_over: bool = attrs.field(init=False, default=False)

    @property
    def is_taken(self) -> bool:
        return self.taken_for is not None

    async def take(self) -> None:
        """Wait for it."""
        self.also_for(self._first)
        try:
            await self.let_in.wait()
        except trio.Cancelled:
            self.give_back()
            raise

    def also_for(self, asker: str) -> None:
        """Let somebody else wait for it, too: it is taken when it is the turn of either.

        One that is over is not taken again: who asks for it gets what it was for.
        """
        if asker not in self.askers and not self.is_over:
            self.askers.add(asker)
            if not self.is_taken:
                self._turns._wait(self, asker)

    def give_back(self) -> None:
        """End it, or the wait for it."""
        self.is_over = True
        asker, self.taken_for = self.taken_for, None
        self._turns._leave(self)
        if asker is not None:
            self._turns._give_back(asker)
