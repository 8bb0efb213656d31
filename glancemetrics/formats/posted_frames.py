"""Frames: accepted requests with their lines as bytes, for a file that is only appended to.

A frame is a head (its magic, the size of the rest, a CRC-32 of everything else, and the second it
was accepted) and the rest. A frame that was written in part, or changed, is recognized.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import attrs

from glancemetrics.formats.posted_lines import ServerLines

_MAGIC = b"GMp1"
_HEAD = struct.Struct("<4sIII")
HEAD_BYTES = _HEAD.size
_SECOND = struct.Struct("<I")
_KEYS = struct.Struct("<16s16s16sH")
_GROUP = struct.Struct("<HIH")
_SHORT = struct.Struct("<H")
NO_KEY = bytes(16)


@attrs.frozen
class Posted:
    """A request with lines that was accepted."""

    groups: tuple[ServerLines, ...]
    """Its lines, one for each server."""
    at: int = 0
    """When it was accepted, in seconds since the epoch."""
    sender: bytes = NO_KEY
    """Digest of its sender's name."""
    key: bytes = NO_KEY
    """Digest of its idempotency key; `NO_KEY` without one."""
    fingerprint: bytes = NO_KEY
    """Digest of its lines."""

    @property
    def size(self) -> int:
        """Bytes of lines, and a few for the request itself."""
        lines = sum(len(one.lines) for one in self.groups)
        return lines + sum(_room(one) for one in self.groups) + HEAD_BYTES + _KEYS.size

    @property
    def count(self) -> int:
        """Number of lines."""
        return sum(one.count for one in self.groups)


def _room(group: ServerLines) -> int:
    overlong = sum(_SHORT.size + len(one) for one in group.overlong)
    return _GROUP.size + len(group.server.encode()) + overlong


def to_frame(posted: Posted) -> bytes:
    """Encode a request."""
    parts = [_KEYS.pack(posted.sender, posted.key, posted.fingerprint, len(posted.groups))]
    for group in posted.groups:
        server = group.server.encode()
        parts += [_GROUP.pack(len(server), len(group.lines), len(group.overlong)), server]
        for line in group.overlong:
            parts += [_SHORT.pack(len(line)), line]
        parts.append(group.lines)
    size = sum(map(len, parts))
    check = zlib.crc32(_SECOND.pack(posted.at))
    for part in parts:
        check = zlib.crc32(part, check)
    return b"".join([_HEAD.pack(_MAGIC, size, check, posted.at), *parts])


def frame_size(head: bytes) -> int | None:
    """Return the bytes of a frame by its first `HEAD_BYTES`; `None` if no frame begins so."""
    if len(head) < HEAD_BYTES or not head.startswith(_MAGIC):
        return None
    size: int = _HEAD.unpack_from(head)[1]
    return HEAD_BYTES + size


def frames_in(data: bytes) -> Iterator[tuple[Posted, int]]:
    """Yield the requests in bytes that begin with a frame, and where each frame ends.

    It stops at the first frame that is incomplete or damaged.
    """
    at, view = 0, memoryview(data)
    while (size := frame_size(data[at : at + HEAD_BYTES])) is not None:
        end = at + size
        _, _, check, second = _HEAD.unpack_from(data, at)
        rest = view[at + HEAD_BYTES : end]
        if end > len(data) or zlib.crc32(rest, zlib.crc32(_SECOND.pack(second))) != check:
            return
        yield _posted(rest, second), end
        at = end


def _posted(rest: memoryview, second: int) -> Posted:
    sender, key, fingerprint, count = _KEYS.unpack_from(rest)
    at, groups = _KEYS.size, []
    for _ in range(count):
        name_size, lines_size, overlong_count = _GROUP.unpack_from(rest, at)
        at += _GROUP.size
        server = bytes(rest[at : at + name_size]).decode()
        at += name_size
        overlong = []
        for _ in range(overlong_count):
            (size,) = _SHORT.unpack_from(rest, at)
            at += _SHORT.size
            overlong.append(bytes(rest[at : at + size]))
            at += size
        groups.append(ServerLines(server, bytes(rest[at : at + lines_size]), tuple(overlong)))
        at += lines_size
    return Posted(tuple(groups), second, sender, key, fingerprint)
