"""Visitors: distinct host and agent per day, as GoAccess counts them, told apart by a hash.

Source of the definition: https://goaccess.io/faq ("unique visitors").
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.dimensions import Dimension, code
from glancemetrics.native.strings import string_hashes

Int64s = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

_U = np.uint64
_SEED = _U(0x9E3779B97F4A7C15)
_FIRST, _SECOND = _U(0xBF58476D1CE4E5B9), _U(0x94D049BB133111EB)
_BY_AGENT, _BY_DAY = _U(0xC2B2AE3D27D4EB4F), _U(0xD6E8FEB86659FD93)


def visitor_hashes(batch: pa.RecordBatch, days: Int64s) -> Hashes:
    """Return for each record a number that stands for its host, agent and day."""
    return _mixed(
        _by_row(batch, Dimension.HOST)
        + _by_row(batch, Dimension.AGENT) * _BY_AGENT
        + days.astype(np.uint64) * _BY_DAY
    )


def _by_row(batch: pa.RecordBatch, dimension: Dimension) -> Hashes:
    coded = code(batch, dimension)
    # What is missing has a hash too: the one that -1 points at.
    hashes = np.append(string_hashes(coded.names.cast(pa.string())), _SEED)
    by_row: Hashes = hashes[coded.codes]
    return by_row


def _mixed(values: Hashes) -> Hashes:
    """Spread every bit over all (the finalizer of SplitMix64, S. Vigna)."""
    values = values ^ (values >> _U(30))
    values *= _FIRST
    values ^= values >> _U(27)
    values *= _SECOND
    values ^= values >> _U(31)
    return values
