"""Who may send lines: a file with a name and a token on each line. No sender may look.

The file is read again when it changes. Tokens are in no log and no error. They are looked up by
their digest with a key of this run, so the time that takes says nothing about them.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import attrs

from actors.outputs.web.access import (
    GUESSES,
    GUESSES_A_SECOND,
    Credentials,
    TooManyGuessesError,
    basic_of,
    check_token,
)
from actors.outputs.web.allowances import Allowances
from actors.outputs.web.networks import network_of
from glancemetrics.formats.posted_lines import is_server_name

_LONGEST = 1000
_MOST_RIGHT = 10_000


@attrs.frozen
class Sender:
    """A line of the file."""

    name: str
    """The server of its lines, unless they say otherwise and may."""
    servers: tuple[str, ...] = ()
    """Patterns of the names of other servers that its lines may be of."""

    def may_be(self, server: str) -> bool:
        """Tell whether its lines may be of a server."""
        return server == self.name or any(fnmatchcase(server, one) for one in self.servers)


def _read(line: str) -> tuple[str, str]:
    name, *rest = line.split()
    if not rest:
        raise ValueError("must be NAME TOKEN, or NAME TOKEN SERVER...")
    if not is_server_name(name) or "*" in name:
        raise ValueError("the name is that of a server: at most 253 characters, without *")
    check_token(rest[0])
    # A sender may have several tokens while they are changed.
    return hashlib.sha256(rest[0].encode()).hexdigest(), " ".join((name, *rest))


class Senders:
    """Checks who may send lines."""

    def __init__(self, path: str) -> None:
        self._file = Credentials("--web-senders", Path(path), _read, may="send lines")
        self._key = secrets.token_bytes(32)
        self._known: Mapping[bytes, Sender] = {}
        self._read_from: object = None
        self._guesses = Allowances(GUESSES_A_SECOND, GUESSES)
        self._right: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        """Networks, and the digests of right tokens that they sent."""

    def refresh(self) -> None:
        """Read the file if it has changed. Raises `GlanceMetricsError` the first time only."""
        self._file.refresh()
        if self._file.known is not self._read_from:
            self._read_from = self._file.known
            lines = [line.split(" ") for line in self._file.known.values()]
            self._known = {
                self._digest(token): Sender(name, tuple(servers)) for name, token, *servers in lines
            }

    def _digest(self, token: str) -> bytes:
        data = token.encode("utf-8", "surrogateescape")
        return hashlib.blake2b(data, key=self._key, digest_size=32).digest()

    def of_header(self, header: str, peer: str) -> Sender | None:
        """Return who sent an `Authorization` header: `Bearer`, or `Basic` with any name.

        Wrong ones take from the allowance of the network they come from. Once it is used up nothing
        is checked: only what was right before is still right. Raises `TooManyGuessesError`.
        """
        kind, _, value = header.partition(" ")
        token = value.strip() if kind.lower() == "bearer" else ""
        if kind.lower() == "basic":
            token = basic_of(value)[1]
        if not token:
            return None
        if len(token) > _LONGEST:
            return None
        network, digest = network_of(peer), self._digest(token)
        if (network, digest) not in self._right:
            allowance = self._guesses.of(network)
            if not allowance.take(time.monotonic()):
                raise TooManyGuessesError("too many wrong tokens", allowance.wait())
            if digest not in self._known:
                return None
            allowance.give_back()
            self._right[network, digest] = None
            if len(self._right) > _MOST_RIGHT:
                self._right.popitem(last=False)
        return self._known.get(digest)
