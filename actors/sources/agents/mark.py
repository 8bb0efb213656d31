"""How far the hub has counted what agents send."""

from __future__ import annotations

from typing import ClassVar

import attrs

from glancemetrics.fleet.entry import EntryId
from glancemetrics.state.tree import State
from glancemetrics.words.escaping import in_utf8


@attrs.frozen
class Unread:
    """A log that an agent waits for, or may not read."""

    path: str
    state: str
    detail: str


@attrs.frozen
class AgentMark:
    """The last entry of an agent that was counted."""

    KIND: ClassVar = "agent"

    source: str
    """The fleet and the name, of a form that no log's name has."""
    hub: str
    """The fleet, as in `-f`."""
    agent: str
    last: EntryId
    has_ended: bool = False
    """Whether it has said goodbye since: nobody waits for it, or misses it."""
    silent_since: float | None = None
    """When it was last heard of, if it has been silent or ended since; in seconds since the epoch.
    """
    unread: tuple[Unread, ...] = ()
    """Its logs that it could not read, as far as it has said."""
    parsing: State = None

    @classmethod
    def of(
        cls,
        hub: str,
        agent: str,
        last: EntryId,
        *,
        has_ended: bool = False,
        silent_since: float | None = None,
        unread: tuple[Unread, ...] = (),
    ) -> AgentMark:
        """Return the mark of an agent."""
        return cls(cls.source_of(hub, agent), hub, agent, last, has_ended, silent_since, unread)

    @staticmethod
    def source_of(hub: str, agent: str) -> str:
        """Return the name that stands for an agent as a source."""
        return f":{hub}:{agent}"

    def of_hub(self, hub: str) -> AgentMark:
        """Return the same, for another spelling of the fleet."""
        return attrs.evolve(self, hub=hub, source=self.source_of(hub, self.agent))

    def with_parsing(self, parsing: State, /) -> AgentMark:
        """Return the same; nothing is parsed for an agent as a whole."""
        del parsing
        return self

    def to_state(self) -> State:
        """Return the mark as plain values."""
        return {
            "kind": self.KIND,
            "hub": self.hub,
            "agent": self.agent,
            "last": [self.last.birth, self.last.number],
            "has_ended": self.has_ended,
            "silent_since": self.silent_since,
            "unread": [attrs.astuple(log) for log in self.unread],
        }

    @classmethod
    def from_state(cls, state: State) -> AgentMark:
        """Restore a mark from `to_state`."""
        return cls.of(
            state["hub"],
            state["agent"],
            EntryId(*state["last"]),
            has_ended=bool(state.get("has_ended")),  # earlier versions did not save these
            silent_since=state.get("silent_since"),
            unread=tuple(Unread(*log) for log in state.get("unread", ())),
        )


@attrs.frozen
class LogMark:
    """How far a log of an agent was counted, for the agent to read it again from there."""

    KIND: ClassVar = "agent log"

    source: str
    """The agent and the path: `web1:/var/log/nginx/access.log`."""
    hub: str
    agent: str
    path: str
    mark: bytes
    """As the agent has sent it."""
    parsing: State = None

    @classmethod
    def of(cls, hub: str, agent: str, path: str, mark: bytes) -> LogMark:
        """Return the mark of a log."""
        return cls(source_name(agent, path), hub, agent, path, mark)

    def of_hub(self, hub: str) -> LogMark:
        """Return the same, for another spelling of the fleet."""
        return attrs.evolve(self, hub=hub)

    def with_parsing(self, parsing: State, /) -> LogMark:
        """Return the same position with the parser's state."""
        return attrs.evolve(self, parsing=parsing)

    def to_state(self) -> State:
        """Return the mark as plain values."""
        return {"kind": self.KIND, **attrs.asdict(self, recurse=False)}

    @classmethod
    def from_state(cls, state: State) -> LogMark:
        """Restore a mark from `to_state`."""
        return cls(**{name: value for name, value in state.items() if name != "kind"})


def source_name(agent: str, path: str) -> str:
    """Return the name of the source that a log of an agent is."""
    return f"{agent}:{in_utf8(path)}"
