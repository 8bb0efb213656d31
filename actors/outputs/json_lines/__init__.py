"""Snapshots as JSON on standard output, one per line, for pipes and scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import attrs

from actors.outputs.kind import OutputKind
from glancemetrics.configuration.setting import Group, setting, switch

if TYPE_CHECKING:
    from actors.outputs.desk import Desk
    from actors.outputs.output import Output


@attrs.frozen(kw_only=True)
class JsonLinesSettings:
    """Whether snapshots are written."""

    TABLE: ClassVar = "json_lines"

    enabled: bool = setting(
        False,
        switch,
        group=Group.OUTPUTS,
        name="json",
        metavar=None,
        help="print one JSON line per refresh instead of the console",
        allowed="true or false",
    )


def _make(settings: JsonLinesSettings, desk: Desk) -> Iterator[Output]:
    if settings.enabled:
        from actors.outputs.json_lines.writing import JsonLines

        yield JsonLines(sys.stdout.fileno, only_last=desk.settings.once)


JSON_LINES = OutputKind(JsonLinesSettings, _make, only_shows=True)
