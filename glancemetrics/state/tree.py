"""Encodes state as bytes: trees of plain values and numpy arrays, for state files.

Reading such bytes never runs code, whoever wrote them: they contain only numbers, texts, lists and
mappings. Truncation and changes are detected.

The bytes are a line with the version, the SHA-256 of the rest (32 bytes), and the rest compressed
with LZ4: the size of a JSON text (8 bytes, little-endian), that text, in which arrays are given as
type, shape and offset, and the arrays one after the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

_MAGIC = b"GlanceMetrics state 1\n"
_DIGEST_BYTES = 32
_SIZE_BYTES = 8
_ARRAY, _BYTES = "$array", "$bytes"
"""Keys of arrays and bytes; keys of mappings that begin with `$` get one more `$`."""
_KINDS = frozenset("biuf")
"""Allowed kinds of numpy types: numbers and truth values."""
_MOST_BYTES = 4 << 30

State = Any
"""`None`, truth values, numbers, texts, bytes, numpy arrays of numbers, lists of these, and
mappings from texts to these. Tuples become lists."""


class DamagedStateError(ValueError):
    """The bytes are not a state, or damaged."""


def to_bytes(state: State) -> bytes:
    """Encode a state. Raises `TypeError` for unsupported values."""
    arrays: list[bytes] = []
    text = json.dumps(_plain(state, arrays, [0]), separators=(",", ":")).encode()
    body = b"".join([len(text).to_bytes(_SIZE_BYTES, "little"), text, *arrays])
    packed: bytes = pa.compress(body, codec="lz4_raw", asbytes=True)
    rest = len(body).to_bytes(_SIZE_BYTES, "little") + packed
    return _MAGIC + hashlib.sha256(rest).digest() + rest


def from_bytes(data: bytes) -> State:
    """Decode a state. Raises `DamagedStateError`."""
    begin = len(_MAGIC) + _DIGEST_BYTES
    if not data.startswith(_MAGIC) or len(data) < begin + _SIZE_BYTES:
        raise DamagedStateError("unknown version, or not a state file")
    rest = data[begin:]
    if hashlib.sha256(rest).digest() != data[len(_MAGIC) : begin]:
        raise DamagedStateError("truncated or changed")
    size = int.from_bytes(rest[:_SIZE_BYTES], "little")
    if size > _MOST_BYTES:
        raise DamagedStateError(f"too large, the limit is {_MOST_BYTES >> 30} GiB")
    try:
        packed = rest[_SIZE_BYTES:]
        body = pa.decompress(packed, decompressed_size=size, codec="lz4_raw", asbytes=True)
        text_size = int.from_bytes(body[:_SIZE_BYTES], "little")
        text, arrays = body[_SIZE_BYTES:][:text_size], body[_SIZE_BYTES + text_size :]
        return _restored(json.loads(text), memoryview(arrays))
    except (ValueError, KeyError, TypeError, RecursionError, pa.ArrowException) as error:
        raise DamagedStateError(f"invalid contents: {error}") from None


def _plain(value: State, arrays: list[bytes], end: list[int]) -> object:
    match value:
        case None | str() | bool() | int() | float():
            return value
        case np.generic():
            return value.item()
        case np.ndarray():
            if value.dtype.kind not in _KINDS:
                raise TypeError(f"cannot save an array of {value.dtype}")
            place = _placed(np.ascontiguousarray(value).tobytes(), arrays, end)
            return {_ARRAY: [value.dtype.str, list(value.shape), place]}
        case bytes():
            return {_BYTES: [_placed(value, arrays, end), len(value)]}
        case Mapping():
            return {_key(key): _plain(inner, arrays, end) for key, inner in value.items()}
        case list() | tuple():
            is_simple = all(type(inner) in {str, int, float} for inner in value)
            # A fast path: such lists may be very long.
            return list(value) if is_simple else [_plain(inner, arrays, end) for inner in value]
    raise TypeError(f"cannot save a {type(value).__name__}")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"cannot save the key {key!r}: must be text")
    return f"${key}" if key.startswith("$") else key


def _placed(data: bytes, arrays: list[bytes], end: list[int]) -> int:
    place = end[0]
    arrays.append(data)
    end[0] += len(data)
    return place


def _restored(value: Any, arrays: memoryview) -> State:
    if isinstance(value, list):
        if all(type(inner) in {str, int, float} for inner in value):
            return value
        return [_restored(inner, arrays) for inner in value]
    if not isinstance(value, dict):
        return value
    if _ARRAY in value:
        kind, shape, place = value[_ARRAY]
        dtype = np.dtype(kind)
        if dtype.kind not in _KINDS:
            raise ValueError(f"an array of {dtype}")
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(arrays, dtype, count, place).reshape(shape).copy()
    if _BYTES in value:
        place, size = value[_BYTES]
        return bytes(arrays[place : place + size])
    return {
        key.removeprefix("$") if key.startswith("$") else key: _restored(inner, arrays)
        for key, inner in value.items()
    }
