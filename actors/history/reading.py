"""Reads histories on disk, also while a monitor writes them."""

from __future__ import annotations

import functools
import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import attrs
import pyarrow as pa

from actors.history import SUFFIX
from actors.history.about import About, read_about, read_reached
from actors.history.rollup_files import RollupFiles
from actors.history.segments import SegmentFolder, SegmentGoneError
from actors.history.stored_segments import (
    StoredSegment,
    deleted_in,
    gaps_of,
    logs_in,
    readable,
    stored_in,
)
from glancemetrics.errors import GlanceMetricsError, sentence
from glancemetrics.history.recorded import Hole, MissingRecordsError, Recorded, holes_in
from glancemetrics.history.rollups import Rollups, joined
from glancemetrics.records.schema import ORIGIN, SCHEMA, distinct_names, with_all
from glancemetrics.records.time_span import TimeSpan


@attrs.frozen
class StoredHistories:
    """Several histories, queried as one."""

    folders: tuple[Path, ...]

    @property
    def kept(self) -> tuple[str, ...]:
        """Extra fields that any of them has."""
        names = (name for folder in self.folders for name in read_about(folder).kept)
        return tuple(distinct_names(names))

    def recorded(self, *, with_rollups: bool = False) -> Recorded:
        """Return everything they have now. Raises `GlanceMetricsError`."""
        stored: list[StoredSegment] = []
        rollups: list[Rollups] = []
        troubles: list[str] = []
        holes: list[Hole] = []
        # Read first: what is written in the meantime is not claimed to be complete.
        reached = [read_reached(folder) for folder in self.folders]
        listed = [_listed(path) for path in self.folders]
        abouts = [read_about(folder) for folder in self.folders]
        is_alone = len(self.folders) == 1
        for path, segments, about in zip(self.folders, listed, abouts, strict=True):
            stored += segments
            holes += [*gaps_of(about, is_alone=is_alone), *holes_in(segments, deleted_in(path))]
            troubles += about.troubles
            if with_rollups:
                known, position = _rollups_in(path, troubles)
                newer = [one.since(position) for one in segments if one.end > position]
                rollups.append(known.with_records(readable(newer, troubles)))
        known_ends = [end for end, _ in reached if end is not None]
        since = [start for _, start in reached if start is not None]
        holes += _behind([end for end, _ in reached], abouts)
        histories = zip(self.folders, listed, abouts, strict=True)
        troubles += _overlaps(_Listed(*one) for one in histories if one[1])
        return Recorded(
            stored=tuple(stored),
            since=max(since, default=None),
            until=max(known_ends) if len(known_ends) == len(self.folders) else None,
            holes=tuple(holes),
            rollups=joined(rollups) if rollups else None,
            troubles=tuple(troubles),
        )


def _behind(ends: Sequence[int | None], abouts: Sequence[About]) -> list[Hole]:
    """Return holes for logs that were not read as far as others."""
    latest = max((end for end in ends if end is not None), default=0)
    current = {
        source
        for end, about in zip(ends, abouts, strict=True)
        if end is not None and end + _BEHIND >= latest
        for source in about.sources
    }
    return [
        Hole(since=end, until=latest, why=f"{', '.join(logs)} was not read then")
        for end, about in zip(ends, abouts, strict=True)
        if end is not None and (logs := [one for one in about.sources if one not in current])
    ]


@attrs.frozen(eq=False)
class _Listed:
    """A history with records, as its directory was listed."""

    folder: Path
    stored: Sequence[StoredSegment]
    about: About

    def overlaps(self, other: _Listed) -> bool:
        """Return whether both may have records of the same time."""
        return self._oldest <= other._newest and other._oldest <= self._newest

    @functools.cached_property
    def logs(self) -> set[str]:
        """The logs it has records of, as absolute paths."""
        start = Path(self.about.folder)
        return {os.path.realpath(start / name) for name in logs_in(self.stored)}

    @functools.cached_property
    def _oldest(self) -> int:
        return min(one.oldest for one in self.stored)

    @functools.cached_property
    def _newest(self) -> int:
        return max(one.newest for one in self.stored)


def _overlaps(histories: Iterable[_Listed]) -> list[str]:
    """Name the logs that several histories have, with requests of the same time."""
    together: dict[str, list[Path]] = {}
    for one, other in itertools.combinations(histories, 2):
        if one.overlaps(other):
            for log in one.logs & other.logs:
                found = together.setdefault(log, [])
                found += [path for path in (one.folder, other.folder) if path not in found]
    return [
        _DOUBLE.format(log=log, count=len(paths), folders=" or ".join(map(str, paths)))
        for log, paths in sorted(together.items())
    ]


