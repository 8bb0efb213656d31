"""What runs inside of the virtual machine, with Debian's Python and nothing else.

    guest.py write FIRST RATE    a server that numbers its lines, from FIRST on
    guest.py print FIRST RATE    the same on standard output, which systemd gives to journald
    guest.py                     the trial that the kernel's command line names (`trial=unit`)

What it finds out goes to the second serial port, a JSON object a line.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

LOG = Path("/var/log/nginx/access.log")
SNAPSHOTS = Path("/run/snapshots.jsonl")
STATE = Path("/var/lib/glancemetrics")
BOOTS = Path("/var/lib/boots")
CGROUP = Path("/sys/fs/cgroup/system.slice/glancemetrics.service")


def write(first: int, rate: float) -> None:
    """Write lines of which the size of the answer is their number; reopens the log on SIGUSR1."""
    wants_reopening = False

    def reopen(*_: object) -> None:
        nonlocal wants_reopening
        wants_reopening = True

    signal.signal(signal.SIGUSR1, reopen)
    file = LOG.open("ab", buffering=0)
    began, count = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began) * rate) - count
        now = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
        lines = [
            f'192.0.2.1 - - [{now}] "GET /shop/cart HTTP/1.1" 200 {first + count + i} "-" "-"\n'
            for i in range(due)
        ]
        file.write("".join(lines).encode())
        count += due
        if wants_reopening:
            wants_reopening = False
            file.close()
            file = LOG.open("ab", buffering=0)
        time.sleep(0.01)


def print_lines(first: int, rate: float) -> None:
    """Print lines of which the size of the answer is their number."""
    for number in itertools.count(first):
        now = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
        print(f'192.0.2.1 - - [{now}] "GET /cart HTTP/1.1" 200 {number} "-" "-"', flush=True)
        time.sleep(1 / rate)


def tell(**facts: object) -> None:
    with Path("/dev/ttyS1").open("w") as port:
        print(json.dumps(facts), file=port, flush=True)


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def until(right: Callable[[], object], seconds: float = 60) -> object:
    """Wait until something is so; returns what it is, at the end of the time too."""
    deadline = time.monotonic() + seconds
    while not (answer := right()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer


def show(name: str) -> str:
    return run("systemctl", "show", "--value", "--property", name, "glancemetrics")


def events() -> list[dict[str, object]]:
    try:
        lines = (STATE / "alerts.jsonl").read_text().splitlines()
    except OSError:
        return []
    return [json.loads(line) for line in lines]


def kinds() -> list[str]:
    return [str(event.get("event")) for event in events()]


def standing() -> set[int]:
    """The numbers of the lines that are on the disk."""
    numbers: set[int] = set()
    for path in LOG.parent.glob("access.log*"):
        data = path.read_bytes()
        text = gzip.decompress(data) if path.suffix == ".gz" else data
        numbers |= {int(number) for number in re.findall(rb'" 200 (\d+) "', text)}
    return numbers


def start_writing(first: int, rate: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, __file__, "write", str(first), str(rate)])


def snapshot() -> dict[str, object]:
    lines = SNAPSHOTS.read_bytes().split(b"\n")[:-1] if SNAPSHOTS.exists() else []
    found: dict[str, object] = json.loads(lines[-1]) if lines else {}
    return found


def unit() -> None:
    """The unit as it is delivered: started, killed, started again, stopped."""
    until(lambda: show("ActiveState") == "active")
    writer = start_writing(1, 100)
    until(lambda: len(events()) > 1)
    pid = show("MainPID")
    status = Path(f"/proc/{pid}/status").read_text()
    facts: dict[str, object] = {
        "user": re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)[1],  # type: ignore[index]
        "capabilities": re.search(r"^CapEff:\s+(\w+)", status, re.MULTILINE)[1],  # type: ignore[index]
        "seccomp": re.search(r"^Seccomp:\s+(\d+)", status, re.MULTILINE)[1],  # type: ignore[index]
    }
    time.sleep(6)  # until there is a checkpoint
    run("systemctl", "kill", "--signal=KILL", "glancemetrics")
    until(lambda: show("NRestarts") == "1" and show("ActiveState") == "active")
    facts["restarts"] = show("NRestarts")
    time.sleep(5)
    writer.kill()
    ended = until(lambda: any("recovered" in str(event) for event in events()), 90)
    facts["recovered"] = bool(ended)
    peak = CGROUP / "memory.peak"
    facts["memory_peak"] = int(peak.read_text()) if peak.exists() else None
    began = time.monotonic()
    run("systemctl", "stop", "glancemetrics")
    facts["stopped_after"] = round(time.monotonic() - began, 2)
    facts["result"] = show("Result")
    facts["events"] = events()
    facts["files"] = run("ls", "-lRn", "/var/lib/private/glancemetrics")
    facts["journal"] = run("journalctl", "--unit", "glancemetrics", "--output", "cat")
    tell(**facts)


def power() -> None:
    """A machine that loses its power while a log is written and rotated, and comes back."""
    boots = int(BOOTS.read_text()) if BOOTS.exists() else 0
    with BOOTS.open("w") as file:
        file.write(str(boots + 1))
        file.flush()
        os.fsync(file.fileno())
    os.sync()
    survived = standing()
    first = boots * 1_000_000 + 1
    writer = start_writing(first, 2000)
    if boots == 0:
        tell(booted=True)
        for seconds in itertools.count():
            time.sleep(1)
            if seconds in {10, 17}:
                run("logrotate", "-f", "-s", "/run/logrotate.state", "/etc/logrotate-trial.conf")
            tell(health=snapshot().get("health"))
    time.sleep(15)
    writer.kill()
    writer.wait()
    disk = standing()
    time.sleep(8)  # until all has been counted, and the checkpoint of it is old
    tell(
        survived=len(survived),
        survived_to=max(survived, default=0),
        standing=len(disk),
        sum=sum(disk),
        snapshot=snapshot(),
        journal=run("journalctl", "--unit", "glancemetrics", "--output", "cat"),
        events=events(),
    )


def in_journal() -> list[int]:
    """The numbers of the lines that the journal has."""
    run("journalctl", "--sync")
    text = run("journalctl", "--unit", "shop", "--output", "cat")
    return [int(number) for number in re.findall(r'" 200 (\d+) "', text)]


def start_shop(first: int) -> None:
    command = [sys.executable, __file__, "print", str(first), "200"]
    run("systemd-run", "--unit", "shop", "--collect", *command)


def counted(expected: int) -> dict[str, object]:
    """Wait until so many lines are counted; returns the snapshot, at the end of the time too."""
    until(lambda: snapshot().get("hits") == expected, 90)
    return snapshot()


def journal() -> None:
    """A unit that logs to journald: the monitor and journalctl killed, the journal vacuumed."""
    until(lambda: show("ActiveState") == "active")
    start_shop(1)
    time.sleep(10)  # until there is a checkpoint
    run("systemctl", "kill", "--signal=KILL", "glancemetrics")
    time.sleep(8)
    run("journalctl", "--rotate")
    run("pkill", "-KILL", "-x", "journalctl")
    time.sleep(3)
    run("systemctl", "stop", "glancemetrics")
    time.sleep(3)
    run("journalctl", "--rotate")
    run("systemctl", "start", "glancemetrics")
    time.sleep(3)
    run("systemctl", "stop", "shop")
    first = in_journal()
    before = counted(len(first))
    time.sleep(7)  # until that is in a checkpoint
    run("systemctl", "stop", "glancemetrics")
    start_shop(1_000_001)
    time.sleep(5)
    run("systemctl", "stop", "shop")
    in_journal()
    run("journalctl", "--rotate", "--vacuum-files=1")
    start_shop(2_000_001)
    time.sleep(5)
    run("systemctl", "stop", "shop")
    second = [number for number in in_journal() if number > 2_000_000]
    run("systemctl", "start", "glancemetrics")
    after = counted(len(first) + len(second))
    tell(
        first=len(first),
        first_sum=sum(first),
        before=before,
        second=len(second),
        second_sum=sum(second),
        vacuumed=not any(1_000_000 < number < 2_000_000 for number in in_journal()),
        after=after,
        journal=run("journalctl", "--unit", "glancemetrics", "--output", "cat"),
    )


def main() -> None:
    if sys.argv[1:2] == ["print"]:
        print_lines(int(sys.argv[2]), float(sys.argv[3]))
        return
    if sys.argv[1:2] == ["write"]:
        write(int(sys.argv[2]), float(sys.argv[3]))
        return
    trial = re.search(r"trial=(\w+)", Path("/proc/cmdline").read_text())
    try:
        {"unit": unit, "power": power, "journal": journal}[trial[1] if trial else ""]()
    finally:
        os.sync()
        subprocess.run(["poweroff", "--force"], check=True)


main()
