"""OTLP: what a collector receives, and what becomes of its answers."""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE, Metric

from actors.configuration.needs import missing_of_settings
from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.desk import Desk
from actors.outputs.otlp import OTLP, OtlpSettings, read_headers
from actors.outputs.otlp.sending import Otlp
from actors.outputs.registry import output_sections
from actors.state.acknowledgements import Acknowledgements
from actors.state.silences import Silences
from glancemetrics.configuration.settings import Settings, read_settings
from glancemetrics.errors import UsageError
from glancemetrics.exposition.families import FAMILIES
from glancemetrics.health.health import OutputState
from glancemetrics.traffic.snapshot import Snapshot
from glancemetrics.traffic.totals import DURATION_BOUNDS
from tests.actors.outputs.console.replays import AGENTS
from tests.actors.outputs.http_server import Answer, Received, Server, http_server
from tests.glancemetrics.exposition.test_prometheus import RULES, observed
from tests.glancemetrics.traffic.test_totals import row
from tests.lines import BASE


def shown(number: int = 0) -> Snapshot:
    """A snapshot with so many requests more than one."""
    made = observed(row(), *[row(status=503, duration=2.0)] * number).snapshot
    assert made is not None
    return attrs.evolve(made, time=BASE + number + 0.5)


def settings_of(**flags: str) -> Settings:
    return read_settings(flags, {}, None, "x.toml", sections=output_sections())


def output(folder: Path, **flags: str) -> Otlp:
    settings = settings_of(file="a.log", **flags)
    desk = Desk(
        settings=settings,
        rules=RULES,
        targets=(),
        expected="a line",
        state_folder=folder,
        silences=Silences(folder / "silences"),
        acknowledgements=Acknowledgements(folder / "acknowledgements"),
        wall=lambda: float(BASE),
        started_at=float(BASE - 50),
        stop=lambda: None,
        end=lambda: None,
        has_terminal=False,
    )
    (made,) = OTLP.make(settings.section(OtlpSettings), desk)
    assert isinstance(made, Otlp)
    return made


def metrics_in(received: Received) -> dict[str, Metric]:
    assert received.headers["Content-Type"] == "application/x-protobuf"
    assert received.headers["Content-Encoding"] == "gzip"
    request = ExportMetricsServiceRequest.FromString(gzip.decompress(received.body))
    (of_resource,) = request.resource_metrics
    (of_scope,) = of_resource.scope_metrics
    return {metric.name: metric for metric in of_scope.metrics}


def resource_in(received: Received) -> dict[str, str]:
    request = ExportMetricsServiceRequest.FromString(gzip.decompress(received.body))
    attributes = request.resource_metrics[0].resource.attributes
    return {one.key: one.value.string_value for one in attributes}


def points(metric: Metric) -> dict[tuple[str, ...], Any]:
    found = metric.sum.data_points or metric.gauge.data_points or metric.histogram.data_points
    return {tuple(one.value.string_value for one in point.attributes): point for point in found}


def requests_in(received: Received) -> int:
    of = points(metrics_in(received)["glancemetrics_requests"])
    return sum(point.as_int for point in of.values())


@attrs.define
class Watched(Delivery):
    """A delivery that remembers what was reported."""

    reports: list[tuple[OutputState, str]] = attrs.field(factory=list)

    def report(self, state: OutputState, detail: str = "", *, lost: int = 0) -> None:
        self.reports.append((state, detail))
        super().report(state, detail, lost=lost)


@attrs.frozen
class Running:
    """An output that runs, and what it reported."""

    delivery: Watched

    @property
    def reports(self) -> list[tuple[OutputState, str]]:
        return self.delivery.reports

    async def until(self, true: Callable[[], object]) -> None:
        with trio.fail_after(30):
            while not true():
                await trio.sleep(0.01)


@pytest.fixture
def running(nursery: trio.Nursery) -> Callable[[Otlp], Running]:
    def start(otlp: Otlp) -> Running:
        run = Running(Watched.to(otlp))
        nursery.start_soon(keep_running, run.delivery)
        return run

    return start


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


