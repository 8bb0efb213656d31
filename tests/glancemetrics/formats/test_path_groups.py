"""Paths put together, on request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.errors import UsageError
from glancemetrics.formats.combined import decode
from glancemetrics.formats.path_groups import make_path_groups
from glancemetrics.words.escaping import readable
from tests.lines import line


def grouped(path: str, *patterns: str) -> str | None:
    batch = decode(line(request=f"GET {path} HTTP/1.1") + line(request="nonsense")).batch
    named, malformed = make_path_groups(patterns).of(batch).column("path").to_pylist()
    assert malformed is None
    return named


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/users/17", "/users/{id}"),
        ("/users/17/23/edit?x=5", "/users/{id}/{id}/edit"),
        ("/1/2/3/", "/{id}/{id}/{id}/"),
        ("/o/123e4567-e89b-12d3-a456-426614174000", "/o/{id}"),
        ("/commit/9fceb02d0ae598e95dc970b74767f19372d61af8/x", "/commit/{id}/x"),
        ("/v2/users", "/v2/users"),
        ("/deadbeef", "/deadbeef"),  # too short to be surely one
        ("/2024-01-01", "/2024-01-01"),
        ("/", "/"),
    ],
)
def test_identifiers_become_one(path: str, name: str) -> None:
    assert grouped(path, "auto") == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/users/ann", "/users/*"),
        ("/users/ann/edit", "/users/ann/edit"),
        ("/static/a/b.css", "/static/**"),
        ("/a.b/c", "/a.b/*"),
        ("/aXb/c", "/aXb/c"),
        ("/items/7", "/items/{id}"),
    ],
)
def test_patterns_name_the_paths_that_they_fit(path: str, name: str) -> None:
    assert grouped(path, "/users/*", "/static/**", "/a.b/*", "auto") == name


def test_the_first_pattern_counts() -> None:
    assert grouped("/a/b", "/a/*", "/**") == "/a/*"
    assert grouped("/c", "/a/*", "/**") == "/**"


def test_without_a_wish_paths_are_as_they_were_written() -> None:
    batch = decode(line(request="GET /users/17 HTTP/1.1")).batch
    assert make_path_groups([]).of(batch) is batch


def test_what_is_no_pattern_is_named() -> None:
    with pytest.raises(UsageError, match="--group-path users: must be auto or a path"):
        make_path_groups(["users"])


def test_percent_encoded_letters_are_readable_and_nothing_else() -> None:
    assert readable("/%D9%85%da%af/caf%C3%A9") == "/مگ/café"
    assert readable("/%2e%2e%2F%00%22%3Cscript%3E") == "/%2e%2e%2F%00%22%3Cscript%3E"
    assert readable("/%C3/%FF%FE/%E2%80%AE") == "/%C3/%FF%FE/\\u202e"


@given(st.text(max_size=20))
def test_what_is_readable_moves_nothing(text: str) -> None:
    assert all(character.isprintable() for character in readable(text))
