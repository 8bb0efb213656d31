"""Runs the monitor as a program: outputs for this terminal, signals, its own log, exit status."""

from __future__ import annotations

import atexit
import functools
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import attrs
import trio
from loguru import logger

from actors.commands.own_log import log_to, raise_readable
from actors.files.notices import complain, tell
from actors.monitor.checkpoints import Checkpoints, ClaimedError
from actors.monitor.service import (
    checkpoints_of,
    history_of,
    is_of_the_past,
    is_short,
    monitor,
    passing_kinds,
    read_from_start,
)
from actors.monitor.standby import NOTE, Standby
from actors.outputs.console import is_shown
from actors.outputs.console.terminal import stop_process
from actors.outputs.desk import Desk, Latest, no_report, nothing_kept, standing_by
from actors.outputs.json_lines import JsonLinesSettings
from actors.outputs.output import Essential, Output, Screen, Staying
from actors.outputs.registry import make_outputs
from actors.sources.agents import AGENTS
from actors.sources.intake import Intake
from actors.sources.posted import POSTED
from actors.sources.registry import kinds_of
from actors.state.acknowledgements import FILE_NAME as ACKNOWLEDGEMENTS
from actors.state.acknowledgements import Acknowledgements
from actors.state.allocator import collect_from_now_on, share_memory, stay_small
from actors.state.left_threads import wait_for_left
from actors.state.silences import FILE_NAME as SILENCES
from actors.state.silences import Silences
from actors.state.state_folder import state_folder
from actors.state.turns import OWN
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.formats.raw_lines import RawLine
from glancemetrics.health.health import Health
from glancemetrics.planning.plan import Plan
from glancemetrics.records.time_span import TimeSpan
from glancemetrics.traffic.event_clock import LIVE_WITHIN

if TYPE_CHECKING:
    from actors.archive.raw_lines import RawLines
    from actors.history.answering import Answering
    from actors.history.history import History

_LOAD_SECONDS, _MANY_LINES = 2.0, 20_000
"""More lines in that time are load."""
_CALM_SECONDS = 10.0
"""Without load, free memory is returned to the system that often."""
_AT_ONCE_SECONDS = 1.0
"""How long a hub may wait for another one before that is shown."""

STUCK_SECONDS = 2.0
"""From the wish to stop until the program ends in any case: a thread that waits for a dead disk or
a dead terminal cannot be cancelled."""

LEAVE_SECONDS = 1.5
"""From the end until what still writes or asks the history is left as it is; it can be."""

STOPPED_AT_ONCE = 130
"""Exit status after a second Ctrl-C, as of a shell's command that SIGINT ended."""


_BESIDE_SERVICE = (
    "The configuration is the service's: this view records no alerts and notifies nobody "
    "(--config FILE uses a configuration of your own)"
)
_OLD_LOG = "The log is old: its alerts are only shown, not recorded, and nobody is notified"


def run_monitor(plan: Plan, *, is_services: bool = False) -> int:
    """Run a plan until told to stop; returns the exit status.

    `is_services`: the configuration is that of the machine's service, and was found. A person who
    looks at the same logs beside the service should not notify everybody twice.
    """
    settings = plan.settings
    has_terminal = sys.stdout is not None and sys.stdout.isatty()
    with_console = is_shown(settings, has_terminal=has_terminal)
    with_json = settings.section(JsonLinesSettings).enabled
    is_service = not (with_console or with_json or settings.once)
    only_shows = _BESIDE_SERVICE if is_services and not is_service else ""
    folder = state_folder(None if only_shows else settings.state_dir)
    # Without a screen the log is where people look.
    # With --once, unreadable logs are reported at the end.
    level = "info" if is_service else "error" if settings.once else "warning"
    level = level if settings.log_level == "auto" else settings.log_level
    log_to(level, folder / "glancemetrics.log" if with_console else None)
    program = _Program(
        plan, folder, is_service=is_service, has_terminal=has_terminal, only_shows=only_shows
    )
    try:
        trio.run(program.main)
    except BaseException as error:
        program.restore_terminal()
        program.leave(GlanceMetricsError.exit_status)
        raise_readable(error, "the monitor")
    program.leave(program.status)
    return program.status


