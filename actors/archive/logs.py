"""Finds the logs to read: paths, globs, directories and standard input, each file once."""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import attrs

from actors.files.decompression import (
    MAGIC_LENGTH,
    ArchiveError,
    DamagedError,
    archive_of,
    compression_of,
    decompressed,
)
from actors.files.permissions import refused_folder, way_to_read
from actors.files.similar_paths import close_path
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.reading import Reading
from glancemetrics.records.schema import seconds

STANDARD_INPUT = "-"
_SAMPLE = 1 << 16
_PIECE = 1 << 13
_PIECES = 8
"""Places of a log sampled for its format, besides its beginning."""

_DEFAULT_READING = Reading()


@attrs.frozen
class LogFile:
    """One log to be read."""

    name: str
    """The path as given or found."""
    size: int | None
    """Bytes on disk; `None` if it is not a regular file."""
    compression: str | None = None
    oldest: int | None = None
    """Second of its first record; `None` if the sample has no records."""
    newest: int | None = None
    """Second of the last record of the sample, which has the log's end unless it is compressed."""
    format: LogFormat = attrs.field(default=COMBINED, eq=False)
    """The format of its lines."""

    def open(self) -> BinaryIO:
        """Open for reading. Raises `OSError`."""
        if self.name == STANDARD_INPUT:
            return os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
        return Path(self.name).open("rb", buffering=0)


def find_logs(
    names: Iterable[str],
    reading: Reading = _DEFAULT_READING,
    on_skipped: Callable[[str], None] | None = None,
) -> list[LogFile]:
    """Find logs by name, the one with the oldest records first.

    `on_skipped` is given a sentence about each file of a directory that this user may not read;
    the others are returned. Raises `GlanceMetricsError` for a name that does not exist, is
    unreadable, or has no readable log in it.
    """
    names = list(names)
    logs: list[LogFile] = []
    skipped: list[str] = []
    seen: set[tuple[int, int] | str] = set()
    for path, must_be_log in (found for name in names for found in _paths(name)):
        if path == STANDARD_INPUT:
            if path not in seen:
                logs.append(LogFile(path, None, format=reading.format_to_follow()))
            seen.add(path)
            continue
        try:
            log = _log_at(path, reading, logs, seen)
        except ArchiveError as error:
            if must_be_log:
                raise GlanceMetricsError(f"{path} {error}") from None
            continue
        except OSError as error:
            if must_be_log or not isinstance(error, PermissionError):
                raise GlanceMetricsError(f"{path}: {_reason(path, error)}") from None
            skipped.append(f"{path}: {_reason(path, error)}")
            continue
        if log is not None and (must_be_log or log.oldest is not None):
            logs.append(log)
    if not logs:
        if skipped:
            raise GlanceMetricsError(skipped[0])
        raise GlanceMetricsError(f"{' '.join(names)}: no access log found in this directory")
    if on_skipped is not None:
        for sentence in skipped:
            on_skipped(sentence)
    # Sorted by the time of their first record; logs without one stay in order at the end.
    return sorted(logs, key=lambda log: (log.oldest is None, log.oldest or 0))


def _log_at(
    path: str, reading: Reading, before: Sequence[LogFile], seen: set[tuple[int, int] | str]
) -> LogFile | None:
    """Return the log at a path; `None` for one of `seen`, to which it is added.

    Raises `OSError` and `ArchiveError`.
    """
    status = Path(path).stat()
    identity = (status.st_dev, status.st_ino)
    if identity in seen:
        return None
    log = _examined(path, status, reading, before[-1].format if before else None)
    seen.add(identity)
    return log


def sample_of(name: str) -> bytes:
    """Return lines from the beginning and other places of a log. Raises `GlanceMetricsError`."""
    try:
        if name == STANDARD_INPUT:
            return _whole_lines(LogFile(name, None).open().read(_SAMPLE))
        path = Path(name)
        with path.open("rb", buffering=0) as file:
            return _sample(file, path.stat().st_size)[1]
    except ArchiveError as error:
        raise GlanceMetricsError(f"{name} {error}") from None
    except OSError as error:
        raise GlanceMetricsError(f"{name}: {_reason(name, error)}") from None


