"""Runs and measures other programs that read whole logs; installs missing ones."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

CSV = """
import sys
import pyarrow as pa
from pyarrow import csv
names = ["host", "identity", "user", "date", "zone", "request", "status", "bytes", "referrer",
         "agent"]
text = pa.dictionary(pa.int32(), pa.string())
csv.read_csv(
    sys.argv[1],
    read_options=csv.ReadOptions(column_names=names, block_size=8 << 20),
    parse_options=csv.ParseOptions(delimiter=" ", quote_char='"', double_quote=False),
    convert_options=csv.ConvertOptions(
        column_types=dict.fromkeys(names, text) | {"bytes": pa.int64(), "status": pa.uint16()},
        null_values=["-"], strings_can_be_null=True, quoted_strings_can_be_null=True,
    ),
)
"""
GOACCESS_OPTIONS = ("--log-format=COMBINED", "--no-global-config", "--no-progress")
COUNTERS = """{ hits[$1]++; bytes += $10; status[$9]++ }
END { for (host in hits) n++; for (code in status) print code, status[code]; print n, bytes }"""


_LOOK_SECONDS = 0.02


def seconds_of(command: list[str]) -> float | None:
    """Return how long a command runs; `None` if it fails."""
    began = time.monotonic()
    return None if run_quietly(command) else time.monotonic() - began


def run_quietly(command: list[str]) -> int:
    """Run a command without its output; returns its status."""
    return _started(command).wait()


def cpu_of_children() -> float:
    """Return the CPU seconds of all programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peak_of(command: list[str]) -> int:
    """Run a command and return the peak memory of all its processes.

    Shared memory counts once (PSS, proc(5)). This is a separate run, because polling takes time.
    """
    process = _started(command)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(_pss, _family(process.pid))))
        time.sleep(_LOOK_SECONDS)
    return peak


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing)


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                yield from _family(int(child))
    except OSError:
        return  # the process has just ended


def _pss(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0  # the process has just ended
    return sum(1024 * int(line.split()[1]) for line in rollup.splitlines() if line[:4] == "Pss:")


def ours(log: Path, out: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "glancemetrics", "report", str(log), "-o", str(out), *options]


def peers(folder: Path) -> dict[str, list[str] | None]:
    """Return the command of each program, with `LOG` for the log; `None` if it is missing."""
    commands: dict[str, list[str] | None] = {}
    goaccess = ["LOG", *GOACCESS_OPTIONS]
    goaccess += ["-o", str(folder / "goaccess.json")]
    found = _installed("goaccess", "goaccess")
    commands[f"goaccess {_version(found)}" if found else "goaccess"] = _with(found, *goaccess)
    newer = os.environ.get("GOACCESS")
    if newer:
        words = newer.split()
        commands[f"goaccess {_version(*words)}, 2 jobs"] = [*words, *goaccess, "--jobs=2"]
    ngxtop = _ngxtop(folder)
    commands["ngxtop"] = ngxtop and [*ngxtop, "-l", "LOG", "-f", "combined", "--no-follow"]
    commands["mawk, three counters"] = _with(_installed("mawk", "mawk"), COUNTERS, "LOG")
    commands["pyarrow.csv, parse only"] = [sys.executable, "-c", CSV, "LOG"]
    return commands


def _with(program: str | None, *arguments: str) -> list[str] | None:
    return None if program is None else [program, *arguments]


def _installed(program: str, package: str) -> str | None:
    found = shutil.which(program)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-q"], stdout=subprocess.DEVNULL, check=False)
        subprocess.run(
            ["apt-get", "install", "-y", "-q", package], stdout=subprocess.DEVNULL, check=False
        )
        found = shutil.which(program)
    return found


def _version(*command: str | None) -> str:
    done = subprocess.run(
        [*map(str, command), "--version"], capture_output=True, text=True, check=False
    )
    return done.stdout.split("\n")[0].split()[-1].rstrip(".") if done.stdout else "?"


def _ngxtop(folder: Path) -> list[str] | None:
    target = folder / "ngxtop"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), "ngxtop"],
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if not (target / "ngxtop").is_dir():
        return None
    code = (
        f"import sys; sys.path.insert(0, {str(target)!r}); from ngxtop.ngxtop import main; main()"
    )
    return [sys.executable, "-c", code]
