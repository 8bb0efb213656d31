"""Nothing that a log says gets out of its place, and what is written is nobody else's."""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import attrs
import pyte
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prompt_toolkit.data_structures import Size
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import print_formatted_text

from actors.outputs.console import themes
from actors.outputs.console.cells import Row
from actors.outputs.console.commands import toggle_help
from actors.outputs.console.context import Context
from actors.outputs.console.moving import go_to_view_called, move_cursor
from actors.outputs.console.narrowing import exclude_row, narrow_to_row
from actors.outputs.console.pages.registry import VIEWS
from actors.outputs.console.pages.request_detail import RequestDetail, with_line
from actors.outputs.console.screen import render
from actors.outputs.console.state import Prompt, State
from actors.outputs.printed_screen.screen import render_once
from actors.state.silences import Silence
from glancemetrics.alerting.alerting import Alerts, Pending
from glancemetrics.charts.runs import Drawing
from glancemetrics.formats.combined import decode
from glancemetrics.formats.format_option import read_format
from glancemetrics.health.health import OutputHealth, OutputState, SourceHealth, SourceState
from glancemetrics.records.rejects import Reject
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.traffic.insights import TopRow
from tests.actors.outputs.console_states import answered, failed, request_of, state_of
from tests.actors.outputs.snapshots import FIRING, health, insights, snapshot
from tests.conftest import needs, thorough
from tests.lines import BASE, line
from tests.waiting import eventually

pytestmark = pytest.mark.torture

PROGRAM = [sys.executable, "-m", "glancemetrics"]
RULE = read_rules('[[rule]]\nname = "Scan"\nscan = "paths"\nmessage = "{group}"', "x")[0]

EVIL = st.text(max_size=30) | st.sampled_from(
    [
        *("\x1b[2J", "\x1b]0;owned\x07", "\x1b]8;;http://x\x1b\\y", "\x1b]52;c;aGk=\x07"),
        *("\x9b31m", "\r\n\t\0\x7f", "\u202e\u2066", "\u200b\u200d\ufeff"),
        *("e" + "\u0301" * 20, "日本語" * 9, "👩\u200d👩\u200d👧", "\ud800", "%1b%5b2J"),
        *("\x1bP+q\x1b\\", "\x0e\x0f", "\x1bc", "{0.__class__}", "%s%n"),
    ]
)
OURS = re.compile(r"\x1b\[(?:[0-9;]*m|\?7[hl]|0?K)|\r?\n|\r")
"""What the console itself writes beside text: colors, line wrap on and off, ends of lines."""


SIZES = [(80, 24), (200, 60), (40, 12), (110, 32), (17, 5)]
TEXTS = st.lists(EVIL, min_size=12, max_size=12)


def _hostile_state(texts: list[str], size: tuple[int, int], *, drawing: Drawing) -> State:
    """A state with hostile text wherever a log, a file or an error may have brought it."""
    shown = insights(8)
    top = {
        dimension: tuple(TopRow(text, 9 - i, 9, 1) for i, text in enumerate(texts[:8]))
        for dimension in shown.top
    }
    firing = attrs.evolve(FIRING, rule="Scan", by="host", group=texts[8], cause=texts[9])
    past = attrs.evolve(firing, id="past", recovered_at=BASE - 5, group=texts[7])
    latest = snapshot(
        insights=attrs.evolve(shown, top=top),
        alerts=Alerts((firing,), (past,), pending=(Pending("Scan", texts[6], BASE - 3),)),
        health=health(
            sources=(
                SourceHealth(texts[9], SourceState.BLOCKED, texts[10], texts[11]),
                SourceHealth(texts[8], SourceState.FOLLOWING, format=texts[7]),
            ),
            outputs=(OutputHealth("syslog", OutputState.RETRYING, texts[11]),),
            reject_samples=(Reject(texts[10], texts[11]),),
            last_gap=texts[9],
            gaps=1,
        ),
    )
    context = Context(
        "0", float(BASE), {"Scan": RULE}, 3, texts[8], UTC, (texts[9],),
        where=texts[5], note=texts[4], drawing=drawing,
    )  # fmt: skip
    return state_of(
        latest,
        context=context,
        answers=None,
        cells=size[0],
        rows=size[1],
        silences=(Silence("Scan", BASE + 60, texts[10]),),
    )


