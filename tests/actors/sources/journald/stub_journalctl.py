"""A journalctl for tests, which reads a journal that is a file of JSON lines. Run as a program.

It knows what the real one does with the options that are used: cursors, `--follow`, a cursor whose
entry was vacuumed, hidden entries. The journal is in the directory that the first argument names.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


def cursor_of(entry: Entry) -> str:
    number, micros = entry["number"], entry["time"]
    return f"s={entry['sequence']};i={number:x};b=b0;m={number:x};t={micros:x};x={number * 7:x}"


def printed(entry: Entry, *, whole: bool) -> str:
    message = entry["message"]
    if not whole and len(message) > 4096:
        message = None
    keys = {
        "__CURSOR": cursor_of(entry),
        "__REALTIME_TIMESTAMP": str(entry["time"]),
        "__MONOTONIC_TIMESTAMP": str(entry["number"]),
        "_BOOT_ID": "b0",
        "MESSAGE": message,
    }
    names = sorted(keys, reverse=bool(entry["number"] % 2))  # in any order
    return json.dumps({name: keys[name] for name in names}, separators=(",", ":"))


def entries(folder: Path, after: int) -> Iterator[Entry]:
    for line in (folder / "journal").read_text().splitlines():
        entry = json.loads(line)
        if entry["number"] > after:
            yield entry


def main() -> int:
    folder = Path(sys.argv[1])
    options = dict(word[2:].partition("=")[::2] for word in sys.argv[2:] if word.startswith("--"))
    matches = [word.partition("=")[::2] for word in sys.argv[2:] if not word.startswith("--")]
    with (folder / "pids").open("a") as file:
        print(os.getpid(), "follow" in options, file=file)
    if (folder / "refused").exists():
        said = "No journal files were opened due to insufficient permissions."
        print(said, file=sys.stderr)
        return 1
    if (folder / "hidden").exists():
        print(
            "Hint: You are currently not seeing messages from other users and the system.\n"
            "      Users in groups 'adm', 'systemd-journal' can see all messages.\n"
            "      Pass -q to turn off this notice.",
            file=sys.stderr,
        )
    if (folder / "empty").exists():
        print("No journal files were found.", file=sys.stderr)
        return 0
    if "field" in options:
        for value in sorted({entry["fields"][options["field"]] for entry in entries(folder, 0)}):
            print(value)
        return 0
    number, since = 0, 0.0
    if "cursor" in options:
        parts = dict(part.partition("=")[::2] for part in options["cursor"].split(";"))
        if "i" not in parts:
            print("Failed to seek to cursor: Invalid argument", file=sys.stderr)
            return 1
        number = int(parts["i"], 16) - 1  # the entry itself, or the next one that there is
    if "since" in options:
        since = float(options["since"].removeprefix("@")) * 1e6

    def found() -> list[Entry]:
        return [
            entry
            for entry in entries(folder, number)
            if entry["time"] >= since - 0.5
            and all(entry["fields"].get(name) == value for name, value in matches)
        ]

    shown = found()
    if "lines" in options:
        shown = shown[-int(options["lines"]) :]
    print("-- Boot b0 --")
    while True:
        for entry in shown:
            print(printed(entry, whole="all" in options))
            number = entry["number"]
        sys.stdout.flush()
        if "follow" not in options:
            return 0
        time.sleep(0.02)
        shown = found()


try:
    status = main()
except BrokenPipeError:
    os._exit(1)
sys.exit(status)
