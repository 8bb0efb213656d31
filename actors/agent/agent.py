"""Runs an agent: follows logs, and sends what is written to the hub of a fleet.

The logs themselves are the spool. Whenever the connection breaks, or the hub has not got what was
sent, the tailer begins anew from the position that Redis, the hub or this process knows; nothing
that was read is kept for sending it again.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

import attrs
import trio
from loguru import logger

from actors.agent.gathering import Gathered, mark_from_bytes, mark_in_bytes
from actors.agent.mailbox import DisplacedError, Mailbox
from actors.redis.connection import (
    Command,
    Connection,
    NotPermittedError,
    RefusedError,
    checked,
    connect,
    explained,
)
from actors.redis.lease import LEASE_SECONDS, Lease
from actors.sources.dating import undated
from actors.sources.files.marks import PathMark
from actors.sources.files.tail import tail
from actors.sources.messages import Announced, Chunk, FromSource, Marked
from actors.sources.position import From, StartPosition
from actors.state.clock import WallClock
from glancemetrics.errors import GlanceMetricsError, UnreachableError, first_of
from glancemetrics.fleet.address import FleetAddress
from glancemetrics.fleet.attention import Attention
from glancemetrics.fleet.entry import MOST_PACKED, Entry, EntryId, InvalidEntryError, packed
from glancemetrics.fleet.keys import FleetKeys
from glancemetrics.fleet.pace import SHORTEST, read_pace
from glancemetrics.fleet.position import Position
from glancemetrics.fleet.status import AgentStatus
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.version import __version__
from glancemetrics.words.escaping import visible

MOST_WAITING = 64
"""Entries that are not counted yet; with more, the agent stops reading: the logs are the spool."""
_MOST_WAITING_BYTES = 16 << 20
_SMALL = 1 << 17
"""Bytes of lines that are packed in a millisecond."""
_MOST_GATHERED = 1 << 20
"""Bytes of lines from which an entry is sent at once."""
_HELLO_SECONDS = 1.0
_RENEW_SECONDS = LEASE_SECONDS / 3
_LOOK_SECONDS = SHORTEST
"""Between two looks at a log: each costs more than its lines, and entries are not more frequent."""
SEEN_WITHIN = 2 * _LOOK_SECONDS + 0.1
"""Seconds in which the tailer sees what is written, with some for itself, unless it has to wait."""
_LATE_SECONDS = 2.0
"""How long lines may wait to be read, and still tell how late the server writes: on a link to Redis
that is slow they always wait for some round trips."""
_OVERSLEPT_SECONDS = 0.2
"""How late this process may wake up; later, it or its machine stood still."""
_PAUSES = (0.2, 0.5, 1.0, 2.0, 3.0)
"""Seconds before the first attempts to go on; then always the last. After 5 s the hub would not
wait for this agent any more."""
_BYE_SECONDS = 1.0
_ALONE_SECONDS = 10.0
"""How long no hub may run until it is said."""
_PATIENCE, _LEASE_PAUSE = 2 * LEASE_SECONDS, 0.5
"""How long, and how often, a new process waits for the lease of one that may have been killed."""
_STEADY_SECONDS = 30.0
"""A sequence of entries that lasts so long is a good one."""


class TakenError(GlanceMetricsError):
    """Another agent has the name."""


class BrokenChainError(Exception):
    """The hub or Redis has not got what was sent: logs are read again from what was counted."""


@attrs.frozen(kw_only=True)
class AgentPlan:
    """What an agent does."""

    address: FleetAddress
    name: str
    paths: tuple[str, ...]
    """Paths, directories and globs."""
    start: From = From.END
    """Where to begin in logs that exist when the agent runs for the first time."""


@attrs.frozen
class _Sent:
    """An entry that was sent, and is not counted as far as is known."""

    id: EntryId
    marks: Mapping[str, bytes]
    """By path, the marks that it moves; empty ones remove logs."""
    size: int
    """Bytes."""
    is_whole: bool = False
    """Whether there are no other marks after it: an earlier process has sent it."""


@attrs.define
class _Known:
    """What this process knows of the position, whatever happens to Redis."""

    counted: Position = attrs.field(factory=Position)
    """What the hub has counted, as far as is known."""
    sent: deque[_Sent] = attrs.field(factory=deque)
    """Entries since then."""
    has_sent: bool = False
    """Whether Redis has taken an entry."""
    unread: dict[str, str] = attrs.field(factory=dict)
    """By path, why it is not read, as far as it was said."""
    origins: dict[str, bytes] = attrs.field(factory=dict)
    """By path, where this process began."""

    def has_counted(self, last: EntryId | None) -> None:
        while last is not None and self.sent and self.sent[0].id <= last:
            entry = self.sent.popleft()
            marks = {**({} if entry.is_whole else self.counted.marks), **entry.marks}
            self.counted = Position(entry.id, {path: mark for path, mark in marks.items() if mark})

    def is_behind(self, counted: EntryId | None) -> bool:
        """Whether the hub has counted more than is known, such as of an earlier process."""
        last = self.counted.last
        return counted is not None and (last is None or last < counted)

    def note_counted(self, counted: Position) -> None:
        """Note a position up to which the hub has counted."""
        self.has_counted(counted.last)
        if self.is_behind(counted.last):
            self.counted = Position(counted.last, counted.marks)

    def goes_on_after(self, sent: Position) -> None:
        """Note that Redis still has the entries up to this position; it may lose them yet."""
        last = sent.last
        assert last is not None
        self.sent = deque(one for one in self.sent if one.id <= last)
        latest = self.sent[-1].id if self.sent else self.counted.last
        if latest != last:
            self.sent.append(_Sent(last, sent.marks, 0, is_whole=True))

    @property
    def bytes(self) -> int:
        return sum(one.size for one in self.sent)


class Agent:
    """An agent; `run` runs it."""

    def __init__(self, plan: AgentPlan, wall: WallClock) -> None:
        self._plan = plan
        self._wall = wall
        self._keys = FleetKeys(plan.address.fleet)
        self._lease = Lease.of(self._keys.lease(plan.name))
        self._known = _Known()
        self._has_worked = False
        self._is_new = True
        """Whether this process has not begun to follow yet."""

    async def run(self, stop: trio.Event) -> None:
        """Run until `stop`. Raises `GlanceMetricsError` for what has to be mended first."""
        failures = 0
        from_counted = False
        said = ""
        while not stop.is_set():
            began = trio.current_time()
            try:
                await self._connect_and_send(stop, from_counted=from_counted)
                return
            except BrokenChainError as error:
                problem, from_counted = (
                    f"{error}; re-reading the logs from the last counted line",
                    True,
                )
            except (UnreachableError, InvalidEntryError) as error:
                problem, from_counted = f"{error}; trying again", False
            except GlanceMetricsError as error:
                # What is wrong at once has to be mended; later it may pass, such as a full disk.
                never_may = isinstance(error, NotPermittedError) and not self._known.has_sent
                if not self._has_worked or never_may or isinstance(error, TakenError):
                    raise
                problem, from_counted = f"{error}; trying again", False
            if trio.current_time() - began > _STEADY_SECONDS:
                failures = 0
            if problem != said or not failures:
                logger.warning("{}", problem)
            said = problem
            with trio.move_on_after(_PAUSES[min(failures, len(_PAUSES) - 1)]):
                await stop.wait()
            failures += 1

    async def _connect_and_send(self, stop: trio.Event, *, from_counted: bool) -> None:
        address, name = self._plan.address, self._plan.name
        connection = await connect(address, f"glancemetrics-{name}")
        try:
            await self._session(connection, stop, from_counted=from_counted)
        except RefusedError as error:
            raise explained(error, address, name) from error
        finally:
            with trio.CancelScope(shield=True):
                await connection.aclose()

    async def _session(
        self, connection: Connection, stop: trio.Event, *, from_counted: bool
    ) -> None:
        """Send what is written, from where it was left, until `stop`."""
        await self._take_name(connection)
        mailbox = Mailbox(connection, self._keys, self._plan.name)
        position, birth = await self._begin(mailbox, from_counted=from_counted)
        # For one that has no mark in Redis, but was already followed.
        marks = {**self._known.origins, **position.marks}
        start = self._plan.start if self._is_new else From.START
        self._is_new, self._has_worked = False, True
        logger.info(
            "{}: sending to fleet {} as {}",
            self._plan.address,
            self._plan.address.fleet,
            self._plan.name,
        )
        send, receive = trio.open_memory_channel[FromSource](2)
        session = _Session(
            self._plan, self._wall, mailbox, self._lease, self._known, birth, receive
        )
        begin = StartPosition(start, 0, None)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_tail, self._plan.paths, begin, send, stop, marks)
                await session.ship(position.last, stop)
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as errors:
            raise _first_of(errors) from errors

    async def _take_name(self, connection: Connection) -> None:
        """Take the lease, or wait until that of a killed process expires. Raises `TakenError`."""
        began = trio.current_time()
        has_said = False
        while not await self._lease.renew(connection):
            holder = await self._lease.holder(connection)
            if holder is not None and not has_said and not holder.is_gone:
                has_said = True
                logger.warning(
                    "{}: an agent of this name runs on {}; waiting {:.0f} s for it to end",
                    self._plan.name,
                    holder.host,
                    _PATIENCE,
                )
            if trio.current_time() > began + _PATIENCE and holder is not None:
                raise TakenError(
                    f"{self._plan.name}: an agent of this name runs on {holder.host}; name this "
                    "one with --name, also if its machine is a copy"
                )
            await trio.sleep(_LEASE_PAUSE)

    async def _begin(self, mailbox: Mailbox, *, from_counted: bool) -> tuple[Position, int]:
        """Return where to begin, and the birth of the entries from there."""
        sent, counted, last = await mailbox.sent(), await mailbox.counted(), await mailbox.last_id()
        is_refused = (
            counted.refused is not None
            and sent.last is not None
            and counted.refused.birth == sent.last.birth
        )
        self._known.note_counted(counted)
        self._known.origins = {**sent.origins, **self._known.origins}
        if sent.last is not None and sent.last == last and not is_refused and not from_counted:
            position = sent
            self._known.goes_on_after(sent)
        else:
            position = counted if counted.last is not None else self._known.counted
            self._known.counted, self._known.sent = position, deque()
            await mailbox.clear()
        await mailbox.take_back_bye()
        known = [sent.last, counted.last, counted.refused, last, position.last]
        births = [one.birth + 1 for one in known if one is not None]
        return position, max([round(1000 * self._wall()), *births])


async def _tail(
    paths: Sequence[str],
    start: StartPosition,
    send: trio.MemorySendChannel[FromSource],
    stop: trio.Event,
    marks: Mapping[str, bytes],
) -> None:
    before = [mark_from_bytes(mark) for mark in marks.values()]
    with suppress(trio.BrokenResourceError):  # nobody takes any more lines
        try:
            await tail(
                paths,
                start,
                undated,
                send,
                stop=stop,
                before=before,
                gather_seconds=_LOOK_SECONDS,
            )
        except BaseExceptionGroup as errors:
            raise _first_of(errors) from errors


def _first_of(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of a group that is more than its cancellation."""
    return first_of(errors.split(trio.Cancelled)[1] or errors)


