"""How far the logs of an agent are sent, or counted: hashes in Redis."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from glancemetrics.fleet.entry import EntryId

LAST, REFUSED, _MARK = b"id", b"refused", b"f:"


@attrs.frozen
class Position:
    """How far an agent's logs are read."""

    last: EntryId | None = None
    """The last entry; `None` if there was none."""
    marks: Mapping[str, bytes] = attrs.field(factory=dict)
    """By path, the mark of each log."""
    refused: EntryId | None = None
    """The entry that the hub refused."""

    def fields(self) -> list[bytes]:
        """Return what it has as names and values, one after the other."""
        found: list[bytes] = []
        for name, entry in ((LAST, self.last), (REFUSED, self.refused)):
            if entry is not None:
                found += [name, str(entry).encode()]
        for path, mark in self.marks.items():
            found += [mark_field(path), mark]
        return found

    @classmethod
    def read(cls, fields: Mapping[bytes, bytes]) -> Position:
        """Read it from a hash. Raises `InvalidEntryError`."""
        marks = {
            name[len(_MARK) :].decode("utf-8", "surrogateescape"): mark
            for name, mark in fields.items()
            if name.startswith(_MARK)
        }
        return cls(_entry(fields.get(LAST)), marks, _entry(fields.get(REFUSED)))


def mark_field(path: str) -> bytes:
    """Return the field that has the mark of a log."""
    return _MARK + path.encode("utf-8", "surrogateescape")


def _entry(text: bytes | None) -> EntryId | None:
    return None if text is None else EntryId.read(text)
