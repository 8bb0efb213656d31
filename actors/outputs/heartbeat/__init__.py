"""The heartbeat: a file rewritten at every snapshot, by which a container's health is checked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import attrs

from actors.outputs.kind import OutputKind
from glancemetrics.configuration.setting import Group, optional_text, setting

if TYPE_CHECKING:
    from actors.outputs.desk import Desk
    from actors.outputs.output import Output


@attrs.frozen(kw_only=True)
class HeartbeatSettings:
    """Which file it is."""

    TABLE: ClassVar = "heartbeat"

    path: str | None = setting(
        None,
        optional_text,
        group=Group.OUTPUTS,
        name="heartbeat",
        metavar="FILE",
        help="write FILE at every refresh, for `glancemetrics healthcheck FILE`",
        example="/run/glancemetrics/heartbeat",
        allowed="a path",
    )


def _make(told: HeartbeatSettings, desk: Desk) -> Iterator[Output]:
    if told.path is not None:
        from actors.outputs.heartbeat.writing import Heartbeat

        yield Heartbeat(Path(told.path), desk.settings.refresh)


def _missing(told: HeartbeatSettings) -> Iterator[tuple[str, str]]:
    # os.path has no error for a name that is too long: it is not there.
    if told.path is not None and os.path.isdir(told.path):  # noqa: PTH112
        yield "path", f"{told.path}: is a folder; name a file"
    elif told.path is not None and not os.path.isdir(Path(told.path).parent):  # noqa: PTH112
        yield "path", f"{Path(told.path).parent}: no such folder"


HEARTBEAT = OutputKind(HeartbeatSettings, _make, _missing)
