"""The whole program as a person uses it: a real terminal (tmux), a real rsyslog, real signals."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.console.cells import width
from actors.outputs.console.commands import COMMANDS
from actors.outputs.console.pages.registry import VIEWS
from actors.outputs.console.state import Page
from actors.outputs.syslog import SyslogAddress
from actors.outputs.syslog.sending import Syslog
from glancemetrics.health.health import OutputState
from glancemetrics.words.escaping import readable
from tests.actors.outputs.feeding import event
from tests.conftest import needs
from tests.lines import line
from tests.tmux import Tmux
from tests.waiting import Running, eventually, free_port, until_listening

pytestmark = pytest.mark.terminal

PROGRAM = [sys.executable, "-m", "glancemetrics"]


class RSyslog:
    def __init__(self, port: int, written: Path, config: Path) -> None:
        self.port = port
        self.written = written
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        pid_file = self._config.with_name("rsyslog.pid")
        pid_file.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            ["rsyslogd", "-n", "-f", str(self._config), "-i", str(pid_file)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until_listening(self.port, "rsyslog")

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(10)


@pytest.fixture
def rsyslog(tmp_path: Path) -> Iterator[RSyslog]:
    """Debian's rsyslog, listening on TCP and UDP of a loopback port, writing to a file."""
    needs("rsyslogd")
    port = free_port()
    written = tmp_path / "rsyslog.log"
    config = tmp_path / "rsyslog.conf"
    config.write_text(
        f'global(workDirectory="{tmp_path}")\n'
        'module(load="imtcp")\nmodule(load="imudp")\n'
        f'input(type="imtcp" port="{port}" address="127.0.0.1")\n'
        f'input(type="imudp" port="{port}" address="127.0.0.1")\n'
        'template(name="all" type="string" string="%syslogfacility-text%.%syslogseverity-text% '
        '%app-name% %msgid% %structured-data% |%msg%|\\n")\n'
        f'action(type="omfile" file="{written}" template="all")\n'
    )
    server = RSyslog(port, written, config)
    server.start()
    yield server
    server.stop()


def command(tmp_path: Path, *arguments: object) -> str:
    words = [
        "env",
        f"XDG_STATE_HOME={tmp_path / 'state'}",
        "TZ=UTC",
        *PROGRAM,
        *map(str, arguments),
    ]
    return shlex.join(words)


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Path]:
    """Generated traffic with a spike of 12 s that begins after 8 s."""
    log = tmp_path / "access.log"
    generator = subprocess.Popen(
        [*PROGRAM, "generate", "-o", str(log), "--rate", "40", "--spike", "12s@400+8s"]
    )
    yield log
    generator.kill()
    generator.wait()


@pytest.mark.parametrize(("columns", "rows", "scheme"), [(80, 24, "tcp"), (200, 60, "udp")])
def test_a_spike_triggers_and_its_end_recovers_everywhere(
    terminal, traffic: Path, rsyslog: RSyslog, tmp_path: Path,
    columns: int, rows: int, scheme: str,
) -> None:  # fmt: skip
    port, written = rsyslog.port, rsyslog.written
    screen = terminal(columns, rows)
    screen.type(
        command(tmp_path, "-f", traffic, "--alert_threshold", 150, "--alertwindow", 0.1,
                "-r", 0.5, "--syslog", f"{scheme}://127.0.0.1:{port}")
    )  # fmt: skip
    screen.until(r"● HEALTHY +\d")
    page = screen.until(r"▲ 1 WARNING")
    assert re.search(r"▲ High traffic: [\d.]+ req/s over 6 s \(limit 150\)  \d+ s", page), page
    assert re.search(r"\x1b\[48;5;179m[^\x1b]* ▲ 1 WARNING ", screen.colored_page)  # yellow
    page = screen.until(r"✓ (No active alerts · recovered at [\d:]+: )?High traffic: ", 40)
    assert "✓ No active alerts" in page
    assert "● HEALTHY" in page
    assert ("Paths" in page.splitlines()[[("Sections" in r) for r in page.splitlines()].index(True)]
            ) == (columns == 200)  # fmt: skip
    screen.press("q")
    screen.until(r"(?m)^\$\s*\Z")

    trail = [json.loads(text) for text in
             (tmp_path / "state/glancemetrics/alerts.jsonl").read_text().splitlines()]  # fmt: skip
    events = [one["event"] for one in trail]
    assert events == ["monitoring_started", "triggered", "recovered", "monitoring_stopped"]
    eventually(lambda: written.read_text().count("\n") == 4, what="the syslog's fourth line")
    lines = written.read_text().splitlines()
    assert [text.split()[0] for text in lines] == [
        "daemon.info", "daemon.warning", "daemon.notice", "daemon.info",
    ]  # fmt: skip
    for text, one in zip(lines, trail, strict=True):
        assert f"glancemetrics {one['event']} [glancemetrics@32473 " in text
        assert text.endswith(f"|{one['message']}|")


