"""Sources side by side: how they end."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from actors.sources.dating import undated
from actors.sources.desk import SourceDesk
from actors.sources.messages import Chunk, FromSource
from actors.sources.position import From, StartPosition
from actors.sources.registry import make_sources
from actors.sources.source import NamedSource, Source, run_sources
from glancemetrics.configuration.settings import Settings
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.planning.sources import Sources
from tests.lines import BASE, line


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe that is left open."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def made(*texts: str, standard_input: int = -1) -> list[Source]:
    desk = SourceDesk(
        sources=Sources(texts),
        start=StartPosition(From.START, 120, float(BASE)),
        dating=undated,
        standard_input=lambda: standard_input,
    )
    return make_sources(Settings(), desk)


async def test_standard_input_from_which_nothing_comes_ends_at_the_stop(
    pipe: tuple[int, int],
) -> None:
    send, receive = trio.open_memory_channel[FromSource](100)
    stop = trio.Event()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_sources, made("-", standard_input=pipe[0]), send, stop)
            os.write(pipe[1], line())
            chunk = await receive.receive()
            while not isinstance(chunk, Chunk):
                chunk = await receive.receive()
            stop.set()
    assert chunk.lines == line()


@pytest.mark.parametrize("name", ["-", "access.log"])
async def test_they_just_end_where_nobody_listens(
    clock: trio.testing.MockClock, pipe: tuple[int, int], tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(line())
    text = name if name == "-" else str(tmp_path / name)
    send, receive = trio.open_memory_channel[FromSource](100)
    receive.close()
    with trio.fail_after(60):
        await run_sources(made(text, standard_input=pipe[0]), send, trio.Event())


@attrs.frozen
class Failing:
    """A source that fails, in a task of its own."""

    error: Exception

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._fail)

    async def _fail(self) -> None:
        await trio.lowlevel.checkpoint()
        raise self.error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "Connection reset"),
        (OSError(errno.EBADF, "Bad file descriptor"), "Bad file descriptor"),
        (trio.BrokenResourceError(), "BrokenResourceError"),
    ],
)
async def test_one_that_fails_is_named(error: Exception, said: str) -> None:
    send, receive = trio.open_memory_channel[FromSource](100)
    failing = NamedSource(Failing(error), "tcp://here:514")
    with (
        receive,
        trio.fail_after(60),
        pytest.RaisesGroup(pytest.RaisesExc(GlanceMetricsError, match=f"tcp://here:514: {said}")),
    ):
        await run_sources([failing], send, trio.Event())


async def test_a_pipe_that_was_emptied_for_a_moment_is_not_caught_up(pipe: tuple[int, int]) -> None:
    """Otherwise an old log piped in would be followed by a silence up to the wall clock."""
    first = b"x" * ((4 << 20) - 1) + b"\n"  # as much as is read at once
    send, receive = trio.open_memory_channel[FromSource](100)
    stop = trio.Event()

    async def write() -> None:
        for data in (first, line()):
            await trio.to_thread.run_sync(os.write, pipe[1], data)
            await trio.sleep(0.1)

    caught_up = []
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_sources, made("-", standard_input=pipe[0]), send, stop)
            nursery.start_soon(write)
            while True not in caught_up or len(caught_up) < 2:
                said = await receive.receive()
                if isinstance(said, Chunk):
                    caught_up.append(said.caught_up)
            stop.set()
    assert caught_up == [False, True]
