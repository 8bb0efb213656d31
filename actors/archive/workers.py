"""Workers that do the same work on many blocks of bytes, and those that are threads.

Processes (`process_workers`) are faster because they do not share an interpreter. But they are
forked, which only a program without threads may do (POSIX.1-2024, `fork`: locks held by other
threads stay locked forever). So the command line uses processes, and the library, which runs inside
other programs, uses threads.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Protocol, TypeAlias, TypeVar

Buffer: TypeAlias = bytearray | mmap.mmap
Lines: TypeAlias = bytes | memoryview
Task = TypeVar("Task")
Result = TypeVar("Result")
Task_contra = TypeVar("Task_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)
Work: TypeAlias = Callable[[Task, Lines], Result]


class Pending(Protocol[Result_co]):
    """A future result."""

    def done(self) -> bool:
        """Tell whether the result is available."""

    def result(self) -> Result_co:
        """Wait for the result and return it, or raise the error of the work."""


class Workers(Protocol[Task_contra, Result_co]):
    """Threads or processes that do the work."""

    most_waiting: int
    """Maximum pending results, which bounds their memory."""

    def want_more(self) -> bool:
        """Tell whether any worker will soon be idle."""

    def buffer(self) -> Buffer:
        """Return a buffer to read a block into; part of it may then be submitted."""

    def submit(
        self, task: Task_contra, lines: Lines, buffer: Buffer | None = None
    ) -> Pending[Result_co]:
        """Start work on a block; its buffer must be given back once the result is not needed."""

    def give_back(self, buffer: Buffer) -> None:
        """Reuse the buffer of a block."""


class ThreadWorkers(Generic[Task, Result]):
    """Threads of a pool, which may be shared."""

    def __init__(
        self, work: Work[Task, Result], pool: ThreadPoolExecutor, threads: int, buffer_bytes: int
    ) -> None:
        self._work = work
        self._pool = pool
        self.most_waiting = threads
        self._buffer_bytes = buffer_bytes
        # Buffers are reused: the system would have to zero new ones each time.
        self._free: list[bytearray] = []

    def want_more(self) -> bool:
        return True

    def buffer(self) -> Buffer:
        return self._free.pop() if self._free else bytearray(self._buffer_bytes)

    def submit(
        self,
        task: Task,
        lines: Lines,
        buffer: Buffer | None = None,  # noqa: ARG002 - as processes have it
    ) -> Future[Result]:
        return self._pool.submit(self._work, task, lines)

    def give_back(self, buffer: Buffer) -> None:
        if isinstance(buffer, bytearray):
            self._free.append(buffer)
