"""RFC 5424 messages."""

from __future__ import annotations

import re

import attrs
import pytest

from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.incidents.incident import Incident
from glancemetrics.incidents.syslog_message import SyslogFormat, octet_counted
from tests.lines import BASE

FORMAT = SyslogFormat("daemon", "warning", "web-1", 4711)
INCIDENT = Incident("high_traffic-20260921T141320Z", "high_traffic", 10.0, 120, BASE, 12.5, 12.5)
TRIGGERED = AlertEvent(AlertEventKind.TRIGGERED, BASE, "High traffic ...", INCIDENT)

# RFC 5424 section 6, as far as we use it.
GRAMMAR = re.compile(
    rb"<(\d{1,3})>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d) [!-~]{1,255} [!-~]{1,48} "
    rb'[!-~]{1,128} [!-~]{1,32} \[[!-~]{1,32}(?: [a-z_]+="(?:[^"\\\]]|\\["\\\]])*")*\] .*'
)


def test_a_message_says_all_that_the_event_does() -> None:
    assert FORMAT.message(TRIGGERED) == (
        b"<28>1 2026-09-21T14:13:20+00:00 web-1 glancemetrics 4711 triggered "
        b'[glancemetrics@32473 time="2026-09-21T14:13:20+00:00" event="triggered" '
        b'rule="high_traffic" incident="high_traffic-20260921T141320Z" '
        b'severity="warning" value="12.5" '
        b'threshold="10.0" window="120" triggered_at="2026-09-21T14:13:20+00:00" peak="12.5"] '
        b"High traffic ..."
    )


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        (AlertEventKind.TRIGGERED, 4),
        (AlertEventKind.RECOVERED, 5),
        (AlertEventKind.MONITORING_STARTED, 6),
        (AlertEventKind.MONITORING_STOPPED, 6),
    ],
)
def test_facility_and_severity(kind: AlertEventKind, severity: int) -> None:
    event = attrs.evolve(TRIGGERED, kind=kind)
    assert FORMAT.message(event).startswith(b"<%d>1 " % (3 * 8 + severity))
    louder = attrs.evolve(FORMAT, facility="local7", alert_severity="crit")
    expected = 23 * 8 + (2 if kind is AlertEventKind.TRIGGERED else severity)
    assert louder.message(event).startswith(b"<%d>1 " % expected)


@pytest.mark.parametrize(
    ("asked", "of_rule", "severity"),
    [
        *(("warning", "critical", 2), ("alert", "critical", 1), ("warning", "warning", 4)),
        *(("crit", "info", 6), ("debug", "info", 7), ("debug", "critical", 2)),
    ],
)
def test_the_severity_of_a_rule_is_that_of_its_messages(
    asked: str, of_rule: str, severity: int
) -> None:
    message = attrs.evolve(FORMAT, alert_severity=asked)
    for kind in (AlertEventKind.TRIGGERED, AlertEventKind.FLAPPING):
        incident = attrs.evolve(INCIDENT, severity=of_rule)
        event = attrs.evolve(TRIGGERED, kind=kind, incident=incident)
        assert message.message(event).startswith(b"<%d>1 " % (3 * 8 + severity))


@pytest.mark.parametrize("evil", ['"] [x y="', "\\", "a\nb", "\x00", "]", "é\u202e"])
def test_nothing_breaks_out_of_a_message(evil: str) -> None:
    event = attrs.evolve(
        TRIGGERED, message=evil, incident=attrs.evolve(INCIDENT, rule=evil, id=evil)
    )
    message = attrs.evolve(FORMAT, host=f"h{evil} x").message(event)
    assert GRAMMAR.fullmatch(message)
    assert b"\n" not in message


def test_a_stream_counts_octets() -> None:
    assert octet_counted("é".encode()) == b"2 \xc3\xa9"
