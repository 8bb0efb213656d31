"""What `-f` takes for syslog, and what is said about mistakes before anything runs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from actors.commands.check_configuration import check
from actors.commands.monitor import plan_of
from actors.configuration.needs import missing_of_settings
from actors.configuration.sections import all_sections
from actors.sources.registry import check_sources, kind_of, make_sources
from actors.sources.syslog import SYSLOG_INPUT, SyslogListener, listener_of
from glancemetrics.configuration.settings import read_settings
from glancemetrics.errors import UsageError
from glancemetrics.planning.sources import PATH, Sources, scheme_of
from tests.actors.sources.syslog.desks import desk_of
from tests.conftest import needs


@pytest.mark.parametrize(
    ("text", "listener"),
    [
        ("syslog+udp://0.0.0.0:5514", ("syslog+udp", "0.0.0.0", 5514, "")),
        ("syslog+tcp://[::]:5514/", ("syslog+tcp", "::", 5514, "")),
        ("SYSLOG+TLS://logs.example.com:6514", ("syslog+tls", "logs.example.com", 6514, "")),
        ("syslog+udp://*:514", ("syslog+udp", "*", 514, "")),
        ("syslog+unix:/run/gm.sock", ("syslog+unix", "", 0, "/run/gm.sock")),
        ("syslog+unix:///run/gm.sock", ("syslog+unix", "", 0, "/run/gm.sock")),
        ("syslog+unix-stream:/run/gm.sock", ("syslog+unix-stream", "", 0, "/run/gm.sock")),
    ],
)
def test_listeners(text: str, listener: tuple[str, str, int, str]) -> None:
    assert listener_of(text) == SyslogListener(text, *listener)
    assert kind_of(text) is SYSLOG_INPUT


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("syslog+udp://0.0.0.0", "needs a port: syslog+udp://0.0.0.0:5514"),
        ("syslog+tls://0.0.0.0:", "needs a port: syslog+tls://0.0.0.0:6514"),
        (
            "syslog+udp://:5514",
            "needs an address to listen on; for all addresses: syslog+udp://0.0",
        ),
        ("syslog+tcp://0.0.0.0:0", "port 0 does not exist; must be 1 to 65535"),
        ("syslog+tcp://0.0.0.0:70000", "port 70000 does not exist; must be 1 to 65535"),
        ("syslog+udp://0.0.0.0:5514/nginx", "must end after the port, without /nginx: syslog+udp"),
        ("syslog+udp://0.0.0.0:5514?x=1", "must end after the port, without ?x=1: syslog+udp"),
        ("syslog+udp://a b:5514", "must end after the port"),
        ("syslog+udp://user@host:5514", "needs a port"),
        ("syslog+udp://::1:5514", "needs an address"),
        ("syslog+unix:gm.sock", "must have the whole path of a socket: syslog+unix:/run/"),
        ("syslog+unix:", "must have the whole path of a socket"),
        ("syslog+unix:/run/", "must have the whole path of a socket"),
        ("syslog+unix:/" + "x" * 107, "the path is too long, the limit is 107 bytes"),
    ],
)
def test_mistakes_are_told_with_the_way_out(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_sources(Sources((text,)))
    assert str(caught.value).startswith(f"--file {text}: ")
    assert told in str(caught.value) or told == "must end after the port"


def test_names_of_sources_are_no_paths() -> None:
    assert scheme_of("syslog:web1/nginx") != PATH
    assert scheme_of("./syslog:web1/nginx") == PATH
    with pytest.raises(UsageError, match="unknown source type syslog://"):
        plan_of(["-f", "syslog:web1/nginx"])


def refused(*flags: tuple[str, object], file: str, once: bool = False) -> str:
    settings = read_settings({"file": [file], **dict(flags)}, {}, None, sections=all_sections())
    with pytest.raises(UsageError) as caught:
        make_sources(settings, desk_of(file, once=once))
    return str(caught.value)


def test_tls_needs_a_certificate() -> None:
    text = "syslog+tls://0.0.0.0:6514"
    assert refused(file=text) == f"--file {text}: needs --syslog-input-cert FILE"
    told = refused(("syslog_input_key", "/k.pem"), file="syslog+tcp://0.0.0.0:5514")
    assert told == "--syslog-input-key: needs --syslog-input-cert FILE"


def test_once_is_refused() -> None:
    text = "syslog+udp://0.0.0.0:5514"
    assert refused(file=text, once=True) == (
        f"--once: {text} has no end; leave out --once, or name the file of a log"
    )


def test_a_check_tells_of_certificates_that_are_missing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    toml = 'file = "syslog+tls://0.0.0.0:6514"\n[syslog_input]\ncert = "/none.pem"'
    settings = read_settings({}, {}, toml, "x.toml", sections=all_sections())
    assert missing_of_settings(settings, toml, "x.toml") == [
        "x.toml line 3, [syslog_input] cert: /none.pem: No such file or directory"
    ]
    assert check('file = "syslog+udp://0.0.0.0"', "x.toml") == UsageError.exit_status
    assert "needs a port" in capsys.readouterr().err


def started(folder: Path, text: str, *before: str) -> tuple[int, str]:
    """Start a monitor that cannot listen; returns its status and its last words."""
    flags = ("--no-console", "--config", "off", "--state-dir", "off", "--alert-log", "off")
    done = subprocess.run(
        [*before, sys.executable, "-m", "glancemetrics", "-f", text, *flags],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_what_cannot_be_listened_on_ends_the_program_with_one_sentence(tmp_path: Path) -> None:
    status, said = started(tmp_path, "syslog+udp://0.0.0.0")
    assert status == 2
    assert said.startswith("glancemetrics: error: --file syslog+udp://0.0.0.0: needs a port")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        text = f"syslog+tcp://127.0.0.1:{other.getsockname()[1]}"
        status, said = started(tmp_path, text)
    assert status == 1
    assert said.startswith(f"glancemetrics: error: --file {text}: in use by another program; try")
    status, said = started(tmp_path, "syslog+tcp://no-such-host.invalid:5514")
    assert status == 1
    assert said.endswith("; check the name")


@pytest.mark.slow
def test_a_port_that_needs_rights_is_told_with_another(tmp_path: Path) -> None:
    needs("setpriv")
    first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if first <= 514:
        pytest.skip("this machine lets everybody listen there")
    before = ("setpriv", "--bounding-set=-net_bind_service") if os.geteuid() == 0 else ()
    status, said = started(tmp_path, "syslog+udp://127.0.0.1:514", *before)
    assert (status, said) == (
        1,
        "glancemetrics: error: --file syslog+udp://127.0.0.1:514: ports below 1024 need the right "
        "CAP_NET_BIND_SERVICE; try -f syslog+udp://127.0.0.1:5514",
    )