class _Session:
    """One sequence of entries, over one connection."""

    def __init__(
        self,
        plan: AgentPlan,
        wall: WallClock,
        mailbox: Mailbox,
        lease: Lease,
        known: _Known,
        birth: int,
        receive: trio.MemoryReceiveChannel[FromSource],
    ) -> None:
        self._receive = receive
        self._plan = plan
        self._wall = wall
        self._mailbox = mailbox
        self._lease = lease
        self._known = known
        self._next = EntryId(birth, 1)
        self._after: EntryId | None = None
        self._last: EntryId | None = None
        self._gathered = Gathered()
        self._logs: dict[str, tuple[bool, int]] = {}
        """By path, whether the log is read to its end, and the bytes after that."""
        self._has_begun = False
        """Whether the tailer has said which logs there are."""
        self._past: float | None = None
        """Up to when everything was read, by the clock of this machine, if it is known."""
        self._pace = SHORTEST
        """Seconds that lines are gathered for an entry."""
        self._waited = True
        """Whether lines have waited to be read, up to the entry with which that is over."""
        now = trio.current_time()
        self._attention = Attention(now, SEEN_WITHIN)
        """When messages of the tailer were taken as they came."""
        self._entry_due = self._hello_due = self._renew_due = now
        self._alone_since = math.inf
        """Since when no hub runs."""
        self._is_said_alone = False
        self._ahead = 0.0
        """Seconds that the clock of this machine is ahead of that of Redis."""

    async def ship(self, last: EntryId | None, stop: trio.Event) -> None:
        """Send entries after the last one, until the channel ends.

        Raises `BrokenChainError`, `UnreachableError`, `RefusedError` and `TakenError`.
        """
        self._after = self._last = last
        async with self._receive:
            while await self._take():
                if self._is_full and stop.is_set():
                    break  # the logs keep the rest
                await self._keep_in_touch()
                if self._is_entry_due:
                    await self._send()
            if self._gathered and not self._is_full:
                await self._send()
            with trio.move_on_after(_BYE_SECONDS):
                await self._hello(is_bye=True)
                await self._lease.release(self._mailbox.connection)

    @property
    def _is_full(self) -> bool:
        """Whether nothing may be read."""
        waiting = self._known.sent
        return len(waiting) >= MOST_WAITING or self._known.bytes >= _MOST_WAITING_BYTES

    @property
    def _has_no_room(self) -> bool:
        """Whether nothing is taken from the tailer."""
        return self._is_full or self._gathered.size >= _MOST_GATHERED

    @property
    def _is_entry_due(self) -> bool:
        if not self._gathered or self._is_full:
            return False
        return trio.current_time() >= self._entry_due or self._gathered.size >= _MOST_GATHERED

    async def _take(self) -> bool:
        """Take the next message, unless something is due before; returns whether more comes."""
        due = self._hello_due
        if self._gathered and not self._is_full:
            due = min(due, self._entry_due)
        with trio.move_on_at(due):
            if self._has_no_room:
                self._waited = True
                await trio.sleep_forever()
            is_empty = not self._waiting
            begin = trio.current_time()
            try:
                message = await self._receive.receive()
            except trio.EndOfChannel:
                return False
            finally:
                if is_empty:
                    self._was_attentive(begin, due)
            self._note(message)
        return True

    @property
    def _waiting(self) -> bool:
        """Whether messages wait to be taken."""
        left = self._receive.statistics()
        return bool(left.current_buffer_used or left.tasks_waiting_send)

    def _take_all(self) -> bool:
        """Take all messages that are there; returns whether there was room for them."""
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while not self._has_no_room:
                self._note(self._receive.receive_nowait())
        if self._waiting:
            return False
        now = trio.current_time()
        self._was_attentive(now, now)
        return True

    def _was_attentive(self, begin: float, due: float) -> None:
        """Note that messages were taken as they came, since `begin`; it was to end when `due`."""
        now = trio.current_time()
        has_overslept = now > due + _OVERSLEPT_SECONDS
        if has_overslept or begin > self._attention.last + _LATE_SECONDS:
            self._waited = True
        # Nobody knows since when it stood still.
        self._attention.was_given(begin, begin if has_overslept else now)

    def _note(self, message: FromSource) -> None:
        if not self._gathered:
            # Up to four times longer, the more entries wait: the hub counts for good every few
            # seconds.
            stretch = 1 + 3 * len(self._known.sent) // MOST_WAITING
            self._entry_due = trio.current_time() + stretch * self._pace
        self._has_begun = True
        match message:
            case Announced():
                self._logs.update({log.name: (False, log.lag_bytes) for log in message.logs})
            case Chunk():
                self._logs[message.source] = message.caught_up, message.lag_bytes
                self._note_unread(message.source, "")
                if message.source not in self._known.origins:
                    mark = message.mark
                    begun = mark.at_start() if isinstance(mark, PathMark) else None
                    first = mark_in_bytes(begun or PathMark(message.source, ()))
                    self._known.origins[message.source] = first
            case Marked(mark=mark):
                self._known.origins.setdefault(mark.source, mark_in_bytes(mark))
            case SourceHealth():
                is_behind = message.state is SourceState.READING
                self._logs[message.name] = not is_behind, message.lag_bytes
                self._note_unread(message.name, message.detail if message.is_unread else "")
            case _:
                pass
        self._gathered.add(message)

    def _note_unread(self, path: str, why: str) -> None:
        """Say on this machine which logs cannot be read, and when they can."""
        before = self._known.unread.pop(path, "")
        if why:
            self._known.unread[path] = why
            if why != before:
                logger.warning("{}: {}", visible(path), why)
        elif before:
            logger.info("{}: is read now", visible(path))

    def _note_hub(self, *, is_there: bool) -> None:
        """Say if nobody counts: mostly the fleet has another name."""
        if is_there:
            if self._is_said_alone:
                logger.info("{}: a hub of fleet {} runs now", *self._fleet)
            self._alone_since, self._is_said_alone = math.inf, False
            return
        now = trio.current_time()
        self._alone_since = min(self._alone_since, now)
        if now - self._alone_since >= _ALONE_SECONDS and not self._is_said_alone:
            self._is_said_alone = True
            logger.warning(
                "{}: no hub of fleet {} runs; the lines wait in the logs until one does",
                *self._fleet,
            )

    @property
    def _fleet(self) -> tuple[str, str]:
        return str(self._plan.address), self._plan.address.fleet

    async def _send(self) -> None:
        """Send what was gathered, as an entry."""
        has_all = self._take_all()
        is_late = self._waited
        parts, marks = self._gathered.take()
        if is_late:  # how late the lines come does not tell how late the server writes
            parts = tuple(attrs.evolve(part, fresh=False) for part in parts)
        for part in parts:
            if part.is_gone:
                self._logs.pop(part.path, None)
                self._known.origins.pop(part.path, None)
        if has_all:
            self._look_back()
        is_first = self._next.number == 1
        entry = Entry(self._after if is_first else None, self._past, parts)
        # A small one takes less time than handing it to a thread.
        is_small = sum(len(part.lines) + len(part.sample) for part in parts) < _SMALL
        data = packed(entry) if is_small else await trio.to_thread.run_sync(packed, entry)
        if len(data) > MOST_PACKED:
            raise GlanceMetricsError(f"{self._plan.name}: too many logs for one agent")
        new = marks.keys() - self._known.counted.marks.keys()
        origins = {path: mark for path, mark in self._known.origins.items() if path in new}
        try:
            await self._mailbox.add(self._next, data, marks, origins)
        except DisplacedError:
            raise BrokenChainError("Redis has entries of another agent") from None
        self._known.has_sent = True
        self._last = self._next
        self._known.sent.append(_Sent(self._next, marks, len(data)))
        self._next = self._next.next

    def _look_back(self) -> None:
        """Note up to when everything that was written has been read: all messages are taken."""
        is_behind = any(not caught_up for caught_up, _ in self._logs.values())
        if not self._has_begun or is_behind:
            self._past = None
            return
        now = trio.current_time()
        seconds = now - self._attention.read_until(now)
        self._waited = self._waited and seconds > SEEN_WITHIN + _LATE_SECONDS
        self._past = self._wall() - seconds

    async def _keep_in_touch(self) -> None:
        now = trio.current_time()
        if now < self._hello_due:
            return
        self._hello_due = now + _HELLO_SECONDS
        if now >= self._renew_due:
            self._renew_due = now + _RENEW_SECONDS
            if not await self._lease.renew(self._mailbox.connection):
                raise TakenError(f"{self._plan.name}: another agent has taken this name")
        await self._see_standing()
        await self._hello()

    async def _see_standing(self) -> None:
        """See what the hub has counted, and whether anything was lost."""
        try:
            standing = await self._mailbox.standing(self._wall)
            self._known.has_counted(standing.counted)
            if self._known.is_behind(standing.counted):
                self._known.note_counted(await self._mailbox.counted())
        except InvalidEntryError as error:
            raise GlanceMetricsError(f"{self._plan.address}: {error}") from None
        self._ahead = standing.ahead
        counted, refused = standing.counted, standing.refused
        if counted is not None and counted.birth > self._next.birth:
            raise BrokenChainError("the hub has later entries")
        if refused is not None and refused.birth == self._next.birth:
            raise BrokenChainError("the hub is missing entries")
        if standing.waiting < len(self._known.sent):
            raise BrokenChainError("Redis lost entries")

    async def _hello(self, *, is_bye: bool = False) -> None:
        """Say how this agent is."""
        if self._take_all() and not self._gathered:
            self._look_back()
        status = AgentStatus(
            version=__version__,
            host=self._lease.own.host,
            instance=self._lease.own.instance,
            files=len(self._logs),
            lag_bytes=sum(lag for _, lag in self._logs.values()),
            sent=self._last,
            past=self._past,
            ahead=round(self._ahead, 3),
            waits=self._is_full,
            is_bye=is_bye,
        )
        keys, name = self._mailbox.keys, self._plan.name
        said = status.to_bytes()
        commands: list[Command] = [("PUBLISH", keys.hello(name), said), ("GET", keys.pace)]
        if is_bye:
            commands.append(("SET", keys.bye(name), said))  # for a hub that is not there now
        _, pace, *_ = checked(await self._mailbox.connection.run(*commands))
        self._pace = read_pace(pace)
        if not is_bye:
            self._note_hub(is_there=pace is not None)
