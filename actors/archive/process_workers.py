"""Workers that are processes, forked by a program without threads; see `workers`."""

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
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Generic

import attrs

from actors.archive.workers import Buffer, Lines, Pending, Result, Task, Work
from glancemetrics.errors import GlanceMetricsError

_AHEAD = 2
"""Blocks of a process at a time: one in work and the next one."""
_IN_USE = 2
"""Additional buffers: one to read into, and one whose results are still in use."""
_ALIGNMENT = 64
"""Bytes, as recommended by Arrow."""
_PATIENCE_SECONDS = 2.0


@attrs.define(eq=False)
class _Slot:
    """Memory shared by all processes: a block, and the result made of it."""

    number: int
    block: mmap.mmap
    result: mmap.mmap
    viewed: weakref.ref[ctypes.Array[ctypes.c_char]] | None = None
    """The owner that all arrays of a result in this memory keep alive."""

    def views(self, spans: Iterable[tuple[int, int]]) -> list[memoryview]:
        """Return views of parts of the result."""
        # Views do not know each other, but each keeps the object alive that it is a view of.
        whole = (ctypes.c_char * len(self.result)).from_buffer(self.result)
        self.viewed = weakref.ref(whole)
        view = memoryview(whole)
        return [view[start:end] for start, end in spans]

    def is_free(self) -> bool:
        """Tell whether no view of the result is left."""
        return self.viewed is None or self.viewed() is None

    def close(self) -> None:
        """Free the memory, unless it is still viewed."""
        for memory in (self.block, self.result):
            with suppress(BufferError):
                memory.close()


class _Answer:
    """The future answer of a process."""

    def __init__(self, process: _Process, slot: _Slot | None) -> None:
        self._process = process
        self.slot = slot
        self.value: Any = None
        self.error: BaseException | None = None
        self.is_received = False

    def done(self) -> bool:
        while not self.is_received and self._process.connection.poll():
            self._process.receive()
        return self.is_received

    def result(self) -> Any:
        while not self.is_received:
            self._process.receive()
        if self.error is not None:
            raise self.error
        return self.value


class _Process:
    """One process, as seen by the parent."""

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
        self.pending: deque[_Answer] = deque()
        self.load = 0
        """Unanswered blocks."""

    def ask(self, slot: _Slot | None, load: int, *request: Any) -> _Answer:
        answer = _Answer(self, slot)
        try:
            self.connection.send((None if slot is None else slot.number, *request))
        except OSError:
            raise self._ended() from None
        self.pending.append(answer)
        self.load += load
        return answer

    def receive(self) -> None:
        """Wait for the next answer."""
        try:
            good, load, data, spans = self.connection.recv()
        except (EOFError, OSError):
            raise self._ended() from None
        answer = self.pending.popleft()
        self.load -= load
        views = answer.slot.views(spans) if answer.slot is not None else []
        value = pickle.loads(data, buffers=views)  # noqa: S301 - from our own child
        if good:
            answer.value = value
        else:
            answer.error = value
        answer.is_received = True

    def catch_up(self) -> None:
        """Receive the available answers."""
        while self.pending and self.connection.poll():
            self.receive()

    def _ended(self) -> GlanceMetricsError:
        self.process.join(_PATIENCE_SECONDS)
        status = self.process.exitcode
        how = f"by signal {-status}" if status is not None and status < 0 else f"(status {status})"
        return GlanceMetricsError(
            f"a helper process was terminated {how}; if memory is low, use a smaller --max-memory"
        )

    def end(self) -> None:
        self.connection.close()
        self.process.join(_PATIENCE_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


class ProcessWorkers(Generic[Task, Result]):
    """Forked processes, plus this one, which works too while they are all busy.

    The work must not use threads, locks or connections from before the fork. Blocks and arrays of
    results are in shared memory; the rest is pickled. Results may be kept: their memory is reused
    once no view of it is left.
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
        # Garbage collection would write to all objects, and so copy the shared pages.
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

    def give_back(self, buffer: Buffer) -> None:
        """Nothing to do: results that are still in use are known."""

    def _free_slot(self) -> _Slot | None:
        pending = {
            answer.slot for process in self._processes for answer in process.pending if answer.slot
        }
        for slot in list(self._used):
            if slot not in pending and slot.is_free():
                self._used.remove(slot)
                self._free.append(slot)
        return self._free.pop() if self._free else None

    def _filled(self, lines: Lines) -> _Slot | None:
        """Copy lines to a free slot; `None` if there is none or they do not fit."""
        if len(lines) > self._buffer_bytes:
            return None
        slot = self._free_slot()
        if slot is not None:
            slot.block[: len(lines)] = lines
        return slot

    def _serve(self, connection: Connection, ours: Connection) -> None:
        """Work until the parent closes the connection. Runs in the process."""
        # Ctrl-C reaches all processes; the parent handles it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # Copies of other processes' connections would keep them from ending.
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
            spans = _placed([buffer.raw() for buffer in buffers], slot.result)
            if spans is None:  # they do not fit
                data, spans = pickle.dumps(result, 5), []
        except Exception as error:
            return False, _AHEAD if number is None else 1, pickle.dumps(error, 5), ()
        return True, 1, data, spans


def _placed(buffers: Sequence[memoryview], memory: mmap.mmap) -> list[tuple[int, int]] | None:
    """Copy buffers into memory and return their positions; `None` if they do not fit."""
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
