"""What a terminal can show, from what its environment says."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from glancemetrics.charts.runs import Drawing
from glancemetrics.reporting.looks import COLOUR, PLAIN, Look

DUMB = frozenset({"dumb", "unknown"})
"""Values of TERM for terminals that cannot move the cursor or show colours."""


def drawing_of(environment: Mapping[str, str]) -> Drawing:
    """Return which characters a terminal can show: ASCII where the locale says so.

    The kernel's own console has too few others in its font.
    """
    locale = next(
        (told for name in ("LC_ALL", "LC_CTYPE", "LANG") if (told := environment.get(name))), ""
    )
    is_other = bool(locale) and "utf" not in locale.lower()
    is_bare = environment.get("TERM") == "linux"
    return Drawing.ASCII if is_other or is_bare else Drawing.UNICODE


def look_of_terminal(environment: Mapping[str, str] = os.environ) -> Look:
    """Return how a text is written for the terminal that standard output is."""
    is_plain = bool(environment.get("NO_COLOR")) or environment.get("TERM") in DUMB
    return Look(
        width=shutil.get_terminal_size().columns,
        styles=PLAIN if is_plain else COLOUR,
        drawing=drawing_of(environment),
    )
