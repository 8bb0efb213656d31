"""A fleet's hub under load: simulated agents of many servers, over a real Redis."""

from __future__ import annotations

import argparse
import random
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import hiredis
import msgpack
import pyarrow as pa
import pyarrow.compute as pc
import zstandard

from actors.agent.agent import SEEN_WITHIN
from benchmarks.lines import fixed_lines, stamp
from benchmarks.monitor import Monitor, cpu_seconds, monitoring, resident_bytes
from glancemetrics.fleet.entry import Entry, EntryId, Part, packed
from glancemetrics.fleet.keys import FleetKeys
from glancemetrics.fleet.pace import pace_of
from glancemetrics.fleet.status import AgentStatus
from glancemetrics.formats.combined import decode
from glancemetrics.simulation import Shape, Traffic

_RATE = 300_000
_AGENTS = (10, 100, 300, 1000)
_SECONDS = 20
_SLICES = 10
"""The agents do not send at the same instant."""
_POOL = 20_000
_PATH = "/var/log/nginx/access.log"
_FLEET = "bench"


def measure_fleet(folder: Path, agents: Sequence[int] = _AGENTS, rate: int = _RATE) -> None:
    """Measure a hub with more and more agents that send as many lines in all."""
    if shutil.which("redis-server") is None:
        print("redis-server is not installed: no fleet is measured")
        return
    for count in agents:
        _measure(folder / str(count), count, rate)
    measure_partials()


def measure_partials(rate: int = _RATE, most: int = 1000) -> None:
    """Measure how many bytes the most frequent values of a second take, instead of its lines."""
    lines = next(Traffic(Shape(rate), seed=1).seconds(0, rate))
    records = pa.Table.from_batches([decode(lines).batch])
    records = records.append_column("failed", pc.greater_equal(records["status"], 500))
    tables = {}
    for name in ("path", "host", "status", "method", "referrer", "agent"):
        counted = records.group_by(name).aggregate(
            [([], "count_all"), ("bytes", "sum"), ("failed", "sum")]
        )
        counted = counted.sort_by([("count_all", "descending")]).slice(0, most)
        tables[name] = [column.to_pylist() for column in counted.columns]
    rows = sum(len(columns[0]) for columns in tables.values())
    compress = zstandard.ZstdCompressor(3).compress
    print(
        f"  a second of {records.num_rows:,} lines: {len(compress(lines)) / 1e3:,.0f} kB as lines, "
        f"{len(compress(msgpack.packb(tables))) / 1e3:,.0f} kB as the {most:,} most frequent "
        f"values of {len(tables)} fields ({rows:,} rows)",
        flush=True,
    )


def _measure(folder: Path, count: int, rate: int) -> None:
    folder.mkdir()
    port = _free_port()
    options = ["--port", str(port), "--save", "", "--dir", str(folder), "--appendonly", "yes"]
    with subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL) as redis:
        url = f"redis://127.0.0.1:{port}/0?fleet={_FLEET}"
        try:
            _wait_for(port)
            with monitoring(
                url, "-r", "0.5", "--timewindow", "5", "--state-dir", str(folder / "state")
            ) as monitor:
                _load(monitor, redis.pid, port, count, rate)
        finally:
            redis.kill()


def _load(monitor: Monitor, redis: int, port: int, count: int, rate: int) -> None:
    command = [sys.executable, "-m", "benchmarks.fleet", str(port), str(count), str(rate)]
    with subprocess.Popen([*command, str(_SECONDS)], stdout=subprocess.PIPE) as agents:
        assert agents.stdout is not None
        size = int(agents.stdout.readline())  # all entries are made
        agents.stdout.readline()  # the first ones are sent
        time.sleep(5)
        cpu, redis_cpu, began = monitor.cpu_seconds(), cpu_seconds(redis), time.monotonic()
        lines, first = monitor.health["lines"], len(monitor.snapshots)
        time.sleep(_SECONDS - 7)
        took = time.monotonic() - began
        used, redis_used = monitor.cpu_seconds() - cpu, cpu_seconds(redis) - redis_cpu
        counted = (monitor.health["lines"] - lines) / took
        delays = sorted(_closing_delays(monitor.snapshots[first:]))
        memory = resident_bytes(monitor.pid)
        expected = int(agents.stdout.readline())
        time.sleep(3)
        total = monitor.health["lines"]
        print(
            f"  {count:>5,} agents, an entry every {pace_of(count):.2f} s: "
            f"{counted:,.0f} lines/s of {rate:,} counted "
            f"({total:,} of {expected:,} in all), CPU of the hub {used / took:.2f} of a core "
            f"({1e6 * used / (counted * took):.2f} s a million lines), of Redis "
            f"{redis_used / took:.2f}; closing delay {statistics.median(delays):.2f} s, p95 "
            f"{delays[int(0.95 * len(delays))]:.2f} s; late {monitor.health['late']:,}; "
            f"{memory / 1e6:,.0f} MB; {size / expected:.0f} B a line",
            flush=True,
        )