async def test_what_happens_while_rsyslog_is_down_reaches_it_once_it_is_back(
    rsyslog: RSyslog,
) -> None:
    """Killed, not stopped; each event once, in order, and none that happened meanwhile is lost."""
    address = SyslogAddress("tcp", "127.0.0.1", rsyslog.port)
    delivery = Delivery.to(Syslog(address, facility="daemon", severity="warning"))

    def received() -> list[int]:
        return [int(n) for n in re.findall(r"Event (\d+)\|", rsyslog.written.read_text())]

    async def until(numbers: list[int]) -> None:
        with trio.move_on_after(30):
            while not rsyslog.written.exists() or received() != numbers:
                await trio.sleep(0.05)
        assert received() == numbers

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        for round_ in range(2):
            begin = 20 * round_
            for number in range(begin, begin + 10):
                delivery.send_event(event(number, "Event"))
            await until(list(range(begin + 10)))
            rsyslog.stop(signal.SIGKILL)
            for number in range(begin + 10, begin + 20):
                delivery.send_event(event(number, "Event"))
            await trio.sleep(0.3)
            assert delivery.health.state is OutputState.RETRYING
            rsyslog.start()
            await until(list(range(begin + 20)))
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("how", ["q", "C-c", "SIGTERM", "SIGHUP", "crash"])
def test_the_terminal_is_left_as_it_was_found(terminal, tmp_path: Path, how: str) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(int(time.time())))
    screen = terminal(80, 24)
    screen.type("echo before")
    start = command(tmp_path, "-f", log)
    if how == "crash":
        # Something inside breaks, as no one foresaw.
        broken = "import actors.monitor.aggregator as a\n"
        broken += "async def f(*x, **y): raise RuntimeError('boom')\n"
        broken += "a._take_in = f\nfrom glancemetrics.cli import main\nmain()\n"
        start = start.replace("-m glancemetrics", "-c " + shlex.quote(broken))
    screen.type(
        f"stty -g > {tmp_path}/before; "
        + start
        + "; echo status $?"
        + f"; stty -g > {tmp_path}/after"
    )
    if how != "crash":
        screen.until("Sections|No requests")
    if how.startswith("SIG"):
        processes = subprocess.run(
            ["pgrep", "-f", f"glancemetrics -f {log}$"], capture_output=True, text=True, check=True
        ).stdout.split()
        for process in processes:
            os.kill(int(process), getattr(signal, how))
    elif how != "crash":
        screen.press(how)
    page = screen.until(r"status \d+")
    assert "before" in page  # the screen from before is back
    assert ("status 1" if how == "crash" else "status 0") in page
    if how == "crash":
        assert "glancemetrics: error: the monitor failed: RuntimeError: boom" in page
    screen.type(f"clear; cd {tmp_path} && cmp before after && echo same")
    screen.until("^same")
    assert screen("display-message", "-p", "#{cursor_flag}#{alternate_on}").strip() == "10"


_TMUX_NAMES = {
    "pagedown": "PageDown", "pageup": "PageUp", "s-tab": "BTab", "backspace": "BSpace",
    "escape": "Escape", "f1": "F1", "c-h": "C-h", "c-f": "C-f", "c-b": "C-b", "space": "Space",
}  # fmt: skip
_LEAVES = {"q", "c-c", "c-z"}


