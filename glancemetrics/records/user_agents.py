"""Classifies user agents: browser, operating system, device, or bot.

Source: uap-core's regular expressions (https://github.com/ua-parser/uap-core), matched by
ua-parser's native engine. A bot is what uap-core calls a spider: crawlers, previews, monitors and
other agents that identify themselves as automatic. Scripts such as curl are not, unless they do.
uap-core knows few health checkers and internet scanners: their names are listed here.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from glancemetrics.records.agent_expressions import Needed

UNKNOWN = "(unknown)"
_SPIDER = "Spider"
_DESKTOPS = ("Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD")
_REMEMBERED = 1 << 14
_TOGETHER = 512
_FEW = 16_384
"""Characters of agents (150 or so) up to which it is faster to compile only what can match them."""
_SMALL_ENGINES = 8
"""After so many of these, all expressions are compiled: new agents keep coming."""

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
_MARK = "\0"
"""Tells names of listed bots from those of uap-core."""
_LISTED = {_MARK + name: name for name in _BOTS.values()}
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
    """Load all expressions (a tenth of a second), before many agents are classified."""
    _engine()


def prepare_for_few() -> None:
    """Load what few agents need: a quarter of the time."""
    _with_needed()


def forget() -> None:
    """Free the expressions (25 MB); recent classifications stay cached."""
    for loaded in (_engine, _expressions, _with_needed):
        loaded.cache_clear()


_remembered: dict[str, UserAgent] = {}
"""What was classified lately."""


def classify(agents: Sequence[str]) -> list[UserAgent]:
    """Classify agents."""
    found = {agent: known for agent in agents if (known := _remembered.get(agent)) is not None}
    missing = [agent for agent in dict.fromkeys(agents) if agent not in found]
    if missing:
        classified = dict(zip(missing, classify_distinct(missing), strict=True))
        if len(_remembered) + len(classified) > _REMEMBERED:
            _remembered.clear()
        _remembered.update(itertools.islice(classified.items(), _REMEMBERED))
        found |= classified
    return [found[agent] for agent in agents]


def classify_distinct(agents: Sequence[str]) -> list[UserAgent]:
    """Classify agents that all differ from each other, so that none needs to be remembered."""
    engine = _engine_for(agents)
    classified: list[UserAgent] = []
    # One kind of expressions after the other: each of them fills the processor's cache.
    for start in range(0, len(agents), _TOGETHER):
        some = agents[start : start + _TOGETHER]
        browsers = list(map(engine.browser, some))
        devices = list(map(engine.device, some))
        systems = list(map(engine.system, some))
        classified += map(_joined, some, browsers, devices, systems)
    return classified


def are_bots(agents: Sequence[str]) -> list[bool]:
    """Tell which agents are bots."""
    return [agent.bot is not None for agent in classify(agents)]


def _joined(text: str, browser: Any, device: Any, system: Any) -> UserAgent:
    """Return what the first matches of each kind, or `None`, tell."""
    name = UNKNOWN if browser is None else browser.family
    listed = _LISTED.get(name) or _checker(text)
    if listed is not None:
        return _of_parts(listed, None, UNKNOWN, None, _SPIDER)
    return _of_parts(
        name,
        None if browser is None else browser.major,
        UNKNOWN if system is None else system.family,
        None if system is None else system.major,
        None if device is None else device.family,
    )


def _checker(text: str) -> str | None:
    """Return the name of a health checker that is in no list."""
    if _CHECKER.match(text):
        return re.split(r"[/(;]", text, maxsplit=1)[0].strip()[:_NAME_LENGTH]
    return None


@functools.lru_cache(maxsize=_REMEMBERED)
def _of_parts(
    browser: str, version: str | None, system: str, system_version: str | None, device: str | None
) -> UserAgent:
    """Return the user agent, one object for all that are alike."""
    if device is None:
        device = "Desktop" if system in _DESKTOPS else UNKNOWN
    return UserAgent(
        browser,
        _versioned(browser, version),
        system,
        _versioned(system, system_version),
        device,
        browser if device == _SPIDER else None,
    )


def _versioned(family: str, major: str | None) -> str:
    return f"{family} {major}" if major else family


@attrs.frozen
class _Engine:
    """Each returns the first match of its expressions, or `None`."""

    browser: Callable[[str], Any]
    system: Callable[[str], Any]
    device: Callable[[str], Any]


_small_engines = itertools.count()


def _engine_for(agents: Sequence[str]) -> _Engine:
    """Return an engine that classifies these agents as the one with all expressions does."""
    is_compiled = _engine.cache_info().currsize > 0
    if is_compiled or sum(map(len, agents)) > _FEW or next(_small_engines) >= _SMALL_ENGINES:
        return _engine()
    from glancemetrics.records.agent_expressions import has_needed  # late, as uap-core's own

    text = "\n".join(agents).casefold()
    can_match = [
        [one for one, needed in of_kind if has_needed(needed, text)] for of_kind in _with_needed()
    ]
    return _engine_of(can_match)


@functools.cache
def _engine() -> _Engine:
    return _engine_of(_expressions())


def _engine_of(expressions: Sequence[list[Any]]) -> _Engine:
    from ua_parser.regex import Resolver  # late: only needed for user agents

    browsers, systems, devices = expressions
    resolver = Resolver((browsers, systems, devices))
    return _Engine(resolver.ua.extract, resolver.os.extract, resolver.de.extract)


@functools.cache
def _expressions() -> Sequence[list[Any]]:
    """Return the expressions for browsers and bots, for systems and for devices."""
    from ua_parser.lazy import UserAgentMatcher  # late: only needed for user agents
    from ua_parser.loaders import load_lazy_builtins

    browsers, systems, devices = load_lazy_builtins()
    # Looked for together with the others: one by one, they would take a third of the time.
    listed = [UserAgentMatcher(re.escape(mark), _MARK + name) for mark, name in _BOTS.items()]
    return [*listed, *browsers], systems, devices


@functools.cache
def _with_needed() -> Sequence[Sequence[tuple[Any, Needed]]]:
    from glancemetrics.records.agent_expressions import needed_by

    return [[(one, needed_by(one.regex)) for one in of_kind] for of_kind in _expressions()]