async def test_a_collector_gets_every_family_with_the_numbers_of_the_snapshot(
    running, tmp_path: Path
) -> None:
    with http_server() as server:
        run = running(output(tmp_path, otlp=address(server)))
        found = shown(2)
        of_fleet = attrs.evolve(found.health, agents=AGENTS)
        run.delivery.send_snapshot(attrs.evolve(found, health=of_fleet))
        await run.until(lambda: server.received)
        run.delivery.close()
        await run.delivery.done.wait()
    (received,) = server.received  # what was sent is not sent again at the end
    assert received.path == "/v1/metrics"
    assert run.reports == [(OutputState.WORKING, f"{address(server)}/v1/metrics")]
    assert resource_in(received)["service.name"] == "glancemetrics"
    metrics = metrics_in(received)
    unknown = {f"glancemetrics_{name}" for name in (
        "upstream_duration_seconds", "memory_bytes", "memory_limit_bytes"
    )}  # fmt: skip
    assert {family.name.replace("_build", "_build_info") for family in FAMILIES} == {
        *metrics,
        *unknown,
    }
    requests = metrics["glancemetrics_requests"]
    assert requests.sum.is_monotonic
    assert requests.sum.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
    of_requests = points(requests)
    assert of_requests["5xx", "GET", "a.example"].as_int == 2
    assert of_requests["2xx", "GET", "a.example"].as_int == 1
    point = of_requests["2xx", "GET", "a.example"]
    assert [one.key for one in point.attributes] == ["class", "method", "vhost"]
    assert point.time_unix_nano == (BASE + 2) * 10**9 + 5 * 10**8
    assert point.start_time_unix_nano == (BASE - 100) * 10**9  # when totals began
    (lost,) = {
        p.start_time_unix_nano for p in points(metrics["glancemetrics_output_lost_events"]).values()
    }
    assert lost == (BASE - 50) * 10**9  # of this process
    durations = metrics["glancemetrics_request_duration_seconds"]
    assert durations.unit == "s"
    assert durations.histogram.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
    histogram = points(durations)[()]
    assert tuple(histogram.explicit_bounds) == DURATION_BOUNDS
    assert list(histogram.bucket_counts) == [0] * 6 + [1] + [0] * 3 + [2] + [0] * 5
    assert (histogram.count, histogram.sum) == (3, pytest.approx(4.1))
    assert points(metrics["glancemetrics_visitors"])[()].as_int == 321
    assert metrics["glancemetrics_response_bytes"].unit == "By"


async def test_the_newest_values_are_sent_at_the_interval_and_the_last_at_the_end(
    running, tmp_path: Path
) -> None:
    with http_server() as server:
        run = running(output(tmp_path, otlp=address(server), otlp_interval="1s"))
        for number in range(30):
            run.delivery.send_snapshot(shown(number))
            await trio.sleep(0.1)
        run.delivery.send_snapshot(shown(77))
        run.delivery.close()
        await run.delivery.done.wait()
    sent = [requests_in(received) for received in server.received]
    assert sent[0] == 1
    assert sent[-1] == 78
    assert 4 <= len(sent) <= 6
    assert sent == sorted(sent)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_after_a_failure_that_may_pass_the_newest_values_are_sent_when_asked_for(
    running, tmp_path: Path, status: int
) -> None:
    with http_server(Answer(status=status, headers={"Retry-After": "1"})) as server:
        run = running(output(tmp_path, otlp=address(server), otlp_interval="1h"))
        run.delivery.send_snapshot(shown(1))
        await run.until(lambda: run.reports)
        failed_at = trio.current_time()
        run.delivery.send_snapshot(shown(2))
        await run.until(lambda: len(run.reports) == 2)
        assert 0.9 < trio.current_time() - failed_at < 10
        run.delivery.close()
        await run.delivery.done.wait()
    assert [requests_in(received) for received in server.received] == [2, 3]
    where = f"{address(server)}/v1/metrics"
    assert run.reports == [
        (OutputState.RETRYING, f"{where}: HTTP {status}"),
        (OutputState.WORKING, where),
    ]


