"""Alerts: CPU use of rules, and the time to replay a day."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from actors.monitor.service import counting_of
from benchmarks.peers import seconds_of
from benchmarks.reports import generated
from glancemetrics.alerting.alerting import Alerting
from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.formats.combined import decode
from glancemetrics.rules.rule import Rule
from glancemetrics.rules.rule_tables import read_rules

RULES = 200
RATE = 50_000
_BEGIN = 1_790_000_000
_METRICS = ("rate", "error_ratio", "status_ratio(5xx)", "bytes_rate", "errors")


def rules(count: int = RULES) -> list[Rule]:
    """Typical rules: on all requests, on some paths, and by groups."""
    kinds = ("", "where = \"path like '/p{part}%'\"\n", 'by = "section"\n', 'by = "status"\n')
    text = "".join(
        f'[[rule]]\nname = "{i}"\nmetric = "{_METRICS[i % len(_METRICS)]}"\nabove = {_above(i)}\n'
        f'window = "{1 + i % 10}m"\nmin_hits = 10\n' + kinds[i % len(kinds)].format(part=i % 50)
        for i in range(count)
    )
    return read_rules(text, "rules of the benchmark")


def _above(number: int) -> str:
    """Return a limit that nothing exceeds."""
    return "1" if "ratio" in _METRICS[number % len(_METRICS)] else "1e12"


def measure_rules(folder: Path) -> None:
    """Measure the CPU use of rules at a steady rate, for counting and evaluating."""
    counted, evaluated = cost_of_rules(folder, RULES, seconds=60)
    print(
        f"{RULES} rules at {RATE:,} lines/s: {100 * (counted + evaluated):.1f} % of a "
        f"core ({100 * counted:.1f} % counting, {100 * evaluated:.1f} % evaluating)",
        flush=True,
    )


def cost_of_rules(folder: Path, count: int, *, seconds: int) -> tuple[float, float]:
    """Return what counting and evaluating cost, in cores."""
    log = generated(folder, RATE)
    batch = decode(log.read_bytes()).batch
    alerting = Alerting(rules(count))
    counting = counting_of(alerting)
    counted = evaluated = 0.0
    for second in range(seconds):
        moment = np.full(batch.num_rows, (_BEGIN + second) * 1_000_000)
        times = pa.array(moment).view(pa.timestamp("us", tz="UTC"))
        now = batch.set_column(0, batch.schema.field(0), times)
        begin = time.process_time()
        counts = counting.count(now)
        between = time.process_time()
        alerting.close(ClosedSeconds(_BEGIN + second + 1, tuple(counts)))
        counted += between - begin
        evaluated += time.process_time() - between
    return counted / seconds, evaluated / seconds


def measure_replay(folder: Path, lines: int = 10_000_000) -> None:
    """Measure replaying a day with the stock rules, and a report of the same day."""
    log = folder / "day.log"
    us = [sys.executable, "-m", "glancemetrics"]
    made = ["generate", "-o", str(log), "--fast", "--lines", str(lines)]
    subprocess.run([*us, *made, "--rate", str(lines / 86_400)], check=True)
    for command in (["replay", str(log), "--rules", "stock"], ["report", str(log)]):
        took = seconds_of([*us, *command])
        result = "failed" if took is None else f"{took:.1f} s"
        print(f"{command[0]} of {lines:,} lines of a day: {result}", flush=True)
    log.unlink()
