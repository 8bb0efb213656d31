"""Lines of which fields stand between texts that are the same in each line, split into columns."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native.library import (
    Address,
    Count,
    address,
    checked,
    library,
    text_addresses,
)
from glancemetrics.native.strings import StringTable

Int32s = npt.NDArray[np.int32]

MOST_FIELDS = 64

ANYTHING, WORD, MAYBE_WORD, QUOTED, NUMBER, VALUE, CELL = range(7)
"""What the text of a field may be asked to look like: a word has no space and no tab, quoted text
no quote but behind a backslash; a number may also be `-` or `-1`; a value is a word, or in quotes,
and a cell has no tab."""


class _Field(ctypes.Structure):
    _fields_ = (
        ("values", Address),
        ("codes", Address),
        ("after", ctypes.c_char_p),
        ("after_length", Count),
        ("is_list", Count),
        ("is_padded", Count),
        ("check", Count),
    )


library.gm_split_lines.argtypes = [
    Address,
    Address,
    Count,
    ctypes.c_char_p,
    Count,
    ctypes.POINTER(_Field),
    Count,
    Address,
]
library.gm_split_lines.restype = Count


@attrs.frozen
class FieldBetween:
    """A field, and the text that ends it."""

    after: bytes
    """Empty for a field that ends the line."""
    wanted: bool
    is_list: bool = False
    """Whether it holds several items, between which stands `, ` or ` : `."""
    is_padded: bool = False
    """Whether spaces may stand before it."""
    check: int = ANYTHING
    """What its text must look like."""


@attrs.frozen(eq=False)
class SplitLines:
    """The lines that could be split."""

    line: Int32s
    """Of each row, which line it was, from 0."""
    codes: list[Int32s]
    """By wanted field and row, the number of its text in the field's table."""


def split_lines(
    lines: pa.StringArray,
    before: bytes,
    fields: Sequence[FieldBetween],
    tables: Sequence[StringTable],
) -> SplitLines:
    """Split lines, each of which has its newline, and enter the texts of wanted fields in tables.

    A field ends where the text after it stands first; spaces and a return at the end of a line are
    no part of it. A line that has not all of the texts is left out.
    """
    size = len(lines)
    line = np.empty(size, np.int32)
    codes = [np.empty(size, np.int32) for _ in tables]
    kept = iter(zip(tables, codes, strict=True))
    array = (_Field * len(fields))()
    for i, field in enumerate(fields):
        array[i].after, array[i].after_length = field.after, len(field.after)
        array[i].is_list, array[i].is_padded = field.is_list, field.is_padded
        array[i].check = field.check
        if field.wanted:
            table, own = next(kept)
            array[i].values, array[i].codes = table.handle, address(own)
    offsets, data = text_addresses(lines)
    rows = checked(
        library.gm_split_lines(
            data, offsets, size, before, len(before), array, len(fields), address(line)
        )
    )
    return SplitLines(line[:rows], [each[:rows] for each in codes])
