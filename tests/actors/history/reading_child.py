"""Reads segments for a test, in a process of its own: a crash of it is seen.

For each line on standard input, the path of a folder, it tells on standard output what came of its
only segment: its records as JSON, or the name of the error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from actors.history.segments import SegmentFolder, UnreadableSegmentError


def answer(path: str) -> str:
    folder = SegmentFolder(Path(path))
    (segment,) = folder.segments()
    try:
        return json.dumps(folder.read(segment).to_pylist(), default=str)
    except UnreadableSegmentError as error:
        return type(error).__name__


if __name__ == "__main__":
    for line in sys.stdin:
        print(answer(line.rstrip("\n")), flush=True)
