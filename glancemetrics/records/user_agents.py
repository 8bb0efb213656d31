"""What a user agent says it is: browser, operating system, device, or a bot.

Source: uap-core's regular expressions (https://github.com/ua-parser/uap-core), matched by
ua-parser's native engine. A bot is what uap-core calls a spider: crawlers, previews, monitors and
whatever else says that it is not a person's. Scripts such as curl are not, unless they say so.
uap-core hardly knows what checks whether a server is well, and what scans all servers: that is told
here, by the names that its makers give it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any

import attrs

UNKNOWN = "(unknown)"
_SPIDER = "Spider"
_DESKTOPS = ("Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD")
_REMEMBERED = 1 << 14

_BOTS = {
    # Load balancers, orchestrators and clouds that ask whether a server is well.
    "ELB-HealthChecker": "ELB-HealthChecker",
    "kube-probe": "kube-probe",
    "GoogleHC": "GoogleHC",
    "GoogleStackdriverMonitoring": "GoogleStackdriverMonitoring",
    "Amazon-Route53-Health-Check-Service": "Amazon Route 53",
    "Azure Traffic Manager Endpoint Monitor": "Azure Traffic Manager",
    "Load Balancer Agent": "Azure Load Balancer",
    "Edge Health Probe": "Azure Front Door",
    "Envoy/HC": "Envoy",
    "Consul Health Check": "Consul",
    # Monitors.
    "Uptime-Kuma": "Uptime-Kuma",
    "check_http": "check_http",
    "check_curl": "check_curl",
    "Blackbox Exporter": "Blackbox Exporter",
    "Blackbox-Exporter": "Blackbox Exporter",
    "Prometheus/": "Prometheus",
    "Site24x7": "Site24x7",
    "Datadog/Synthetics": "Datadog Synthetics",
    "DatadogSynthetics": "Datadog Synthetics",
    "NewRelicPinger": "NewRelicPinger",
    "updown.io": "updown.io",
    "Checkly/": "Checkly",
    "Zabbix": "Zabbix",
    # What scans all addresses there are.
    "Censys": "Censys",
    "zgrab": "zgrab",
    "Expanse, a Palo Alto Networks company": "Expanse",
    "Cortex-Xpanse": "Expanse",
    "InternetMeasurement": "InternetMeasurement",
    "getodin.com": "Odin",
    "Nmap Scripting Engine": "Nmap",
    "l9explore": "LeakIX",
    "l9tcpid": "LeakIX",
    # What uap-core calls by a piece of its address.
    "ChatGPT-User": "ChatGPT-User",
    "meta-externalagent": "meta-externalagent",
    "meta-externalfetcher": "meta-externalfetcher",
}
"""By what stands in a user agent, the name of the bot."""
_CHECKER = re.compile(
    r"(?!Mozilla/)[^/(;]*(?:health[-_ ]?check|(?<![a-z])probe(?![a-z])|uptime)", re.IGNORECASE
)
"""Any other whose name says that it checks; no browser's does."""
_NAME_LENGTH = 40


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
    bot = _told_here(text)
    if bot is not None:
        return _shared(bot, bot, UNKNOWN, UNKNOWN, _SPIDER, bot)
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


def _told_here(text: str) -> str | None:
    """Return the name of a bot that uap-core does not know, or not by its name."""
    for mark, name in _BOTS.items():
        if mark in text:
            return name
    if _CHECKER.match(text):
        return re.split(r"[/(;]", text, maxsplit=1)[0].strip()[:_NAME_LENGTH]
    return None


_shared = functools.lru_cache(maxsize=_REMEMBERED)(UserAgent)


def _versioned(family: str, major: str | None) -> str:
    return f"{family} {major}" if major else family


@functools.cache
def _resolver() -> Any:
    from ua_parser.loaders import load_lazy_builtins
    from ua_parser.regex import Resolver

    return Resolver(load_lazy_builtins())
