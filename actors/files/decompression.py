"""Reads compressed logs, and logs in UTF-16, as streams of UTF-8.

They are recognised by their first bytes, not by their names. Everything before damage is yielded
before the error is raised, and only one block is held in memory, whatever size a file claims.
"""

from __future__ import annotations

import bz2
import codecs
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

_READ, _BLOCK = 1 << 16, 1 << 18
"""Bytes that are read at once, and the most that come out: they stay in the processor's cache."""
_GZIP = b"\x1f\x8b"
_BEGINNING = 1 << 12
"""Bytes of a member of a gzip file that have what comes before its data: mostly a name."""
_MAGIC = {
    _GZIP: "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
"""Sources: RFC 1952, RFC 8878, the bzip2 manual, the .xz file format; the byte order mark of
UTF-16 (RFC 2781), as Windows' tools write it."""
UTF_16 = "UTF-16"
_ARCHIVES = {
    (0, b"PK\x03\x04"): "a zip archive",
    (257, b"ustar"): "a tar archive",
    (0, b"7z\xbc\xaf\x27\x1c"): "a 7-Zip archive",
    (0, b"Rar!\x1a\x07"): "a RAR archive",
}
"""By offset and bytes. Sources: PKWARE's APPNOTE.TXT; POSIX, `pax`; 7zFormat.txt."""
MAGIC_LENGTH = 262
_ZSTD_BLOCK = 1 << 16
"""Smaller than other blocks, because a damaged block is lost completely."""

_GZIP_WINDOW = 16 + zlib.MAX_WBITS

inflating: Any
try:  # inflates four times as fast; there is none for some processors
    from isal import isal_zlib as inflating
except ImportError:
    inflating = zlib


class DamagedError(Exception):
    """A compressed file is truncated, or is not what its first bytes say."""


class TooLargeError(Exception):
    """More comes out than is wanted."""


class ArchiveError(DamagedError):
    """The file is an archive, which may contain several files."""


def archive_of(beginning: bytes) -> str | None:
    """Return the kind of archive with this beginning; `None` if it is not an archive."""
    for (at, magic), name in _ARCHIVES.items():
        if beginning.startswith(magic, at):
            return name
    return None


def compression_of(beginning: bytes) -> str | None:
    """Return the compression of a file with this beginning; `None` for plain text."""
    for magic, name in _MAGIC.items():
        if beginning.startswith(magic):
            return name
    return None


def decompressed(file: BinaryIO, compression: str) -> Iterator[bytes]:
    """Yield the contents of a file as UTF-8, block by block.

    Raises `DamagedError` after everything readable, and `ArchiveError` for an archive inside.
    """
    blocks = _plain(file) if compression == UTF_16 else _decompressed(file, compression)
    first = next(blocks, b"")
    archive = archive_of(first)
    if archive is not None:
        raise ArchiveError(f"is {archive}; unpack it first")
    if compression_of(first) != UTF_16:
        if first:
            yield first
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder("utf-16")("backslashreplace")
    yield decoder.decode(first).encode("utf-8", "backslashreplace")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "backslashreplace")
    yield decoder.decode(b"", final=True).encode("utf-8", "backslashreplace")


def unpacked(data: bytes, compression: str, most: int) -> bytes:
    """Return what compressed bytes hold: `gzip`, `deflate` (RFC 1950) or `zstd`.

    It is unpacked in steps, and no further than `most` bytes. Raises `TooLargeError` if there are
    more, and `DamagedError`.
    """
    whole = bytearray()
    for block in _decompressed(io.BytesIO(data), compression):
        whole += block
        if len(whole) > most:
            raise TooLargeError
    return bytes(whole)


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _decompressed(file: BinaryIO, compression: str) -> Iterator[bytes]:
    if compression == "zstd":
        yield from _zstd(file)
        return
    make, length_limited = _DECOMPRESSORS[compression]
    decompressor = None
    pending = b""
    while True:
        if decompressor is None:
            pending = _next_member(file, pending)
            if not pending:
                return
            if compression == "gzip" and not pending.startswith(_GZIP):
                raise DamagedError("damaged gzip data (incorrect header)")
            decompressor = make()
        try:
            block = length_limited(decompressor, pending)
        except (zlib.error, inflating.error, OSError, lzma.LZMAError, EOFError) as error:
            raise DamagedError(f"damaged {compression} data ({error})") from None
        if block:
            yield block
        if decompressor.eof:
            pending = decompressor.unused_data
            decompressor = None
            continue
        pending = _left(decompressor)
        if not pending and _hungry(decompressor):
            pending = file.read(_READ)
            if not pending:
                raise DamagedError(f"truncated {compression} data")


def _next_member(file: BinaryIO, pending: bytes) -> bytes:
    """Return the beginning of the next member after any padding; empty at the end of the file."""
    pending = pending.lstrip(b"\0")
    # ISA-L takes some headers for damaged that come in pieces.
    while len(pending) < _BEGINNING:
        more = file.read(_READ)
        if not more:
            break
        pending = pending + more if pending else more.lstrip(b"\0")
    return pending


def _zlib_block(decompressor: Any, data: bytes) -> bytes:
    block: bytes = decompressor.decompress(data, _BLOCK)
    return block


def _left(decompressor: Any) -> bytes:
    tail: bytes = getattr(decompressor, "unconsumed_tail", b"")
    return tail


def _hungry(decompressor: Any) -> bool:
    return bool(getattr(decompressor, "needs_input", True))


_DECOMPRESSORS: dict[str, tuple[Callable[[], Any], Callable[[Any, bytes], bytes]]] = {
    "gzip": (lambda: inflating.decompressobj(_GZIP_WINDOW), _zlib_block),
    "deflate": (inflating.decompressobj, _zlib_block),
    "bzip2": (bz2.BZ2Decompressor, _zlib_block),
    "xz": (lzma.LZMADecompressor, _zlib_block),
}


class _KeptOpen:
    """A file that its reader cannot close."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Do nothing."""


def _zstd(file: BinaryIO) -> Iterator[bytes]:
    import pyarrow as pa  # late: an agent has none until it meets such a file

    stream = pa.CompressedInputStream(pa.PythonFile(_KeptOpen(file), "r"), "zstd")
    while True:
        try:
            block = stream.read(_ZSTD_BLOCK)
        except OSError as error:
            raise DamagedError(f"damaged or truncated zstd data ({error})") from None
        if not block:
            return
        yield block
