"""The console in a terminal emulator (pyte): keys, resizing, and how it leaves the terminal."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path

import attrs
import pyte
import pytest
import trio
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.console.console import QUIET_SECONDS, Console
from actors.outputs.console.panels import Context
from actors.state.silences import Silence, Silences
from glancemetrics.rules.high_traffic import high_traffic
from tests.actors.outputs.snapshots import insights, snapshot
from tests.lines import BASE


class Terminal:
    """A screen of a given size that understands what is written to it."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.size = Size(rows=rows, columns=columns)
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self.written = ""
        self._lock = threading.Lock()  # the console writes in its own thread

    def resize(self, columns: int, rows: int) -> None:
        self.size = Size(rows=rows, columns=columns)
        with self._lock:
            self.screen.resize(rows, columns)

    def output(self) -> Vt100_Output:
        terminal = self

        class Stdout(io.StringIO):
            def write(self, text: str) -> int:
                terminal.written += text
                with terminal._lock:
                    terminal._stream.feed(text)
                return len(text)

            def fileno(self) -> int:
                raise io.UnsupportedOperation

        return Vt100_Output(Stdout(), lambda: self.size, term="xterm-256color")

    @property
    def page(self) -> str:
        with self._lock:
            return "\n".join(row.rstrip() for row in self.screen.display)

    async def until(self, words: str) -> None:
        with trio.move_on_after(10):
            while words not in self.page:
                await trio.sleep(0.02)
        assert words in self.page


class Session:
    def __init__(
        self,
        keys: PipeInput,
        terminal: Terminal,
        environment: Mapping[str, str],
        silences: Silences,
    ) -> None:
        self.keys = keys
        self.terminal = terminal
        self.stops = 0
        context = Context(
            version="0.1.0",
            started_at=float(BASE),
            rules={"high_traffic": high_traffic(10.0, 120)},
            incident_limit=3,
            expected="a line",
            zone=UTC,
            targets=("team",),
        )
        self.delivery = Delivery.to(
            Console(
                context,
                self._stop,
                environment=environment,
                wall=lambda: float(BASE),
                silences=silences,
                terminal=(keys, terminal.output()),
            )
        )

    def _stop(self) -> None:
        self.stops += 1


@pytest.fixture
def silences(tmp_path: Path) -> Silences:
    return Silences(tmp_path / "silences.json")


@pytest.fixture
async def start(nursery: trio.Nursery, silences: Silences):
    made: list[Session] = []

    with create_pipe_input() as keys:

        def start(
            terminal: Terminal | None = None, environment: Mapping[str, str] | None = None
        ) -> Session:
            session = Session(keys, terminal or Terminal(), environment or {}, silences)
            made.append(session)
            nursery.start_soon(keep_running, session.delivery)
            return session

        yield start
        for session in made:
            session.delivery.close()
            with trio.fail_after(60):
                await session.delivery.done.wait()


async def test_it_shows_the_latest_snapshot(start) -> None:
    session = start()
    await session.terminal.until("Reading the log")
    session.delivery.send_snapshot(snapshot())
    await session.terminal.until("hits 1,284")
    session.delivery.send_snapshot(snapshot(insights=insights(hits=77)))
    await session.terminal.until("hits 77 ")


async def test_while_nothing_changes_the_screen_is_drawn_now_and_then(start) -> None:
    session = start()
    session.delivery.send_snapshot(snapshot())
    await session.terminal.until("14:13:20 UTC")
    for later in (2, 4):
        session.delivery.send_snapshot(
            snapshot(time=BASE + later, insights=insights(end=BASE + later))
        )
        await trio.sleep(0.2)
    assert "14:13:20 UTC" in session.terminal.page
    session.terminal.resize(100, 24)  # at once, so that prompt-toolkit's own look misses it
    session.delivery.send_snapshot(snapshot(time=BASE + 5.0))
    await session.terminal.until("2026-09-21 14:13:25 UTC")
    session.terminal.resize(80, 24)
    session.delivery.send_snapshot(snapshot(time=BASE + 5.5))
    await session.terminal.until("14:13:25 UTC")
    session.delivery.send_snapshot(snapshot(time=BASE + 5.5 + QUIET_SECONDS))
    await session.terminal.until("14:13:31 UTC")
    session.delivery.send_snapshot(snapshot(time=BASE + 12.0, insights=insights(hits=77)))
    await session.terminal.until("14:13:32 UTC")


