"""Fields of many lines taken out of one chunk at once, given where each begins and ends.

Numbers are read eight digits at a time in a 64-bit word, as in J. Langdale and D. Lemire, "Quickly
parsing eight digits" (https://lemire.me/blog/2018/10/03/quickly-parsing-eight-digits/).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

_DASH = b"-"[0]
_U = np.uint64
_ALL = _U(0xFFFF_FFFF_FFFF_FFFF)
_ZEROS, _NINES_CARRY, _HIGH_NIBBLES = (
    _U(0x3030303030303030),
    _U(0x0606060606060606),
    _U(0xF0F0F0F0F0F0F0F0),
)
_PAIRS = _U(0x000000FF000000FF)

DIGITS_LIMIT = 8
"""Digits of a number that `integers` reads."""


class LineFields:
    """One chunk, ready to have fields taken out of it."""

    def __init__(self, chunk: bytes) -> None:
        self.text = np.frombuffer(chunk, np.uint8)
        self._buffer = pa.py_buffer(chunk)
        self._words: Words = np.ndarray(
            (max(0, len(chunk) - 7),), "<u8", buffer=chunk, strides=(1,)
        )

    def words(self, offsets: Int64s) -> Words:
        """Return the eight bytes at each offset as a number, the first byte the lowest."""
        words: Words = self._words[offsets]
        return words

    def strings(
        self, starts: Int64s, ends: Int64s, known: Bools | None = None, *, dash: bool = True
    ) -> pa.StringArray:
        """Return the text of each field; null for `-` (if `dash`), and where it is not `known`.

        Fields must not overlap and stand in file order.
        """
        size = len(starts)
        # Every other string of one array is a field, what stands between them the rest of it: so
        # the chunk itself is the array's text, and only fields are copied, by `take`.
        edges = np.empty(2 * size + 1, np.int32)
        edges[0:-1:2] = starts
        edges[1::2] = ends
        edges[-1] = ends[-1] if size else 0
        between = pa.StringArray.from_buffers(2 * size, pa.py_buffer(edges), self._buffer)
        missing = (ends - starts == 1) & dash
        if missing.any():
            missing &= self.text[starts] == _DASH
        if known is not None:
            missing |= ~known
        positions = np.arange(0, 2 * size, 2, dtype=np.int32)
        return between.take(pa.array(positions, mask=missing if missing.any() else None))

    def integers(self, starts: Int64s, ends: Int64s) -> tuple[pa.Array, Bools]:
        """Read decimal numbers; null for `-`. Also returns which fields are one or the other.

        Numbers of more than `DIGITS_LIMIT` digits are not read. At least eight bytes of the
        chunk must stand before each field's end.
        """
        digits = ends - starts
        good = (digits > 0) & (digits <= DIGITS_LIMIT)
        shift = ((DIGITS_LIMIT - np.clip(digits, 1, DIGITS_LIMIT)) * 8).astype(np.uint64)
        mask = _ALL << shift
        word = (self.words(ends - 8) & mask) | (_ZEROS & ~mask)
        numeric = (word & _HIGH_NIBBLES) == _ZEROS
        numeric &= ((word + _NINES_CARRY) & _HIGH_NIBBLES) == _ZEROS
        dashes = (digits == 1) & (self.text[ends - 1] == _DASH)
        good &= numeric | dashes
        values = word - _ZEROS
        values = values * _U(10) + (values >> _U(8))
        low = (values & _PAIRS) * _U(0x000F424000000064)
        high = ((values >> _U(16)) & _PAIRS) * _U(0x0000271000000001)
        numbers = ((low + high) >> _U(32)).astype(np.int64)
        return pa.array(numbers, mask=dashes if dashes.any() else None), good
