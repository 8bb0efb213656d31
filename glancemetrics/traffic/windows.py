"""The windows that screens offer."""

from __future__ import annotations

WINDOWS = (
    *(10, 30, 60, 300, 900, 1800),
    *(3600, 3 * 3600, 6 * 3600, 12 * 3600),
    *(86_400, 3 * 86_400, 7 * 86_400, 30 * 86_400),
)
"""Windows to choose from, in seconds."""