async def test_it_follows_resizes(start) -> None:
    terminal = Terminal(80, 24)
    session = start(terminal)
    session.delivery.send_snapshot(snapshot())
    await terminal.until("/s0")
    await trio.sleep(1.1)  # prompt-toolkit compares sizes from its second look on
    terminal.resize(200, 60)
    await terminal.until("Agents")
    terminal.resize(60, 15)
    await terminal.until(" q quit")
    assert len(terminal.page.splitlines()) <= 15


async def test_keys_do_what_the_help_says(start) -> None:
    session = start()
    session.delivery.send_snapshot(snapshot())
    await session.terminal.until("/s0")
    session.keys.send_text("?")
    await session.terminal.until("go to the next table")
    session.keys.send_text("?")
    await session.terminal.until("/s0")
    session.keys.send_text("p")
    await session.terminal.until("PAUSED")
    session.delivery.send_snapshot(snapshot(insights=insights(hits=77)))
    await trio.sleep(0.3)
    assert "hits 1,284" in session.terminal.page
    session.keys.send_text("p")
    await session.terminal.until("hits 77 ")
    session.keys.send_text("\x1b[B")
    await session.terminal.until("Sections 2")
    session.keys.send_text("\t\x1b[B")
    await session.terminal.until("Paths 2")
    for key in ("q", "\x03"):
        session.keys.send_text(key)
    with trio.fail_after(60):
        while session.stops < 2:
            await trio.sleep(0.02)


async def test_the_terminal_is_left_as_it_was_found(start) -> None:
    session = start()
    session.delivery.send_snapshot(snapshot())
    await session.terminal.until("/s0")
    session.delivery.close()
    await session.delivery.done.wait()
    assert "\x1b[?1049h" in session.terminal.written
    assert session.terminal.written.rindex("\x1b[?1049l") > session.terminal.written.rindex("/s0")
    assert not session.terminal.screen.cursor.hidden


async def test_it_ends_also_when_told_before_it_has_begun(start) -> None:
    session = start()
    session.delivery.close()
    with trio.fail_after(60):
        await session.delivery.done.wait()


@pytest.mark.parametrize(("environment", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
async def test_no_color_is_honoured(start, environment: dict[str, str], colored: bool) -> None:
    session = start(environment=environment)
    session.delivery.send_snapshot(snapshot())
    await session.terminal.until("High traffic")
    colors = {
        (cell.fg, cell.bg)
        for row in session.terminal.screen.buffer.values()
        for cell in row.values()
    }
    assert (colors != {("default", "default")}) == colored


async def test_no_byte_of_a_log_reaches_the_terminal_unescaped(start) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
    session = start()
    top = {
        dimension: tuple(attrs.evolve(row, name=evil) for row in rows)
        for dimension, rows in insights().top.items()
    }
    session.delivery.send_snapshot(snapshot(insights=insights(top=top)))
    await session.terminal.until(r"\x1b]0;owned\x07")
    for forbidden in ("\x1b]0;owned", "\x1b[2J\x9b", "\x9b", "\u202e", "\x07"):
        assert forbidden not in session.terminal.written
    assert isinstance(session.terminal.screen.title, str)
    assert "owned" not in session.terminal.screen.title


async def test_a_rule_is_silenced_from_the_console(start, silences: Silences) -> None:
    session = start()
    session.delivery.send_snapshot(snapshot())
    await session.terminal.until("1 warning")
    session.keys.send_text("s")
    await session.terminal.until("Otherwise notified: team")
    assert "▶ High traffic" in session.terminal.page
    session.keys.send_text("\x1b[C\r")  # → Enter
    await session.terminal.until("silenced until 16:13:20 UTC (from the console)")
    assert silences.active(BASE) == [Silence("high_traffic", BASE + 2 * 3600, "from the console")]
    session.keys.send_text("s")
    await session.terminal.until("silenced until 16:13:20 UTC")
    session.keys.send_text("se")
    await session.terminal.until("Otherwise notified: team")
    with trio.fail_after(60):
        while silences.active(BASE):
            await trio.sleep(0.02)


async def test_a_silence_that_is_wider_is_not_ended_by_the_way(start, silences: Silences) -> None:
    silences.save([Silence("high*", BASE + 60, "deploy")])
    session = start(Terminal(120, 30))
    session.delivery.send_snapshot(snapshot())
    await session.terminal.until("silenced until 14:14:20 UTC")
    session.keys.send_text("se")
    await session.terminal.until("glancemetrics silence 'high*' --end")
    assert len(silences.active(BASE)) == 1


async def test_a_silence_that_cannot_be_written_is_told(start, tmp_path: Path) -> None:
    (tmp_path / "silences.json").mkdir()
    session = start(Terminal(240, 24))
    session.delivery.send_snapshot(snapshot())
    session.keys.send_text("s\r")
    await session.terminal.until("Is a directory")
