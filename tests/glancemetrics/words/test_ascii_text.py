"""Text for terminals without Unicode."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.words.ascii_text import cells_of, only_ascii


def test_our_own_characters_have_a_likeness() -> None:
    assert only_ascii("5 ms … – ┤██▌ ±2 % 3 µs ✓") == "5 ms . - |### ~2 % 3 us +"


def test_other_characters_are_question_marks_as_wide() -> None:
    assert only_ascii("/caf\u00e9") == "/caf?"
    assert only_ascii("/\u6771\u4eac") == "/????"
    assert only_ascii("e\u0301") == "e"


@given(st.text())
def test_any_text_is_ascii_and_keeps_its_width(text: str) -> None:
    shown = only_ascii(text)
    assert shown.isascii()
    assert len(shown) == cells_of(text)
