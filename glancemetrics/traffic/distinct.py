"""Counts the distinct values in a sliding window, at constant memory.

A HyperLogLog (Flajolet et al., 2007) whose registers store, for every rank, the newest second in
which it was reached. The registers of any window can be read from it, so nothing has to be merged
or forgotten.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xxhash

from glancemetrics.state.tree import State

Int64s = npt.NDArray[np.int64]

_PRECISION = 12
_REGISTERS = 1 << _PRECISION
_MAX_RANK = 64 - _PRECISION + 1
_ALPHA = 0.7213 / (1 + 1.079 / _REGISTERS)
_NEVER = np.iinfo(np.int64).min

STANDARD_ERROR = 1.04 / _REGISTERS**0.5
"""Relative error: 1.6 %."""


class SlidingDistinct:
    """Estimates the distinct values in any window of seconds."""

    def __init__(self) -> None:
        self._newest = np.full((_REGISTERS, _MAX_RANK + 1), _NEVER, np.int64)

    def to_state(self, start: int) -> State:
        """Return what the seconds from `start` on have reached; nothing else matters."""
        registers, ranks = np.nonzero(self._newest >= start)
        return {"registers": registers, "ranks": ranks, "seconds": self._newest[registers, ranks]}

    def restore(self, state: State) -> None:
        """Take over saved state."""
        self._newest[state["registers"], state["ranks"]] = state["seconds"]

    def add(self, values: list[str], which: Int64s, seconds: Int64s) -> None:
        """Count `values[which[i]]` as seen in `seconds[i]`."""
        hashes = np.fromiter(
            (xxhash.xxh3_64_intdigest(value.encode()) for value in values), np.uint64, len(values)
        )
        registers = (hashes >> np.uint64(64 - _PRECISION)).astype(np.int64)
        rest = hashes << np.uint64(_PRECISION)
        # The float's exponent gives the leading zeros; rounding past 53 bits only carries into the
        # next power of two for a value one in 2^53 below it.
        _, exponents = np.frexp(rest.astype(np.float64))
        ranks = np.where(rest == 0, _MAX_RANK, np.minimum(65 - exponents, _MAX_RANK))
        np.maximum.at(self._newest, (registers[which], ranks[which]), seconds)

    def estimate(self, start: int) -> float:
        """Estimate the distinct values in the seconds from `start` on."""
        reached = self._newest >= start
        ranks = np.where(
            reached.any(axis=1), _MAX_RANK - reached[:, ::-1].argmax(axis=1), 0
        ).astype(np.float64)
        raw = _ALPHA * _REGISTERS**2 / float(np.sum(2.0**-ranks))
        empty = int(np.count_nonzero(ranks == 0))
        if raw <= 2.5 * _REGISTERS and empty:
            return float(_REGISTERS * np.log(_REGISTERS / empty))
        return raw
