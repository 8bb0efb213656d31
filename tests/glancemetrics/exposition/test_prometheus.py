"""Metrics as Prometheus scrapes them."""

from __future__ import annotations

import subprocess
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from glancemetrics.alerting.alerting import Alerts
from glancemetrics.exposition.families import (
    AGENT_LIMIT,
    FAMILIES,
    LABEL_LENGTH,
    SOURCE_LIMIT,
    Kind,
    Observed,
    label_value,
)
from glancemetrics.exposition.prometheus import exposition
from glancemetrics.health.health import Health, OutputHealth, OutputState, SourceHealth, SourceState
from glancemetrics.rules.own_health import own_rules
from glancemetrics.rules.stock import stock_rules
from glancemetrics.traffic.totals import Totals
from tests.actors.outputs.console.replays import AGENTS
from tests.actors.outputs.snapshots import FIRING, health, snapshot
from tests.conftest import needs
from tests.glancemetrics.traffic.test_totals import batch_of
from tests.glancemetrics.traffic.test_totals import row as record
from tests.lines import BASE

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
RULES = {rule.name: rule for rule in (*stock_rules(), *(own.rule for own in own_rules()))}
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;"
    "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


def observed(*records: dict[str, Any], **fields: object) -> Observed:
    totals = Totals(float(BASE - 100))
    if records:
        totals.add(batch_of([*records]))
    shown = attrs.evolve(snapshot(**fields), totals=totals.snapshot())
    return Observed(started_at=BASE - 50.5, rules=RULES, snapshot=shown)


