"""Suggestions for misspelt names, and for names that other programs use."""

from __future__ import annotations

from collections.abc import Iterable

_SYNONYMS = {
    "ip": "host",
    "client": "host",
    "remote_addr": "host",
    "url": "path",
    "uri": "path",
    "request_uri": "path",
    "code": "status",
    "user_agent": "agent",
    "ua": "agent",
    "referer": "referrer",
    "size": "bytes",
    "body_bytes_sent": "bytes",
    "latency": "duration",
    "request_time": "duration",
    "time_taken": "duration",
    "domain": "vhost",
    "server_name": "vhost",
    "verb": "method",
    "country": "network",
    "system": "os",
}


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'path'?)`, or nothing."""
    import difflib  # late: only needed after a mistake

    names = list(known)
    lowered = name.lower().replace("-", "_")
    close = [_SYNONYMS[lowered]] if _SYNONYMS.get(lowered) in names else []
    close += difflib.get_close_matches(lowered, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def closest(name: str, known: Iterable[str], least: float = 0.6) -> str | None:
    """Return the known name that a misspelt one is most like; `None` if it is like none.

    `least` is the least similarity, from 0 to 1, as of `difflib`.
    """
    import difflib  # late: only a mistake needs it

    names = {_bare(one): one for one in known}
    close = difflib.get_close_matches(_bare(name), names, n=1, cutoff=least)
    return names[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return `did you mean X?`, or something else if no known name is like it."""
    close = closest(name, known)
    return f"did you mean {close}?" if close else otherwise


def _bare(name: str) -> str:
    """Return a name without what says nothing: `--alert_log` as `alert-log`."""
    return name.lower().replace("_", "-").lstrip("-")
