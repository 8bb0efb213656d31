"""Splits lines into columns at literal texts that are the same in each line."""

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
    """The literal text after it; empty for a field that ends the line."""
    wanted: Wanted | None
    """`None` for a field without a column: it is only checked."""
    kind: Kind = Kind.TEXT
    """How it is parsed, also if it has no column."""
    is_list: bool = False
    """Whether it may have several items, separated by `, ` or ` : `."""
    is_padded: bool = False
    """Whether spaces may precede it."""
    may_be_quoted: bool = False
    """Whether quotes around its text are ignored; the text then has no quotes inside."""
    form: Form = Form.ANYTHING
    """The form that its text must have."""
    kept: Wanted | None = None
    """Its kept text, in addition to its parsed value."""


@attrs.frozen(eq=False)
class SplitLines:
    """The lines that could be split."""

    line: Int32s
    """The line number of each row, from 0."""
    columns: list[Rows]
    """The values of the wanted fields."""
    kept: list[Rows]
    """The texts of the kept fields."""


def split_lines(lines: pa.StringArray, before: bytes, fields: Sequence[FieldBetween]) -> SplitLines:
    """Split lines, each with its newline, and parse the texts of fields.

    A field ends at the first occurrence of the text after it; spaces and a carriage return at the
    end of a line are ignored. Lines that lack a literal text, or with a field of the wrong kind or
    form, are omitted.
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
