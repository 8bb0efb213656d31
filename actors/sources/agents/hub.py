"""The hub: reads what the agents of a fleet send, and counts each entry once.

Entries stay in Redis until a checkpoint that has them is on the disk; then they are acknowledged
and removed. What was counted is known from the checkpoint alone: Redis may lose anything.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

import attrs
import trio
from loguru import logger

from actors.redis.connection import (
    Command,
    Connection,
    RefusedError,
    checked,
    clock_ahead,
    connect,
    explained,
    is_of_key,
)
from actors.redis.lease import LEASE_SECONDS, Lease
from actors.sources.agents.answers import Answers
from actors.sources.agents.entries import MOST_BYTES, EntryReader, Read
from actors.sources.agents.listening import listen
from actors.sources.agents.mark import AgentMark, LogMark
from actors.sources.agents.redis_agent import SILENT_SECONDS, RedisAgent
from actors.sources.desk import SourceDesk
from actors.sources.messages import FromSource, OneFromSource, Several
from actors.sources.source import Say, cancel_on, saying
from glancemetrics.errors import GlanceMetricsError, UnreachableError, first_of
from glancemetrics.fleet.address import FleetAddress, is_name
from glancemetrics.fleet.chain import Verdict
from glancemetrics.fleet.entry import EntryId, InvalidEntryError
from glancemetrics.fleet.keys import FleetKeys
from glancemetrics.fleet.pace import SHORTEST, pace_in_bytes, pace_of
from glancemetrics.fleet.status import MOST_BYTES as MOST_STATUS_BYTES
from glancemetrics.fleet.status import AgentStatus
from glancemetrics.health.health import SourceHealth, SourceState

ROUND_SECONDS = 0.25
"""Between two looks for new entries."""
_ROUNDS_SECONDS = 1.0
"""How long is read until agents are answered: one may have very much."""
_KEEP_SECONDS = 1.0
"""Between two renewals of the lease, also while very much is read."""
_REFUSAL_SECONDS = 5.0
"""Between two times that it is logged that entries of an agent were refused."""
_LISTEN_SECONDS = 1.5
"""How long agents are listened to before the first second may close: each is heard every second."""
_PATIENCE_SECONDS = 10.0
"""After which it is worth a word that no agent is heard."""
_AWAY_SECONDS = 2.0
"""Between two looks: after a longer time the hub was cut off itself, and could hear no agent."""
_MOST_AGENTS = 10_000
_ENDED_SECONDS = 86400.0
"""How long servers that have ended are shown."""
_PACE_SECONDS = 5.0
"""Between two times that the pace is written: without one, agents soon say that no hub runs."""
_PACE_KEPT_SECONDS = 60
"""How long Redis has it."""
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
_LAST_SECONDS = 0.5
"""At the end, how long Redis has for letting another hub in."""
_STEADY_SECONDS = 30.0
"""A connection that lasts so long is a good one."""


class Hub:
    """A fleet, as a source."""

    def __init__(
        self,
        text: str,
        address: FleetAddress,
        desk: SourceDesk,
        servers: dict[str, str] | None = None,
    ) -> None:
        """`servers` has each server's name and its fleet, and is shared by all hubs."""
        self._text = text
        self._address = address
        self._keys = FleetKeys(address.fleet)
        self._lease = Lease.of(self._keys.hub) if desk.lease is None else desk.lease
        self._is_kept = desk.lease is not None
        """Whether the lease is renewed and released elsewhere."""
        self._agents: dict[str, RedisAgent] = {}
        self._servers: dict[str, str] = {} if servers is None else servers
        self._named_twice = "", -math.inf
        """A server whose name another fleet has as well, and when it was heard."""
        self._ahead = 0.0
        """Seconds that this machine's clock is ahead of that of Redis."""
        self._reader = EntryReader(self._keys)
        self._answers = Answers(text, self._keys, self._lease, self._agents)
        self._skipped: dict[str, tuple[float, str]] = {}
        """Of servers that were forgotten, until when they are left out, and why: they may be back
        at once, and say themselves that they are to be forgotten."""
        self._has_worked = False
        self._listens = math.inf
        """Since when it hears agents, if there are any."""
        self._looked = -math.inf
        """When it last looked who is silent, or had an answer of Redis."""
        self._keep_due = -math.inf
        """When the lease is to be renewed."""
        self._health: SourceHealth | None = None
        self._too_many = -math.inf
        """When an agent was last heard that is one too many."""
        self._pace = SHORTEST
        self._pace_due = -math.inf
        for mark in desk.before:
            if isinstance(mark, AgentMark) and mark.hub == text:
                self._answers.note_kept(mark.agent)
                agent = self._agent(mark.agent)
                agent.was_at(mark, time.time())
                agent.is_hidden = time.time() - agent.ended > _ENDED_SECONDS
                if agent.is_hidden:
                    self._give_up_name(agent.name)
            elif isinstance(mark, LogMark) and mark.hub == text:
                self._agent(mark.agent).resumes_at(mark)
        self._is_unsaved = desk.is_unsaved
        desk.on_saved(self._answers.note_saved)

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        """Read until `stop`; what was read until then is sent."""
        try:
            async with send, trio.open_nursery() as nursery:
                nursery.start_soon(cancel_on, stop, nursery.cancel_scope)
                await self._run(saying(send))
        finally:
            if not self._is_kept:
                await self._let_in()

    async def _run(self, say: Say) -> None:
        failures = 0
        await self._say_news(say)  # no second closes before the agents of the last run are heard
        await self._report(say, SourceState.READING, "connecting")
        while True:
            began = trio.current_time()
            try:
                async with trio.open_nursery() as nursery:
                    reading = await connect(self._address, "glancemetrics-hub")
                    listening = await connect(self._address, "glancemetrics-hub-listening")
                    nursery.start_soon(_closed_after, reading)
                    nursery.start_soon(_closed_after, listening)
                    await self._take_over(reading, say)
                    nursery.start_soon(listen, listening, self._keys, self._heard)
                    await self._read_on(reading, say)
            except* (UnreachableError, GlanceMetricsError) as errors:
                failed = explained(first_of(errors), self._address, "")
            if not self._has_worked and not isinstance(failed, UnreachableError):
                raise failed  # has to be mended first; later it may pass, such as a full disk
            await self._report(say, SourceState.BLOCKED, f"{failed}; trying again")
            await _say_all(say, [one for agent in self._agents.values() for one in agent.unheard()])
            await trio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
            failures = failures + 1 if trio.current_time() - began < _STEADY_SECONDS else 0

    async def _let_in(self) -> None:
        """Let another hub work at once. The connection of before has ended with what used it."""
        with trio.move_on_after(_LAST_SECONDS, shield=True), suppress(GlanceMetricsError):
            connection = await connect(self._address, "glancemetrics-hub")
            try:
                await self._lease.release(connection)
            finally:
                await connection.aclose()

    async def _take_over(self, connection: Connection, say: Say) -> None:
        """Wait until no other hub reads this fleet: each entry is for one."""
        began = trio.current_time()
        while not await self._lease.renew(connection):
            holder = await self._lease.holder(connection)
            if holder is not None:
                is_alive = trio.current_time() - began > 1.5 * LEASE_SECONDS
                detail = _other_hub(holder.host, is_alive=is_alive)
                await self._report(say, SourceState.BLOCKED, detail)
            await trio.sleep(ROUND_SECONDS)
        self._answers.begin()
        logger.info("{}: following fleet {}", self._address, self._address.fleet)

    async def _read_on(self, connection: Connection, say: Say) -> None:
        """Read what comes, again and again. Raises `UnreachableError` and `RefusedError`."""
        self._listens = trio.current_time()
        while True:
            at = trio.current_time()
            self._keep_due = at
            await self._keep(connection)
            self._ahead, _ = await clock_ahead(connection, time.time)
            while await self._round(connection, say):
                if trio.current_time() - at > _ROUNDS_SECONDS:
                    break
            now = time.time()
            for agent in self._agents.values():
                missing = agent.missing(now)
                if missing is not None:
                    agent.chain.refused = missing
                    self._refuse(agent, missing, "")
            await self._look_for_last_words(connection)
            await self._say_news(say)
            await self._forget_old(say)
            await self._answers.give(connection)
            await self._set_pace(connection)
            self._has_worked = True
            if trio.current_time() - self._listens > _LISTEN_SECONDS:
                await self._report(say, SourceState.FOLLOWING, self._detail)
            await trio.sleep(max(0.0, at + ROUND_SECONDS - trio.current_time()))

    async def _keep(self, connection: Connection) -> None:
        """Keep the lease, if it is time; raises `UnreachableError` if another hub has it."""
        now = trio.current_time()
        if now < self._keep_due:
            return
        self._keep_due = now + _KEEP_SECONDS
        if not await self._lease.renew(connection):
            raise UnreachableError(f"{self._address}: another hub has taken over")
        self._note_absence()

    def _note_absence(self) -> None:
        """Note if the hub was cut off, and could not hear agents."""
        before, self._looked = self._looked, trio.current_time()
        if self._looked - before > _AWAY_SECONDS:
            for agent in self._agents.values():
                agent.may_be_heard_again(time.time())

    async def _look_for_last_words(self, connection: Connection) -> None:
        """See which of the agents that have become silent were asked to end."""
        now = time.time()
        silent = [
            agent
            for agent in self._agents.values()
            if agent.is_silent(now) and not agent.was_sought
        ]
        if not silent:
            return
        commands: list[Command] = [
            ("GETRANGE", self._keys.bye(agent.name), 0, MOST_STATUS_BYTES) for agent in silent
        ]
        for agent, reply in zip(silent, await connection.run(*commands), strict=True):
            with suppress(InvalidEntryError):
                # An agent may have anything there.
                is_unreadable = isinstance(reply, RefusedError) and is_of_key(reply)
                status = AgentStatus.read(b"" if is_unreadable else checked(reply))
                if status.is_gone:
                    self._answers.gone.add(agent.name)
                elif status.is_bye:
                    agent.heard_of(attrs.evolve(status, ahead=status.ahead - self._ahead), now)
            agent.was_sought = True

    async def _say_news(self, say: Say) -> None:
        """Say what has changed with the agents, unless the hub could not hear them."""
        self._note_absence()
        if self._is_unsaved():
            for agent in self._agents.values():
                agent.waits_for_us()
        news = [one for agent in self._agents.values() for one in agent.news(time.time())]
        await _say_all(say, news)

    async def _forget_old(self, say: Say) -> None:
        """Forget servers that are gone, show those no more that ended long ago.

        Those that have ended are forgotten as well if there is no room for others: what they need
        for coming back is then in Redis only.
        """
        now = time.time()
        ended = [one for one in self._agents.values() if one.has_ended]
        for agent in ended:
            if now - agent.ended > _ENDED_SECONDS and not agent.is_hidden:
                await _say_all(say, list(agent.hidden()))
                self._give_up_name(agent.name)
        old = set()
        if len(self._agents) >= _MOST_AGENTS:
            old = {agent.name for agent in ended if self._answers.is_acknowledged(agent)}
        self._skipped = {name: one for name, one in self._skipped.items() if one[0] > now}
        for name in old | (self._answers.gone & self._agents.keys()):
            agent = self._agents.pop(name)
            self._give_up_name(name)
            self._answers.drop(name)
            if agent.skipped_until > now:
                self._skipped[name] = agent.skipped_until, agent.trouble
            await _say_all(say, list(agent.last_news()))

    async def _round(self, connection: Connection, say: Say) -> bool:
        """Read new entries of all agents; returns whether there may be more."""
        together: list[OneFromSource] = []
        size = 0

        async def take(reads: Sequence[Read]) -> None:
            nonlocal size
            for messages, lines in self._counted(reads):
                together.extend(messages)
                size += lines
                if size >= MOST_BYTES:
                    await _say_all(say, together)
                    together.clear()
                    size = 0
                    await self._keep(connection)

        now = time.time()
        agents = [one for one in self._agents.values() if one.skipped_until <= now]
        try:
            return await self._reader.read(connection, agents, take)
        finally:
            # It counts as read, also if the connection breaks before the rest has come.
            await _say_all(say, together)

    def _counted(self, reads: Sequence[Read]) -> Iterator[tuple[list[OneFromSource], int]]:
        """Yield what entries say that count, and the bytes of their lines."""
        now = time.time()
        for read in reads:
            agent = read.agent
            agent.read = read.id
            if read.entry is None:
                self._refuse(agent, read.id, read.trouble)
                continue
            match agent.chain.judge(read.id, read.entry.after):
                case Verdict.COUNT:
                    agent.trouble = ""
                    messages = list(agent.messages_of(read.id, read.entry, now))
                    yield messages, read.entry.size
                case Verdict.REFUSE:
                    self._refuse(agent, read.id, "")
                case Verdict.KNOWN | Verdict.SKIP:
                    pass

    def _refuse(self, agent: RedisAgent, entry: EntryId, trouble: str) -> None:
        problem = f"sent an invalid entry ({trouble})" if trouble else "entries are missing"
        if trouble:
            agent.chain.refused = entry
        now = time.time()
        if now - agent.refusal_said > _REFUSAL_SECONDS:  # one may send very many
            agent.refusal_said = now
            logger.warning("{}: {}; the agent re-reads its logs", agent.name, problem)
        agent.trouble = problem if trouble else agent.trouble
        self._answers.refused[agent.name] = entry

    async def _set_pace(self, connection: Connection) -> None:
        """Tell agents how often to send."""
        now = trio.current_time()
        heard = sum(not agent.is_silent(time.time()) for agent in self._agents.values())
        pace = pace_of(heard)
        if now < self._pace_due and pace < 1.1 * self._pace:
            return  # small changes can wait
        self._pace, self._pace_due = pace, now + _PACE_SECONDS
        write = ("SET", self._keys.pace, pace_in_bytes(pace), "EX", _PACE_KEPT_SECONDS)
        checked(*await connection.run(write))

    def _heard(self, name: str, status: AgentStatus | None) -> None:
        if status is not None and status.is_gone:
            if is_name(name) and len(self._answers.gone) < _MOST_AGENTS:
                self._answers.gone.add(name)
            return
        self._answers.gone.discard(name)
        if status is None:
            if name in self._agents:
                self._agents[name].trouble = "sends an invalid status"
            return
        if name in self._agents or len(self._agents) < _MOST_AGENTS:
            if self._servers.get(name, self._text) != self._text:
                self._named_twice = name, time.time()
            elif is_name(name):
                ahead = status.ahead - self._ahead
                agent = self._agent(name)
                self._servers[name] = self._text  # it may have been hidden
                agent.heard_of(attrs.evolve(status, ahead=ahead), time.time())
                if agent.is_lost and status.sent is not None:
                    self._answers.refused[name] = status.sent
        else:
            self._too_many = trio.current_time()

    @property
    def _detail(self) -> str:
        name, heard = self._named_twice
        if time.time() - heard < SILENT_SECONDS:
            return (
                f"{name}: another fleet has a server of this name, so this one is not "
                "counted; give its agent another name with --name"
            )
        if trio.current_time() - self._too_many < SILENT_SECONDS:
            return f"more than {_MOST_AGENTS:,} agents: further ones are not read"
        if not self._agents and trio.current_time() - self._listens > _PATIENCE_SECONDS:
            fleet = self._address.fleet
            return f"no agent of fleet {fleet} is heard; see fleet= in the --to of the servers"
        return ""

    async def _report(self, say: Say, state: SourceState, detail: str) -> None:
        health = SourceHealth(self._text, state, detail)
        if health != self._health:
            self._health = health
            await say(health)

    def _give_up_name(self, name: str) -> None:
        """Let a server of another fleet have the name of one that is no more."""
        if self._servers.get(name) == self._text:
            del self._servers[name]

    def _agent(self, name: str) -> RedisAgent:
        found = self._agents.get(name)
        if found is None:
            found = self._agents[name] = RedisAgent(self._text, name)
            self._servers[name] = self._text
            if name in self._skipped:
                found.skipped_until, found.trouble = self._skipped.pop(name)
        return found


async def _say_all(say: Say, messages: Sequence[OneFromSource]) -> None:
    if messages:
        await say(Several(tuple(messages)))


def _other_hub(host: str, *, is_alive: bool) -> str:
    """Say why a hub waits. `is_alive`: the other one works, and so has another state."""
    if not is_alive:
        return f"another hub of this fleet runs on {host}; waiting"
    return (
        f"another hub of this fleet runs on {host}, with a state of its own: this one counts "
        "nothing until it ends. To stand by, both need --state redis or the same --state-dir"
    )


async def _closed_after(connection: Connection) -> None:
    """Close a connection when its use ends."""
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await connection.aclose()
