"""What the names of files say about logs: which are being written, which are rotated."""

from __future__ import annotations

import re
from collections.abc import Iterable

COMPRESSED_ENDINGS = (".gz", ".zst", ".bz2", ".xz", ".lz4", ".zip", ".Z")

_DATE = r"\d{4}-?\d{2}-?\d{2}(?:[-._T]?\d{2,6})*"
_ROTATED = re.compile(
    r"\.\d{1,4}$"  # access.log.1
    rf"|[-._]{_DATE}$"  # access.log-20261123
    r"|\.(old|bak|back|orig|prev|save)$"
    r"|~$"
)
_DATED = re.compile(rf"{_DATE}|\d{{6,8}}")
"""Of logs that are named for their day: access.2026-11-26.log, IIS' u_ex261126.log."""
_LIKELY = re.compile(r"access|[._]log$|^log|\.(txt|json|jsonl)$")
_OTHERS = re.compile(
    r"(^|[-._])(error|errors|err|debug|audit|slow|modsec\w*)([-._]|$)"
    r"|\.(tmp|swp|pid|offset|conf|toml|html?|csv|parquet|db|sock|py|sh)$"
)


def is_current_log(name: str) -> bool:
    """Tell whether a file may be an access log that is being written, by its name alone.

    Rotated and compressed logs, error logs, hidden files and other programs' files are not.
    """
    if name.startswith(".") or name.endswith(COMPRESSED_ENDINGS):
        return False
    lowered = name.lower()
    return bool(
        _LIKELY.search(lowered) and not _ROTATED.search(name) and not _OTHERS.search(lowered)
    )


def current_logs(names: Iterable[str]) -> list[str]:
    """Return the logs of a directory that may be being written, in order.

    Of logs that are named for their day, that is the newest.
    """
    newest: dict[str, str] = {}
    for name in sorted(filter(is_current_log, names)):
        newest[_DATED.sub("#", name)] = name
    return sorted(newest.values())
