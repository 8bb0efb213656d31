"""Addresses of servers, as people write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.errors import UsageError
from glancemetrics.http_api.server_address import server_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("web1:8000", "http://web1:8000"),
        ("web1", "http://web1:7890"),
        ("7890", "http://127.0.0.1:7890"),
        (":80", "http://127.0.0.1:80"),
        ("[::1]:7890", "http://[::1]:7890"),
        ("http://[2001:db8::1]/", "http://[2001:db8::1]"),
        ("http://web1", "http://web1"),
        ("HTTPS://Example.COM/Traffic/", "https://example.com/Traffic"),
        ("https://example.com/traffic/#overview", "https://example.com/traffic"),
        ("web1/traffic", "http://web1:7890/traffic"),
        (" web1 ", "http://web1:7890"),
    ],
)
def test_an_address(text: str, url: str) -> None:
    assert server_url(text) == url
    assert server_url(url) == url


@pytest.mark.parametrize(
    "text",
    ["", " ", "x y", "ftp://x", "http://", "http://x:0", "http://x:99999", "x:y", "http://x?a=1",
     "ü", "http://x\x00", "unix:///run/x", "[::1", "//x", "0"],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="must be HOST:PORT"):
        server_url(text)


def test_a_password_is_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        server_url("https://me:s3cr3t@example.com/")
    assert "s3cr3t" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_an_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert server_url(text).startswith("http")
