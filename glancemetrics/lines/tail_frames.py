"""The headers that `tail -F a b` prints between files: `==> a <==`, with a blank line before it.

Source: GNU coreutils' `tail` (`write_header`); BSD and busybox print the same.
"""

from __future__ import annotations

import re
from collections.abc import Container

FRAME = r"^==> .+ <==\r?\n?$"
"""Pattern of a frame (RE2 and Python), with or without its newline."""

_FRAME = re.compile(r"^==> (.+) <==\r?\n?$")


def frame_name(line: str) -> str | None:
    """Return the file name in a frame; `None` for other lines."""
    found = _FRAME.match(line)
    return None if found is None else found[1]


_FRAMES = re.compile(rb"^==> [^\n]+ <==\r?\n", re.MULTILINE)
_LONGEST_NAME = 4096
"""Maximum characters of a path (PATH_MAX)."""
_LONGEST_CUT = 1 << 16
"""Maximum bytes of an incomplete line that are held back."""


MOST_NAMES = 1000


class FrameSorter:
    """Sorts the output of `tail -F a b` by file.

    A frame counts as the first of the lines after it. tail may switch to another file in the middle
    of a line; such lines are joined. They are recognised by a missing blank line, which tail writes
    before each frame except the first.
    """

    def __init__(
        self, unnamed: str, taken: Container[str] = (), most_names: int = MOST_NAMES
    ) -> None:
        """`unnamed` is the name for lines without a frame.

        It is also used for names that are `taken`, too long, or not among the first `most_names`:
        lines of a log can contain any number of fake frames.
        """
        self._unnamed = self._current = unnamed
        self._taken = taken
        self._most = most_names
        self._names: set[str] = set()
        self._cut: dict[str, bytes] = {}
        self._has_blanks = False
        self._ends_blank = False

    def sort(self, whole: bytes) -> dict[str, bytes]:
        """Return whole lines by file name, in order."""
        if not whole:
            return {}
        parts: dict[str, list[bytes]] = {}
        at = 0
        # Most chunks have no frames, which a plain search finds quickly.
        for found in _FRAMES.finditer(whole) if b"==> " in whole else ():
            before = whole[at : found.start()]
            is_blank = _ends_blank(before) if before else self._ends_blank
            self._has_blanks |= is_blank
            self._add(parts, before, is_cut=self._has_blanks and not is_blank)
            self._current = self._name_in(found[0])
            parts.setdefault(self._current, []).append(found[0])
            at = found.end()
        rest = whole[at:]
        self._add(parts, rest)
        self._ends_blank = _ends_blank(rest)
        return {name: b"".join(pieces) for name, pieces in parts.items()}

    def rest(self) -> dict[str, bytes]:
        """Return the lines still incomplete."""
        cut, self._cut = self._cut, {}
        return {name: line + b"\n" for name, line in cut.items()}

    def _add(self, parts: dict[str, list[bytes]], lines: bytes, *, is_cut: bool = False) -> None:
        if not lines:
            return
        lines = self._cut.pop(self._current, b"") + lines
        if is_cut:
            start = lines.rfind(b"\n", 0, -1) + 1
            cut = lines[start:-1]
            if len(cut) <= _LONGEST_CUT:
                self._cut[self._current] = cut
                lines = lines[:start]
        if lines:
            parts.setdefault(self._current, []).append(lines)

    def _name_in(self, frame: bytes) -> str:
        name = frame_name(frame.decode("utf-8", "backslashreplace")) or ""
        if name in self._names:
            return name
        is_one = 0 < len(name) <= _LONGEST_NAME and name not in self._taken
        if not is_one or len(self._names) >= self._most:
            return self._unnamed
        self._names.add(name)
        return name


def _ends_blank(lines: bytes) -> bool:
    return lines == b"\n" or lines.endswith(b"\n\n")
