"""User agents: people's browsers and bots."""

from __future__ import annotations

import pytest

from glancemetrics.user_agents import are_bots, classify


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
