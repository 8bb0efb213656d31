"""Log files for tests, as they lie about on servers."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pyarrow as pa

from tests.lines import BASE, line


def numbered(first: int, count: int, start: int = BASE) -> bytes:
    """Lines a second apart, each with a path of its own."""
    return b"".join(line(start + i, request=f"GET /{first + i} HTTP/1.1") for i in range(count))


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


COMPRESS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd}


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)
