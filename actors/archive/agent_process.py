"""A process that classifies user agents while the others read, and a second one if there are many.

Loading uap-core's expressions takes a tenth of a second. Forked before anything heavy is loaded, it
does that while the second processor would be idle.
"""

from __future__ import annotations

import itertools
import os
import pickle
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NoReturn

import attrs

from glancemetrics.records.user_agents import (
    UserAgent,
    classify_distinct,
    prepare,
    prepare_for_few,
)

_SIZE = 8
"""Bytes that say how long an answer is."""


@attrs.frozen
class _Lines:
    """The pipes to and from a process that answers."""

    question_read: int
    question_write: int
    answer_read: int
    answer_write: int

    @classmethod
    def opened(cls) -> _Lines:
        return cls(*os.pipe(), *os.pipe())

    def close_ours(self) -> None:
        os.close(self.question_write)
        os.close(self.answer_read)

    def close_theirs(self) -> None:
        os.close(self.question_read)
        os.close(self.answer_write)


@attrs.frozen
class _Answer:
    """The answer to a part, as bytes; `None` if there is none."""

    agents: list[str]
    data: bytes | None

    def read(self) -> Sequence[UserAgent]:
        if self.data is None:
            return classify_distinct(self.agents)  # the process was killed: do it here
        classified: Sequence[UserAgent] = pickle.loads(self.data)  # noqa: S301 - from our own child
        return classified


class _Helper:
    """A process that answers, as seen by this one."""

    def __init__(self, lines: _Lines) -> None:
        self._question = os.fdopen(lines.question_write, "wb")
        self._answer = os.fdopen(lines.answer_read, "rb")
        self._asked: list[str] = []

    def ask(self, agents: list[str], packed: bytes) -> None:
        """Ask for a part. The answer to the one before it has to be taken first."""
        self._asked = agents
        self.tell(packed)

    def tell(self, message: bytes) -> None:
        with suppress(OSError):
            self._question.write(message)
            self._question.flush()

    def answer(self) -> _Answer:
        """Wait for the answer."""
        with suppress(OSError):
            size = int.from_bytes(self._answer.read(_SIZE), "little")
            data = self._answer.read(size)
            if data and len(data) == size:
                return _Answer(self._asked, data)
        return _Answer(self._asked, None)

    def close(self) -> None:
        with suppress(OSError):
            self._answer.close()
        with suppress(OSError):
            self._question.close()


class AgentProcess:
    """Forks on creation, so only for programs without threads. `end` it when all is done.

    It ends with this program in any case.
    """

    def __init__(self, *, few: bool = False) -> None:
        """`few`: there will hardly be more agents than are classified without all expressions."""
        first, second = _Lines.opened(), _Lines.opened()
        self.pid = os.fork()
        if not self.pid:
            first.close_ours()
            second.close_ours()
            _serve(first, second, few=few)
        first.close_theirs()
        second.close_theirs()
        self._first, self._second = _Helper(first), _Helper(second)

    def classify(self, parts: Iterable[list[str]]) -> Iterator[Sequence[UserAgent]]:
        """Classify the agents of each part. Can be called once."""
        parts = iter(parts)
        begin = list(itertools.islice(parts, 2))
        free = deque([self._first])
        if len(begin) == 2:
            self._first.tell(_packed(None))  # before it has anything to answer, and waits for us
            free.append(self._second)
        busy: deque[_Helper] = deque()
        try:
            for agents in itertools.chain(begin, parts):
                packed, answer = _packed(agents), None
                if not free:
                    free.append(busy.popleft())
                    answer = free[0].answer()
                busy.append(free.popleft())
                busy[-1].ask(agents, packed)
                if answer is not None:  # read while the helper already does the next one
                    yield answer.read()
            while busy:
                yield busy.popleft().answer().read()
        finally:
            self._hang_up()

    def end(self) -> None:
        """Wait until the process has ended. Freeing its memory takes it a while."""
        self._hang_up()
        os.waitpid(self.pid, 0)

    def _hang_up(self) -> None:
        self._first.close()
        self._second.close()


def _serve(own: _Lines, other: _Lines, *, few: bool) -> NoReturn:
    """Answer until the parent closes the pipe; a copy of this process answers over the other ones.

    Runs in the process, which has no threads, and so may fork.
    """
    copy = None
    try:
        # A reader of our output must not wait for this process to end.
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        # Ctrl-C reaches all processes; the parent handles it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        (prepare_for_few if few else prepare)()
        question, answer = os.fdopen(own.question_read, "rb"), os.fdopen(own.answer_write, "wb")
        while True:
            agents = pickle.load(question)  # noqa: S301 - from our own parent
            if agents is not None:
                data = _packed(classify_distinct(agents))
                answer.write(len(data).to_bytes(_SIZE, "little") + data)
                answer.flush()
                continue
            copy = os.fork()
            if not copy:
                question.close()
                answer.close()
                question = os.fdopen(other.question_read, "rb")
                answer = os.fdopen(other.answer_write, "wb")
            else:
                other.close_theirs()
    finally:
        if copy:  # in containers often nobody waits for a process whose parent has ended
            with suppress(OSError):
                os.waitpid(copy, 0)
        os._exit(0)


def _packed(message: object) -> bytes:
    return pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
