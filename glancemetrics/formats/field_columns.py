"""Columns of field values: texts, or parsed numbers and times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.fields import TIMES, Field
from glancemetrics.native.strings import codes_of, indices_of, used_texts
from glancemetrics.native.values import (
    KEPT,
    Kind,
    Numbers,
    Rows,
    State,
    TextRows,
    read_numbers,
    read_values,
)

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]

_DASH, _EMPTY = pa.scalar("-", pa.string()), pa.scalar("", pa.string())
_SCALARS = {"": _EMPTY, "-": _DASH}


@attrs.frozen(eq=False)
class Texts:
    """The texts of a field: per row the index of a distinct text, -1 for none."""

    codes: Int32s
    distinct: pa.StringArray

    @classmethod
    def of(cls, codes: Int32s, texts: pa.StringArray) -> Texts:
        """Return texts by code, without unused texts."""
        return cls(*used_texts(codes, texts))

    def each(self, values: pa.Array) -> pa.Array:
        """Return the values of the distinct texts by row; null where a row has none."""
        return pc.take(values, indices_of(self.codes))

    def of_rows(self, rows: npt.NDArray[np.generic]) -> Texts:
        """Return the values of some rows, given as indices or as a mask."""
        return Texts.of(self.codes[rows], self.distinct)

    def known(self, nothing: str = "-") -> Texts:
        """Return them without the text that means "no value"."""
        there = pc.not_equal(self.distinct, _SCALARS[nothing]).to_numpy(zero_copy_only=False)
        if there.all():
            return self
        numbers = np.where(there, np.arange(len(there), dtype=np.int32), np.int32(-1))
        return Texts.of(np.append(numbers, np.int32(-1))[self.codes], self.distinct)

    def mapped(self, distinct: pa.StringArray) -> Texts:
        """Replace the distinct texts, in their order; the new ones may repeat or be null."""
        if distinct.equals(self.distinct):
            return self
        return Texts.chosen(self.codes, distinct)

    @classmethod
    def chosen(cls, rows: Int32s, texts: pa.StringArray) -> Texts:
        """Return one of the texts for each row; texts may repeat or be null."""
        encoded = pc.dictionary_encode(texts)
        numbers = np.append(codes_of(encoded), np.int32(-1))
        return cls.of(numbers[rows], encoded.dictionary)

    def column(self) -> pa.DictionaryArray:
        """Return them as a column."""
        indices = indices_of(self.codes)
        return pa.DictionaryArray.from_arrays(indices, self.distinct, safe=False)


def numbers_of(texts: Texts, kind: Kind) -> Numbers:
    """Parse the texts of a field as numbers or times; a row without text is absent."""
    read = read_numbers(texts.distinct, kind)
    absent = Numbers.absent(kind, 1)
    return Numbers(
        np.append(read.values, absent.values)[texts.codes],
        np.append(read.states, absent.states)[texts.codes],
    )


@attrs.frozen
class Columns:
    """The values of rows, by field."""

    texts: Mapping[Field, Texts]
    numbers: Mapping[Field, Numbers]
    kept: Mapping[str, Texts] = attrs.field(factory=dict)
    """The text of each `--keep` field as logged, by name."""

    @property
    def fields(self) -> set[Field]:
        return {*self.texts, *self.numbers}

    def have_any(self, fields: Iterable[Field]) -> Bools | np.bool_:
        """Tell which rows have a value for any of the fields."""
        have: Bools | np.bool_ = np.False_
        for field in fields:
            if field in self.texts:
                have = have | (self.texts[field].codes >= 0)
            elif field in self.numbers:
                have = have | (self.numbers[field].states > State.NOTHING)
        return have

    def unusable(self, rows: int) -> Bools:
        """Tell which rows have an invalid number; times are not checked."""
        unusable = np.zeros(rows, np.bool_)
        for field, numbers in self.numbers.items():
            if field not in TIMES and field is not Field.DATE:
                unusable |= numbers.states >= State.WRONG
        return unusable

    def of_rows(self, rows: npt.NDArray[np.generic]) -> Columns:
        """Return the values of some rows, given as indices or as a mask."""
        return Columns(
            {field: texts.of_rows(rows) for field, texts in self.texts.items()},
            {field: numbers.of_rows(rows) for field, numbers in self.numbers.items()},
            {name: texts.of_rows(rows) for name, texts in self.kept.items()},
        )


def kept_texts(texts: pa.StringArray) -> Texts:
    """Return the texts of a kept field; null means no value."""
    rows = read_values(pc.fill_null(texts, _EMPTY), KEPT)
    assert isinstance(rows, TextRows)
    return Texts(rows.codes, rows.table.sealed())


def columns_of(rows: Mapping[Field, Rows]) -> Columns:
    """Return the columns filled by compiled code; their tables are sealed."""
    texts = {}
    numbers = {}
    for field, each in rows.items():
        if isinstance(each, TextRows):
            texts[field] = Texts(each.codes, each.table.sealed())
        else:
            numbers[field] = each
    return Columns(texts, numbers)
