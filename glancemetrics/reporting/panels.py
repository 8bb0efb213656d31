"""The panels of a report: what each is made of, and in which order its rows stand."""

from __future__ import annotations

from collections.abc import Callable, Container

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from glancemetrics.records.agent_kinds import kinds_of
from glancemetrics.records.derived import (
    bots_of,
    browsers_of,
    devices_of,
    sections_of,
    sites_of,
    status_classes,
    systems_of,
)
from glancemetrics.records.dimensions import DIMENSIONS
from glancemetrics.records.networks import networks_of
from glancemetrics.records.user_agents import UserAgent
from glancemetrics.reporting.panel_names import Order
from glancemetrics.reporting.slices import BASE_COLUMNS, FROM, Base, Counted

Group = Callable[[pa.Array], pa.Array]
"""Names a group for each of many values; null for one that is in none."""
Detail = Callable[[pa.Array, pa.Array], pa.Array]
"""Names those of many values that have some numbers, as they are called under a row."""

STATIC_EXTENSIONS = (
    *("css", "js", "mjs", "map", "json", "xml", "txt", "csv", "webmanifest", "wasm"),
    *("jpg", "jpeg", "png", "gif", "ico", "svg", "svgz", "webp", "avif", "bmp", "tif", "tiff"),
    *("woff", "woff2", "ttf", "otf", "eot", "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx"),
    *("zip", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "tar", "iso", "dmg", "exe", "msi"),
    *("deb", "rpm", "apk", "jar", "mp3", "ogg", "wav", "flac", "m4a", "mp4", "webm", "avi"),
    *("mov", "mkv", "flv", "swf", "ps"),
)


@attrs.frozen
class PanelSpec:
    """How a panel is made."""

    name: str
    """In JSON and in `--panels`."""
    noun: str
    """What its rows are, for `12 more paths`."""
    base: Counted
    missing: str
    """Why it is left out when it has no rows."""
    group: Group | None = None
    """What values are counted together; `None`: each by itself."""
    detail_base: Counted | None = None
    """Where the rows under a row come from; `None` with a `detail`: from `base`."""
    detail_group: Group | None = None
    """The row that a detail is under."""
    detail: Detail | None = None
    """The names of details."""
    order: Order | None = None
    """Its own order, whatever is asked for; `None`: what is asked for."""
    timed: bool = False
    """Only for records with durations."""
    title: str | None = None
    """`None`: as in `panel_names.TITLES`, or its name."""


def _same(names: pa.Array, numbers: pa.Array) -> pa.Array:
    return names.take(numbers)


def _static(paths: pa.Array) -> pa.Array:
    pattern = r"(?i)\.(" + "|".join(STATIC_EXTENSIONS) + r")$"
    return pc.if_else(pc.match_substring_regex(paths, pattern), paths, _NULL)


def _path_before(joined: pa.Array) -> pa.Array:
    return _joined_part(joined, "path")


def _referrer_after(joined: pa.Array, numbers: pa.Array) -> pa.Array:
    return _joined_part(joined.take(numbers), "referrer")


def _joined_part(joined: pa.Array, part: str) -> pa.Array:
    parts = pc.extract_regex(joined, f"(?s)^(?P<path>[^{FROM}]*){FROM}(?P<referrer>.*)$")
    return pc.if_else(parts.is_valid(), pc.struct_field(parts, part), _NULL)


def _each_by(name_of: Callable[[UserAgent], str]) -> Detail:
    return lambda agents, numbers: kinds_of(agents).named(name_of).take(numbers)


_NULL = pa.scalar(None, pa.string())
_NO_REQUEST = "no request line is well formed"
_NO_AGENT = "the log has no user agents"

