"""The logs of containers, from the API of Docker's or Podman's engine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from actors.sources.kind import NoSettings, SourceKind

if TYPE_CHECKING:
    from actors.sources.desk import SourceDesk
    from actors.sources.docker.marks import DockerMark
    from actors.sources.source import Source
    from glancemetrics.state.tree import State

SCHEME = "docker"
HOST_VARIABLE = "DOCKER_HOST"
DEFAULT_HOST = "unix:///var/run/docker.sock"

_SELECTIONS = re.compile(r"label=[^=]+(=.*)?|[a-zA-Z0-9_.*?\[\]!-]+")
"""Names as the engine allows them, and globs of them."""


def selected(text: str) -> str:
    """Return what a value of `-f` selects: a name, a glob, or `label=KEY=VALUE`."""
    return text.partition(":")[2].removeprefix("//").removeprefix("/")


def engine_address() -> str:
    """Return where the engine is, as `DOCKER_HOST` says: `unix:///PATH` or `tcp://HOST:PORT`."""
    return os.environ.get(HOST_VARIABLE) or DEFAULT_HOST


def why_unreachable(address: str) -> str | None:
    """Explain why the engine cannot be reached, as far as its socket shows it."""
    socket = address.removeprefix("unix://")
    if socket == address:
        return None
    if not os.path.lexists(socket):
        return (
            f"no container engine: {socket} does not exist; start Docker, set {HOST_VARIABLE}, "
            f"or mount the socket into this container (-v {socket}:{socket})"
        )
    if not os.access(socket, os.R_OK | os.W_OK):
        return f"permission denied: {socket}; try: sudo usermod -aG docker $USER, then log in again"
    return None


def _misses(text: str) -> str | None:
    del text
    return why_unreachable(engine_address())


def _make(texts: Sequence[str], settings: NoSettings, desk: SourceDesk) -> Iterator[Source]:
    del settings
    from actors.sources.docker.following import Containers  # late: not needed for -h

    yield Containers(tuple(texts), desk)


def _refuses(text: str) -> str | None:
    what = selected(text)
    if not what:
        return "name a container: docker:NAME, or 'docker:*' for all"
    if _SELECTIONS.fullmatch(what) is None or not what.isprintable():
        return "must be the name of a container, a glob, or docker:label=KEY=VALUE"
    address = engine_address()
    if not address.startswith(("unix:///", "tcp://")):
        return f"{HOST_VARIABLE}={address}: must be unix:///PATH or tcp://HOST:PORT"
    if address.startswith("tcp://") and os.environ.get("DOCKER_TLS_VERIFY"):
        return f"{HOST_VARIABLE} with TLS is not supported; use the engine's socket"
    return None


def _mark(state: State) -> DockerMark:
    from actors.sources.docker.marks import DockerMark

    return DockerMark.from_state(state)


DOCKER = SourceKind(
    name="docker",
    schemes=frozenset([SCHEME]),
    takes="docker:NAME",
    section=NoSettings,
    make=_make,
    refuses=_refuses,
    misses=_misses,
    marks={SCHEME: _mark},
)
