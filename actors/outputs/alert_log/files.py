"""The files of an alert log: the one that is written, those that were rotated, and its head."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from actors.state.state_file import PRIVATE_MODE, open_own
from glancemetrics.incidents.chain import LONGEST_LINE, Head, Line, Link, event_of, link_after

_ENOUGH_STEPS = 200
"""More than a second has, of which it is not known whether it was noted; a file may be new."""


def rotated(path: Path) -> list[Path]:
    """Return the files that an alert log was before, the oldest first.

    loguru puts the time before the ending: `alerts.2026-11-25_12-00-00_000000.jsonl`.
    """
    return sorted(path.parent.glob(f"{_escaped(path.stem)}.*{_escaped(path.suffix)}"))


def head_path(path: Path) -> Path:
    """Return the file that holds the head of an alert log."""
    # Not of a name that loguru takes for a file that was rotated.
    return path.with_name(f".{path.name}.head")


def read_head(path: Path) -> Head | None:
    """Return the head of an alert log; `None` if there is none. Raises `OSError`."""
    try:
        return Head.from_bytes(head_path(path).read_bytes())
    except FileNotFoundError:
        return None


def write_head(path: Path, link: Link) -> None:
    """Note the last line of an alert log, on the disk. Raises `OSError`; there is no head then."""
    head = head_path(path)
    try:
        # In place: a name that was moved there might be the old file again after a power failure.
        descriptor = open_own(head, os.O_WRONLY, PRIVATE_MODE)
        try:
            os.pwrite(descriptor, Head(link.seq, link.hash).to_bytes(), 0)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        # One that is behind would accuse lines that are right.
        with suppress(OSError):
            head.unlink()
        raise


def lock_path(path: Path) -> Path:
    """Return the file that is locked while an alert log is written."""
    # Not of a name that loguru takes for a file that was rotated.
    return path.with_name(f".{path.stem}.lock")


@contextmanager
def quiet(path: Path) -> Iterator[None]:
    """Keep others from writing meanwhile, if we may."""
    try:
        descriptor = os.open(lock_path(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def last_link(path: Path) -> Link:
    """Return where the chain of an alert log stands. Raises `OSError`."""
    head = read_head(path)
    for file in _newest_first(path):
        lines = _tail(file)
        if lines:
            return link_after(lines, head)
    return link_after([], head)


def last_steps(path: Path) -> set[tuple[str, str]]:
    """Return the steps that an alert log has noted last: incidents and what happened to them.

    Raises `OSError`.
    """
    steps: set[tuple[str, str]] = set()
    for file in _newest_first(path):
        for line in _tail(file):
            event = event_of(line) or {}
            step = event.get("incident"), event.get("event")
            # What was cut short has none, and what is of the monitoring itself.
            if isinstance(step[0], str) and isinstance(step[1], str):
                steps.add((step[0], step[1]))
        if len(steps) >= _ENOUGH_STEPS:
            break
    return steps


def _newest_first(path: Path) -> Iterator[Path]:
    for file in (path, *reversed(rotated(path))):
        if file.is_file() and file.stat().st_size:
            yield file


def _tail(path: Path) -> list[bytes]:
    """Return the last lines of a file, the first of them whole."""
    with path.open("rb") as file:
        start = max(0, path.stat().st_size - LONGEST_LINE)
        file.seek(start)
        lines = file.read().split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines[1:] if start else lines


def ends_in_the_middle(path: Path) -> bool:
    """Tell whether the last line has no end, as after a crash. Raises `OSError`."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read() != b"\n"


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a file. Raises `OSError`.

    What follows a line that is longer than any event is not read.
    """
    with path.open("rb") as file:
        number = 0
        while text := file.readline(LONGEST_LINE):
            number += 1
            is_too_long = len(text) == LONGEST_LINE and not text.endswith(b"\n")
            yield Line(
                *(str(path), number, text.removesuffix(b"\n")),
                ended=text.endswith(b"\n") or is_too_long,
            )
            if is_too_long:
                return


def _escaped(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)
