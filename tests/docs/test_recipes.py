"""The recipes of the guides, with stand-ins for what is not here: Slack, a mailer, Docker."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from actors.commands.agent import parser as agent_parser
from actors.commands.monitor import plan_of
from actors.configuration.sections import all_sections
from glancemetrics.configuration.settings import read_settings
from glancemetrics.fleet.address import fleet_address
from tests.conftest import needs
from tests.docs.commands import DOCS, PROJECT, environment

PATIENCE_SECONDS = 60
FLEET = PROJECT / "packaging" / "fleet"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / "guides" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@contextmanager
def web_server() -> Iterator[tuple[str, list[bytes]]]:
    """Serve as Slack does; yields its address and the bodies that arrive."""
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.slow
def test_slack_is_sent_an_alert(tmp_path: Path) -> None:
    configuration, test_rule, *_ = blocks("slack.md", "toml")
    log = tmp_path / "access.log"
    log.touch()
    text = configuration.replace("/var/log/nginx/access.log", str(log)) + test_rule
    (tmp_path / "glancemetrics.toml").write_text(text)
    (tmp_path / "home").mkdir()
    program = [sys.executable, "-m", "glancemetrics"]
    with web_server() as (address, received):
        variables = {**environment(tmp_path), "SLACK_HOOK": address}
        monitor = subprocess.Popen(
            [*program, "--config", "glancemetrics.toml", "--no-console"],
            cwd=tmp_path,
            env=variables,
            stderr=subprocess.PIPE,
            text=True,
        )
        writer = subprocess.Popen([*program, "generate", "--rate", "20", "-o", str(log)])
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not received and time.monotonic() < deadline:
            time.sleep(0.1)
        writer.terminate()
        writer.wait(PATIENCE_SECONDS)
        monitor.send_signal(signal.SIGTERM)
        _, errors = monitor.communicate(timeout=PATIENCE_SECONDS)
    assert received, errors
    message = json.loads(received[0])["text"]
    assert message.startswith("🔴")
    assert "Test alert" in message


@pytest.mark.slow
def test_the_weekly_report_is_made_and_mailed(tmp_path: Path) -> None:
    (script,) = blocks("weekly-report.md", "sh")
    log = tmp_path / "access.log"
    variables = environment(tmp_path)
    made = ["generate", "--fast", "--lines", "500", "--seed", "1", "-o", str(log)]
    subprocess.run([sys.executable, "-m", "glancemetrics", *made], check=True, env=variables)
    weekly = tmp_path / "weekly-report"
    weekly.write_text(script.replace("/var/log/nginx/", f"{tmp_path}/"))
    mailer = tmp_path / "bin" / "mutt"
    mailer.parent.mkdir()
    mailer.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" > arguments\ncp "$4" page.html\ncat > body.txt\n'
    )
    mailer.chmod(0o755)
    variables["PATH"] = f"{mailer.parent}:{variables['PATH']}"
    subprocess.run(["sh", str(weekly)], check=True, cwd=tmp_path, env=variables)
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[:3] == ["-s", "Web traffic of the last 7 days", "-a"]
    assert arguments[-2:] == ["--", "ops@example.org"]
    assert not Path(arguments[3]).exists(), "the script removes its files"
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert re.search(r"Requests +500\b", (tmp_path / "body.txt").read_text())


def test_the_units_of_the_weekly_report_are_valid(tmp_path: Path) -> None:
    needs("systemd-analyze")
    service, timer = blocks("weekly-report.md", "ini")
    service = service.replace("/usr/local/bin/weekly-report", "/bin/true")
    (tmp_path / "weekly-report.service").write_text(service)
    (tmp_path / "weekly-report.timer").write_text(timer)
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "weekly-report.timer")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "weekly-report" not in done.stderr, done.stderr


def test_the_container_of_the_guide_follows_what_nginx_writes() -> None:
    (compose,) = blocks("docker.md", "yaml")
    (configuration,) = blocks("docker.md", "nginx")
    (command,) = re.findall(r"^ +command: (\[.*\])$", compose, re.MULTILINE)
    plan = plan_of(json.loads(command))
    (log,) = plan.sources.texts
    assert f"access_log {log} timed;" in configuration
    mounted = str(Path(log).parent)
    assert compose.count(f"- logs:{mounted}") == 2
    state = re.search(r"^VOLUME (\S+)$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert state is not None
    assert f"- state:{state[1]}" in compose


def test_the_files_of_the_fleet_are_those_of_its_guide() -> None:
    for name, language in (("compose.yaml", "yaml"), ("access-log.conf", "nginx")):
        assert blocks("fleet.md", language) == [read_fleet(name)], name


def test_the_compose_file_of_the_fleet_is_valid() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    command.append(str(FLEET / "compose.yaml"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_containers_of_the_fleet_send_what_nginx_writes_to_the_hub() -> None:
    file = yaml.safe_load(read_fleet("compose.yaml"))
    services, volumes = file["services"], set(file["volumes"])
    (log,) = re.findall(r"^access_log (\S+) timed;$", read_fleet("access-log.conf"), re.MULTILINE)
    hub = plan_of(services["hub"]["command"])
    (fleet,) = hub.sources.texts
    ((host, _port),) = fleet_address(fleet, "-f").servers
    assert host in services
    state = re.search(r"^VOLUME (\S+)$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert state is not None
    assert f"state:{state[1]}" in services["hub"]["volumes"]
    command = services["hub"]["command"]
    tokens = command[command.index("--web-token-file") + 1]
    assert f".{tokens}:{tokens}:ro" in services["hub"]["volumes"]
    for number in (1, 2):
        agent, server = services[f"agent{number}"], services[f"web{number}"]
        name, *arguments = agent["command"]
        options = agent_parser().parse_args(arguments)
        assert (name, options.files, options.to) == ("agent", [log], fleet)
        assert agent["hostname"] == f"web{number}"
        folder = f"logs{number}:{Path(log).parent}"
        assert folder in server["volumes"]
        assert agent["volumes"] == [f"{folder}:ro"]
        assert agent["healthcheck"] == {"disable": True}
    assert volumes == {"state", "logs1", "logs2"}


def read_fleet(name: str) -> str:
    return (FLEET / name).read_text(encoding="utf-8")


def test_nginx_accepts_the_log_of_the_fleet(tmp_path: Path) -> None:
    needs("nginx")
    added = read_fleet("access-log.conf").replace("/logs/", f"{tmp_path}/")
    (tmp_path / "access-log.conf").write_text(added)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; include {tmp_path}/*-log.conf; }}\n"
    )
    command = [shutil.which("nginx") or "nginx", "-t", "-p", str(tmp_path), "-c", "nginx.conf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_nginx_accepts_the_configuration_of_the_guide(tmp_path: Path) -> None:
    needs("nginx")
    (configuration,) = blocks("docker.md", "nginx")
    text = configuration.replace("/logs/", f"{tmp_path}/").replace("80;", "18080;")
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid;\nerror_log stderr;\n{text}")
    command = [shutil.which("nginx") or "nginx", "-t", "-p", str(tmp_path), "-c", "nginx.conf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_service_is_configured_for_what_its_unit_allows() -> None:
    unit = (PROJECT / "packaging" / "glancemetrics.service").read_text(encoding="utf-8")
    (configuration,) = blocks("service.md", "toml")
    settings = read_settings({}, {}, configuration, sections=all_sections())
    assert settings.given["heartbeat"].text.startswith("/var/lib/glancemetrics/")
    assert "--config /etc/glancemetrics.toml --state-dir %S/glancemetrics" in unit
    assert "StateDirectory=glancemetrics\n" in unit
    assert "ExecStart=/opt/glancemetrics/bin/glancemetrics " in unit
