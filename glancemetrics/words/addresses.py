"""Addresses as people write them: mistakes in their first characters, passwords, and fleets."""

from __future__ import annotations

import re

_SLASHES = "://"
_BEGINNINGS = {
    **dict.fromkeys(("redis", "rediss", "redis+sentinel", "rediss+sentinel"), _SLASHES),
    **dict.fromkeys(("syslog+udp", "syslog+tcp", "syslog+tls"), _SLASHES),
    "syslog+unix": ":/",
    "syslog+unix-stream": ":/",
    **dict.fromkeys(("docker", "http", "journald"), ":"),
}
"""By scheme of a source, what follows it."""
_MISTYPED = re.compile(
    rf"({'|'.join(map(re.escape, sorted(_BEGINNINGS, key=len, reverse=True)))})"
    r"(?:[:;][:;/\\]*|//+|\\\\+)",
    re.IGNORECASE,
)
_IN_FRONT = re.compile(r"([:;/][^/@:]*):.*@", re.DOTALL)
_FLEET = re.compile(r"rediss?(?:\+sentinel)?://[^?]*(?:\?(?:.*&)?fleet=([^&]+))?", re.DOTALL)
_NAMED = re.compile(r"([?&](?:password|passwd|pass|pwd|auth|secret)=)[^&]*", re.IGNORECASE)


def corrected(text: str) -> str | None:
    """Return a source's address with the right colon and slashes after its scheme.

    `None` if it is written as it should be, or does not begin like the address of a source.
    """
    found = _MISTYPED.match(text)
    if found is None:
        return None
    scheme = found[1].lower()
    right = f"{scheme}{_BEGINNINGS[scheme]}{text[found.end() :]}"
    return None if text.lower().startswith(f"{scheme}{_BEGINNINGS[scheme]}") else right


def fleet_in(text: str) -> str:
    """Return the fleet in the address of its Redis; empty if a source is something else.

    Without `fleet=` it is the default one: `redis://host/0` is `default`.
    """
    found = _FLEET.match(text)
    return "" if found is None else found[1] or "default"


def called(text: str) -> str:
    """Return a source's name for sentences: `standard input`, `fleet prod` for its address.

    That may be longer than a line, with the paths of certificates; what is wrong comes behind it.
    """
    if text == "-":
        return "standard input"
    fleet = fleet_in(text)
    return f"fleet {fleet}" if fleet else text


def without_password(text: str) -> str:
    """Return an address for people: `...` for passwords that do not belong there."""
    return _NAMED.sub(r"\1...", _IN_FRONT.sub(r"\1:...@", text))
