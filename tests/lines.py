"""Log lines for tests, made by us."""

from __future__ import annotations

from datetime import UTC, datetime

BASE = 1_790_000_000
"""A second since the epoch, in September 2026."""


def line(
    second: int = BASE,
    *,
    host: str = "203.0.113.7",
    user: str = "-",
    request: str = "GET /pages/create HTTP/1.1",
    status: int | str = 200,
    size: int | str = 512,
    referrer: str = "-",
    agent: str = "curl/8.5.0",
) -> bytes:
    """One combined line, with its newline."""
    stamp = datetime.fromtimestamp(second, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    text = f'{host} - {user} [{stamp}] "{request}" {status} {size} "{referrer}" "{agent}"\n'
    return text.encode()
