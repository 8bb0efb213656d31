"""Whatever is done to segments, in whatever order, and wherever it is cut off."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from actors.history import segments
from actors.history.segments import Segment, SegmentFolder, SegmentGoneError
from tests.actors.history.records import expected, records, row, rows_in
from tests.conftest import thorough
from tests.lines import BASE

STEPS = ("mkdir", "open", "fdatasync", "replace", "fsync", "unlink", "scandir")
"""What is asked of the system."""


class CrashError(BaseException):
    """The program is killed: nothing of it runs any more."""


@contextmanager
def failing(step: int, kind: str) -> Iterator[None]:
    """Let the system fail once, or be asked for nothing any more, when so much was asked of it."""
    asked = 0

    def instead_of(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def ask(*arguments: object, **options: object) -> object:
            nonlocal asked
            asked += 1
            if kind == "crash" and asked > step:
                if name == "fdatasync" and asked == step + 1:
                    os.ftruncate(arguments[0], 1000)  # it was killed while it wrote
                raise CrashError
            if asked == step + 1:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*arguments, **options)

        return ask

    with ExitStack() as stack:
        for name in STEPS:
            stack.enter_context(patch.object(os, name, instead_of(name)))
        yield


HOW = st.one_of(
    st.just((1 << 30, "crash")),
    st.tuples(st.integers(0, 30), st.sampled_from(["crash", "full disk"])),
)
"""After how many questions to the system it goes wrong, and how; the first is never."""


class Machine(RuleBasedStateMachine):
    """Writes, merges, cuts and bounds against a dict of the records by ordinal."""

    @initialize(most_memory=st.sampled_from([2_000, 20_000, 1 << 30]))
    def begin(self, most_memory: int) -> None:
        self.path = Path(tempfile.mkdtemp())
        self.folder = SegmentFolder(self.path / "history")
        self.model = expected()
        self.next = 0
        self.listings: list[list[Segment]] = []
        self.patched = patch.object(segments, "_FULL_MEMORY", most_memory)
        self.patched.start()

    def teardown(self) -> None:
        if hasattr(self, "path"):
            self.patched.stop()
            shutil.rmtree(self.path)

    def done(self, how: tuple[int, str], step: Callable[[], object]) -> bool:
        """Tell whether it was done to its end."""
        with suppress(CrashError, OSError), failing(*how):
            step()
            return True
        if how[1] == "crash":
            self.folder = SegmentFolder(self.folder.path)
        return False

    @rule(rows=st.integers(1, 12), gap=st.sampled_from([0, 0, 0, 0, 3]), how=HOW)
    def write(self, rows: int, gap: int, how: tuple[int, str]) -> None:
        first = self.next + gap
        end = first + rows
        is_done = self.done(how, lambda: self.folder.write(first, records(first, end)))
        if not is_done and how[1] == "full disk":
            assert self.found() == self.model
        if is_done or (how[1] == "crash" and first in self.found()):
            self.model |= expected(*range(first, end))
            self.next = end

    @rule(how=HOW)
    def merge(self, how: tuple[int, str]) -> None:
        self.done(how, self.folder.merge)

    @rule(step=st.integers(8, 25))
    def crash_in_the_middle_of_a_merge(self, step: int) -> None:
        self.done((step, "crash"), self.folder.merge)

    @rule()
    def merge_all(self) -> None:
        while self.folder.merge():
            pass

    @rule(share=st.floats(0, 1), how=HOW)
    def cut(self, share: float, how: tuple[int, str]) -> None:
        position = int(share * (self.next + 1))
        kept = {ordinal: found for ordinal, found in self.model.items() if ordinal < position}
        if not self.done(how, lambda: self.folder.cut(position)):
            assert kept.items() <= self.found().items() <= self.model.items()
            self.folder.cut(position)  # as it is when the monitor is started again
        self.model, self.next = kept, position

    @rule(most=st.integers(0, 100_000), age=st.floats(0, 1.2), how=HOW)
    def bound(self, most: int, age: float, how: tuple[int, str]) -> None:
        oldest = BASE + int(age * self.next)
        gone: list[Segment] = []
        is_done = self.done(how, lambda: gone.extend(self.folder.bound(most, oldest)))
        if is_done:
            left = self.folder.segments()
            assert sum(each.size for each in left) <= most
            assert all(each.newest >= oldest for each in left)
            for each in gone:
                for ordinal in range(each.first, each.end):
                    del self.model[ordinal]
        else:
            found = self.found()
            assert found.items() <= self.model.items()
            self.model = found

    @rule()
    def list_and_keep(self) -> None:
        """As who reads later what he has listed now."""
        self.listings.append(self.folder.segments())

    @invariant()
    def each_record_is_there_once(self) -> None:
        if not hasattr(self, "path"):
            return
        assert self.found() == self.model
        for listing in self.listings:
            for segment in listing:
                with suppress(SegmentGoneError):
                    found = self.folder.read(segment, ["path", "bytes"]).to_pylist()
                    assert found == [
                        {name: row(ordinal)[name] for name in ("path", "bytes")}
                        for ordinal in range(segment.first, segment.end)
                    ]

    def found(self) -> dict[int, dict[str, object]]:
        return rows_in(self.folder)


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=thorough(60, 2000), stateful_step_count=25, deadline=None
)


@pytest.mark.parametrize("kind", ["crash", "full disk"])
@pytest.mark.parametrize("step", range(30))
def test_a_merge_may_be_cut_off_anywhere(kind: str, step: int, tmp_path: Path) -> None:
    folder = SegmentFolder(tmp_path / "history")
    for first in range(0, 70, 10):
        folder.write(first, records(first, first + 10))
    with suppress(CrashError, OSError), failing(step, kind):
        folder.merge()
    folder = SegmentFolder(folder.path)
    assert rows_in(folder) == expected(*range(70))
    folder.merge()
    (merged,) = folder.segments()
    assert [file.name for file in folder.path.iterdir()] == [merged.path.name]
    assert rows_in(folder) == expected(*range(70))
