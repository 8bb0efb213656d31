"""The console through what people put between it and their eyes: ssh, GNU screen, tmux."""

from __future__ import annotations

import getpass
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.lines import line
from tests.tmux import Tmux
from tests.waiting import Running, eventually, free_port, until_listening

pytestmark = pytest.mark.terminal


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path) -> Iterator[None]:
    """Screen and tmux go on without their terminal; what is in them has the folder in its words."""
    yield
    subprocess.run(["pkill", "-KILL", "-f", str(tmp_path)], check=False)


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[str]:
    """The command that logs in to a real sshd on a loopback port."""
    needs("sshd", "ssh", "ssh-keygen")
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "mine"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
        )
    port = free_port()
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n"
        f"AuthorizedKeysFile {folder}/mine.pub\nStrictModes no\nUsePAM no\n"
        f"PidFile {folder}/sshd.pid\nPermitRootLogin prohibit-password\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it separates its privileges
    found = subprocess.run(["sh", "-c", "PATH=$PATH:/usr/sbin command -v sshd"], check=True,
                           capture_output=True, text=True).stdout.strip()  # fmt: skip
    server = [found, "-D", "-e", "-f", str(config)]
    with Running(server, stderr=subprocess.DEVNULL) as process:
        until_listening(port, "sshd")
        yield shlex.join([
            "ssh", "-tt", "-F", "none", "-p", str(port), "-i", f"{folder}/mine",
            "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={folder}/known",
            "-o", "LogLevel=ERROR", f"{getpass.getuser()}@127.0.0.1",
        ])  # fmt: skip
        process.terminate()


def program(tmp_path: Path) -> str:
    log = tmp_path / "access.log"
    log.write_bytes(line(int(time.time())) * 50)
    state = f"XDG_STATE_HOME={tmp_path / 'state'}"
    words = ["env", state, "TZ=UTC", "LC_ALL=C.UTF-8", sys.executable, "-m", "glancemetrics"]
    return shlex.join([*words, str(log), "--timewindow", "600"])


def use(screen: Tmux) -> None:
    """Look, press keys, and change the size; then leave."""
    screen.until("Sections")
    screen.press("2")
    screen.until("Routes")
    screen.press("Down")
    screen.press("/")
    screen.until("Find:")
    screen.press("Escape")
    screen("resize-window", "-x", "130", "-y", "40")
    screen.until("Enter open")
    screen.press("1")
    screen.until("Hosts")
    screen.press("q")
    screen.until(r"left \d")


@pytest.mark.parametrize("way", ["ssh", "screen", "tmux"])
def test_it_works_through(
    way: str,
    terminal: Callable[[int, int], Tmux],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    needs("tmux")
    inner = f"{program(tmp_path)}; echo left $?; cat"
    if way == "ssh":
        start = f"{request.getfixturevalue('ssh')} {shlex.quote(inner)}"
    elif way == "screen":
        needs("screen")
        start = f"screen -U -c /dev/null sh -c {shlex.quote(inner)}"
    else:
        start = f"env -u TMUX tmux -S {tmp_path}/inner -u -f /dev/null new {shlex.quote(inner)}"
    screen = terminal(90, 30)
    screen.type(f"clear; {start}")
    use(screen)
    assert "left 0" in screen.page


def test_when_ssh_breaks_the_program_ends(
    ssh: str, terminal: Callable[[int, int], Tmux], tmp_path: Path
) -> None:
    needs("tmux")
    screen = terminal(90, 30)
    screen.type(f"clear; {ssh} {shlex.quote(program(tmp_path))}")
    screen.until("Sections")
    watched = f"-m glancemetrics {tmp_path}/access.log"

    def is_gone() -> bool:
        # Only processes that run Python: the shells of sshd have the same words.
        found = subprocess.run(
            ["pgrep", "-f", f"^{sys.executable} {watched}"], capture_output=True, check=False
        )
        return found.stdout == b""

    assert not is_gone()
    subprocess.run(["pkill", "-KILL", "-f", f"ssh -tt.*{tmp_path}"], check=True)
    eventually(is_gone, 30, "the end of the program")
