"""Conditions for what people type without knowing the language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.records.dimensions import DIMENSIONS
from glancemetrics.selecting.plain_words import condition_in
from glancemetrics.selecting.sql import Where

FIELDS = frozenset(one.name for one in DIMENSIONS)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("404", "status = 404"),
        ("5xx", "status BETWEEN 500 AND 599"),
        (" post ", "method = 'POST'"),
        ("203.0.113.7", "host = '203.0.113.7'"),
        ("2001:db8::1", "host = '2001:db8::1'"),
        ("/api", "starts_with(path, '/api')"),
        ("/api/*", "starts_with(path, '/api/')"),
        ("errors", "status >= 400"),
        ("203.0.113.0/24", "starts_with(host, '203.0.113.')"),
        ("10.0.0.0/8", "starts_with(host, '10.')"),
        ("POST 503", "(method = 'POST') AND (status = 503)"),
        ("5xx not /api", "(status BETWEEN 500 AND 599) AND NOT (starts_with(path, '/api'))"),
        ("not 404", "NOT (status = 404)"),
    ],
)
def test_plain_words_say_what_is_meant(text: str, condition: str) -> None:
    assert condition_in(text, FIELDS) == condition
    Where(condition)


def test_any_other_word_is_looked_for_in_texts() -> None:
    condition = condition_in("Googlebot", FIELDS)
    assert "contains(lower(agent), 'googlebot')" in condition
    assert "contains(lower(path), 'googlebot')" in condition
    Where(condition)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "status = 404",
        "path",
        "vhost",
        "true",
        "600",
        "12",
        "4 or 5",
        "a'b",
        "/a 'b'",
        "status",
        "status > 400",
        "not",
        "404 not",
        "path like 5xx",
        "203.0.113.0/23",
    ],
)
def test_what_is_a_condition_or_no_word_stays_as_it_is(text: str) -> None:
    assert condition_in(text, FIELDS) == text


@given(st.from_regex(r"[\w./*:-]{1,20}", fullmatch=True))
def test_what_is_made_of_words_is_a_condition(text: str) -> None:
    condition = condition_in(text, FIELDS)
    if condition != text.strip():
        Where(condition)
