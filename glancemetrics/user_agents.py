"""What a user agent says it is: browser, operating system, device, or a bot.

Source: uap-core's regular expressions (https://github.com/ua-parser/uap-core), matched by
ua-parser's native engine. A bot is what uap-core calls a spider: crawlers, previews, monitors and
whatever else says that it is not a person's. Scripts such as curl are not, unless they say so.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import attrs

UNKNOWN = "(unknown)"
_SPIDER = "Spider"
_DESKTOPS = ("Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD")
_REMEMBERED = 1 << 14


@attrs.frozen
class UserAgent:
    """One user agent."""

    browser: str
    browser_version: str
    """Family and major version."""
    system: str
    system_version: str
    device: str
    bot: str | None
    """The bot's name; `None` if it is none."""


def prepare() -> None:
    """Load the expressions, which takes a fifth of a second; else the first agent does it."""
    _resolver()


def forget() -> None:
    """Drop the expressions, which take 25 MB; what was classified lately is still known."""
    _resolver.cache_clear()


def classify(agents: Sequence[str]) -> list[UserAgent]:
    """Tell of each agent what it is."""
    return list(map(_classified, agents))


def are_bots(agents: Sequence[str]) -> list[bool]:
    """Tell which agents are bots."""
    return [agent.bot is not None for agent in classify(agents)]


@functools.lru_cache(maxsize=_REMEMBERED)
def _classified(text: str) -> UserAgent:
    from ua_parser import Domain  # late: only reports of agents need it

    result = _resolver()(text, Domain.ALL)
    browser, system, device = result.user_agent, result.os, result.device
    name = browser.family if browser else UNKNOWN
    bot = None
    if device is not None and device.family == _SPIDER:
        bot = name
    elif device is not None:
        kind = device.family
    elif system is not None and system.family in _DESKTOPS:
        kind = "Desktop"
    else:
        kind = UNKNOWN
    return _shared(
        name,
        _versioned(name, browser.major if browser else None),
        system.family if system else UNKNOWN,
        _versioned(system.family, system.major) if system else UNKNOWN,
        kind if bot is None else _SPIDER,
        bot,
    )


_shared = functools.lru_cache(maxsize=_REMEMBERED)(UserAgent)


def _versioned(family: str, major: str | None) -> str:
    return f"{family} {major}" if major else family


@functools.cache
def _resolver() -> Any:
    from ua_parser.loaders import load_lazy_builtins
    from ua_parser.regex import Resolver

    return Resolver(load_lazy_builtins())