@pytest.mark.parametrize(
    "answer", [Answer(drop=True), Answer(status=503)], ids=["dropped", "without Retry-After"]
)
async def test_the_pause_grows_until_it_works(
    running, tmp_path: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.outputs.otlp.sending.FIRST_PAUSE", 0.1)
    monkeypatch.setattr("actors.outputs.otlp.sending.random.uniform", lambda low, high: 1.0)
    with http_server(answer, answer, answer) as server:
        run = running(output(tmp_path, otlp=address(server), otlp_interval="1h"))
        began = trio.current_time()
        run.delivery.send_snapshot(shown())
        await run.until(lambda: run.delivery.health.state is OutputState.WORKING)
        assert trio.current_time() - began > 0.7
        run.delivery.close()
        await run.delivery.done.wait()
    assert len(server.received) == 4


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (400, "HTTP 400, values refused"),
        (401, "HTTP 401, values refused; check --otlp-headers"),
        (404, "HTTP 404, values refused; check the path"),
        (500, "HTTP 500, values refused"),
        (302, "HTTP 302, values refused"),
    ],
)
async def test_values_that_are_refused_are_not_sent_again(
    running, tmp_path: Path, status: int, why: str
) -> None:
    with http_server(Answer(status=status)) as server:
        run = running(output(tmp_path, otlp=address(server), otlp_interval="1s"))
        run.delivery.send_snapshot(shown(1))
        await run.until(lambda: run.reports)
        await trio.sleep(1.5)
        assert len(server.received) == 1
        assert run.delivery.health.state is OutputState.RETRYING
        run.delivery.send_snapshot(shown(2))  # newer values are another attempt
        await run.until(lambda: run.delivery.health.state is OutputState.WORKING)
        run.delivery.close()
        await run.delivery.done.wait()
    assert [requests_in(received) for received in server.received] == [2, 3]
    assert run.reports[0] == (OutputState.RETRYING, f"{address(server)}/v1/metrics: {why}")


def partial(rejected: int, message: str) -> Answer:
    success = ExportMetricsPartialSuccess(rejected_data_points=rejected, error_message=message)
    body = ExportMetricsServiceResponse(partial_success=success).SerializeToString()
    return Answer(headers={"Content-Type": "application/x-protobuf"}, body=body)


async def test_a_partial_success_is_reported_and_not_sent_again(running, tmp_path: Path) -> None:
    with http_server(partial(3, "too\x1b[2J old")) as server:
        run = running(output(tmp_path, otlp=address(server), otlp_interval="1h"))
        run.delivery.send_snapshot(shown(1))
        await run.until(lambda: run.reports)
        run.delivery.close()
        await run.delivery.done.wait()
    assert len(server.received) == 1
    (reported,) = run.reports
    assert reported[0] is OutputState.RETRYING
    assert reported[1].endswith("/v1/metrics: 3 values rejected: too\\x1b[2J old")


@pytest.mark.parametrize(
    "answer",
    [partial(0, "use gRPC"), Answer(body=b"{}\xff"), Answer(endless=b"x" * 65536)],
    ids=["a warning", "no protobuf", "endless"],
)
async def test_whatever_else_a_success_says_it_is_one(
    running, tmp_path: Path, answer: Answer
) -> None:
    with http_server(answer) as server:
        run = running(output(tmp_path, otlp=address(server), otlp_interval="1h"))
        run.delivery.send_snapshot(shown(1))
        await run.until(lambda: run.reports)
        run.delivery.close()
        await run.delivery.done.wait()
    assert [state for state, _ in run.reports] == [OutputState.WORKING]


async def test_a_collector_that_is_not_there_is_tried_until_the_program_gives_up(
    running, tmp_path: Path
) -> None:
    run = running(output(tmp_path, otlp="http://127.0.0.1:9"))
    run.delivery.send_snapshot(shown(1))
    await run.until(lambda: run.reports)
    state, detail = run.reports[0]
    assert state is OutputState.RETRYING
    assert detail.startswith("http://127.0.0.1:9/v1/metrics: cannot connect: ")
    run.delivery.close()
    with trio.fail_after(10):
        await run.delivery.drained()
        await run.delivery.done.wait()


async def test_without_a_snapshot_nothing_is_sent(running, tmp_path: Path) -> None:
    with http_server() as server:
        run = running(output(tmp_path, otlp=address(server)))
        run.delivery.close()
        await run.delivery.done.wait()
    assert not server.received