def read(of: Observed, accept: str = OPENMETRICS) -> dict[tuple[str, ...], float]:
    """Return the values of an exposition, by name and labels."""
    body, _ = exposition(of, accept)
    parse = read_openmetrics if accept == OPENMETRICS else read_text
    return {
        (
            sample.name,
            *(f"{name}={value}" for name, value in sorted(sample.labels.items())),
        ): sample.value
        for family in parse(body.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("accept", [OPENMETRICS, ""], ids=["OpenMetrics", "text"])
def test_numbers_are_those_of_the_snapshot(accept: str) -> None:
    values = read(
        observed(
            record(status=200, bytes=10, duration=0.3),
            record(status=503, bytes=5, duration=0.25, vhost=None),
            record(status=503, bytes=1, duration=None, method="BREW"),
            health=health(rejects=7, foreign=2, lag_bytes=9, memory=1 << 20, gaps=1),
        ),
        accept,
    )
    requests = "glancemetrics_requests_total"
    assert values[requests, "class=2xx", "method=GET", "vhost=a.example"] == 1
    assert values[requests, "class=5xx", "method=GET", "vhost="] == 1
    assert values[requests, "class=5xx", "method=other", "vhost=a.example"] == 1
    assert sum(value for (name, *_), value in values.items() if name == requests) == 3
    assert values["glancemetrics_response_bytes_total", "vhost=a.example"] == 11
    duration = "glancemetrics_request_duration_seconds"
    assert values[f"{duration}_bucket", "le=0.1"] == 0
    assert values[f"{duration}_bucket", "le=0.25"] == 1
    assert values[f"{duration}_bucket", "le=0.5"] == 2
    assert values[f"{duration}_bucket", "le=+Inf"] == 2
    assert values[f"{duration}_count",] == 2
    assert values[f"{duration}_sum",] == pytest.approx(0.55)
    assert values["glancemetrics_visitors",] == 321
    assert values["glancemetrics_window_seconds",] == 10
    assert values["glancemetrics_lines_total",] == 12_345
    assert values["glancemetrics_rejects_total",] == 7
    assert values["glancemetrics_lag_bytes",] == 9
    assert values["glancemetrics_memory_bytes",] == 1 << 20
    assert values["glancemetrics_start_time_seconds",] == BASE - 50.5
    assert values["glancemetrics_snapshot_timestamp_seconds",] == BASE
    assert values["glancemetrics_output_up", "output=console"] == 1
    assert values["glancemetrics_sources", "state=following"] == 1
    assert values["glancemetrics_sources", "state=blocked"] == 0


def test_a_log_without_response_times_has_no_histogram() -> None:
    names = {name for name, *_ in read(observed(record(duration=None)))}
    assert not [name for name in names if "duration" in name]


def test_every_rule_has_a_number_of_incidents_also_without_any() -> None:
    firing = attrs.evolve(FIRING, rule="Server errors", severity="critical")
    both = Alerts(
        (firing, attrs.evolve(firing, id="b", group="x")), begun={"Server errors": 5, "Gone": 1}
    )
    values = read(observed(alerts=both))
    name = "glancemetrics_incidents_firing"
    assert values[name, "rule=Server errors", "severity=critical"] == 2
    assert values[name, "rule=Slow responses", "severity=warning"] == 0
    assert len([1 for of, *_ in values if of == name]) == len(RULES)
    begun = "glancemetrics_incidents_total"
    assert values[begun, "rule=Server errors", "severity=critical"] == 5
    assert values[begun, "rule=Scanner", "severity=info"] == 0
    assert values[begun, "rule=Gone", "severity="] == 1


def test_before_the_first_snapshot_there_are_only_version_and_start() -> None:
    nothing = Observed(started_at=5.0, rules=RULES)
    names = {name for name, *_ in read(nothing)}
    assert names == {"glancemetrics_build_info", "glancemetrics_start_time_seconds"}


def test_logs_and_outputs_in_trouble_are_down() -> None:
    sources = (
        SourceHealth("fine", SourceState.READING, format="combined", lag_bytes=7),
        SourceHealth("gone", SourceState.WAITING),
        SourceHealth("unknown", SourceState.FOLLOWING, unparsed=4),
        SourceHealth("quiet", SourceState.FOLLOWING),
    )
    outputs = (OutputHealth("syslog", OutputState.RETRYING, lost=3, restarts=2, waiting=9),)
    values = read(observed(health=Health(sources=sources, outputs=outputs, lag_seconds=None)))
    up = {key[1]: value for key, value in values.items() if key[0] == "glancemetrics_source_up"}
    assert up == {"source=fine": 1, "source=gone": 0, "source=unknown": 0, "source=quiet": 1}
    assert values["glancemetrics_source_lag_bytes", "source=fine"] == 7
    assert values["glancemetrics_output_up", "output=syslog"] == 0
    assert values["glancemetrics_output_lost_events_total", "output=syslog"] == 3
    assert values["glancemetrics_output_restarts_total", "output=syslog"] == 2
    assert values["glancemetrics_output_waiting_events", "output=syslog"] == 9
    assert ("glancemetrics_lag_seconds",) not in values
    assert ("glancemetrics_memory_bytes",) not in values


def test_the_number_of_series_is_bounded() -> None:
    sources = tuple(SourceHealth(f"{i}.log", SourceState.FOLLOWING) for i in range(5000))
    rows = [record(vhost=f"{i}.example", method=f"M{i}") for i in range(5000)]
    values = read(observed(*rows, health=Health(sources=sources)))
    assert len([1 for name, *_ in values if name == "glancemetrics_source_up"]) == SOURCE_LIMIT
    assert values["glancemetrics_sources", "state=following"] == 5000
    hosts = {key[1] for key in values if key[0] == "glancemetrics_response_bytes_total"}
    assert len(hosts) == 101


@given(st.lists(st.text(max_size=300), max_size=5))
def test_any_text_of_a_log_is_one_bounded_label(texts: list[str]) -> None:
    rows = [record(vhost=text.encode("utf-8", "replace").decode()) for text in texts]
    sources = tuple(SourceHealth(f"{text}\udcff", SourceState.WAITING) for text in texts)
    of = observed(*rows, health=Health(sources=sources))
    for accept in (OPENMETRICS, ""):
        body, _ = exposition(of, accept)
        lines = body.decode().splitlines()
        series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
        assert len(series) == len({*series})
        assert not [one for one in series if any(ord(c) < 32 or ord(c) == 127 for c in one)]
        values = read(of, accept)
        requests = [v for (name, *_), v in values.items() if name == "glancemetrics_requests_total"]
        assert sum(requests) == len(texts)


def test_labels_that_become_the_same_are_one_series() -> None:
    same = "x" * 2 * LABEL_LENGTH
    rows = [record(vhost=same + "a", bytes=1), record(vhost=same + "b", bytes=2)]
    rows += [record(vhost="a\x01", bytes=4), record(vhost="a\\x01", bytes=8)]
    sources = (
        SourceHealth("\x01", SourceState.WAITING),
        SourceHealth("\\x01", SourceState.READING),
    )
    values = read(observed(*rows, health=Health(sources=sources)))
    assert values["glancemetrics_response_bytes_total", f"vhost={label_value(same)}"] == 3
    assert values["glancemetrics_response_bytes_total", "vhost=a\\x01"] == 12
    assert values["glancemetrics_source_up", "source=\\x01"] == 0
    assert len(label_value(same)) == LABEL_LENGTH


@pytest.mark.parametrize(
    ("accept", "is_openmetrics"),
    [
        (PROMETHEUS_2, True),
        (PROMETHEUS_3, True),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0; q=0.5, text/plain; q=0.9", False),
        ("application/openmetrics-text; version=0.0.1", False),
        ("application/openmetrics-text; version=1.0.0; q=0", False),
        ("application/openmetrics-text; version=9\r\nX: y", False),
        ("application/openmetrics-text; q=nan", False),
        ("text/html,*/*;q=0.8", False),
        ("text/plain;version=1.0.0", False),
        (";;=,;q==,", False),
        ("", False),
    ],
)
def test_the_format_is_the_one_that_is_asked_for(accept: str, is_openmetrics: bool) -> None:
    body, content_type = exposition(observed(), accept)
    if is_openmetrics:
        assert content_type.startswith("application/openmetrics-text; version=1.0.0")
        assert body.endswith(b"# EOF\n")
        read(observed(), OPENMETRICS)
    else:
        assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert "\n" not in content_type


def test_families_have_distinct_names_and_units_in_their_names() -> None:
    names = [family.full_name for family in FAMILIES]
    assert len(names) == len({*names})
    for family in FAMILIES:
        assert family.help.endswith(".")
        assert family.name.endswith(f"_{family.unit}") or not family.unit
        assert (family.kind is Kind.COUNTER) == family.full_name.endswith("_total")


def test_agents_are_there_by_server_and_counted_by_state() -> None:
    of = read(observed(health=health(agents=AGENTS)))
    up = {name: of["glancemetrics_agent_up", f"server=web{name}"] for name in (7, 1, 2, 3, 4)}
    assert up == {7: 0, 1: 1, 2: 0, 3: 1, 4: 0}
    assert of["glancemetrics_agent_clock_offset_seconds", "server=web1"] == 3.2
    assert of["glancemetrics_agent_lag_bytes", "server=web1"] == 1200
    states = ("silent", "trouble", "waiting", "ended", "ok")
    assert [of["glancemetrics_agents", f"state={state}"] for state in states] == [1] * 5
    many = [attrs.evolve(AGENTS[0], name=f"web{number}") for number in range(AGENT_LIMIT + 5)]
    of = read(observed(health=health(agents=tuple(many))))
    assert sum(name[0] == "glancemetrics_agent_up" for name in of) == AGENT_LIMIT
    assert of["glancemetrics_agents", "state=silent"] == AGENT_LIMIT + 5
    assert not [name for name in read(observed()) if "agent" in name[0]]


@pytest.mark.servers
def test_promtool_has_nothing_to_say() -> None:
    needs("promtool")
    of = observed(
        record(upstream_duration=0.1), health=health(memory=1, memory_limit=2, agents=AGENTS)
    )
    exposed = {name.removesuffix("_bucket") for name, *_ in read(of, "")}
    assert {family.full_name for family in FAMILIES} <= exposed
    body, _ = exposition(of)
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=body, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