def _closing_delays(snapshots: Sequence[tuple[float, dict[str, Any]]]) -> Iterator[float]:
    """Yield how long after its end each second was shown, including up to one refresh."""
    before = None
    shift = time.time() - time.monotonic()
    for arrived, snapshot in snapshots:
        end = snapshot["window"]["end"]
        if before not in {None, end}:
            yield arrived + shift - datetime.fromisoformat(end).timestamp()
        before = end


@attrs.frozen
class _Sent:
    """What an agent sends in one round."""

    agent: str
    number: int
    data: bytes
    mark: bytes


def _made(agents: int, rate: int, seconds: int, start: int) -> Iterator[list[_Sent]]:
    """Yield the entries of each round."""
    pieces = fixed_lines(_POOL)
    dice = random.Random(1)
    pace = pace_of(agents)
    per_round = rate * pace / agents
    sent = 0.0
    for turn in range(round(seconds / pace)):
        due = int(sent + per_round) - int(sent)
        sent += per_round
        found = []
        for agent in range(agents):
            at = start + (turn + agent % _SLICES / _SLICES) * pace
            moment = stamp(int(at - SEEN_WITHIN))
            begin = dice.randrange(_POOL - due)
            lines = moment.join(pieces[begin : begin + due + 1])
            lines = lines[lines.find(b"\n") + 1 : lines.rfind(b"\n") + 1]
            mark = dice.randbytes(200)
            past = at - SEEN_WITHIN
            parts = (Part(_PATH, lines=lines, fresh=turn > 0, mark=mark),)
            entry = Entry(None, past, parts)
            found.append(_Sent(f"web{agent}", turn + 1, packed(entry), mark))
        yield found


def _agents() -> None:
    """Be many agents; a program of its own."""
    parser = argparse.ArgumentParser()
    for name in ("port", "agents", "rate", "seconds"):
        parser.add_argument(name, type=int)
    given = parser.parse_args()
    took = 2 + given.rate * given.seconds // 200_000 + given.agents * given.seconds // 1000
    start = int(time.time()) + 2 * took
    rounds = list(_made(given.agents, given.rate, given.seconds, start))
    print(sum(len(one.data) + len(one.mark) for sent in rounds for one in sent), flush=True)
    lines = sum(_lines(one.data) for sent in rounds for one in sent)
    keys = FleetKeys(_FLEET)
    pace = pace_of(given.agents)
    said = 0
    birth = 1000 * start
    if time.time() > start:
        raise SystemExit("making the entries took too long")
    with socket.create_connection(("127.0.0.1", given.port)) as connection:
        reader = hiredis.Reader()
        for turn, sent in enumerate(rounds):
            for number in range(_SLICES):
                due = start + (turn + number / _SLICES) * pace
                time.sleep(max(0.0, due - time.time()))
                # As often as real agents ask, and say how they are.
                is_hello = turn * pace >= said
                _send(connection, reader, keys, sent[number::_SLICES], birth, is_hello=is_hello)
            said += is_hello
            if not turn:
                print("begun", flush=True)
    print(lines, flush=True)


def _lines(data: bytes) -> int:
    from glancemetrics.fleet.entry import unpacked

    return sum(part.lines.count(b"\n") for part in unpacked(data).parts)


def _send(
    connection: socket.socket,
    reader: hiredis.Reader,
    keys: FleetKeys,
    sent: Sequence[_Sent],
    birth: int,
    *,
    is_hello: bool,
) -> None:
    """Send what real agents would, with their other commands."""
    commands: list[tuple[bytes | str | int, ...]] = []
    for one in sent:
        name = one.agent
        entry = f"{birth}-{one.number}"
        commands += [
            ("MULTI",),
            ("XADD", keys.stream(name), entry, "d", one.data),
            ("HSET", keys.sent(name), "id", entry, f"f:{_PATH}", one.mark),
            ("EXEC",),
        ]
        if is_hello:
            counted = keys.counted(name)
            commands += [
                ("MULTI",),
                ("XLEN", keys.stream(name)),
                ("HMGET", counted, "id", "refused"),
                ("EXEC",),
            ]
            status = AgentStatus(
                version="1", host=name, instance="x", files=1, lag_bytes=0,
                sent=EntryId(birth, one.number), past=time.time() - SEEN_WITHIN, ahead=0.0,
            )  # fmt: skip
            commands += [
                ("SET", keys.lease(name), "x", "NX", "PX", 6000),
                ("GET", keys.lease(name)),
                ("PEXPIRE", keys.lease(name), 6000),
                ("TIME",),
                ("PUBLISH", keys.hello(name), status.to_bytes()),
                ("GET", keys.pace),
            ]
    connection.sendall(b"".join(hiredis.pack_command(one) for one in commands))  # type: ignore[arg-type]
    left = len(commands)
    while left:
        reader.feed(connection.recv(1 << 16))
        while reader.gets() is not False:
            left -= 1


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)


if __name__ == "__main__":
    _agents()
