"""The rules and the dashboard, with a real Prometheus that scrapes a real monitor."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from glancemetrics.exposition.families import FAMILIES, Kind
from tests.conftest import needs
from tests.waiting import Running, eventually, free_port

PROJECT = Path(__file__).parents[2]
RULES = PROJECT / "packaging" / "prometheus" / "glancemetrics.rules.yml"
UNIT_TESTS = Path(__file__).with_name("prometheus_rules.test.yml")
DASHBOARD = PROJECT / "packaging" / "grafana" / "glancemetrics.json"
FORMAT = (
    '$host $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent" $request_time $upstream_response_time'
)
STATUSES = [200] * 12 + [301] * 2 + [404] * 3 + [503] * 3
HOSTS = ("shop.example", "blog.example", 'odd"\\host')


@attrs.define
class Written:
    """A log, and what was written to it."""

    path: Path
    requests: Counter[tuple[str, str, str]] = attrs.field(factory=Counter)
    """By class, method and virtual host."""
    bytes: Counter[str] = attrs.field(factory=Counter)
    """By virtual host."""
    rejects: int = 0
    milliseconds: int = 0

    def write(self, number: int) -> None:
        """Write 20 requests, and 4 lines that are none."""
        stamp = datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
        lines = []
        for i, status in enumerate(STATUSES):
            host, method = HOSTS[(number + i) % 3], ("GET", "POST", "BREW")[i % 3]
            size, took = 100 + i, (number + i) % 700
            lines.append(
                f'{host} 203.0.113.{i} - - [{stamp}] "{method} /{i} HTTP/1.1" {status} {size} "-" '
                f'"curl/8.5.0" {took / 1000:.3f} 0.010'
            )
            known = method if method != "BREW" else "other"
            self.requests[f"{status // 100}xx", known, host] += 1
            self.bytes[host] += size
            self.milliseconds += took
        self.rejects += 4
        with self.path.open("a") as file:
            file.write("\n".join([*lines, *["no request"] * 4]) + "\n")


@attrs.frozen
class Prometheus:
    """One that runs."""

    port: int
    written: Written
    monitor: Running

    def get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            found = json.load(answer)
        assert found["status"] == "success", found
        return found["data"]

    def query(self, expression: str) -> dict[tuple[str, ...], float]:
        """Return the values, by labels except job and instance."""
        return {
            tuple(
                value
                for name, value in sorted(one["metric"].items())
                if name not in {"__name__", "job", "instance"}
            ): float(one["value"][1])
            for one in self.get("query", query=expression)["result"]
        }

    def firing(self) -> set[tuple[str, str]]:
        """Return the alerts that fire, with the rule or log that they are about."""
        return {
            (alert["labels"]["alertname"], alert["labels"].get("rule", ""))
            for alert in self.get("alerts")["alerts"]
            if alert["state"] == "firing"
        }


def rules_at_once() -> str:
    """Return the rules, with alerts that do not wait."""
    return re.sub(r"for: \d+m", "for: 0s", RULES.read_text(encoding="utf-8"))


def is_ready(port: int) -> bool:
    """Tell whether Prometheus answers; at first it does so with 503."""
    url = f"http://127.0.0.1:{port}/-/ready"
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
    return False


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    needs("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    written = Written(folder / "access.log")
    written.path.touch()
    port, metrics_port = free_port(), free_port()
    (folder / "rules.yml").write_text(rules_at_once(), encoding="utf-8")
    (folder / "prometheus.yml").write_text(
        f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: glancemetrics
    static_configs: [{{targets: ["127.0.0.1:{metrics_port}"]}}]
""",
        encoding="utf-8",
    )
    monitor = [
        *(sys.executable, "-m", "glancemetrics", "--no-console", "--format", FORMAT),
        *("-f", str(written.path), "-f", str(folder / "missing.log"), "--alert-threshold", "5"),
        *("--refresh", "0.5", "--web", f"127.0.0.1:{metrics_port}"),
        *("--config", "off", "--state-dir", str(folder / "state")),
    ]
    server = [
        *("prometheus", f"--config.file={folder / 'prometheus.yml'}", "--log.level=error"),
        *(f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"),
    ]
    stop = threading.Event()

    def write() -> None:
        for number in range(100):
            written.write(number)
            if stop.wait(0.2):
                return

    with Running(monitor) as of_monitor, Running(server) as of_server:
        try:
            eventually(lambda: is_ready(port), 60, "Prometheus")
            running = Prometheus(port, written, of_monitor)
            # Before the first request, so that every increase is seen.
            eventually(lambda: running.query("glancemetrics_lines_total"), 60, "a first scrape")
            threading.Thread(target=write, daemon=True).start()
            yield running
        finally:
            stop.set()
            of_monitor.terminate()
            of_server.terminate()


@pytest.fixture(scope="module")
def settled(prometheus: Prometheus) -> Prometheus:
    """Everything is written and scraped."""

    def is_scraped() -> bool:
        before = sum(prometheus.written.requests.values())
        scraped = prometheus.query("sum(glancemetrics_requests_total)").get((), 0)
        return scraped == before == sum(prometheus.written.requests.values()) == 2000

    eventually(is_scraped, 120, "the last request")
    return prometheus


pytestmark = pytest.mark.servers


def test_numbers_in_prometheus_are_those_of_the_log_and_of_its_report(settled: Prometheus) -> None:
    written = settled.written
    of_requests = settled.query("glancemetrics_requests_total > 0")
    assert of_requests == written.requests
    assert settled.query("glancemetrics_response_bytes_total") == {
        (name,): size for name, size in written.bytes.items()
    }
    duration = "glancemetrics_request_duration_seconds"
    assert settled.query(f"{duration}_count")[()] == 2000
    assert settled.query(f"{duration}_sum")[()] == pytest.approx(written.milliseconds / 1000)
    assert settled.query("glancemetrics_rejects_total")[()] == written.rejects
    assert settled.query("glancemetrics_lines_total")[()] == 2000 + written.rejects
    report = report_of(written.path)
    assert report["hits"] == settled.query("sum(glancemetrics_requests_total)")[()]
    assert report["bytes"] == sum(settled.query("glancemetrics_response_bytes_total").values())
    assert report["rejects"] == written.rejects
    for panel, label in (("status", "class"), ("vhosts", "vhost")):
        counted = settled.query(f"sum by ({label}) (glancemetrics_requests_total) > 0")
        assert counted == {(row["name"],): row["hits"] for row in report["panels"][panel]["rows"]}
    total_time = sum(row["total_time"] for row in report["panels"]["status"]["rows"])
    assert settled.query(f"{duration}_sum")[()] == pytest.approx(total_time)


def report_of(log: Path) -> dict[str, Any]:
    command = ["report", str(log), "--format", FORMAT, "--output-format", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "glancemetrics", *command], capture_output=True, check=True
    )
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def test_prometheus_knows_the_type_and_the_meaning_of_every_metric(settled: Prometheus) -> None:
    known = settled.get("metadata")
    for family in FAMILIES:
        for name in {family.name, family.full_name} & known.keys():
            (told,) = known[name]
            assert told["type"] in {family.kind.value, "gauge" if family.kind is Kind.INFO else ""}
            assert told["help"] == family.help
    missing = {
        family.name for family in FAMILIES if not {family.name, family.full_name} & known.keys()
    }
    of_fleets = {name for name in missing if name.startswith("glancemetrics_agent")}
    assert missing <= {"glancemetrics_memory_limit_bytes", *of_fleets}


