"""Sentences about GlanceMetrics itself, as a terminal may show them. Pure."""

from __future__ import annotations

from actors.outputs.console import themes
from actors.outputs.console.cells import Row, fitted, safe, wrapped
from actors.outputs.console.context import Context, local_time
from glancemetrics.traffic.snapshot import Snapshot
from glancemetrics.traffic.troubles import explanation_of, troubles_of
from glancemetrics.words.humane import UNKNOWN, format_duration

_LENGTH = 1000
"""Characters of a sentence."""


def troubles(snapshot: Snapshot) -> list[str]:
    """Return what is wrong with the monitor, each in a sentence; text of logs is escaped."""
    return [safe(text) for _, text in troubles_of(snapshot.health)]


def troubles_by_subject(snapshot: Snapshot) -> dict[str, str]:
    """Return what is wrong with the monitor, by what it is about."""
    return {subject: safe(text) for subject, text in troubles_of(snapshot.health)}


def explanation(snapshot: Snapshot, context: Context, cells: int) -> list[Row] | None:
    """Why there is nothing to see and what to do about it; `None` where there is something."""
    texts = explanation_of(
        snapshot,
        expected=context.expected,
        where=context.where,
        moment=lambda second: local_time(second, context.zone),
    )
    if not texts:
        return None
    return [
        fitted([("" if number else themes.WARNING, f" {line}")], cells)
        for number, text in enumerate(texts)
        for line in wrapped(safe(text, _LENGTH), cells - 2)
    ]


def seconds_text(seconds: float | None) -> str:
    """Format a lag or a delay; a dash for unknown."""
    return UNKNOWN if seconds is None else format_duration(seconds)