class _Program:
    """One run: its stop, and what is done to the terminal when there is no time."""

    def __init__(
        self,
        plan: Plan,
        state_folder: Path,
        *,
        is_service: bool,
        has_terminal: bool,
        only_shows: str,
    ) -> None:
        """`is_service`: nobody looks at it. `only_shows`: why it records and notifies nothing."""
        self._only_shows = only_shows
        self._signal = 0
        self.status = 0
        """The exit status."""
        self._plan = plan
        self._state_folder = state_folder
        self._is_service = is_service
        self._has_terminal = has_terminal
        self._stop = trio.Event()
        self._screen: Screen | None = None
        self._watchdog: threading.Timer | None = None

    async def main(self) -> None:
        plan = self._plan
        oldest_sent = -math.inf
        if not self._is_service and plan.settings.clock == "auto" and passing_kinds(plan):
            # Who looks at `zcat old.log.gz | glancemetrics` notifies nobody of its alerts.
            oldest_sent = time.time() - LIVE_WITHIN
        if not self._is_service and await is_of_the_past(plan, time.time):
            plan = self._plan = read_from_start(plan)
            self._only_shows = self._only_shows or _OLD_LOG
        elif not self._is_service and await is_short(plan):
            plan = self._plan = read_from_start(plan)
            oldest_sent = time.time() - LIVE_WITHIN
        checkpoints = self._checkpoints()
        standby = None
        if checkpoints is not None and plan.sources.of(AGENTS.schemes):
            standby = Standby(checkpoints, checkpoints.term)
        elif checkpoints is not None:
            checkpoints = self._claimed(checkpoints)
        try:
            if standby is None or await self._stand_by(standby):
                await self._work(checkpoints, standby, oldest_sent)
        finally:
            if standby is not None:
                await standby.release()

    async def _stand_by(self, standby: Standby) -> bool:
        """Wait until no other hub works, and show that; returns false if stopped before."""
        with trio.move_on_after(_AT_ONCE_SECONDS):
            await standby.take()
            return True
        desk = self._desk(None, None, None, is_standby=True)
        outputs = self._made_outputs(desk)
        over = trio.Event()
        async with trio.open_nursery() as nursery:
            await nursery.start(self._obey_signals)
            nursery.start_soon(_set_after, self._stop.wait, over)
            nursery.start_soon(_set_after, standby.take, over)
            await monitor(
                # Without traffic, rules would only tell that there is none.
                attrs.evolve(self._plan, rules=(), own_rules=()),
                outputs,
                stop=over,
                wall=time.time,
                standard_input=lambda: 0,
                latest=desk.latest,
                standby=standby,
            )
            nursery.cancel_scope.cancel()
        return not self._stop.is_set()

    async def _work(
        self, checkpoints: Checkpoints | None, standby: Standby | None, oldest_sent: float
    ) -> None:
        """Follow the logs."""
        plan = self._plan
        history = history_of(plan, checkpoints, time.time)
        answering = None
        if history is not None:
            from actors.history.answering import Answering  # late: `--once` asks nothing

            answering = Answering(history.recorded)
        intake = Intake() if plan.sources.of(POSTED.schemes) else None
        desk = self._desk(history, answering, intake, checkpoints)
        outputs = self._made_outputs(desk)
        stays = self._screen is not None or any(isinstance(one, Staying) for one in outputs)
        if history is not None:
            history.is_asked = stays
        async with trio.open_nursery() as nursery:
            await nursery.start(self._obey_signals)
            nursery.start_soon(_tune_memory, desk.latest)
            if answering is not None:
                await nursery.start(answering.run)
            if standby is not None:
                nursery.start_soon(standby.keep, self._start_again)
            await monitor(
                plan,
                outputs,
                checkpoints=checkpoints,
                stop=self._stop,
                wall=time.time,
                standard_input=lambda: 0,
                history=history,
                latest=desk.latest,
                intake=intake,
                stays=stays,
                oldest_sent=oldest_sent,
            )
            nursery.cancel_scope.cancel()
        for output in outputs:
            if isinstance(output, Essential) and output.problem:
                raise GlanceMetricsError(output.problem)
        if plan.settings.once and desk.latest.snapshot is not None:
            self.status = self._told(desk.latest.snapshot.health)

    def _made_outputs(self, desk: Desk) -> list[Output]:
        outputs = make_outputs(desk)
        self._screen = next((one for one in outputs if isinstance(one, Screen)), None)
        collect_from_now_on()
        return outputs

    def _start_again(self) -> NoReturn:
        """Replace this process by a new one, which stands by: its state is no longer true."""
        logger.warning("another hub has taken over; starting again to stand by")
        self.restore_terminal()
        _flush()
        words = [sys.executable, *sys.orig_argv[1:]]
        os.execv(sys.executable, words)  # noqa: S606 - there is no shell to need

    def _told(self, health: Health) -> int:
        """Tell what was not read with --once; returns the exit status."""
        if self._signal and health.lag_bytes:
            tell("Interrupted; results are partial.")
            return 128 + self._signal
        if health.blindness:
            raise GlanceMetricsError(health.blindness)
        unread = [source for source in health.sources if source.is_unread]
        for source in unread:
            complain(f"{source.name}: {source.detail}")
        return GlanceMetricsError.exit_status if unread else 0

    def _checkpoints(self) -> Checkpoints | None:
        """Return where checkpoints are kept; `None` for nowhere."""
        if self._only_shows:
            return None
        # Who notifies others must not forget what they were told.
        is_service = bool(self._plan.targets) or self._is_service
        return checkpoints_of(self._plan, self._state_folder, is_service=is_service)

    def _claimed(self, checkpoints: Checkpoints) -> Checkpoints | None:
        """Claim the place of checkpoints, and return it.

        Where another monitor has it, a person still gets to see the logs: then it is `None`.
        Raises `GlanceMetricsError`.
        """
        try:
            checkpoints.claim()
        except ClaimedError:
            if self._is_service:
                raise
            self._only_shows = (
                f"Another monitor keeps the state of these logs in {self._state_folder}: "
                "it records alerts and notifies, this view does not"
            )
            return None
        return checkpoints

    def _desk(
        self,
        history: History | None,
        answering: Answering | None,
        intake: Intake | None,
        checkpoints: Checkpoints | None = None,
        *,
        is_standby: bool = False,
    ) -> Desk:
        async def write_report(path: str, where: str | None, span: TimeSpan) -> str:
            if history is None:
                return await no_report(path, where, span)
            from actors.archive.history_reports import HistoryReports  # late: few ask for one

            return await HistoryReports(self._plan, history.recorded).write(path, where, span)

        @functools.cache
        def raw_lines() -> RawLines:
            from actors.archive.raw_lines import RawLines  # late: few ask for one

            return RawLines(self._plan)

        async def raw_line(
            source: str, time: datetime, fields: Mapping[str, object], asker: str = OWN
        ) -> RawLine:
            return await raw_lines().find(source, time, fields, asker)

        kinds = kinds_of(self._plan.sources)
        answer = standing_by if is_standby else nothing_kept
        if answering is not None:
            answer = answering.answer
        return Desk(
            settings=self._plan.settings,
            rules=self._plan.rules_by_name,
            targets=self._plan.targets,
            expected=self._plan.reading.format_to_follow().expected,
            state_folder=self._state_folder,
            silences=Silences(self._state_folder / SILENCES),
            acknowledgements=Acknowledgements(self._state_folder / ACKNOWLEDGEMENTS),
            wall=time.time,
            started_at=time.time(),
            stop=self.stop,
            end=self.end,
            has_terminal=self._has_terminal,
            answer=answer,
            raw_line=raw_line,
            write_report=write_report,
            intake=intake,
            has_standard_input=not any(kind.has_standard_input for kind in kinds),
            is_standby=is_standby,
            term=None if checkpoints is None else checkpoints.term,
            is_resuming=checkpoints is not None,
            only_shows=NOTE if is_standby else self._only_shows,
        )

    def restore_terminal(self) -> None:
        """Leave the terminal as it was found, also when there is no time for anything else."""
        if self._screen is not None:
            self._screen.restore_terminal()

    def stop(self) -> None:
        """Stop; the second time, at once."""
        if self._stop.is_set():
            self.restore_terminal()
            os._exit(STOPPED_AT_ONCE)
        self._stop.set()
        self._watchdog = threading.Timer(STUCK_SECONDS, self._give_up)
        self._watchdog.daemon = True
        self._watchdog.start()

    def end(self) -> None:
        """Stop, unless that is being done."""
        if not self._stop.is_set():
            self.stop()

    def leave(self, status: int) -> None:
        """Wait for what still runs in threads; past that, end without the interpreter's own end."""
        if self._watchdog is not None:
            self._watchdog.cancel()
        if not wait_for_left(LEAVE_SECONDS):
            atexit.register(_end_at_once, status)

    def _give_up(self) -> None:
        self.restore_terminal()
        os.write(2, b"glancemetrics: error: a write did not finish in time; stopped without it\n")
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
                self._signal = self._signal or number
                if number == signal.SIGTSTP and self._screen is not None:
                    await self._screen.suspend(stop_process)
                elif number == signal.SIGCONT and self._screen is not None:
                    self._screen.resume()
                elif number == signal.SIGINT:
                    self.stop()
                else:
                    self.end()


async def _tune_memory(latest: Latest) -> None:
    """Keep memory small in calm, and free memory at hand under load."""
    before, calm_since, is_small = 0, -math.inf, True
    while True:
        lines = 0 if latest.snapshot is None else latest.snapshot.health.lines
        now = trio.current_time()
        if lines - before > _MANY_LINES:
            share_memory()
            calm_since, is_small = now, False
        elif (lines > before or not is_small) and now > calm_since + _CALM_SECONDS:
            await trio.to_thread.run_sync(stay_small)
            calm_since, is_small = now, True
        before = lines
        await trio.sleep(_LOAD_SECONDS)


async def _set_after(wait: Callable[[], Awaitable[None]], event: trio.Event) -> None:
    await wait()
    event.set()


def _end_at_once(status: int) -> None:
    _flush()
    os._exit(status)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
