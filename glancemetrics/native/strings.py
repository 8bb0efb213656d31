"""Distinct strings and their numbers."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.library import (
    Address,
    Count,
    address,
    checked,
    for_items,
    library,
    quick,
    text_addresses,
)

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

quick.gm_strings_new.argtypes = [Count]
quick.gm_strings_new.restype = Address
library.gm_strings_free.argtypes = [Address]
for _name in ("gm_strings_count", "gm_strings_size", "gm_strings_memory"):
    getattr(quick, _name).argtypes = [Address]
    getattr(quick, _name).restype = Count
for _library in (library, quick):
    _library.gm_strings_enter.argtypes = [Address, Address, Address, Count, Address]
    _library.gm_strings_enter.restype = Count
    _library.gm_string_hashes.argtypes = [Address, Address, Count, Address]
    _library.gm_visible_hashes.argtypes = [Address, Address, Count, Address]
library.gm_strings_seal.argtypes = [Address]
for _name in ("gm_strings_offsets", "gm_strings_bytes"):
    getattr(quick, _name).argtypes = [Address]
    getattr(quick, _name).restype = Address
library.gm_networks.argtypes = [
    Address,
    Address,
    Address,
    Count,
    ctypes.c_char_p,
    ctypes.c_char_p,
    Count,
    Address,
]
library.gm_networks.restype = Count
library.gm_clients.argtypes = [Address, Address, Address, Count, Address]
library.gm_clients.restype = Count
quick.gm_codes.argtypes = [Address, Address, Count, Count, Address]
quick.gm_valid.argtypes = [Address, Count, Address]
quick.gm_valid.restype = Count
quick.gm_longest.argtypes = [Address, Count]
quick.gm_longest.restype = Count
quick.gm_compact.argtypes = [Address, Count, Count, Address, Address, Address]
quick.gm_compact.restype = Count


class StringTable:
    """Distinct strings, numbered from 0 in the order in which they were added."""

    def __init__(self, count: int = 0) -> None:
        """Prepare for about `count` strings."""
        handle = quick.gm_strings_new(count)
        if not handle:
            raise MemoryError
        self._handle = handle
        self._is_lent = False
        weakref.finalize(self, library.gm_strings_free, handle)

    @property
    def handle(self) -> int:
        """The library's handle, for adding strings. Raises `RuntimeError` while it is lent."""
        if self._is_lent:
            raise RuntimeError("cannot add strings to a table while it is lent")
        return int(self._handle)

    def __len__(self) -> int:
        return int(quick.gm_strings_count(self._handle))

    @property
    def nbytes(self) -> int:
        """Memory use in bytes."""
        return int(quick.gm_strings_memory(self._handle))

    @property
    def text_bytes(self) -> int:
        """The total length of all strings."""
        return int(quick.gm_strings_size(self._handle))

    def enter(self, strings: pa.StringArray) -> Int32s:
        """Return the number of each string; adds new ones. There must be no nulls."""
        return numbers_at(self.handle, strings)

    def enter_column(self, column: pa.DictionaryArray) -> Int32s:
        """Return the number of each row's text, -1 for null; adds new ones."""
        codes, texts = codes_of(column), column.dictionary
        if texts.null_count or len(texts) > len(column):
            codes, texts = used_texts(codes, texts)
        return np.append(self.enter(texts), np.int32(-1))[codes]

    def enter_networks(
        self, hosts: pa.StringArray, suffix_v4: str, suffix_v6: str, *, keep_names: bool
    ) -> Int32s:
        """Return the number of each host's network: `10.0.0.0` plus `suffix_v4`.

        The table must be empty. Host names get -1, or their own number with `keep_names`.
        """
        numbers = np.empty(len(hosts), np.int32)
        offsets, data = text_addresses(hosts)
        checked(
            library.gm_networks(
                self.handle,
                offsets,
                data,
                len(hosts),
                suffix_v4.encode(),
                suffix_v6.encode(),
                keep_names,
                address(numbers),
            )
        )
        return numbers

    def enter_clients(self, lists: pa.StringArray) -> Int32s:
        """Return the number of the client in each list of addresses, without trusted proxies.

        -1 for none, -2 for lists with other texts than addresses, which need a closer look.
        """
        numbers = np.empty(len(lists), np.int32)
        offsets, data = text_addresses(lists)
        checked(library.gm_clients(self.handle, offsets, data, len(lists), address(numbers)))
        return numbers

    @contextmanager
    def lent(self) -> Iterator[pa.StringArray]:
        """Lend all strings without copying; none can be added meanwhile."""
        self._is_lent = True
        try:
            yield strings_at(self._handle, self)
        finally:
            self._is_lent = False

    def sealed(self) -> pa.StringArray:
        """Return all strings in the order of their numbers; no more can be added."""
        library.gm_strings_seal(self.handle)
        return strings_at(self.handle, self)


