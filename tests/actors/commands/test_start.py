"""What a start does not load, and how the program ends: a small log takes hardly longer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lines import line

LOADED = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from glancemetrics.cli import main
main()
"""
SERVERS = {"httpx", "hypercorn", "starlette", "hiredis", "sqlite3", "apprise", "opentelemetry"}
SLOW = {"duckdb", "pandas", "prompt_toolkit"} | SERVERS


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_bytes(b"".join(line(size=size) for size in range(100)))
    return path


def _run(
    script: str, *arguments: str | Path, cwd: Path | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=check,
        timeout=60,
    )


def _loaded(*arguments: str | Path) -> set[str]:
    return set(json.loads(_run(LOADED, *arguments).stderr.splitlines()[-1]))


def _packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("option", ["-h", "--version"])
def test_help_loads_nothing_that_reads_or_runs(option: str) -> None:
    assert not _packages(_loaded(option)) & {"numpy", "pyarrow", "trio", "loguru", *SLOW}


def test_a_report_on_a_small_log_loads_no_monitor_and_no_other_outputs(
    log: Path, tmp_path: Path
) -> None:
    loaded = _loaded("report", log, "-o", tmp_path / "report.json")
    assert "glancemetrics.reporting.report" in loaded
    assert not _packages(loaded) & {"trio", "loguru", "asyncio", "multiprocessing", *SLOW}
    assert not loaded & {
        "pyarrow.compute",
        "pyarrow.parquet",
        "glancemetrics.reporting.html",
        "glancemetrics.reporting.text",
        "actors.archive.process_workers",
        "actors.configuration.sections",
    }


def test_the_screen_printed_once_loads_no_terminal_and_no_history(log: Path) -> None:
    loaded = _loaded(log, "--once", "--config", "off")
    assert "actors.outputs.printed_screen.printing" in loaded
    assert not _packages(loaded) & SLOW
    assert not loaded & {
        "pyarrow.compute",
        "actors.archive.raw_lines",
        "actors.history.answering",
        "actors.history.history",
        "actors.outputs.console.application",
        "actors.outputs.console.pages.registry",
        "actors.outputs.notifier.notifier",
        "actors.outputs.web.serving",
        "actors.sources.journald.following",
        "actors.sources.syslog.intake",
    }


def test_idle_threads_that_nobody_waits_for_do_not_hold_up_the_end() -> None:
    script = """
import os, threading, time
from glancemetrics.cli import main
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
end = os._exit
os._exit = lambda status: (print("at once", flush=True), end(status))
main()
"""
    assert _run(script, "--version").stdout.splitlines()[-1] == "at once"


@pytest.mark.parametrize("name", ["access.log", "missing.log"])
def test_reports_are_made_also_under_a_parent_that_ignores_ended_children(
    log: Path, name: str
) -> None:
    def run(program: str) -> tuple[int, str, str]:
        script = f"""
import signal
from glancemetrics.cli import main
{program}
main()
"""
        done = _run(script, "report", log.with_name(name), check=False)
        return done.returncode, done.stdout, done.stderr

    assert run("signal.signal(signal.SIGCHLD, signal.SIG_IGN)") == run("")


def test_threads_with_work_are_waited_for() -> None:
    script = """
import threading, time
from glancemetrics.cli import main
threading.Thread(target=lambda: (time.sleep(0.5), print("done"))).start()
main()
"""
    assert _run(script, "--version").stdout.splitlines()[-1] == "done"


def test_what_is_loaded_is_never_searched_for_garbage_and_what_is_made_later_is() -> None:
    script = """
import gc
from actors.state.allocator import collect_from_now_on
loaded = len(gc.get_objects())
collect_from_now_on()
assert gc.get_freeze_count() >= loaded
print(gc.isenabled(), gc.get_threshold()[0] <= 50_000)
"""
    assert _run(script).stdout.split() == ["True", "True"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["agent", "access.log", "--to", "redis://127.0.0.1:1/0?fleet=test"],
        ["generate", "--rate", "1"],
        ["access.log", "--no-console", "--state-dir", "off", "--config", "off"],
    ],
)
def test_what_runs_for_long_looks_for_garbage_as_often(log: Path, arguments: list[str]) -> None:
    script = """
import gc, sys, trio
from glancemetrics.cli import main
run = trio.run
async def briefly(function, *arguments):
    with trio.move_on_after(1):
        await function(*arguments)
def noted(function, *arguments):
    run(briefly, function, *arguments)
    print(gc.get_threshold()[0], file=sys.stderr)
trio.run = noted
main()
"""
    done = _run(script, *arguments, cwd=log.parent, check=False)
    assert done.stderr.splitlines()[-1] == "50000"
