"""Answers to agents: what is counted for good, what they have to send again; who is forgotten.

Nothing is said to be counted before a checkpoint that has it is saved.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence

import attrs

from actors.redis.connection import Command, Connection, RefusedError, is_of_key
from actors.redis.lease import Lease
from actors.sources.agents.mark import AgentMark, LogMark
from actors.sources.agents.redis_agent import RedisAgent
from actors.sources.mark import Mark
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.fleet.entry import EntryId
from glancemetrics.fleet.keys import FleetKeys
from glancemetrics.fleet.position import Position

_MOST_ANSWERS = 500
"""Agents that are answered together; Redis does nothing else in the meantime."""


@attrs.define
class Answers:
    """The answers of a hub to its agents, which are shared with it."""

    _hub: str
    _keys: FleetKeys
    _lease: Lease
    _agents: Mapping[str, RedisAgent]
    gone: set[str] = attrs.field(factory=set)
    """Servers that are to be forgotten."""
    refused: dict[str, EntryId] = attrs.field(factory=dict)
    """By agent, the entry that has to be refused."""
    _kept: set[str] = attrs.field(factory=set)
    """Agents of which something is saved."""
    _saved: dict[str, tuple[EntryId, Mapping[str, bytes]]] = attrs.field(factory=dict)
    """By agent, what is saved and not acknowledged."""
    _acknowledged: dict[str, EntryId] = attrs.field(factory=dict)
    _deletable: set[str] = attrs.field(factory=set)
    """Those of the servers to be forgotten that no checkpoint has any more."""

    def note_kept(self, name: str) -> None:
        """Note that the state that was loaded has something of an agent."""
        self._kept.add(name)

    def begin(self) -> None:
        """Note that Redis may have lost what was told."""
        self._acknowledged.clear()

    def is_acknowledged(self, agent: RedisAgent) -> bool:
        """Whether an agent knows that all is counted for good that was."""
        return agent.chain.last in {None, self._acknowledged.get(agent.name)}

    def drop(self, name: str) -> None:
        """Tell an agent nothing more."""
        for known in (self._acknowledged, self._saved, self.refused):
            known.pop(name, None)

    def note_saved(self, marks: Mapping[str, Mark]) -> None:
        """Note what a checkpoint on the disk has counted; see `SavedMarks`."""
        last: dict[str, EntryId] = {}
        logs: dict[str, dict[str, bytes]] = {}
        for mark in marks.values():
            if isinstance(mark, AgentMark) and mark.hub == self._hub:
                last[mark.agent] = mark.last
            elif isinstance(mark, LogMark) and mark.hub == self._hub:
                logs.setdefault(mark.agent, {})[mark.path] = mark.mark
        forgotten = self.gone - last.keys() - self._agents.keys()
        self.gone -= forgotten
        self._deletable |= forgotten
        self._kept = set(last)
        for name, entry in last.items():
            if self._acknowledged.get(name) != entry:
                self._saved[name] = entry, logs.get(name, {})

    async def give(self, connection: Connection) -> None:
        """Say what is counted for good, and what is refused, unless another hub has taken over."""
        answers: list[tuple[str, Sequence[Command]]] = []
        refused = {
            name: entry
            for name, entry in self.refused.items()
            # Otherwise, if this hub is killed, the next one would not know what this one counted.
            if name in self._kept or self._agents[name].chain.last is None
        }
        for name, entry in refused.items():
            agent = self._agents[name]
            key = self._keys.counted(name)
            position = Position(agent.chain.last, agent.marks, entry)
            # What another hub has counted stays, where this one has counted nothing.
            forget: list[Command] = [] if agent.chain.last is None else [("DEL", key)]
            answers.append((name, (*forget, ("HSET", key, *position.fields()))))
        saved, self._saved = self._saved, {}
        for name, (last, marks) in saved.items():
            key, known = self._keys.counted(name), self._agents.get(name)
            # Whole: logs that are gone must not stay in it.
            position = Position(last, marks, None if known is None else known.chain.refused)
            trim: Command = ("XTRIM", self._keys.stream(name), "MINID", str(last.next))
            answers.append((name, (("DEL", key), ("HSET", key, *position.fields()), trim)))
        deletable = frozenset(self._deletable)
        for name in deletable - self._agents.keys():
            kinds = (self._keys.stream, self._keys.sent, self._keys.counted, self._keys.bye)
            answers.append((name, [("DEL", *(kind(name) for kind in kinds))]))
        try:
            for begin in range(0, len(answers), _MOST_ANSWERS):
                await self._carry_out(connection, answers[begin : begin + _MOST_ANSWERS])
        except GlanceMetricsError:
            self._saved = {**saved, **self._saved}
            raise
        for name in refused:
            del self.refused[name]
        self._acknowledged |= {
            name: last for name, (last, _) in saved.items() if name in self._agents
        }
        self._deletable -= deletable  # more may have come in the meantime

    async def _carry_out(
        self, connection: Connection, answers: Sequence[tuple[str, Sequence[Command]]]
    ) -> None:
        """Carry out answers to agents; one that Redis refuses must not keep back the others."""
        together = itertools.chain.from_iterable(commands for _, commands in answers)
        try:
            await self._lease.guarded(connection, *together)
        except RefusedError as error:
            if not is_of_key(error):  # such as a Redis that is full
                raise
            if len(answers) > 1:
                for answer in answers:
                    await self._carry_out(connection, [answer])
                return
            ((name, _),) = answers
            if name in self._agents:
                self._agents[name].leave_out(f"its entries cannot be removed: {error}", time.time())
