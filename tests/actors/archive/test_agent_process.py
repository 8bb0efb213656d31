"""The process that understands user agents: the same answers, and it never outlives us."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import pytest

from actors.archive import agent_process
from actors.archive.agent_process import AgentProcess
from actors.archive.forking import processes_to_use
from glancemetrics.records.user_agents import classify

AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "",
    "\x1b[31m",
]


def _ignores(pid: int, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
    return bool(int(mask, 16) >> (number - 1) & 1)


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> AgentProcess:
    """One that has to answer, as we do not know how to."""
    process = AgentProcess()

    def unable(_: object) -> NoReturn:
        raise AssertionError("the process has not answered")

    monkeypatch.setattr(agent_process, "classify_distinct", unable)
    return process


def test_it_says_what_we_would_have_said(process: AgentProcess) -> None:
    many = AGENTS + [f"agent/{i} {'x' * 100}" for i in range(5000)]  # more than a pipe holds
    assert list(process.classify([many, AGENTS])) == [classify(many), classify(AGENTS)]
    process.end()
    with pytest.raises(ChildProcessError):
        os.waitpid(process.pid, 0)


def test_one_for_few_agents_says_the_same() -> None:
    process = AgentProcess(few=True)
    try:
        assert list(process.classify([AGENTS])) == [classify(AGENTS)]
    finally:
        process.end()


def test_many_parts_are_answered_in_order_by_two(process: AgentProcess) -> None:
    parts = [[f"agent-{part}/{i} {'x' * 100}" for i in range(3000)] for part in range(7)]
    assert list(process.classify(iter(parts))) == [classify(part) for part in parts]


def test_we_say_it_ourselves_when_it_was_killed() -> None:
    process = AgentProcess()
    os.kill(process.pid, signal.SIGKILL)
    many = [f"agent/{i} {'x' * 100}" for i in range(5000)]
    assert list(process.classify([AGENTS, many, AGENTS])) == [
        classify(AGENTS), classify(many), classify(AGENTS)
    ]  # fmt: skip


def test_no_process_is_left_to_be_waited_for() -> None:
    code = """
import ctypes, os
from actors.archive.agent_process import AgentProcess
assert ctypes.CDLL(None).prctl(36, 1) == 0  # those whose parent has ended are our children then
process = AgentProcess()
assert len(list(process.classify([["a"], ["b"], ["c"]]))) == 3
process.end()
try:
    left = os.waitpid(-1, 0)
except ChildProcessError:
    left = None
assert left is None, left
"""
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)


def test_it_ends_with_us() -> None:
    code = (
        "import os, signal; from actors.archive.agent_process import AgentProcess as P; p = P(); "
        "print(p.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL
    try:
        ended = os.pidfd_open(int(done.stdout))
    except ProcessLookupError:
        return
    assert select.select([ended], [], [], 30)[0]


def test_the_interrupt_of_a_terminal_does_not_end_it_and_it_holds_no_output_open(
    process: AgentProcess,
) -> None:
    def outputs() -> set[str]:
        return {str(Path(f"/proc/{process.pid}/fd/{n}").readlink()) for n in range(3)}

    deadline = time.monotonic() + 30
    # Both: whoever starts us in the background has us ignore interrupts already.
    while not (_ignores(process.pid, signal.SIGINT) and outputs() == {os.devnull}):
        assert time.monotonic() < deadline
        os.sched_yield()
    os.kill(process.pid, signal.SIGINT)
    assert list(process.classify([AGENTS])) == [classify(AGENTS)]


def test_as_many_processes_as_there_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for processors, expected in ((1, 0), (2, 1), (4, 3), (64, 3)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=processors: set(range(n)))
        assert processes_to_use() == expected
    monkeypatch.setattr(sys, "platform", "darwin")
    assert processes_to_use() == 0
