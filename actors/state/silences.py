"""Silences: rules of which nobody is told for a while, in a file beside the journal.

The alert log and the console have their incidents all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import attrs

from actors.state.state_file import replace_state

FILE_NAME = "silences.json"


@attrs.frozen
class Silence:
    """Rules that are silent until a moment."""

    pattern: str
    """Of their names."""
    until: float
    """Seconds since the epoch."""
    why: str = ""


def silence_among(silences: Iterable[Silence], rule: str) -> Silence | None:
    """Return the silence that a rule is in, the longest."""
    found = [one for one in silences if fnmatchcase(rule, one.pattern)]
    return max(found, key=lambda one: one.until, default=None)


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
        except RecursionError as error:  # [[[[...
            raise ValueError(str(error)) from None
        try:
            silences = [_checked(Silence(**one)) for one in found]
        except TypeError as error:
            raise ValueError(str(error)) from None
        return [silence for silence in silences if silence.until > now]

    def known(self, now: float) -> tuple[Silence, ...]:
        """Return those that last; none if the file cannot be read: rather too loud."""
        try:
            return tuple(self.active(now))
        except (OSError, ValueError):
            return ()

    def add(self, silence: Silence, now: float) -> None:
        """Silence, in place of a silence of the same pattern. Raises as `active`."""
        others = [one for one in self.active(now) if one.pattern != silence.pattern]
        self.save([*others, silence])

    def end(self, pattern: str, now: float) -> bool:
        """End the silences whose patterns a pattern matches; false if there is none.

        Raises as `active`.
        """
        active = self.active(now)
        kept = [
            one
            for one in active
            if one.pattern != pattern and not fnmatchcase(one.pattern, pattern)
        ]
        if len(kept) == len(active):
            return False
        self.save(kept)
        return True

    def save(self, silences: Iterable[Silence]) -> None:
        """Put these in place of all. Raises `OSError`."""
        told = json.dumps([attrs.asdict(one) for one in silences], indent=1)
        replace_state(self._path, told.encode())


LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
"""A silence ends before it: no calendar has later times."""


def _checked(silence: Silence) -> Silence:
    """Return it. Raises `TypeError` if it is not of the types that were saved."""
    texts = isinstance(silence.pattern, str) and isinstance(silence.why, str)
    is_time = isinstance(silence.until, int | float) and 0 <= silence.until <= LATEST
    if not texts or not is_time:
        raise TypeError("a silence has a pattern, a time and a reason")
    return silence
