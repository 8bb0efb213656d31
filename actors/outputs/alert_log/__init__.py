"""The alert log: one JSON line an event in a rotating file, for whoever audits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from actors.outputs.kind import OutputKind
from glancemetrics.configuration.setting import (
    OFF,
    Group,
    NotAllowedError,
    Parse,
    optional_text,
    setting,
)

if TYPE_CHECKING:
    from actors.outputs.desk import Desk
    from actors.outputs.output import Output

FILE_NAME = "alerts.jsonl"


def _loguru_words(role: str) -> Parse:
    """A rotation or retention in loguru's words, which loguru alone can judge."""

    def parse(value: Any) -> Any:
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if value in ("10 MB", 10):
            return value
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise NotAllowedError
        if isinstance(value, int) and value < 0:
            raise NotAllowedError  # loguru takes it, and keeps nothing
        import loguru  # late: -h does without

        options: dict[str, Any] = {role: value}
        sink = loguru.logger.add("unused", delay=True, filter=lambda _: False, **options)
        loguru.logger.remove(sink)  # delayed: no file was made
        return value

    return parse


@attrs.frozen(kw_only=True)
class AlertLogSettings:
    """Where the alert log is, and how much of it is kept."""

    TABLE: ClassVar = "alert_log"

    path: str | None = setting(
        None,
        optional_text,
        group=Group.OUTPUTS,
        name="alert_log",
        metavar="PATH",
        default_shown="~/.local/state/glancemetrics/alerts.jsonl",
        help='rotating alert log, one JSON line per event; "off" disables it',
        example="/var/log/glancemetrics/alerts.jsonl",
        allowed="a path or off",
    )
    rotation: Any = setting(
        "10 MB",
        _loguru_words("rotation"),
        group=Group.OUTPUTS,
        metavar="WHEN",
        help="when to rotate the alert log: a size, an interval or a time of day, such as "
        "'10 MB', '1 week' or '00:00'",
        allowed="a size, an interval or a time of day, such as '10 MB', '1 week' or '00:00'",
    )
    retention: Any = setting(
        10,
        _loguru_words("retention"),
        group=Group.OUTPUTS,
        metavar="WHAT",
        default_shown="10 files",
        help="rotated alert logs to keep: a number of files, or an age such as '90 days'",
        allowed="a number of files or an age, such as 10 or '90 days'",
    )


def _make(told: AlertLogSettings, desk: Desk) -> Iterator[Output]:
    if told.path == OFF:
        return
    from actors.outputs.alert_log.writing import AlertLog

    path = Path(told.path or desk.state_folder / FILE_NAME)
    yield AlertLog(path, told.rotation, told.retention, is_resuming=desk.is_resuming)


def _missing(told: AlertLogSettings) -> Iterator[tuple[str, str]]:
    if told.path not in {None, OFF} and os.path.islink(str(told.path)):  # noqa: PTH114 - no error
        yield "path", f"{told.path}: is a link, and symbolic links are not followed"


ALERT_LOG = OutputKind(AlertLogSettings, _make, _missing)