def test_recorded_rates_are_right(settled: Prometheus) -> None:
    eventually(lambda: settled.query("job:glancemetrics_server_errors:ratio_rate5m"), 60)
    ratio = settled.query("job:glancemetrics_server_errors:ratio_rate5m")[()]
    assert ratio == pytest.approx(3 / 20, abs=0.01)
    p95 = settled.query("job:glancemetrics_request_duration_seconds:p95_rate5m")[()]
    assert 0.05 < p95 < 0.25
    rates = settled.query("job_class:glancemetrics_requests:rate5m")
    assert rates["2xx",] > rates["4xx",] > 0


def test_alerts_fire(settled: Prometheus) -> None:
    expected = {
        ("GlanceMetricsIncident", "High traffic"),
        ("GlanceMetricsLogUnreadable", ""),
        ("GlanceMetricsLinesUnparsed", ""),
        ("ServerErrors", ""),
    }
    eventually(lambda: expected <= settled.firing(), 60, "the alerts")
    assert settled.firing() - expected <= {
        ("GlanceMetricsIncident", "Server errors"),
        ("GlanceMetricsIncident", "Unparsed lines"),
        ("GlanceMetricsIncident", "Log unreadable"),
    }


def panels_of(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [inner for panel in dashboard["panels"] for inner in (panel, *panel.get("panels", ()))]


def expressions() -> list[str]:
    """Return the expressions of the dashboard, with values for its variables."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    found = []
    for panel in panels_of(dashboard):
        for target in panel.get("targets", ()):
            expression = target["expr"].replace("$__rate_interval", "30s")
            for variable in dashboard["templating"]["list"]:
                expression = expression.replace(f"${variable['name']}", ".*")
            assert "$" not in expression
            found.append(expression)
    return found


def test_every_expression_of_the_dashboard_has_data(settled: Prometheus) -> None:
    assert len(expressions()) > 20
    end = time.time()
    for expression in expressions():
        # Also of instants before now: traffic has ended.
        data = settled.get(
            "query_range", query=expression, start=str(end - 15), end=str(end), step="1"
        )
        assert data["result"], expression
    for variable in json.loads(DASHBOARD.read_text(encoding="utf-8"))["templating"]["list"]:
        if variable["type"] == "query":
            (selector, label) = re.fullmatch(
                r"label_values\((.*), (\w+)\)", variable["query"]["query"]
            ).groups()  # type: ignore[union-attr]
            selector = re.sub(r"\$\w+", ".*", selector)
            found = settled.get(f"label/{label}/values", **{"match[]": selector})
            assert found, variable["name"]


def test_the_dashboard_is_well_formed() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    panels = panels_of(dashboard)
    numbers = [panel["id"] for panel in panels]
    assert len(numbers) == len({*numbers})
    datasource = {"type": "prometheus", "uid": "${datasource}"}
    (variable,) = [one for one in dashboard["templating"]["list"] if one["type"] == "datasource"]
    assert (variable["name"], variable["query"]) == ("datasource", "prometheus")
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["datasource"] == datasource
        assert panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        for target in panel["targets"]:
            assert target["datasource"] == datasource
    for one in dashboard["templating"]["list"]:
        assert one["type"] == "datasource" or one["datasource"] == datasource
    assert dashboard["uid"] == "glancemetrics"
    assert "id" not in dashboard


def test_dashboard_and_rules_use_metrics_that_there_are() -> None:
    known = {
        f"{family.full_name}{suffix}"
        for family in FAMILIES
        for suffix in (("_bucket", "_sum", "_count") if family.kind is Kind.HISTOGRAM else ("",))
    }
    text = " ".join([*expressions(), RULES.read_text(encoding="utf-8")])
    used = set(re.findall(r"(?<![:\w])glancemetrics_\w+(?=[{\[ ]|\n|\))", text))
    assert len(used) > 15
    assert used <= known


def test_promtool_finds_no_mistake_in_the_rules_and_they_do_what_their_tests_say() -> None:
    needs("promtool")
    for command in (["check", "rules", RULES], ["test", "rules", UNIT_TESTS]):
        done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "SUCCESS" in done.stdout + done.stderr


def test_a_monitor_that_is_down_is_noticed(settled: Prometheus) -> None:
    settled.monitor.terminate()
    eventually(lambda: ("GlanceMetricsDown", "") in settled.firing(), 60, "the alert")
