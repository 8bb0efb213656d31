"""Running monitors with a server, and logs for them."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import attrs

import glancemetrics as gm
from tests.lines import BASE
from tests.waiting import Running, eventually

LINES = 3000


def write_log(path: Path) -> None:
    """Write JSON lines with response times and an extra field `cache`."""
    chance = random.Random(7)
    lines = []
    for number in range(LINES):
        at = datetime.fromtimestamp(BASE + number // 5 + number // 1000 * 300, UTC)
        fields = {
            "time": at.isoformat(),
            "remote_addr": f"198.51.{chance.randrange(4)}.{chance.randrange(60)}",
            "request_method": chance.choice(["GET", "GET", "POST"]),
            "request_uri": f"/s{chance.randrange(5)}/p{chance.randrange(40)}?q={number % 3}",
            "status": chance.choice([200] * 12 + [301, 404, 404, 500, 503]),
            "body_bytes_sent": chance.randrange(10_000),
            "http_user_agent": chance.choice(["Mozilla/5.0 (X11) Firefox/130.0", "Googlebot/2.1"]),
        }
        if number % 7:
            fields["request_time"] = round(chance.expovariate(4), 3)
        if number % 4:
            fields["cache"] = chance.choice(["HIT", "MISS", 'ümläut, "x"'])
        lines.append(json.dumps(fields))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@attrs.define
class Monitor:
    """A monitor that serves."""

    process: Running
    errors: list[str] = attrs.field(factory=list)

    @property
    def url(self) -> str:
        """The address that it says it serves at."""
        found: list[str] = []

        def said() -> bool:
            assert self.process.poll() is None, self.errors
            found[:] = re.findall(r"page: (http\S+)", "".join(self.errors))
            return bool(found)

        eventually(said, what="the address of the server")
        return found[0].rstrip("/")


@contextmanager
def monitor(log: Path, state: Path, *options: str) -> Iterator[Monitor]:
    """Run a monitor on a log, from its start, with `--web` at a free port unless it is given."""
    web = () if any(one.startswith("--web=") for one in options) else ("--web=127.0.0.1:0",)
    command = [
        *(sys.executable, "-m", "glancemetrics", str(log), "--from", "start"),
        *("--state-dir", str(state), *web, *options),
    ]
    environment = {**os.environ, "HOME": str(state), "TZ": "UTC", "GLANCEMETRICS_LOG_LEVEL": "info"}
    with Running(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        made = Monitor(process)
        reading = threading.Thread(
            target=lambda: made.errors.extend(iter(process.stderr.readline, ""))
        )
        reading.start()
        try:
            yield made
        finally:
            process.terminate()
            process.wait(30)
            reading.join()
            process.stderr.close()


def until_read(url: str, lines: int = LINES, **access: str) -> None:
    """Wait until a monitor has read a log."""

    def is_read() -> bool:
        with gm.connect(url, **access) as client:
            try:
                return client.query(measures="hits").total["hits"] == lines
            except gm.GlanceMetricsError:
                return False

    eventually(is_read, what="all requests")
