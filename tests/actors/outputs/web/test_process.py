"""The web output as a process: what is said at the start."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import httpx

from tests.waiting import Running, eventually, free_port

TOKEN = "0123456789abcdef0123456789abcdef"


def command(folder: Path, web: str, *options: str) -> list[str]:
    (folder / "access.log").touch()
    return [
        *(sys.executable, "-m", "glancemetrics", "access.log", f"--web={web}", "--no-console"),
        *("--state-dir", str(folder / "state"), *options),
    ]


def test_a_port_in_use_ends_the_program_with_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = subprocess.run(
            command(tmp_path, f"127.0.0.1:{port}"),
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert found.returncode == 1
    last = found.stderr.strip().splitlines()[-1]
    assert last.startswith(f"glancemetrics: error: --web 127.0.0.1:{port}: in use by another")
    assert "Traceback" not in found.stderr


def test_tokens_without_https_are_warned_of_once_and_the_page_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"{TOKEN}\n")
    port, log = free_port(), tmp_path / "stderr"
    asked = command(tmp_path, f"0.0.0.0:{port}", "--web-token-file", "tokens")
    with (
        log.open("w") as file,
        Running(asked, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=file, text=True) as process,
    ):
        eventually(lambda: "unencrypted" in log.read_text(), what="the warning")
        for name in (socket.gethostname(), socket.gethostname().partition(".")[0]):
            headers = {"Host": f"{name}:{port}", "Authorization": f"Bearer {TOKEN}"}
            url = f"http://127.0.0.1:{port}/api/v1/rules"
            assert httpx.get(url, headers=headers).status_code == 200
        process.terminate()
        process.wait(30)
    assert log.read_text().count("unencrypted") == 1
