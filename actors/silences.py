"""Silences: rules of which nobody is told for a while, in a file beside the journal.

The alert log and the console have their incidents all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

import attrs

from actors.state_file import replace_state

FILE_NAME = "silences.json"


@attrs.frozen
class Silence:
    """Rules that are silent until a moment."""

    pattern: str
    """Of their names."""
    until: float
    """Seconds since the epoch."""
    why: str = ""


class Silences:
    """The silences in a file, which may be changed at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def active(self, now: float) -> list[Silence]:
        """Return those that last. Raises `OSError`, and `ValueError` for a file that is damaged."""
        try:
            found = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return []
        try:
            silences = [Silence(**one) for one in found]
        except TypeError as error:
            raise ValueError(str(error)) from None
        return [silence for silence in silences if silence.until > now]

    def silence_of(self, rule: str, now: float) -> Silence | None:
        """Return what silences a rule; nothing if the file cannot be read: rather too loud."""
        try:
            silences = self.active(now)
        except (OSError, ValueError):
            return None
        return next((one for one in silences if fnmatchcase(rule, one.pattern)), None)

    def save(self, silences: Iterable[Silence]) -> None:
        """Put these in place of all. Raises `OSError`."""
        told = json.dumps([attrs.asdict(one) for one in silences], indent=1)
        replace_state(self._path, told.encode())
