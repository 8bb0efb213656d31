"""Extracts texts from lines with a regular expression (RE2), a few groups at a time.

RE2 finds groups fast only up to four of them (`OnePass`, `kMaxCap` in its source). So a long
expression is split into stages, and each leaves the rest of the line to the next. If all stages
match, the whole expression matches with the same groups. If one does not, the whole expression is
tried.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.lines import rests

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]

_GROUP = "(?P<"
FEW_LINES = 200
"""With fewer lines, compiling the stages takes longer than they save."""
_MOST_GROUPS = 3
"""Maximum groups of a stage, besides the group around all of it."""


class Extraction:
    """A regular expression with named groups, for lines including their newline."""

    def __init__(self, pieces: Sequence[str], end: str, whole: str | None = None) -> None:
        """`pieces` joined, plus `end`, are the expression; no alternative spans two pieces.

        It may be split after each piece. `whole` is another expression that matches more lines, and
        yields the same groups for lines that the pieces match.
        """
        self.whole = f"^{''.join(pieces) if whole is None else whole}{end}"
        stages = [""]
        groups = 0
        for piece in pieces:
            count = piece.count(_GROUP)
            if groups and groups + count > _MOST_GROUPS:
                stages.append("")
                groups = 0
            stages[-1] += piece
            groups += count
        self._stages = [
            # The rest of the line is copied rather than matched, which is faster.
            *(f"^(?P<stage>{stage})" for stage in stages[:-1]),
            f"^{stages[-1]}{end}",
        ]

    def of(self, lines: pa.StringArray) -> tuple[Int64s, dict[str, pa.StringArray]]:
        """Return which lines match, and the texts of their groups."""
        if len(self._stages) == 1 or len(lines) < FEW_LINES:
            return self._at_once(lines)
        found: dict[str, pa.StringArray] = {}
        rest = lines
        for stage in self._stages:
            matches = pc.extract_regex(rest, stage)
            if matches.null_count:
                return self._in_parts(lines, pc.is_valid(matches).to_numpy(zero_copy_only=False))
            found |= _texts(matches)
            if "stage" in found:
                rest = rests(rest, pc.binary_length(found.pop("stage")).to_numpy())
        return np.arange(len(lines)), found

    def _in_parts(
        self, lines: pa.StringArray, good: Bools
    ) -> tuple[Int64s, dict[str, pa.StringArray]]:
        """Try the whole expression on lines that a stage did not match, and stages on the others.

        The others get at least one stage further, so the recursion ends.
        """
        staged, texts = self.of(pc.filter(lines, pa.array(good)))
        others, other_texts = self._at_once(pc.filter(lines, pa.array(~good)))
        numbers = np.concatenate([np.flatnonzero(good)[staged], np.flatnonzero(~good)[others]])
        order = np.argsort(numbers, kind="stable")
        return numbers[order], {
            name: pc.take(pa.concat_arrays([texts[name], other_texts[name]]), pa.array(order))
            for name in other_texts
        }

    def _at_once(self, lines: pa.StringArray) -> tuple[Int64s, dict[str, pa.StringArray]]:
        matches = pc.extract_regex(lines, self.whole)
        line = np.flatnonzero(pc.is_valid(matches).to_numpy(zero_copy_only=False))
        return line, _texts(pc.take(matches, pa.array(line)))


def _texts(matches: pa.StructArray) -> dict[str, pa.StringArray]:
    return {field.name: pc.struct_field(matches, field.name) for field in matches.type}
