"""The console as an output: prompt-toolkit's full-screen application in a worker thread."""

from __future__ import annotations

import contextlib
import glob
import os
import signal
import sys
import termios
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import trio
from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.layout import FormattedTextControl, Layout, Window
from prompt_toolkit.output import Output as TerminalOutput
from prompt_toolkit.output import create_output

from actors.outputs.console import styles
from actors.outputs.console.keys import Acting, bindings
from actors.outputs.console.panels import Context
from actors.outputs.console.screen import View, render
from actors.outputs.output import Inbox, Report
from actors.state.clock import WallClock
from actors.state.silences import Silence, Silences, silence_among
from glancemetrics.errors import sentence
from glancemetrics.health.health import OutputState
from glancemetrics.traffic.snapshot import Snapshot

_Attributes = list[Any]
"""Of a terminal, as termios has them."""

QUIET_SECONDS = 6.0
"""Between two drawings of the screen while nothing changes but the time."""


class Console:
    """Shows the latest snapshot, and what the person asks for by keys."""

    name = "console"
    wants_events = False
    wants_snapshots = True

    def __init__(
        self,
        context: Context,
        stop: Callable[[], None],
        *,
        environment: Mapping[str, str],
        wall: WallClock,
        silences: Silences,
        terminal: tuple[Input, TerminalOutput] | None = None,
    ) -> None:
        """`stop` is called in trio's thread when the person wants to quit, each time they do."""
        self._wall = wall
        self._silences = silences
        self._context = context
        self._stop = stop
        self._environment = environment
        self._terminal = terminal
        self.view = View()
        self._snapshot: Snapshot | None = None
        self._latest: Snapshot | None = None
        self._running: _Running | None = None
        self._found = TerminalState()

    def restore_terminal(self) -> None:
        """Leave the terminal as it was found, at once."""
        self._found.restore()

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Show snapshots until there are no more. The terminal is left as it was found."""
        self._token = trio.lowlevel.current_trio_token()
        application = self._application()
        self._running = running = _Running(application)
        report(OutputState.WORKING, "")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run_application, running, nursery.cancel_scope)
            try:
                async for snapshot in inbox.snapshots:
                    self._latest = snapshot
                    silences = await trio.to_thread.run_sync(self._silences.known, self._wall())
                    has_changed = silences != self.view.silences
                    self.view.silences = silences
                    if not self.view.paused and (has_changed or self._is_news(snapshot)):
                        self._snapshot = snapshot
                        application.invalidate()
            finally:
                running.end()

    async def suspend(self, stop_program: Callable[[], None]) -> None:
        """Leave the terminal as it was found, stop the program, and take the terminal back.

        `stop_program` is called in trio's thread, and returns when the program is continued.
        """
        if self._running is None:
            stop_program()
        else:
            await self._running.suspend(stop_program)

    def resume(self) -> None:
        """Take the terminal back: SIGSTOP leaves no time to leave it, and a shell sets it anew."""
        if self._running is not None:
            self._running.resume()

    async def _run_application(self, running: _Running, scope: trio.CancelScope) -> None:
        with trio.CancelScope(shield=True):  # ends by `running.end`, with the terminal restored
            try:
                await trio.to_thread.run_sync(running.run)
            except EOFError:
                self._stop()  # the terminal has gone
        scope.cancel()

    def _application(self) -> Application[None]:
        keys, screen = self._terminal or (None, None)
        application: Application[None] = Application(
            layout=Layout(Window(FormattedTextControl(self._text, show_cursor=False))),
            key_bindings=bindings(self._act),
            style=styles.style(self._environment),
            full_screen=True,
            min_redraw_interval=0.05,
            terminal_size_polling_interval=0.5,
            input=keys,
            output=screen,
        )
        self._size = application.output.get_size
        self._drawn_size = self._size()
        return application

    def _is_news(self, snapshot: Snapshot) -> bool:
        """Whether more than the time has changed.

        Drawing a large terminal takes about 20 ms; without requests, the clock and the chart need
        not move at every refresh.
        """
        shown = self._snapshot
        if shown is None or snapshot.time - shown.time >= QUIET_SECONDS:
            return True
        if self._size() != self._drawn_size:
            return True  # prompt-toolkit misses a resize in its first second
        return _timeless(snapshot) != _timeless(shown)

    def _text(self) -> StyleAndTextTuples:
        size = self._drawn_size = self._size()
        rows = render(self._snapshot, self.view, self._context, size.columns, size.rows)
        text: StyleAndTextTuples = []
        for row in rows:
            text += row
            text.append(("", "\n"))
        return text[:-1]

    def _act(self, action: Callable[[Acting], None]) -> None:
        action(self)
        if not self.view.paused:
            self._snapshot = self._latest

    def quit(self) -> None:
        """End the program."""
        self._token.run_sync_soon(self._stop)

    def stop_job(self) -> None:
        """Stop all of the job, as the terminal does it where keys are cooked."""
        os.kill(0, signal.SIGTSTP)

    def toggle_silencing(self) -> None:
        """Show the page of silences, or leave it."""
        self.view.toggle_silencing(self._rules())

    def silence(self) -> None:
        """Silence the chosen rule."""
        self._change_silences(is_begin=True)

    def end_silence(self) -> None:
        """End the silence of the chosen rule."""
        self._change_silences(is_begin=False)

    def _rules(self) -> tuple[str, ...]:
        """Return the names of all rules, those with ongoing incidents first."""
        firing = () if self._latest is None else self._latest.alerts.firing
        ongoing = Counter(incident.rule for incident in firing)
        return tuple(sorted(self._context.rules, key=lambda name: -ongoing[name]))

    def _change_silences(self, *, is_begin: bool) -> None:
        """Silence the chosen rule, or end its silence; a small file is written in this thread."""
        page = self.view.silencing
        if page is None or page.rule is None:
            return
        now = self._wall()
        pattern = glob.escape(page.rule)
        page.problem = ""
        try:
            if is_begin:
                silence = Silence(pattern, now + page.seconds, "from the console")
                self._silences.add(silence, now)
            elif not self._silences.end(pattern, now):
                wider = silence_among(self._silences.active(now), page.rule)
                if wider is not None:
                    page.problem = (
                        f"it is silenced by {wider.pattern}; end that with: "
                        f"glancemetrics silence '{wider.pattern}' --end"
                    )
            self.view.silences = self._silences.known(now)
        except (OSError, ValueError) as error:
            page.problem = sentence(error)


def _timeless(snapshot: Snapshot) -> tuple[object, ...]:
    """What a snapshot says, without what changes by itself."""
    return attrs.evolve(snapshot.shown, end=0), snapshot.alerts, snapshot.health


_ASIDE_SECONDS = 1.0
"""After which the program stops in any case: a dead terminal must not keep it from that."""


class _Running:
    """An application in its thread, which may be told to end before it has begun."""

    def __init__(self, application: Application[None]) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._begun = False
        self._ending = False
        self._found: _Attributes | None = None
        """Of the terminal, before the application set it."""
        self._raw: _Attributes | None = None
        """As the application has it."""

    def run(self) -> None:
        """Run until `end`. Raises `EOFError` when the terminal's input ends."""
        self._found = self._attributes()
        self._application.after_render += self._on_render
        self._application.run(pre_run=self._begin, handle_sigint=False, set_exception_handler=False)

    def end(self) -> None:
        with self._lock:
            self._ending = True
        self._call(self._exit)

    async def suspend(self, stop_program: Callable[[], None]) -> None:
        """Stand aside while the program is stopped; in trio's thread."""
        token = trio.lowlevel.current_trio_token()
        aside, continued = trio.Event(), threading.Event()

        def stand_aside() -> None:
            self._leave_screen()
            with self._application.input.detach():
                self._set(self._found)
                token.run_sync_soon(aside.set)
                continued.wait()
            self._take_back()

        if self._call(stand_aside):
            with trio.move_on_after(_ASIDE_SECONDS):
                await aside.wait()
        try:
            stop_program()
        finally:
            continued.set()

    def resume(self) -> None:
        """Set the terminal and draw all of it, whatever has become of it meanwhile."""
        self._call(self._take_back)

    def _call(self, what: Callable[[], None]) -> bool:
        """Do something in the application's thread; false where that does not run."""
        with self._lock:
            loop = self._application.loop if self._begun else None
        if loop is None or not self._application.is_running:
            return False
        loop.call_soon_threadsafe(what)
        return True

    def _leave_screen(self) -> None:
        output = self._application.output
        output.reset_attributes()
        output.enable_autowrap()
        self._application.renderer.reset()

    def _take_back(self) -> None:
        if self._application.is_done:
            return
        # In the background this stops the program again, as the system does to `top`.
        self._set(self._raw)
        self._application.renderer.reset()
        self._application.invalidate()

    def _attributes(self) -> _Attributes | None:
        try:
            return termios.tcgetattr(self._application.input.fileno())
        except termios.error:
            return None  # no terminal

    def _set(self, attributes: _Attributes | None) -> None:
        if attributes is not None:
            with contextlib.suppress(termios.error):  # it has gone, which reading will tell
                termios.tcsetattr(
                    self._application.input.fileno(), termios.TCSANOW, list(attributes)
                )

    def _on_render(self, _: Application[None]) -> None:
        if self._raw is None:
            self._raw = self._attributes()

    def _begin(self) -> None:
        with self._lock:
            self._begun = True
            ending = self._ending
        if ending:
            self._exit()

    def _exit(self) -> None:
        if self._application.is_running and not self._application.is_done:
            self._application.exit()


class TerminalState:
    """How the terminal was found, to leave it so also when there is no time for anything else."""

    def __init__(self) -> None:
        self._attributes: _Attributes | None = None
        self._descriptor = -1
        for stream in (sys.stdin, sys.stdout):
            if stream is not None and stream.isatty():
                self._descriptor = stream.fileno()
                self._attributes = termios.tcgetattr(self._descriptor)
                break

    def restore(self) -> None:
        """Leave the alternate screen, show the cursor, and cook the input again."""
        if self._attributes is not None:
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._attributes)
            os.write(sys.stdout.fileno(), b"\x1b[?1049l\x1b[?25h\x1b[?2004l\x1b[0m")


def terminal(input_is_taken: bool) -> tuple[Input, TerminalOutput] | None:
    """Return the terminal to use; `None` for the usual one.

    Where standard input is a log that is piped in, or nothing (`< /dev/null`), the keys come from
    the terminal itself.
    """
    if not input_is_taken:
        return None
    return create_input(always_prefer_tty=True), create_output()
