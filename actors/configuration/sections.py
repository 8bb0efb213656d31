"""All sections of settings, beside those of the monitor itself."""

from __future__ import annotations

from actors.history import HistorySettings
from actors.outputs.registry import output_sections
from actors.sources.registry import source_sections


def all_sections() -> list[type]:
    """Return the sections of sources, outputs and the history."""
    return [*source_sections(), *output_sections(), HistorySettings]
