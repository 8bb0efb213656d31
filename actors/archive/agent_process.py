"""A process that understands user agents while the others read.

To load uap-core's expressions takes a fifth of a second. Forked before anything heavy is loaded,
it does that while nothing else can use the second processor.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, NoReturn

from glancemetrics.records.user_agents import UserAgent, classify, prepare


class AgentProcess:
    """Forks when it is made: only for a program without threads. Ends with this program."""

    def __init__(self) -> None:
        question_read, question_write = os.pipe()
        answer_read, answer_write = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(question_write)
            os.close(answer_read)
            _serve(os.fdopen(question_read, "rb"), os.fdopen(answer_write, "wb"))
        os.close(question_read)
        os.close(answer_write)
        self._question = os.fdopen(question_write, "wb")
        self._answer = os.fdopen(answer_read, "rb")

    def classify(self, parts: Iterable[list[str]]) -> Iterator[Sequence[UserAgent]]:
        """Tell of the agents of each part what they are; once, then the process ends."""
        try:
            with suppress(OSError), self._answer, self._question:
                yield from map(self._classified, parts)
        finally:
            os.waitpid(self.pid, 0)

    def _classified(self, agents: list[str]) -> Sequence[UserAgent]:
        told: Sequence[UserAgent]
        try:
            pickle.dump(agents, self._question, pickle.HIGHEST_PROTOCOL)
            self._question.flush()
            told = pickle.load(self._answer)  # noqa: S301 - of our own child
        except (EOFError, OSError, pickle.UnpicklingError):
            told = classify(agents)  # it was killed, perhaps for its memory: we can do without
        return told


def _serve(question: BinaryIO, answer: BinaryIO) -> NoReturn:
    """Answer until nobody asks any more. Runs in the process."""
    try:
        # Whoever waits for the end of our output shall not wait for this process.
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        # Ctrl-C goes to all of us, and whoever asks decides what becomes of it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        prepare()
        while True:
            asked = pickle.load(question)  # noqa: S301 - of our own parent
            pickle.dump(classify(asked), answer, pickle.HIGHEST_PROTOCOL)
            answer.flush()
    finally:
        os._exit(0)
