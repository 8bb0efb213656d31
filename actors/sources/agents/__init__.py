"""Agents: the logs of a fleet, which come through Redis. This program is then their hub.

`hub` reads entries and counts each once, `listening` hears who is there, `redis_agent` is what is
known of one agent, `mark` how far it was counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from actors.sources.kind import NoSettings, SourceKind
from glancemetrics.configuration.setting import OFF
from glancemetrics.configuration.settings import REDIS
from glancemetrics.errors import UsageError, needing

if TYPE_CHECKING:
    from actors.sources.agents.mark import AgentMark, LogMark
    from actors.sources.desk import SourceDesk
    from actors.sources.mark import Mark
    from actors.sources.source import Source
    from glancemetrics.configuration.settings import Settings
    from glancemetrics.planning.sources import Sources
    from glancemetrics.state.tree import State

# As in glancemetrics/fleet/address.py, which would have to be imported for -h.
_SCHEMES = frozenset(["redis", "rediss", "redis+sentinel", "rediss+sentinel"])


def _make(texts: Sequence[str], settings: NoSettings, desk: SourceDesk) -> Iterator[Source]:
    del settings
    with needing("fleet", f"--file {texts[0]}:"):
        from actors.sources.agents.hub import Hub  # late: not needed for -h
        from glancemetrics.fleet.address import fleet_address
    if desk.once:
        raise UsageError("--once: agents send as long as they run, so there is no end to read to")
    if desk.state is None:
        raise UsageError(
            f"--file {texts[0]}: a hub saves how far it has counted, and this one may not: the "
            "service of this machine does. Open the service's page, or choose a configuration of "
            "your own with --config"
        )
    servers: dict[str, str] = {}
    for text in _each_once(texts).values():
        yield Hub(text, fleet_address(text, "--file"), desk, servers)


def _refuses(text: str) -> str | None:
    try:
        from glancemetrics.fleet.address import fleet_address
    except ModuleNotFoundError:
        return None  # said when it is made

    try:
        fleet_address(text, "--file")
    except UsageError as error:
        return str(error).partition(": ")[2]
    return None


def check_state(settings: Settings, sources: Sources) -> None:
    """Raise `UsageError` if the state of a hub cannot be saved as the settings say."""
    if settings.state_dir == OFF and sources.of(_SCHEMES):
        raise UsageError(
            "--state-dir off: a hub has to save how far it has counted, because agents wait for "
            "that; leave it out"
        )
    if settings.state != REDIS:
        return
    if len(sources.texts) != 1 or not sources.of(_SCHEMES):
        raise UsageError(
            "--state redis: needs one fleet and no other source, such as "
            "-f 'redis://redis/0?fleet=prod'; with other sources use --state disk"
        )


def _identity(text: str) -> str:
    from glancemetrics.fleet.address import fleet_address

    return fleet_address(text, "--file").identity


def _each_once(texts: Sequence[str]) -> dict[str, str]:
    """Return fleets by their identities, each as it was written first."""
    return {_identity(text): text for text in reversed(texts)}


def _respelled(marks: Sequence[Mark], texts: Sequence[str]) -> Sequence[Mark]:
    """Return the marks for the current address of a fleet, which may be written in another way.

    If there is one fleet, all are of it: another machine may reach it by another name.
    """
    from actors.sources.agents.mark import AgentMark, LogMark

    fleets = _each_once(texts)

    def current(hub: str) -> str:
        if len(fleets) == 1:
            return next(iter(fleets.values()))
        try:
            return fleets.get(_identity(hub), hub)
        except UsageError:  # an earlier version may have taken what this one refuses
            return hub

    return [
        mark.of_hub(current(mark.hub)) if isinstance(mark, AgentMark | LogMark) else mark
        for mark in marks
    ]


def _agent_mark(state: State) -> AgentMark:
    from actors.sources.agents.mark import AgentMark

    return AgentMark.from_state(state)


def _log_mark(state: State) -> LogMark:
    from actors.sources.agents.mark import LogMark

    return LogMark.from_state(state)


AGENTS = SourceKind(
    name="agents",
    schemes=_SCHEMES,
    takes="redis://HOST/0?fleet=NAME for agents",
    section=NoSettings,
    make=_make,
    refuses=_refuses,
    marks={"agent": _agent_mark, "agent log": _log_mark},
    waits_for_state=True,
    identity=_identity,
    respelled=_respelled,
)
