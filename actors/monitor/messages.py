"""The messages that travel between actors, beside the values of `glancemetrics` itself."""

from __future__ import annotations

import attrs

from actors.sources.mark import Mark
from actors.sources.messages import NotLines
from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.traffic.aggregation import SourceBatch
from glancemetrics.traffic.snapshot import Snapshot


@attrs.frozen
class Parsed:
    """What was read from a source at one look, and how far it has been read with that."""

    batch: SourceBatch
    mark: Mark | None = None


@attrs.frozen
class Checkpoint:
    """All that the flow up to here is to know after a restart; what came before it is in it."""

    aggregation: bytes
    """`Aggregation.to_state`; as bytes, for it goes on meanwhile."""
    marks: tuple[Mark, ...]
    """How far each source had been read."""
    history: int | None = 0
    """How many records the history had been given, in all runs."""


@attrs.frozen
class ClockSet:
    """The wall clock has been set, or has stood still."""

    seconds: float
    """By how much it is ahead of what it would have been."""


@attrs.frozen
class Together:
    """Messages of the parser that were ready at once, in their order.

    Where many logs have a few lines each, all that is done for a message costs more than its lines.
    """

    messages: tuple[Parsed | NotLines, ...]


FromParser = Parsed | NotLines | Together
FromAggregator = ClosedSeconds | Snapshot | Checkpoint | ClockSet
