"""How the sources of a screen are called in its title."""

from __future__ import annotations

from collections.abc import Sequence

from actors.outputs.console.cells import safe
from glancemetrics.health.health import SourceHealth
from glancemetrics.words.addresses import called, fleet_in
from glancemetrics.words.humane import logs_text


def sources_name(sources: Sequence[SourceHealth], *, is_short: bool = False) -> str:
    """Return the name of the first log, without its folder if it is short, and how many follow.

    A fleet has its own name: `fleet prod, 3 logs`.
    """
    if not sources:
        return "no log"
    name, others = sources[0].name, len(sources) - 1
    if fleet_in(name):
        return safe(called(name)) + (f", {logs_text(others)}" if others else "")
    first = "standard input" if name == "-" else safe(name.rpartition("/")[2] if is_short else name)
    return f"{first} and {others} more" if others else first
