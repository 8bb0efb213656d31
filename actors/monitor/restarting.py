"""The supervisor of outputs: restarts an output that fails, at growing intervals."""

from __future__ import annotations

import trio
from loguru import logger

from actors.monitor.fan_out import Delivery
from glancemetrics.errors import GlanceMetricsError, sentence
from glancemetrics.health.health import OutputState

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 30.0
"""Seconds between restarts of an output that keeps failing; doubled each time."""

_STEADY_SECONDS = 60.0
"""An output that ran this long had recovered: its backoff starts over."""


async def keep_running(delivery: Delivery) -> None:
    """Run an output until its inbox ends, restarting it whenever it fails."""
    try:
        with delivery.scope:
            await _keep_running(delivery)
    finally:
        delivery.done.set()
        if delivery.inbox.undelivered:
            logger.error(
                "{} ended with {} undelivered events",
                delivery.output.name,
                len(delivery.inbox.undelivered),
            )


async def _keep_running(delivery: Delivery) -> None:
    backoff = FIRST_BACKOFF
    while True:
        started = trio.current_time()
        try:
            await delivery.output.run(delivery.inbox, delivery.report)
        except GlanceMetricsError:
            raise  # it cannot work, and the program was started for it
        except Exception as error:  # whatever it is, only this output fails
            if trio.current_time() - started > _STEADY_SECONDS:
                backoff = FIRST_BACKOFF
            reason = sentence(error)
            delivery.report(OutputState.RETRYING, reason)
            delivery.count_restart()
            # Its health is logged once, elsewhere; this logs every attempt.
            logger.debug(
                "{} failed: {}; trying again in {} s", delivery.output.name, reason, backoff
            )
            logger.opt(exception=error).debug("{} failed", delivery.output.name)
        else:
            return
        if delivery.closing.is_set():
            await trio.sleep(FIRST_BACKOFF)
        with trio.move_on_after(backoff):
            await delivery.closing.wait()  # then one more attempt at once
        backoff = min(2 * backoff, LONGEST_BACKOFF)
