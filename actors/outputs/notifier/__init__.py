"""Notifiers: deliver events to targets, each in its own order, until they are accepted.

Every notification is in the journal first. It is delivered at least once, and exactly once unless
the process dies between a target's answer and the next write to disk; then the message is sent
again with the same key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from actors.outputs.kind import OutputKind

if TYPE_CHECKING:
    from actors.outputs.desk import Desk
    from actors.outputs.output import Output
    from glancemetrics.incidents.incident import Incident

JOURNAL_NAME = "notifications.db"


@attrs.frozen
class NotifierSettings:
    """None: each target is a `[[notify]]` table."""


def _make(settings: NotifierSettings, desk: Desk) -> Iterator[Output]:
    del settings
    if not desk.targets:
        return
    from actors.outputs.notifier.notifier import make_notifier
    from glancemetrics.words.instants import iso_time

    def describe(incident: Incident) -> str:
        begun = iso_time(incident.triggered_at)
        return desk.rules[incident.rule].triggered_message(incident, begun)

    for target in desk.targets:
        yield make_notifier(
            target, desk.state_folder / JOURNAL_NAME, desk.wall, describe, desk.term
        )


NOTIFIER = OutputKind(NotifierSettings, _make)
