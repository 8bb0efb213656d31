"""Rows grouped by a key, and summed exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]


def sum_by(group: Int64s, values: Int64s, groups: int) -> Int64s:
    """Add up the values of each group, numbered from 0. Exact, as `bincount`'s weights are not."""
    sums = np.zeros(groups, np.int64)
    np.add.at(sums, group, values)
    return sums
