"""The wall clock, handed to the actors so that tests can hand them another."""

from __future__ import annotations

from collections.abc import Callable

WallClock = Callable[[], float]
"""Returns seconds since the epoch."""
