"""Incidents: a rule's breach from trigger to recovery."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import attrs


@attrs.frozen
class Incident:
    """A rule's breach from trigger to recovery. All times are event time."""

    id: str
    """Made from rule, group and time, so that a replay of the same log gives the same id."""
    rule: str
    threshold: float
    window_seconds: int
    triggered_at: int
    """Seconds since the epoch: the end of the window that breached the limit."""
    value: float
    """The rule's value when it triggered."""
    peak: float
    """The worst value so far: the highest, or the lowest if the rule has a minimum."""
    recovered_at: int | None = None
    """`None` while it is ongoing."""
    severity: str = "warning"
    by: str | None = None
    """The field that the rule groups by."""
    group: str | None = None
    """The value of that field, as it stands in the log, not yet escaped."""
    hits: int = 0
    """Requests in the window when it triggered."""
    flapping: bool = False
    """Whether the rule triggered so often that it is reported as one incident."""
    expired: bool = False
    """Whether it ended because there was no more data."""
    cause: str = ""
    """A known reason for too little traffic: a log that cannot be read."""

    @property
    def title(self) -> str:
        """The rule's name as shown to people."""
        return rule_title(self.rule)

    @property
    def duration_seconds(self) -> int | None:
        """How long it lasted; `None` while it is ongoing."""
        return None if self.recovered_at is None else self.recovered_at - self.triggered_at


def rule_title(name: str) -> str:
    """Return a rule's name as shown to people; only the oldest rule has an identifier instead."""
    return "High traffic" if name == "high_traffic" else name


def is_called(rule: str, pattern: str) -> bool:
    """Tell whether a pattern (`*` stands for any text) matches a rule's name, or its title."""
    return fnmatchcase(rule, pattern) or fnmatchcase(rule_title(rule), pattern)


def incident_id(rule: str, group: str | None, time: int) -> str:
    """Return the id of an incident."""
    stamp = datetime.fromtimestamp(time, UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{rule}-{stamp}" if group is None else f"{rule}[{group}]-{stamp}"


_ID = re.compile(r".+-\d{8}T\d{6}Z", re.DOTALL | re.ASCII)


def is_incident_id(text: str) -> bool:
    """Tell whether a text looks like the id of an incident."""
    return _ID.fullmatch(text) is not None
