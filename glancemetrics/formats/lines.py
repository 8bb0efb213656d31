"""Converts chunks of lines to arrays of texts and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native.lines import line_offsets

Int32s = npt.NDArray[np.int32]


def line_bounds(chunk: bytes | memoryview) -> tuple[Int32s, Int32s]:
    """Return the offsets of the beginning and of the newline of each line of a chunk."""
    offsets, _ = line_offsets(chunk)
    return offsets[:-1], offsets[1:] - 1


def lines_of(chunk: bytes | memoryview) -> pa.StringArray:
    r"""Return the lines of a chunk, each with its newline; invalid UTF-8 becomes `\xHH`."""
    chunk = bytes(chunk)
    offsets, is_ascii = line_offsets(chunk)
    if not is_ascii:
        try:
            chunk.decode()
        except UnicodeDecodeError:
            chunk = chunk.decode("utf-8", "backslashreplace").encode()
            offsets, _ = line_offsets(chunk)
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(chunk))


def chunk_of(lines: pa.StringArray) -> bytes:
    """Join lines into a chunk."""
    _, offsets, data = lines.buffers()
    if data is None or not len(lines):
        return b""
    begin, end = np.frombuffer(offsets, np.int32)[[lines.offset, lines.offset + len(lines)]]
    return bytes(memoryview(data)[begin:end])
