"""The console as an output: it receives snapshots, asks the history, and does what keys ask for.

The screen itself, with its state, lives in the thread of prompt-toolkit's application; everything
else happens in trio's. They pass frozen values to each other.
"""

from __future__ import annotations

import errno
import termios
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import attrs
import trio
from loguru import logger
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.output import Output as TerminalOutput
from prompt_toolkit.output import create_output

from actors.outputs.asking import Asking
from actors.outputs.console import effects
from actors.outputs.console.application import ScreenThread
from actors.outputs.console.context import Context
from actors.outputs.console.opening import open_in_browser
from actors.outputs.console.pages.request_detail import with_line
from actors.outputs.console.prompts import checked
from actors.outputs.console.receiving import received
from actors.outputs.console.remembering import (
    chosen,
    load_choices,
    save_choices,
    with_choices,
)
from actors.outputs.console.saving import new_file, save
from actors.outputs.console.state import State
from actors.outputs.console.terminal import TerminalState, stop_job
from actors.outputs.console.themes import AUTO
from actors.outputs.desk import Desk
from actors.outputs.output import Inbox, Report
from actors.state.acknowledgements import Acknowledgement
from actors.state.left_threads import run_leavable
from actors.state.silences import Silence
from glancemetrics.errors import GlanceMetricsError, sentence
from glancemetrics.formats.raw_lines import RawLine
from glancemetrics.health.health import OutputState
from glancemetrics.history.ask import Answered, Ask
from glancemetrics.records.time_span import TimeSpan
from glancemetrics.traffic.quiet_seconds import is_empty_in
from glancemetrics.traffic.snapshot import Snapshot


