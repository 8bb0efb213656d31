"""Loads the compiled library, and hands arrays to it."""

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

_ABI = 1
"""`GM_ABI` of native.h."""
_FEW = 1000
_SHORT = 1 << 15
"""Bytes."""
_NO_TEXT = np.zeros(8, np.uint8)
"""Where text is that has no bytes."""


def _unfit(why: object) -> ImportError:
    return ImportError(
        f"the compiled part of glancemetrics does not fit ({why}); install the package again: "
        "pip builds it"
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
        raise _unfit(f"it is version {version}, and {_ABI} is needed")
    return loaded


def check_size(name: str, structure: type[ctypes.Structure]) -> None:
    """Hold a struct against what was compiled. Raises `ImportError`."""
    size = _size_of(name)
    if size != ctypes.sizeof(structure):
        raise _unfit(f"{name} has {size} bytes, and {ctypes.sizeof(structure)} are needed")


def _size_of(name: str) -> int:
    try:
        return Count.in_dll(library, f"{name}_size").value
    except ValueError as error:
        raise _unfit(error) from None


library = _load()
"""For functions that take long: other threads may run meanwhile."""
quick = _Quick(library._name)
"""For functions that take less than 0.1 ms: to let others run and wait for one's turn again would
take longer."""
library.gm_set_secrets.argtypes = [ctypes.c_uint64, ctypes.c_uint64]
library.gm_set_secrets(*(int.from_bytes(os.urandom(8)) for _ in range(2)))


def for_items(count: int) -> ctypes.CDLL:
    """Return the one of them for a function that takes some 50 ns an item."""
    return quick if count < _FEW else library


def for_text(size: int) -> ctypes.CDLL:
    """Return the one of them for a function that takes some ns for each byte of a text."""
    return quick if size < _SHORT else library


def address(array: npt.NDArray[np.generic]) -> int:
    """Where an array's items begin. The array must outlive what is done with it."""
    begin: int = pa.py_buffer(array).address  # numpy's own ways take several times as long
    return begin


def array_at(begin: int, count: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return memory of the library as an array; nobody tells it when that memory goes."""
    kind: np.dtype[Any] = np.dtype(dtype)
    memory = (ctypes.c_byte * (count * kind.itemsize)).from_address(begin)
    return np.frombuffer(memoryview(memory), kind)


def text_addresses(strings: pa.StringArray) -> tuple[int, int]:
    """Where the offsets and the bytes of an array without nulls begin; it must outlive the use."""
    _, offsets, data = strings.buffers()
    if offsets is None or not len(strings):
        return address(_NO_TEXT), address(_NO_TEXT)
    return offsets.address + 4 * strings.offset, address(_NO_TEXT) if data is None else data.address


def checked(result: int) -> int:
    """Pass on what a function returned. Raises `MemoryError` if it had too little memory."""
    if result < 0:
        raise MemoryError
    return result