PANELS = (
    PanelSpec("sections", "sections", Base.PATH, _NO_REQUEST, group=sections_of),
    PanelSpec("paths", "URLs", Base.PATH, _NO_REQUEST),
    PanelSpec(
        "static_files",
        "files",
        Base.PATH,
        "no path ends as static files do",
        group=_static,
    ),
    PanelSpec(
        "not_found",
        "URLs",
        Base.NOT_FOUND,
        "no request has status 404",
        detail_base=Base.NOT_FOUND_FROM,
        detail_group=_path_before,
        detail=_referrer_after,
    ),
    PanelSpec(
        "server_errors",
        "URLs",
        Base.SERVER_ERROR,
        "no request has a status of 500 or more",
    ),
    PanelSpec("hosts", "hosts", Base.HOST, "the log names no client"),
    PanelSpec(
        "networks",
        "networks",
        Base.HOST,
        "no client is given as an address",
        group=networks_of,
        detail_group=networks_of,
        detail=_same,
    ),
    PanelSpec("vhosts", "hosts", Base.VHOST, "the log names no virtual host"),
    PanelSpec("users", "users", Base.USER, "no request was authenticated"),
    PanelSpec("methods", "methods", Base.METHOD, _NO_REQUEST),
    PanelSpec("protocols", "protocols", Base.PROTOCOL, _NO_REQUEST),
    PanelSpec(
        "status",
        "classes",
        Base.STATUS,
        "no request has a status",
        group=status_classes,
        detail_group=status_classes,
        detail=_same,
    ),
    PanelSpec(
        "referring_sites",
        "sites",
        Base.REFERRER,
        "no request names a referring site",
        group=sites_of,
    ),
    PanelSpec("referrers", "referrers", Base.REFERRER, "no request names a referrer"),
    PanelSpec(
        "browsers",
        "browsers",
        Base.AGENT,
        _NO_AGENT,
        group=browsers_of,
        detail_group=browsers_of,
        detail=_each_by(lambda agent: agent.browser_version),
    ),
    PanelSpec(
        "operating_systems",
        "systems",
        Base.AGENT,
        _NO_AGENT,
        group=systems_of,
        detail_group=systems_of,
        detail=_each_by(lambda agent: agent.system_version),
    ),
    PanelSpec(
        "devices",
        "devices",
        Base.AGENT,
        _NO_AGENT,
        group=devices_of,
    ),
    PanelSpec(
        "bots",
        "bots",
        Base.AGENT,
        "no user agent is a bot's",
        group=bots_of,
    ),
    PanelSpec("agents", "agents", Base.AGENT, _NO_AGENT),
    PanelSpec(
        "slowest_paths",
        "URLs",
        Base.PATH,
        "the log has no durations",
        order=Order.TOTAL_TIME,
        timed=True,
    ),
    PanelSpec(
        "bandwidth",
        "URLs",
        Base.PATH,
        _NO_REQUEST,
        order=Order.BYTES,
    ),
)
"""How all but those over time are made, in the order of `panel_names.TITLES`."""


_BASES: dict[str, Base] = {
    "path": Base.PATH,
    "status": Base.STATUS,
    **{column: base for base, column in BASE_COLUMNS.items()},
}
"""By column of a record."""


def other_panels() -> list[PanelSpec]:
    """Return the panels of dimensions that have none of the usual ones, for who asks for them."""
    usual = {spec.name for spec in PANELS}
    return [
        PanelSpec(
            one.plural,
            "values",
            _BASES[one.column],
            "no request has one",
            group=one.derive,
            title=one.title,
        )
        for one in DIMENSIONS
        if one.plural not in usual and one.column in _BASES
    ]


def kept_panel(name: str) -> PanelSpec:
    """Return how the panel of a field is made that a person asked to keep."""
    return PanelSpec(name, "values", name, "no counted request has this field")


def groups_kept(panels: Container[str] = ()) -> dict[Counted, tuple[Group, ...]]:
    """Every grouping that must outlive the values it groups, when a tally lets these go.

    Of panels that are not the usual ones, those that are named.
    """
    kept: dict[Counted, list[Group]] = {}
    for spec in (*PANELS, *(spec for spec in other_panels() if spec.name in panels)):
        if spec.group is not None:
            kept.setdefault(spec.base, []).append(spec.group)
    return {base: tuple(groups) for base, groups in kept.items()}
