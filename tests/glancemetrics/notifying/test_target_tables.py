"""`[[notify]]` tables, right and wrong."""

from __future__ import annotations

import attrs
import pytest

from glancemetrics.alert_events import AlertEvent, AlertEventKind
from glancemetrics.errors import UsageError
from glancemetrics.rules.rule import Severity
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
        ("", "config.toml, line 1: name: a notify has one of webhook, alertmanager, exec, "),
        ('webhook = "ftp://x"', "line 2: webhook = 'ftp://x': must be an http://"),
        ('webhok = "http://x"', "webhok = 'http://x': there is no such key in a notify; did you"),
        ('exec = ""', "exec = '': must be a text, or several in brackets"),
        ('exec = "a"\nsecret = "env:X"', "line 3: secret: has meaning for a webhook only"),
        ('webhook = "http://x"\nseverity = "bad"', "severity = 'bad': must be one of critical,"),
        ('webhook = "http://x"\nhours = "8-18"', "hours = '8-18': must be such as 'Mon-Fri"),
        ('webhook = "http://x"\ntimezone = "UTC"', "timezone = 'UTC': is that of hours, and"),
        (
            'webhook = "http://x"\nhours = "Sat"\ntimezone = "Mars"',
            "timezone = 'Mars': must be a name such as Europe/Paris, local or UTC",
        ),
        ('webhook = "http://x"\ngroup_by = "all"', "group_by = 'all': needs group_wait, the"),
        ('webhook = "http://x"\nrepeat = "soon"', "repeat = 'soon': must be a span such as"),
        (
            'webhook = "http://x"\n[notify.body]\ntext = "{hits}"',
            "body: '{hits}': there is no {hits}; there are message, mark,",
        ),
        (
            'webhook = "http://x"\n[notify.body]\ntext = "{rule.name}"',
            "body: '{rule.name}': there is no {rule.name}; there are",
        ),
        (
            'webhook = "http://x"\nbody = { at = 12:00:00 }',
            "body: has texts, numbers, true, false,",
        ),
        ('webhook = "http://x"\nbody = "x"', "body = 'x': must be a table, such as"),
        ('webhook = "http://x"\nheaders = { "a b" = "env:X" }', "'a b' is no name of a header"),
        ('apprise = "hunter2"', "apprise: must be an address of Apprise, env:NAME or file:PATH"),
        ('webhook = "http://x"\nenv = { A = "b" }', "line 3: env: has meaning for exec only"),
        ('exec = "a"\nenv = "B"', "env: must be a table such as"),
        ('exec = "a"\n[notify.env]\nA = 1', "line 3: env: must be a table such as"),
        ('exec = "a"\nenv = { "A B" = "c" }', "env: has a name that no environment variable"),
        ('webhook = "http://x"\nrecovered = 1', "recovered = 1: must be true or false"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, error: str) -> None:
    with pytest.raises(UsageError) as told:
        target(text)
    assert error in str(told.value)


def test_a_header_is_a_secret() -> None:
    with pytest.raises(UsageError) as told:
        target('webhook = "http://x"\nheaders = { Authorization = "hunter2" }')
    assert "hunter2" not in str(told.value)
    assert "must be env:NAME or file:PATH" in str(told.value)
