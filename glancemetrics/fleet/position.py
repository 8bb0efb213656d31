"""How far the logs of an agent are sent, or counted: hashes in Redis."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from glancemetrics.fleet.entry import EntryId

LAST, REFUSED, _MARK, _ORIGIN = b"id", b"refused", b"f:", b"o:"


@attrs.frozen
class Position:
    """How far an agent's logs are read."""

    last: EntryId | None = None
    """The last entry; `None` if there was none."""
    marks: Mapping[str, bytes] = attrs.field(factory=dict)
    """By path, the mark of each log."""
    refused: EntryId | None = None
    """The entry that the hub refused."""
    origins: Mapping[str, bytes] = attrs.field(factory=dict)
    """By path, the mark of where the agent began in each log of which nothing was counted."""

    def fields(self) -> list[bytes]:
        """Return what it has as names and values, one after the other."""
        found: list[bytes] = []
        for name, entry in ((LAST, self.last), (REFUSED, self.refused)):
            if entry is not None:
                found += [name, str(entry).encode()]
        for path, mark in self.marks.items():
            found += [_field(_MARK, path), mark]
        for path, mark in self.origins.items():
            found += [_field(_ORIGIN, path), mark]
        return found

    @classmethod
    def read(cls, fields: Mapping[bytes, bytes]) -> Position:
        """Read it from a hash. Raises `InvalidEntryError`."""
        marks, origins = _by_path(fields, _MARK), _by_path(fields, _ORIGIN)
        return cls(_entry(fields.get(LAST)), marks, _entry(fields.get(REFUSED)), origins)


def fields_of(path: str) -> tuple[bytes, bytes]:
    """Return the names of all that a position has of a log."""
    return _field(_MARK, path), _field(_ORIGIN, path)


def _field(kind: bytes, path: str) -> bytes:
    return kind + path.encode("utf-8", "surrogateescape")


def _by_path(fields: Mapping[bytes, bytes], kind: bytes) -> dict[str, bytes]:
    return {
        name[len(kind) :].decode("utf-8", "surrogateescape"): mark
        for name, mark in fields.items()
        if name.startswith(kind)
    }


def _entry(text: bytes | None) -> EntryId | None:
    return None if text is None else EntryId.read(text)
