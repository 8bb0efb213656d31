"""What a client accepts: the headers `Accept` and `Accept-Encoding` (RFC 9110, section 12.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import attrs

_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?", re.ASCII)


@attrs.frozen
class Accepted:
    """One that is accepted."""

    name: str
    """In lower case, such as `text/csv`, `text/*` or `gzip`."""
    parameters: Mapping[str, str]
    quality: float
    """0: not accepted, to 1: preferred (section 12.4.2)."""


def accepted_in(header: str) -> Iterator[Accepted]:
    """Yield what a header names, in its order; a quality that is none counts as 0."""
    for part in header.split(","):
        name, *rest = (one.strip().lower() for one in part.split(";"))
        given = dict(one.split("=", 1) for one in rest if "=" in one)
        quality = given.pop("q", "1").strip()
        is_one = _QUALITY.fullmatch(quality) is not None
        if name:
            yield Accepted(name, given, float(quality) if is_one else 0.0)


def quality_of(media: str, header: str) -> float:
    """Return the quality of a media type, or of an encoding: what names it best decides."""
    return _quality(media, header)[0]


def _quality(media: str, header: str) -> tuple[float, int]:
    """Return the quality, and how well it is named."""
    found = {one.name: one.quality for one in accepted_in(header)}
    names = (media, f"{media.partition('/')[0]}/*", "*/*", "*")
    named = ((found[name], -place) for place, name in enumerate(names) if name in found)
    return next(named, (0.0, -len(names)))


def preferred(names: Mapping[str, str], header: str) -> str | None:
    """Return the value of the media type that is accepted best; `None` if none is.

    `names` are values by media type. Of equals, the one that is named best is returned, or the
    first one.
    """
    best = max(names, key=lambda media: _quality(media, header))
    return names[best] if quality_of(best, header) > 0 else None
