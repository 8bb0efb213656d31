"""GlanceMetrics: live web traffic from access logs, alerts and reports.

As a library it reads whole logs, and asks running monitors (docs/guides/library.md):

    import glancemetrics as gm

    gm.read("access.log*")      # a pyarrow.Table of all records
    gm.scan("access.log*")      # the same as record batches, in constant memory
    gm.report("access.log*")    # the numbers of `glancemetrics report`
    gm.connect("web1:7890")     # a client of a running monitor

This package computes: records, windows, rules, incidents, reports. It knows no clock, file or
socket; the package `actors` runs what is here.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from glancemetrics.version import __version__

if TYPE_CHECKING:
    from actors.client.client import Client
    from actors.client.trio_client import TrioClient
    from glancemetrics.api import connect, connect_trio, read, report, scan
    from glancemetrics.errors import GlanceMetricsError, UnreachableError, UsageError
    from glancemetrics.history.query import Answer, Query, RecordQuery
    from glancemetrics.http_api.event_stream import Event
    from glancemetrics.http_api.monitor_values import Alerts, Incident, Pending, Rule, Silence
    from glancemetrics.records.rejects import Reject
    from glancemetrics.records.schema import SCHEMA
    from glancemetrics.records.time_span import TimeSpan
    from glancemetrics.reporting.report import Panel, Rejects, Report, Row, Source

_WHERE = {
    "Client": "actors.client.client",
    "TrioClient": "actors.client.trio_client",
    "GlanceMetricsError": "glancemetrics.errors",
    "UnreachableError": "glancemetrics.errors",
    "UsageError": "glancemetrics.errors",
    "Answer": "glancemetrics.history.query",
    "Query": "glancemetrics.history.query",
    "RecordQuery": "glancemetrics.history.query",
    "Event": "glancemetrics.http_api.event_stream",
    "Alerts": "glancemetrics.http_api.monitor_values",
    "Incident": "glancemetrics.http_api.monitor_values",
    "Pending": "glancemetrics.http_api.monitor_values",
    "Rule": "glancemetrics.http_api.monitor_values",
    "Silence": "glancemetrics.http_api.monitor_values",
    "TimeSpan": "glancemetrics.records.time_span",
    "connect": "glancemetrics.api",
    "connect_trio": "glancemetrics.api",
    "read": "glancemetrics.api",
    "report": "glancemetrics.api",
    "scan": "glancemetrics.api",
    "SCHEMA": "glancemetrics.records.schema",
    "Reject": "glancemetrics.records.rejects",
    "Panel": "glancemetrics.reporting.report",
    "Rejects": "glancemetrics.reporting.report",
    "Report": "glancemetrics.reporting.report",
    "Row": "glancemetrics.reporting.report",
    "Source": "glancemetrics.reporting.report",
}

__all__ = [
    "SCHEMA",
    "Alerts",
    "Answer",
    "Client",
    "Event",
    "GlanceMetricsError",
    "Incident",
    "Panel",
    "Pending",
    "Query",
    "RecordQuery",
    "Reject",
    "Rejects",
    "Report",
    "Row",
    "Rule",
    "Silence",
    "Source",
    "TimeSpan",
    "TrioClient",
    "UnreachableError",
    "UsageError",
    "__version__",
    "connect",
    "connect_trio",
    "read",
    "report",
    "scan",
]


def __getattr__(name: str) -> Any:
    """Load what is asked for, late: the command line's help needs none of it."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return __all__
