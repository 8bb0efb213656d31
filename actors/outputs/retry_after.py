"""How long a server asks to wait before the next attempt."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 3600.0
"""The longest wait in seconds, whatever a server asks for."""


def wait_asked(retry_after: str | None, now: float) -> float | None:
    """Parse a `Retry-After` header into seconds from `now` (RFC 9110 section 10.2.3).

    `None` if there is none, or if it cannot be parsed.
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    if re.fullmatch("[0-9]+", text):
        return min(float(text[:20]), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OSError, OverflowError):  # beyond any calendar
        return None
    return min(max(0.0, until - now), LONGEST_WAIT)
