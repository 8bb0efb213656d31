"""User agents: people's browsers and bots."""

from __future__ import annotations

import pytest

from glancemetrics.records.user_agents import are_bots, classify


@pytest.mark.parametrize(
    ("agent", "bot"),
    [
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", True),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", True),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", False),
        ("curl/8.5.0", False),
        ("", False),
        ("\x1b[31m\\x22<script>", False),
    ],
)
def test_bots(agent: str, bot: bool) -> None:
    assert are_bots([agent]) == [bot]


def test_a_browser_with_its_version_and_system() -> None:
    text = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0"
    (agent,) = classify([text])
    assert (agent.browser, agent.browser_version) == ("Firefox", "Firefox 127")
    assert (agent.system, agent.system_version) == ("Windows", "Windows 10")
    assert agent.device == "Desktop"


CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0.0.0"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("ELB-HealthChecker/2.0", "ELB-HealthChecker"),
        ("kube-probe/1.27", "kube-probe"),
        ("GoogleHC/1.0", "GoogleHC"),
        ("Uptime-Kuma/1.23.11", "Uptime-Kuma"),
        ("check_http/v2.3.3 (nagios-plugins 2.3.3)", "check_http"),
        ("Blackbox Exporter/0.24.0", "Blackbox Exporter"),
        ("Blackbox-Exporter/0.26.0", "Blackbox Exporter"),
        ("Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)", "Censys"),
        ("Mozilla/5.0 zgrab/0.x", "zgrab"),
        ("Expanse, a Palo Alto Networks company, searches across the global IPv4", "Expanse"),
        ("Amazon-Route53-Health-Check-Service (ref x; report http://x)", "Amazon Route 53"),
        ("HAProxy health check", "HAProxy health check"),
        ("my-healthcheck/1.0", "my-healthcheck"),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; "
            "+https://openai.com/bot",
            "ChatGPT-User",
        ),
        ("meta-externalagent/1.1 (+https://developers.facebook.com/docs/x)", "meta-externalagent"),
        # As uap-core has them.
        ("Mozilla/5.0 (compatible; GPTBot/1.1; +https://openai.com/gptbot)", "GPTBot"),
        ("Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", "UptimeRobot"),
        ("facebookexternalhit/1.1", "FacebookBot"),
        # People's, and scripts.
        (f"{CHROME} Safari/537.36", None),
        (f"{CHROME} UptimeBrowser/1", None),
        ("okhttp/4.9 (probe)", None),
        ("Problem/1.0", None),
        ("Go-http-client/1.1", None),
    ],
)
def test_health_checkers_scanners_and_agents_of_models_have_their_names(
    agent: str, name: str | None
) -> None:
    (found,) = classify([agent])
    assert found.bot == name
    assert are_bots([agent]) == [name is not None]
    if name is not None:
        assert found.device == "Spider"


def test_a_name_that_somebody_sends_is_no_longer_than_names_are() -> None:
    (found,) = classify(["health check " * 500])
    assert found.bot is not None
    assert len(found.bot) <= 40
