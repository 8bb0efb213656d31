"""Runs the monitor as a program: outputs for this terminal, signals, its own log, exit status."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from loguru import logger

from actors.files.notices import log_file_line, log_line, tell
from actors.monitor.service import (
    all_rules_of,
    checkpoints_of,
    chosen_outputs,
    monitor,
    reading_of,
)
from actors.outputs.output import Output
from actors.sources.files.paths import STANDARD_INPUT
from actors.state.silences import FILE_NAME as SILENCES
from actors.state.silences import Silences
from actors.state.state_file import make_folder, opener
from actors.state.state_folder import state_folder
from glancemetrics.configuration.settings import Settings
from glancemetrics.errors import GlanceMetricsError, sentence
from glancemetrics.planning.written import Written
from glancemetrics.version import __version__

if TYPE_CHECKING:
    from loguru import Record

    from actors.outputs.console.console import Console
    from actors.outputs.json_lines import JsonLines

STUCK_SECONDS = 2.0
"""From the wish to stop until the program ends in any case: a thread that waits for a dead disk or
a dead terminal cannot be cancelled."""

STOPPED_AT_ONCE = 130
"""Exit status after a second Ctrl-C, as of a shell's command that SIGINT ended."""


def run_monitor(settings: Settings, written: Written | None = None) -> int:
    """Run until told to stop; returns the exit status.

    `written` is what the configuration has beside settings.
    """
    to_terminal = sys.stdout is not None and sys.stdout.isatty()
    with_console = to_terminal and not settings.json and not settings.no_console
    folder = state_folder(settings.state_dir)
    # Without a screen the log is where people look.
    level = "warning" if with_console or settings.json else "info"
    level = level if settings.log_level == "auto" else settings.log_level
    _log_to(level, folder / "glancemetrics.log" if with_console else None)
    program = _Program(settings, written or Written(), folder, with_console)
    try:
        trio.run(program.main)
    except BaseException as error:
        program.restore_terminal()
        _raise_readable(error)
    return 0


class _Program:
    """One run: its stop, and what is done to the terminal when there is no time."""

    def __init__(
        self, settings: Settings, written: Written, state_folder: Path, with_console: bool
    ) -> None:
        self._settings = settings
        self._written = written
        self._state_folder = state_folder
        self._with_console = with_console
        self._stop = trio.Event()
        self.restore_terminal: Callable[[], None] = lambda: None
        self._screen: Console | None = None

    async def main(self) -> None:
        checkpoints = checkpoints_of(
            self._settings,
            self._state_folder,
            is_service=bool(self._written.targets)
            or not (self._with_console or self._settings.json),
        )
        if checkpoints is not None:
            checkpoints.claim()
        outputs = chosen_outputs(
            self._settings, self._state_folder, self._written, is_resuming=checkpoints is not None
        )
        printed: JsonLines | None = None
        if self._with_console:
            outputs.append(self._console())
        elif self._settings.json:
            from actors.outputs.json_lines import JsonLines

            printed = JsonLines(sys.stdout.fileno)
            outputs.append(printed)
        async with trio.open_nursery() as nursery:
            await nursery.start(self._obey_signals)
            await monitor(
                self._settings,
                outputs,
                written=self._written.rules,
                checkpoints=checkpoints,
                stop=self._stop,
                wall=time.time,
                standard_input=lambda: 0,
            )
            nursery.cancel_scope.cancel()
        if printed is not None and printed.problem:
            raise GlanceMetricsError(printed.problem)

    def stop(self) -> None:
        """Stop; the second time, at once."""
        if self._stop.is_set():
            self.restore_terminal()
            os._exit(STOPPED_AT_ONCE)
        self._stop.set()
        watchdog = threading.Timer(STUCK_SECONDS, self._give_up)
        watchdog.daemon = True
        watchdog.start()

    def _give_up(self) -> None:
        self.restore_terminal()
        os.write(2, b"glancemetrics: error: something was stuck and did not end in time\n")
        os._exit(GlanceMetricsError.exit_status)

    async def _obey_signals(
        self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        obeyed = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
        if self._screen is not None:  # else the system stops and continues it
            obeyed += [signal.SIGTSTP, signal.SIGCONT]
        with trio.open_signal_receiver(*obeyed) as received:
            task_status.started()
            async for number in received:
                if number == signal.SIGTSTP and self._screen is not None:
                    await self._screen.suspend(_stop_process)
                elif number == signal.SIGCONT and self._screen is not None:
                    self._screen.resume()
                elif number == signal.SIGINT or not self._stop.is_set():
                    self.stop()

    def _console(self) -> Output:
        # Late: only a terminal needs prompt-toolkit.
        from actors.outputs.console.console import Console, TerminalState, terminal
        from actors.outputs.console.panels import Context

        self.restore_terminal = TerminalState().restore
        context = Context(
            version=__version__,
            started_at=time.time(),
            rules=all_rules_of(self._settings, self._written.rules),
            incident_limit=self._settings.incident_limit,
            expected=reading_of(self._settings).format_to_follow().expected,
            targets=tuple(target.name for target in self._written.targets),
        )
        self._screen = Console(
            context,
            self.stop,
            environment=os.environ,
            wall=time.time,
            silences=Silences(self._state_folder / SILENCES),
            terminal=terminal(
                input_is_taken=STANDARD_INPUT in self._settings.file
                or sys.stdin is None
                or not sys.stdin.isatty()
            ),
        )
        return self._screen


def _stop_process() -> None:
    """Stop as SIGTSTP does to those who do not wait for it; returns on SIGCONT."""
    ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    try:
        # To this thread, so that it does not run on until the system comes round to it.
        signal.raise_signal(signal.SIGTSTP)
    finally:
        signal.signal(signal.SIGTSTP, ours)


def _log_to(level: str, file: Path | None) -> None:
    """Send what we say of ourselves to stderr, or to a file where the console has the screen."""
    logger.remove()
    if file is None:
        logger.add(
            sys.stderr,
            level=level.upper(),
            filter=_is_ours,
            diagnose=False,
            format=log_line,
        )
        return
    try:
        make_folder(file.parent)
        logger.add(
            file,
            level=level.upper(),
            filter=_is_ours,
            diagnose=False,
            format=log_file_line,
            rotation="1 MB",
            retention=2,
            opener=opener,
        )
    except OSError as error:
        # Seen once the console has left the screen.
        tell(f"{error.filename}: {error.strerror}; GlanceMetrics' own log is not written")


def _is_ours(record: Record) -> bool:
    """Whether a line is about us, and not one of the alert log's."""
    return "alert_log" not in record["extra"]


def _raise_readable(error: BaseException) -> None:
    """Raise what a person should read of an error: one sentence."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, GlanceMetricsError | KeyboardInterrupt | SystemExit):
        raise error
    logger.opt(exception=error).debug("the monitor failed")
    raise GlanceMetricsError(
        f"the monitor failed: {type(error).__name__}: {sentence(error)} "
        "(--log-level debug logs where)"
    ) from None
