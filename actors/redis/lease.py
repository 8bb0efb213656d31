"""Leases: at most one process is the agent of a name, or the hub of a fleet.

A lease is a key that expires. Two machines of the same name are noticed, such as a clone.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import socket
from pathlib import Path

import attrs

from actors.redis.connection import REPLY_SECONDS, Command, Connection, Reply, checked
from glancemetrics.errors import UnreachableError
from glancemetrics.words.escaping import visible

LEASE_SECONDS = 6.0
"""How long a lease stays taken after its last renewal."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Of each start of a machine another one, also of copies. Source: random(4)."""


@attrs.frozen(kw_only=True)
class Holder:
    """A process that has a lease."""

    instance: str
    """Random: which process."""
    host: str
    """The name of the machine."""
    boot: str = ""
    """Which start of which machine; empty: unknown."""
    process: int = 0
    """The number of the process; it may be another one in another container."""

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(attrs.asdict(self)).encode()

    @classmethod
    def read(cls, data: object) -> Holder:
        """Read it from JSON; what another version wrote is nobody known."""
        try:
            values = json.loads(data)  # type: ignore[arg-type]
            return cls(
                instance=str(values["instance"]),
                host=visible(str(values["host"])[:100]),
                boot=str(values["boot"]),
                process=int(values["process"]),
            )
        except (ValueError, TypeError, LookupError, RecursionError):
            return cls(instance="", host="another machine")

    @property
    def is_gone(self) -> bool:
        """Whether it ran on this machine, and does not any more."""
        if not self.boot or self.boot != _boot() or self.process <= 1:
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            pass
        return False


class NotHeldError(UnreachableError):
    """Nothing was changed, because this process does not have the lease now."""


@attrs.frozen
class Lease:
    """A lease, as one process would have it."""

    key: str
    own: Holder

    @classmethod
    def of(cls, key: str) -> Lease:
        """Return a lease for this process."""
        holder = Holder(
            instance=secrets.token_hex(8),
            host=socket.gethostname(),
            boot=_boot(),
            process=os.getpid(),
        )
        return cls(key, holder)

    async def holder(self, connection: Connection) -> Holder | None:
        """Return who has it; `None` for nobody."""
        (reply,) = await connection.run(("GET", self.key))
        return None if checked(reply) is None else Holder.read(reply)

    async def renew(self, connection: Connection) -> bool:
        """Renew it, or take it if nobody has it; returns whether this process has it now."""
        milliseconds = math.ceil(1000 * LEASE_SECONDS)
        own = self.own.to_bytes()
        taken, reply = await connection.run(
            ("SET", self.key, own, "NX", "PX", milliseconds), ("GET", self.key)
        )
        if checked(taken) is not None:
            return True
        if checked(reply) != own:
            if Holder.read(reply).is_gone:  # killed; nobody has to wait for its lease
                await connection.run(("DEL", self.key))
            return False
        # If it expires in between, another process may have taken it: it then has it for longer,
        # and the next renewal finds out.
        (renewed,) = await connection.run(("PEXPIRE", self.key, milliseconds))
        return bool(checked(renewed))

    async def guarded(
        self, connection: Connection, *commands: Command, seconds: float = REPLY_SECONDS
    ) -> list[Reply]:
        """Carry out all commands at once, if this process has the lease; returns their replies.

        Raises `NotHeldError` if it has not: then nothing was changed, however late the commands
        reach Redis.
        """
        watched, holder = await connection.run(("WATCH", self.key), ("GET", self.key))
        checked(watched)
        if checked(holder) != self.own.to_bytes():
            await connection.run(("UNWATCH",))
            raise NotHeldError("another hub has taken over")
        *queued, done = await connection.run(("MULTI",), *commands, ("EXEC",), seconds=seconds)
        checked(queued)
        if checked(done) is None:
            raise NotHeldError("another hub has taken over")
        replies: list[Reply] = done
        return replies

    async def release(self, connection: Connection) -> None:
        """Let others have it at once."""
        (reply,) = await connection.run(("GET", self.key))
        if checked(reply) == self.own.to_bytes():
            await connection.run(("DEL", self.key))


class KeptLease(Lease):
    """A lease that is renewed and released elsewhere in this process."""

    async def renew(self, connection: Connection) -> bool:
        """Return whether this process has it now."""
        (reply,) = await connection.run(("GET", self.key))
        return bool(checked(reply) == self.own.to_bytes())

    async def release(self, connection: Connection) -> None:
        """Leave it as it is."""


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