async def test_headers_are_read_from_a_file_each_time(running, tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("# ours\n\nAuthorization: Bearer one\nX-Scope-OrgID:7\n")
    with http_server() as server:
        run = running(
            output(tmp_path, otlp=address(server), otlp_headers=str(file), otlp_interval="1s")
        )
        run.delivery.send_snapshot(shown(1))
        await run.until(lambda: server.received)
        file.write_text("secret without a colon")
        run.delivery.send_snapshot(shown(2))
        await run.until(lambda: run.delivery.health.state is OutputState.RETRYING)
        assert "line 1: must be a header such as NAME: VALUE" in run.delivery.health.detail
        assert "secret" not in run.delivery.health.detail
        file.write_text("Authorization: Bearer two")
        run.delivery.send_snapshot(shown(3))
        run.delivery.close()
        await run.delivery.done.wait()
    first, last = server.received
    assert first.headers["Authorization"] == "Bearer one"
    assert first.headers["X-Scope-OrgID"] == "7"
    assert last.headers["Authorization"] == "Bearer two"


def test_the_instance_is_the_same_after_a_restart_and_another_for_other_logs(
    tmp_path: Path,
) -> None:
    made = [output(tmp_path, otlp="http://h")._resource for _ in range(2)]
    assert made[0] == made[1]
    other = settings_of(file="b.log", otlp="http://h").file
    assert other == ("b.log",)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("http://h:4318", "http://h:4318/v1/metrics"),
        ("https://h/", "https://h/v1/metrics"),
        ("http://[::1]:4318/otlp/v1/metrics", "http://[::1]:4318/otlp/v1/metrics"),
        ("off", None),
    ],
)
def test_addresses(given: str, told: str | None) -> None:
    assert settings_of(otlp=given).section(OtlpSettings).address == told


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("h:4318", "must be off, http://HOST:4318"),
        ("grpc://h:4317", "must be off, http://HOST:4318"),
        ("http://", "must be off"),
        ("http://h:99999", "must be off"),
        ("http://h?key=secret", "must be off"),
        ("http://me:secret@h", "put credentials into the file of --otlp-headers"),
    ],
)
def test_other_addresses_are_mistakes(given: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as raised:
        settings_of(otlp=given)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Content-Type: x", "line 1: Content-Type cannot be set"),
        ("A: b\nX Y: z", "line 2: must be a header"),
        ("A: b\x01", "line 1: must be a header"),
        ("A: b\nX: zwölf", "line 2: must be a header such as NAME: VALUE, in ASCII"),
        ("Größe: 1", "line 1: must be a header such as NAME: VALUE, in ASCII"),
        (None, "No such file or directory"),
        (b"\xff", "not a UTF-8 text"),
    ],
)
def test_a_bad_file_of_headers_is_a_mistake(
    tmp_path: Path, text: str | bytes | None, why: str
) -> None:
    file = tmp_path / "headers"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=why):
        output(tmp_path, otlp="http://h", otlp_headers=str(file))
    toml = f'[otlp]\naddress = "http://h"\nheaders = "{file}"'
    settings = read_settings({}, {}, toml, "x.toml", sections=output_sections())
    (mistake,) = missing_of_settings(settings, toml, "x.toml")
    assert mistake.startswith("x.toml line 3, [otlp] headers: ")
    assert why in mistake


def test_a_byte_order_mark_is_no_part_of_a_header(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("X-Scope-OrgID: 7\n", encoding="utf-8-sig")
    assert read_headers(str(file)) == [("X-Scope-OrgID", "7")]


def test_without_the_package_one_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"--otlp: .*pip install 'glancemetrics\[otlp\]'"):
        output(tmp_path, otlp="http://h")
    toml = 'otlp = "http://h"'
    settings = read_settings({}, {}, toml, "x.toml", sections=output_sections())
    (mistake,) = missing_of_settings(settings, toml, "x.toml")
    assert mistake.startswith("x.toml line 1, otlp: the package opentelemetry-proto is missing")


def test_without_an_address_there_is_no_output(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not enough values"):
        output(tmp_path)
