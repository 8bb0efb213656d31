"""A server that numbers its lines: the size of the n-th answer is n. Run as a program.

As nginx does, it goes on writing to its file whatever that is called, until SIGUSR1 tells it to
reopen its log, which it does after a while. With a seed, traffic is uneven: every few seconds it
may be several times as much, or have errors; SIGUSR2 ends that.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from pathlib import Path

from tests.lines import line

_SPELL_SECONDS = 3


def main() -> None:
    log, rate, late = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    seed = sys.argv[4] if len(sys.argv) > 4 else None
    reopen_at = float("inf")
    going_on = True

    def reopen(*_: object) -> None:
        nonlocal reopen_at
        reopen_at = time.monotonic() + late

    def stop(*_: object) -> None:
        nonlocal going_on
        going_on = False

    def calm(*_: object) -> None:
        nonlocal seed
        seed = None

    signal.signal(signal.SIGUSR1, reopen)
    signal.signal(signal.SIGUSR2, calm)
    signal.signal(signal.SIGTERM, stop)
    file = log.open("ab", buffering=0)
    last, due, count = time.monotonic(), 0.0, 0
    while going_on:
        now, moment = time.monotonic(), int(time.time())
        times, has_errors = (1, False) if seed is None else _spell(seed, moment)
        due += (now - last) * rate * times
        last = now
        if int(due) > count:
            file.write(
                b"".join(
                    line(moment, size=number, status=500 if has_errors and number % 3 == 0 else 200)
                    for number in range(count + 1, int(due) + 1)
                )
            )
            count = int(due)
        if time.monotonic() >= reopen_at:
            file.close()
            file = log.open("ab", buffering=0)
            reopen_at = float("inf")
        time.sleep(0.002)
    print(count)


def _spell(seed: str, second: int) -> tuple[int, bool]:
    """Return how many times the usual traffic there is in a second, and whether it has errors."""
    dice = random.Random(f"{seed} {second // _SPELL_SECONDS}")
    return dice.choice([(1, False), (1, False), (1, True), (1, True), (3, False)])


main()
