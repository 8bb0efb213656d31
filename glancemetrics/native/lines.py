"""Finds the lines of a chunk, and cuts off their beginnings."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native.library import (
    Address,
    Count,
    address,
    for_text,
    library,
    quick,
    text_addresses,
)

Int32s = npt.NDArray[np.int32]

for _library in (library, quick):
    _library.gm_count_lines.argtypes = [Address, Count, ctypes.POINTER(Count)]
    _library.gm_count_lines.restype = Count
    _library.gm_line_offsets.argtypes = [Address, Count, Address]
library.gm_rests.argtypes = [Address, Address, Count, Address, Address, Address]
library.gm_rests.restype = Count


def count_lines(chunk: bytes | memoryview) -> tuple[int, bool]:
    """Return the number of lines in a chunk, and whether it is all ASCII."""
    text = np.frombuffer(chunk, np.uint8)
    is_ascii = Count()
    size: int = for_text(len(text)).gm_count_lines(address(text), len(text), is_ascii)
    return size, bool(is_ascii.value)


def line_offsets(chunk: bytes | memoryview) -> tuple[Int32s, bool]:
    """Return the beginnings of lines and the end of the last one; and whether it is all ASCII.

    Text after the last newline is not a line.
    """
    size, is_ascii = count_lines(chunk)
    text = np.frombuffer(chunk, np.uint8)
    offsets = np.empty(size + 1, np.int32)
    for_text(len(text)).gm_line_offsets(address(text), len(text), address(offsets))
    return offsets, is_ascii


def rests(texts: pa.StringArray, lengths: Int32s) -> pa.StringArray:
    """Return the rest of each text after a number of bytes; there must be no nulls."""
    count = len(texts)
    offsets, data = text_addresses(texts)
    begin, end = np.frombuffer(texts.buffers()[1], np.int32)[[texts.offset, texts.offset + count]]
    rest_offsets = np.empty(count + 1, np.int32)
    written = np.empty(end - begin, np.uint8)
    size = library.gm_rests(
        offsets, data, count, address(lengths), address(rest_offsets), address(written)
    )
    return pa.StringArray.from_buffers(
        count, pa.py_buffer(rest_offsets), pa.py_buffer(written[:size])
    )
