"""The files of an alert log: the one that is written, and those that were rotated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from glancemetrics.audit import Line, Link, link_after

_TAIL_BYTES = 1 << 18
"""More than two events can have."""
_ENOUGH_STEPS = 200
"""More than a second has, of which it is not known whether it was noted; a file may be new."""


def rotated(path: Path) -> list[Path]:
    """Return the files that an alert log was before, the oldest first.

    loguru puts the time before the ending: `alerts.2026-11-25_12-00-00_000000.jsonl`.
    """
    return sorted(path.parent.glob(f"{_escaped(path.stem)}.*{_escaped(path.suffix)}"))


def last_link(path: Path) -> Link:
    """Return where the chain of an alert log stands. Raises `OSError`."""
    for file in _newest_first(path):
        lines = _tail(file)
        if lines:
            return link_after(lines)
    return Link()


def last_steps(path: Path) -> set[tuple[str, str]]:
    """Return the steps that an alert log has noted last: incidents and what happened to them.

    Raises `OSError`.
    """
    steps = set()
    for file in _newest_first(path):
        for line in _tail(file):
            try:
                event = json.loads(line)
                steps.add((event["incident"], event["event"]))
            except (ValueError, KeyError, TypeError):
                continue  # cut short, or of the monitoring itself
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
        start = max(0, path.stat().st_size - _TAIL_BYTES)
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
    """Yield the lines of a file. Raises `OSError`."""
    with path.open("rb") as file:
        for number, text in enumerate(file, 1):
            yield Line(str(path), number, text.removesuffix(b"\n"), text.endswith(b"\n"))


def _escaped(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)
