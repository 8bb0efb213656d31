"""Rollups on disk: an Arrow file that is rewritten from time to time.

Its name says how many records are in it. Two generations are kept: a checkpoint may be older than
the newer one, and records cannot be removed from a rollup.
"""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import xxhash

from actors.state.state_file import PRIVATE_MODE, replace
from glancemetrics.arrow import compute as pc
from glancemetrics.history.cell_tables import metadata_of
from glancemetrics.history.rollups import LEVELS, Rollups

_NAME = re.compile(r"rollups-(\d{16,})\.([0-9a-f]{16})\.arrow", re.ASCII)
_GENERATIONS = 2
_SECONDS = 600.0
_RECORDS, _LEAST_SECONDS = 1_000_000, 60.0
"""A file is written after this many seconds, or after this many records and fewer seconds."""
_WIDTH = "width"
_METADATA = {b"glancemetrics.version": b"1"}


class RollupFiles:
    """The rollup files in a directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._position = 0
        self._foreign: set[Path] = set()
        """Unreadable files: another version may need them."""
        self._next = -1.0
        """Earliest time of the next write."""
        self._due = -1.0

    def load(self, most: int, troubles: list[str]) -> tuple[Rollups, int]:
        """Return the rollups of at most the first `most` records, and the number of records.

        Reasons for unreadable files are added to `troubles`. Raises `OSError` for problems that may
        pass.
        """
        for position, path in reversed(self._found()):
            if position > most:
                continue
            try:
                data = path.read_bytes()
            except FileNotFoundError:  # there is a newer one
                continue
            try:
                if xxhash.xxh3_64_hexdigest(data) != path.name.split(".")[1]:
                    raise ValueError("damaged")
                table = pa.ipc.open_file(data).read_all()
                if table.schema.metadata != _METADATA:
                    raise ValueError("written by another version of GlanceMetrics")
                rollups = Rollups.from_tables(_by_width(table))
            except (ValueError, KeyError, pa.ArrowException) as error:
                self._foreign.add(path)
                troubles.append(f"{path}: cannot read rollups: {error}")
                continue
            self._position = position
            return rollups, position
        return Rollups(), 0

    def cut(self, position: int) -> None:
        """Delete files with more records than this; those will be read again. Raises `OSError`."""
        for found, path in self._found():
            if found > position:
                path.unlink()

    def save(self, rollups: Rollups, position: int, now: float, *, is_urgent: bool = False) -> None:
        """Write rollups of the first `position` records, if it is due. Raises `OSError`."""
        if is_urgent:
            self._next = self._due = now
        if self._due < 0 or now + _SECONDS < self._due:  # or the clock was set back
            self._due, self._next = now + _SECONDS, now + _LEAST_SECONDS
        is_due = now >= self._due or position - self._position >= _RECORDS
        if position == self._position or now < self._next or not is_due:
            return
        self._write(rollups, position)
        self._position, self._due, self._next = position, now + _SECONDS, now + _LEAST_SECONDS
        ours = [path for _, path in self._found() if path not in self._foreign]
        for path in (*ours[:-_GENERATIONS], *self._folder.glob("rollups-*.new")):
            path.unlink()

    def _write(self, rollups: Rollups, position: int) -> None:
        tables = [
            table.add_column(0, _WIDTH, pa.array([width] * table.num_rows, pa.int32()))
            for width, table in rollups.to_tables().items()
        ]
        plain = [table.replace_schema_metadata(_METADATA) for table in tables]
        whole = pa.concat_tables(plain)
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(sink, whole.schema, options=options) as writer:
            writer.write_table(whole)
        data = sink.getvalue().to_pybytes()
        checksum = xxhash.xxh3_64_hexdigest(data)
        replace(self._folder / f"rollups-{position:016}.{checksum}.arrow", data, PRIVATE_MODE)

    def _found(self) -> list[tuple[int, Path]]:
        """Return the files, sorted by their number of records."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except OSError:
            return []
        matches = map(_NAME.fullmatch, names)
        return sorted((int(m[1]), self._folder / m[0]) for m in matches if m is not None)


def _by_width(table: pa.Table) -> dict[int, pa.Table]:
    rest = table.drop_columns([_WIDTH])
    at = table.column(_WIDTH).to_numpy()
    return {
        width: pc.filter(rest, pa.array(at == width)).replace_schema_metadata(metadata_of(width))
        for width in LEVELS
    }
