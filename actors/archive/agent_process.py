"""A process that understands user agents while the others read.

To load uap-core's expressions takes a fifth of a second. Forked before anything heavy is loaded,
it does that while nothing else can use the second processor.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Sequence
from typing import BinaryIO, NoReturn

from glancemetrics.user_agents import UserAgent, classify, prepare


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

    def classify(self, agents: list[str]) -> Sequence[UserAgent]:
        """Tell of each agent what it is; once, then the process ends."""
        told: Sequence[UserAgent]
        try:
            with self._question:
                pickle.dump(agents, self._question, pickle.HIGHEST_PROTOCOL)
            with self._answer:
                told = pickle.load(self._answer)  # noqa: S301 - of our own child
        except (EOFError, OSError, pickle.UnpicklingError):
            told = classify(agents)  # it was killed, perhaps for its memory: we can do without
        os.waitpid(self.pid, 0)
        return told


def _serve(question: BinaryIO, answer: BinaryIO) -> NoReturn:
    """Answer once, or never. Runs in the process."""
    try:
        # Whoever waits for the end of our output shall not wait for this process.
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        # Ctrl-C goes to all of us, and whoever asks decides what becomes of it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        prepare()
        pickle.dump(classify(pickle.load(question)), answer, pickle.HIGHEST_PROTOCOL)  # noqa: S301
        answer.flush()
    finally:
        os._exit(0)
