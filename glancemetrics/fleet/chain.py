"""The chain of an agent's entries, as its hub sees it.

Each entry says which one it follows, and its lines follow those of that one in the files. The hub
counts an entry only if it follows the last one that it has counted. Where it has counted none, that
is the very first one of an agent, or the one with which the agent begins anew when asked to. So
whatever happens to Redis, to agents and to the hub itself, each line is counted once: if the entry
after the last counted one is not there, the agent is asked to read its files again from there.
"""

from __future__ import annotations

import enum

import attrs

from glancemetrics.fleet.entry import EntryId


class Verdict(enum.Enum):
    """What the hub does with an entry."""

    COUNT = "count"
    KNOWN = "known"
    """It has been counted."""
    REFUSE = "refuse"
    """It does not follow: the agent has to begin anew after the last one that was counted."""
    SKIP = "skip"
    """It follows one that was refused."""


@attrs.define
class Chain:
    """Where the chain of one agent stands."""

    last: EntryId | None = None
    """The last entry that was counted; `None`: none yet."""
    refused: EntryId | None = None
    """The entry that was refused; nothing of the same birth follows any more."""

    def judge(self, entry: EntryId, after: EntryId | None) -> Verdict:
        """Judge the next entry of the stream, and note what it means."""
        if self.last is not None and entry <= self.last:
            return Verdict.KNOWN
        if self.refused is not None and entry.birth <= self.refused.birth:
            return Verdict.SKIP
        if after is None and entry.number > 1:
            after = EntryId(entry.birth, entry.number - 1)
        # A hub without saved state has not counted what another one has: an agent knows.
        follows = after == self.last or (
            self.last is None and entry.number == 1 and self.refused is not None
        )
        if not follows:
            self.refused = entry
            return Verdict.REFUSE
        self.last, self.refused = entry, None
        return Verdict.COUNT
