"""A server that numbers its lines: the size of the n-th answer is n. Run as a program.

As nginx does, it goes on writing to its file whatever that is called, until SIGUSR1 tells it to
reopen its log, which it does after a while.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from tests.lines import line


def main() -> None:
    log, rate, late = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    reopen_at = float("inf")
    going_on = True

    def reopen(*_: object) -> None:
        nonlocal reopen_at
        reopen_at = time.monotonic() + late

    def stop(*_: object) -> None:
        nonlocal going_on
        going_on = False

    signal.signal(signal.SIGUSR1, reopen)
    signal.signal(signal.SIGTERM, stop)
    file = log.open("ab", buffering=0)
    began, count = time.monotonic(), 0
    while going_on:
        due = int((time.monotonic() - began) * rate) - count
        if due > 0:
            now = int(time.time())
            numbers = range(count + 1, count + due + 1)
            file.write(b"".join(line(now, size=number) for number in numbers))
            count += due
        if time.monotonic() >= reopen_at:
            file.close()
            file = log.open("ab", buffering=0)
            reopen_at = float("inf")
        time.sleep(0.002)
    print(count)


main()
