"""An agent that follows a log which is being written, over a real Redis: its memory and its CPU."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.lines import fixed_lines, stamp
from benchmarks.monitor import cpu_seconds, monitoring, proportional_bytes, resident_bytes
from tests.redis import Redis

_RATES = (1_000, 10_000, 50_000)
"""Lines/s, of about 200 bytes."""
_SECONDS = 60
_WARM_UP_SECONDS = 10
_PIECE_SECONDS = 0.02
"""How often the server writes."""
LIMIT_BYTES = 45e6
"""Of memory."""
LIMIT_CPU = 0.01
"""Of a core, at the lowest rate."""


def measure_agent(folder: Path) -> None:
    """Measure an agent at several rates, in steady state."""
    if shutil.which("redis-server") is None:
        print("redis-server is not installed: no agent is measured")
        return
    print(f"agent (limits: {LIMIT_BYTES / 1e6:.0f} MB, {LIMIT_CPU:.0%} of a core at 1,000 lines/s)")
    for rate in _RATES:
        place = folder / f"agent-{rate}"
        place.mkdir()
        with Redis(place / "redis") as redis:
            url = f"redis://127.0.0.1:{redis.port}/0?fleet=bench"
            with monitoring(url, "--state-dir", str(place / "state"), "-r", "5"):
                _measure(place / "access.log", url, rate)


def _measure(log: Path, url: str, rate: int) -> None:
    log.touch()
    command = [sys.executable, "-m", "glancemetrics", "agent", str(log), "--to", url]
    writing = [sys.executable, "-m", "benchmarks.agent", str(log), str(rate)]
    with (
        subprocess.Popen([*command, "--log-level", "warning"]) as agent,
        subprocess.Popen(writing) as writer,
    ):
        try:
            time.sleep(_WARM_UP_SECONDS)
            cpu, size, began = cpu_seconds(agent.pid), log.stat().st_size, time.monotonic()
            time.sleep(_SECONDS)
            took = time.monotonic() - began
            used = (cpu_seconds(agent.pid) - cpu) / took
            memory, own = resident_bytes(agent.pid), proportional_bytes(agent.pid)
            written = log.stat().st_size - size
        finally:
            writer.kill()
            agent.terminate()
    print(
        f"  {rate:>6,} lines/s ({written / took / 1e6:.1f} MB/s): {used:.1%} of a core, "
        f"{memory / 1e6:.0f} MB resident, {own / 1e6:.0f} MB proportional",
        flush=True,
    )


def _write(log: Path, rate: int) -> None:
    """Be a server; a program of its own."""
    pieces = fixed_lines(100_000)
    per_piece = round(rate * _PIECE_SECONDS)
    began, at = time.monotonic(), 0
    with log.open("ab", buffering=0) as file:
        for number in range(1 << 40):
            begin = at % (len(pieces) - per_piece - 2)
            at += per_piece
            lines = stamp(time.time()).join(pieces[begin : begin + per_piece + 1])
            # The first piece ends no line here, the last begins one.
            file.write(lines[lines.find(b"\n") + 1 : lines.rfind(b"\n") + 1])
            time.sleep(max(0.0, began + (number + 1) * _PIECE_SECONDS - time.monotonic()))


if __name__ == "__main__":
    _write(Path(sys.argv[1]), int(sys.argv[2]))
