"""Threads and processes that share the work: the same results in order, or told why not."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from actors.archive.logs import find_logs
from actors.archive.process_workers import ProcessWorkers
from actors.archive.reporting import report_on
from actors.archive.workers import Lines, ThreadWorkers, Work, Workers
from glancemetrics.errors import GlanceMetricsError
from tests.actors.archive.logs import COMPRESS, numbered, write
from tests.lines import BASE, line

BUFFER = 1 << 12
HERE = os.getpid()


@contextmanager
def workers_of(kind: str, work: Work[Any, Any]) -> Iterator[Workers[Any, Any]]:
    if kind == "threads":
        with ThreadPoolExecutor(2) as pool:
            yield ThreadWorkers(work, pool, 2, BUFFER)
    else:
        with ProcessWorkers(work, int(kind), BUFFER) as workers:
            yield workers


every_kind = pytest.mark.parametrize("kind", ["threads", "0", "1", "3"])


def submitted(workers: Workers[Any, Any], count: int) -> list[Any]:
    """Submit blocks that hold a number each, and return the results in order."""
    waiting = []
    results = []
    for number in range(count):
        buffer = workers.buffer()
        text = b"%d" % number
        buffer[: len(text)] = text
        waiting.append(workers.submit(number, memoryview(buffer)[: len(text)], buffer))
        while len(waiting) > workers.most_waiting:
            results.append(waiting.pop(0).result())
    return results + [one.result() for one in waiting]


@every_kind
def test_results_belong_to_what_was_submitted(kind: str) -> None:
    def work(task: int, lines: Lines) -> tuple[int, int]:
        return task, int(bytes(lines))

    with workers_of(kind, work) as workers:
        assert submitted(workers, 200) == [(i, i) for i in range(200)]


@every_kind
@pytest.mark.parametrize("size", [8, 40_000])  # the latter has no room in a buffer
def test_results_may_be_kept(kind: str, size: int) -> None:
    def work(task: int, _: Lines) -> npt.NDArray[np.int64]:
        return np.full(size // 8, task)

    with workers_of(kind, work) as workers:
        results = submitted(workers, 100)
    assert all((made == number).all() for number, made in enumerate(results))


@every_kind
def test_blocks_need_not_be_in_a_buffer(kind: str) -> None:
    blocks = [b"x" * size for size in (0, 1, BUFFER, 3 * BUFFER)] * 20
    with workers_of(kind, lambda _, lines: bytes(lines)) as workers:
        waiting = [workers.submit(None, block) for block in blocks]
        assert [one.result() for one in waiting] == blocks


@every_kind
def test_what_goes_wrong_is_raised_where_the_result_is_asked_for(kind: str) -> None:
    def work(task: int, _: Lines) -> int:
        if task % 2:
            raise GlanceMetricsError(f"not {task}")
        return task

    with workers_of(kind, work) as workers:
        waiting = [workers.submit(number, b"") for number in range(10)]
        for number, one in enumerate(waiting):
            if number % 2:
                with pytest.raises(GlanceMetricsError, match=f"not {number}"):
                    one.result()
            else:
                assert one.result() == number


def test_processes_do_some_of_the_work_and_are_gone_afterwards() -> None:
    with workers_of("2", lambda *_: os.getpid()) as workers:
        assert len(set(submitted(workers, 100))) > 1
        assert len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()


def test_processes_are_gone_when_something_goes_wrong_here() -> None:
    with pytest.raises(ZeroDivisionError), workers_of("2", lambda *_: 0):
        raise ZeroDivisionError
    assert not multiprocessing.active_children()


def test_processes_with_answers_that_nobody_takes_end_without_a_word(
    capfd: pytest.CaptureFixture[str],
) -> None:
    answer = b"x" * 1_000_000  # more than fits a pipe: it is still being sent
    with workers_of("2", lambda *_: answer) as workers:
        for number in range(4):
            workers.submit(number, b"")
    assert not multiprocessing.active_children()
    assert capfd.readouterr() == ("", "")


def test_a_process_that_is_killed_is_an_error_and_not_a_hole() -> None:
    def work(task: int, _: Lines) -> int:
        if task == 3 and os.getpid() != HERE:
            os.kill(os.getpid(), signal.SIGKILL)
        return task

    with workers_of("1", work) as workers:
        waiting = [workers.submit(number, b"") for number in range(3)]
        assert [one.result() for one in waiting] == [0, 1, 2]
        killed = workers.submit(3, b"")
        with pytest.raises(GlanceMetricsError, match=r"terminated by signal 9.*--max-memory"):
            killed.result()


def test_a_report_is_the_same_whoever_helps(tmp_path: Path) -> None:
    long = b"x" * 2_000_000 + b"\n"
    plain = write(tmp_path / "a.log", numbered(0, 60_000) + long + numbered(60_000, 40_000))
    packed = write(tmp_path / "b.log", COMPRESS["gzip"](numbered(0, 30_000, BASE + 86_400)))
    agents = b"".join(line(BASE, agent=f"Agent {i}", status=404) for i in range(3000))
    rejected = write(tmp_path / "c.log", b"no\n" * 7 + agents)
    made = [
        report_on(find_logs([plain, packed, rejected]), max_memory=10**9, processes=count)
        for count in (0, 1, 2)
    ]
    assert made[0].hits == 133_000
    assert made[0].rejects.count == 8
    assert made[1].to_json() == made[0].to_json()
    assert made[2].to_json() == made[0].to_json()
