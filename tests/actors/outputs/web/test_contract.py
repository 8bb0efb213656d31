"""schemathesis against a real monitor: what the OpenAPI document says is what is answered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from glancemetrics.http_api.openapi import openapi
from glancemetrics.version import __version__
from tests.lines import line
from tests.web.monitors import Monitor, monitor

load_all_checks()

LINES = 500
TOKEN = "0123456789abcdef0123456789abcdef"


@schemathesis.serializer("application/x-ndjson")
def lines_of_json(context: Any, value: Any) -> bytes:
    del context
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    folder = tmp_path_factory.mktemp("contract")
    now = int(time.time())
    with (folder / "access.log").open("wb") as log:
        for number in range(LINES):
            log.write(
                line(
                    now - LINES // 10 + number // 10,
                    host=f"203.0.113.{number % 50}",
                    request=f"GET /p{number % 7}?q=%00 HTTP/1.1",
                    status=500 if number % 9 == 0 else 200,
                )
            )
    (folder / "senders").write_text(f"web1 {TOKEN}\n")
    sending = ("-f", "http:", "--web-senders", "senders")
    with monitor(folder, "--web-admin", "--from", "start", *sending) as found:
        found.until_read(LINES)
        yield found


document = openapi(__version__, has_tokens=False, has_users=False, has_senders=True)
schema = schemathesis.openapi.from_dict(document).exclude(path_regex="events$")


@schema.parametrize()
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    derandomize=True,
)
@pytest.mark.slow
def test_the_answers_are_those_of_the_document(case: Any, running: Monitor) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    response = case.call(base_url=running.url, timeout=30, headers=headers)
    while response.status_code == 429:  # more requests a second than one client may send
        time.sleep(1)
        response = case.call(base_url=running.url, timeout=30, headers=headers)
    case.validate_response(
        response,
        checks=(
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
            unsupported_method,
        ),
    )


def test_the_monitor_still_runs(running: Monitor) -> None:
    assert running.get("api/v1/openapi.json").json() == document
    health = running.get("api/v1/health").json()
    assert health["records"] >= LINES  # lines of any kind were sent besides
    assert all(output["restarts"] == 0 for output in health["outputs"])
