"""`Context`: what a screen shows besides snapshots; it does not change while a monitor runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo

import attrs

from actors.outputs.console.keys import key_shown, keys_by_action
from glancemetrics.charts.runs import Drawing
from glancemetrics.rules.rule import Rule


@attrs.frozen
class Context:
    """What does not change from snapshot to snapshot."""

    version: str
    started_at: float
    rules: Mapping[str, Rule]
    incident_limit: int
    expected: str
    """What a line should be, such as `a common or combined log line`."""
    zone: tzinfo | None = None
    """`None` for the machine's own."""
    targets: tuple[str, ...] = ()
    """Names of the notification targets."""
    where: str | None = None
    """The filter of --where."""
    note: str = ""
    """What a person should know about this run."""
    kept: tuple[str, ...] = ()
    """Fields of --keep."""
    has_colors: bool = True
    """Whether the screen has colors (NO_COLOR)."""
    drawing: Drawing = Drawing.UNICODE
    """Which characters the terminal can show."""
    keys: Mapping[str, tuple[str, ...]] = attrs.field(factory=keys_by_action)
    """The keys of each action."""

    def key_of(self, action: str) -> str:
        """Return the first key of an action as people know it; empty without one."""
        keys = self.keys[action]
        return key_shown(keys[0]) if keys else ""

    def hint(self, action: str, words: str = "") -> str:
        """Return the key of an action and what it does, as `[End: live]`; empty without a key."""
        key = self.key_of(action)
        return f"[{key}: {words}]" if key and words else f"[{key}]" if key else ""


def local(seconds: float, zone: tzinfo | None) -> datetime:
    """Return an instant in a zone; `None`: the machine's own."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone)


def local_time(seconds: float, zone: tzinfo | None) -> str:
    """Return an instant as people here write it, with its zone."""
    return local(seconds, zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def time_near(seconds: float, now: float, context: Context) -> str:
    """Local time; without the date where it is today's."""
    time = local_time(seconds, context.zone)
    today = local_time(now, context.zone)[:10]
    return time.removeprefix(f"{today} ")


def clock_near(seconds: float, now: float, context: Context) -> str:
    """Local time without its zone; without the date where it is today's."""
    return clock_on(local(seconds, context.zone), local(now, context.zone).date())


def clock_on(moment: datetime, today: date) -> str:
    """Return the time of an instant; of another day the date and the minute, of a year the date."""
    if moment.date() == today:
        return f"{moment:%H:%M:%S}"
    return f"{moment:%b %d %H:%M}" if moment.year == today.year else f"{moment:%Y-%m-%d}"
