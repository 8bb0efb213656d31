"""Segments with any bytes changed or missing: told, never taken for records, never a crash."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.history.segments import SegmentFolder
from tests.actors.history.records import records
from tests.conftest import thorough

ROWS = 40


@pytest.fixture(scope="module")
def read() -> Iterator[Callable[[Path], str]]:
    """What a process says of a folder."""
    command = [sys.executable, "-m", "tests.actors.history.reading_child"]
    children: list[subprocess.Popen[str]] = []

    def read(folder: Path) -> str:
        if not children or children[-1].poll() is not None:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            children.append(subprocess.Popen(command, text=True, **pipes))
        child = children[-1]
        child.stdin.write(f"{folder}\n")
        child.stdin.flush()
        return child.stdout.readline().rstrip("\n") or f"ended with status {child.wait(60)}"

    yield read
    for child in children:
        child.communicate(timeout=60)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    folder = SegmentFolder(tmp_path_factory.mktemp("damage"))
    path = folder.write(0, records(0, ROWS)).path
    return path, path.read_bytes()


@st.composite
def damages(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """What may happen to bytes: flipped, replaced by others, zeroed by the block, cut, doubled."""
    kind = draw(st.sampled_from(["flip", "replace", "zero", "cut", "double", "grow"]))
    # Fewer are of the middle, which is compressed texts, than of the ends with their tables.
    share = draw(st.one_of(st.floats(0, 1), st.floats(0, 0.05), st.floats(0.8, 1)))
    number = draw(st.integers(0, 255))
    length = draw(st.integers(1, 64))

    def damage(data: bytes) -> bytes:
        at = min(int(share * len(data)), len(data) - 1)
        match kind:
            case "flip":
                return data[:at] + bytes([data[at] ^ 1 << number % 8]) + data[at + 1 :]
            case "replace":
                return data[:at] + bytes([number]) + data[at + 1 :]
            case "zero":
                end = min(at + length, len(data))
                return data[:at] + bytes(end - at) + data[end:]
            case "cut":
                return data[:at]
            case "double":
                return data[: at + length] + data[at:]
        return data + bytes([number]) * length

    return damage


@given(st.lists(damages(), min_size=1, max_size=3))
@settings(max_examples=thorough(150, 20_000))
def test_a_damaged_segment_is_unreadable_or_as_it_was(
    whole: tuple[Path, bytes], read: Callable[[Path], str], made: list[Callable[[bytes], bytes]]
) -> None:
    path, data = whole
    damaged = data
    for damage in made:
        damaged = damage(damaged) or b"\0"
    path.write_bytes(damaged)
    rows = json.dumps(records(0, ROWS).to_pylist(), default=str)
    answer = read(path.parent)
    assert answer == rows or (damaged != data and answer == "UnreadableSegmentError")
