"""Parses the texts of a field as numbers, durations or times, or keeps them as texts."""

from __future__ import annotations

import ctypes
import enum
from typing import Any

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
    for_items,
    library,
    quick,
    text_addresses,
)
from glancemetrics.native.strings import StringTable

Int32s = npt.NDArray[np.int32]
UInt8s = npt.NDArray[np.uint8]


class Kind(enum.IntEnum):
    """How a text is parsed."""

    TEXT = 0
    STATUS = 1
    """`200`; `-` and `-1` mean no value, here and below."""
    STATUS_WORDS = 2
    """`200 OK`."""
    SIZE = 3
    """`512`, `+512`, `512.0`, `5E2`."""
    DECIMAL = 4
    """`0.25`, `+12`, `8.5e-05`."""
    DURATION = 5
    """`12.5ms`, `1m2s`: seconds; a number without a unit is `WITHOUT_UNIT`."""
    DURATION_IN_SECONDS = 6
    """The same, in seconds without a unit."""
    DECIMALS = 7
    """`0.010, 0.002 : -`: their sum."""
    CLF_TIME = 8
    """Also with a fraction, without a zone, or in ISO 8601; microseconds since the epoch, here and
    below."""
    CLF_LOCAL_TIME = 9
    ISO_TIME = 10
    ANY_TIME = 11
    """Any of these notations, or a number whose size shows its unit."""
    EPOCH_SECONDS = 12
    EPOCH_MILLISECONDS = 13
    EPOCH_MICROSECONDS = 14
    DATE = 15
    TIME_OF_DAY = 16
    """Microseconds since midnight."""


class State(enum.IntEnum):
    """The result of parsing a number or a time."""

    ABSENT = 0
    """There is no text."""
    NOTHING = 1
    """The text means no value."""
    KNOWN = 2
    WITHOUT_ZONE = 3
    """The text has no zone; the time is parsed as if it were UTC."""
    WITHOUT_UNIT = 3
    """The text of a duration has no unit."""
    WRONG = 4
    """The text is not of this kind."""
    UNUSABLE = 5
    """The text is of this kind but impossible: a negative duration, an absurd size."""
    IN_NAMED_ZONE = 6
    """The text has an ambiguous zone name or no known offset; parsed as if it were UTC."""


DECIMAL_KINDS = frozenset({Kind.DECIMAL, Kind.DURATION, Kind.DURATION_IN_SECONDS, Kind.DECIMALS})
"""Kinds with fractions."""


class Form(enum.IntEnum):
    """The form of a text."""

    ANYTHING = 0
    WORD = 1
    """No spaces or tabs."""
    MAYBE_WORD = 2
    """The same, or empty."""
    QUOTED = 3
    """Quotes only after a backslash."""
    VALUE = 4
    """A word, or any text in quotes."""
    CELL = 5
    """No tabs."""
    HOST_AND_PORT = 6
    MARKED = 7
    """Empty, or begins with `?`."""
    INTEGER = 8
    BRACES = 9
    """Up to two texts in braces, each with a space after it."""
    TAIL = 10
    """Empty, or begins with a space."""
    WORD_AND_TAIL = 11
    SINGLE_HOST = 12
    """A word without a comma."""
    MAYBE_HOST = 13
    """The same, or empty."""


class Port(enum.IntEnum):
    """Whether texts are hosts whose ports and brackets are removed."""

    NONE = 0
    MAYBE = 1
    """The port is the text after the only colon, or after brackets."""
    ALWAYS = 2
    """The port is the text after the last colon."""


class Nothing(enum.IntFlag):
    """Which texts mean no value."""

    NONE = 0
    DASH = 1
    EMPTY = 2
    QUOTES = 4
    """Empty quotes."""


class NativeColumn(ctypes.Structure):
    """A column to be filled by compiled code."""

    _fields_ = (
        ("kind", Count),
        ("nothing", Count),
        ("port", Count),
        ("texts", Address),
        ("codes", Address),
        ("numbers", Address),
        ("states", Address),
    )


check_size("gm_column", NativeColumn)


