"""What the monitor knows about itself: its sources, its outputs, and what it could not read."""

from __future__ import annotations

import enum
import math

import attrs

from glancemetrics.records.rejects import Reject
from glancemetrics.words.addresses import called
from glancemetrics.words.humane import format_count, logs_text

_SLOW_SECONDS = 10
"""Seconds of lag from which it is worth a word."""


class SourceState(enum.Enum):
    """What the reader of a source is doing."""

    WAITING = "waiting"
    """The file does not exist (yet, or any more)."""
    READING = "reading"
    """Behind the end of the file."""
    FOLLOWING = "following"
    """Waiting at the end of the file."""
    BLOCKED = "blocked"
    """The file cannot be read; `detail` says why, and what to do."""
    ENDED = "ended"
    """Standard input has ended."""


@attrs.frozen
class SourceHealth:
    """One source."""

    name: str
    """Path as it was given, or `-`."""
    state: SourceState
    detail: str = ""
    """One sentence, if there is something to say."""
    format: str | None = None
    """Format of its newest records; `None` before the first."""
    lag_bytes: int = 0
    """Bytes in the log that are not read yet."""
    unparsed: int = 0
    """Unparsed lines since its last record."""
    behind: int = 0
    """Seconds by which most of its records are dated before they were written, if that is more than
    any server takes to write them: its clock is slow. Negative: they are dated ahead of this
    machine's clock. 0 in all other cases."""
    opened: bool = True
    """Whether it has been opened; until then its bytes count as lag."""
    last_record: int | None = None
    """Second of its newest record, also if that was before the window when following began; `None`
    if there is none."""
    note: str = ""
    """What it has done so far, in a few words, for people. It is no problem."""

    @property
    def called(self) -> str:
        """Its name in sentences."""
        return called(self.name)

    @property
    def is_unread(self) -> bool:
        """Whether it is missing or cannot be opened."""
        return self.state in (SourceState.WAITING, SourceState.BLOCKED)

    @property
    def is_unknown(self) -> bool:
        """Whether it has lines, but none in a known format."""
        return self.format is None and self.unparsed > 0


class AgentState(enum.Enum):
    """What an agent is doing, the worst first."""

    SILENT = "silent"
    """Nothing is heard of it."""
    TROUBLE = "trouble"
    """What it sends is not counted, or it cannot read a log; `AgentHealth.detail` says why."""
    UNKNOWN = "unknown"
    """The hub itself is cut off from Redis, so it hears nobody."""
    WAITING = "waiting"
    """It reads nothing, because what it has sent is not counted yet."""
    OK = "ok"
    ENDED = "ended"
    """It said that it ends: nobody misses it."""

    @property
    def badness(self) -> int:
        """How much it has to be looked at: 0 for `ENDED`."""
        return _BADNESS[self]

    @property
    def is_trouble(self) -> bool:
        """Whether somebody has to look after it."""
        return self in (AgentState.SILENT, AgentState.TROUBLE)


_BADNESS = {state: number for number, state in enumerate(reversed(AgentState))}


@attrs.frozen(kw_only=True)
class AgentHealth:
    """One agent of a fleet."""

    name: str
    """The name of its server."""
    is_silent: bool = False
    """Whether nothing is heard of it."""
    has_ended: bool = False
    """Whether it said that it ends."""
    is_unknown: bool = False
    """Whether the hub is cut off from Redis; the rest is what it heard last."""
    trouble: str = ""
    """Why what it sends is not counted, in a sentence."""
    version: str = ""
    host: str = ""
    """The name of its machine."""
    files: int = 0
    """Number of logs."""
    unread: int = 0
    """Number of logs that are missing, or that it may not read."""
    lag_bytes: int = 0
    """Bytes in its logs that it has not sent, as it has said last; see `lag`."""
    ahead: float = 0.0
    """Seconds that its clock is ahead of this machine's."""
    waits: bool = False
    """Whether it reads nothing, because what it has sent is not counted yet."""
    last_heard: float | None = None
    """While it is silent, when it was last heard of, in seconds since the epoch; `None`: not since
    the start."""

    @property
    def state(self) -> AgentState:
        """What it is doing; of several states the worst."""
        if self.is_silent:
            return AgentState.SILENT
        if self.trouble:
            return AgentState.TROUBLE
        if self.has_ended:
            return AgentState.ENDED
        if self.is_unknown:
            return AgentState.UNKNOWN
        if self.unread:
            return AgentState.TROUBLE
        return AgentState.WAITING if self.waits else AgentState.OK

    @property
    def is_heard(self) -> bool:
        """Whether what it says of itself is known now."""
        return not (self.is_silent or self.has_ended or self.is_unknown)

    @property
    def lag(self) -> int | None:
        """Bytes in its logs that it has not sent; `None` if nobody knows now."""
        return self.lag_bytes if self.is_heard else None

    @property
    def detail(self) -> str:
        """What is not as it should be, in a sentence."""
        if self.trouble or not self.unread:
            return self.trouble
        # It may not have said yet how many it has.
        of = f"{format_count(self.unread)} of " if self.unread <= self.files else ""
        return f"cannot read {of}{logs_text(max(self.unread, self.files))}"

    def to_json(self) -> dict[str, object]:
        """Return it as an object of `--json`."""
        return {
            "name": self.name,
            "state": self.state.value,
            "detail": self.detail,
            "last_heard": self.last_heard,
            "version": self.version,
            "host": self.host,
            "files": self.files,
            "lag_bytes": self.lag,
            "clock_offset": self.ahead,
        }


