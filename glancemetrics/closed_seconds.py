"""Closed seconds: what the alert supervisor is told once a second has ended."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class ClosedSeconds:
    """What was counted since the last of these, and which second is closed now.

    Every record is in exactly one of them. A record that came late is in a later one, under its
    own second.
    """

    end: int
    """All seconds before this one are closed."""
    seconds: Int64s
    """Seconds since the epoch, ascending; they may reach past `end`."""
    hits: Int64s
    bytes: Int64s
    errors: Int64s