NATIVE_COLUMN = np.dtype([(name, np.int64) for name, _ in NativeColumn._fields_])
"""The same as a numpy type, for arrays of columns."""

library.gm_read_values.argtypes = [ctypes.POINTER(NativeColumn), Address, Address, Count]
library.gm_read_values.restype = Count
quick.gm_read_values.argtypes = library.gm_read_values.argtypes
quick.gm_read_values.restype = Count
quick.gm_have_form.argtypes = [Count, Address, Address, Count, Address]


@attrs.frozen(eq=False)
class TextRows:
    """Texts by row."""

    codes: Int32s
    """The number of each row's text in the table; -1 for no value."""
    table: StringTable

    def of_rows(self, rows: npt.NDArray[Any] | slice) -> TextRows:
        """Return the values of some rows, given as indices or as a mask."""
        return TextRows(self.codes[rows], self.table)


@attrs.frozen(eq=False)
class Numbers:
    """Numbers or times by row."""

    values: npt.NDArray[Any]
    """Floats or whole numbers; times are in microseconds."""
    states: UInt8s
    """The `State` of each value."""

    @classmethod
    def absent(cls, kind: Kind, rows: int) -> Numbers:
        """Return rows that are all absent."""
        return cls(np.empty(rows, _dtype(kind)), np.full(rows, State.ABSENT, np.uint8))

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which values are known without a time zone or unit."""
        known: npt.NDArray[np.bool_] = self.states == State.KNOWN
        return known

    def of_rows(self, rows: npt.NDArray[Any] | slice) -> Numbers:
        """Return the values of some rows, given as indices or as a mask."""
        return Numbers(self.values[rows], self.states[rows])

    def where_absent(self, others: Numbers) -> Numbers:
        """Fill rows that are absent, or mean no value, from others."""
        absent = np.where(
            others.states == State.ABSENT,
            self.states == State.ABSENT,
            self.states <= State.NOTHING,
        )
        return Numbers(
            np.where(absent, others.values, self.values),
            np.where(absent, others.states, self.states),
        )


Rows = TextRows | Numbers


def _dtype(kind: Kind) -> type[np.float64 | np.int64]:
    return np.float64 if kind in DECIMAL_KINDS else np.int64


@attrs.frozen
class Wanted:
    """How to fill a column."""

    kind: Kind = Kind.TEXT
    nothing: Nothing = Nothing.NONE
    port: Port = Port.NONE


KEPT = Wanted(nothing=Nothing.DASH | Nothing.EMPTY | Nothing.QUOTES)
"""The text of a `--keep` field as logged."""


def made_rows(
    wanted: Wanted, size: int, table: StringTable | None = None
) -> tuple[NativeColumn, Rows]:
    """Allocate a column of `size` rows to be filled; texts are added to the table."""
    if wanted.kind is Kind.TEXT:
        texts = TextRows(np.empty(size, np.int32), StringTable() if table is None else table)
        targets = (texts.table.handle, address(texts.codes), None, None)
        return NativeColumn(wanted.kind, wanted.nothing, wanted.port, *targets), texts
    numbers = Numbers.absent(wanted.kind, size)
    places = (None, None, address(numbers.values), address(numbers.states))
    return NativeColumn(wanted.kind, wanted.nothing, wanted.port, *places), numbers


def read_values(texts: pa.StringArray, wanted: Wanted, table: StringTable | None = None) -> Rows:
    """Parse texts without nulls into a column."""
    column, rows = made_rows(wanted, len(texts), table)
    offsets, data = text_addresses(texts)
    checked(for_items(len(texts)).gm_read_values(column, offsets, data, len(texts)))
    return rows


def read_numbers(texts: pa.StringArray, kind: Kind) -> Numbers:
    """Parse texts without nulls as numbers or times."""
    rows = read_values(texts, Wanted(kind))
    assert isinstance(rows, Numbers)
    return rows


def have_form(texts: pa.StringArray, form: Form) -> npt.NDArray[np.bool_]:
    """Tell which texts have a form; there must be no nulls."""
    have = np.empty(len(texts), np.bool_)
    offsets, data = text_addresses(texts)
    quick.gm_have_form(form, offsets, data, len(texts), address(have))
    return have
