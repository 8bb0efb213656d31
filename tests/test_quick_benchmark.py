"""The two-minute benchmark judges ratios, not times."""

from __future__ import annotations

import pytest

from benchmarks.quick import TOLERANCE, verdicts


@pytest.mark.parametrize(
    ("ratio", "is_worse", "says"),
    [(1.0, False, "+0%"), (1.14, False, "+14%"), (1.16, True, "WORSE"), (0.8, False, "--keep")],
)
def test_a_ratio_is_worse_beyond_the_tolerance(ratio: float, is_worse: bool, says: str) -> None:
    (verdict,) = verdicts({"report": ratio}, {"report": 1.0})
    assert TOLERANCE == 0.15
    assert verdict.is_worse is is_worse
    assert says in str(verdict)


def test_what_was_not_kept_is_new_and_not_worse() -> None:
    (verdict,) = verdicts({"report": 9.0}, {"replay": 1.0})
    assert not verdict.is_worse
    assert str(verdict).endswith("new")
