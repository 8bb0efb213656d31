"""`glancemetrics demo`: the console on simulated traffic, with a spike and errors."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actors.commands.parser import CommandParser, Example
from glancemetrics.errors import GlanceMetricsError

_RATE = 60
_TRAFFIC = (
    *("generate", "--rate", str(_RATE), "--duration", "3m", "--format", "timed"),
    *("--spike", "40s@400+20s", "--error-spike", "40s@0.3+30s"),
)
"""A spike after 20 s, and errors under its load; anew every 3 minutes.

Server errors raise an alert when they last 30 s above 5 % of the last 2 min."""
_ALERTS = ("--alert-threshold", "150", "--alertwindow", "30s", "--alert-log", "off")
_PATIENCE_SECONDS = 5
_MOST_FAILURES = 5
"""Of the process that writes the traffic, before the demo does without it."""


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "demo",
        "Show the console on simulated traffic: a spike raises an alert after 30 seconds, "
        "server errors raise another after a minute, and it starts over every 3 minutes.",
        usage="glancemetrics demo [options of glancemetrics]",
        examples=[
            Example("demo", "the console, until you press q"),
            Example("demo --json", "one JSON line per refresh, until Ctrl-C"),
        ],
    )
    made.argument("options", nargs="*", metavar="OPTION", help="options of glancemetrics")
    return made


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    if {"-h", "--help"} & set(arguments):
        parser().parse_args(["-h"])
    from actors.commands.monitor import parser as monitor_parser
    from actors.commands.monitor import run as run_monitor

    monitor_parser().parse_args(arguments)  # a mistake is reported before anything runs
    # Until the monitor obeys signals: else the traffic would continue without it.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="glancemetrics-demo-") as folder:
        log = Path(folder) / "access.log"
        log.touch()
        with _traffic_into(log):
            return run_monitor(["-f", str(log), "--config", "off", *_ALERTS, *arguments])


@contextmanager
def _traffic_into(log: Path) -> Iterator[None]:
    """Let another process write simulated traffic, again and again."""
    command = [sys.executable, "-m", "glancemetrics", *_TRAFFIC, "-o", str(log)]
    is_over = threading.Event()
    running: list[subprocess.Popen[bytes]] = []
    failed: list[int] = []

    def write() -> None:
        while not is_over.is_set() and len(failed) < _MOST_FAILURES:
            # A process group of its own: Ctrl-C is for the console.
            process = subprocess.Popen(  # noqa: S603 - this program itself
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
            )
            running[:] = [process]
            if is_over.is_set():
                process.terminate()
            if process.wait() != 0:
                failed.append(process.returncode)
                is_over.wait(1)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        yield
    finally:
        is_over.set()
        for process in running:
            process.terminate()
        writer.join(_PATIENCE_SECONDS)
    if len(failed) >= _MOST_FAILURES:
        raise GlanceMetricsError(f"the simulated traffic failed, at last with status {failed[-1]}")