_BEHIND = 60
"""Seconds that running monitors may be apart."""

_DOUBLE = (
    "{log} is in {count} histories with requests of the same time, which may be counted twice; to "
    "keep one, delete {folders}"
)


def _rollups_in(folder: Path, troubles: list[str]) -> tuple[Rollups, int]:
    try:
        return RollupFiles(folder).load(sys.maxsize, troubles)
    except OSError as error:
        troubles.append(f"{folder}: cannot read rollups: {sentence(error)}")
        return Rollups(), 0


def _listed(folder: Path) -> list[StoredSegment]:
    try:
        return stored_in(SegmentFolder(folder))
    except OSError as error:
        raise GlanceMetricsError(f"{folder}: {error.strerror}") from None


class HistoryRecords:
    """The records of histories that may be in a time span, segment by segment."""

    def __init__(self, histories: StoredHistories, span: TimeSpan) -> None:
        self._columns = [*SCHEMA.names, *histories.kept, *ORIGIN]
        self._parts = [_History(path, span) for path in histories.folders]

    @property
    def names(self) -> str:
        """The names of the logs, for people."""
        return ", ".join(part.name for part in self._parts)

    @property
    def rows(self) -> int:
        """The maximum number of records."""
        return sum(one.rows for part in self._parts for one in part.stored)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for part in self._parts:
            for batch in part.batches():
                yield with_all(batch, self._columns)

    def troubles(self) -> list[str]:
        """Say what is missing or could not be read."""
        return [trouble for part in self._parts for trouble in (*part.troubles, *part.holes)]


class _History:
    def __init__(self, folder: Path, span: TimeSpan) -> None:
        about = read_about(folder)
        self.name = ", ".join(about.sources) or folder.name
        self.troubles: list[str] = [*about.troubles]
        self._folder = folder
        self._span = span
        self.stored = self._listed(0)
        gaps = [
            hole
            for hole in gaps_of(about)
            if (span.since is None or hole.until >= span.since)
            and (span.until is None or hole.since < span.until)
        ]
        self.holes = [str(hole) for hole in (*gaps, *holes_in(self.stored, deleted_in(folder)))]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the records; segments that were merged in the meantime are listed again."""
        position = 0
        left = self.stored
        while left:
            one = left.pop(0)
            try:
                yield one.read()
            except MissingRecordsError as error:
                self.troubles.append(str(error))
            except SegmentGoneError:
                left = self._listed(position)
                continue
            position = one.end

    def _listed(self, position: int) -> list[StoredSegment]:
        since, until = self._span.since, self._span.until
        return [
            one.since(position)
            for one in _listed(self._folder)
            if one.end > position
            and (since is None or one.newest >= since)
            and (until is None or one.oldest < until)
        ]


def histories_in(folders: Iterable[Path], sources: Sequence[str] = ()) -> StoredHistories:
    """Return the histories in state directories, or those of some logs, named as in `-f`.

    Raises `GlanceMetricsError`.
    """
    found: list[Path] = []
    there: list[str] = []
    for folder in dict.fromkeys(folder.absolute().resolve() for folder in folders):
        try:
            own = sorted(
                path for path in folder.iterdir() if path.suffix == SUFFIX and path.is_dir()
            )
        except OSError as error:
            raise GlanceMetricsError(
                f"{folder}: {error.strerror}; pass the --state-dir of a monitor"
            ) from None
        there += [source for path in own for source in read_about(path).sources]
        found += [path for path in own if _is_of(path, sources)]
    if not found:
        where = ", ".join(map(str, folders))
        if there:
            raise GlanceMetricsError(
                f"{where}: no history of {', '.join(sources)} here, only of {', '.join(there)}"
            )
        raise GlanceMetricsError(
            f"{where}: no history here; a monitor that follows files writes one with --state-dir, "
            "or when it runs without a console"
        )
    return StoredHistories(tuple(found))


def _is_of(path: Path, sources: Sequence[str]) -> bool:
    """Return whether a history has any of these logs, by name or by absolute path."""
    own = read_about(path).sources
    named = {*own, *map(os.path.abspath, own), *map(os.path.basename, own)}
    asked = {*sources, *map(os.path.abspath, sources)}
    return not sources or not named.isdisjoint(asked)
