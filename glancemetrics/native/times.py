"""Times in text, read a column at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native.library import Address, Count, address, library, text_addresses

Int64s = npt.NDArray[np.int64]

NO_TIME, TIME, WITHOUT_ZONE = range(3)
"""What a text is: no time, one, or one that names no zone and is read as if it were UTC."""

library.gm_iso_times.argtypes = [Address, Address, Count, Address, Address]


def iso_times(texts: pa.StringArray) -> tuple[Int64s, npt.NDArray[np.uint8]]:
    """Read `2015-05-17T10:05:03.25+02:00` and the like: microseconds since the epoch, and kinds.

    There must be no nulls. What is finer than microseconds is cut off.
    """
    micros = np.empty(len(texts), np.int64)
    kinds = np.empty(len(texts), np.uint8)
    offsets, data = text_addresses(texts)
    library.gm_iso_times(offsets, data, len(texts), address(micros), address(kinds))
    return micros, kinds
