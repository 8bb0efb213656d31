"""The wall clock, passed to the actors so that tests can replace it."""

from __future__ import annotations

from collections.abc import Callable

WallClock = Callable[[], float]
"""Returns seconds since the epoch."""
