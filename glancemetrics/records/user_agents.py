"""Classifies user agents: browser, operating system, device, or bot.

Source: uap-core's regular expressions (https://github.com/ua-parser/uap-core), matched by
ua-parser's native engine. A bot is what uap-core calls a spider: crawlers, previews, monitors and
other agents that identify themselves as automatic. Scripts such as curl are not, unless they do.
uap-core knows few health checkers and internet scanners: their names are listed here.
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
    # Health checks of load balancers, orchestrators and clouds.
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
    # Internet scanners.
    "Censys": "Censys",
    "zgrab": "zgrab",
    "Expanse, a Palo Alto Networks company": "Expanse",
    "Cortex-Xpanse": "Expanse",
    "InternetMeasurement": "InternetMeasurement",
    "getodin.com": "Odin",
    "Nmap Scripting Engine": "Nmap",
    "l9explore": "LeakIX",
    "l9tcpid": "LeakIX",
    # Bots that uap-core names after a part of their address.
    "ChatGPT-User": "ChatGPT-User",
    "meta-externalagent": "meta-externalagent",
    "meta-externalfetcher": "meta-externalfetcher",
}
"""Names of bots, by a text in their user agent."""
_CHECKER = re.compile(
    r"(?!Mozilla/)[^/(;]*(?:health[-_ ]?check|(?<![a-z])probe(?![a-z])|uptime)", re.IGNORECASE
)
"""Other health checkers, by words in their name; no browser has them."""
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
    """The name of the bot; `None` if it is not a bot."""


def prepare() -> None:
    """Load the expressions (a fifth of a second); otherwise the first classification does."""
    _resolver()


def forget() -> None:
    """Free the expressions (25 MB); recent classifications stay cached."""
    _resolver.cache_clear()


def classify(agents: Sequence[str]) -> list[UserAgent]:
    """Classify agents."""
    return list(map(_classified, agents))


def are_bots(agents: Sequence[str]) -> list[bool]:
    """Tell which agents are bots."""
    return [agent.bot is not None for agent in classify(agents)]


@functools.lru_cache(maxsize=_REMEMBERED)
def _classified(text: str) -> UserAgent:
    from ua_parser import Domain  # late: only needed for user agents

    result = _resolver()(text, Domain.ALL)
    browser, system, device = result.user_agent, result.os, result.device
    name = browser.family if browser else UNKNOWN
    bot = _listed_bot(text)
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


def _listed_bot(text: str) -> str | None:
    """Return the name of a bot that uap-core does not know, or misnames."""
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
