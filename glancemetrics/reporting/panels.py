"""The panels of a report: what each is made from, and the order of its rows."""

from __future__ import annotations

from collections.abc import Callable, Container

import attrs
import pyarrow as pa

from glancemetrics.arrow import compute as pc
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
from glancemetrics.reporting.panel_names import TITLES, Order
from glancemetrics.reporting.slices import BASE_COLUMNS, FROM, Base, Counted

Group = Callable[[pa.Array], pa.Array]
"""Returns a group name for each value; null for values without a group."""
Detail = Callable[[pa.Array, pa.Array], pa.Array]
"""Returns names for the values with some numbers, for the rows below a row."""

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
    """What a row is, in the singular, for `12 more URLs`."""
    base: Counted
    missing: str
    """Why the panel is empty, if it is."""
    group: Group | None = None
    """What values are grouped by; `None`: each separately."""
    detail_base: Counted | None = None
    """Where the rows below a row come from; `None` with a `detail`: from `base`."""
    detail_group: Group | None = None
    """The row that a detail belongs to."""
    detail: Detail | None = None
    """Names of the details."""
    order: Order | None = None
    """A fixed order; `None`: the configured one."""
    timed: bool = False
    """Only for records with durations."""
    title: str | None = None
    """`None`: as in `panel_names.TITLES`, or its name."""


def _same(names: pa.Array, numbers: pa.Array) -> pa.Array:
    return pc.take(names, numbers)


def _static(paths: pa.Array) -> pa.Array:
    pattern = r"(?i)\.(" + "|".join(STATIC_EXTENSIONS) + r")$"
    return pc.if_else(pc.match_substring_regex(paths, pattern), paths, _NULL)


def _path_before(joined: pa.Array) -> pa.Array:
    return _joined_part(joined, "path")


def _referrer_after(joined: pa.Array, numbers: pa.Array) -> pa.Array:
    return _joined_part(pc.take(joined, numbers), "referrer")


def _joined_part(joined: pa.Array, part: str) -> pa.Array:
    parts = pc.extract_regex(joined, f"(?s)^(?P<path>[^{FROM}]*){FROM}(?P<referrer>.*)$")
    return pc.if_else(pc.is_valid(parts), pc.struct_field(parts, part), _NULL)


def _each_by(name_of: Callable[[UserAgent], str]) -> Detail:
    return lambda agents, numbers: pc.take(kinds_of(agents).named(name_of), numbers)


_NULL = pa.scalar(None, pa.string())
_NO_REQUEST = "no valid request line in the log"
_NO_AGENT = "no user agents in the log"

PANELS = (
    PanelSpec("sections", "section", Base.PATH, _NO_REQUEST, group=sections_of),
    PanelSpec("paths", "URL", Base.PATH, _NO_REQUEST),
    PanelSpec(
        "static_files",
        "file",
        Base.PATH,
        "no static files in the log",
        group=_static,
    ),
    PanelSpec(
        "not_found",
        "URL",
        Base.NOT_FOUND,
        "no request has status 404",
        detail_base=Base.NOT_FOUND_FROM,
        detail_group=_path_before,
        detail=_referrer_after,
    ),
    PanelSpec(
        "server_errors",
        "URL",
        Base.SERVER_ERROR,
        "no request has a status of 500 or above",
    ),
    PanelSpec("hosts", "host", Base.HOST, "no clients in the log"),
    PanelSpec(
        "networks",
        "network",
        Base.HOST,
        "no client addresses in the log",
        group=networks_of,
        detail_group=networks_of,
        detail=_same,
    ),
    PanelSpec("vhosts", "host", Base.VHOST, "no virtual hosts in the log"),
    PanelSpec("users", "user", Base.USER, "no request was authenticated"),
    PanelSpec("methods", "method", Base.METHOD, _NO_REQUEST),
    PanelSpec("protocols", "protocol", Base.PROTOCOL, _NO_REQUEST),
    PanelSpec(
        "status",
        "class",
        Base.STATUS,
        "no request has a status",
        group=status_classes,
        detail_group=status_classes,
        detail=_same,
    ),
    PanelSpec(
        "referring_sites",
        "site",
        Base.REFERRER,
        "no request has a referring site",
        group=sites_of,
    ),
    PanelSpec("referrers", "referrer", Base.REFERRER, "no request has a referrer"),
    PanelSpec(
        "browsers",
        "browser",
        Base.AGENT,
        _NO_AGENT,
        group=browsers_of,
        detail_group=browsers_of,
        detail=_each_by(lambda agent: agent.browser_version),
    ),
    PanelSpec(
        "operating_systems",
        "operating system",
        Base.AGENT,
        _NO_AGENT,
        group=systems_of,
        detail_group=systems_of,
        detail=_each_by(lambda agent: agent.system_version),
    ),
    PanelSpec(
        "devices",
        "device",
        Base.AGENT,
        _NO_AGENT,
        group=devices_of,
    ),
    PanelSpec(
        "bots",
        "bot",
        Base.AGENT,
        "no bots among the user agents",
        group=bots_of,
    ),
    PanelSpec("agents", "user agent", Base.AGENT, _NO_AGENT),
    PanelSpec(
        "slowest_paths",
        "URL",
        Base.PATH,
        "no response times in the log",
        order=Order.TOTAL_TIME,
        timed=True,
    ),
    PanelSpec(
        "bandwidth",
        "URL",
        Base.PATH,
        _NO_REQUEST,
        order=Order.BYTES,
    ),
)
"""How all panels except those over time are made, in the order of `panel_names.TITLES`."""


_BASES: dict[str, Base] = {
    "path": Base.PATH,
    "status": Base.STATUS,
    **{column: base for base, column in BASE_COLUMNS.items()},
}
"""By column of a record."""


def other_panels() -> list[PanelSpec]:
    """Return panels for the other dimensions, which are shown on request."""
    usual = {spec.name for spec in PANELS}
    return [
        PanelSpec(
            one.plural,
            "value",
            _BASES[one.column],
            "no request has one",
            group=one.derive,
            title=one.title,
        )
        for one in DIMENSIONS
        if one.plural not in usual and one.column in _BASES
    ]


def title_of(name: str) -> str:
    """Return a panel's title; that of an extra field is its name."""
    if name in TITLES:
        return TITLES[name]
    return next((spec.title or name for spec in other_panels() if spec.name == name), name)


def kept_panel(name: str) -> PanelSpec:
    """Return the panel of an extra field (`--keep`)."""
    return PanelSpec(name, "value", name, "no counted request has this field")


def groups_kept(panels: Container[str] = ()) -> dict[Counted, tuple[Group, ...]]:
    """Return the groupings that must survive when a tally drops the values they group.

    Of the panels shown on request, only those in `panels`.
    """
    kept: dict[Counted, list[Group]] = {}
    for spec in (*PANELS, *(spec for spec in other_panels() if spec.name in panels)):
        if spec.group is not None:
            kept.setdefault(spec.base, []).append(spec.group)
    return {base: tuple(groups) for base, groups in kept.items()}
