"""The history: response times of queries, in memory and on disk."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from actors.history import SUFFIX
from actors.history.about import About, write_about
from actors.history.asking import ask
from actors.history.segments import SegmentFolder
from benchmarks.lines import fixed_lines, stamp
from glancemetrics.formats.combined import decode
from glancemetrics.history.held_records import HeldRecords, put_together
from glancemetrics.history.query import Query, RecordQuery
from glancemetrics.history.recorded import Recorded
from glancemetrics.records.schema import SCHEMA, with_source
from glancemetrics.selecting.sql import connect

_HOSTS, _PATHS, _SECTIONS = 608_000, 108_000, 40
"""Numbers from the log of a busy site."""
_IN_MEMORY = 1_000_000
_ON_DISK = 50_000_000
_SEGMENT = 500_000


class RandomRecords:
    """Random records with as many hosts and paths as a large site."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)
        sections = ["/checkout", *(f"/section{i}" for i in range(1, _SECTIONS))]
        self._names = {
            "host": [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(_HOSTS)],
            "path": [f"{sections[i % _SECTIONS]}/some/page-{i}.html" for i in range(_PATHS)],
            "query": [f"id={i}&from=list" for i in range(20_000)],
            "referrer": [f"https://example.com/from/{i}" for i in range(10_000)],
            "agent": [f"Mozilla/5.0 (X11; Linux x86_64) Firefox/{i}.0" for i in range(2_000)],
            "method": ["GET", "POST", "HEAD"],
            "protocol": ["HTTP/1.1", "HTTP/2.0"],
        }

    def batch(self, rows: int, since: float, seconds: float) -> pa.RecordBatch:
        """Return records spread over some seconds."""
        random = self._random
        offsets = np.sort(random.integers(0, int(seconds * 1e6), rows))
        columns = {name: self._text(name, rows) for name in self._names}
        columns["time"] = pa.array(int(since) * 1_000_000 + offsets).cast(SCHEMA.field("time").type)
        status = random.choice([200, 304, 404, 500, 503], rows, p=[0.9, 0.05, 0.04, 0.006, 0.004])
        columns["status"] = pa.array(status, pa.uint16())
        columns["bytes"] = pa.array(random.integers(200, 60_000, rows))
        columns["duration"] = pa.array(random.exponential(0.08, rows).round(3))
        found = [
            columns[field.name] if field.name in columns else pa.nulls(rows, field.type)
            for field in SCHEMA
        ]
        return with_source(pa.RecordBatch.from_arrays(found, schema=SCHEMA), "access.log")

    def _text(self, name: str, rows: int) -> pa.DictionaryArray:
        names = self._names[name]
        if name == "host":
            codes: npt.NDArray[np.int64] = self._random.integers(0, len(names), rows)
        else:
            codes = self._random.zipf(1.1, rows) % len(names)
        used, own = np.unique(codes, return_inverse=True)
        return pa.DictionaryArray.from_arrays(
            pa.array(own.astype(np.int32)), pa.array([names[i] for i in used.tolist()])
        )


def measure_questions(rounds: int = 15) -> None:
    """Query a million records in memory while 50,000 lines/s are decoded and added."""
    made = RandomRecords()
    held = [
        HeldRecords.of(i * 100_000, made.batch(100_000, time.time() - 3600 + i * 360, 360))
        for i in range(_IN_MEMORY // 100_000)
    ]
    size = sum(one.nbytes for one in held)
    print(f"history in memory: {size / _IN_MEMORY:.0f} B per record, {_IN_MEMORY:,} records")
    connection = connect(threads=2)
    questions: dict[str, Query | RecordQuery] = {
        "filtered top (status >= 500, by path)": Query(where="status >= 500", by=("path",)),
        f"unfiltered top of {_PATHS:,} paths": Query(by=("path",)),
        f"unfiltered top of {_HOSTS:,} hosts": Query(by=("host",)),
        "by second, an hour": Query(step=1, measures=("hits", "errors")),
        "one section by path, with p95": Query(
            where="section = '/checkout'", by=("path",), measures=("hits", "p95")
        ),
        "by 30 s, under 14 response times": Query(
            step=30, measures=tuple(f"under_{1 << power}ms" for power in range(14))
        ),
        "browsers": Query(by=("browser",)),
        "newest 50 failed requests": RecordQuery(where="status >= 500", limit=50),
    }
    stop = threading.Event()
    writer = threading.Thread(target=_add_records, args=(stop, 50_000))
    writer.start()
    try:
        for what, question in questions.items():
            times = []
            for _ in range(rounds):
                began = time.monotonic()
                ask(question, lambda: Recorded(stored=tuple(held)), connection)
                times.append(time.monotonic() - began)
            print(
                f"  {what}: {1000 * statistics.median(times):.0f} ms "
                f"({1000 * min(times):.0f} to {1000 * max(times):.0f})",
                flush=True,
            )
    finally:
        stop.set()
        writer.join()


def _add_records(stop: threading.Event, rate: int) -> None:
    tick = 0.1
    pieces = fixed_lines(int(rate * tick))
    began, ticks, first = time.monotonic(), 0, 0
    kept: list[HeldRecords] = []
    while not stop.is_set():
        batch = with_source(decode(stamp(time.time()).join(pieces)).batch, "other.log")
        kept.append(HeldRecords.of(first, batch))
        first += batch.num_rows
        ticks += 1
        if ticks % 10 == 0:
            kept = [put_together(kept)]
        if ticks % 100 == 0:
            kept.clear()
        stop.wait(max(0.0, began + ticks * tick - time.monotonic()))


def measure_disk(folder: Path, rounds: int = 5) -> None:
    """Run `glancemetrics query` on fifty million records of the last 24 hours on disk."""
    made, state = RandomRecords(), folder / "state"
    history = state / f"monitor-x{SUFFIX}"
    segments = SegmentFolder(history)
    day, now = 86_400.0, time.time()
    each = day * _SEGMENT / _ON_DISK
    began = time.monotonic()
    for number in range(_ON_DISK // _SEGMENT):
        segments.write(
            number * _SEGMENT, made.batch(_SEGMENT, now - day + 60 + number * each, each * 0.999)
        )
    write_about(history, About(("access.log",)))
    size = sum(one.size for one in segments.segments())
    print(
        f"history on disk: {_ON_DISK:,} records, {size / _ON_DISK:.1f} B per record "
        f"(generated and written in {time.monotonic() - began:.0f} s)",
        flush=True,
    )
    base = [sys.executable, "-m", "glancemetrics", "query", "--state-dir", str(state)]
    for what, arguments in {
        "5xx of /checkout by path, last 24 h": [
            *("status >= 500 and section = '/checkout'", "--by", "path", "--last", "24h"),
        ],
        "the same, hits only": [
            *("status >= 500 and section = '/checkout'", "--by", "path", "--last", "24h"),
            *("--measures", "hits"),
        ],
        "5xx by minute, last 24 h": ["status >= 500", "--step", "1m", "--last", "24h"],
        "top sections, last hour": ["--by", "section", "--last", "1h"],
        "top paths, last 24 h": ["--by", "path", "--last", "24h", "--measures", "hits"],
        "newest 20 failed requests": ["status >= 500", "--records"],
    }.items():
        times = []
        for _ in range(rounds):
            began = time.monotonic()
            subprocess.run([*base, *arguments], check=True, stdout=subprocess.DEVNULL)
            times.append(time.monotonic() - began)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
        print(
            f"  {what}: {statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f}), "
            f"peak memory so far {peak:.0f} MB",
            flush=True,
        )
