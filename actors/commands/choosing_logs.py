"""Which logs to follow when none is named: those of this machine, to choose from."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from actors.commands.found_logs import FoundLog, found_logs, unreadable_places
from actors.files.permissions import way_to_read
from glancemetrics.errors import UsageError
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import format_bytes, format_duration

DEMO = "d"
_MOST_SHOWN = 20
_WAY_OUT = "try: glancemetrics /path/to/access.log, or: glancemetrics demo"


def choose_logs(now: float, *, has_terminal: bool) -> list[str] | None:
    """Return the logs that a person chooses; `None` for the demo.

    Raises `UsageError` if nobody can be asked or nothing is found, and `KeyboardInterrupt` if the
    person leaves.
    """
    logs = found_logs()
    if not has_terminal:
        raise UsageError(_no_log_named(logs))
    if not logs:
        raise UsageError(_nothing_found())
    shown = logs[:_MOST_SHOWN]
    sys.stdout.write(f"Access logs on this machine:\n\n{found_text(shown, now)}\n")
    if len(logs) > len(shown):
        sys.stdout.write(f"  … and {len(logs) - len(shown)} older ones\n\n")
    sys.stdout.write(f"  {DEMO}  demo: simulated traffic\n\n")
    for place in unreadable_places():
        sys.stdout.write(f"No permission to look into {visible(place)}; {way_to_read(place)}\n\n")
    while True:
        sys.stdout.write("Follow which? Numbers such as 1 or 1,3, a for all, q to quit [1]: ")
        sys.stdout.flush()
        try:
            answer = sys.stdin.readline()
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            raise
        if not answer:
            raise KeyboardInterrupt
        chosen = read_choice(answer, len(shown))
        if chosen is not None:
            return None if chosen == [] else [shown[number - 1].path for number in chosen]
        sys.stdout.write(f"Type numbers from 1 to {len(shown)}, a, {DEMO} or q.\n")


def read_choice(answer: str, count: int) -> list[int] | None:
    """Return the numbers in an answer, none for the demo; `None` if it is not understood.

    Raises `KeyboardInterrupt` if the person wants to leave.
    """
    words = re.split(r"[\s,]+", answer.strip().lower())
    match words:
        case [""]:
            return [1]
        case ["q" | "quit" | "exit"]:
            raise KeyboardInterrupt
        case ["a" | "all"]:
            return list(range(1, count + 1))
        case [word] if word in {DEMO, "demo"}:
            return []
    if not all(word.isdecimal() and 1 <= int(word) <= count for word in words):
        return None
    return list(dict.fromkeys(map(int, words)))


def found_text(logs: Sequence[FoundLog], now: float) -> str:
    """Return the logs as numbered rows: server, path, size and age of the newest line."""
    rows = [
        (
            str(number),
            visible(log.server),
            visible(log.path),
            format_bytes(log.size),
            "empty" if log.last is None else f"last line {_age(now - log.last)}",
        )
        for number, log in enumerate(logs, 1)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for number, server, path, size, age in rows:
        left = f"{number.rjust(widths[0])}  {server.ljust(widths[1])}  {path.ljust(widths[2])}"
        lines.append(f"  {left}  {size.rjust(widths[3])}  {age}\n")
    return "".join(lines)


def _age(seconds: float) -> str:
    return "just now" if seconds < 1 else f"{format_duration(round(seconds))} ago"


def _no_log_named(logs: Sequence[FoundLog]) -> str:
    if not logs:
        return _nothing_found()
    others = {1: "", 2: ", or the other log found here"}.get(
        len(logs), f", or one of the {len(logs) - 1} others found here"
    )
    return f"no log named; try: glancemetrics {logs[0].path}{others}"


def _nothing_found() -> str:
    places = unreadable_places()
    if places:
        where = " or ".join(places)
        return f"no permission to look into {where}; {way_to_read(places[0])}; or {_WAY_OUT}"
    return f"no access log found on this machine; {_WAY_OUT}"
