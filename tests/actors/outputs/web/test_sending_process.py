"""Lines over HTTP as a user starts it: what is refused, and what is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from actors.outputs import web
from actors.sources.registry import kind_of
from glancemetrics.cli import main
from tests.lines import line
from tests.waiting import Running, eventually, free_port

TOKEN = "0123456789abcdef0123456789abcdef"
WAY_OUT = (
    "--file http: needs --web HOST:PORT and --web-senders FILE, with a line `NAME TOKEN` for each "
    "sender"
)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("-f", "http:"), WAY_OUT),
        (("-f", "http:", "--web"), WAY_OUT),
        (("-f", "http:", "--web-senders", "senders"), WAY_OUT),
        (("-f", "http://web1:7890",), "must be http:; where to listen is set by --web HOST:PORT"),
        (
            ("-f", "http:", "--once", "--web", "--web-senders", "senders"),
            "--file http: has no end, so --once would never print",
        ),
    ],
)  # fmt: skip
def test_a_source_that_nobody_could_send_to_is_a_usage_error_with_the_way_out(
    tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    (tmp_path / "senders").write_text(f"web1 {TOKEN}\n")
    found = subprocess.run(
        [sys.executable, "-m", "glancemetrics", *options, "--no-console", "--state-dir", "off"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert found.returncode == 2, found.stderr
    assert problem in found.stderr.strip().splitlines()[-1]
    assert "Traceback" not in found.stderr


def test_what_is_sent_is_counted_and_senders_without_a_source_are_warned_of(
    tmp_path: Path,
) -> None:
    (tmp_path / "senders").write_text(f"web1 {TOKEN}\n")
    (tmp_path / "access.log").write_bytes(b"")
    for source in ("http:", "access.log"):
        port, errors = free_port(), tmp_path / "stderr"
        command = [
            *(sys.executable, "-m", "glancemetrics", "-f", source, "--no-console"),
            *(f"--web=127.0.0.1:{port}", "--web-senders", "senders", "--state-dir", "off"),
            *("--clock", "log"),
        ]
        with (
            errors.open("w") as file,
            Running(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=file) as process,
        ):
            url = f"http://127.0.0.1:{port}"
            eventually(lambda: _status(f"{url}/healthz") == 200, what="the page")  # noqa: B023
            headers = {"Authorization": f"Bearer {TOKEN}"}
            answer = httpx.post(f"{url}/api/v1/lines", content=line() * 3, headers=headers)
            said = errors.read_text()
            if source == "http:":
                assert answer.status_code == 200, answer.text

                def records() -> int:
                    found = httpx.get(f"{url}/api/v1/health")  # noqa: B023
                    return int(found.json()["records"]) if found.status_code == 200 else 0

                eventually(lambda: records() == 3, what="three requests")
                rows = httpx.get(f"{url}/api/v1/query?by=server&since=2026-01-01").json()["rows"]
                assert [(row["server"], row["hits"]) for row in rows] == [("web1", 3)]
                assert "no effect" not in said
            else:
                assert answer.status_code == 404
                assert "--web-senders has no effect without -f http:" in said
            process.terminate()
            process.wait(30)


def _status(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0


def test_a_missing_file_of_senders_is_found_by_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "ours.toml"
    config.write_text('file = "http:"\n[web]\naddress = "127.0.0.1:7890"\nsenders = "/none"\n')
    with pytest.raises(SystemExit) as ended:
        main(["check", str(config)])
    assert ended.value.code == 2
    assert "/none: No such file or directory" in capsys.readouterr().err
    config.write_text('file = "http:"\n[web]\naddress = "127.0.0.1:7890"\n')
    with pytest.raises(SystemExit) as ended:
        main(["check", str(config)])
    assert ended.value.code == 2
    assert "needs --web HOST:PORT and --web-senders FILE" in capsys.readouterr().err


def test_the_kind_is_found_by_its_scheme() -> None:
    assert kind_of("http:").name == "lines over HTTP"
    assert web.WEB.section is web.WebSettings
