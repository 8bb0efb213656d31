"""`glancemetrics` without a command: which logs it follows, and `--once`."""

from __future__ import annotations

import grp
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors.commands.monitor import plan_of
from actors.configuration.loading import SYSTEM_WIDE
from actors.sources.files.paths import matching
from glancemetrics.configuration.settings import DEFAULT_FILE
from tests.conftest import needs
from tests.lines import BASE, line
from tests.tmux import Tmux
from tests.waiting import Running, eventually, until_read

COMMAND = [sys.executable, "-m", "glancemetrics"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def run(*arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [*COMMAND, *arguments], capture_output=True, timeout=60, check=False, **given
    )


def lines_until(now: float, count: int = 50) -> bytes:
    return b"".join(line(int(now) - count + second) for second in range(count))


def test_a_file_whose_name_is_not_utf8_is_a_log_like_others(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/\xff.log"))
    for path in (folder / "access.log", odd):
        path.write_bytes(lines_until(time.time()))
    for source in ("logs/*.log", "logs"):
        told = json.loads(run(source, "--once", "--json").stdout)
        assert told["health"]["records"] == 100
    assert b"100" in run("report", "logs/access.log", os.fsdecode(odd)).stdout


def test_logs_are_named_as_arguments_or_by_f_and_mixed(tmp_path: Path) -> None:
    for name in ("a.log", "b.log", "report"):
        (tmp_path / name).touch()
    assert plan_of(["a.log", "b.log"]).sources.texts == ("a.log", "b.log")
    assert plan_of(["-f", "a.log", "b.log", "--json", "./report"]).sources.texts == (
        *("a.log", "b.log", "./report"),
    )
    assert plan_of(["later.log"]).sources.texts == ("later.log",)
    assert plan_of(["*.log", "-"]).sources.texts == ("*.log", "-")


def test_the_configuration_names_logs_and_arguments_win(tmp_path: Path) -> None:
    (tmp_path / "glancemetrics.toml").write_text('file = "c.log"\nrefresh = "500ms"\n')
    plan = plan_of([])
    assert (plan.sources.texts, plan.settings.refresh) == (("c.log",), 0.5)
    assert plan_of(["a.log"]).sources.texts == ("a.log",)
    assert plan_of(["a.log", "--config", "off"]).settings.refresh == 2


def test_once_prints_the_screen_and_ends(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(lines_until(time.time()))
    done = run("access.log", "--once")
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert text.startswith(" ✓ OK  GlanceMetrics  access.log  combined")
    assert "hits 50" in text
    assert "\x1b" not in text
    assert done.stderr == b""
    assert not (tmp_path / "state").exists()


def test_once_with_json_prints_one_line(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(lines_until(time.time()))
    done = run("access.log", "--once", "--json")
    (printed,) = done.stdout.splitlines()
    assert json.loads(printed)["health"]["records"] == 50


def test_once_reads_a_pipe_to_its_end(tmp_path: Path) -> None:
    done = run("-", "--once", "--json", stdin=line(BASE) * 7)
    assert json.loads(done.stdout)["hits"] == 7


def test_once_fails_where_nothing_can_be_read(tmp_path: Path) -> None:
    done = run("none.log", "--once")
    assert done.returncode == 1
    assert b"error: no log can be read: none.log" in done.stderr
    (tmp_path / "odd.log").write_bytes(b"what is this\n" * 3)
    odd = run("odd.log", "--once")
    assert odd.returncode == 1
    assert b"3 lines read, none in a known format" in odd.stdout


def test_an_old_log_is_shown_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "old.log").write_bytes(b"".join(line(BASE + 600 * i) for i in range(500)))
    done = run("old.log", "--once", "--where", "status = 200")
    text = done.stdout.decode()
    start, end = (
        datetime.fromtimestamp(second, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        for second in (BASE, BASE + 499 * 600)
    )
    assert f"whole log: {start}" in text
    assert end in text
    assert "hits 500" in text
    told = json.loads(run("old.log", "--once", "--json").stdout)
    assert (told["hits"], told["window"]["seconds"]) == (500, 499 * 600 + 1)
    window = json.loads(run("old.log", "--once", "--json", "--timewindow", "10s").stdout)
    assert window["hits"] == 0


def test_alerts_of_an_old_log_are_shown_and_neither_recorded_nor_sent(tmp_path: Path) -> None:
    (tmp_path / "old.log").write_bytes(b"".join(line(BASE + i // 50) for i in range(9000)))
    (tmp_path / "glancemetrics.toml").write_text(
        'alert_threshold = 5\n[[notify]]\nname = "team"\n'
        f'exec = ["/usr/bin/touch", "{tmp_path}/sent"]\n'
    )
    with Running([*COMMAND, "old.log", "--json"], stdout=subprocess.PIPE) as view:
        assert view.stdout is not None
        for printed in view.stdout:
            told = json.loads(printed)
            if told["health"]["records"] == 9000:
                break
        view.terminate()
    assert told["hits"] == 9000
    assert told["alerts"]["firing"] or told["alerts"]["recovered"]
    assert [one["name"] for one in told["health"]["outputs"]] == ["json", "history"]
    assert not (tmp_path / "sent").exists()
    assert not list((tmp_path / "state").rglob("alerts.jsonl"))


def test_a_record_of_the_future_does_not_make_an_old_log_a_new_one(tmp_path: Path) -> None:
    ahead = int(time.time()) + 86_400 * 365
    (tmp_path / "old.log").write_bytes(b"".join(line(BASE + i) for i in range(500)) + line(ahead))
    assert json.loads(run("old.log", "--once", "--json").stdout)["hits"] == 500


def test_once_refuses_a_pipe_of_which_the_end_is_not_known(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = run("pipe", "--once")
    assert done.returncode == 2
    assert b"--once: pipe is a pipe; try: glancemetrics - --once < pipe" in done.stderr


def test_a_file_that_begins_with_a_dash_is_named_after_two(tmp_path: Path) -> None:
    (tmp_path / "-odd.log").write_bytes(lines_until(time.time()))
    told = json.loads(run("--once", "--json", "--", "-odd.log").stdout)
    assert told["health"]["records"] == 50


def test_once_that_is_interrupted_says_that_it_is_partial(tmp_path: Path) -> None:
    with (tmp_path / "long.log").open("wb") as file:
        for _ in range(400):
            file.write(line(BASE) * 5000)
    with Running(
        [*COMMAND, "long.log", "--once", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        until_read(process, 50_000_000)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    if json.loads(out)["health"]["records"] < 2_000_000:
        assert process.returncode == 128 + signal.SIGINT
        assert b"Interrupted; results are partial." in err


def test_a_mistake_in_options_of_the_demo_leaves_no_process(tmp_path: Path) -> None:
    done = run("demo", "--nope")
    assert done.returncode == 2
    assert b"--nope: unknown option" in done.stderr
    found = subprocess.run(["pgrep", "-f", "glancemetrics-demo-"], capture_output=True, check=False)
    assert found.stdout == b""


def test_a_directory_that_may_not_be_listed_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    assert matching(str(tmp_path)) == []


def test_a_quiet_log_is_shown_over_a_longer_window(tmp_path: Path) -> None:
    now = int(time.time())
    (tmp_path / "quiet.log").write_bytes(b"".join(line(now - 250 + 2 * i) for i in range(120)))
    text = run("quiet.log", "--once").stdout.decode()
    assert "last 5 min  " in text
    assert "hits 120" in text
    set_ = run("quiet.log", "--once", "--timewindow", "10").stdout.decode()
    assert "last 10 s" in set_


def test_the_access_logs_of_a_directory_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    now = time.time()
    (folder / "access.log").write_bytes(lines_until(now, 20))
    (folder / "shop.log").write_bytes(lines_until(now, 10))
    (folder / "access.log.1").write_bytes(lines_until(now, 5))
    (folder / "error.log").write_bytes(b"2026/09/21 14:13:20 [error] 1#1: no\n")
    (folder / "syslog").write_bytes(b"Sep 21 14:13:20 web systemd[1]: Started.\n")
    told = json.loads(run("logs", "--once", "--json").stdout)
    assert told["health"]["records"] == 30
    assert sorted(Path(one["name"]).name for one in told["health"]["sources"]) == [
        *("access.log", "shop.log"),
    ]


def test_a_log_that_appears_in_a_directory_is_followed(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.log").touch()
    with Running([*COMMAND, "logs", "--json", "-r", "200ms"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        (folder / "b.log").write_bytes(lines_until(time.time(), 7))
        with (folder / "a.log").open("ab") as file:
            file.write(lines_until(time.time(), 3))
        for printed in process.stdout:
            if json.loads(printed)["health"]["records"] == 10:
                break
        process.terminate()
    assert process.returncode == 0


@pytest.mark.skipif(os.path.lexists(DEFAULT_FILE), reason=f"{DEFAULT_FILE} is there")
def test_headless_without_a_log_the_way_out_is_named() -> None:
    done = run()
    assert done.returncode == 2
    error = done.stderr.decode()
    assert error.count("\n") == 1
    assert "try: glancemetrics /" in error


@pytest.mark.skipif(os.path.lexists(DEFAULT_FILE), reason=f"{DEFAULT_FILE} is there")
def test_a_pipe_without_a_name_is_read() -> None:
    done = run("--json", stdin=line(BASE) * 4)
    assert json.loads(done.stdout.splitlines()[-1])["hits"] == 4


def test_beside_a_monitor_of_the_same_logs_a_person_only_looks(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(lines_until(time.time()))
    state = tmp_path / "kept"
    command = [*COMMAND, "access.log", "--state-dir", str(state)]
    with Running([*command, "--no-console"], stderr=subprocess.PIPE) as service:
        log = state / "alerts.jsonl"
        eventually(lambda: log.exists() and log.read_bytes(), 60, "the service's first event")
        events = log.read_bytes()
        refused = run(*command[3:], "--no-console")
        assert refused.returncode == 1
        assert b"another glancemetrics that follows the same files" in refused.stderr
        with Running([*command, "--json"], stdout=subprocess.PIPE) as view:
            assert view.stdout is not None
            assert json.loads(view.stdout.readline())["health"]["records"] == 50
            view.terminate()
        assert view.returncode == 0
        assert log.read_bytes() == events
        service.terminate()
    assert service.returncode == 0


@pytest.mark.skipif(os.getuid() != 0 or SYSTEM_WIDE.exists(), reason="needs /etc to itself")
def test_with_the_configuration_of_the_service_a_person_only_looks(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(lines_until(time.time()))
    SYSTEM_WIDE.parent.mkdir(exist_ok=True)
    SYSTEM_WIDE.write_text(
        f'file = "{tmp_path}/access.log"\nstate_dir = "{tmp_path}/service"\n'
        '[[notify]]\nname = "team"\nexec = ["/bin/false"]\n'
    )
    try:
        with Running([*COMMAND, "--json"], stdout=subprocess.PIPE) as view:
            assert view.stdout is not None
            told = json.loads(view.stdout.readline())
            view.terminate()
        assert [one["name"] for one in told["health"]["outputs"]] == ["json", "history"]
        assert not (tmp_path / "service").exists()
    finally:
        SYSTEM_WIDE.unlink()


@pytest.fixture
def nginx_log() -> Iterator[Path]:
    """A log where nginx writes it, where this machine has none."""
    path = Path("/var/log/nginx/gm-test-access.log")
    if os.getuid() != 0:
        pytest.skip("needs root")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(lines_until(time.time()))
    yield path
    path.unlink()


@pytest.mark.terminal
@pytest.mark.skipif(os.path.lexists(DEFAULT_FILE), reason=f"{DEFAULT_FILE} is there")
def test_on_a_terminal_a_log_is_chosen_from_those_that_are_found(
    nginx_log: Path, terminal: Callable[[int, int], Tmux], tmp_path: Path
) -> None:
    needs("tmux")
    screen = terminal(100, 30)
    state = f"XDG_STATE_HOME={tmp_path}"
    screen.type(f"cd {tmp_path}; {state} {sys.executable} -m glancemetrics")
    page = screen.until(r"Follow which\?")
    number = next(row.split()[0] for row in page.splitlines() if str(nginx_log) in row)
    assert "last line" in page
    assert "demo: simulated traffic" in page
    screen.type("99")
    screen.until("Type numbers from 1 to")
    screen.type(number)
    screen.until(r"gm-test-access\.log · combined · last ")
    screen.press("q")
    screen.until(r"(?m)^\$ *$")


@pytest.mark.terminal
def test_the_demo_shows_traffic_and_leaves_nothing(
    terminal: Callable[[int, int], Tmux], tmp_path: Path
) -> None:
    screen = terminal(100, 30)
    folder = f"TMPDIR={tmp_path} XDG_STATE_HOME={tmp_path}/state"
    screen.type(f"{folder} {sys.executable} -m glancemetrics demo")
    screen.until(r"access\.log · combined with more · last 10 s")
    screen.until(r"(?m)^ [1-9][\d,.]* req/s")
    screen.press("q")
    screen.until(r"(?m)^\$ *$")
    assert not list(tmp_path.glob("glancemetrics-demo-*"))


def test_a_redirected_file_is_read() -> None:
    Path("access.log").write_bytes(line(BASE) * 3)
    with Path("access.log").open("rb") as log:
        done = subprocess.run(
            [*COMMAND, "--once", "--json", "--config", "off"],
            stdin=log, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    assert json.loads(done.stdout)["hits"] == 3


def test_once_counts_a_last_line_without_an_end(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes((line(BASE) * 3).rstrip())
    assert json.loads(run("access.log", "--once", "--json").stdout)["hits"] == 3


def test_once_fails_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(line(BASE))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "access.log", "--once"],
            stdout=full, stderr=subprocess.PIPE, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"cannot write to standard output: No space left on device" in done.stderr


def test_once_fails_for_each_log_that_is_not_there_and_shows_the_others(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(line(BASE) * 3)
    done = run("access.log", "none.log", "*.none", "--once")
    assert done.returncode == 1
    assert b"hits 3" in done.stdout
    assert sorted(done.stderr.splitlines()) == [
        b"glancemetrics: error: *.none: has no matching files",
        b"glancemetrics: error: none.log: no such file",
    ]


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_what_may_not_be_read_is_named_with_a_way_out(tmp_path: Path) -> None:
    for folder in (*tmp_path.parents[:-2], tmp_path):
        folder.chmod(0o755)
    refused, open_ = tmp_path / "refused", tmp_path / "open"
    for folder in (refused, open_):
        folder.mkdir()
        (folder / "access.log").write_bytes(line(BASE))
        (folder / "auth.log").write_bytes(b"secret")
    (open_ / "access.log").chmod(0o600)
    (open_ / "auth.log").chmod(0o600)
    refused.chmod(0o750)
    os.chown(refused, 0, grp.getgrnam("adm").gr_gid)
    environment = {"PATH": os.environ["PATH"], "HOME": "/root"}

    def told(*arguments: str) -> str:
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *COMMAND, *arguments],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        return done.stderr

    glob = told("refused/*.log", "--once")
    group = "permission denied – try: sudo usermod -aG adm $USER, then log in again\n"
    assert told("refused", "--once").endswith(f"refused: is not readable: {group}")
    assert told("report", "refused/access.log").endswith(f"refused/access.log: {group}")
    assert glob.endswith(f"refused/*.log: is not readable: {group}")
    assert told("report", "refused/*.log").endswith(f"refused/*.log: {group}")
    (tmp_path / "link").symlink_to("refused/access.log")
    assert told("report", "link").endswith(f"link: {group}")
    refused.chmod(0o710)
    assert told("report", "refused").endswith("try it with sudo\n")
    unread = told("open", "--once")
    assert "open/access.log: is not readable: permission denied – try it with sudo\n" in unread
    assert "skipped: open/auth.log: permission denied" in unread


@pytest.mark.terminal
def test_the_end_of_standard_input_leaves_the_screen(
    terminal: Callable[[int, int], Tmux], tmp_path: Path
) -> None:
    """It is what the person wants to look at: `zcat old.log.gz | glancemetrics`."""
    needs("tmux")
    (tmp_path / "old.log").write_bytes(line(BASE) * 7)
    (tmp_path / "new.log").write_bytes(lines_until(time.time()))
    screen = terminal(100, 30)
    for name, said in (("old", " ENDED "), ("new", "Standard input has ended: no more")):
        screen.type(f"cd {tmp_path}; clear; cat {name}.log | {sys.executable} -m glancemetrics -")
        screen.until(said)
        time.sleep(1)
        assert " 1 Overview " in screen.page
        screen.press("q")
        screen.until(r"(?m)^\$ *$")
    beat = f"--heartbeat {tmp_path}/beat"
    screen.type(f"cat old.log | {sys.executable} -m glancemetrics - {beat}; echo status $?")
    screen.until(" ENDED ")
    screen.type("")
    subprocess.run(["pkill", "-TERM", "-f", f"glancemetrics - {beat}$"], check=True)
    screen.until("status 0")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["-file", "access.log"], "-file: unknown option; did you mean --file?"),
        (["quey", "--by", "path"], "quey: unknown command; did you mean query?"),
        (["access.log", "--format", "ngnix"], "did you mean combined (nginx's default)?"),
    ],
)
def test_what_was_meant_is_named(tmp_path: Path, arguments: list[str], error: str) -> None:
    (tmp_path / "access.log").touch()
    done = run(*arguments)
    assert done.returncode == 2
    assert error in done.stderr.decode()


def test_a_compressed_log_in_a_pipe_is_named() -> None:
    done = run("-", "--once", stdin=gzip.compress(line(BASE) * 3))
    assert done.returncode == 1
    assert b"standard input: is gzip; try: zcat FILE | glancemetrics" in done.stderr


def test_a_condition_does_not_shorten_what_a_quiet_log_shows(tmp_path: Path) -> None:
    now = int(time.time())
    (tmp_path / "access.log").write_bytes(
        b"".join(line(now - 3000 + 40 * index) for index in range(70))
    )
    for options in ([], ["--where", "status = 200"], ["--rules", "none"]):
        text = run("access.log", "--once", *options).stdout.decode()
        assert "last 1 h" in text
        assert re.search(r"hits (69|70)\b", text)


@pytest.mark.parametrize("is_old", [True, False])
def test_old_alerts_in_a_pipe_notify_nobody_who_looks(tmp_path: Path, is_old: bool) -> None:
    until = time.time() - (7200 if is_old else 0)
    log = b"".join(line(int(until) - 100 + second) * 30 for second in range(100))
    options = ["-", "--json", "--alert-threshold", "1", "--alert-log", str(tmp_path / "alerts")]
    done = run(*options, stdin=log)
    assert json.loads(done.stdout.splitlines()[-1])["health"]["records"] == 3000
    told = (tmp_path / "alerts").read_text()
    assert ("triggered" in told) is not is_old
    assert "monitoring_started" in told


def test_all_of_a_quiet_log_is_shown_where_its_last_hour_has_too_little(tmp_path: Path) -> None:
    now = int(time.time())
    hours = b"".join(line(now - 21_600 + 432 * index) for index in range(50))
    # What would have raised an alert hours ago does not raise one now.
    burst = b"".join(line(now - 20_000 + index // 50) for index in range(9000))
    for log, hits in ((hours, 50), (burst + hours[-600:], None)):
        (tmp_path / "access.log").write_bytes(log)
        done = run("access.log", "--json", "--once", "--alert-threshold", "5")
        assert json.loads(done.stdout)["health"]["late"] == 0
        text = run("access.log", "--once").stdout.decode()
        assert re.search(r"last [456] h", text), text
        assert hits is None or f"hits {hits}" in text
    options = ["--alert-threshold", "5", "--alert-log", str(tmp_path / "alerts"), "--json"]
    with Running([*COMMAND, "access.log", *options], stdout=subprocess.PIPE) as view:
        assert view.stdout is not None
        for printed in view.stdout:
            if json.loads(printed)["health"]["records"] > 9000:
                break
        view.terminate()
    told = (tmp_path / "alerts").read_text()
    assert "monitoring_started" in told
    assert "triggered" not in told


def test_all_of_a_quiet_log_is_shown_from_a_pipe_too() -> None:
    now = int(time.time())
    log = b"".join(line(now - 21_600 + 432 * index) for index in range(50))
    for options in ([], ["--where", "status = 200"]):
        text = run("-", "--once", *options, stdin=log).stdout.decode()
        assert "hits 50  req/s 0.0023" in text


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_unreadable_files_of_a_directory_are_counted(tmp_path: Path) -> None:
    for name in ("access.log", "shop.log", "auth.log"):
        (tmp_path / name).write_bytes(line(BASE))
        (tmp_path / name).chmod(0o644 if name == "access.log" else 0o600)
    for folder in (*tmp_path.parents[:-2], tmp_path):
        folder.chmod(0o755)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *COMMAND, ".", "--once"],
        env={"PATH": os.environ["PATH"], "HOME": "/"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert re.search(r"skipped: \./\w+\.log and 1 more: permission denied", done.stderr)
    assert "hits 1" in done.stdout


def test_settings_of_a_page_that_is_not_served_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(line(int(time.time())))
    done = run("a.log", "--once", "--web", "--web-admin")
    assert done.returncode == 0
    assert b"--web has no effect with --once" in done.stderr
    assert b"--web-admin has no effect with --once" in done.stderr
    alone = run("a.log", "--once", "--web-admin")
    assert b"--web-admin has no effect without --web" in alone.stderr
    assert run("a.log", "--once").stderr == b""
