"""Which logs `-f` names: a path is one, a glob or a directory is each log in it, now and later."""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import os
from collections.abc import Callable, Iterable

from actors.files.permissions import WAY_OUT, refused_folder, way_to_read
from actors.sources.files.identity import Identity
from glancemetrics.lines.log_names import COMPRESSED_ENDINGS, current_logs, is_current_log

IsLog = Callable[[str], bool]
"""Whether the content of a file is an access log."""


def is_glob(source: str) -> bool:
    """Tell whether a source stands for several files: a glob, or a directory."""
    return os.path.isdir(source) or (glob.has_magic(source) and not os.path.lexists(source))


def matching(pattern: str, is_log: IsLog = lambda _: True) -> list[str]:
    """Return the files that match a glob, or the access logs in a directory, in order.

    Directories are left out, and what logrotate has compressed: `access.log*` means the log. Of a
    directory, that is what has the name of a log being written, and is one (`is_log`).
    """
    if os.path.isdir(pattern):
        try:
            with os.scandir(pattern) as entries:
                names = current_logs(entry.name for entry in entries if entry.is_file())
        except OSError:
            return []  # removed, or not readable: `misses` says so
        return [path for path in (os.path.join(pattern, name) for name in names) if is_log(path)]
    return sorted(
        path
        for path in glob.glob(pattern, recursive=True)
        if not path.endswith(COMPRESSED_ENDINGS) and not os.path.isdir(path)
    )


def why_none(pattern: str, is_last: bool) -> str:
    """Say that a glob or directory has no files to read; `is_last`: nobody looks again."""
    yet = "" if is_last else " yet"
    folder = refused_folder(pattern)
    if folder is not None:
        return f"is not readable: permission denied{WAY_OUT}{way_to_read(folder)}"
    return f"has no {'access log in it' if os.path.isdir(pattern) else 'matching files'}{yet}"


def matches_name(name: str, pattern: str) -> bool:
    """Tell whether a file's name matches the last part of a glob, as `matching` has it."""
    if os.path.isdir(pattern):
        return is_current_log(name)
    pattern = os.path.basename(pattern)
    is_hidden = name.startswith(".") and not pattern.startswith(".")
    return (
        fnmatch.fnmatchcase(name, pattern)
        and not is_hidden
        and not name.endswith(COMPRESSED_ENDINGS)
    )


def repetitions(sources: Iterable[str]) -> set[str]:
    """Return the sources that name the same file as an earlier source.

    That is a symlink, a hard link, or another spelling of the same path.
    """
    seen: set[object] = set()
    repeated = set()
    for source in sources:
        names: set[object] = {os.path.realpath(source)}
        with contextlib.suppress(OSError):
            names.add(Identity.of(os.stat(source)))
        if not names.isdisjoint(seen):
            repeated.add(source)
        seen |= names
    return repeated


def directories(names: Iterable[str]) -> set[str]:
    """Return the existing directories of absolute names."""
    found = {os.path.dirname(name) for name in names}
    return {each for each in found if not glob.has_magic(each) and os.path.isdir(each)}
