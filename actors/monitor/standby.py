"""Standing by: a second hub waits until the first one ends, and only then loads the state.

Whoever has the lock of the folder, and with the state in Redis the lease of the fleet as well, is
the hub that works.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
import trio
from loguru import logger

from actors.monitor.checkpoints import Checkpoints, ClaimedError, UnusableStateError
from actors.sources.messages import FromSource
from actors.sources.source import Source, cancel_on, saying
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.planning.sources import Sources

if TYPE_CHECKING:
    from actors.redis.term import Term

NOTE = (
    "Standing by: another hub of this fleet is working. This one takes over when that one ends; "
    "until then it counts nothing and notifies nobody"
)
_LOOK_SECONDS = 0.5
"""Between two looks whether the folder is free."""


@attrs.define
class Standby:
    """A hub that waits for its turn."""

    _checkpoints: Checkpoints
    _term: Term | None
    """`None`: the state is not in Redis."""
    detail: str = ""
    """What it waits for, in a sentence."""
    _has_forgotten: bool = False

    async def take(self) -> None:
        """Wait until no other hub works with the same state, and keep others from it.

        It may be cancelled and called again. Raises `GlanceMetricsError`.
        """
        while not self._checkpoints.is_claimed:
            try:
                await trio.to_thread.run_sync(self._checkpoints.claim)
            except ClaimedError:
                self._say(f"another hub keeps its state in {self._checkpoints.folder}; waiting")
                await trio.sleep(_LOOK_SECONDS)
        if self._term is not None:
            await self._term.take(self._say, self._forget_unsaved)

    async def _forget_unsaved(self) -> None:
        """Delete records from the history that no checkpoint has: the other hub counts them."""
        if self._has_forgotten or not self._checkpoints.history_folder.exists():
            return
        await trio.to_thread.run_sync(_cut_history, self._checkpoints)
        self._has_forgotten = True

    async def keep(self, lost: Callable[[], None]) -> None:
        """Keep others from it until this is cancelled; `lost` is called if one has taken over."""
        if self._term is not None:
            await self._term.keep(lost)

    async def release(self) -> None:
        """Let another hub work, after everything has been saved."""
        if self._term is not None:
            await self._term.release()

    def sources(self, sources: Sources) -> list[Source]:
        """Return what stands for sources meanwhile: nothing is read."""
        return [StandbySource(text, self) for text in sources.texts]

    def _say(self, detail: str) -> None:
        if detail != self.detail:
            logger.info("{}", detail)
        self.detail = detail


def _cut_history(checkpoints: Checkpoints) -> None:
    """Runs in one of trio's threads: the checkpoint may have to be read from Redis."""
    from actors.history.history import cut_history  # late: only a hub that waits needs it
    from actors.history.segments import SegmentFolder

    with suppress(UnusableStateError, OSError):
        saved = checkpoints.load()
        if saved is not None and saved.history is not None:
            cut_history(SegmentFolder(checkpoints.history_folder), saved.history)


@attrs.frozen
class StandbySource:
    """Stands for all sources while a hub stands by: nothing is read."""

    _name: str
    _standby: Standby

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        """Say what is waited for, until `stop`."""
        async with send, trio.open_nursery() as nursery:
            nursery.start_soon(cancel_on, stop, nursery.cancel_scope)
            say, said = saying(send), None
            while True:
                health = SourceHealth(self._name, SourceState.READING, self._standby.detail)
                if health != said:
                    await say(health)
                said = health
                await trio.sleep(_LOOK_SECONDS)
