"""Segments on disk, in the form that queries read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import attrs
import pyarrow as pa

from actors.history.about import About
from actors.history.segments import (
    Segment,
    SegmentFolder,
    SegmentGoneError,
    UnreadableSegmentError,
)
from glancemetrics.errors import sentence
from glancemetrics.history.recorded import Hole, MissingRecordsError, Ordinals
from glancemetrics.records.schema import SOURCE


@attrs.frozen
class StoredSegment:
    """A segment and its directory."""

    folder: SegmentFolder
    segment: Segment

    @property
    def first(self) -> int:
        """Ordinal of the first record."""
        return self.segment.first

    @property
    def end(self) -> int:
        """Ordinal after the last record."""
        return self.segment.end

    @property
    def rows(self) -> int:
        """The number of records."""
        return self.segment.rows

    @property
    def oldest(self) -> int:
        """Whole seconds since the epoch."""
        return self.segment.oldest

    @property
    def newest(self) -> int:
        """Whole seconds since the epoch."""
        return self.segment.newest

    def read(self, columns: Sequence[str] | None = None) -> pa.RecordBatch:
        """Return some columns, or all.

        Raises `MissingRecordsError`, and `SegmentGoneError` if a new listing is needed.
        """
        try:
            return self.folder.read(self.segment, columns)
        except UnreadableSegmentError as error:
            raise MissingRecordsError(str(error)) from None
        except OSError as error:  # may pass
            raise MissingRecordsError(sentence(error)) from None

    def since(self, ordinal: int) -> StoredSegment:
        """Return it without the records before an ordinal."""
        if ordinal <= self.first:
            return self
        return attrs.evolve(self, segment=self.segment.since(ordinal))


def readable(stored: Iterable[StoredSegment], troubles: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield the records of segments; reasons for unreadable ones are added to `troubles`.

    Raises `SegmentGoneError`.
    """
    for one in stored:
        try:
            yield one.read()
        except MissingRecordsError as error:
            troubles.append(str(error))


def logs_in(stored: Iterable[StoredSegment]) -> set[str]:
    """Return the names of the logs with readable records."""
    names: set[str] = set()
    for one in stored:
        with suppress(MissingRecordsError, SegmentGoneError):
            names.update(one.read([SOURCE]).column(SOURCE).dictionary.to_pylist())
    return names


def stored_in(folder: SegmentFolder) -> list[StoredSegment]:
    """Return the segments of a directory, by ordinal. Raises `OSError`."""
    return [StoredSegment(folder, segment) for segment in folder.segments()]


def gaps_of(about: About, *, is_alone: bool = True) -> list[Hole]:
    """Return the times for which a history has nothing, because nothing was read.

    If it is not alone, other histories may have something.
    """
    return [
        Hole(since=gap.since, until=gap.until, why=NOT_READ, is_all=is_alone) for gap in about.gaps
    ]


NOT_READ = "the logs of that time were not read"


def deleted_in(folder: Path) -> list[Ordinals]:
    """Return the deleted ordinals; none if unknown."""
    try:
        return SegmentFolder(folder).deleted()
    except OSError:
        return []
