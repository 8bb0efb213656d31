"""What the hub knows of one agent."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import attrs
from loguru import logger

from actors.sources.agents.mark import AgentMark, LogMark, Unread, source_name
from actors.sources.messages import (
    AgentGone,
    AgentHeard,
    AgentHidden,
    Begins,
    Chunk,
    Gap,
    Marked,
    OneFromSource,
    ReadUntil,
    Resumes,
    SourceGone,
)
from glancemetrics.fleet.chain import Chain
from glancemetrics.fleet.entry import Entry, EntryId, Part
from glancemetrics.fleet.status import AgentStatus
from glancemetrics.health.health import AgentHealth, SourceHealth, SourceState
from glancemetrics.lines.splitter import without_overlong

SILENT_SECONDS = 5.0
"""Seconds without a word after which an agent is silent, and holds nothing up."""
_SKIP_SECONDS = 600.0
"""How long one whose stream cannot be read is left out."""
_RETURN_SECONDS = 10.0
"""The same after the hub itself was cut off: agents connect again within some seconds."""
MOST_LOGS = 10_000
"""Logs of an agent."""
MOST_MARKED = 16 << 20
"""Bytes of the paths and the marks of an agent's logs: with 10,000 logs they have some 5 MB."""
_MOST_UNREAD = 500
"""Logs of an agent that cannot be read, and are known after a restart of the hub."""
_CONFIRM_SECONDS = 20.0
"""How long an agent that began anew has to say again that it cannot read a log."""
MOST_GAPS, _GAPS_SECONDS = 100, 60.0
"""Gaps of an agent that are logged in that time."""
LONGEST_AHEAD = 10.0
"""Seconds between clocks from which an agent's own clock does not decide what is complete."""
LONGEST_WAIT = 60.0
"""Seconds without progress after which an agent that is heard holds nothing up any more."""
_MISSING_SECONDS = 3.0
"""How long entries may be missing until the agent is asked for them: it may see that itself."""
_FRESH_SECONDS = 2.0
"""How old an entry may be for its lines to count as just written."""


