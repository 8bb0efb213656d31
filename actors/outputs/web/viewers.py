"""Viewers: whoever looks at the page, or listens to events. What they see is computed once for all.

Each snapshot and each answer becomes one frame, encoded (and compressed) once in a worker thread.
A slow viewer skips frames: it gets the newest of each kind; alert events wait for it, up to a
limit, and what it misses of them is counted.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

import attrs
import trio

from actors.outputs.asking import Asking
from actors.outputs.desk import Answers
from actors.outputs.web.access import Person
from actors.outputs.web.allowances import Allowance
from actors.outputs.web.limits import BusyError
from actors.outputs.web.threads import in_thread
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.history.ask import Answered, Ask
from glancemetrics.history.query import Question, Reached, RecordQuery
from glancemetrics.http_api.answer_columns import answered_json, columns_of
from glancemetrics.http_api.json_text import json_bytes
from glancemetrics.incidents.alert_events import AlertEvent
from glancemetrics.records.time_span import TimeSpan
from glancemetrics.selecting.sql import without_option
from glancemetrics.traffic.quiet_seconds import is_empty_in
from glancemetrics.traffic.snapshot import Snapshot

MOST_QUESTIONS, MOST_OF_ONE = 400, 300
"""Different questions: of all viewers together, and those that only the viewers of one asker have.
"""
_MOST_EVENTS = 500
"""Alert events that wait for a slow viewer."""
_MOST_REQUESTS = 1000
"""Requests of one message."""
_LATE_SECONDS = 86_400
"""Requests that come later than this are not sent to those who follow them."""
_MOST_REQUEST_FRAMES = 3
_MOST_FOLLOWED, _MOST_FOLLOWED_BY_ONE = 20, 10
"""Different conditions of all who follow requests, and of one asker."""
_SEVERAL = "several viewers"
"""Who asks what more than one wants to know."""
_ASKS_A_SECOND, _ASKS_AT_ONCE = 8.0, 200.0
_HELLO_SECONDS = 1.0
_TURN = 50
"""Viewers that are woken before anything else is done."""
_DEFLATE_LEVEL = 6


@attrs.define(eq=False)
class Body:
    """What many messages share: an object of JSON without its opening brace, encoded once."""

    fields: Mapping[str, Any] | None
    """`None` once it is encoded: the encoding is smaller."""
    _data: bytes = b""
    _deflated: bytes = b""

    @property
    def is_encoded(self) -> bool:
        return self.fields is None

    def encode(self) -> None:
        """Encode it; in a worker thread, since a large snapshot takes some milliseconds."""
        if self.fields is not None:
            self._data = json_bytes(self.fields)[1:]
            packer = zlib.compressobj(_DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
            self._deflated = packer.compress(self._data) + packer.flush()
            self.fields = None

    def text_after(self, head: bytes) -> str:
        """Return the whole message as text."""
        return (head + self._data).decode("ascii")

    def deflated_after(self, head: bytes) -> bytes:
        """Return the whole message as a DEFLATE stream (RFC 1951).

        The head is a stored block (section 3.2.4), which is not the last; the blocks of the body
        refer to nothing before them.
        """
        length = len(head)
        stored = b"\0" + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little")
        return stored + head + self._deflated


@attrs.frozen(eq=False)
class Frame:
    """One message: what it is, which question it answers, and what it shares with others."""

    kind: str
    """Its type."""
    name: str
    """The id of a question; empty for others."""
    body: Body

    @classmethod
    def of(cls, kind: str, fields: Mapping[str, Any], name: str = "") -> Frame:
        """Make a message of some fields."""
        return cls(kind, name, Body({key: fields[key] for key in fields if key != "type"}))

    @property
    def _head(self) -> bytes:
        head = {"type": self.kind} | ({"id": self.name} if self.kind == "answer" else {})
        return json_bytes(head)[:-1] + b","

    @property
    def text(self) -> str:
        """As JSON. It is encoded here if nobody has done it before."""
        self.body.encode()
        return self.body.text_after(self._head)

    @property
    def deflated(self) -> bytes:
        """As JSON in raw DEFLATE."""
        self.body.encode()
        return self.body.deflated_after(self._head)


Kind = tuple[str, str]
"""What a frame is: its type, and the id of a question."""
HELLO, SNAPSHOT = ("hello", ""), ("snapshot", "")


@attrs.define(eq=False)
class Viewer:
    """One who looks: what it wants, and what waits for it."""

    is_compressed: bool = False
    asker: str = "a viewer"
    """Who shares the limits of what may be asked with this viewer: a person, or a network."""
    person: Person | None = None
    """Who it is; `None`: anybody may look."""
    dismissed: trio.Event = attrs.field(factory=trio.Event)
    """Set when that person may no longer look."""
    wants_snapshots: bool = True
    wants_events: bool = True
    is_paused: bool = False
    asks: dict[str, Ask] = attrs.field(factory=dict)
    """What it wants to know, by the id that it chose."""
    follows: str | None = None
    """The condition of the requests that it gets; empty: all; `None`: none."""
    waiting: dict[Kind, Frame] = attrs.field(factory=dict)
    """The newest frame of each kind that it has not got yet."""
    events: deque[Frame] = attrs.field(factory=partial(deque, maxlen=_MOST_EVENTS))
    requests: deque[Frame] = attrs.field(factory=partial(deque, maxlen=_MOST_REQUEST_FRAMES))
    """Requests that it follows: large, so few of them wait."""
    missed: int = 0
    """Alert events that it will not get."""
    missed_requests: int = 0
    """Messages with requests that it will not get."""
    looks_for: set[Ask] = attrs.field(factory=set)
    """Its questions, unless it has paused."""
    told: Mapping[str, object] = attrs.field(factory=dict)
    """Its questions as it sent them."""
    new_asks: Allowance = attrs.field(factory=partial(Allowance, _ASKS_A_SECOND, _ASKS_AT_ONCE))
    """How many questions it may ask that it has not asked before."""
    sent: dict[str, Body] = attrs.field(factory=dict)
    """The last answer of each of its questions that was queued for it."""
    wake: trio.Event = attrs.field(factory=trio.Event)

    def put(self, kind: Kind, frame: Frame) -> None:
        """Let a frame wait for it, in place of an older one of its kind."""
        self.waiting.pop(kind, None)
        self.waiting[kind] = frame
        self.wake.set()

    def forget_answers_but(self, names: Collection[str]) -> None:
        """Let no answers wait for it but those to some questions."""
        self.waiting = {
            (kind, name): frame
            for (kind, name), frame in self.waiting.items()
            if kind != "answer" or name in names
        }

    def put_event(self, frame: Frame) -> None:
        if len(self.events) == _MOST_EVENTS:
            self.missed += 1
        self.events.append(frame)
        self.wake.set()

    def put_requests(self, frame: Frame) -> None:
        if len(self.requests) == _MOST_REQUEST_FRAMES:
            self.missed_requests += 1
        self.requests.append(frame)
        self.wake.set()

    def dismiss(self) -> None:
        """Let it get nothing more."""
        self.dismissed.set()
        self.wake.set()

    async def frames(self) -> list[Frame]:
        """Wait for frames, and take them; it does not wait once it is dismissed."""
        while not (self.waiting or self.events or self.requests or self.dismissed.is_set()):
            await self.wake.wait()
            self.wake = trio.Event()
        found = [*self.events, *self.requests, *self.waiting.values()]
        self.events.clear()
        self.requests.clear()
        self.waiting.clear()
        return found


@attrs.frozen
class _Sent:
    """Up to where the requests of a condition were sent."""

    until: int
    """All that were logged before this second, ..."""
    ordinal: int | None = None
    """... and had arrived before the one with this ordinal; `None`: unknown."""

    @property
    def reached(self) -> Reached | None:
        return None if self.ordinal is None else Reached(self.until, self.ordinal)


class Viewers:
    """All who look, and the questions that are kept fresh for them."""

    def __init__(
        self,
        snapshot_json: Callable[[Snapshot], Mapping[str, Any]],
        answer: Answers,
        hello_json: Callable[[], Mapping[str, Any]] = dict,
        *,
        kept: tuple[str, ...] = (),
    ) -> None:
        """`snapshot_json` and `hello_json` make messages, in worker threads; `answer` asks.

        `kept` are the extra fields (`--keep`) of requests.
        """
        self._kept = kept
        self._snapshot_json = snapshot_json
        self._hello_json = hello_json
        self._hello: Frame | None = None
        self._hello_at = -math.inf
        self._hello_made: trio.Event | None = None
        """Set when the next one is made; `None`: nobody makes one."""
        self._answer = answer
        self._viewers: set[Viewer] = set()
        self._asking = Asking(answer, self._answered, self._asker_of)
        self._answers: dict[Ask, Answered] = {}
        self._bodies: dict[Ask, Body] = {}
        """Encoded answers."""
        self._asked_by: dict[Ask, set[Viewer]] = {}
        """What is asked, and the viewers who ask it, also those who have paused."""
        self._lookers: dict[Ask, set[Viewer]] = {}
        """What is asked, and the viewers who wait for it."""
        self._snapshots: deque[Snapshot] = deque(maxlen=2)
        self._snapshot_frame: Frame | None = None
        self._nursery: trio.Nursery | None = None
        self._followed: dict[str, _Sent] = {}
        """Up to where the requests of a condition were sent."""
        self._following: set[str] = set()
        """Conditions whose requests are being looked for."""

    def __len__(self) -> int:
        return len(self._viewers)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep answers fresh, forever."""
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._asking.run)
            task_status.started()
            await trio.sleep_forever()

    async def greet(self, viewer: Viewer) -> None:
        """Send the first message to a viewer: all that come within a second get the same.

        Whoever comes while it is made waits for it.
        """
        while self._hello is None or trio.current_time() - self._hello_at > _HELLO_SECONDS:
            if self._hello_made is not None:
                await self._hello_made.wait()
                continue  # its maker may have left before the end
            made = self._hello_made = trio.Event()
            try:
                hello = Frame.of("hello", await in_thread(self._hello_json))
                self._hello, self._hello_at = hello, trio.current_time()
            finally:
                self._hello_made = None
                made.set()
        viewer.put(HELLO, self._hello)

    async def join(self, viewer: Viewer) -> None:
        """Begin to send to a viewer; it gets the latest snapshot at once."""
        self._viewers.add(viewer)
        if viewer.wants_snapshots and self._snapshot_frame is not None:
            await self._encoded(self._snapshot_frame)
            viewer.put(SNAPSHOT, self._snapshot_frame)

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer, and what only it wanted to know."""
        self._viewers.discard(viewer)
        self._look_for(viewer, ())
        self._note_asks(viewer, {})

    def ask(self, viewer: Viewer, asks: Mapping[str, Ask]) -> None:
        """Keep these questions fresh for a viewer, and no others.

        Raises `UsageError`: then those of before are kept fresh. Of other questions nothing waits
        any more, also not why they were refused.
        """
        viewer.forget_answers_but(asks.keys() | viewer.asks.keys())
        wanted = set(asks.values())
        new = sum(ask not in self._asked_by for ask in wanted)
        replaced = {
            ask
            for ask in viewer.asks.values()
            if ask not in wanted and len(self._asked_by[ask]) == 1
        }
        more = new - len(replaced)
        if new and len(self._asked_by) + more > MOST_QUESTIONS:
            raise UsageError("too many different questions at once; try again later")
        if new and self._asked_only_by(viewer.asker) + more > MOST_OF_ONE:
            raise UsageError("too many different questions from here; close other tabs")
        self._note_asks(viewer, asks)
        viewer.sent = {name: body for name, body in viewer.sent.items() if name in asks}
        viewer.forget_answers_but(asks.keys())
        if not viewer.is_paused:
            self._look_for(viewer, viewer.asks.values())
            assert self._nursery is not None
            self._nursery.start_soon(self._send_known, viewer)

    def pause(self, viewer: Viewer, *, is_paused: bool) -> None:
        """Send no snapshots and answers to a viewer for a while."""
        viewer.is_paused = is_paused
        self._look_for(viewer, () if is_paused else viewer.asks.values())
        if not is_paused and self._nursery is not None:
            self._nursery.start_soon(self._send_known, viewer)

    def _look_for(self, viewer: Viewer, asks: Iterable[Ask]) -> None:
        """Note what a viewer looks for, and ask anew if that changes what all look for."""
        wanted = set(asks)
        is_changed = False
        for ask in viewer.looks_for - wanted:
            lookers = self._lookers[ask]
            lookers.discard(viewer)
            if not lookers:
                del self._lookers[ask]
                self._answers.pop(ask, None)
                self._bodies.pop(ask, None)
                is_changed = True
        for ask in wanted - viewer.looks_for:
            is_changed |= ask not in self._lookers
            self._lookers.setdefault(ask, set()).add(viewer)
        viewer.looks_for = wanted
        if is_changed:
            self._want()

    def _asker_of(self, ask: Ask) -> str:
        """Return who wants to know something."""
        return _asker_among(self._lookers.get(ask, ()))

    def _asked_only_by(self, asker: str) -> int:
        """Return how many questions nobody else asks."""
        return sum(_asker_among(viewers) == asker for viewers in self._asked_by.values())

    def _note_asks(self, viewer: Viewer, asks: Mapping[str, Ask]) -> None:
        for ask in set(viewer.asks.values()):
            self._asked_by[ask].discard(viewer)
            if not self._asked_by[ask]:
                del self._asked_by[ask]
        viewer.asks = dict(asks)
        for ask in set(asks.values()):
            self._asked_by.setdefault(ask, set()).add(viewer)

    async def show(self, snapshot: Snapshot) -> None:
        """Send a snapshot to all."""
        self._snapshots.append(snapshot)
        self._want()
        message = await in_thread(partial(self._snapshot_json, snapshot))
        frame = self._snapshot_frame = await self._encoded(Frame.of("snapshot", message))
        async for viewer in _in_turns(self._viewers):
            if viewer.wants_snapshots and not viewer.is_paused:
                viewer.put(SNAPSHOT, frame)
        self._follow(snapshot.shown.end)

    def _follow(self, end: int) -> None:
        """Send the requests of the seconds that have closed to those who follow them."""
        followers: dict[str, list[Viewer]] = {}
        for viewer in self._viewers:
            if viewer.follows is not None:
                followers.setdefault(viewer.follows, []).append(viewer)
        # Those followed before come first, so that what is followed stays so.
        known = [where for where in self._followed if where in followers]
        self._followed = {
            where: self._followed.get(where, _Sent(end))
            for where in dict.fromkeys((*known, *followers))
        }
        asked: Counter[str] = Counter()
        for where, sent in self._followed.items():
            asker = _asker_among(followers[where])
            is_too_much = asked.total() >= _MOST_FOLLOWED or (
                asker != _SEVERAL and asked[asker] >= _MOST_FOLLOWED_BY_ONE
            )
            asked[asker] += not is_too_much
            if sent.until >= end or where in self._following or self._nursery is None:
                continue
            span = TimeSpan(sent.until, end)
            self._following.add(where)
            if is_too_much:
                self._nursery.start_soon(self._refuse_requests, where, span)
            else:
                self._nursery.start_soon(self._send_requests, where, span, sent.reached, asker)

    async def _send_requests(
        self, where: str, span: TimeSpan, reached: Reached | None, asker: str
    ) -> None:
        assert span.since is not None
        question = RecordQuery(
            # Those of before that have come late are new, too.
            span=span if reached is None else TimeSpan(span.since - _LATE_SECONDS, span.until),
            after=reached,
            where=where or None,
            limit=_MOST_REQUESTS,
            is_oldest_first=True,
            kept=self._kept,
        )
        try:
            answer = await self._answer(question, asker=asker)
        except BusyError:
            self._following.discard(where)  # the same seconds are asked for again
            return
        except GlanceMetricsError as error:
            await self._put_requests(where, span, "missed", {"why": str(error)})
            return
        # What a second has more of than can be shown is left out, and that is said.
        columns = await in_thread(lambda: columns_of(answer.table.to_pylist()))
        await self._put_requests(
            where,
            span,
            "requests",
            {"columns": columns, "has_more": answer.has_more},
            answer.reached,
        )

    async def _refuse_requests(self, where: str, span: TimeSpan) -> None:
        why = (
            f"more than {_MOST_FOLLOWED_BY_ONE} different filters are followed by you, or "
            f"{_MOST_FOLLOWED} by all viewers"
        )
        await self._put_requests(where, span, "missed", {"why": why})

    async def _put_requests(
        self,
        where: str,
        span: TimeSpan,
        kind: str,
        fields: Mapping[str, Any],
        reached: int | None = None,
    ) -> None:
        known = {"since": span.since, "until": span.until, **fields}
        frame = await self._encoded(Frame.of(kind, known))
        async for viewer in _in_turns(self._viewers):
            if viewer.follows == where:
                viewer.put_requests(frame)
        # Only now: the next ones must not overtake these.
        self._following.discard(where)
        if where in self._followed and span.until is not None:
            self._followed[where] = _Sent(span.until, reached)

    async def tell(self, event: AlertEvent) -> None:
        """Send an alert event to all."""
        frame = await self._encoded(Frame.of("alert", {"event": event.to_json()}))
        async for viewer in _in_turns(self._viewers):
            if viewer.wants_events:
                viewer.put_event(frame)

    def dismiss(self, may_look: Callable[[Person], bool]) -> None:
        """Part with those who may no longer look: their token or password has gone."""
        for viewer in self._viewers:
            if viewer.person is not None and not may_look(viewer.person):
                viewer.dismiss()

    async def say_goodbye(self, why: str) -> None:
        """Tell all that the server ends."""
        frame = Frame.of("gone", {"why": why})
        for viewer in self._viewers:
            viewer.put_event(frame)

    def _want(self) -> None:
        """Ask what somebody looks for."""
        if not self._snapshots:
            return
        snapshot = self._snapshots[-1]
        wanted: dict[Ask, Question] = {}
        for ask in list(self._lookers):
            try:
                wanted[ask] = ask.question(snapshot.shown.end)
            except GlanceMetricsError as error:
                self._answered(ask, Answered(None, error=str(error)))
        health = snapshot.health
        self._asking.want(
            wanted,
            health.records,
            health.delay or 0.0,
            partial(is_empty_in, tuple(self._snapshots)),
            wanted.keys() - self._answers.keys(),
        )

    def _answered(self, ask: Ask, answered: Answered) -> None:
        if answered.error and ask.where:
            answered = attrs.evolve(answered, error=without_option(answered.error, ask.where))
        before = self._answers.get(ask)
        self._answers[ask] = answered
        is_same = before is not None and before.says_the_same(answered)
        if is_same and before is not None and _span_of(before) == _span_of(answered):
            return
        self._bodies.pop(ask, None)
        if self._nursery is not None:
            self._nursery.start_soon(self._send_answer, ask)

    async def _send_answer(self, ask: Ask) -> None:
        async for viewer in _in_turns(self._lookers.get(ask, ())):
            for name, asked in list(viewer.asks.items()):
                if asked == ask:
                    await self._send(viewer, name, ask)

    async def _send_known(self, viewer: Viewer) -> None:
        """Send what is known to a viewer and new to it."""
        for name, ask in list(viewer.asks.items()):
            await self._send(viewer, name, ask)

    async def _send(self, viewer: Viewer, name: str, ask: Ask) -> None:
        """Send the answer that is known to a viewer, unless it has it."""
        if ask not in self._answers:
            return
        body = self._bodies.get(ask)
        if body is None:
            body = self._bodies[ask] = Body(answered_json(self._answers[ask]))
        frame = await self._encoded(Frame("answer", name, body))
        is_wanted = viewer.asks.get(name) == ask and not viewer.is_paused
        if is_wanted and viewer.sent.get(name) is not body:
            viewer.sent[name] = body
            viewer.put(("answer", name), frame)

    async def _encoded(self, frame: Frame) -> Frame:
        """Return a frame, encoded once for all."""
        if not frame.body.is_encoded:
            await in_thread(frame.body.encode)
        return frame


def _asker_among(viewers: Collection[Viewer]) -> str:
    """Return who wants what some viewers want."""
    asker: str | None = None
    for viewer in viewers:
        if asker is not None and viewer.asker != asker:
            return _SEVERAL
        asker = viewer.asker
    return _SEVERAL if asker is None else asker


async def _in_turns(viewers: Collection[Viewer]) -> AsyncIterator[Viewer]:
    """Yield viewers, some at a time: those who get something are sent to before the next ones.

    Otherwise a thousand of them would hold the loop for a fifth of a second.
    """
    for number, viewer in enumerate(list(viewers), 1):
        yield viewer
        if number % _TURN == 0:
            await trio.lowlevel.checkpoint()


def _span_of(answered: Answered) -> object:
    return None if answered.question is None else answered.question.span
