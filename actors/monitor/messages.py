"""The messages between actors, besides the values of `glancemetrics` itself."""

from __future__ import annotations

import attrs
import pyarrow as pa

from actors.sources.mark import Mark
from actors.sources.messages import NotLines
from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.traffic.aggregation import SourceBatch
from glancemetrics.traffic.snapshot import Snapshot


@attrs.frozen
class Parsed:
    """The result of reading a source once, and how far it has been read."""

    batch: SourceBatch
    mark: Mark | None = None


@attrs.frozen(eq=False)
class ParsedTogether:
    """Results of reading several sources, decoded together."""

    parsed: tuple[Parsed, ...]
    """Of each source; the records are parts of the batch, in order."""
    batch: pa.RecordBatch
    """The records of all."""


@attrs.frozen
class Checkpoint:
    """The state of the flow up to here, for a restart; all earlier messages are in it."""

    aggregation: bytes
    """`Aggregation.to_state`; as bytes, because it changes in the meantime."""
    marks: tuple[Mark, ...]
    """How far each source has been read."""
    history: int | None = 0
    """Number of records given to the history, in all runs."""


@attrs.define
class Wish:
    """The alert supervisor's wish for a checkpoint: what was told is to be remembered."""

    is_open: bool = False


@attrs.frozen
class ClockSet:
    """The wall clock was set, or stood still."""

    seconds: float
    """How far it is ahead of the expected time."""


@attrs.frozen
class Together:
    """Messages of the parser that were ready at the same time, in their order.

    With many logs of few lines each, handling a message costs more than its lines.
    """

    messages: tuple[Parsed | ParsedTogether | NotLines, ...]


FromParser = Parsed | ParsedTogether | NotLines | Together
FromAggregator = ClosedSeconds | Snapshot | Checkpoint | ClockSet
