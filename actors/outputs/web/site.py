"""The site: everything that answers are made from."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import attrs

from actors.outputs.desk import Answers, Desk
from actors.outputs.web import WebSettings
from actors.outputs.web.access import Access
from actors.state.silences import Silence, silence_among
from glancemetrics.alerting.alerting import Alerts
from glancemetrics.formats.kept_fields import read_kept
from glancemetrics.health.health import AgentHealth
from glancemetrics.health.servers import agents_text
from glancemetrics.history.measures import MEASURES
from glancemetrics.http_api.anonymous import (
    anonymous_alerts,
    anonymous_event,
    anonymous_ids,
    anonymous_snapshot,
)
from glancemetrics.http_api.incident_json import alerts_json, rule_json
from glancemetrics.incidents.alert_events import AlertEvent
from glancemetrics.incidents.incident import is_called
from glancemetrics.records.dimensions import dimensions_with
from glancemetrics.traffic.snapshot import Snapshot
from glancemetrics.traffic.troubles import explanation_of, troubles_of
from glancemetrics.traffic.windows import WINDOWS
from glancemetrics.version import __version__
from glancemetrics.words.instants import iso_time

API_VERSION = 1
_MOST_SOURCES = 500
"""Sources in a snapshot for the page: there may be tens of thousands, and they do not change."""

_MOST_AGENTS = 1000
"""Agents in it; as many groups as a live answer has."""


@attrs.frozen(kw_only=True)
class Site:
    """What is served."""

    desk: Desk
    settings: WebSettings
    access: Access
    answer: Answers
    """Answers within limits of time and number. Raises `UsageError`, and `BusyError`."""
    server: str = attrs.field(factory=lambda: secrets.token_hex(8))
    """Tells one run of the server from the next."""

    @property
    def kept(self) -> tuple[str, ...]:
        """The fields of `--keep`."""
        return read_kept(self.desk.settings.keep)

    @property
    def latest(self) -> Snapshot | None:
        """The latest snapshot, as viewers may see it; `None` at the start."""
        found = self.desk.latest.snapshot
        return None if found is None else self.seen(found)

    def seen(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot as viewers may see it."""
        return anonymous_snapshot(snapshot) if self.settings.anonymize_ip else snapshot

    def seen_event(self, event: AlertEvent) -> AlertEvent:
        """Return an alert event as viewers may see it."""
        if not self.settings.anonymize_ip or event.incident is None:
            return event
        return anonymous_event(event, self.desk.rules.get(event.incident.rule))

    def incident_called(self, name: str) -> str | None:
        """Return the id of the active incident that viewers know by a name; `None` without."""
        snapshot = self.desk.latest.snapshot
        if snapshot is None:
            return None
        ids = self._ids(snapshot.alerts)
        known = {ids.get(one.id, one.id): one.id for one in snapshot.alerts.firing}
        return known.get(name)

    def _ids(self, alerts: Alerts) -> Mapping[str, str]:
        """Return {id: the id by which viewers know it} of incidents that have another one."""
        return anonymous_ids(alerts) if self.settings.anonymize_ip else {}

    def silenced_until(self) -> Callable[[str], float | None]:
        """Return a function from a rule to until when it is silenced. Reads a file."""
        silences = self._silences()

        def until(rule: str) -> float | None:
            found = silence_among(silences, rule)
            return None if found is None else found.until

        return until

    def hello(self) -> dict[str, Any]:
        """Return the first message of a WebSocket. Reads a file."""
        settings = self.desk.settings
        return {
            "type": "hello",
            "version": __version__,
            "api": API_VERSION,
            "server": self.server,
            "now": self.desk.wall(),
            "refresh": settings.refresh,
            "started_at": self.desk.started_at,
            "admin": self.settings.admin,
            "anonymized": self.settings.anonymize_ip,
            "has_login": not self.access.is_open,
            "note": self.desk.only_shows,
            "where": settings.where,
            "sources": list(settings.file[:_MOST_SOURCES]),
            "windows": list(WINDOWS),
            **dimensions_json(self.kept),
            **self.rules_json(),
        }

    def rules_json(self) -> dict[str, Any]:
        """Return all rules. Reads a file."""
        until = self.silenced_until()
        return {"rules": [rule_json(rule, until) for rule in self.desk.rules.values()]}

    def alerts_json(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return incidents and pending breaches of a snapshot as it is. Reads files."""
        alerts, ids = snapshot.alerts, self._ids(snapshot.alerts)
        known = self.desk.acknowledgements.known()
        acknowledged = {ids.get(name, name): one.at for name, one in known.items()}
        seen = anonymous_alerts(alerts) if self.settings.anonymize_ip else alerts
        return alerts_json(seen, self.desk.rules, acknowledged, self.silenced_until())

    def silences_json(self) -> list[dict[str, Any]]:
        """Return active silences. Reads a file."""
        return [self.silence_json(one) for one in self._silences()]

    def _silences(self) -> tuple[Silence, ...]:
        return self.desk.silences.known(self.desk.wall())

    def silence_json(self, silence: Silence) -> dict[str, Any]:
        """Return a silence, with the rules that it matches now."""
        rules = [name for name in self.desk.rules if is_called(name, silence.pattern)]
        return {**attrs.asdict(silence), "rules": rules}

    def snapshot_message(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return a snapshot for the page, of one as it is. Reads files."""
        alerts = self.alerts_json(snapshot)
        snapshot = self.seen(snapshot)
        shown = snapshot.shown
        as_json = snapshot.to_json()
        health = as_json["health"]
        assert isinstance(health, dict)
        health["source_count"] = len(health["sources"])
        health["sources"] = _worst_first(health["sources"])[:_MOST_SOURCES]
        health["agents"] = [one.to_json() for one in _worst_agents(snapshot.health.agents)]
        health["agents_text"] = agents_text(snapshot.health.agents)
        explanation = explanation_of(
            snapshot,
            expected=self.desk.expected,
            where=self.desk.settings.where,
            moment=iso_time,
            is_of_window=False,
        )
        return {
            "type": "snapshot",
            "time": snapshot.time,
            "now": shown.end,
            "live": snapshot.health.live,
            "window": {
                "seconds": shown.window_seconds,
                "end": shown.end,
                "as": snapshot.shown_as.value,
            },
            "hits": shown.hits,
            "hit_rate": shown.hit_rate,
            "bytes": shown.bytes,
            "visitors": shown.visitors,
            "known_users": shown.known_users,
            "client_errors": shown.client_errors,
            "server_errors": shown.server_errors,
            "status_classes": shown.status_classes,
            "rates": list(snapshot.rates),
            "silent": snapshot.silent,
            "troubles": [text for _, text in troubles_of(snapshot.health)],
            "explanation": " ".join(explanation),
            "alerts": alerts,
            "silences": [attrs.asdict(one) for one in self._silences()],
            "health": health,
            "has_servers": snapshot.has_servers,
        }


def _worst_agents(agents: tuple[AgentHealth, ...]) -> list[AgentHealth]:
    return sorted(agents, key=lambda one: -one.state.badness)[:_MOST_AGENTS]


def _worst_first(sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(sources) <= _MOST_SOURCES:
        return sources
    return sorted(sources, key=lambda one: (not one["detail"], one["state"] == "following"))


@lru_cache(maxsize=8)
def _dimensions(kept: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "title": one.title, "live": one.is_live}
        for one in dimensions_with(kept).values()
    ]


def dimensions_json(kept: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields to group by, and the measures."""
    return {
        "dimensions": _dimensions(kept),
        "measures": list(MEASURES),
        "kept": list(kept),
    }
