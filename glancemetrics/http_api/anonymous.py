"""Snapshots and alert events without the last part of addresses, and without lines of logs."""

from __future__ import annotations

from collections import Counter

import attrs

from glancemetrics.alerting.alerting import Alerts, Pending
from glancemetrics.incidents.alert_events import AlertEvent
from glancemetrics.incidents.incident import Incident
from glancemetrics.records.dimensions import DIMENSIONS, HOST, Dimension
from glancemetrics.records.networks import anonymized_text
from glancemetrics.rules.rule import Rule
from glancemetrics.traffic.insights import Insights, TopRow
from glancemetrics.traffic.snapshot import Snapshot

_NOT_ADDRESSES = frozenset(one.name for one in DIMENSIONS) - {HOST.name}


def _may_be_an_address(field: str | None) -> bool:
    """Tell whether values of a field may be addresses: also those of `--keep` may."""
    return field not in _NOT_ADDRESSES


def anonymous_snapshot(snapshot: Snapshot) -> Snapshot:
    """Return what viewers may see of a snapshot."""
    shown = _insights(snapshot.shown)
    is_same = snapshot.shown is snapshot.insights
    return attrs.evolve(
        snapshot,
        insights=shown if is_same else _insights(snapshot.insights),
        shown=shown,
        alerts=anonymous_alerts(snapshot.alerts),
        health=attrs.evolve(snapshot.health, reject_samples=()),
    )


def anonymous_event(event: AlertEvent, rule: Rule | None) -> AlertEvent:
    """Return what viewers may see of an event of a rule."""
    incident = event.incident
    if incident is None or not _may_be_an_address(incident.by) or incident.group is None:
        return event
    masked = _incident(incident)
    message = masked.title if rule is None else rule.headline(masked)
    return attrs.evolve(event, incident=masked, message=message)


def anonymous_ids(alerts: Alerts) -> dict[str, str]:
    """Return {id: the id by which viewers know it}. Those of one network get a number."""
    found: dict[str, str] = {}
    known: Counter[str] = Counter()
    for one in (*alerts.firing, *alerts.ended, *alerts.recovered):
        if one.id not in found:
            masked = _incident(one).id
            known[masked] += 1
            found[one.id] = masked if known[masked] == 1 else f"{masked}~{known[masked]}"
    return found


def _insights(insights: Insights) -> Insights:
    top: dict[Dimension, tuple[TopRow, ...]] = {
        dimension: _merged(rows) if _may_be_an_address(dimension.name) else rows
        for dimension, rows in insights.top.items()
    }
    return attrs.evolve(insights, top=top)


def _merged(rows: tuple[TopRow, ...]) -> tuple[TopRow, ...]:
    """Add up the rows of addresses that are the same without their last part."""
    found: dict[str, TopRow] = {}
    for row in rows:
        name = anonymized_text(row.name)
        known = found.get(name)
        found[name] = (
            attrs.evolve(row, name=name)
            if known is None
            else TopRow(
                name, known.hits + row.hits, known.bytes + row.bytes, known.errors + row.errors
            )
        )
    return tuple(sorted(found.values(), key=lambda row: (-row.hits, row.name)))


def anonymous_alerts(alerts: Alerts) -> Alerts:
    """Return what viewers may see of incidents."""
    masked = anonymous_ids(alerts)

    def several(incidents: tuple[Incident, ...]) -> tuple[Incident, ...]:
        return tuple(attrs.evolve(_incident(one), id=masked[one.id]) for one in incidents)

    return attrs.evolve(
        alerts,
        firing=several(alerts.firing),
        recovered=several(alerts.recovered),
        past=several(alerts.past),
        pending=tuple(map(_pending, alerts.pending)),
        latest={masked.get(one, one): value for one, value in alerts.latest.items()},
        closing={masked.get(one, one): at for one, at in alerts.closing.items()},
    )


def _incident(incident: Incident) -> Incident:
    if not _may_be_an_address(incident.by) or incident.group is None:
        return incident
    group = anonymized_text(incident.group)
    return attrs.evolve(
        incident, group=group, id=incident.id.replace(f"[{incident.group}]", f"[{group}]")
    )


def _pending(pending: Pending) -> Pending:
    if pending.group is None:
        return pending
    return attrs.evolve(pending, group=anonymized_text(pending.group))
