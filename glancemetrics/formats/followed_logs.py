"""The formats of followed logs, and their state from one chunk to the next.

Sources know nothing of formats: they pass on whole lines, and only ask for the times of lines to
find where to begin (`FollowedLogs.dated`).
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
from glancemetrics.formats.raw_lines import SoughtRecord
from glancemetrics.formats.reading import Reading
from glancemetrics.lines.line_ends import ReadAt
from glancemetrics.lines.sample import SAMPLE_BYTES, Sample
from glancemetrics.lines.time_bisect import directives_before
from glancemetrics.state.tree import State

Int64s = npt.NDArray[np.int64]


@attrs.frozen
class Passage:
    """Lines of a log that can be decoded independently of the lines around them."""

    lines: bytes
    """Whole lines, each ended by a newline; split lines with all their pieces."""
    directives: bytes
    """The directives in effect before the lines (`LogFormat.directives`)."""


class DatedLog:
    """Finds the times of the lines of one log."""

    def __init__(self, log_format: LogFormat, context: LineContext) -> None:
        """`context` has the directives at the beginning of the log."""
        self.format = log_format
        self._context = context
        self._times = line_times(log_format, context)

    def times(self, block: bytes, /) -> tuple[Int64s, Int64s]:
        """Find the lines of a block that have a time; see `LineTimes`."""
        return self._times(block)

    def lines_before(self, read_at: ReadAt, offset: int) -> bytes:
        """Return the directives before an offset that describe the lines after it."""
        prefixes = self.format.directives
        if not prefixes:
            return b""
        # While no format is known there are most likely no directives: search only a little.
        is_known = not isinstance(self.format, AutoFormat) or self.format.known is not None
        return directives_before(read_at, offset, prefixes, None if is_known else SAMPLE_BYTES)

    def has_requests(self, lines: bytes) -> bool:
        """Tell whether any of some lines is a request."""
        if isinstance(self.format, AutoFormat) and self.format.known is None:
            return False
        return bool(guarded_decode(self.format, lines, self._context).batch.num_rows)

    def line_of(self, sought: SoughtRecord, lines: bytes, directives: bytes) -> bytes | None:
        """Return the line of a record among whole lines; `directives` are those before them."""
        context = self._context
        if directives:
            context = attrs.evolve(context, directives=directives)
        return sought.line_in(lines, self.format, context)


class FollowedLog:
    """One log whose chunks arrive in order.

    `decode` of its format may run for several chunks at once; everything else is for one thread at
    a time.
    """

    def __init__(self, log_format: LogFormat, context: LineContext) -> None:
        self.format = log_format
        """The format of the log."""
        self.kept = KeptWatch(context.kept)
        self._context = context
        self._directives = b""
        self._pieces = Pieces(log_format)

    @property
    def is_waiting(self) -> bool:
        """Whether pieces of an incomplete line are held back."""
        return bool(self._pieces.held)

    def begin(self, sample: bytes = b"", before: bytes = b"", dated: object = None) -> None:
        """Set what is known of the log before its first line.

        `sample`: some of its lines. `before`: directives before the first line. `dated`: the
        `DatedLog` that found where to begin, if there was one.
        """
        if isinstance(dated, DatedLog):  # it has detected the format already
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
        """Return the lines held back, without waiting for more."""
        return self._passage(self._pieces.rest())

    def _passage(self, lines: bytes) -> Passage:
        passage = Passage(lines, self._directives)
        self._directives = directives_after(passage.directives, lines, self.format.directives)
        return passage

    def to_state(self) -> State:
        """Return the state needed to resume after the lines taken so far; often `None`."""
        if not self._directives and not self._pieces.held:
            return None
        return {"directives": self._directives, "pieces": self._pieces.held}

    def restore(self, state: State) -> None:
        """Resume from a saved state."""
        if state is not None:
            self._directives, self._pieces.held = state["directives"], state["pieces"]


class FollowedLogs:
    """All followed logs, by the name of their source."""

    def __init__(self, reading: Reading) -> None:
        self.context = reading.context
        """Settings for what the lines do not say themselves."""
        self._reading = reading
        self._detected = LastDetected()
        self._logs: dict[str, FollowedLog] = {}

    def dated(self, sample: Sample) -> DatedLog:
        """Return a finder of line times for a log, from a sample of it. Thread-safe."""
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
        """Forget a source that is no longer followed; its name may be used by another log."""
        self._logs.pop(source, None)

    def _new_format(self) -> LogFormat:
        return self._reading.format_to_follow(self._detected)
