"""The history: requests kept in memory and on disk, so that they can be queried."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from glancemetrics.configuration.setting import OFF, Group, NotAllowedError, choice, setting
from glancemetrics.words.durations import parse_span
from glancemetrics.words.sizes import parse_size

SUFFIX = ".history"
"""Of the folder of a history, beside its checkpoint."""

_LEAST = 10_000_000
_LEAST_SECONDS = 3600
"""Minimum of an age: with `age = 30`, days are meant and not seconds."""


def _size(value: Any) -> int:
    size = parse_size(value) if isinstance(value, str) else int(value)
    if size < _LEAST:
        raise NotAllowedError
    return size


def _on_or_off(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else OFF
    return str(choice("on", OFF)(value))


def _age(value: Any) -> int:
    seconds = parse_span(value) if isinstance(value, str) else int(value)
    if seconds < _LEAST_SECONDS:
        raise NotAllowedError
    return seconds


@attrs.frozen(kw_only=True)
class HistorySettings:
    """Whether a history is kept, and how much of it."""

    TABLE: ClassVar = "history"

    enabled: str = setting(
        "on",
        _on_or_off,
        group=Group.HISTORY,
        name="history",
        metavar="WHICH",
        values=("on", OFF),
        help="keep requests for `glancemetrics query`: on or off",
        allowed="on or off",
    )
    memory: int = setting(
        "256MB",
        _size,
        group=Group.HISTORY,
        metavar="SIZE",
        help="memory limit for the most recent requests",
        allowed="a size of at least 10MB, such as 256MB",
    )
    disk: int = setting(
        "2GB",
        _size,
        group=Group.HISTORY,
        metavar="SIZE",
        help="disk space limit for older requests, in --state-dir",
        allowed="a size of at least 10MB, such as 2GB",
    )
    age: int = setting(
        "30d",
        _age,
        group=Group.HISTORY,
        metavar="DURATION",
        help="delete requests this much older than the newest one",
        allowed="a duration of at least 1h, such as 12h or 30d",
    )

    @property
    def is_on(self) -> bool:
        """Whether a history is kept."""
        return self.enabled != OFF