def numbers_at(handle: int, strings: pa.StringArray) -> Int32s:
    """Return the numbers of strings in a table; adds new ones. There must be no nulls."""
    numbers = np.empty(len(strings), np.int32)
    offsets, data = text_addresses(strings)
    enter = for_items(len(strings)).gm_strings_enter
    checked(enter(handle, offsets, data, len(strings), address(numbers)))
    return numbers


def strings_at(handle: int, owner: object) -> pa.StringArray:
    """Return the strings of a table without copying; `owner` keeps them alive."""
    count, size = quick.gm_strings_count(handle), quick.gm_strings_size(handle)
    if not count:
        return pa.array([], pa.string())
    offsets = pa.foreign_buffer(quick.gm_strings_offsets(handle), 4 * (count + 1), owner)
    at = quick.gm_strings_bytes(handle)
    data = pa.foreign_buffer(at, size, owner) if size else pa.py_buffer(b"")
    return pa.StringArray.from_buffers(count, offsets, data)


def codes_of(column: pa.DictionaryArray) -> Int32s:
    """Return the index of each row's value, -1 for null."""
    indices = column.indices
    valid, data = indices.buffers()
    if not indices.null_count:
        without_nulls: Int32s = indices.to_numpy()
        return without_nulls
    codes = np.empty(len(indices), np.int32)
    at = data.address + 4 * indices.offset
    quick.gm_codes(at, valid.address, indices.offset, len(indices), address(codes))
    return codes


def indices_of(codes: Int32s) -> pa.Array:
    """Return codes as the indices of a column; -1 becomes null."""
    valid = np.zeros(-(-len(codes) // 8), np.uint8)
    nulls = quick.gm_valid(address(codes), len(codes), address(valid))
    if nulls:
        # Arrow also follows indices under nulls, and Polars rejects -1.
        codes = np.maximum(codes, 0)
    buffers = [pa.py_buffer(valid) if nulls else None, pa.py_buffer(codes)]
    return pa.Array.from_buffers(pa.int32(), len(codes), buffers, nulls)


def joined_texts(columns: Sequence[pa.DictionaryArray]) -> pa.DictionaryArray:
    """Join text columns into one with one dictionary.

    pyarrow's `unify_dictionaries` also follows the indices under nulls. These may be anything, such
    as leftover memory after a join, and an index far out of range crashes the process.
    """
    table = StringTable()
    codes = [table.enter_column(column) for column in columns]
    return pa.DictionaryArray.from_arrays(
        indices_of(np.concatenate(codes)), table.sealed(), safe=False
    )


def holds(strings: pa.StringArray, byte: bytes) -> bool:
    """Tell whether any string contains a byte."""
    _, offsets, data = strings.buffers()
    if data is None or not len(strings):
        return False
    ends = np.frombuffer(offsets, np.int32)[[strings.offset, strings.offset + len(strings)]]
    return bool((np.frombuffer(data, np.uint8)[slice(*ends.tolist())] == byte[0]).any())


def longest(strings: pa.StringArray) -> int:
    """Return the length of the longest string in bytes."""
    return int(quick.gm_longest(text_addresses(strings)[0], len(strings)))


def compacted(codes: Int32s, size: int) -> tuple[Int32s, Int32s]:
    """Renumber codes below `size` without gaps; -1 stays.

    Returns the new codes, and the old code of each number.
    """
    numbers, which = np.empty((2, size), np.int32)
    compact = np.empty(len(codes), np.int32)
    count = quick.gm_compact(
        address(codes), len(codes), size, address(numbers), address(which), address(compact)
    )
    return compact, which[:count]


def used_texts(codes: Int32s, texts: pa.StringArray) -> tuple[Int32s, pa.StringArray]:
    """Renumber codes and texts without unused and null texts; -1 stays."""
    if texts.null_count:
        numbers = np.arange(len(texts) + 1, dtype=np.int32)
        numbers[:-1][pc.is_null(texts).to_numpy(zero_copy_only=False)] = -1
        numbers[-1] = -1
        codes = numbers[codes]
    compact, which = compacted(codes, len(texts))
    return compact, pc.take(texts, pa.array(which))


def string_hashes(strings: pa.StringArray) -> Hashes:
    """Hash each string; the same in every run and version. There must be no nulls."""
    return _hashes(strings, for_items(len(strings)).gm_string_hashes)


def visible_hashes(strings: pa.StringArray) -> Hashes:
    """Hash each host or agent for `visitor_hashes`, faster. There must be no nulls."""
    return _hashes(strings, for_items(len(strings)).gm_visible_hashes)


def _hashes(strings: pa.StringArray, hash_all: Callable[..., None]) -> Hashes:
    hashes = np.empty(len(strings), np.uint64)
    offsets, data = text_addresses(strings)
    hash_all(offsets, data, len(strings), address(hashes))
    return hashes
