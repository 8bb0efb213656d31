"""The files of an alert log: the current one, the rotated ones, and the head."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from actors.state.state_file import PRIVATE_MODE, open_own
from glancemetrics.incidents.chain import LONGEST_LINE, Head, Line, Link, event_of, link_after

_ENOUGH_STEPS = 200
"""More than any second has: so many may have been written after the last checkpoint."""


def rotated(path: Path) -> list[Path]:
    """Return the rotated files of an alert log, oldest first.

    loguru puts the time before the extension: `alerts.2026-11-25_12-00-00_000000.jsonl`.
    """
    return sorted(path.parent.glob(f"{_escaped(path.stem)}.*{_escaped(path.suffix)}"))


def head_path(path: Path) -> Path:
    """Return the path of an alert log's head."""
    # loguru must not take it for a rotated file.
    return path.with_name(f".{path.name}.head")


def read_head(path: Path) -> Head | None:
    """Return an alert log's head; `None` if there is none. Raises `OSError`."""
    try:
        return Head.from_bytes(head_path(path).read_bytes())
    except FileNotFoundError:
        return None


def write_head(path: Path, link: Link) -> None:
    """Write the last line's number and hash to disk. Raises `OSError`; then there is no head."""
    head = head_path(path)
    try:
        # In place: after a power failure, a renamed file may turn out to be the old one.
        descriptor = open_own(head, os.O_WRONLY, PRIVATE_MODE)
        try:
            os.pwrite(descriptor, Head(link.seq, link.hash).to_bytes(), 0)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        # A head that is behind would accuse valid lines.
        with suppress(OSError):
            head.unlink()
        raise


def lock_path(path: Path) -> Path:
    """Return the path of the lock that is held while an alert log is written."""
    # loguru must not take it for a rotated file.
    return path.with_name(f".{path.stem}.lock")


@contextmanager
def quiet(path: Path) -> Iterator[None]:
    """Keep others from writing in the meantime, if permitted."""
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
    """Return the end of an alert log's chain. Raises `OSError`."""
    head = read_head(path)
    for file in _newest_first(path):
        lines = _tail(file)
        if lines:
            return link_after(lines, head)
    return link_after([], head)


def last_steps(path: Path) -> set[tuple[str, str]]:
    """Return the last steps in an alert log: incidents and what happened to them.

    Raises `OSError`.
    """
    steps: set[tuple[str, str]] = set()
    for file in _newest_first(path):
        for line in _tail(file):
            event = event_of(line) or {}
            step = event.get("incident"), event.get("event")
            # Lines that were cut short, and those about monitoring itself, have none.
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
    """Return the last lines of a file; the first of them is whole."""
    with path.open("rb") as file:
        start = max(0, path.stat().st_size - LONGEST_LINE)
        file.seek(start)
        lines = file.read().split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines[1:] if start else lines


def ends_in_the_middle(path: Path) -> bool:
    """Return whether the last line lacks its newline, as after a crash. Raises `OSError`."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read() != b"\n"


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a file. Raises `OSError`.

    Stops after a line that is longer than any event.
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
