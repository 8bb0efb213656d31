"""Loads the compiled library, and passes arrays to it."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

FILE_NAME = "_native.so"

Address = ctypes.c_void_p
Count = ctypes.c_int64

_ABI = 2
"""`GM_ABI` of native.h."""
_FEW = 1000
_SHORT = 1 << 15
"""Bytes."""
_NO_TEXT = np.zeros(8, np.uint8)
"""The address of texts without bytes."""


def _unfit(why: object) -> ImportError:
    return ImportError(
        f"the compiled part of glancemetrics does not match ({why}); "
        "reinstall it: pip install --force-reinstall glancemetrics"
    )


class _Library(ctypes.CDLL):
    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError as error:
            raise (error if name.startswith("__") else _unfit(error)) from None


class _Quick(_Library, ctypes.PyDLL):
    pass


def _load() -> _Library:
    path = Path(__file__).with_name(FILE_NAME)
    try:
        loaded = _Library(str(path))
    except OSError as error:
        raise _unfit(error) from None
    loaded.gm_abi.restype = Count
    version = loaded.gm_abi()
    if version != _ABI:
        raise _unfit(f"version {version}, needed is {_ABI}")
    return loaded


def check_size(name: str, structure: type[ctypes.Structure]) -> None:
    """Compare the size of a struct with the compiled one. Raises `ImportError`."""
    size = _size_of(name)
    if size != ctypes.sizeof(structure):
        raise _unfit(f"{name} has {size} bytes, needed are {ctypes.sizeof(structure)}")


def _size_of(name: str) -> int:
    try:
        return Count.in_dll(library, f"{name}_size").value
    except ValueError as error:
        raise _unfit(error) from None


library = _load()
"""For slow functions: releases the interpreter lock, so other threads can run."""
quick = _Quick(library._name)
"""For functions that take less than 0.1 ms: releasing and reacquiring the interpreter lock would
take longer."""
library.gm_set_secrets.argtypes = [ctypes.c_uint64, ctypes.c_uint64]
library.gm_set_secrets(*(int.from_bytes(os.urandom(8)) for _ in range(2)))


def for_items(count: int) -> ctypes.CDLL:
    """Return `quick` or `library` for a function that takes about 50 ns per item."""
    return quick if count < _FEW else library


def for_text(size: int) -> ctypes.CDLL:
    """Return `quick` or `library` for a function that takes a few ns per byte."""
    return quick if size < _SHORT else library


def address(array: npt.NDArray[np.generic]) -> int:
    """Return the address of an array's items. The array must outlive its use."""
    begin: int = pa.py_buffer(array).address  # several times faster than numpy's own ways
    return begin


def array_at(begin: int, count: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return memory of the library as an array; it is invalid once that memory is freed."""
    kind: np.dtype[Any] = np.dtype(dtype)
    memory = (ctypes.c_byte * (count * kind.itemsize)).from_address(begin)
    return np.frombuffer(memoryview(memory), kind)


def text_addresses(strings: pa.StringArray) -> tuple[int, int]:
    """Return the addresses of the offsets and bytes of an array without nulls.

    The array must outlive their use.
    """
    _, offsets, data = strings.buffers()
    if offsets is None or not len(strings):
        return address(_NO_TEXT), address(_NO_TEXT)
    return offsets.address + 4 * strings.offset, address(_NO_TEXT) if data is None else data.address


def checked(result: int) -> int:
    """Return the result of a function. Raises `MemoryError` if it is negative."""
    if result < 0:
        raise MemoryError
    return result