class Console:
    """Shows the latest snapshot, and what the person asks for by keys."""

    name = "console"
    wants_events = False
    wants_snapshots = True

    def __init__(
        self,
        context: Context,
        desk: Desk,
        *,
        theme: str = "auto",
        terminal: tuple[Input, TerminalOutput] | None = None,
    ) -> None:
        self._context = context
        self._desk = desk
        self._theme = theme
        self._terminal = terminal
        self._screen: ScreenThread | None = None
        self._found = TerminalState()
        self._kept_theme: str | None = None
        """Of an earlier run, while --theme says another one."""
        self._shown: deque[Snapshot] = deque(maxlen=2)
        """The last ones shown: the older one knows the seconds that have just left a window."""

    def restore_terminal(self) -> None:
        """Leave the terminal as it was found, at once."""
        self._found.restore()

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Show snapshots until there are no more. The terminal is left as it was found."""
        self._token = trio.lowlevel.current_trio_token()
        self._screen = screen = ScreenThread(
            self._context,
            environment=self._desk.environment,
            theme=self._theme,
            terminal=self._terminal,
            want=self._from_thread(self._want),
            work=self._from_thread(self._work),
        )
        self._asking = Asking(self._desk.answer, self._answered)
        await trio.to_thread.run_sync(self._remember, screen)
        report(OutputState.WORKING, "")
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._run_screen, screen)
            self._nursery.start_soon(self._asking.run)
            try:
                async for snapshot in inbox.snapshots:
                    await self._show(screen, snapshot)
            finally:
                screen.end()

    async def suspend(self, stop_program: Callable[[], None]) -> None:
        """Leave the terminal as it was found, stop the program, and take the terminal back.

        `stop_program` is called in trio's thread, and returns when the program is continued.
        """
        if self._screen is None:
            stop_program()
        else:
            await self._screen.suspend(stop_program)

    def resume(self) -> None:
        """Take the terminal back: SIGSTOP leaves no time to leave it, and a shell sets it anew."""
        if self._screen is not None:
            self._screen.resume()

    async def _run_screen(self, screen: ScreenThread) -> None:
        with trio.CancelScope(shield=True):  # ends by `screen.end`, with the terminal restored
            try:
                await trio.to_thread.run_sync(screen.run)
            except EOFError:
                self._desk.end()  # the terminal has gone
            except (OSError, termios.error) as error:
                if error.args[:1] != (errno.EIO,):  # which is the same, told by another call
                    raise
                self._desk.end()
            await trio.to_thread.run_sync(self._save_choices, screen.state)
        self._nursery.cancel_scope.cancel()

    def _remember(self, screen: ScreenThread) -> None:
        """Begin as the person has left it the last time."""
        choices, problem = load_choices(self._desk.state_folder)
        self._kept_theme = choices.pop("theme", None) if self._theme != AUTO else None
        screen.do(lambda state: with_choices(state, choices).told(problem))

    def _save_choices(self, state: State) -> None:
        try:
            kept = {} if self._kept_theme is None else {"theme": self._kept_theme}
            save_choices(self._desk.state_folder, kept | chosen(state))
        except OSError as error:
            logger.warning("what was chosen on the console is forgotten: {}", sentence(error))

    def _from_thread(self, do: Callable[..., None]) -> Callable[..., None]:
        """Return a function for the screen's thread that does something in trio's."""

        def call(*arguments: object) -> None:
            try:
                self._token.run_sync_soon(partial(do, *arguments))
            except trio.RunFinishedError:  # the end of the program
                return

        return call

    async def _show(self, screen: ScreenThread, snapshot: Snapshot) -> None:
        silences, acknowledged = await trio.to_thread.run_sync(self._kept)
        screen.do(
            lambda state: attrs.evolve(
                received(state, snapshot), silences=silences, acknowledged=acknowledged
            )
        )

    def _kept(self) -> tuple[tuple[Silence, ...], Mapping[str, Acknowledgement]]:
        return self._desk.silences.known(self._desk.wall()), self._desk.acknowledgements.known()

    def _want(self, state: State, asks: tuple[Ask, ...]) -> None:
        """Ask these questions from now on."""
        wanted = {}
        for ask in asks:
            try:
                wanted[ask] = ask.question(state.now)
            except GlanceMetricsError as error:
                self._answered(ask, Answered(None, error=str(error)))
        missing = wanted.keys() - state.answers.keys()
        if state.shown is None:
            self._asking.want(wanted, missing=missing)
            return
        if state.shown not in self._shown:
            self._shown.append(state.shown)
        health = state.shown.health
        is_empty = partial(is_empty_in, tuple(self._shown))
        self._asking.want(wanted, health.records, health.delay or 0.0, is_empty, missing)

    def _answered(self, ask: Ask, answered: Answered) -> None:
        assert self._screen is not None
        self._screen.do(lambda state: state.with_answer(ask, answered))

    def _work(self, effect: effects.Effect, state: State) -> None:
        """Carry out, in trio's thread, what keys have asked for."""
        match effect:
            case effects.Quit():
                self._desk.stop()
            case effects.StopJob():
                self._nursery.start_soon(self.suspend, stop_job)
            case effects.CheckFilter():
                self._nursery.start_soon(self._check_filter, effect)
            case effects.FindRawLine():
                self._nursery.start_soon(self._find_raw_line, effect)
            case _:
                self._nursery.start_soon(self._in_thread, effect, state)

    async def _in_thread(self, effect: effects.Effect, state: State) -> None:
        from actors.outputs.console.working import work  # late: reports are slow to import

        try:
            if isinstance(effect, effects.WriteReport):
                notice = await self._report(effect, state)
            elif isinstance(effect, effects.WriteView):
                notice = await run_leavable(partial(save, effect.path, effect.text))
            else:
                notice = await run_leavable(partial(work, effect, self._desk))
        except (OSError, ValueError, GlanceMetricsError) as error:
            notice = sentence(error)
        except Exception as error:  # a fault of ours: say so
            notice = _failed(error)
        silences, acknowledged = await trio.to_thread.run_sync(self._kept)
        assert self._screen is not None
        self._screen.do(
            lambda state: attrs.evolve(
                state, notice=notice, silences=silences, acknowledged=acknowledged
            )
        )

    async def _report(self, effect: effects.WriteReport, state: State) -> str:
        span = TimeSpan(max(0, state.now - state.seconds), state.now)
        path = await trio.to_thread.run_sync(new_file, effect.path)
        written = await self._desk.write_report(path, state.scope.where, span)
        is_opened = await trio.to_thread.run_sync(self._open, path)
        return f"{written}, opened in the browser" if is_opened else written

    def _open(self, path: str) -> bool:
        try:
            return open_in_browser(Path(path), self._desk.environment)
        except OSError as error:
            logger.warning("{}: not opened: {}", path, sentence(error))
            return False

    async def _check_filter(self, effect: effects.CheckFilter) -> None:
        from actors.outputs.filter_problem import problem_of_filter

        try:
            problem = await trio.to_thread.run_sync(
                problem_of_filter, effect.text, self._context.kept
            )
        except Exception as error:
            problem = _failed(error)
        assert self._screen is not None
        self._screen.do(
            lambda state: checked(state, effect.text, problem, is_accepted=effect.is_accepted)
        )

    async def _find_raw_line(self, effect: effects.FindRawLine) -> None:
        try:
            found = await self._desk.raw_line(effect.source, effect.time, effect.record)
        except Exception as error:
            found = RawLine(missing=_failed(error))
        assert self._screen is not None
        self._screen.do(lambda state: with_line(state, effect.record, found.text, found.missing))


def _failed(error: Exception) -> str:
    """Log a fault that nobody foresaw, and return what to say."""
    logger.opt(exception=error).error("what a key of the console asked for failed")
    return f"this failed: {sentence(error)}"


def terminal(input_is_taken: bool) -> tuple[Input, TerminalOutput] | None:
    """Return the terminal to use; `None` for the usual one.

    Where standard input is a log that is piped in, or nothing (`< /dev/null`), the keys come from
    the terminal itself.
    """
    if not input_is_taken:
        return None
    return create_input(always_prefer_tty=True), create_output()
