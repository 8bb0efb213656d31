"""Values derived from columns: the section of a path, the site of a referrer."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.columns import column_of
from glancemetrics.records.agent_kinds import kinds_of
from glancemetrics.records.user_agents import UserAgent

Derive = Callable[[pa.Array], pa.Array]
"""Derives a name from each value, as strings or a dictionary array; null for none."""

_SLASH = pa.scalar("/", pa.string())
_NOTHING = pa.scalar("", pa.string())
_NULL = pa.scalar(None, pa.string())

_IDENTIFIERS = (
    r"\d+|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|"
    r"[0-9a-f]{16,128}|[0-9A-F]{16,128}"
)
"""Numbers, UUIDs (RFC 9562) and hexadecimal hashes."""
_IDENTIFIER_SEGMENT = rf"/(?:{_IDENTIFIERS})(/|$)"


def section_of(path: str) -> str:
    """Return the part of a path before the second `/`: `/pages` for `/pages/create`."""
    slash = path.find("/", 1)
    return path if slash < 0 else path[:slash]


def sections_of(paths: pa.Array) -> pa.Array:
    """`section_of` for a column of paths."""
    usual = pc.starts_with(paths, "/").to_numpy(zero_copy_only=False)
    if usual.all():
        return _rooted_sections(paths)
    sections = [section_of(path) for path in paths.to_pylist()]
    return pa.array(sections, pa.string())


def _rooted_sections(paths: pa.Array) -> pa.Array:
    pieces = pc.split_pattern(paths, "/", max_splits=2)
    firsts = pieces.offsets.to_numpy()[:-1].astype("int64")
    return pc.binary_join_element_wise(
        _NOTHING, pc.take(pieces.values, column_of(firsts + 1)), _SLASH
    )


def routes_of(paths: pa.Array) -> pa.Array:
    """Replace identifiers in paths by `{id}`: `/users/42` becomes `/users/{id}`."""
    # Twice: the match of an identifier consumes the slash before the next one.
    for _ in range(2):
        paths = pc.replace_substring_regex(paths, _IDENTIFIER_SEGMENT, r"/{id}\1")
    return paths


def status_texts(statuses: pa.UInt16Array) -> pa.StringArray:
    """Return statuses as they are written in logs: `404`, `000`."""
    return pc.ascii_lpad(pc.cast(statuses, pa.string()), 3, "0")


def status_classes(statuses: pa.Array) -> pa.StringArray:
    """Return the class of each status: `4xx` for `404`; `other` below 100 and above 599."""
    texts = statuses if pa.types.is_string(statuses.type) else status_texts(statuses)
    known = pc.match_substring_regex(texts, "^[1-5]")
    classes = pc.binary_join_element_wise(pc.utf8_slice_codeunits(texts, 0, 1), "xx", "")
    return pc.if_else(known, classes, "other")


def sites_of(referrers: pa.Array) -> pa.Array:
    """Return the host of each referrer in lower case, without user and default port."""
    parts = pc.extract_regex(
        referrers, r"(?i)^[a-z][a-z0-9+.\-]*://(?:[^/?#@]*@)?(?P<site>[^/?#]+)"
    )
    sites = pc.if_else(pc.is_valid(parts), pc.struct_field(parts, "site"), _NULL)
    return pc.utf8_lower(pc.replace_substring_regex(sites, r":(80|443)$", ""))


def bots_of(agents: pa.Array) -> pa.DictionaryArray:
    """Return the names of user agents that are bots."""
    return kinds_of(agents).named(lambda agent: agent.bot)


def browsers_of(agents: pa.Array) -> pa.DictionaryArray:
    """Return the browsers of user agents that are not bots, without versions."""
    return _of_people(agents, lambda agent: agent.browser)


def systems_of(agents: pa.Array) -> pa.DictionaryArray:
    """Return the operating systems of user agents that are not bots, without versions."""
    return _of_people(agents, lambda agent: agent.system)


def devices_of(agents: pa.Array) -> pa.DictionaryArray:
    """Return the kinds of device of user agents that are not bots."""
    return _of_people(agents, lambda agent: agent.device)


def _of_people(agents: pa.Array, name_of: Callable[[UserAgent], str]) -> pa.DictionaryArray:
    return kinds_of(agents).named(lambda agent: None if agent.bot is not None else name_of(agent))
