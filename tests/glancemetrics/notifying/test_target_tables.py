"""`[[notify]]` tables, right and wrong."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

import attrs
import pytest

from actors.configuration.sections import all_sections
from glancemetrics.configuration.settings import all_settings, read_settings
from glancemetrics.errors import UsageError
from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.notifying.target_tables import _KEYS as _TARGET_KEYS
from glancemetrics.notifying.target_tables import read_targets
from glancemetrics.planning.rules_and_targets import read_rules_and_targets
from glancemetrics.rules.rule import Severity
from glancemetrics.rules.rule_tables import _KEYS as _RULE_KEYS
from tests.actors.outputs.test_notifier import event, target
from tests.lines import BASE


def test_each_target_wants_its_own() -> None:
    told = target(
        'webhook = "https://example.com/"\nseverity = "warning"\nrules = ["high*"]\n'
        "recovered = false"
    )
    triggered = event(1)
    assert triggered.incident is not None
    assert told.wants(triggered)
    assert not told.wants(event(1, AlertEventKind.RECOVERED))
    other = attrs.evolve(triggered.incident, rule="Checkout")
    assert not told.wants(attrs.evolve(triggered, incident=other))
    info = attrs.evolve(triggered.incident, severity=Severity.INFO.value)
    assert not told.wants(attrs.evolve(triggered, incident=info))
    assert not told.wants(AlertEvent(AlertEventKind.MONITORING_STARTED, BASE, "Monitoring"))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "config.toml line 1: name: [[notify]] needs one of webhook, alertmanager, exec, "),
        ('webhook = "ftp://x"', "line 2: webhook: must be an http://"),
        ('webhook = "https://h:99999999/"', "line 2: webhook: invalid URL: check its host and"),
        ('webhook = "https://h:0/"', "line 2: webhook: invalid URL: check its host and port"),
        ('webhook = "https://h:port/"', "line 2: webhook: invalid URL: check its host and"),
        ('webhook = "https://[::1/"', "line 2: webhook: invalid URL: check its host and"),
        ('alertmanager = "http://h:65536"', "line 2: alertmanager: invalid URL: check its"),
        ('webhok = "http://x"', "line 2: webhok: unknown key in [[notify]]; did you"),
        ('exec = ""', "exec: must be a text or a list of texts"),
        ('exec = "a"\nsecret = "env:X"', "line 3: secret: only for a webhook"),
        ('webhook = "http://x"\nseverity = "bad"', "severity = 'bad': must be one of critical,"),
        ('webhook = "http://x"\nhours = "8-18"', "hours = '8-18': must be like 'Mon-Fri"),
        ('webhook = "http://x"\ntimezone = "UTC"', "timezone = 'UTC': needs hours"),
        (
            'webhook = "http://x"\nhours = "Sat"\ntimezone = "Mars"',
            "timezone = 'Mars': must be a name like Europe/Paris, local or UTC",
        ),
        ('webhook = "http://x"\ngroup_by = "all"', "group_by = 'all': needs group_wait, the"),
        ('webhook = "http://x"\nrepeat = "soon"', "repeat = 'soon': must be a duration such as"),
        (
            'webhook = "http://x"\n[notify.body]\ntext = "{hits}"',
            "body: unknown name {hits}; known: message, mark,",
        ),
        (
            'webhook = "http://x"\n[notify.body]\ntext = "{rule.name}"',
            "body: unknown name {rule.name}; known:",
        ),
        (
            'webhook = "http://x"\nbody = { at = 12:00:00 }',
            "body: may only hold texts, numbers, true, false,",
        ),
        ('webhook = "http://x"\nbody = "x"', "body: must be a table like"),
        (
            'webhook = "http://x"\nheaders = { "a b" = "env:X" }',
            "headers: invalid header name",
        ),
        ('apprise = "hunter2"', "apprise: must be an Apprise URL, env:NAME or file:PATH"),
        ('webhook = "http://x"\nenv = { A = "b" }', "line 3: env: only for exec"),
        ('exec = "a"\nenv = "B"', "env: must be a table like"),
        ('exec = "a"\n[notify.env]\nA = 1', "line 3: env: must be a table like"),
        ('exec = "a"\nenv = { "A B" = "c" }', "env: invalid variable name"),
        ('webhook = "http://x"\nrecovered = 1', "recovered = 1: must be true or false"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, error: str) -> None:
    with pytest.raises(UsageError) as told:
        target(text)
    assert error in str(told.value)


@pytest.mark.parametrize("url", ["https://h:65535/", "http://[::1]:1/x", "http://a:b@h:80"])
def test_any_port_that_there_can_be_is_allowed(url: str) -> None:
    assert target(f'webhook = "{url}"').place


def test_a_header_is_a_secret() -> None:
    with pytest.raises(UsageError) as told:
        target('webhook = "http://x"\nheaders = { Authorization = "hunter2" }')
    assert "hunter2" not in str(told.value)
    assert "must be env:NAME or file:PATH" in str(told.value)


SECRETS = [
    "https://hunter2@x/",
    "https://hooks.example.org/services/T000/hunter2",
    "mailto://user:hunter2@example.org",
    "xoxb-1234567890-hunter2hunter2",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("kind", ["notify", "rule"])
@pytest.mark.parametrize("key", [*_TARGET_KEYS, *_RULE_KEYS, "webhok", "tokn", "x"])
def test_what_may_be_a_secret_is_shown_in_no_error(key: str, kind: str, secret: str) -> None:
    """Under any key, right or wrong, in any shape."""
    base = {"notify": 'name = "a"\nexec = "b"\n', "rule": 'name = "a"\nabsence = "5m"\n'}[kind]
    lines = [line for line in base.splitlines() if not line.startswith(f"{key} ")]
    told: list[str] = []
    for written in (f'"{secret}"', f'["{secret}"]', f'[["{secret}"]]', f'{{ a = "{secret}" }}'):
        text = "\n".join([f"[[{kind}]]", *lines, f"{key} = {written}"])
        try:
            read_rules_and_targets(text, "config.toml")
        except UsageError as error:
            told.append(str(error))
    assert len(told) >= 2 or key in {"exec", "rules"}
    for said in told:
        assert "hunter2" not in said
        assert "config.toml line " in said


@pytest.mark.parametrize(
    "text",
    [
        'webhok = "hunter2"',
        'exec = [["hunter2"]]',
        'webhook = "hunter2"',
        'webhook = ["hunter2"]',
        'webhook = "https://x.y/"\nexec = ["hunter2", "--key"]',
        'exec = "a"\nwebhook = "hunter2"',
        'webhook = "https://x.y/"\nbody = "hunter2"',
        'webhook = "https://x.y/"\nbody = { key = "hunter2}" }',
        'webhook = "https://x.y/"\nheaders = "hunter2"',
        'webhook = "https://x.y/"\nheaders = { "Authorization: hunter2" = "env:X" }',
        'webhook = "https://x.y/"\nsecret = ["hunter2"]',
        'exec = "a"\nenv = { "A=hunter2" = "x" }',
        'exec = "a"\nenv = { A = ["hunter2"] }',
        'exec = "a"\nenv = { A = "env:https://hunter2@x/" }',
        'webhook = "env:https://hunter2@x/"',
        'webhook = "file:https://hunter2@x/"',
        'webhook = "https://x.y/"\nheaders = { A = "env:hunter2-hunter2" }',
    ],
)
def test_a_plain_word_may_be_a_secret_where_secrets_are(text: str) -> None:
    with pytest.raises(UsageError) as told:
        target(text)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("key", [*all_settings(all_sections()), "webhok"])
def test_no_setting_shows_what_may_be_a_secret(key: str, secret: str) -> None:
    cases: list[tuple[dict[str, str], dict[str, str], str]] = [
        ({}, {}, f'{key} = "{secret}"'),
        ({}, {}, f'{key} = [["{secret}"]]'),
        ({}, {f"GLANCEMETRICS_{key.upper()}": secret}, ""),
    ]
    if key in all_settings(all_sections()):
        cases.append(({key: secret}, {}, ""))
    told: list[str] = []
    for flags, environment, toml in cases:
        try:
            read_settings(flags, environment, toml, "config.toml", sections=all_sections())
        except UsageError as error:
            told.append(str(error))
    assert told
    assert not any("hunter2" in error for error in told)


@pytest.mark.parametrize(
    ("timezone", "zone"),
    [("", ZoneInfo("Asia/Tokyo")), ("local", ZoneInfo("Asia/Tokyo")), ("UTC", UTC)],
)
def test_hours_are_of_the_zone_that_is_named_or_else_of_the_machine(
    timezone: str, zone: tzinfo
) -> None:
    named = f'timezone = "{timezone}"' if timezone else ""
    text = f'[[notify]]\nwebhook = "http://x"\nhours = "08:00-18:00"\n{named}'
    (target,) = read_targets(text, "x.toml", local=lambda: ZoneInfo("Asia/Tokyo"))
    assert target.hours is not None
    assert target.hours.zone == zone
