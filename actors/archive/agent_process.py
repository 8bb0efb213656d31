"""A process that classifies user agents while the others read.

Loading uap-core's expressions takes a fifth of a second. Forked before anything heavy is loaded, it
does that while the second processor would be idle.
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
    """Forks on creation, so only for programs without threads. Ends with this program."""

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
        """Classify the agents of each part. Can be called once; then the process ends."""
        try:
            with suppress(OSError), self._answer, self._question:
                yield from map(self._classified, parts)
        finally:
            os.waitpid(self.pid, 0)

    def _classified(self, agents: list[str]) -> Sequence[UserAgent]:
        classified: Sequence[UserAgent]
        try:
            pickle.dump(agents, self._question, pickle.HIGHEST_PROTOCOL)
            self._question.flush()
            classified = pickle.load(self._answer)  # noqa: S301 - from our own child
        except (EOFError, OSError, pickle.UnpicklingError):
            classified = classify(agents)  # the process was killed: do it here
        return classified


def _serve(question: BinaryIO, answer: BinaryIO) -> NoReturn:
    """Answer requests until the parent closes the pipe. Runs in the process."""
    try:
        # A reader of our output must not wait for this process to end.
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        # Ctrl-C reaches all processes; the parent handles it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        prepare()
        while True:
            agents = pickle.load(question)  # noqa: S301 - from our own parent
            pickle.dump(classify(agents), answer, pickle.HIGHEST_PROTOCOL)
            answer.flush()
    finally:
        os._exit(0)
