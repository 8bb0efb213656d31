"""The log that a missing one may be a misspelling of."""

from __future__ import annotations

import os
from pathlib import Path

from glancemetrics.lines.log_names import is_current_log
from glancemetrics.words.suggestions import closest

_LIKE = 0.8
"""From here on two names are so similar that one is taken for a misspelling of the other."""


def close_path(path: str) -> str | None:
    """Return an existing log that a missing one may be a misspelling of."""
    found = Path()
    for part in Path(path).parts:
        name: str | None = part
        if not os.path.lexists(found / part):
            try:
                names = [each.name for each in found.iterdir()]
            except OSError:
                return None
            # A log that was rotated, or that of errors, is another one and no misspelling.
            logs = (one for one in names if is_current_log(one) or "." not in one)
            name = closest(part, logs, least=_LIKE)
        if name is None:
            return None
        found /= name
    return str(found) if os.path.isfile(found) else None  # noqa: PTH113 - without permission