def _views_in_turn(screen: Tmux) -> Iterator[Page]:
    """Go to each view by its number."""
    screen.until("1 ?Overview")
    for number, view in enumerate(VIEWS, 1):
        screen.press(str(number))
        screen.until(rf"{number} ?{view.title}")
        yield view


def test_every_key_works_in_every_view_while_a_log_is_written(
    terminal, traffic: Path, tmp_path: Path
) -> None:
    screen = terminal(100, 30)
    screen.type(command(tmp_path, "-f", traffic, "-r", 0.5))
    for view in _views_in_turn(screen):
        for each in COMMANDS:
            for key in set(each.action.keys) - _LEAVES:
                screen.press(_TMUX_NAMES.get(key, key.capitalize() if len(key) > 1 else key))
                page = screen.page
                assert not re.search("this failed|cannot be shown|Traceback", page), (
                    view.name,
                    key,
                )
                screen.press("Escape")
        screen.press("Escape")
        screen.press("F")
        screen.press("End")
    screen.press("1")
    screen.until(r"(?s)req/s.*1 ?Overview")
    screen.press("q")
    screen.until(r"(?m)^\$\s*\Z")
    said = tmp_path / "state/glancemetrics/glancemetrics.log"
    assert not re.search("ERROR|failing", said.read_text() if said.exists() else "")


@pytest.mark.parametrize("is_signalled", [False, True])
def test_a_terminal_that_has_gone_ends_it_in_good_order(tmp_path: Path, is_signalled: bool) -> None:
    """As a closed window or a broken connection: what was chosen on the screen is kept."""
    log = tmp_path / "access.log"
    log.write_bytes(line(int(time.time())) * 50)
    state = tmp_path / "state"
    master, slave = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with Running(
        [*PROGRAM, "-f", str(log), "--config", "off", "--state-dir", str(state)],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        env={**os.environ, "TERM": "xterm-256color", "XDG_STATE_HOME": str(tmp_path)},
    ) as process:  # fmt: skip
        os.close(slave)
        written = b""

        def shows(words: bytes) -> bool:
            nonlocal written
            while select.select([master], [], [], 0.1)[0]:
                written += os.read(master, 65536)
            return words in written

        eventually(lambda: shows(b"Overview"), what="the screen")
        os.write(master, b"3")
        eventually(lambda: shows(b"Failing"), what="the third view")
        if is_signalled:
            process.send_signal(signal.SIGHUP)
        os.close(master)
        assert process.wait(20) == 0
    assert json.loads((state / "console.json").read_text())["view"] == "errors"
    said = "".join(one.read_text() for one in tmp_path.rglob("glancemetrics.log"))
    assert "failing" not in said


def test_what_is_asked_for_is_typed_to_its_end_in_every_view(
    terminal, traffic: Path, tmp_path: Path
) -> None:
    screen = terminal(100, 30)
    screen.type(command(tmp_path, "-f", traffic, "-r", 0.5))
    for view in _views_in_turn(screen):
        screen.press("f")
        screen.until("Only requests where:")
        screen.type("status >= 400")
        screen.until(r"(?m)^ *status >= 400 .*BackSp|^ *status >= 400 .*wider")
        picture = tmp_path / f"{view.name}.svg"
        screen.press("S")
        screen.until("Save the screen as:")
        screen.press("C-u")
        screen.type(str(picture))
        eventually(picture.exists, what=f"{view.name} saved")
        screen.press("BSpace")
        screen.press("t")
        screen.until("(?i)time")
        screen.press("C-u")
        screen.type("10s ago")
        screen.until(r"until [\d:]+ \[End: live\]")
        screen.press("End")
        screen.until(r"\A.* last 10 s ")
    screen.press("q")
    screen.until(r"(?m)^\$\s*\Z")


