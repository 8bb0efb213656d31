"""Real programs that send syslog, with the configuration of our guide."""

from __future__ import annotations

import contextlib
import os
import subprocess
import textwrap
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.waiting import Running, free_port, until_listening


def ask(port: int, count: int) -> None:
    """Make requests, one after another."""
    for number in range(count):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/page/{number}") as answer:
            answer.read()


@contextmanager
def running(folder: Path, *command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with (
        (folder / "output.txt").open("ab") as output,
        Running(
            command,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**os.environ, **environment},
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            if process.poll() is None:
                process.kill()


@contextmanager
def nginx(folder: Path, access_log: str) -> Iterator[int]:
    """Serve pages with `access_log ...;` and yield the port."""
    needs("nginx")
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        textwrap.dedent(
            f"""
            pid {folder}/pid; error_log {folder}/error.log; daemon off; events {{}}
            http {{
                client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
                scgi_temp_path {folder}/scgi;
                log_format fields escape=json '{{"time":"$time_iso8601",'
                    '"remote_addr":"$remote_addr","request":"$request","status":$status,'
                    '"body_bytes_sent":$body_bytes_sent,"http_user_agent":"$http_user_agent"}}';
                access_log {access_log};
                server {{
                    listen 127.0.0.1:{port};
                    location / {{ return 200 "ok"; }}
                }}
            }}
            """
        )
    )
    with running(folder, "nginx", "-e", str(folder / "start.log"), "-c", str(config)):
        until_listening(port, "nginx", 40)
        yield port


@contextmanager
def haproxy(folder: Path, log: str, more: str = "") -> Iterator[int]:
    """Serve pages with `log ...` in the section `global`, and `more` sections."""
    needs("haproxy")
    port = free_port()
    config = folder / "haproxy.cfg"
    config.write_text(
        textwrap.dedent(
            f"""
            global
                log {log}
            defaults
                mode http
                log global
                option httplog
                option dontlognull
                timeout connect 5s
                timeout client 5s
                timeout server 5s
            frontend web
                bind 127.0.0.1:{port}
                http-request return status 200 content-type text/plain string ok
            """
        )
        + textwrap.dedent(more)
    )
    with running(folder, "haproxy", "-db", "-f", str(config)):
        until_listening(port, "haproxy", 40)
        yield port


@contextmanager
def caddy(folder: Path, output: str) -> Iterator[int]:
    """Serve pages with `output ...` in the directive `log`."""
    needs("caddy")
    port = free_port()
    config = folder / "Caddyfile"
    config.write_text(
        textwrap.dedent(
            f"""
            {{
                admin off
                auto_https off
            }}
            http://:{port} {{
                bind 127.0.0.1
                log {{
                    output {output}
                }}
                respond "ok"
            }}
            """
        )
    )
    command = ("caddy", "run", "--config", str(config), "--adapter", "caddyfile")
    with running(folder, *command, HOME=str(folder), XDG_DATA_HOME=str(folder)):
        until_listening(port, "caddy", 40)
        yield port


@contextmanager
def rsyslog(folder: Path, log: Path, action: str, before: str = "") -> Iterator[None]:
    """Forward the lines of a log with an action of rsyslog."""
    needs("rsyslogd")
    config = folder / "rsyslog.conf"
    config.write_text(
        f'global(workDirectory="{folder}")\n{before}\n'
        'module(load="imfile" mode="inotify")\n'
        f'input(type="imfile" file="{log}" tag="nginx:" ruleset="forward")\n'
        f'ruleset(name="forward") {{ {action} }}\n'
    )
    with running(folder, "rsyslogd", "-n", "-f", str(config), "-i", str(folder / "rsyslog.pid")):
        yield


def needs_driver(name: str) -> None:
    """Skip where rsyslog has no such driver of TLS; in CI, fail."""
    needs("rsyslogd")
    if not list(Path("/usr/lib").glob(f"**/rsyslog/lmnsd_{name}.so")):
        said = f"rsyslog's driver {name} must be installed here"
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