def _screens(state: State, texts: list[str]) -> Iterator[State]:
    """A view before its answers, with them, without; narrowed by its rows; and with a prompt."""
    yield state
    yield failed(state, texts[0])
    whole = answered(state, texts)
    yield whole
    yield answered(move_cursor(narrow_to_row(whole), 1), texts)
    yield answered(exclude_row(whole), texts)
    if whole.focused is not None:
        finding = attrs.evolve(whole.table(whole.focused), find=texts[1])
        found = whole.with_table(whole.focused, finding)
        yield found
        yield answered(found, [])
    yield whole.told(texts[2])
    yield attrs.evolve(whole, prompt=Prompt("filter", texts[3], texts[4]))


def _opened(state: State, texts: list[str]) -> Iterator[State]:
    """What is opened on top of a view."""
    yield attrs.evolve(state, prompt=Prompt("silence", texts[0], subject=texts[1], about=texts[2]))
    yield toggle_help(state)
    for number in range(4):
        record = request_of(number, BASE, texts)
        detail = attrs.evolve(state, over=(RequestDetail(record),))
        yield detail
        yield with_line(detail, record, texts[5], "")
        yield with_line(detail, record, "", texts[5])


def _assert_harmless(drawn: list[Row], columns: int, rows: int) -> None:
    """On the stream as it is written, and on the screen of an emulator: each row in its place."""
    stream = io.StringIO()
    output = Vt100_Output(stream, lambda: Size(rows=rows, columns=columns), term="xterm")
    for row in drawn:
        text = FormattedText((fragment[0], fragment[1]) for fragment in row)
        print_formatted_text(text, output=output, style=STYLE, end="\r\n")
    assert len(drawn) == rows
    written = stream.getvalue()
    rest = OURS.sub("", written)
    assert all(character.isprintable() for character in rest), repr(rest)
    screen = pyte.Screen(columns, rows + 1)
    pyte.Stream(screen).feed(written)
    assert screen.cursor.y == rows  # no row was longer than the screen is wide, none shorter


STYLE = themes.style_of("dark")


