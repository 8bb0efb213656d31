"""Runs an agent as a program: signals, its own log, exit status."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import trio
from loguru import logger

from actors.commands.own_log import log_to, raise_readable
from actors.sources.files import FILES
from actors.state.allocator import collect_from_now_on, give_back_memory
from glancemetrics.errors import UsageError, needing
from glancemetrics.planning.sources import PATH, scheme_of
from glancemetrics.words.addresses import without_password
from glancemetrics.words.escaping import visible

if TYPE_CHECKING:
    from actors.agent.agent import Agent

STOP_SECONDS = 3.0
"""From a signal until the agent ends in any case; what is not sent stays in the logs."""


def run_agent(files: tuple[str, ...], to: str, name: str, start: str, level: str) -> int:
    """Run an agent until a signal; returns the exit status. Raises `GlanceMetricsError`."""
    with needing("fleet", "the agent"):
        from actors.agent.agent import Agent, AgentPlan
        from actors.sources.position import From
        from glancemetrics.fleet.address import NAME_RULE, fleet_address, is_name
    if not is_name(name):
        named = visible(name) or "''"
        raise UsageError(f"--name {named}: {NAME_RULE}")
    for file in files:
        _check_file(file)
    plan = AgentPlan(address=fleet_address(to, "--to"), name=name, paths=files, start=From(start))
    log_to(level, None)
    give_back_memory()
    collect_from_now_on()
    try:
        trio.run(_main, Agent(plan, time.time))
    except BaseException as error:
        raise_readable(error, "the agent")
    return 0


def _check_file(text: str) -> None:
    if scheme_of(text) != PATH:
        raise UsageError(
            f"{without_password(text)}: an agent sends files; give it the path of a log, or ./NAME"
        )
    reason = FILES.refuses(text)
    if reason is not None:
        raise UsageError(f"{without_password(text)}: {reason}")


async def _main(agent: Agent) -> None:
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_obey_signals, stop, nursery.cancel_scope)
        await agent.run(stop)
        nursery.cancel_scope.cancel()


async def _obey_signals(
    stop: trio.Event,
    everything: trio.CancelScope,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
        task_status.started()
        async for number in received:
            logger.info("{}: ending", signal.Signals(number).name)
            if stop.is_set():
                everything.cancel()
            stop.set()
            everything.deadline = trio.current_time() + STOP_SECONDS
