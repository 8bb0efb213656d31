"""The desk of a source, for tests."""

from __future__ import annotations

from actors.sources.desk import SourceDesk
from actors.sources.position import From, StartPosition
from glancemetrics.formats.followed_logs import FollowedLogs
from glancemetrics.formats.reading import Reading
from glancemetrics.planning.sources import Sources


def desk_of(*texts: str, once: bool = False) -> SourceDesk:
    return SourceDesk(
        sources=Sources(texts),
        start=StartPosition(From.WINDOW, 120, 0.0),
        dating=FollowedLogs(Reading()).dated,
        standard_input=lambda: -1,
        once=once,
    )
