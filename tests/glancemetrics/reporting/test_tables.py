"""Tables as text: as wide as they need, or as a terminal is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.reporting.tables import text_table


def test_the_last_column_is_wrapped_to_the_width() -> None:
    rows = [["a", 12, "one two three four five six"], ["bb", 3, "seven"]]
    assert text_table(["x", "n", "words"], rows, 22) == (
        "x    n  words\n"
        "──  ──  ─────────────\n"
        "a   12  one two three\n"
        "        four five six\n"
        "bb   3  seven\n"
    )
    assert text_table(["x", "n", "words"], rows).count("\n") == 4


@given(st.lists(st.text("abc ", max_size=60), min_size=1, max_size=5), st.integers(20, 90))
def test_whatever_the_width_no_word_is_lost(texts: list[str], width: int) -> None:
    table = text_table(["name", "words"], [["row", text] for text in texts], width)
    rows = table.splitlines()[2:]
    assert max(map(len, rows)) <= width
    assert "".join(row[4:] for row in rows).replace(" ", "") == "".join(texts).replace(" ", "")
