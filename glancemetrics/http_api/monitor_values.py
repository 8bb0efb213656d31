"""Incidents, rules and silences as values, read from the JSON of the API.

Fields have the names that they have in JSON. Those that a newer server adds are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import attrs

T = TypeVar("T")


def moment(seconds: float) -> datetime:
    """Return a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def _moment_if_any(seconds: float | None) -> datetime | None:
    return None if seconds is None else moment(seconds)


@attrs.frozen(kw_only=True)
class Incident:
    """Something that is wrong, or was: a rule that raised an alert."""

    id: str = attrs.field(metadata={"json": "incident"})
    rule: str
    """The name of its rule."""
    title: str
    """The rule, and the group if the rule has groups."""
    severity: str
    """`info`, `warning` or `critical`."""
    by: str | None
    """The field that the rule groups by."""
    group: str | None
    """The value of that field."""
    headline: str
    """What is wrong, in a few words."""
    bound: str
    """The rule's limit, in words."""
    hint: str
    """What to look at first."""
    value: float | None
    """The value that raised it, in the unit of the rule's metric."""
    value_text: str
    """The same for people, with its unit."""
    peak: float | None
    peak_text: str
    worst_text: str
    """`peak 46 %`, or `lowest 3` with a minimum; empty without a number."""
    latest: float | None
    """The value now; `None` once it is over."""
    latest_text: str
    threshold: float | None
    window: int
    """Seconds that the value is about."""
    triggered_at: datetime = attrs.field(converter=moment)
    recovered_at: datetime | None = attrs.field(converter=_moment_if_any)
    """`None`: it is active."""
    duration: int | None
    """Seconds from its beginning to its end; `None`: it is active."""
    flapping: bool
    """Whether it began again soon after its end."""
    expired: bool
    """Whether it ended because its data ended, and not because all was well."""
    cause: str
    """What stood out among the requests."""
    acknowledged_at: datetime | None = attrs.field(converter=_moment_if_any)
    silenced_until: datetime | None = attrs.field(converter=_moment_if_any)
    closes_at: datetime | None = attrs.field(converter=_moment_if_any)
    """When it will be over if nothing else is wrong until then."""


@attrs.frozen(kw_only=True)
class Pending:
    """A limit that is exceeded, but not for long enough to be an incident."""

    rule: str
    title: str
    group: str | None
    since: datetime = attrs.field(converter=moment)


@attrs.frozen(kw_only=True)
class Alerts:
    """Incidents, newest first, and what may become one."""

    firing: tuple[Incident, ...]
    """Active incidents."""
    ended: tuple[Incident, ...]
    """The latest ones that are over."""
    pending: tuple[Pending, ...]


@attrs.frozen(kw_only=True)
class Rule:
    """A rule of the monitor."""

    name: str
    title: str
    severity: str
    """`info`, `warning` or `critical`."""
    metric: str
    where: str | None
    """The requests that it is about; `None`: all."""
    by: str | None
    """The field whose values are watched one by one."""
    window: int
    """Seconds that its value is about."""
    min_hits: int
    """Requests in the window below which it does not raise an alert."""
    bound: str
    """Its limit, in words."""
    threshold: float
    above: bool
    """Whether values above the threshold are wrong, and not those below it."""
    has_limit: bool
    """Whether the threshold is a fixed limit, and not a deviation from what is usual."""
    is_own: bool
    """Whether it watches the monitor itself."""
    silenced_until: datetime | None = attrs.field(converter=_moment_if_any)


@attrs.frozen(kw_only=True)
class Silence:
    """Rules without notifications for a while."""

    pattern: str
    """A glob for the names of rules."""
    until: datetime = attrs.field(converter=moment)
    why: str
    rules: tuple[str, ...] = attrs.field(converter=tuple)
    """The names of the rules that it matches now; there may be none."""


def value_of(kind: type[T], fields: Mapping[str, Any]) -> T:
    """Return an object of JSON as one of these classes. Raises `KeyError` for a missing field."""
    known = attrs.fields(kind)  # type: ignore[arg-type]
    return kind(**{one.name: fields[one.metadata.get("json", one.name)] for one in known})


def alerts_of(fields: Mapping[str, Any]) -> Alerts:
    """Return the answer of `/alerts`."""
    return Alerts(
        firing=tuple(value_of(Incident, one) for one in fields["firing"]),
        ended=tuple(value_of(Incident, one) for one in fields["ended"]),
        pending=tuple(value_of(Pending, one) for one in fields["pending"]),
    )
