"""Idempotency keys: which requests of senders were accepted already.

Source: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ (version 07).
"""

from __future__ import annotations

import enum
import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator

from glancemetrics.formats.posted_frames import NO_KEY, Posted
from glancemetrics.formats.posted_lines import ServerLines

KEPT_SECONDS = 86_400
MOST_OF_SENDER, MOST_OF_ALL = 100_000, 500_000
"""Keys that are remembered; the oldest of whoever has the most are forgotten first."""
MOST_KEY = 255
"""Characters of a key."""
_RECORD = struct.Struct("<16s16s16sII")
RECORD_BYTES = _RECORD.size
_VALUE = struct.Struct("<16sI")


class KeyState(enum.Enum):
    """What is known of a key."""

    NEW = "new"
    IN_PROGRESS = "in progress"
    ACCEPTED = "accepted"
    """The same request was accepted before."""
    OTHER_LINES = "other lines"
    """A request with other lines was accepted with it, or is in progress."""


def read_key(header: str) -> str | None:
    """Return the key in an `Idempotency-Key` header: a string (RFC 9651, section 3.3.3).

    One without quotes is taken as it is. `None` if it is empty, too long or not printable.
    """
    text = header.strip()
    if len(text) >= 2 and text.startswith('"') and text.endswith('"'):
        text = text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    is_key = 0 < len(text) <= MOST_KEY and text.isascii() and text.isprintable()
    return text if is_key else None


def digest_of(*texts: str) -> bytes:
    """Return the digest of a sender's name, or of a name and a key."""
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=16).digest()


def fingerprint_of(groups: Iterable[ServerLines]) -> bytes:
    """Return the digest of lines, which does not depend on how they were compressed."""
    found = hashlib.blake2b(digest_size=16)
    for group in groups:
        for part in (group.server.encode(), group.lines, *group.overlong):
            found.update(len(part).to_bytes(8, "little"))
            found.update(part)
    return found.digest()


class PostedKeys:
    """The keys of requests that were accepted in the last day, or are in progress."""

    def __init__(self) -> None:
        self._accepted: dict[bytes, dict[bytes, bytes]] = {}
        """{sender: {key: fingerprint and second}}, the oldest key of each sender first"""
        self._in_progress: dict[bytes, bytes] = {}
        """{key: fingerprint}"""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def begin(self, posted: Posted) -> KeyState:
        """Return what is known of a request's key; a new one is in progress from then on."""
        known = self._accepted.get(posted.sender, {}).get(posted.key)
        if known is not None:
            fingerprint, second = _VALUE.unpack(known)
            if posted.at - second <= KEPT_SECONDS:
                is_same = fingerprint == posted.fingerprint
                return KeyState.ACCEPTED if is_same else KeyState.OTHER_LINES
        running = self._in_progress.get(posted.key)
        if running is not None:
            is_same = running == posted.fingerprint
            return KeyState.IN_PROGRESS if is_same else KeyState.OTHER_LINES
        self._in_progress[posted.key] = posted.fingerprint
        return KeyState.NEW

    def fail(self, posted: Posted) -> None:
        """The request was not accepted: it may be sent again with its key."""
        self._in_progress.pop(posted.key, None)

    def accept(self, posted: Posted) -> None:
        """The request was accepted."""
        self._in_progress.pop(posted.key, None)
        if posted.key != NO_KEY:
            self._add(posted.sender, posted.key, posted.fingerprint, posted.at)

    def _add(self, sender: bytes, key: bytes, fingerprint: bytes, second: int) -> None:
        own = self._accepted.setdefault(sender, {})
        self._count += key not in own
        own.pop(key, None)
        own[key] = _VALUE.pack(fingerprint, second)
        while own and (len(own) > MOST_OF_SENDER or second - _second(own) > KEPT_SECONDS):
            self._forget_oldest(sender)
        if self._count > MOST_OF_ALL:
            self._forget_oldest(max(self._accepted, key=lambda one: len(self._accepted[one])))

    def _forget_oldest(self, sender: bytes) -> None:
        own = self._accepted[sender]
        del own[next(iter(own))]
        self._count -= 1
        if not own:
            del self._accepted[sender]

    def forget_old(self, now: int) -> None:
        """Forget keys of more than a day ago."""
        for sender in list(self._accepted):
            own = self._accepted[sender]
            while own and now - _second(own) > KEPT_SECONDS:
                self._forget_oldest(sender)

    def restore(self, records: bytes, now: int) -> None:
        """Add keys from `to_record`, joined; damaged records, and old ones, are passed over."""
        for sender, key, fingerprint, second in _records(records):
            if now - second <= KEPT_SECONDS:
                self._add(sender, key, fingerprint, second)


def to_record(posted: Posted) -> bytes:
    """Return the key of an accepted request in `RECORD_BYTES`; nothing without a key."""
    if posted.key == NO_KEY:
        return b""
    fields = (posted.sender, posted.key, posted.fingerprint, posted.at)
    return _RECORD.pack(*fields, zlib.crc32(_RECORD.pack(*fields, 0)))


def _records(records: bytes) -> Iterator[tuple[bytes, bytes, bytes, int]]:
    whole = len(records) - len(records) % RECORD_BYTES
    for *fields, check in _RECORD.iter_unpack(records[:whole]):
        if zlib.crc32(_RECORD.pack(*fields, 0)) == check:
            sender, key, fingerprint, second = fields
            yield sender, key, fingerprint, second


def _second(own: dict[bytes, bytes]) -> int:
    value: int = _VALUE.unpack(next(iter(own.values())))[1]
    return value
