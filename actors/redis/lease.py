"""Leases: at most one process is the agent of a name, or the hub of a fleet.

A lease is a key that expires. Two machines of the same name are noticed, such as a clone.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path

import attrs

from actors.redis.connection import REPLY_SECONDS, Command, Connection, Reply, checked
from glancemetrics.errors import UnreachableError
from glancemetrics.words.escaping import visible

LEASE_SECONDS = 6.0
"""How long a lease stays taken after its last renewal."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Of each start of a machine another one, also of copies. Source: random(4)."""
_NAMESPACE = Path("/proc/self/ns/pid")
"""Names what process numbers are valid in: each container has its own. Source: namespaces(7)."""


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
    """The number of the process, in its namespace."""
    namespace: str = ""
    """In which namespace the number is valid; empty: unknown."""

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
                namespace=str(values.get("namespace", "")),
            )
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return cls(instance="", host="another machine")

    @property
    def is_gone(self) -> bool:
        """Whether it ran on this machine, in this container, and does not any more.

        A namespace of the same name that has ended can only have processes that are gone.
        """
        if not (self.boot and self.namespace) or self.process <= 1:
            return False
        if (self.boot, self.namespace) != (_boot(), _namespace()):
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
            namespace=_namespace(),
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
                with suppress(NotHeldError):  # somebody else has taken it in the meantime
                    await self._run_while(reply, connection, ("DEL", self.key))
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
        return await self._run_while(self.own.to_bytes(), connection, *commands, seconds=seconds)

    async def release(self, connection: Connection) -> None:
        """Let others have it at once."""
        with suppress(NotHeldError):
            await self.guarded(connection, ("DEL", self.key))

    async def _run_while(
        self,
        holder: bytes,
        connection: Connection,
        *commands: Command,
        seconds: float = REPLY_SECONDS,
    ) -> list[Reply]:
        """Carry out all commands at once, if a holder has the lease; see `guarded`."""
        watched, found = await connection.run(("WATCH", self.key), ("GET", self.key))
        checked(watched)
        if checked(found) != holder:
            await connection.run(("UNWATCH",))
            raise NotHeldError("another hub has taken over")
        *queued, done = await connection.run(("MULTI",), *commands, ("EXEC",), seconds=seconds)
        checked(queued)
        if checked(done) is None:
            raise NotHeldError("another hub has taken over")
        replies: list[Reply] = done
        return replies


class KeptLease(Lease):
    """A lease that is renewed and released elsewhere in this process."""

    async def renew(self, connection: Connection) -> bool:
        """Return whether this process has it now."""
        (reply,) = await connection.run(("GET", self.key))
        return bool(checked(reply) == self.own.to_bytes())

    async def release(self, connection: Connection) -> None:
        """Leave it as it is."""


def _namespace() -> str:
    try:
        return str(_NAMESPACE.readlink())
    except OSError:
        return ""


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
