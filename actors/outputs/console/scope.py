"""What the screen is about: which requests, of which span of time; and questions about them."""

from __future__ import annotations

from functools import lru_cache

import attrs

from glancemetrics.selecting.value_conditions import joined_conditions


@attrs.frozen
class Left:
    """A row that was narrowed to, to come back to it."""

    page: str
    table: str
    """The key of its table."""
    names: tuple[str, ...]


@attrs.frozen
class Narrowing:
    """One step of narrowing what is shown."""

    label: str
    """As the breadcrumb shows it; text of a log."""
    condition: str
    """In the language of --where."""
    left: Left | None = attrs.field(default=None, eq=False)
    """Where the cursor was."""


@attrs.frozen
class Scope:
    """Which requests, and which span of time."""

    narrowed: tuple[Narrowing, ...] = ()
    seconds: int | None = None
    """Length of the window; `None`: the monitor's own."""
    until: int | None = None
    """Second before which the window ends; `None`: now."""
    is_held: bool = False
    """Whether `seconds` only holds while the past is shown; `live_seconds` was chosen before."""
    live_seconds: int | None = None
    around: int | None = None
    """The time that a person has named: a longer or shorter window stays around it."""

    @property
    def where(self) -> str | None:
        """The condition of all narrowings together; `None` for all requests."""
        return joined(*(one.condition for one in self.narrowed))

    @property
    def is_plain(self) -> bool:
        """Whether it is what snapshots show: all requests of the monitor's window, now."""
        return self == _PLAIN

    def within(self, narrowing: Narrowing) -> Scope:
        """Narrow it further."""
        if any(one.condition == narrowing.condition for one in self.narrowed):
            return self
        return attrs.evolve(self, narrowed=(*self.narrowed, narrowing))

    def at(self, until: int, seconds: int, around: int | None = None) -> Scope:
        """Show another time, with a window that holds as long as the past is shown."""
        left = self
        if self.until is None:
            left = attrs.evolve(self, is_held=True, live_seconds=self.seconds)
        return attrs.evolve(left, until=until, seconds=seconds, around=around)

    def live(self) -> Scope:
        """Show what happens now, with the window of before."""
        seconds = self.live_seconds if self.is_held else self.seconds
        return attrs.evolve(
            self, until=None, seconds=seconds, is_held=False, live_seconds=None, around=None
        )

    def lasting(self, seconds: int | None, newest: int) -> Scope:
        """Choose the length of the window; `None`: the monitor's own.

        In the past it stays around the same time, but does not reach beyond `newest`.
        """
        chosen = attrs.evolve(self, seconds=seconds, is_held=False, live_seconds=None)
        if self.until is None or seconds is None or self.seconds is None:
            return chosen
        around = self.until - self.seconds // 2 if self.around is None else self.around
        until = max(1, min(newest, around + (seconds + 1) // 2))
        return attrs.evolve(chosen, until=until, around=around)

    def wider(self) -> Scope:
        """Undo the last narrowing."""
        return attrs.evolve(self, narrowed=self.narrowed[:-1])


_PLAIN = Scope()


@lru_cache(maxsize=512)
def joined(*conditions: str | None) -> str | None:
    """Join conditions, of which some may be none. Remembered: it takes a millisecond."""
    return joined_conditions(one for one in conditions if one)
