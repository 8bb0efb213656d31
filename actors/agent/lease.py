"""The lease of an agent's name: at most one process has it.

It is a key that expires. Two machines of the same name are noticed, such as a clone: the second one
is refused, and told where the first one runs.
"""

from __future__ import annotations

import json
import math
from typing import Any

import attrs
import trio

from actors.redis.connection import Connection, checked
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.words.escaping import visible

LEASE_SECONDS = 6.0
"""How long the name stays taken after the last renewal."""
_PATIENCE = 2 * LEASE_SECONDS
"""How long a new process waits for the lease of one that may have been killed."""
_PAUSE_SECONDS = 0.5


class TakenError(GlanceMetricsError):
    """Another agent has the name."""


@attrs.frozen
class Lease:
    """The lease of a name by one process."""

    key: str
    instance: str
    """Random: which process."""
    host: str
    """The name of the machine."""

    @property
    def _value(self) -> bytes:
        return json.dumps({"instance": self.instance, "host": self.host}).encode()

    async def take(self, connection: Connection, name: str) -> None:
        """Take it, or wait until that of a killed process expires. Raises `TakenError`."""
        deadline = trio.current_time() + _PATIENCE
        while not await self.renew(connection):
            if trio.current_time() > deadline:
                (reply,) = await connection.run(("GET", self.key))
                raise TakenError(
                    f"{name}: an agent of this name runs on {_host_in(reply)}; name this one with "
                    "--name, also if its machine is a copy"
                )
            await trio.sleep(_PAUSE_SECONDS)

    async def renew(self, connection: Connection) -> bool:
        """Renew it, or take it if nobody has it; returns whether this process has it now."""
        milliseconds = math.ceil(1000 * LEASE_SECONDS)
        take = ("SET", self.key, self._value, "NX", "PX", milliseconds)
        taken, holder = await connection.run(take, ("GET", self.key))
        if checked(taken) is not None:
            return True
        if checked(holder) != self._value:
            return False
        # If it expires in between, another process may have taken it: it then has it for longer,
        # and the next renewal finds out.
        (renewed,) = await connection.run(("PEXPIRE", self.key, milliseconds))
        return bool(checked(renewed))

    async def release(self, connection: Connection) -> None:
        """Let others have the name at once."""
        (holder,) = await connection.run(("GET", self.key))
        if checked(holder) == self._value:
            await connection.run(("DEL", self.key))


def _host_in(value: Any) -> str:
    try:
        return visible(str(json.loads(value)["host"])[:100])
    except (ValueError, TypeError, LookupError):
        return "another machine"
