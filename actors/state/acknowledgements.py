"""Acknowledgements: incidents that somebody takes care of, stored in a file beside the journal.

There are no reminders about them; their recovery is still notified.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from actors.state.silences import LATEST
from actors.state.state_file import replace_state

FILE_NAME = "acknowledgements.json"

KEPT_SECONDS = 30 * 86_400
MOST = 1000
"""Limits of age and number, applied whenever one is added: an incident that ends is not removed."""


@attrs.frozen
class Acknowledgement:
    """An incident that was acknowledged."""

    incident: str
    """The incident's id."""
    at: float
    """Seconds since the epoch."""


class Acknowledgements:
    """The acknowledgements in a file, which may change at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def listed(self) -> list[Acknowledgement]:
        """Return all, oldest first. Raises `OSError`, and `ValueError` for a damaged file."""
        try:
            found = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return []
        except RecursionError as error:  # [[[[...
            raise ValueError(str(error)) from None
        try:
            return sorted((_checked(Acknowledgement(**one)) for one in found), key=_age)
        except TypeError as error:
            raise ValueError(str(error)) from None

    def known(self) -> Mapping[str, Acknowledgement]:
        """Return all by incident; none if the file is unreadable: better too many reminders."""
        try:
            return {one.incident: one for one in self.listed()}
        except (OSError, ValueError):
            return {}

    def add(self, incident_id: str, now: float) -> Acknowledgement:
        """Acknowledge an incident; returns its first acknowledgement. Raises like `listed`."""
        known = self.listed()
        for one in known:
            if one.incident == incident_id:
                return one
        added = Acknowledgement(incident_id, now)
        kept = [one for one in known if one.at > now - KEPT_SECONDS][-(MOST - 1) :]
        self._save([*kept, added])
        return added

    def take_back(self, incident_id: str) -> bool:
        """Take an acknowledgement back; returns whether there was one. Raises like `listed`."""
        known = self.listed()
        kept = [one for one in known if one.incident != incident_id]
        if len(kept) == len(known):
            return False
        self._save(kept)
        return True

    def _save(self, acknowledgements: Iterable[Acknowledgement]) -> None:
        text = json.dumps([attrs.asdict(one) for one in acknowledgements], indent=1)
        replace_state(self._path, text.encode())


def _age(acknowledgement: Acknowledgement) -> float:
    return acknowledgement.at


def _checked(acknowledgement: Acknowledgement) -> Acknowledgement:
    """Check the types of a loaded acknowledgement. Raises `TypeError`."""
    at = acknowledgement.at
    is_time = isinstance(at, int | float) and 0 <= at <= LATEST
    if not isinstance(acknowledgement.incident, str) or not is_time:
        raise TypeError("an acknowledgement needs an incident and a time")
    return acknowledgement
