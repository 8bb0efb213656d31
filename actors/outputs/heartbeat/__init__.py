"""The heartbeat: a file rewritten at every snapshot, for health checks of containers."""

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
    """The heartbeat file."""

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


def _make(settings: HeartbeatSettings, desk: Desk) -> Iterator[Output]:
    if settings.path is not None:
        from actors.outputs.heartbeat.writing import Heartbeat

        yield Heartbeat(Path(settings.path), desk.settings.refresh)


def _missing(settings: HeartbeatSettings) -> Iterator[tuple[str, str]]:
    path = settings.path
    # os.path raises no error for a name that is too long.
    if path is not None and os.path.isdir(path):  # noqa: PTH112
        yield "path", f"{path}: is a directory; name a file"
    elif path is not None and not os.path.isdir(Path(path).parent):  # noqa: PTH112
        yield "path", f"{Path(path).parent}: no such directory"


HEARTBEAT = OutputKind(HeartbeatSettings, _make, _missing, shows_life=True)