class OutputState(enum.Enum):
    """What an output is doing."""

    STARTING = "starting"
    WORKING = "working"
    RETRYING = "retrying"
    """It failed and will be tried again; `detail` says why."""


@attrs.frozen
class OutputHealth:
    """One output."""

    name: str
    state: OutputState
    detail: str = ""
    """Where it writes to; while it fails, why."""
    lost: int = 0
    """Alert events dropped because its queue was full."""
    restarts: int = 0
    waiting: int = 0
    """Alert events not delivered yet."""


@attrs.frozen
class Health:
    """The monitor's own health. `lines == records + rejects + foreign`, always."""

    lines: int = 0
    """Lines read since the start."""
    records: int = 0
    """Lines parsed as a request."""
    rejects: int = 0
    """Lines that no format matches."""
    foreign: int = 0
    """Lines of other programs in the same logs."""
    damaged: int = 0
    """Records with a field that could not be read and is unknown."""
    filtered: int = 0
    """Records excluded by a filter (`--where`)."""
    late: int = 0
    """Records that arrived too late for the longest window; in no window."""
    early: int = 0
    """Records too far in the future; in no window."""
    gaps: int = 0
    """Parts of logs that could not be read and are lost."""
    last_gap: str = ""
    """The last of them, in a sentence."""
    delay: float | None = None
    """Seconds that windows end behind real time, so that they are complete; `None` if unknown."""
    lag_bytes: int = 0
    """Bytes in the logs that are not read yet."""
    lag_seconds: float | None = 0.0
    """How far the newest record read is behind now while bytes wait, or by how much servers hold up
    the windows, if nothing new has come of them for long; `None` for a log of the past, where it
    has no meaning."""
    sources: tuple[SourceHealth, ...] = ()
    agents: tuple[AgentHealth, ...] = ()
    """The agents of a fleet."""
    outputs: tuple[OutputHealth, ...] = ()
    reject_samples: tuple[Reject, ...] = ()
    """The first unparsed line, then the latest ones, newest last."""
    memory: int | None = None
    """Bytes of memory used by this process; `None` if unknown."""
    memory_limit: int | None = None
    """Bytes at which the kernel slows or kills it; `None` without a limit."""
    newest: int | None = None
    """Second of the newest record read."""
    live: bool = True
    """Whether windows follow the wall clock; else the records' own times."""

    @property
    def blindness(self) -> str:
        """Why no log at all can be read, in a sentence; empty if one can be read."""
        # Of the logs of agents nothing can be read either if nobody hears the agents.
        servers = {agent.name for agent in self.agents if not agent.is_heard}
        sources = [one for one in self.sources if one.name.partition(":")[0] not in servers]
        lost = [source for source in sources if source.is_unread or source.is_unknown]
        if not lost or len(lost) < len(sources):
            return ""
        more = f" (and {len(lost) - 1:,} more)" if len(lost) > 1 else ""
        why = lost[0].detail if lost[0].is_unread else "lines in no known format"
        return f"no log can be read: {lost[0].called}: {why}{more}"

    @property
    def behind(self) -> float:
        """By how many seconds what is shown is behind, if that is worth a word; else 0."""
        seconds = self.lag_seconds or 0.0
        return seconds if seconds > _SLOW_SECONDS else 0.0

    @property
    def has_ended(self) -> bool:
        """Whether all sources have ended, so that nothing more will come."""
        return bool(self.sources) and all(
            source.state is SourceState.ENDED for source in self.sources
        )

    @property
    def memory_share(self) -> float:
        """Used part of the memory limit; 0 without a limit."""
        return (self.memory or 0) / (self.memory_limit or math.inf)
