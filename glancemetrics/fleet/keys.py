"""What a fleet has in Redis, and who may touch it.

For each agent NAME of a fleet:

| key | kind | content |
|---|---|---|
| `gm:{FLEET}:a:NAME` | stream | its entries, up to the acknowledged one |
| `gm:{FLEET}:s:NAME` | hash | what it has sent: the last entry, and the mark of each log |
| `gm:{FLEET}:k:NAME` | hash | what the hub has counted: the same, and which entry it refused |
| `gm:{FLEET}:l:NAME` | text | the lease: which process is the agent of this name |
| `gm:{FLEET}:b:NAME` | text | the last word of an agent that was asked to end, or about it |
| `gm:{FLEET}:hello:NAME` | channel | what the agent says of itself, every second |

`gm:{FLEET}:pace` is how often agents send (see `pace.py`), `gm:{FLEET}:hub` the lease of the hub.
If the hub keeps its state in Redis: `gm:{FLEET}:term` names the process that began last as the
hub, `gm:{FLEET}:state` is its checkpoint, and `gm:{FLEET}:told:…` has the notifications of each
target, as a hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import attrs


@attrs.frozen
class FleetKeys:
    """The keys of a fleet."""

    fleet: str

    def stream(self, agent: str) -> str:
        """Return the stream of an agent's entries."""
        return self._key("a", agent)

    def sent(self, agent: str) -> str:
        """Return the hash of what an agent has sent."""
        return self._key("s", agent)

    def counted(self, agent: str) -> str:
        """Return the hash of what the hub has counted of an agent."""
        return self._key("k", agent)

    def lease(self, agent: str) -> str:
        """Return the lease of an agent's name."""
        return self._key("l", agent)

    def bye(self, agent: str) -> str:
        """Return the last word of an agent that has ended, as in `hello`."""
        return self._key("b", agent)

    def hello(self, agent: str) -> str:
        """Return the channel in which an agent is heard; `*` for those of all agents."""
        return self._key("hello", agent)

    @property
    def pace(self) -> str:
        """How often agents send."""
        return f"gm:{{{self.fleet}}}:pace"

    @property
    def hub(self) -> str:
        """The lease of the hub."""
        return f"gm:{{{self.fleet}}}:hub"

    @property
    def state(self) -> str:
        """The checkpoint of the hub."""
        return f"gm:{{{self.fleet}}}:state"

    @property
    def term(self) -> str:
        """Which process began last as the hub, while the state is in Redis."""
        return f"gm:{{{self.fleet}}}:term"

    def told(self, target: str) -> str:
        """Return the notifications of a target, and which of them were delivered."""
        return self._key("told", hashlib.sha256(target.encode()).hexdigest()[:16])

    def agent_in(self, channel: str) -> str:
        """Return the agent of a channel of `hello`."""
        return channel.removeprefix(self._key("hello", ""))

    def _key(self, kind: str, name: str) -> str:
        # The braces keep all keys of a fleet together where keys are hashed to servers.
        return f"gm:{{{self.fleet}}}:{kind}:{name}"


_AGENT_COMMANDS = (
    "auth hello ping select info role time client|setname multi exec discard watch "
    "unwatch xadd xlen xtrim xinfo|stream hgetall hmget hset del get set pexpire publish"
)
_HUB_COMMANDS = (
    "auth hello ping select info role time client|setname multi exec discard watch "
    "unwatch xread xrange xlen xtrim xinfo|stream hgetall hset hdel del get getrange set pexpire "
    "publish psubscribe punsubscribe"
)


def agent_access(fleet: str, agent: str, user: str) -> Iterator[str]:
    """Yield the words of `ACL SETUSER` that let an agent do its work only.

    They need Redis 7, or Valkey. The password is to be added: `>PASSWORD`. Source:
    https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
    """
    keys = FleetKeys(fleet)
    yield from ("ACL", "SETUSER", user, "reset", "on")
    for key in (keys.stream(agent), keys.sent(agent), keys.lease(agent), keys.bye(agent)):
        yield f"~{key}"
    for key in (keys.counted(agent), keys.pace):
        yield f"%R~{key}"
    yield f"&{keys.hello(agent)}"
    yield from (f"+{command}" for command in _AGENT_COMMANDS.split())


def hub_access(fleet: str, user: str) -> Iterator[str]:
    """Yield the words of `ACL SETUSER` that let a hub do its work, as `agent_access`."""
    yield from ("ACL", "SETUSER", user, "reset", "on", f"~gm:{{{fleet}}}:*")
    yield f"&{FleetKeys(fleet).hello('*')}"
    yield from (f"+{command}" for command in _HUB_COMMANDS.split())
