"""Keeps the answers fresh that the screen shows: asks again when the question has moved on.

What somebody wants to know is asked anew in rounds, all of it about the same instant: the parts of
a screen then add up. What is asked for the first time does not wait for a round.

While no request arrives, an answer may lag behind the clock by at most 1 % of its span: a window of
ten minutes then moves on every six seconds. A chart never lags by a whole column. Where it is known
that no request has left the span either, the answer is still the right one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping

import attrs
import trio
from loguru import logger

from actors.outputs.desk import Answers
from actors.state.turns import OWN
from glancemetrics.errors import GlanceMetricsError, sentence
from glancemetrics.history.ask import Answered, Ask
from glancemetrics.history.query import Query, Question
from glancemetrics.records.time_span import TimeSpan

_AT_ONCE = 3
"""Questions that wait for an answer at the same time."""
_REST = 6.0
"""Between two rounds, so many times pass as all answers of one took: the screen never takes more
than a small part of the machine. Where several ask, each has the same share of that part; what one
does not use is for the others."""
_LONGEST_REST = 120.0
"""In seconds: a slow minute of the machine does not stop a screen for long."""
_LAG = 0.01
"""Share of its span by which an answer may lag while no request arrives."""
_DELIVERY_SECONDS = 1.0
_SETTLE_SECONDS = 3.0
"""After a request, until answers cover it: it passes through the history first."""


@attrs.frozen
class _Asked:
    """How a question was answered last."""

    question: Question
    began: float
    ended: float
    known_since: int | None = None
    """The first second of which the history has anything; there is nothing before it."""

    @property
    def took(self) -> float:
        return self.ended - self.began


def _is_unknown(since: int, until: int) -> bool:
    del since, until
    return False


def _own(ask: Ask) -> str:
    del ask
    return OWN


class Asking:
    """Asks what is wanted, and hands over what is answered."""

    def __init__(
        self,
        answer: Answers,
        deliver: Callable[[Ask, Answered], None],
        asker_of: Callable[[Ask], str] = _own,
    ) -> None:
        """`deliver` is called in trio's thread; `asker_of` tells who wants to know something."""
        self._answer = answer
        self._deliver = deliver
        self._asker_of = asker_of
        self._askers: dict[Ask, str] = {}
        self._wanted: dict[Ask, Question] = {}
        self._asked: dict[Ask, _Asked] = {}
        self._arrived: int | None = None
        self._settled = 0.0
        """When answers cover all requests that have arrived."""
        self._queued: dict[Ask, Question] = {}
        """They wait for room."""
        self._in_round: set[Ask] = set()
        """What of the rounds is queued or running."""
        self._rested: dict[str, float] = {}
        """When the last round of an asker ended."""
        self._turn = 0
        self._served: dict[str, int] = {}
        """In which turn an asker was served last."""
        self._running: dict[Ask, trio.CancelScope] = {}
        self._changed = trio.Event()

    def want(
        self,
        wanted: Mapping[Ask, Question],
        arrived: int | None = None,
        delay: float = 0.0,
        is_empty: Callable[[int, int], bool] = _is_unknown,
        missing: Collection[Ask] = (),
    ) -> None:
        """Ask these questions, the first ones first, and forget all others.

        `missing`: those of them whose last answer is no longer kept.

        `arrived`: how many requests have arrived so far; `None`: unknown. `delay`: by how many
        seconds windows end before the newest of them. `is_empty`: whether it is known that no
        request was logged from a second on and before another.
        """
        if arrived is None or arrived != self._arrived:
            self._arrived = arrived
            self._settled = trio.current_time() + _SETTLE_SECONDS + delay
        self._wanted = dict(wanted)
        self._askers = {ask: self._asker_of(ask) for ask in self._wanted}
        self._queued = {ask: it for ask, it in self._queued.items() if ask in self._wanted}
        self._in_round &= self._wanted.keys()
        askers = set(self._askers.values())
        self._rested = {asker: at for asker, at in self._rested.items() if asker in askers}
        self._served = {asker: at for asker, at in self._served.items() if asker in askers}
        for ask, scope in list(self._running.items()):
            if ask not in self._wanted:
                scope.cancel()
        self._asked = {
            ask: self._moved_on(asked, self._wanted[ask], is_empty)
            for ask, asked in self._asked.items()
            if ask in self._wanted and (ask not in missing or self._is_on_its_way(asked))
        }
        self._changed.set()

    def _moved_on(
        self, asked: _Asked, question: Question, is_empty: Callable[[int, int], bool]
    ) -> _Asked:
        """Take the last answer as one to this question, where it must be the same."""
        if asked.question == question or not self._is_quiet_since(asked):
            return asked
        is_same = _is_same_but_empty(
            asked.question.span, question.span, asked.known_since, is_empty
        )
        if not is_same or (
            _is_series(question) and asked.question.span.since != question.span.since
        ):
            return asked
        return attrs.evolve(asked, question=question)

    async def run(self) -> None:
        """Ask, forever."""
        async with trio.open_nursery() as nursery:
            while True:
                wait = self._queue(trio.current_time())
                for ask in self._in_turns()[: max(0, _AT_ONCE - len(self._running))]:
                    scope = self._running[ask] = trio.CancelScope()
                    question, asker = self._queued.pop(ask), self._askers[ask]
                    self._turn += 1
                    self._served[asker] = self._turn
                    nursery.start_soon(self._ask, ask, question, asker, scope)
                with trio.move_on_after(wait):
                    await self._changed.wait()
                self._changed = trio.Event()

    def _queue(self, now: float) -> float:
        """Queue what is new and the rounds that are due; returns how long to wait for the next."""
        wait = 3600.0
        again: dict[str, list[Ask]] = {}
        for ask, question in self._wanted.items():
            if ask in self._running or ask in self._queued:
                continue
            asked = self._asked.get(ask)
            if asked is None:
                self._queued[ask] = question
            elif asked.question != question and not self._may_lag(asked, question):
                again.setdefault(self._askers[ask], []).append(ask)
        took, ended = self._took()
        busy = {self._askers[ask] for ask in self._in_round}
        for asker, asks in again.items():
            if asker in busy:
                continue
            rested = self._rested.get(asker, ended[asker])
            share = min(took[asker] * len(took), sum(took.values()))
            rest = rested + min(_REST * share, _LONGEST_REST) - now
            if rest <= 0:
                self._queued |= {ask: self._wanted[ask] for ask in asks}
                self._in_round.update(asks)
            else:
                wait = min(wait, rest)
        return wait

    def _took(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return for each asker how long the last answers took, and when the last one ended."""
        took: dict[str, float] = {}
        ended: dict[str, float] = {}
        for ask, last in self._asked.items():
            asker = self._askers.get(ask)
            if asker is not None:  # it is still wanted
                took[asker] = took.get(asker, 0.0) + last.took
                ended[asker] = max(ended.get(asker, 0.0), last.ended)
        return took, ended

    def _in_turns(self) -> list[Ask]:
        """Return what is queued and may be asked now: one of each asker, then another of each.

        Who was served longest ago comes first, and what is new before what is of a round. Where
        several ask, nobody has all questions that wait at the same time.
        """
        going = Counter(self._askers[ask] for ask in self._running if ask in self._askers)
        most = _AT_ONCE - 1 if len(set(self._askers.values())) > 1 else _AT_ONCE
        numbered: list[tuple[int, int, Ask]] = []
        for ask in sorted(self._queued, key=self._in_round.__contains__):
            asker = self._askers[ask]
            if going[asker] < most:
                numbered.append((going[asker], self._served.get(asker, 0), ask))
                going[asker] += 1
        return [ask for *_, ask in sorted(numbered, key=lambda one: one[:2])]

    def _may_lag(self, asked: _Asked, question: Question) -> bool:
        """Tell whether the last answer still serves: nothing has arrived since it was asked for."""
        return self._is_quiet_since(asked) and _is_close(
            asked.question.span, question.span, is_series=_is_series(question)
        )

    def _is_on_its_way(self, asked: _Asked) -> bool:
        """Tell whether an answer may not have reached the screen yet."""
        return trio.current_time() - asked.ended < _DELIVERY_SECONDS

    def _is_quiet_since(self, asked: _Asked) -> bool:
        return self._arrived is not None and asked.began >= self._settled

    async def _ask(self, ask: Ask, question: Question, asker: str, scope: trio.CancelScope) -> None:
        began = trio.current_time()
        with scope:
            try:
                answer = await self._answer(question, asker=asker)
                # Some milliseconds: a screen's questions have at most some hundred rows.
                answered = Answered.of(question, answer, trio.current_time() - began)
            except GlanceMetricsError as error:
                answered = Answered(question, error=str(error))
            except Exception as error:  # the disk, the memory, or a fault of ours
                logger.opt(exception=error).error("a question of a screen failed")
                answered = Answered(question, error=sentence(error))
            now = trio.current_time()
            self._asked[ask] = _Asked(question, began, now, answered.known_since)
            self._deliver(ask, answered)
        if self._running.get(ask) is scope:
            del self._running[ask]
        if ask in self._in_round:
            self._in_round.discard(ask)
            asker = self._askers[ask]
            if not any(self._askers[one] == asker for one in self._in_round):
                self._rested[asker] = trio.current_time()
        self._changed.set()


def _is_series(question: Question) -> bool:
    return isinstance(question, Query) and question.step is not None


def _is_same_but_empty(
    asked: TimeSpan,
    now: TimeSpan,
    known_since: int | None,
    is_empty: Callable[[int, int], bool],
) -> bool:
    """Tell whether a span has moved on only by seconds without a request, at both of its ends."""
    if asked.since is None or asked.until is None or now.since is None or now.until is None:
        return False
    if now.since < asked.since or now.until < asked.until or now.since > asked.until:
        return False
    has_lost_nothing = known_since is not None and now.since <= known_since
    return (has_lost_nothing or is_empty(asked.since, now.since)) and is_empty(
        asked.until, now.until
    )


def _is_close(asked: TimeSpan, now: TimeSpan, *, is_series: bool) -> bool:
    """Tell whether a span has moved on by at most `_LAG` of its length; a series: in no column."""
    if asked.since is None or asked.until is None or now.since is None or now.until is None:
        return False
    if is_series and asked.since != now.since:
        return False
    return 0 <= now.until - asked.until <= _LAG * (now.until - now.since)
