"""All views, in the order of their numbers."""

from __future__ import annotations

from actors.outputs.console.pages.alerts_view import AlertsView
from actors.outputs.console.pages.clients import Clients
from actors.outputs.console.pages.errors import Errors
from actors.outputs.console.pages.health_view import HealthView
from actors.outputs.console.pages.latency import Latency
from actors.outputs.console.pages.overview import Overview
from actors.outputs.console.pages.requests_view import RequestsView
from actors.outputs.console.pages.servers_view import ServersView
from actors.outputs.console.pages.urls import Urls
from actors.outputs.console.state import Page

VIEWS: tuple[Page, ...] = (
    Overview(),
    Urls(),
    Errors(),
    Clients(),
    Latency(),
    AlertsView(),
    RequestsView(),
    HealthView(),
    ServersView(),
)