def _paths(name: str) -> Iterator[tuple[str, bool]]:
    """Yield the files of a name, and whether each must be a log."""
    if name == STANDARD_INPUT:
        yield name, True
    elif os.path.isdir(name):  # that of pathlib fails where a folder may not be entered
        try:
            found = sorted(entry.path for entry in os.scandir(name) if entry.is_file())
        except OSError as error:
            raise GlanceMetricsError(f"{name}: {_reason(name, error)}") from None
        if not found:
            raise GlanceMetricsError(f"{name}: no files in this directory")
        # Error logs and other files are skipped: only files with records count.
        yield from ((path, False) for path in found)
    elif glob.has_magic(name) and not os.path.lexists(name):
        found = sorted(path for path in glob.glob(name, recursive=True) if not os.path.isdir(path))
        if not found:
            folder = refused_folder(name)
            if folder is not None:
                raise GlanceMetricsError(f"{name}: permission denied – {way_to_read(folder)}")
            raise GlanceMetricsError(f"{name}: no matching files")
        yield from ((path, True) for path in found)
    else:
        yield name, True


def _examined(
    path: str, status: os.stat_result, reading: Reading, before: LogFormat | None
) -> LogFile:
    if not stat.S_ISREG(status.st_mode):
        # A pipe can be read only once.
        return LogFile(path, None, format=reading.format_to_follow())
    with Path(path).open("rb", buffering=0) as file:
        compression, sample = _sample(file, status.st_size)
    log_format = reading.format_of(sample, before)
    # The first record of the sample is the oldest: other places are newer.
    batch = guarded_decode(log_format, sample, reading.context).batch
    oldest = int(seconds(batch)[0]) if batch.num_rows else None
    newest = int(seconds(batch).max()) if batch.num_rows and compression is None else None
    return LogFile(path, status.st_size, compression, oldest, newest, log_format)


def _sample(file: BinaryIO, size: int) -> tuple[str | None, bytes]:
    """Return the compression of a log, and lines from its beginning and from other places.

    Raises `ArchiveError`.
    """
    beginning = file.read(_SAMPLE)
    archive = archive_of(beginning)
    if archive is not None:
        raise ArchiveError(f"is {archive}; unpack it first")
    compression = compression_of(beginning[:MAGIC_LENGTH])
    if compression is not None:
        file.seek(0)
        try:
            return compression, _whole_lines(next(decompressed(file, compression), b"")[:_SAMPLE])
        except ArchiveError:
            raise
        except DamagedError:
            return compression, b""
    if size <= len(beginning):
        return None, _whole_lines(beginning)
    lines = _whole_lines(beginning)
    return None, lines + _pieces(file, min(len(lines), len(beginning)), size)


def _whole_lines(beginning: bytes) -> bytes:
    """Return the whole lines; if the only line is incomplete, return that."""
    end = beginning.rfind(b"\n") + 1
    return beginning[:end] if end else beginning + b"\n" * bool(beginning)


def _pieces(file: BinaryIO, start: int, end: int) -> bytes:
    """Return whole lines from several places of a log, without duplicates.

    `start` is the beginning of a line, unless the sample before it has no whole line.
    """
    if end - start <= _PIECES * _PIECE:
        rest = os.pread(file.fileno(), end - start, start)
        return rest[: rest.rfind(b"\n") + 1]
    pieces = []
    for i in range(1, _PIECES + 1):
        offset = start + (end - start) * i // _PIECES - _PIECE
        piece = os.pread(file.fileno(), _PIECE, offset)
        pieces.append(piece[piece.find(b"\n") + 1 : piece.rfind(b"\n") + 1])
    return b"".join(pieces)


def _reason(path: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        close = close_path(path)
        return "no such file" + (f"; did you mean {close}?" if close else "")
    if isinstance(error, PermissionError):
        return f"permission denied – {way_to_read(path)}"
    return error.strerror or str(error)
