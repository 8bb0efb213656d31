"""The names of a report's panels.

Separate and light: help and errors of the command line need no more.
"""

from __future__ import annotations

import enum


class Order(enum.Enum):
    """What rows are sorted by, largest first."""

    HITS = "hits"
    VISITORS = "visitors"
    BYTES = "bytes"
    ERRORS = "errors"
    P95 = "p95"
    TOTAL_TIME = "total_time"
    """Not an option: the order of the slowest URLs."""


TIME_PANELS = {
    "time": "Over time",
    "hours_of_day": "Hours of the day",
    "weekdays": "Days of the week",
}
"""Titles of the panels over time, which come first."""

TITLES = {
    "sections": "Sections",
    "paths": "URLs",
    "static_files": "Static files",
    "not_found": "Not found (404)",
    "server_errors": "Server errors (5xx)",
    "hosts": "Hosts",
    "networks": "Networks",
    "vhosts": "Virtual hosts",
    "users": "Users",
    "methods": "Methods",
    "protocols": "Protocols",
    "status": "Status codes",
    "referring_sites": "Referring sites",
    "referrers": "Referrers",
    "browsers": "Browsers",
    "operating_systems": "Operating systems",
    "devices": "Devices",
    "bots": "Bots",
    "agents": "User agents",
    "slowest_paths": "Slowest URLs",
    "bandwidth": "Bandwidth by URL",
}
"""Titles of all other panels, in the order of a report."""

PANEL_NAMES = (*TIME_PANELS, *TITLES)

AGENT_PANELS = frozenset({"browsers", "operating_systems", "devices", "bots"})
"""Panels that need user agents to be parsed."""
