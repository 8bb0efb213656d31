"""The supervisor of outputs: an output that fails is started again, later and later, alone."""

from __future__ import annotations

import trio
from loguru import logger

from actors.monitor.fan_out import Delivery
from glancemetrics.errors import GlanceMetricsError, sentence
from glancemetrics.health.health import OutputState

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 30.0
"""Seconds between starts of an output that keeps failing; each twice the one before."""

_STEADY_SECONDS = 60.0
"""An output that ran so long had recovered: its backoff begins anew."""


async def keep_running(delivery: Delivery) -> None:
    """Run an output until its inbox ends, starting it again whenever it fails."""
    try:
        with delivery.scope:
            await _keep_running(delivery)
    finally:
        delivery.done.set()
        if delivery.inbox.undelivered:
            logger.error(
                "{} ended with {} events undelivered",
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
            raise  # it cannot work, and is what the program was started for
        except Exception as error:  # whatever it is, it is this output's alone
            if trio.current_time() - started > _STEADY_SECONDS:
                backoff = FIRST_BACKOFF
            reason = sentence(error)
            delivery.report(OutputState.RETRYING, reason)
            delivery.count_restart()
            # That it fails is logged once, of its health; this is each try.
            logger.debug(
                "{} failed: {}; trying again in {} s", delivery.output.name, reason, backoff
            )
            logger.opt(exception=error).debug("{} failed", delivery.output.name)
        else:
            return
        if delivery.closing.is_set():
            await trio.sleep(FIRST_BACKOFF)
        with trio.move_on_after(backoff):
            await delivery.closing.wait()  # then it is tried once more at once
        backoff = min(2 * backoff, LONGEST_BACKOFF)
