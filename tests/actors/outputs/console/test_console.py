"""The console in a terminal emulator (pyte): keys, resizing, and how it leaves the terminal."""

from __future__ import annotations

import base64
import io
import re
import threading
from collections.abc import Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import attrs
import pyte
import pytest
import trio
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.console.commands import COMMANDS
from actors.outputs.console.console import Console
from actors.outputs.console.receiving import QUIET_SECONDS
from actors.outputs.desk import Desk, nothing_kept
from actors.state.silences import Silence
from glancemetrics.alerting.alerting import Alerts
from glancemetrics.history.query import Answer, Question
from tests.actors.outputs.console.desks import desk_in
from tests.actors.outputs.console.replays import (
    CONTEXT,
    OUTAGE,
    answer_from,
    recorded,
    replay,
)
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

    async def until(self, words: str, *, gone: bool = False) -> None:
        with trio.move_on_after(10):
            while (words in self.page) == gone:
                await trio.sleep(0.02)
        assert (words in self.page) != gone, self.page


class Session:
    def __init__(
        self,
        keys: PipeInput,
        terminal: Terminal,
        folder: Path,
        environment: Mapping[str, str],
        fields: Mapping[str, Any],
    ) -> None:
        self.keys = keys
        self.terminal = terminal
        self.stops = 0
        self.desk: Desk = desk_in(
            folder, environment, **({"stop": self._stop, "answer": nothing_kept} | dict(fields))
        )
        self.delivery = Delivery.to(
            Console(
                attrs.evolve(CONTEXT, targets=("team",)),
                self.desk,
                theme="dark",
                terminal=(keys, terminal.output()),
            )
        )

    def _stop(self) -> None:
        self.stops += 1

    async def press(self, keys: str, words: str, *, gone: bool = False) -> None:
        """Press keys, and wait for words on the screen, or for their end."""
        self.keys.send_text(keys)
        await self.terminal.until(words, gone=gone)


@pytest.fixture
async def start(nursery: trio.Nursery, tmp_path: Path):
    made: list[Session] = []

    with create_pipe_input() as keys:

        def start(
            terminal: Terminal | None = None,
            environment: Mapping[str, str] | None = None,
            **fields: Any,
        ) -> Session:
            session = Session(keys, terminal or Terminal(), tmp_path, environment or {}, fields)
            made.append(session)
            nursery.start_soon(keep_running, session.delivery)
            return session

        yield start
        for session in made:
            session.delivery.close()
            with trio.fail_after(60):
                await session.delivery.done.wait()


