"""Clients: hosts and their networks, browsers, bots, systems, users. Pure."""

from __future__ import annotations

from actors.outputs.console.pages.base import TablesPage
from actors.outputs.console.pages.specs import specs
from actors.outputs.console.state import State, TableSpec

_SPECS = ("host", "network", "browser", "bot", "os", "device", "user", "agent")


class Clients(TablesPage):
    """See the module's docstring."""

    name = "clients"
    title = "Clients"

    def tables(self, state: State) -> tuple[TableSpec, ...]:
        del state
        return tuple(specs(self.name, _SPECS))
