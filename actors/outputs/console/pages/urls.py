"""URLs: routes, paths, sections, and what people came by. Pure."""

from __future__ import annotations

from actors.outputs.console.pages.base import TablesPage
from actors.outputs.console.pages.specs import kept_specs, specs
from actors.outputs.console.state import State, TableSpec

_SPECS = (
    *("route", "path", "section", "method", "vhost", "referring_site", "referrer", "protocol"),
)
_MEASURES = ("hits", "5xx", "4xx", "p95", "visitors", "bytes")


class Urls(TablesPage):
    """See the module's docstring."""

    name = "urls"
    title = "URLs"

    def tables(self, state: State) -> tuple[TableSpec, ...]:
        return (*specs(self.name, _SPECS, _MEASURES), *kept_specs(state, self.name))