async def from_replay(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
    return await trio.to_thread.run_sync(answer_from, question, recorded())


async def broken(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
    return await trio.to_thread.run_sync(answer_from, question, recorded(is_broken=True))


async def test_it_shows_the_latest_snapshot(start) -> None:
    session = start()
    await session.terminal.until("Reading the log")
    session.delivery.send_snapshot(snapshot())
    await session.terminal.until("128.4 req/s")
    session.delivery.send_snapshot(snapshot(insights=insights(hits=77)))
    await session.terminal.until("7.7 req/s")


async def test_while_nothing_changes_the_screen_is_drawn_now_and_then(start) -> None:
    session = start()
    session.delivery.send_snapshot(snapshot())
    await session.terminal.until("14:13:20")
    for later in (2, 4):
        session.delivery.send_snapshot(
            snapshot(time=BASE + later, insights=insights(end=BASE + later))
        )
        await trio.sleep(0.2)
    assert "14:13:20" in session.terminal.page
    session.delivery.send_snapshot(snapshot(time=BASE + 0.5 + QUIET_SECONDS))
    await session.terminal.until("14:13:26")
    session.delivery.send_snapshot(snapshot(time=BASE + 7.0, insights=insights(hits=77)))
    await session.terminal.until("14:13:27")


async def test_it_follows_resizes(start) -> None:
    terminal = Terminal(80, 24)
    session = start(terminal)
    session.delivery.send_snapshot(snapshot())
    await terminal.until("/s0")
    await trio.sleep(1.1)  # prompt-toolkit compares sizes from its second look on
    terminal.resize(200, 60)
    await terminal.until("Incidents")
    terminal.resize(60, 15)
    await terminal.until("Incidents", gone=True)
    assert len(terminal.page.splitlines()) <= 15


async def test_keys_do_what_the_help_says(start) -> None:
    session = start()
    session.delivery.send_snapshot(snapshot())
    await session.terminal.until("/s0")
    await session.press("?", "next view")
    await session.press("?", "/s0")
    await session.press("p", "PAUSED")
    session.delivery.send_snapshot(snapshot(insights=insights(hits=77)))
    await trio.sleep(0.3)
    assert "128.4 req/s" in session.terminal.page
    await session.press("p", "7.7 req/s")
    await session.press("\x1b[B", "▸ /s1")
    await session.press("l", "▸ /path/0")
    await session.press("3", "3Errors")
    await session.press("\t", "4Clients")
    await session.press(":", "all commands")
    await session.press("long", "longer window")
    await session.press("\r", "last 30 s")
    for key in ("q", "\x03"):
        session.keys.send_text(key)
    with trio.fail_after(60):
        while session.stops < 2:
            await trio.sleep(0.02)


_FAULTS = re.compile("this failed|cannot be shown|Traceback")


async def test_every_key_can_be_pressed_in_every_view(start) -> None:
    session = start(Terminal(120, 40), answer=broken)
    session.delivery.send_snapshot(replay(is_broken=True).shown)
    await session.terminal.until("✖ 1 CRITICAL")
    for view in range(1, 9):
        for command in COMMANDS:
            for key in command.action.keys:
                if len(key) > 1 or key in "q12345678":
                    continue
                session.keys.send_text(f"{view}{key}")
                await trio.sleep(0.08)
                assert not _FAULTS.search(session.terminal.page), (view, key)
                session.keys.send_text("\x1b")
    await session.press("F1", " 1 Overview ")
    assert "✖ " in session.terminal.page.splitlines()[0]
    assert not session.delivery.health.restarts


async def test_a_row_is_opened_and_left_and_excluded(start) -> None:
    session = start(answer=from_replay)
    session.delivery.send_snapshot(replay().shown)
    await session.terminal.until("▸ /")
    await session.press("l/static\r", "▸ /static/app.css")
    await session.press("\r", "path /static/app.css   [Backspace: wider]")
    await session.press("\x7f", "[Backspace]", gone=True)
    await session.press("x", "not path /static/app.css")
    assert "  /static/app.css" not in session.terminal.page


async def test_a_filter_is_checked_while_it_is_typed(start) -> None:
    session = start(Terminal(120, 30), answer=from_replay)
    session.delivery.send_snapshot(replay().shown)
    await session.terminal.until("▸ /")
    await session.press("f", "Only requests where:")
    await session.press("stat", "Status")  # a completion
    await session.press("us >= nonsense(\r", "where: status >= nonsense(")
    await session.terminal.until("incomplete, or a bracket")
    assert "where:" in session.terminal.page.splitlines()[-2]
    # What is wrong is not hidden by the menu of completions.
    session.keys.send_text("\x15")
    await session.press("path = /adm", "text goes in single quotes")
    assert "single quotes" in session.terminal.page.splitlines()[-1]
    session.keys.send_text("\x15")  # Ctrl-U
    await session.press("status = 404\r", "status = 404   [Backspace: wider]")
    await session.terminal.until("4xx 100 %")


async def test_time_is_gone_back_and_forward(start) -> None:
    session = start(Terminal(120, 30), answer=from_replay)
    session.delivery.send_snapshot(replay().shown)
    await session.terminal.until("10 req/s")
    await session.press("[", "until 14:13:10 [End: live]")
    await session.press("]", "[End: live]", gone=True)
    await session.press("t14:05:00\r", "until 14:05:05 [End: live]")
    await session.press("\x1b[F", "[End: live]", gone=True)
    await session.press("tnever", "must be a time")
    session.keys.send_text("\x1b")
    await session.press("w", "last 30 s")
    await session.press("-", "last 10 s")


async def test_requests_keep_their_place_while_more_come(start) -> None:
    session = start(Terminal(120, 30), answer=from_replay)
    session.delivery.send_snapshot(replay().shown)
    await session.terminal.until("10 req/s")
    await session.press("7", "newest first, live")
    await session.terminal.until("14:13:19 ")
    await session.press("jj", "stopped at 14:13:20")
    await session.press("\r", "The line in the log")
    assert "host" in session.terminal.page
    await session.press("\x1b", "stopped at")
    await session.press("g", "newest first, live")


async def test_a_row_is_copied_and_the_screen_saved(start, tmp_path: Path) -> None:
    session = start()
    session.delivery.send_snapshot(snapshot())
    await session.terminal.until("/s0")
    await session.press("y", "clipboard")
    encoded = base64.b64encode(b"/s0").decode()
    assert f"\x1b]52;c;{encoded}\x1b\\" in session.terminal.written
    for ending, begin in ((".svg", "<svg"), (".html", "<!doctype"), (".txt", " /var/log")):
        path = tmp_path / f"screen{ending}"
        await session.press("S", "Save the screen as:")
        session.keys.send_text("\x15")
        await session.press(f"{path}\r", "saved as")
        assert path.read_text().startswith(begin)
        assert "/s0" in path.read_text()
        session.keys.send_text("k")
        await session.terminal.until("saved as", gone=True)


async def test_the_wheel_and_clicks_move_the_cursor(start) -> None:
    session = start()
    session.delivery.send_snapshot(snapshot())
    await session.terminal.until("▸ /s0")
    await session.press("\x1b[<65;10;15M", "▸ /s3")  # the wheel, as SGR mouse reports
    row = next(i for i, one in enumerate(session.terminal.page.splitlines()) if "  /s5 " in one)
    await session.press(f"\x1b[<0;5;{row + 1}M", "▸ /s5")


async def test_a_click_on_a_heading_sorts_by_that_column(start) -> None:
    session = start(Terminal(100, 30), answer=from_replay)
    session.delivery.send_snapshot(replay().shown)
    await session.terminal.until("change")  # which comes with the answers, and moves columns
    assert "hits ▾" in session.terminal.page

    def heading() -> tuple[int, str]:
        rows = session.terminal.page.splitlines()
        return next((i, one) for i, one in enumerate(rows) if "  change" in one)

    async def click(words: str) -> None:
        row, text = heading()
        await session.press(f"\x1b[<0;{text.index('5xx') + 1};{row + 1}M", words)

    await click("5xx ▾")
    assert "hits ▾" not in heading()[1]
    await click("5xx ▴")


async def test_the_terminal_is_left_as_it_was_found(start) -> None:
    session = start()
    session.delivery.send_snapshot(snapshot())
    await session.terminal.until("/s0")
    session.delivery.close()
    await session.delivery.done.wait()
    assert "\x1b[?1049h" in session.terminal.written
    assert session.terminal.written.rindex("\x1b[?1049l") > session.terminal.written.rindex("/s0")
    assert session.terminal.written.rindex("\x1b[?1000l") > session.terminal.written.rindex("/s0")
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
    session.keys.send_text("\ry")
    await session.terminal.until("Backspace")
    session.keys.send_text("f")
    await session.terminal.until("Only requests where: section = '?]0;owned")
    for forbidden in ("\x1b]0;owned", "\x1b[2J\x9b", "\x9b", "\u202e", "\x07"):
        assert forbidden not in session.terminal.written
    assert "owned" not in str(session.terminal.screen.title)


async def test_a_rule_is_silenced_and_an_incident_acknowledged(start) -> None:
    session = start(Terminal(120, 40))
    session.delivery.send_snapshot(snapshot(alerts=Alerts((OUTAGE,))))
    await session.terminal.until("1 CRITICAL")
    await session.press("6", "Rules")
    await session.press("m", "otherwise notified: team")
    await session.press("2x", "must be a duration")
    await session.press("\x7fh\r", "Server errors is silenced for 2h")
    silences = session.desk.silences
    assert silences.active(BASE) == [Silence("Server errors", BASE + 7200, "from the console")]
    await session.press("k", "silenced until 16:13:20")
    await session.press("m", "Server errors is no longer silenced")
    assert not silences.active(BASE)
    await session.press("a", "acknowledged: no more reminders")
    assert set(session.desk.acknowledgements.known()) == {OUTAGE.id}
    await session.press("k", "1 ACKNOWLEDGED")
    await session.press("a", "no longer acknowledged")


async def test_a_silence_that_is_wider_is_not_ended_by_the_way(start) -> None:
    session = start(Terminal(120, 30))
    session.desk.silences.save([Silence("Server*", BASE + 60, "deploy")])
    session.delivery.send_snapshot(snapshot(alerts=Alerts((OUTAGE,))))
    await session.terminal.until("silenced until 14:14:20")
    await session.press("6m", "glancemetrics silence 'Server*' --end")
    assert len(session.desk.silences.active(BASE)) == 1


async def test_a_silence_that_cannot_be_written_is_told(start, tmp_path: Path) -> None:
    (tmp_path / "silences.json").mkdir()
    session = start(Terminal(240, 24))
    session.delivery.send_snapshot(snapshot(alerts=Alerts((OUTAGE,))))
    await session.terminal.until("1 CRITICAL")
    await session.press("6m", "for [1h]:")
    await session.press("\r", "Is a directory")