def test_several_logs_are_narrowed_to_one(terminal, tmp_path: Path) -> None:
    busy, quiet = tmp_path / "busy.log", tmp_path / "quiet.log"
    now = int(time.time())
    busy.write_bytes(line(now, request="GET /from-busy HTTP/1.1") * 90)
    quiet.write_bytes(line(now, request="GET /from-quiet HTTP/1.1") * 7)
    screen = terminal(120, 30)
    screen.type(command(tmp_path, busy, quiet, "-r", 0.5, "--timewindow", 600))
    screen.until("/from-busy")
    screen.press("8")
    page = screen.until(r"busy\.log +\d")
    assert re.search(r"quiet\.log +\d", page)
    screen.press("j")
    screen.until(r"▸ .*quiet\.log")
    screen.press("Enter")
    page = screen.until(r"log .*quiet\.log +\[Backspace: wider\]")
    assert re.search(r"busy\.log +\d", page)  # it is left out of the rest only
    screen.press("1")
    page = screen.until("/from-quiet")
    assert "/from-busy" not in page
    assert re.search(r"\b7 requests", page)
    screen.press("BSpace")
    page = screen.until(r"\b97 requests")
    assert "/from-busy" in page
    screen.press("q")
    screen.until(r"(?m)^\$\s*\Z")


def test_it_follows_a_resize(terminal, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(int(time.time())) * 50)
    screen = terminal(80, 24)
    screen.type(command(tmp_path, "-f", log, "--timewindow", 600))
    assert "Hosts" not in screen.until("Sections")
    screen("resize-window", "-x", "200", "-y", "50")
    screen.until("Hosts")


def test_ctrl_z_stops_the_make_that_waits_for_it_and_fg_goes_on(terminal, tmp_path: Path) -> None:
    needs("make")
    log = tmp_path / "access.log"
    log.write_bytes(line(int(time.time())) * 50)
    recipe = command(tmp_path, "-f", log, "--timewindow", 600)
    (tmp_path / "Makefile").write_text(f"run:\n\t@{recipe}\n")
    screen = terminal(90, 30)
    screen.type(f"cd {tmp_path}; clear; make run; echo left $?")
    screen.until("Sections")
    for view, words in (("2", "Routes"), ("1", "Sections")):
        screen.press("C-z")
        screen.until("Stopped")
        screen.type("clear; fg")
        screen.until("req/s")
        screen.press(view)
        screen.until(words)
    screen.press("q")
    screen.until(r"(?m)^\$ *$")


def job_of(log: Path) -> int:
    """The process group of a shell's job that names the log."""
    pattern = f"glancemetrics .*--heartbeat {log}"
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=True)
    return os.getpgid(int(found.stdout.split()[0]))


def _wait_for_flags(screen: Tmux, flags: str) -> None:
    """Wait until the cursor is shown or not, and the other screen is on or not."""
    asked = ("display-message", "-p", "#{cursor_flag}#{alternate_on}")
    eventually(lambda: screen(*asked).strip() == flags)


@pytest.mark.parametrize("how", ["C-z", "SIGTSTP", "SIGSTOP"])
@pytest.mark.parametrize("piped", [False, True])
def test_it_stops_and_continues_as_any_job_of_a_shell(
    terminal, tmp_path: Path, how: str, piped: bool
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(int(time.time())) * 5)
    screen = terminal(80, 24)
    screen.type("stty -g > before; echo was here".replace("before", str(tmp_path / "before")))
    start = command(tmp_path, "-f", "-" if piped else log, "--heartbeat", f"{log}.beat")
    screen.type((f"tail -n +1 -F {log} | " if piped else "") + start)
    screen.until("Sections")
    before = "was here"
    for columns, rows in (80, 24), (120, 30), (100, 24):
        if how == "C-z":
            screen.press(how)
        else:
            os.killpg(job_of(log), getattr(signal, how))
        if how != "SIGSTOP":  # which leaves no time to clean up
            assert before in screen.until(rf"(?s){before}.*Stopped.*\n\$\s*\Z")
            assert "Sections" not in screen.page
            assert screen("display-message", "-p", "#{cursor_flag}#{alternate_on}").strip() == "10"
            screen.type(f"stty -g > {tmp_path}/after; echo both $((6 * 7))")
            screen.until("both 42")
            assert (tmp_path / "after").read_text() == (tmp_path / "before").read_text()
        else:
            screen.until("Stopped")
        screen("resize-window", "-x", str(columns), "-y", str(rows))
        screen.type("clear; echo pro''mpt")
        screen.until(before := "prompt")
        screen.type("fg")
        screen.until("Sections")
        page = screen.until(rf"\A.{{{columns - 20},}}\n(.*\n){{{rows - 2}}}.*1 ?Overview ")
        assert before not in page
        _wait_for_flags(screen, "01")
        screen.press("?")  # keys are taken one by one, and not shown
        assert "^" not in screen.until("all commands")
        screen.press("?")
        screen.until("Sections")
    screen.press("q")
    screen.until(r"(?m)^\$\s*\Z")
    screen.type(
        f"clear; stty -g > {tmp_path}/after; cmp {tmp_path}/before {tmp_path}/after && echo sa''me"
    )
    screen.until("^same")


