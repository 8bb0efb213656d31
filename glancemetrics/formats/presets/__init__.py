"""The named formats."""

from __future__ import annotations

from collections.abc import Mapping

from glancemetrics.formats.presets.any_json import ANY_JSON, ECS
from glancemetrics.formats.presets.clouds import CLOUDS
from glancemetrics.formats.presets.frameworks import FRAMEWORKS
from glancemetrics.formats.presets.pairs import PAIRS
from glancemetrics.formats.presets.preset import Preset
from glancemetrics.formats.presets.proxies import PROXIES
from glancemetrics.formats.presets.web_servers import WEB_SERVERS

PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (*WEB_SERVERS, *FRAMEWORKS, *PROXIES, *CLOUDS, *PAIRS, ECS, ANY_JSON)
}
"""By name, in the order they are listed for people."""
