"""Keeps the answers fresh that the screen shows: asks again when the question has moved on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import trio

from actors.outputs.console.scope import Answered, Ask
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.history.query import Answer, Question

_AT_ONCE = 3
"""Questions that wait for an answer at the same time."""
_REST = 4.0
"""A question is asked again after so many times what its last answer took ..."""
_REST_OF_ALL = 6.0
"""... and what all of them took: the screen never takes more than a small part of the machine."""


class Asking:
    """Asks what is wanted, and hands over what is answered."""

    def __init__(
        self,
        answer: Callable[[Question], Awaitable[Answer]],
        deliver: Callable[[Ask, Answered], None],
    ) -> None:
        """`deliver` is called in trio's thread."""
        self._answer = answer
        self._deliver = deliver
        self._wanted: dict[Ask, Question] = {}
        self._asked: dict[Ask, tuple[Question, float, float]] = {}
        """The last question asked, when it was answered, and how long that took."""
        self._running: dict[Ask, trio.CancelScope] = {}
        self._changed = trio.Event()

    def want(self, wanted: Mapping[Ask, Question]) -> None:
        """Ask these questions, the first ones first, and forget all others."""
        self._wanted = dict(wanted)
        for ask, scope in list(self._running.items()):
            if ask not in self._wanted:
                scope.cancel()
        self._asked = {ask: asked for ask, asked in self._asked.items() if ask in self._wanted}
        self._changed.set()

    async def run(self) -> None:
        """Ask, forever."""
        async with trio.open_nursery() as nursery:
            while True:
                due, wait = self._due(trio.current_time())
                for ask in due[: max(0, _AT_ONCE - len(self._running))]:
                    scope = trio.CancelScope()
                    self._running[ask] = scope
                    nursery.start_soon(self._ask, ask, self._wanted[ask], scope)
                with trio.move_on_after(wait):
                    await self._changed.wait()
                self._changed = trio.Event()

    def _due(self, now: float) -> tuple[list[Ask], float]:
        """Return the questions that are due, and how long to wait for the next one."""
        due, wait = [], 3600.0
        whole = sum(took for _, _, took in self._asked.values())
        for ask, question in self._wanted.items():
            if ask in self._running:
                continue
            asked = self._asked.get(ask)
            if asked is None:
                due.append(ask)
            elif asked[0] != question:
                rest = asked[1] + max(_REST * asked[2], _REST_OF_ALL * whole) - now
                if rest <= 0:
                    due.append(ask)
                else:
                    wait = min(wait, rest)
        return due, wait

    async def _ask(self, ask: Ask, question: Question, scope: trio.CancelScope) -> None:
        began = trio.current_time()
        with scope:
            try:
                answer = await self._answer(question)
                # Some milliseconds: a screen's questions have at most some hundred rows.
                answered = Answered.of(question, answer, trio.current_time() - began)
            except GlanceMetricsError as error:
                answered = Answered(question, error=str(error))
            took = trio.current_time() - began
            self._asked[ask] = question, trio.current_time(), took
            self._deliver(ask, answered)
        if self._running.get(ask) is scope:
            del self._running[ask]
        self._changed.set()
