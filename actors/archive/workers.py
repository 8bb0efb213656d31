"""Workers do the same work on one block of bytes after the other: threads, or processes.

Processes do not wait for each other's interpreter, so they are faster; but they are forked, which
only a program without threads may do (POSIX.1-2024, `fork`: what other threads held stays locked
for ever). So the command line uses them, and the library, which lives in programs of all kinds,
uses threads.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import multiprocessing
import pickle
import signal
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import attrs

from glancemetrics.errors import GlanceMetricsError

Buffer: TypeAlias = bytearray | mmap.mmap
Lines: TypeAlias = bytes | memoryview
Task = TypeVar("Task")
Result = TypeVar("Result")
Task_contra = TypeVar("Task_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)
Work: TypeAlias = Callable[[Task, Lines], Result]

_AHEAD = 2
"""Blocks that a process has at a time: one in work and one that it finds when that is done."""
_IN_USE = 2
"""Buffers beyond those of the processes: one to read into, others whose results are in use."""
_ALIGNMENT = 64
"""Bytes; what Arrow recommends."""
_PATIENCE_SECONDS = 2.0


class Pending(Protocol[Result_co]):
    """What will be there."""

    def done(self) -> bool:
        """Tell whether it is there."""

    def result(self) -> Result_co:
        """Return it once it is there, or raise what went wrong."""


class Workers(Protocol[Task_contra, Result_co]):
    """What does the work."""

    most_waiting: int
    """How many results may be waited for; with more, their memory grows to no end."""

    def want_more(self) -> bool:
        """Tell whether some would have nothing to do soon."""

    def buffer(self) -> Buffer:
        """Return room to read a block into, of which part may then be submitted."""

    def submit(
        self, task: Task_contra, lines: Lines, buffer: Buffer | None = None
    ) -> Pending[Result_co]:
        """Begin work on a block; the buffer that it is in is the workers' again."""


class ThreadWorkers(Generic[Task, Result]):
    """Threads of a pool that others may use too."""

    def __init__(
        self, work: Work[Task, Result], pool: ThreadPoolExecutor, threads: int, buffer_bytes: int
    ) -> None:
        self._work = work
        self._pool = pool
        self.most_waiting = threads
        self._buffer_bytes = buffer_bytes
        # Always the same few: new ones would have to be zeroed by the system each time.
        self._free: list[bytearray] = []

    def want_more(self) -> bool:
        return True

    def buffer(self) -> Buffer:
        return self._free.pop() if self._free else bytearray(self._buffer_bytes)

    def submit(self, task: Task, lines: Lines, buffer: Buffer | None = None) -> Future[Result]:
        return self._pool.submit(self._done, task, lines, buffer)

    def _done(self, task: Task, lines: Lines, buffer: Buffer | None) -> Result:
        try:
            return self._work(task, lines)
        finally:
            if isinstance(buffer, bytearray):
                self._free.append(buffer)


@attrs.define(eq=False)
class _Slot:
    """Memory that all processes see: a block, and what was made of it."""

    number: int
    block: mmap.mmap
    made: mmap.mmap
    looked_at: weakref.ref[ctypes.Array[ctypes.c_char]] | None = None
    """What all arrays of a result hold that lie in what was made."""

    def look(self, spans: Iterable[tuple[int, int]]) -> list[memoryview]:
        """Return parts of what was made."""
        # Views tell nobody who else looks at the same memory; but all keep what they are of.
        whole = (ctypes.c_char * len(self.made)).from_buffer(self.made)
        self.looked_at = weakref.ref(whole)
        view = memoryview(whole)
        return [view[start:end] for start, end in spans]

    def is_free(self) -> bool:
        """Tell whether nobody looks at what was made any more."""
        return self.looked_at is None or self.looked_at() is None

    def close(self) -> None:
        """Give the memory back, unless somebody looks at it."""
        for memory in (self.block, self.made):
            with suppress(BufferError):
                memory.close()


class _Answer:
    """What a process will say."""

    def __init__(self, process: _Process, slot: _Slot | None) -> None:
        self._process = process
        self.slot = slot
        self.value: Any = None
        self.error: BaseException | None = None
        self.there = False

    def done(self) -> bool:
        while not self.there and self._process.connection.poll():
            self._process.receive()
        return self.there

    def result(self) -> Any:
        while not self.there:
            self._process.receive()
        if self.error is not None:
            raise self.error
        return self.value


