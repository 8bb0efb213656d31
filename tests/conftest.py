"""What tests share: time that stands still, and a wall clock that goes with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
import trio
import trio.testing
from loguru import logger

from actors.sources.files.waking import Waker
from actors.state.clock import WallClock
from tests.lines import BASE
from tests.tmux import Tmux

if TYPE_CHECKING:
    from tests.redis import Redis

_IS_SANITIZED = "GLANCEMETRICS_SANITIZED" in os.environ
"""Whether tests run again with a checked, slow native library, to see what bytes it touches."""
_EXAMPLES = 25 if _IS_SANITIZED and not os.environ.get("TORTURE") else 100
# How long something takes is for benchmarks to say; a machine that is busy is no failure.
hypothesis.settings.register_profile("unhurried", deadline=None, max_examples=_EXAMPLES)
hypothesis.settings.load_profile("unhurried")


# Trials that take long and need root: `make machine`, `make image-trial`, `make deb-trial`.
_TRIALS = {"MACHINE": "machine", "IMAGE": "image", "DEB": "deb"}
collect_ignore = [folder for name, folder in _TRIALS.items() if not os.environ.get(name)]


def thorough(quick: int, long: int) -> int:
    """Return how much is tried: `make torture` takes its time."""
    if os.environ.get("TORTURE"):
        return long
    return max(1, quick // 4) if _IS_SANITIZED else quick


_LONGEST = {
    *("test_sanitized.py", "test_commands.py", "test_browser.py", "test_using.py"),
    *("test_two_hubs.py", "test_failover.py"),
    "test_any_bytes.py",
}
"""Files that take minutes; begun last, they would keep one process at work alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in _LONGEST)


@pytest.fixture
def clock(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> trio.testing.MockClock:
    """Trio's autojump clock, in a world without threads.

    The clock jumps whenever no task can run, also while a worker thread is at work, so what goes
    to a thread is done on the spot, and of the tailer's two ways to wake only the poll is left.
    """

    async def on_the_spot(work: Callable[..., object], *arguments: object, **_: object) -> object:
        await trio.lowlevel.checkpoint()
        return work(*arguments)

    monkeypatch.setattr(trio.to_thread, "run_sync", on_the_spot)
    monkeypatch.setattr(Waker, "run", lambda _: trio.sleep_forever())
    return autojump_clock


@pytest.fixture
def wall(clock: trio.testing.MockClock) -> WallClock:
    """A wall clock that stands at `BASE` when the test begins and moves with trio's."""
    began = clock.current_time()
    return lambda: BASE + clock.current_time() - began


def needs(*programs: str) -> None:
    """Skip where a program is missing; in CI, which installs them all, fail instead."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"{', '.join(missing)} must be installed here")
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount anything")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis for the tests of a module."""
    from tests.redis import Redis  # late: it needs this module

    with Redis(tmp_path_factory.mktemp("redis"), ("--appendonly", "no")) as running:
        yield running


@pytest.fixture
def redis(redis_server: Redis) -> Redis:
    """The Redis of the module, empty."""
    redis_server.run("FLUSHALL")
    return redis_server


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[[int, int], Tmux]]:
    needs("tmux")
    made: list[Tmux] = []

    def terminal(columns: int, rows: int) -> Tmux:
        folder = tmp_path / f"tmux{len(made)}"
        folder.mkdir()
        made.append(Tmux(folder, columns, rows))
        return made[-1]

    yield terminal
    for each in made:
        with contextlib.suppress(subprocess.CalledProcessError):
            each("kill-server")


@pytest.fixture
def messages() -> Iterator[list[str]]:
    """Collect what GlanceMetrics logs of itself."""
    found: list[str] = []
    sink = logger.add(lambda message: found.append(message.record["message"]), level="INFO")
    yield found
    logger.remove(sink)
