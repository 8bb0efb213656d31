"""Logs that are being written: how the lines of each are read, from one chunk to the next.

Whoever reads a log knows nothing of this: he hands on whole lines, and asks at most when lines were
written, to know where to begin (`FollowedLogs.dated`).
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.formats.auto import AutoFormat, LastDetected
from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.kept_fields import KeptWatch
from glancemetrics.formats.line_times import line_times
from glancemetrics.formats.log_format import LineContext, LogFormat, directives_after
from glancemetrics.formats.pieces import Pieces
from glancemetrics.formats.reading import Reading
from glancemetrics.lines.sample import SAMPLE_BYTES, Sample
from glancemetrics.lines.time_bisect import ReadAt, directives_before
from glancemetrics.state.tree import State

Int64s = npt.NDArray[np.int64]


@attrs.frozen
class Passage:
    """Lines of a log that can be decoded, whatever becomes of those before and after them."""

    lines: bytes
    """Whole ones, each ended by a newline; those that a collector has cut with all their pieces."""
    directives: bytes
    """Those that hold before the lines (`LogFormat.directives`)."""


class DatedLog:
    """Tells when the lines of one log were written."""

    def __init__(self, log_format: LogFormat, context: LineContext) -> None:
        """`context` has the directives at the log's beginning."""
        self.format = log_format
        self._context = context
        self._times = line_times(log_format, context)

    def times(self, block: bytes, /) -> tuple[Int64s, Int64s]:
        """Find the lines of a block that name a time, as `LineTimes` does."""
        return self._times(block)

    def lines_before(self, read_at: ReadAt, offset: int) -> bytes:
        """Return the lines before an offset that say how those after it are written."""
        prefixes = self.format.directives
        if not prefixes:
            return b""
        # Where no format is known yet, these are most likely not there.
        is_known = not isinstance(self.format, AutoFormat) or self.format.known is not None
        return directives_before(read_at, offset, prefixes, None if is_known else SAMPLE_BYTES)

    def has_requests(self, lines: bytes) -> bool:
        """Tell whether any of some lines is a request."""
        if isinstance(self.format, AutoFormat) and self.format.known is None:
            return False
        return bool(guarded_decode(self.format, lines, self._context).batch.num_rows)


class FollowedLog:
    """One log, of which chunks of lines come in order.

    `decode` of its format may be called for several chunks side by side; all else is for one thread
    at a time.
    """

    def __init__(self, log_format: LogFormat, context: LineContext) -> None:
        self.format = log_format
        """How the log is written."""
        self.kept = KeptWatch(context.kept)
        self._context = context
        self._directives = b""
        self._pieces = Pieces(log_format)

    @property
    def is_waiting(self) -> bool:
        """Whether lines are held back that go on in others."""
        return bool(self._pieces.held)

    def begin(self, sample: bytes = b"", before: bytes = b"", dated: object = None) -> None:
        """Take in what is known of the log before any of its lines comes.

        `sample` is of its lines, `before` those that say how the first that comes is written.
        `dated` is what told when its lines were written, where that was asked for.
        """
        if isinstance(dated, DatedLog):  # it has looked at a sample
            self.format = dated.format
            self._pieces = Pieces(dated.format)
        elif isinstance(self.format, AutoFormat) and sample:
            self.format.look_at(sample, self._context)
        if before:
            self._directives = directives_after(b"", before, self.format.directives)

    def take(self, lines: bytes) -> Passage:
        """Take the next whole lines; returns those that can be decoded now."""
        return self._passage(self._pieces.take(lines))

    def rest(self) -> Passage:
        """Return what was held back: nothing more is waited for."""
        return self._passage(self._pieces.rest())

    def _passage(self, lines: bytes) -> Passage:
        passage = Passage(lines, self._directives)
        self._directives = directives_after(passage.directives, lines, self.format.directives)
        return passage

    def to_state(self) -> State:
        """Return what must be known to go on after the lines that were taken; often `None`."""
        if not self._directives and not self._pieces.held:
            return None
        return {"directives": self._directives, "pieces": self._pieces.held}

    def restore(self, state: State) -> None:
        """Go on where another stood."""
        if state is not None:
            self._directives, self._pieces.held = state["directives"], state["pieces"]


class FollowedLogs:
    """The logs that are followed side by side, each by the name of its source."""

    def __init__(self, reading: Reading) -> None:
        self.context = reading.context
        """What their lines do not say themselves."""
        self._reading = reading
        self._detected = LastDetected()
        self._logs: dict[str, FollowedLog] = {}

    def dated(self, sample: Sample) -> DatedLog:
        """Return what tells when lines of a log were written, by a sample of it. For any thread."""
        log_format, context = self._new_format(), self.context
        if isinstance(log_format, AutoFormat) and sample.lines:
            log_format.look_at(sample.lines, context)
        prefixes = log_format.directives
        if prefixes:
            known = directives_after(b"", sample.head, prefixes)
            context = attrs.evolve(context, directives=known)
        return DatedLog(log_format, context)

    def log(self, source: str) -> FollowedLog:
        """Return the log of a source."""
        found = self._logs.get(source)
        if found is None:
            found = self._logs[source] = FollowedLog(self._new_format(), self.context)
        return found

    def forget(self, source: str) -> None:
        """A source is followed no longer; what comes under its name is another log."""
        self._logs.pop(source, None)

    def _new_format(self) -> LogFormat:
        return self._reading.format_to_follow(self._detected)