@attrs.define
class RedisAgent:
    """What the hub knows of one agent. `now` is the wall clock of this machine."""

    hub: str
    name: str
    chain: Chain = attrs.field(factory=Chain)
    read: EntryId | None = None
    """The last entry that was read, counted or not."""
    marks: dict[str, bytes] = attrs.field(factory=dict)
    """By path, how far the log was counted."""
    parsing: dict[str, LogMark] = attrs.field(factory=dict)
    """By path, where a previous run was, until the log is heard of."""
    status: AgentStatus | None = None
    heard: float = -math.inf
    """When it was last heard of."""
    has_ended: bool = False
    """Whether it has said goodbye."""
    ended: float = math.inf
    """When it did."""
    is_hidden: bool = False
    """Whether it is shown no more, because it ended long ago."""
    trouble: str = ""
    """Why its entries cannot be counted, in a sentence."""
    _behind: set[str] = attrs.field(factory=set)
    """Paths of logs that it is still reading."""
    skipped_until: float = -math.inf
    """Up to when its stream is not read, because that has failed."""
    _paths: set[str] = attrs.field(factory=set)
    """Of all its logs."""
    _moved: float | None = None
    """When it last moved on; `None`: it is not known yet."""
    _moved_at: EntryId | None = None
    _past_then: float | None = None
    _awaited: EntryId | None = None
    """What it said to have sent, and is waited for."""
    _awaited_since: float = math.inf
    _old_since: float | None = None
    """Since when it says that it has read nothing for long."""
    was_sought: bool = False
    """Whether its last word was looked for since it was last heard of."""
    _missing_since: float | None = None
    """Since when it says that it has sent what is not in Redis."""
    _marked: int = 0
    """Bytes of the paths and marks that it has."""
    _gaps_since: float = -math.inf
    _gaps_said: int = 0
    """Since then."""
    refusal_said: float = -math.inf
    """When it was last logged that an entry was refused."""
    _unreadable: dict[str, Unread] = attrs.field(factory=dict)
    """By path, the logs that it waits for, or that it may not read."""
    _left: list[SourceHealth] = attrs.field(factory=list)
    """What a previous run knew of logs, and is to be said again: agents say it once."""
    _unconfirmed: set[str] = attrs.field(factory=set)
    """Those of them of which it has said nothing since it began anew: perhaps it does not follow
    them any more."""
    _began: float = math.inf
    """When it did."""
    _said_until: float | None = None
    _said_health: AgentHealth | None = None
    _made_of: tuple[object, ...] = ()
    """What that health was made of: mostly nothing has changed."""

    def is_silent(self, now: float) -> bool:
        """Whether nothing was heard of it for a while."""
        return now - self.heard > SILENT_SECONDS

    def was_at(self, mark: AgentMark, now: float) -> None:
        """Note what a previous run knew of it."""
        self.chain.last = self.read = mark.last
        since = mark.silent_since or now
        self.has_ended = mark.has_ended
        self.heard = -math.inf if mark.has_ended else since
        self.ended = since if mark.has_ended else math.inf
        self._unreadable = {log.path: log for log in mark.unread}
        self._left = [
            SourceHealth(source_name(self.name, log.path), SourceState(log.state), log.detail)
            for log in mark.unread
        ]

    def leave_out(self, trouble: str, now: float) -> None:
        """Leave it out for a while: it must not keep the hub from reading the others."""
        if self.trouble != trouble:
            logger.warning("{}: {}", self.name, trouble)
        self.trouble = trouble
        self.skipped_until = now + _SKIP_SECONDS

    def resumes_at(self, mark: LogMark) -> None:
        """Note where a previous run was in a log."""
        self.marks[mark.path], self.parsing[mark.path] = mark.mark, mark
        self._marked += len(mark.path) + len(mark.mark)

    def messages_of(self, entry_id: EntryId, entry: Entry, now: float) -> Iterator[OneFromSource]:
        """Yield what an entry says that follows the one before it."""
        is_fresh = entry.past is not None and now - self._here(entry.past) < _FRESH_SECONDS
        if entry_id.number == 1:
            self._unconfirmed, self._began = set(self._unreadable), now
        for part in entry.parts:
            if part.path not in self._paths and len(self._paths) >= MOST_LOGS:
                self.trouble = f"has more than {MOST_LOGS:,} logs; further ones are not counted"
                continue
            grown = self._grown(part)
            if grown > 0 and self._marked + grown > MOST_MARKED:
                self.trouble = "has too long names or positions of logs; these are not counted"
                continue
            self._marked += grown
            self._paths.add(part.path)
            yield from self._of_part(part, now, is_fresh=is_fresh)
        yield Marked(self._mark(entry_id))
        if entry.past is not None:
            yield from self._until(entry.past)

    def _grown(self, part: Part) -> int:
        """Return how many bytes more its paths and marks have with a part."""
        known = self.marks.get(part.path)
        before = 0 if known is None else len(part.path) + len(known)
        after = len(part.path) + len(part.mark) if part.mark else before
        return (0 if part.is_gone else after) - before

    def _mark(self, last: EntryId) -> AgentMark:
        said = self._said_health
        silent_since = said.last_heard if said is not None and said.is_silent else None
        if self.has_ended:
            silent_since = self.ended
        unread = itertools.islice(self._unreadable.values(), _MOST_UNREAD)
        return AgentMark.of(
            self.hub,
            self.name,
            last,
            has_ended=self.has_ended,
            silent_since=silent_since,
            unread=tuple(unread),
        )

    def _gaps(self, name: str, gaps: Sequence[str], now: float) -> Iterator[OneFromSource]:
        """Yield gaps, not too many: a few bytes may have very many, and each is logged."""
        if now - self._gaps_since > _GAPS_SECONDS:
            self._gaps_since, self._gaps_said = now, 0
        listed = gaps[: max(0, MOST_GAPS - self._gaps_said)]
        for gap in listed:
            yield Gap(name, f"{self.name}: {gap}")
        if len(listed) < len(gaps) and self._gaps_said <= MOST_GAPS:
            yield Gap(name, f"{self.name}: more gaps in its logs; not listed for a minute")
        self._gaps_said += len(gaps)

    def _of_part(self, part: Part, now: float, *, is_fresh: bool) -> Iterator[OneFromSource]:
        name = source_name(self.name, part.path)
        before = self.parsing.pop(part.path, None)
        if before is not None:
            yield Resumes(before)
        if part.sample or part.before:
            yield Begins(name, part.sample, part.before)
        if part.mark:
            self.marks[part.path] = part.mark
        mark = LogMark.of(self.hub, self.name, part.path, self.marks.get(part.path, b""))
        if part.has_lines:
            lines = without_overlong(part.lines)
            yield Chunk(
                name,
                lines.whole,
                part.overlong + lines.overlong,
                part.caught_up,
                part.fresh and is_fresh,
                part.lag_bytes,
                mark,
                self.name,
            )
        elif part.mark:
            yield Marked(mark)
        yield from self._gaps(name, part.gaps, now)
        if part.caught_up:
            self._behind.discard(part.path)
        else:
            self._behind.add(part.path)
        self._unconfirmed.discard(part.path)
        if part.state in {SourceState.WAITING, SourceState.BLOCKED}:
            self._unreadable[part.path] = Unread(part.path, part.state.value, part.detail)
        elif part.state is not None or part.has_lines:  # lines say enough
            self._unreadable.pop(part.path, None)
        if part.state is not None:
            yield SourceHealth(name, part.state, part.detail, lag_bytes=part.lag_bytes)
        if part.is_gone:
            self._paths.discard(part.path)
            self._unreadable.pop(part.path, None)
            self.marks.pop(part.path, None)
            self._behind.discard(part.path)
            yield SourceGone(name)

    def heard_of(self, status: AgentStatus, now: float) -> None:
        """Note what it says of itself."""
        self.status, self.has_ended, self.was_sought = status, status.is_bye, False
        self.heard = -math.inf if status.is_bye else now
        self.ended = min(self.ended, now) if status.is_bye else math.inf
        self.is_hidden = self.is_hidden and status.is_bye

    @property
    def sent(self) -> EntryId | None:
        """The last entry that it says it has sent."""
        return None if self.status is None else self.status.sent

    def looked_for(self, sent: EntryId | None, now: float, *, is_found: bool) -> None:
        """Note whether anything came after what was read, when it had said to have sent that much.

        With a hub that has no saved state nothing may come: another one has counted all of it.
        """
        is_there = is_found or sent is None or (self.read is not None and sent <= self.read)
        self._missing_since = None if is_there else (self._missing_since or now)

    def missing(self, now: float) -> EntryId | None:
        """Return the last entry it has sent, if entries have been missing for a while."""
        sent, refused = self.sent, self.chain.refused
        is_asked_for = sent is not None and refused is not None and sent.birth <= refused.birth
        if self._missing_since is None or is_asked_for or self.is_silent(now):
            return None
        return sent if now - self._missing_since > _MISSING_SECONDS else None

    def may_be_heard_again(self, now: float) -> None:
        """Note that the hub can hear agents from now on: until then none was silent."""
        said = self._said_health
        was_silent = self.is_silent(now) if said is None else said.is_silent
        self.waits_for_us()
        self.was_sought = False  # its last word may have been said in the meantime
        if not was_silent and not self.has_ended:
            self.heard = now + _RETURN_SECONDS - SILENT_SECONDS

    def waits_for_us(self) -> None:
        """Note that it may stand still because of this hub, so it still holds up what it may."""
        self._moved = self._old_since = self._awaited = None

    def news(self, now: float) -> Iterator[OneFromSource]:
        """Yield what has changed with time, or with what it says of itself."""
        left, self._left = self._left, []
        yield from left
        if self._unconfirmed and now - self._began > _CONFIRM_SECONDS:
            yield from self._read_again(self._unconfirmed)
        is_silent = self.is_silent(now)
        if is_silent or self.trouble or self._stands_still(now):
            yield from self._without_logs()
            yield from self._until(None)
        else:
            yield from self._held_up()
        if self.is_hidden:
            return
        made_of = self.status, self.trouble, is_silent, self.has_ended, len(self._unreadable)
        if made_of != self._made_of:
            self._made_of = made_of
            health = self._health(is_silent=is_silent)
            if health != self._said_health:
                before, self._said_health = self._said_health, health
                yield AgentHeard(health)
                were = None if before is None else (before.has_ended, before.is_silent)
                if were not in {None, (health.has_ended, health.is_silent)} and self.chain.last:
                    yield Marked(self._mark(self.chain.last))

    def unheard(self) -> Iterator[OneFromSource]:
        """Yield that nothing is known of it, because the hub itself hears nobody."""
        said = self._said_health
        if said is not None and not (said.is_unknown or said.is_silent or said.has_ended):
            self._said_health, self._made_of = attrs.evolve(said, is_unknown=True), ()
            yield AgentHeard(self._said_health)

    def hidden(self) -> Iterator[OneFromSource]:
        """Yield what makes the monitor show it no more; how far it was counted stays known."""
        self.is_hidden, self._said_health, self._made_of = True, None, ()
        paths = self._paths | self.marks.keys()
        yield AgentHidden(self.name, tuple(source_name(self.name, path) for path in paths))

    def last_news(self) -> Iterator[OneFromSource]:
        """Yield what makes the monitor forget it."""
        for path in self._paths | self.marks.keys():
            yield SourceGone(source_name(self.name, path))
        yield AgentGone(self.name, AgentMark.source_of(self.hub, self.name))

    def _stands_still(self, now: float) -> bool:
        """Tell whether it is heard, but has not moved on for long: an agent may say anything."""
        past = None if self.status is None or not self._has_all else self.status.past
        has_moved = self.read != self._moved_at or (past is not None and past != self._past_then)
        if self._moved is None or has_moved:
            self._moved, self._moved_at, self._past_then = now, self.read, past
        # It may be old for good reasons, until the hub has answered or heard it again.
        is_old = past is not None and now - self._here(past) > LONGEST_WAIT
        self._old_since = (self._old_since or now) if is_old else None
        self._await_sent(now)
        since = (self._moved, self._old_since or now, self._awaited_since)
        return any(now - one > LONGEST_WAIT for one in since)

    def _await_sent(self, now: float) -> None:
        """Note since when what it said to have sent has not come, whatever else comes."""
        last = self.chain.last
        has_come = self._awaited is None or (last is not None and self._awaited <= last)
        if has_come:
            self._awaited, self._awaited_since = self.sent, now

    def _without_logs(self) -> Iterator[OneFromSource]:
        """Yield what becomes of the logs of an agent for which nobody waits."""
        for path in self._behind:  # holds nothing up any more
            yield SourceHealth(source_name(self.name, path), SourceState.FOLLOWING)
        self._behind.clear()
        if self.has_ended:
            yield from self._read_again(self._unreadable)  # nobody waits for it any more

    def _read_again(self, paths: Iterable[str]) -> Iterator[OneFromSource]:
        """Yield that nobody waits for logs that could not be read."""
        for path in list(paths):
            self._unreadable.pop(path, None)
            name = source_name(self.name, path)
            was_read = path in self.marks
            yield SourceHealth(name, SourceState.FOLLOWING) if was_read else SourceGone(name)
        self._unconfirmed.clear()

    def _held_up(self) -> Iterator[OneFromSource]:
        """Yield up to when everything of it is here, as far as it and Redis say."""
        if self.status is None or not self._has_all:
            if self._said_until is None:
                yield from self._until(0.0)  # until what it has sent is counted
        elif not self._behind:
            if self.status.past is not None:
                yield from self._until(self.status.past)
            elif self._said_until is None:
                yield from self._until(0.0)  # until it has opened its logs

    @property
    def is_lost(self) -> bool:
        """Whether its entries are older than those that were counted, so that none is read.

        Its clock was set back, and Redis has forgotten the later ones.
        """
        sent, last = self.sent, self.chain.last
        return sent is not None and last is not None and sent.birth < last.birth

    @property
    def _has_all(self) -> bool:
        """Whether everything it has sent, as far as is known, was counted."""
        sent = self.sent
        return sent is None or (self.chain.last is not None and sent <= self.chain.last)

    def _until(self, past: float | None) -> Iterator[OneFromSource]:
        until = None if past is None else (past and self._comparable(past))
        if until != self._said_until:
            self._said_until = until
            yield ReadUntil(self.name, until)

    def _here(self, moment: float) -> float:
        """Return a moment of the agent's clock, by the clock of this machine."""
        return moment - (0.0 if self.status is None else self.status.ahead)

    def _comparable(self, past: float) -> float:
        """Return up to which second its records are complete."""
        here = self._here(past)
        return min(past, here) if abs(past - here) <= LONGEST_AHEAD else here

    def _health(self, *, is_silent: bool) -> AgentHealth:
        status = self.status
        is_silent = is_silent and not self.has_ended
        is_known = is_silent and math.isfinite(self.heard)
        return AgentHealth(
            name=self.name,
            is_silent=is_silent,
            has_ended=self.has_ended,
            last_heard=math.floor(self.heard) if is_known else None,
            trouble=self.trouble,
            version="" if status is None else status.version,
            host="" if status is None else status.host,
            files=0 if status is None else status.files,
            unread=len(self._unreadable),
            lag_bytes=0 if status is None else status.lag_bytes,
            ahead=0.0 if status is None else round(status.ahead, 1) + 0.0,  # never -0.0
            waits=status is not None and status.waits,
        )
