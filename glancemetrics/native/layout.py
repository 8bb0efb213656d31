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
    check_size,
    checked,
    library,
    text_addresses,
)
from glancemetrics.native.values import (
    Form,
    Kind,
    NativeColumn,
    Rows,
    Wanted,
    made_rows,
)

Int32s = npt.NDArray[np.int32]

MOST_FIELDS = 64


class _Field(ctypes.Structure):
    _fields_ = (
        ("column", NativeColumn),
        ("after", ctypes.c_char_p),
        ("after_length", Count),
        ("is_list", Count),
        ("is_padded", Count),
        ("may_be_quoted", Count),
        ("form", Count),
        ("kept", NativeColumn),
    )


check_size("gm_field", _Field)


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
    wanted: Wanted | None
    """`None` for a field that no column has: it is only looked at."""
    kind: Kind = Kind.TEXT
    """What it is read as, wanted or not."""
    is_list: bool = False
    """Whether it holds several items, between which stands `, ` or ` : `."""
    is_padded: bool = False
    """Whether spaces may stand before it."""
    may_be_quoted: bool = False
    """Whether its text is the same with quotes around it, which may have none inside."""
    form: Form = Form.ANYTHING
    """What its text must look like."""
    kept: Wanted | None = None
    """What is kept of its text as it was written, beside what is read of it."""


@attrs.frozen(eq=False)
class SplitLines:
    """The lines that could be split."""

    line: Int32s
    """Of each row, which line it was, from 0."""
    columns: list[Rows]
    """Of each wanted field."""
    kept: list[Rows]
    """Of each field of which the text is kept."""


def split_lines(lines: pa.StringArray, before: bytes, fields: Sequence[FieldBetween]) -> SplitLines:
    """Split lines, each of which has its newline, and read the texts of fields.

    A field ends where the text after it stands first; spaces and a return at the end of a line are
    no part of it. A line that has not all of the texts, or of which one is not what its kind and
    its form want, is left out.
    """
    size = len(lines)
    line = np.empty(size, np.int32)
    columns: list[Rows] = []
    kept: list[Rows] = []
    array = (_Field * len(fields))()
    for i, field in enumerate(fields):
        array[i].after, array[i].after_length = field.after, len(field.after)
        array[i].is_list, array[i].is_padded = field.is_list, field.is_padded
        array[i].may_be_quoted, array[i].form = field.may_be_quoted, field.form
        array[i].column.kind = field.kind
        if field.wanted is not None:
            array[i].column, rows = made_rows(field.wanted, size)
            columns.append(rows)
        if field.kept is not None:
            array[i].kept, texts = made_rows(field.kept, size)
            kept.append(texts)
    offsets, data = text_addresses(lines)
    rows_made = checked(
        library.gm_split_lines(
            data, offsets, size, before, len(before), array, len(fields), address(line)
        )
    )
    made = slice(rows_made)
    return SplitLines(
        line[made], [each.of_rows(made) for each in columns], [each.of_rows(made) for each in kept]
    )
