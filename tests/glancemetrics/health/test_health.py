"""What the monitor knows about itself."""

from __future__ import annotations

import attrs

from glancemetrics.health.health import AgentHealth, Health, SourceHealth, SourceState

FLEET = SourceHealth(
    "redis://redis/0?fleet=prod&password-file=/etc/hub.pw",
    SourceState.BLOCKED,
    "redis:6379: does not answer; trying again",
)
LOGS = tuple(SourceHealth(f"{name}:/var/log/a.log", SourceState.FOLLOWING) for name in ("a", "b"))
BLIND = "no log can be read: fleet prod: redis:6379: does not answer; trying again"


def test_without_redis_no_log_of_an_agent_can_be_read() -> None:
    agents = tuple(AgentHealth(name=name, is_unknown=True) for name in ("a", "b"))
    assert Health(sources=(FLEET, *LOGS), agents=agents).blindness == BLIND
    follows = attrs.evolve(FLEET, state=SourceState.FOLLOWING, detail="")
    assert Health(sources=(follows, *LOGS), agents=agents).blindness == ""
    heard = (agents[0], AgentHealth(name="b"))
    assert Health(sources=(FLEET, *LOGS), agents=heard).blindness == ""
    other = SourceHealth("/var/log/own.log", SourceState.FOLLOWING)
    assert Health(sources=(FLEET, *LOGS, other), agents=agents).blindness == ""
