"""A real monitor: its numbers are those of the report, and no token is in any log of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.lines import line
from tests.waiting import Running, eventually, free_port
from tests.web.monitors import monitor

TOKEN = "0123456789abcdef0123456789abcdef"
WRONG = "fedcba9876543210fedcba9876543210"
pytestmark = pytest.mark.slow


def test_the_numbers_are_those_of_the_report_and_of_json_lines(tmp_path: Path) -> None:
    now = int(time.time())
    statuses = (200, 200, 304, 404, 500)
    with (tmp_path / "access.log").open("wb") as log:
        for number in range(1000):
            log.write(
                line(
                    now - 200 + number // 5,
                    host=f"203.0.113.{number % 37}",
                    request=f"GET /p{number % 11} HTTP/1.1",
                    status=statuses[number % 5],
                    size=number,
                )
            )
    report = json.loads(
        subprocess.run(
            [
                sys.executable,
                "-m",
                "glancemetrics",
                "report",
                "access.log",
                "--output-format",
                "json",
            ],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        ).stdout
    )
    with monitor(tmp_path, "--from", "start", "--timewindow", "5m") as found:
        found.until_read(1000)
        total = found.get("api/v1/query?measures=hits,bytes,errors,4xx,5xx,visitors").json()
        paths = found.get("api/v1/query?by=path&measures=hits,bytes").json()["rows"]

        def is_all() -> bool:
            return found.get("api/v1/snapshot").json()["hits"] == 1000

        eventually(is_all, what="the window with all requests")
        snapshot = found.get("api/v1/snapshot").json()
        metrics = found.get("metrics").text
    numbers = total["total"]
    assert (numbers["hits"], numbers["bytes"]) == (report["hits"], report["bytes"])
    assert (numbers["4xx"], numbers["5xx"]) == (report["client_errors"], report["server_errors"])
    assert numbers["visitors"] == 37
    for name, measure in (("hits", "hits"), ("bytes", "bytes"), ("client_errors", "4xx"),
                          ("server_errors", "5xx"), ("visitors", "visitors")):  # fmt: skip
        assert snapshot[name] == numbers[measure], name
    by_path = {row["path"]: (row["hits"], row["bytes"]) for row in paths}
    rows = report["panels"]["paths"]["rows"]
    assert by_path == {row["name"]: (row["hits"], row["bytes"]) for row in rows}
    top = {row["name"]: row["hits"] for row in snapshot["top"]["paths"]}
    assert top == {name: by_path[name][0] for name in top}
    counted = [
        one for one in metrics.splitlines() if one.startswith("glancemetrics_requests_total{")
    ]
    assert sum(float(one.rpartition(" ")[2]) for one in counted) == 1000


def test_no_token_password_or_session_is_in_a_log(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(line(int(time.time())))
    (tmp_path / "tokens").write_text(f"{TOKEN}\n")
    made = subprocess.run(
        [sys.executable, "-m", "glancemetrics", "web-user", "anna"],
        input=b"a very secret password\n",
        capture_output=True,
        check=True,
    )
    (tmp_path / "users").write_bytes(made.stdout)
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [
        *(sys.executable, "-m", "glancemetrics", "access.log", f"--web=127.0.0.1:{port}"),
        *("--no-console", "--state-dir", "state", "--log-level", "debug", "--web-admin"),
        *("--web-token-file", "tokens", "--web-users", "users"),
    ]
    log = tmp_path / "errors"
    with (
        log.open("wb") as errors,
        Running(command, cwd=tmp_path, stdout=errors, stderr=errors) as process,
    ):

        def is_up() -> bool:
            try:
                return httpx.get(f"{url}healthz").status_code == 200
            except httpx.TransportError:
                return False

        eventually(is_up, what="the page")
        with httpx.Client(base_url=url) as client:
            for token in (TOKEN, WRONG):
                bearer = {"Authorization": f"Bearer {token}"}
                client.get("api/v1/rules", headers=bearer)
                client.get(f"api/v1/query?token={token}&where={token}", headers=bearer)
                client.post("login", data={"token": token})
            for password in ("a very secret password", "a wrong secret password"):
                client.get("api/v1/rules", auth=("anna", password))
                client.post("login", data={"name": "anna", "password": password})
            client.get("api/v1/rules")
            session = client.cookies.get("glancemetrics_session")
            client.post("api/v1/silences", content=b"{", headers={"X-GlanceMetrics": "1"})
        process.terminate()
        process.wait(20)
    assert session
    texts = [log.read_text(), *(one.read_text("utf-8", "replace") for one in
                                (tmp_path / "state").rglob("*") if one.is_file())]  # fmt: skip
    for text in texts:
        for secret in (TOKEN, WRONG, "secret password", session):
            assert secret not in text
