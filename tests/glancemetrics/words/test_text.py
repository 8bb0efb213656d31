"""Numbers as people read them, and hostile text made visible."""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.words import humane
from glancemetrics.words.escaping import readable, visible


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (91_100, "91.1 kB"), (999_949, "999.9 kB")]
    + [(999_950, "1.0 MB"), (3.2e12, "3.2 TB"), (5e18, "5,000.0 PB")],
)
def test_sizes(size: float, text: str) -> None:
    assert humane.format_bytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (1.5, "1.5 s"), (42, "42 s"), (185, "3 min 05 s"), (7620, "2 h 07 min")]
    + [(273_600, "3 d 04 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert humane.format_duration(seconds) == text


def test_counts_rates_and_shares() -> None:
    assert humane.format_count(1284) == "1,284"
    assert [humane.format_rate(rate) for rate in (13.0, 12.5, 10.008)] == ["13", "12.5", "10.01"]
    assert [humane.format_rate(rate, 0) for rate in (150.0, 410.4, 0.2)] == ["150", "410", "0"]
    assert [humane.format_rate(rate, 1, ",") for rate in (999.9, 1e6)] == ["999.9", "1,000,000"]
    assert [humane.format_share(1, 3), humane.format_share(0, 0)] == ["33.3 %", "–"]


def test_a_mean_rate_is_told_in_a_unit_that_shows_it() -> None:
    rates = [(25, 2), (9999, 300_000), (3, 200_000), (0, 60), (5, 0), (2500, 2)]
    shown = [humane.format_mean_rate(count, seconds) for count, seconds in rates]
    assert shown == ["12.5/s", "2/min", "1.3/day", "0/day", "–", "1,250/s"]


def test_something_is_not_shown_as_none_nor_almost_all_as_all() -> None:
    shares = [humane.format_share(part, 10_000) for part in (0, 1, 5, 9_994, 9_999, 10_000)]
    assert shares == ["0.0 %", "<0.1 %", "0.1 %", "99.9 %", ">99.9 %", "100.0 %"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/plain?x=ä", "/plain?x=ä"),
        ("\x1b[2J\x1b]52;c;x\x07", r"\x1b[2J\x1b]52;c;x\x07"),
        ("a\nb\r\tc", r"a\x0ab\x0d\x09c"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202eevil\u2069", r"\u202eevil\u2069"),
        ("a\u200bb\u0301", r"a\u200bb\u0301"),
        ("\U000e0041", r"\U000e0041"),
        ("a\u00a0b", "a b"),
        ("日本", "日本"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_nothing_that_moves_or_hides_is_left(text: str) -> None:
    for character in visible(text):
        assert unicodedata.category(character)[0] not in "CM"
        assert character == " " or unicodedata.category(character)[0] != "Z"


@pytest.mark.parametrize(
    "text",
    [
        "/हिन्दी/समाचार",  # Devanagari, with virama and vowel signs
        "/தமிழ்/செய்திகள்",
        "/مُحَمَّد",  # Arabic with vowels
        "/می\u200cخواهم",  # Persian, with a non-joiner
        "/क्\u200dष",  # a joiner after a virama
        "/ไทย/ที่นี่",
        "/שָׁלוֹם",
        "/é/日本/한국",
    ],
)
def test_letters_keep_the_marks_and_joiners_of_their_script(text: str) -> None:
    assert readable(text) == text
    assert readable(quote(text)) == text
    assert readable(f"{quote(text)}%2F%2e") == f"{text}%2F%2e"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/a\u0301\u0302", r"/a\u0301\u0302"),  # of no script of its own
        ("/\u093e", r"/\u093e"),  # on no letter
        ("/a\u093e", r"/a\u093e"),  # on one of another script
        ("/ا\u093e", r"/ا\u093e"),
        ("/क" + "\u0941" * 5, "/क" + "\u0941" * 3 + r"\u0941\u0941"),  # a stack
        ("/pay\u200cpal", r"/pay\u200cpal"),
        ("/\u200cم", r"/\u200cم"),
        ("/م\u200c", r"/م\u200c"),
        ("/م\u200c\u200cم", r"/م\u200c\u200cم"),
        ("/م\u200ca", r"/م\u200ca"),
        ("/م\u202eم\u2066", r"/م\u202eم\u2066"),
        ("/م\u200bم\ufeff", r"/م\u200bم\ufeff"),
        ("/日\u200d本", r"/日\u200d本"),
        ("/م\x1b[31m\x9b", r"/م\x1b[31m\x9b"),
    ],
)
def test_what_can_trick_stays_written_out_beside_letters(text: str, shown: str) -> None:
    assert readable(text) == shown
    assert readable(quote(text, safe="/[\x1b")) == shown


def test_on_a_screen_of_cells_no_mark_is_left_of_which_terminals_disagree() -> None:
    assert readable("/कि/कु", in_cells=True) == r"/क\u093f/कु"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/🇩🇪", r"/\U0001f1e9\U0001f1ea"),
        ("/👍🏽", r"/👍\U0001f3fd"),
        ("/1\ufe0f\u20e3", r"/1\ufe0f\u20e3"),
        ("/👩\u200d👧", r"/👩\u200d👧"),
        ("/\u1112\u1161\u11ab", r"/ᄒ\u1161\u11ab"),
        ("/日本/é/한국/🙂", "/日本/é/한국/🙂"),
    ],
)
def test_on_a_screen_of_cells_no_character_is_left_of_which_terminals_disagree(
    text: str, shown: str
) -> None:
    assert readable(text, in_cells=True) == shown
    assert readable(quote(text), in_cells=True) == shown
    assert visible(text, in_cells=True) == shown


def test_a_joiner_is_written_out_on_a_screen_of_cells_and_a_non_joiner_is_not() -> None:
    text = "/क्\u200dष/می\u200cخواهم"
    assert readable(text, in_cells=True) == text.replace("\u200d", r"\u200d")


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("कमि\u200c\u200d\u0301\u202e्م")))
def test_only_marks_and_joiners_after_letters_are_left_of_what_hides(text: str) -> None:
    shown = readable(text)
    for before, character in pairwise(" " + shown):
        category = unicodedata.category(character)
        assert category not in ("Cc", "Cs", "Co", "Cn", "Me", "Zl", "Zp")
        if category in ("Mn", "Mc") or character in "\u200c\u200d":
            assert unicodedata.category(before) in ("Lo", "Mn", "Mc")
        else:
            assert category != "Cf"
