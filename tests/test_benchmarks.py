"""The benchmarks run; how fast something is, is for them to say."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "shows"),
    [
        (("phases",), "ns per line"),
        (("order", "compressed"), "1.00x"),
        (("formats",), "lines/s"),
        (("totals",), "without"),
    ],
)
def test_a_benchmark_runs_on_a_small_log(names: tuple[str, ...], shows: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *names, "--lines", "20000", "--rounds", "1"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert shows in done.stdout
