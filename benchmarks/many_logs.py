"""Many logs at a time: the cost of opening them, and of following them while idle."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from benchmarks.monitor import Monitor, monitoring

_LINES = 20
_IDLE_SECONDS = 20
_LARGE = 150
"""Number of logs of `_LARGE_LINES` lines."""
_LARGE_LINES = 150_000


def measure_many_logs(folder: Path) -> None:
    """Measure CPU until all are read and while idle, memory and descriptors.

    Once with the usual limit of descriptors, and once with 256. Then the memory for large logs that
    are read from their start in parallel.
    """
    for count, limit in ((1_000, 1024), (10_000, 1024), (10_000, 256)):
        pattern = _write(folder, count)
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
        try:
            _measure(pattern, count, limit)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
    pattern = _write(folder / "large", _LARGE, _LARGE_LINES)
    with monitoring(Path(pattern), "--from", "start", "-r", "1") as monitor:
        took = _wait_until_read(monitor, _LARGE * _LARGE_LINES)
        print(
            f"{_LARGE} logs of {_LARGE_LINES:,} lines: read after {took:.1f} s, "
            f"peak memory {monitor.peak_memory_bytes() / 1e6:.0f} MB",
            flush=True,
        )


def _write(folder: Path, count: int, lines: int = _LINES) -> str:
    now = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    text = f'192.0.2.1 - - [{now}] "GET /page HTTP/1.1" 200 512 "-" "curl/8"\n' * lines
    for number in range(count):
        log = folder / "logs" / f"site{number}" / "access.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text)
    return str(folder / "logs" / "*" / "access.log")


def _wait_until_read(monitor: Monitor, lines: int) -> float:
    """Wait until all lines are read; returns the seconds it took."""
    began = time.monotonic()
    monitor.wait_first()
    while monitor.health["lines"] < lines:
        time.sleep(0.1)
        if time.monotonic() - began > 300:
            raise SystemExit(f"only {monitor.health['lines']} of {lines} lines read in 300 s")
    return time.monotonic() - began


def _measure(pattern: str, count: int, limit: int) -> None:
    with monitoring(Path(pattern), "--from", "start", "-r", "1") as monitor:
        took, started = _wait_until_read(monitor, count * _LINES), monitor.cpu_seconds()
        time.sleep(5)  # recently written files are read once more
        descriptors = len(list(Path(f"/proc/{monitor.pid}/fd").iterdir()))
        idle = monitor.cpu_seconds()
        time.sleep(_IDLE_SECONDS)
        idle = (monitor.cpu_seconds() - idle) / _IDLE_SECONDS
        print(
            f"{count:,} logs, {limit} descriptors: read after {took:.1f} s, "
            f"{started:.1f} s of CPU; idle {100 * idle:.1f} % of a core, {descriptors} open, "
            f"{monitor.memory_bytes() / 1e6:.0f} MB",
            flush=True,
        )