class _Process:
    """One process, seen from here."""

    def __init__(
        self, serve: Callable[[Connection, Connection], None], slots: Sequence[_Slot]
    ) -> None:
        fork = multiprocessing.get_context("fork")
        self.connection, theirs = fork.Pipe()
        self.process = fork.Process(
            target=serve, args=(theirs, self.connection), name="glancemetrics-worker"
        )
        self.process.start()
        theirs.close()
        self.slots = slots
        self.asked: deque[_Answer] = deque()
        self.load = 0
        """Blocks in hand."""

    def ask(self, slot: _Slot | None, load: int, *request: Any) -> _Answer:
        answer = _Answer(self, slot)
        try:
            self.connection.send((None if slot is None else slot.number, *request))
        except OSError:
            raise self._ended() from None
        self.asked.append(answer)
        self.load += load
        return answer

    def receive(self) -> None:
        """Wait for the next answer."""
        try:
            good, load, data, spans = self.connection.recv()
        except (EOFError, OSError):
            raise self._ended() from None
        answer = self.asked.popleft()
        self.load -= load
        views = answer.slot.look(spans) if answer.slot is not None else []
        value = pickle.loads(data, buffers=views)  # noqa: S301 - of our own child
        if good:
            answer.value = value
        else:
            answer.error = value
        answer.there = True

    def catch_up(self) -> None:
        """Take the answers that are there."""
        while self.asked and self.connection.poll():
            self.receive()

    def _ended(self) -> GlanceMetricsError:
        self.process.join(_PATIENCE_SECONDS)
        status = self.process.exitcode
        how = f"by signal {-status}" if status is not None and status < 0 else f"(status {status})"
        return GlanceMetricsError(
            f"a process that reads for this one was ended {how}; "
            "if memory is short, --max-memory makes a report take less"
        )

    def end(self) -> None:
        self.connection.close()
        self.process.join(_PATIENCE_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


class ProcessWorkers(Generic[Task, Result]):
    """Forked processes; and this one, which works too when they have enough to do.

    The work must touch no thread, lock or connection that was there before. Blocks and the arrays
    of results are in memory that all share; the rest is pickled. Results may be kept: their memory
    is used again when nobody looks at it any more.
    """

    def __init__(self, work: Work[Task, Result], processes: int, buffer_bytes: int) -> None:
        self._work = work
        self._buffer_bytes = buffer_bytes
        self.most_waiting = 2 * _AHEAD * processes
        self._slots = [
            _Slot(number, mmap.mmap(-1, buffer_bytes), mmap.mmap(-1, 2 * buffer_bytes))
            for number in range(_AHEAD * processes + _IN_USE)
        ]
        self._free = list(self._slots)
        self._used: list[_Slot] = []
        self._processes: list[_Process] = []
        # A collection would write to every object, and so copy the pages that all share.
        gc.freeze()
        for _ in range(processes):
            self._processes.append(_Process(self._serve, self._slots))

    def __enter__(self) -> ProcessWorkers[Task, Result]:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.end()
        for slot in self._slots:
            slot.close()

    def want_more(self) -> bool:
        for process in self._processes:
            process.catch_up()
        return any(process.load < _AHEAD for process in self._processes)

    def buffer(self) -> Buffer:
        slot = self._free_slot()
        return bytearray(self._buffer_bytes) if slot is None else slot.block

    def submit(self, task: Task, lines: Lines, buffer: Buffer | None = None) -> Pending[Result]:
        slot = next((slot for slot in self._slots if slot.block is buffer), None)
        process = min(self._processes, key=lambda process: process.load, default=None)
        if process is not None:
            process.catch_up()
            if process.load < _AHEAD:
                if slot is None:
                    slot = self._filled(lines)
                if slot is not None:
                    self._used.append(slot)
                    return process.ask(slot, 1, task, len(lines))
        result: Future[Result] = Future()
        try:
            result.set_result(self._work(task, lines))
        except Exception as error:
            result.set_exception(error)
        if slot is not None:
            self._free.append(slot)
        return result

    def _free_slot(self) -> _Slot | None:
        waited_for = {
            answer.slot for process in self._processes for answer in process.asked if answer.slot
        }
        for slot in list(self._used):
            if slot not in waited_for and slot.is_free():
                self._used.remove(slot)
                self._free.append(slot)
        return self._free.pop() if self._free else None

    def _filled(self, lines: Lines) -> _Slot | None:
        """Return a slot with these lines in it, if there is one and they fit."""
        if len(lines) > self._buffer_bytes:
            return None
        slot = self._free_slot()
        if slot is not None:
            slot.block[: len(lines)] = lines
        return slot

    def _serve(self, connection: Connection, ours: Connection) -> None:
        """Work until nobody asks any more. Runs in the process."""
        # Ctrl-C goes to all of us: whoever asks decides what becomes of it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # Who has copies of the others' connections would keep them from ending.
        for other in (ours, *(process.connection for process in self._processes)):
            other.close()
        with suppress(EOFError, OSError):
            while True:
                number, *request = connection.recv()
                connection.send(self._answer(number, request))

    def _answer(self, number: int | None, request: list[Any]) -> tuple[bool, int, bytes, Any]:
        buffers: list[pickle.PickleBuffer] = []
        try:
            if number is None:
                function, arguments = request
                return True, _AHEAD, pickle.dumps(function(*arguments), 5), ()
            task, size = request
            slot = self._slots[number]
            with memoryview(slot.block) as block, block[:size] as lines:
                result = self._work(task, lines)
            data = pickle.dumps(result, 5, buffer_callback=buffers.append)
            spans = _placed([buffer.raw() for buffer in buffers], slot.made)
            if spans is None:  # more than there is room for
                data, spans = pickle.dumps(result, 5), []
        except Exception as error:
            return False, _AHEAD if number is None else 1, pickle.dumps(error, 5), ()
        return True, 1, data, spans


def _placed(buffers: Sequence[memoryview], memory: mmap.mmap) -> list[tuple[int, int]] | None:
    """Copy buffers into memory and say where they are; `None` if they do not fit."""
    spans = []
    end = 0
    for buffer in buffers:
        start = -(-end // _ALIGNMENT) * _ALIGNMENT
        end = start + buffer.nbytes
        spans.append((start, end))
    if end > len(memory):
        return None
    for buffer, (start, stop) in zip(buffers, spans, strict=True):
        memory[start:stop] = buffer
    return spans