tries = settings(
    max_examples=thorough(8, 200), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("view", [view.name for view in VIEWS])
@given(TEXTS, st.sampled_from(SIZES), st.sampled_from(Drawing))
@tries
def test_no_byte_of_a_log_reaches_the_terminal_as_it_is(
    view: str, texts: list[str], size: tuple[int, int], drawing: Drawing
) -> None:
    state = go_to_view_called(_hostile_state(texts, size, drawing=drawing), view)
    for shown in _screens(state, texts):
        _assert_harmless(render(shown), *size)


WIDTHS = range(1, 201, thorough(5, 1))
FIXED = [
    *("\x1b[2J\x1b]52;c;aGk=\x07", "\u202e\u2066x", "e" + "\u0301" * 20, "日本語" * 9),
    *(
        "👩\u200d👩\u200d👧",
        "\ud800",
        "\x9b31m\r\n\t",
        "/" + "a" * 300,
        "%1b%5b2J",
        "\x1bP+q\x1b\\",
    ),
    *("\u200b\ufeff", "{0.__class__}"),
]


@pytest.mark.parametrize("view", [view.name for view in VIEWS])
def test_hostile_text_keeps_its_place_at_every_width(view: str) -> None:
    for columns in WIDTHS:
        size = columns, 24
        state = go_to_view_called(_hostile_state(FIXED, size, drawing=Drawing.UNICODE), view)
        _assert_harmless(render(answered(state, FIXED)), *size)


@given(TEXTS, st.sampled_from(SIZES), st.sampled_from(Drawing))
@tries
def test_nor_does_it_from_what_is_opened_on_top(
    texts: list[str], size: tuple[int, int], drawing: Drawing
) -> None:
    for shown in _opened(_hostile_state(texts, size, drawing=drawing), texts):
        _assert_harmless(render(shown), *size)


@given(TEXTS, st.sampled_from(SIZES))
@tries
def test_nor_does_it_when_the_screen_is_printed(texts: list[str], size: tuple[int, int]) -> None:
    columns, _ = size
    state = _hostile_state(texts, size, drawing=Drawing.UNICODE)
    assert state.shown is not None
    drawn = render_once(state.shown, state.context, columns)
    _assert_harmless(drawn, columns, len(drawn))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which names of files, a log and what was told of it are hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    evil = "\x1b[2J\x1b]52;c;aGk=\x07\u202e\x9b31m\r\x0e"
    name = "access\x1b[31m\nroot: all is well.log"
    now = int(time.time())
    (folder / name).write_bytes(
        b"".join(
            line(now - 60 + n // 2, request=f"GET /{evil}/{n} HTTP/1.1", agent=evil)
            for n in range(120)
        )
        + f"no line {evil}\n".encode()
    )
    (folder / f"empty{name}").touch()
    (folder / "rules.toml").write_text(
        '[[rule]]\nname = "Many"\nmetric = "rate"\nby = "agent"\nabove = 0.5\nwindow = "30s"\n'
        'message = "{agent} asks too often"\n'
    )
    monitor = [*PROGRAM, "-f", str(folder / name), "--config", str(folder / "rules.toml")]
    monitor += ["--state-dir", str(folder), "--no-console", "--log-level", "debug"]
    alerts = folder / "alerts.jsonl"
    with (
        (folder / "said").open("wb") as said,
        subprocess.Popen(monitor, stdout=said, stderr=said) as process,
    ):
        try:
            eventually(lambda: alerts.exists() and b"asks too often" in alerts.read_bytes())
        finally:
            process.terminate()
    return folder


@pytest.mark.parametrize(
    "command",
    [
        *("report access*", "report nothing*", "replay access* --config rules.toml"),
        *("replay empty*", "replay access* --suggest", "formats access*", "formats empty*"),
        *("check rules.toml", "check access*", "audit show alerts.jsonl", "audit verify access*"),
        *("sql access* SELECT", "sql access* WRONG", "report access* --where WRONG"),
        "report access* --format GIVEN",
    ],
)
def test_no_command_lets_anything_of_a_log_or_a_name_reach_the_terminal(
    hostile: Path, command: str
) -> None:
    evil = "\x1b[2J\n\x9b"
    words = {
        "SELECT": "select host, path, agent from log",
        "WRONG": f"select '{evil}' from {evil}",
        "GIVEN": f"%h {evil} %q",
    }
    done = subprocess.run(
        [*PROGRAM, *(words.get(word, word) for word in command.split())],
        cwd=hostile,
        capture_output=True,
        check=False,
        env={**os.environ, "COLUMNS": "300"},
    )
    said = (done.stdout + done.stderr).decode()
    assert said
    assert "Traceback" not in said
    assert not [one for one in said if not one.isprintable() and one != "\n"], repr(said)
    # Nobody else speaks in lines of their own.
    assert not re.search("^root:", said, re.MULTILINE)


def test_what_the_monitor_says_is_but_text(hostile: Path) -> None:
    said = (hostile / "said").read_text()
    assert not [one for one in said if not one.isprintable() and one != "\n"], repr(said)


def test_all_that_is_written_is_its_owners(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(int(time.time())) * 100)
    config = tmp_path / "config.toml"
    config.write_text('[[notify]]\nexec = ["/bin/true"]\n')
    state = tmp_path / "made" / "state"
    monitor = subprocess.Popen(
        [*PROGRAM, "-f", str(log), "--no-console", "--state-dir", str(state), "--config",
         str(config), "--alert_threshold", "0.1", "--alertwindow", "0.1"],
        umask=0,
    )  # fmt: skip
    try:
        eventually(lambda: list(state.glob("*.state")), what="a checkpoint")
        eventually((state / "notifications.db").exists, what="the journal")
    finally:
        monitor.terminate()
        monitor.wait(20)
    for path in (state, *state.iterdir()):
        mode = path.stat().st_mode
        assert not mode & (stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP * (not path.is_dir())), path


def test_a_folder_that_anyone_may_change_is_refused(tmp_path: Path) -> None:
    log, state = tmp_path / "access.log", tmp_path / "state"
    log.touch()
    state.mkdir()
    state.chmod(0o777)
    done = subprocess.run(
        [*PROGRAM, "-f", str(log), "--no-console", "--state-dir", str(state)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "folder is world-writable (run chmod o-w on it); choose another directory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["monitor-*.new", "notifications.db", "alerts.jsonl"])
def test_a_link_that_lies_in_wait_is_not_followed(tmp_path: Path, name: str) -> None:
    log, state, victim = tmp_path / "access.log", tmp_path / "state", tmp_path / "victim"
    log.write_bytes(line(int(time.time())))
    victim.write_text("precious")
    config = tmp_path / "config.toml"
    config.write_text('[[notify]]\nexec = ["/bin/true"]\n')
    arguments = [*PROGRAM, "-f", str(log), "--no-console", "--state-dir", str(state)]
    arguments += ["--config", str(config)]
    if "*" in name:
        monitor = subprocess.Popen(arguments)
        eventually(lambda: list(state.glob("*.state")), what="a checkpoint")
        monitor.terminate()
        monitor.wait(20)
        (kept,) = state.glob("*.state")
        name = kept.with_suffix(".new").name
    else:
        state.mkdir(mode=0o750)
    (state / name).symlink_to(victim)
    said = tmp_path / "stderr"
    with said.open("w") as file:
        monitor = subprocess.Popen(arguments, stderr=file)
    try:
        eventually(lambda: "symbolic links" in said.read_text(), what="the reason")
    finally:
        monitor.terminate()
        monitor.wait(20)
    assert victim.read_text() == "precious"


def test_without_any_capability_and_with_a_root_that_cannot_be_written(tmp_path: Path) -> None:
    """As `docker run --read-only --cap-drop ALL` has it, with the state on a volume."""
    needs("unshare", "setpriv")
    log, state = tmp_path / "access.log", tmp_path / "state"
    log.write_bytes(line(int(time.time())) * 10)
    state.mkdir(mode=0o750)
    script = (
        "mount --make-rprivate / && mount --bind / /mnt && mount -o remount,bind,ro /mnt && "
        f'mount --bind "{state}" "/mnt{state}" && mount -t proc proc /mnt/proc && '
        "mount --rbind /dev /mnt/dev && exec chroot /mnt "
        "setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "
        f"'{sys.executable}' -m glancemetrics -f '{log}' --no-console --state-dir '{state}'"
    )
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("this machine lets nobody mount anything")
    monitor = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script], stderr=subprocess.PIPE, text=True
    )
    try:
        eventually(lambda: list(state.glob("*.state")), what="a checkpoint")
        eventually((state / "alerts.jsonl").exists, what="the alert log")
    finally:
        monitor.terminate()
        _, errors = monitor.communicate(timeout=20)
    assert monitor.returncode in (0, -15), errors


def test_the_unit_for_systemd_is_a_safe_one() -> None:
    needs("systemd-analyze")
    unit = Path(__file__).parents[2] / "packaging" / "glancemetrics.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    exposure = re.search(r"exposure level for glancemetrics.service: ([\d.]+)", done.stdout)
    assert exposure is not None, done.stdout
    assert float(exposure[1]) <= 1.5


@pytest.mark.parametrize(
    "text",
    [
        b"\x00", b"\xff\xfe", b'"', b'" ' * 3, b"\\", b"[", b"a b ", b"1.2.3.4 - - [",
        b'{"a":', b"{" * 50, b"[[[[", b"%", b"\x1b[", b"127.0.0.1 ",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "written", ["combined", "json", '$remote_addr [$time_local] "$request" $status', "haproxy"]
)
def test_the_time_that_a_line_takes_grows_with_its_length_only(text: bytes, written: str) -> None:
    """Twenty times the length takes at most a hundred times as long: no expression explodes."""
    log_format = None if written == "combined" else read_format(written)

    def took(size: int) -> float:
        chunk = (text * (size // len(text)) + b"\n") * 20
        began = time.process_time()  # others may have the processor meanwhile
        if log_format is None:
            decode(chunk)
        else:
            log_format.decode(chunk)
        return time.process_time() - began

    took(1000)
    small = max(min(took(5_000) for _ in range(3)), 0.0005)
    assert min(took(100_000) for _ in range(3)) < 100 * small


def test_a_bomb_is_unpacked_block_by_block(tmp_path: Path) -> None:
    """A gigabyte of nothing in a megabyte: read, without being held."""
    bomb = tmp_path / "access.log.gz"
    with bomb.open("wb") as file:
        subprocess.run(
            ["sh", "-c", f"head -c {thorough(200, 1000)}M /dev/zero | gzip -1"],
            stdout=file, check=True,
        )  # fmt: skip
    assert shutil.which("sh")
    script = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], capture_output=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)\n"
        "sys.exit(done.returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *PROGRAM, "report", str(bomb), "--no-progress"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert int(done.stdout) < 400