def test_in_the_background_it_waits_for_the_terminal(terminal, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(int(time.time())) * 5)
    screen = terminal(80, 24)
    screen.type(command(tmp_path, "-f", log))
    screen.until("Sections")
    screen.press("C-z")
    screen.until("Stopped")
    screen.type("bg")
    screen.until(r"(?s)bg.*&")
    screen.type("clear; sleep 1; jobs")
    assert "Sections" not in screen.until("Stopped")
    screen.type("fg")
    screen.until("Sections")
    screen.press("q")
    screen.until(r"(?m)^\$\s*\Z")


HUNG = (
    "import actors.outputs.alert_log.writing as a, trio\n"
    "async def run(*_): await trio.to_thread.run_sync(__import__('time').sleep, 60)\n"
    "a.AlertLog.run = run\nfrom glancemetrics.cli import main\nmain()\n"
)
"""The program with an output whose thread is stuck, as on a dead network disk."""


def test_two_interrupts_end_at_once(tmp_path: Path) -> None:
    """The first is obeyed in good order; here an output hangs, and the second does not wait."""
    log = tmp_path / "access.log"
    log.write_bytes(line(int(time.time())))
    with Running(
        [sys.executable, "-c", HUNG, "-f", str(log), "--json"],
        stdout=subprocess.PIPE, env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(1) == 130


def test_a_thread_that_is_stuck_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(int(time.time())))
    with Running(
        [sys.executable, "-c", HUNG, "-f", str(log), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        began = time.monotonic()
        process.terminate()
        _, error = process.communicate(timeout=60)
        assert process.returncode == 1
        assert time.monotonic() - began < 20
        assert b"glancemetrics: error: a write did not finish in time" in error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_and_ends(tmp_path: Path, number: int) -> None:
    """How soon is held by trio's clock, in test_service.py."""
    log = tmp_path / "access.log"
    log.write_bytes(b"")
    with Running(
        [*PROGRAM, "-f", str(log), "--json", "-r", "0.5"],
        stdout=subprocess.PIPE, env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        with log.open("ab") as file:
            file.write(line(int(time.time())) * 100_000)
        for text in process.stdout:
            if json.loads(text)["health"]["records"] == 100_000:
                break
        process.send_signal(number)
        last = json.loads(process.stdout.read().splitlines()[-1])
        assert process.wait(60) == 0
    assert last["health"]["records"] == 100_000
    assert last["health"]["lag_bytes"] == 0


def test_without_a_terminal_it_runs_headless(tmp_path: Path) -> None:
    """As `docker run -d` does: no TTY, no stdin, SIGTERM. What it says is all that anybody sees."""
    log = tmp_path / "access.log"
    log.write_bytes(line(int(time.time())))
    trail = tmp_path / "alerts.jsonl"
    with Running(
        [*PROGRAM, "-f", str(log), "--alert-log", str(trail)]
        + ["--heartbeat", str(tmp_path / "beat"), "--state-dir", str(tmp_path / "state")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        eventually((tmp_path / "beat").exists)
        check = [*PROGRAM, "healthcheck", str(tmp_path / "beat")]
        assert subprocess.run(check, check=False).returncode == 0
        process.terminate()
        output, said = process.communicate(timeout=60)
        assert output == b""
        assert said.decode().splitlines() == [
            f"glancemetrics: INFO: following {log}; alerts go to: alert log ({trail})",
            f"glancemetrics: INFO: {log}: format combined",
        ]
        assert process.returncode == 0
    assert subprocess.run(check, check=False, capture_output=True).returncode == 1
    assert trail.read_text().count("\n") == 2


def test_headless_it_says_what_goes_bad_and_when_it_is_good_again(tmp_path: Path) -> None:
    log, junk, beat = tmp_path / "access.log", tmp_path / "junk.log", tmp_path / "beat"
    junk.write_bytes(b"no log line\n")
    check = [*PROGRAM, "healthcheck", str(beat)]
    said = tmp_path / "said"
    with said.open("wb") as file, subprocess.Popen(
        [*PROGRAM, "-f", str(log), "-f", str(junk), "-r", "0.2", "--alert-threshold", "1"]
        + ["--alertwindow", "0.05", "--heartbeat", str(beat), "--alert-log", "off"]
        + ["--syslog", f"unix://{tmp_path}/nobody"],
        stdout=subprocess.DEVNULL, stderr=file, stdin=subprocess.DEVNULL,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    ) as process:  # fmt: skip
        eventually(lambda: b"access.log: does not exist yet" in said.read_bytes())
        eventually(lambda: b"junk.log: lines in no known format" in said.read_bytes())
        eventually(lambda: b"syslog is failing: cannot reach" in said.read_bytes())
        junk.unlink()
        eventually(lambda: subprocess.run(check, check=False, capture_output=True).returncode == 1)
        answer = subprocess.run(check, check=False, capture_output=True)
        assert b"no log can be read: " in answer.stderr
        log.write_bytes(line(int(time.time())) * 100)
        eventually(lambda: b"access.log: reading without problems again" in said.read_bytes())
        eventually(lambda: b"INFO: High traffic generated an alert" in said.read_bytes())
        eventually(lambda: subprocess.run(check, check=False).returncode == 0)
        process.terminate()
        process.wait(60)
    assert said.read_bytes().count(b"syslog is failing") == 1


def test_a_log_that_is_piped_in_leaves_the_keys_to_the_terminal(terminal, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(int(time.time())) * 5)
    screen = terminal(80, 24)
    screen.type(f"tail -n +1 -F {log} | {command(tmp_path, '-f', '-')}; echo status $?")
    page = screen.until("Sections")
    assert "standard input" in page
    screen.press("?")
    screen.until("all commands")
    screen.press("q")
    page = screen.until(r"status \d+")
    assert "status 0" in page


def test_a_place_that_cannot_be_written_stays_in_sight(terminal, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(int(time.time())))
    screen = terminal(100, 24)
    screen.type(command(tmp_path, "-f", log, "--alert-log", "/proc/nowhere/alerts.jsonl"))
    screen.until(r"! alert log fails: /proc/nowhere")
    screen.until("Sections|No requests")


ASKS_FOR_COLUMNS = """
import re, sys, termios, tty
before = termios.tcgetattr(0)
tty.setraw(0)
columns = []
for row in open(sys.argv[1], encoding="utf-8").read().split("\\n"):
    sys.stdout.write("\\x1b[H\\x1b[2K" + row + "\\x1b[6n")
    sys.stdout.flush()
    answer = ""
    while not answer.endswith("R"):
        answer += sys.stdin.read(1)
    columns.append(re.search(r";(\\d+)R", answer)[1])
termios.tcsetattr(0, termios.TCSANOW, before)
open(sys.argv[2], "w").write(" ".join(columns) + " .")
"""
"""Writes rows, and asks the terminal each time where its cursor is."""

ODD_TEXTS = [
    *(
        "/🇩🇪",
        "/🇩",
        "/🇩🇪🇫🇷x",
        "/👨\u200d👩\u200d👧",
        "/👍🏽",
        "/🏽",
        "/1\ufe0f\u20e3",
        "/☺\ufe0f",
        "/❤\ufe0e",
    ),
    *(
        "/한국",
        "/\u1112\u1161\u11ab",
        "/\u115f\u1160",
        "/\u3164",
        "/\uffa0",
        "/日本",
        "/ｆｕｌｌ",
        "/ﾊﾝ",
    ),
    *("/हिन्दी", "/क्\u200dष", "/தமிழ்", "/ไทย", "/مُحَمَّد", "/می\u200cخواهم", "/שָׁלוֹם", "/e\u0301"),
    *(
        "/☰",
        "/㉈",
        "/𝌆",
        "/🫠",
        "/🛝",
        "/\u00ad",
        "/\ufeff",
        "/\u2028",
        "/🏴\U000e0067\U000e007f",
        "/①",
        "/…→",
    ),
]


def test_a_real_terminal_takes_as_many_cells_for_each_text_as_we_think(
    terminal, tmp_path: Path
) -> None:
    every = (chr(number) for number in range(0xA0, 0x20000) if not 0x3500 < number < 0xD700)
    shown = [readable(text, in_cells=True) for text in (*ODD_TEXTS, *(f"x{one}" for one in every))]
    # Those that are written out are as wide as they are long.
    rows = [text for i, text in enumerate(shown) if i < len(ODD_TEXTS) or not text.isascii()]
    (tmp_path / "rows").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "ask.py").write_text(ASKS_FOR_COLUMNS)
    screen = terminal(120, 24)
    screen.type(f"cd {tmp_path} && {sys.executable} ask.py rows columns")
    columns = tmp_path / "columns"
    eventually(lambda: columns.exists() and columns.read_text().endswith("."), 60)
    taken = [int(column) - 1 for column in columns.read_text().split()[:-1]]
    assert len(taken) == len(rows) > 30_000
    assert [
        (row, cells) for row, cells in zip(rows, taken, strict=True) if width(row) != cells
    ] == []


class BareTerminal:
    """A pseudo-terminal that nobody looks at, as it is without tmux between."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        os.set_blocking(self.master, False)
        self.written = b""

    def drain(self) -> bytes:
        """Take what was written, so that the program never waits for us; returns all of it."""
        with contextlib.suppress(BlockingIOError):
            self.written += os.read(self.master, 65_536)
        return self.written

    def ends(self, process: subprocess.Popen[bytes]) -> bool:
        self.drain()
        return process.poll() is not None


@pytest.fixture
def bare_terminal() -> Iterator[BareTerminal]:
    terminal = BareTerminal()
    yield terminal
    os.close(terminal.master)
    os.close(terminal.slave)


@pytest.mark.parametrize(("key", "stdin_is_terminal"), [(b"\x03", True), (b"q", False)])
def test_keys_of_a_bare_terminal_end_it_and_the_line_discipline_is_restored(
    tmp_path: Path, bare_terminal: BareTerminal, key: bytes, stdin_is_terminal: bool
) -> None:
    """Also where standard input is nothing: then the keys come from the terminal all the same."""
    log = tmp_path / "access.log"
    log.write_bytes(line())
    slave = bare_terminal.slave
    before = termios.tcgetattr(slave)
    with Running(
        [*PROGRAM, "-f", str(log)],
        stdin=slave if stdin_is_terminal else subprocess.DEVNULL, stdout=slave, stderr=slave,
        env={**os.environ, "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path)},
    ) as process:  # fmt: skip
        eventually(lambda: b"Overview " in bare_terminal.drain())
        time.sleep(0.5)
        assert process.poll() is None
        os.write(bare_terminal.master, key)
        eventually(lambda: bare_terminal.ends(process))
        assert process.returncode == 0
    assert termios.tcgetattr(slave) == before


def test_keys_that_are_typed_before_the_first_screen_count(
    tmp_path: Path, bare_terminal: BareTerminal
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line())
    slave = bare_terminal.slave
    os.write(bare_terminal.master, b"q")
    with Running(
        [*PROGRAM, "-f", str(log)],
        stdin=slave, stdout=slave, stderr=slave,
        env={**os.environ, "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path)},
    ) as process:  # fmt: skip
        eventually(lambda: bare_terminal.ends(process))
        assert process.returncode == 0


def test_a_terminal_as_the_log_is_a_mistake(bare_terminal: BareTerminal) -> None:
    result = subprocess.run(
        [*PROGRAM, "-f", "-"],
        stdin=bare_terminal.slave, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert result.returncode == 2
    assert b"--file -: standard input is a terminal; pipe a log into it" in result.stderr
