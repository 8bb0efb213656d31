"""Decodes lines of the common and combined log formats into columns."""

from __future__ import annotations

import ctypes
import weakref

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.library import (
    Address,
    Count,
    address,
    check_size,
    checked,
    for_text,
    library,
    quick,
    text_addresses,
)
from glancemetrics.native.lines import count_lines
from glancemetrics.native.strings import numbers_at, strings_at

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

REQUEST_PARTS = ("method", "path", "query", "protocol", "vhost", "request")
"""Columns made from the request line; `request` is the line itself if it is malformed."""
TEXT_COLUMNS = ("host", "identity", "user", "referrer", "agent", *REQUEST_PARTS)


class _Rows(ctypes.Structure):
    _fields_ = (
        ("line", Address),
        ("time", Address),
        ("status", Address),
        ("bytes", Address),
        ("no_bytes", Address),
        ("codes", Address * len(TEXT_COLUMNS)),
        ("left_line", Address),
        ("left_start", Address),
        ("left_end", Address),
    )


class _LineCounts(ctypes.Structure):
    _fields_ = (("lines", Count), ("rows", Count), ("left", Count), ("combined", Count))


check_size("gm_rows", _Rows)
check_size("gm_counts", _LineCounts)


quick.gm_decoder_new.argtypes = [Count]
quick.gm_decoder_new.restype = Address
library.gm_decoder_free.argtypes = [Address]
quick.gm_decoder_column.argtypes = [Address, ctypes.c_int32]
quick.gm_decoder_column.restype = Address
for _library in (library, quick):
    _library.gm_decode.argtypes = [
        Address,
        Address,
        Count,
        Count,
        ctypes.POINTER(_Rows),
        ctypes.POINTER(_LineCounts),
    ]
    _library.gm_decode.restype = Count
library.gm_split_requests.argtypes = [Address, Address, Address, Count, Address * 6]
library.gm_split_requests.restype = Count


@attrs.frozen(eq=False)
class DecodedLines:
    """The unambiguous lines of a chunk as columns, and the positions of the others."""

    lines: int
    line: Int32s
    """The line number of each row, from 0."""
    time: Int64s
    """Microseconds since the epoch."""
    status: npt.NDArray[np.uint16]
    bytes: Int64s
    no_bytes: npt.NDArray[np.bool_]
    """Rows whose size is `-`."""
    codes: dict[str, Int32s]
    """The number of each row's text by text column; -1 for none."""
    combined: int
    """How many rows have a referrer and an agent, which may be `-`."""
    left_line: Int32s
    """The numbers of the other lines; below, the offsets of their beginning and end."""
    left_start: Int64s
    left_end: Int64s


class LineDecoder:
    """Decodes one chunk; holds the distinct texts of each column."""

    def __init__(self, lines: int = 0) -> None:
        """Prepare for about `lines` lines."""
        handle = quick.gm_decoder_new(lines)
        if not handle:
            raise MemoryError
        self._handle = handle
        weakref.finalize(self, library.gm_decoder_free, handle)

    def decode(self, chunk: bytes | memoryview) -> DecodedLines:
        """Decode a chunk of whole lines, each ended by a newline."""
        text = np.frombuffer(chunk, np.uint8)
        size, ascii_only = count_lines(chunk)
        line, left_line = np.empty((2, size), np.int32)
        time, sizes, left_start, left_end = np.empty((4, size), np.int64)
        status = np.empty(size, np.uint16)
        no_bytes = np.empty(size, np.bool_)
        codes = np.empty((len(TEXT_COLUMNS), size), np.int32)
        rows = _Rows(
            address(line),
            address(time),
            address(status),
            address(sizes),
            address(no_bytes),
            (Address * len(TEXT_COLUMNS))(*map(address, codes)),
            address(left_line),
            address(left_start),
            address(left_end),
        )
        counts = _LineCounts()
        decode = for_text(len(text)).gm_decode
        checked(decode(self._handle, address(text), len(text), ascii_only, rows, counts))
        made, left = counts.rows, counts.left
        return DecodedLines(
            counts.lines,
            line[:made],
            time[:made],
            status[:made],
            sizes[:made],
            no_bytes[:made],
            {name: codes[i, :made] for i, name in enumerate(TEXT_COLUMNS)},
            counts.combined,
            left_line[:left],
            left_start[:left],
            left_end[:left],
        )

    def enter(self, column: str, strings: pa.StringArray) -> Int32s:
        """Return the number of each text in a column other than the request's; -1 for null."""
        codes = np.full(len(strings), -1, np.int32)
        valid = pc.is_valid(strings).to_numpy(zero_copy_only=False)
        texts = pc.drop_null(strings)
        table = quick.gm_decoder_column(self._handle, TEXT_COLUMNS.index(column))
        codes[valid] = numbers_at(table, texts)
        return codes

    def split(self, requests: pa.StringArray) -> dict[str, Int32s]:
        """Split request lines; returns the number of each part in its column, -1 for null."""
        texts = pc.drop_null(requests)
        parts = np.empty((len(REQUEST_PARTS), len(texts)), np.int32)
        offsets, data = text_addresses(texts)
        arrays = (Address * len(REQUEST_PARTS))(*map(address, parts))
        checked(library.gm_split_requests(self._handle, offsets, data, len(texts), arrays))
        if requests.null_count:
            codes = np.full((len(REQUEST_PARTS), len(requests)), -1, np.int32)
            codes[:, pc.is_valid(requests).to_numpy(zero_copy_only=False)] = parts
            parts = codes
        return dict(zip(REQUEST_PARTS, parts, strict=True))

    def texts(self, column: str) -> pa.StringArray:
        """Return the texts of a column in the order of their numbers; no more can be added."""
        column_at = quick.gm_decoder_column(self._handle, TEXT_COLUMNS.index(column))
        return strings_at(column_at, self)
