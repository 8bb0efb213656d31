"""Silences: rules without notifications for a while, stored in a file beside the journal.

Their incidents still appear in the alert log and on the console.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import attrs

from actors.state.state_file import replace_state
from glancemetrics.incidents.incident import is_called

FILE_NAME = "silences.json"


@attrs.frozen
class Silence:
    """Rules that are silenced until a time."""

    pattern: str
    """A glob for names of rules."""
    until: float
    """Seconds since the epoch."""
    why: str = ""


def silence_among(silences: Iterable[Silence], rule: str) -> Silence | None:
    """Return the longest silence that matches a rule."""
    found = [one for one in silences if is_called(rule, one.pattern)]
    return max(found, key=lambda one: one.until, default=None)


class Silences:
    """The silences in a file, which may change at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def active(self, now: float) -> list[Silence]:
        """Return the active silences. Raises `OSError`, and `ValueError` for a damaged file."""
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
        """Return the active silences; none if the file is unreadable: better too many alerts."""
        try:
            return tuple(self.active(now))
        except (OSError, ValueError):
            return ()

    def add(self, silence: Silence, now: float) -> None:
        """Add a silence, or replace the one with the same pattern. Raises like `active`."""
        others = [one for one in self.active(now) if one.pattern != silence.pattern]
        self.save([*others, silence])

    def end(self, pattern: str, now: float) -> bool:
        """End the silences whose pattern matches; returns whether there were any.

        Raises like `active`.
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
        """Replace all silences. Raises `OSError`."""
        text = json.dumps([attrs.asdict(one) for one in silences], indent=1)
        replace_state(self._path, text.encode())


LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
"""The latest end of a silence: `datetime` has no later years."""


def _checked(silence: Silence) -> Silence:
    """Check the types of a loaded silence. Raises `TypeError`."""
    texts = isinstance(silence.pattern, str) and isinstance(silence.why, str)
    is_time = isinstance(silence.until, int | float) and 0 <= silence.until <= LATEST
    if not texts or not is_time:
        raise TypeError("a silence needs a pattern, a time and a reason")
    return silence
