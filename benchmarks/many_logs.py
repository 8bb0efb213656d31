"""Many logs at a time: what it costs to open them, and to follow them while nothing happens."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from benchmarks.monitor import monitoring

_LINES = 20
_IDLE_SECONDS = 20


def measure_many_logs(folder: Path) -> None:
    """Print CPU until all are read, and then while idle; memory and descriptors.

    Once with the descriptors that a shell gives, and once with 256.
    """
    for count, limit in ((1_000, 1024), (10_000, 1024), (10_000, 256)):
        pattern = _write(folder, count)
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
        try:
            _measure(pattern, count, limit)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _write(folder: Path, count: int) -> str:
    now = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    text = f'192.0.2.1 - - [{now}] "GET /page HTTP/1.1" 200 512 "-" "curl/8"\n' * _LINES
    for number in range(count):
        log = folder / "logs" / f"site{number}" / "access.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text)
    return str(folder / "logs" / "*" / "access.log")


def _measure(pattern: str, count: int, limit: int) -> None:
    began = time.monotonic()
    with monitoring(Path(pattern), "--from", "start", "-r", "1") as monitor:
        monitor.wait_first()
        while monitor.health["lines"] < count * _LINES:
            time.sleep(0.1)
            if time.monotonic() - began > 300:
                raise SystemExit(f"{monitor.health['lines']} of {count * _LINES} lines in 300 s")
        took, started = time.monotonic() - began, monitor.cpu_seconds()
        time.sleep(5)  # what was written only just now is looked at once more
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
