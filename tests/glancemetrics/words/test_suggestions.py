"""What a person may have meant."""

from __future__ import annotations

import pytest

from glancemetrics.words.suggestions import suggestion

KNOWN = ["path", "host", "status", "bytes", "duration"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("pth", "path"),
        ("IP", "host"),
        ("url", "path"),
        ("request-time", "duration"),
        ("hosts", "host"),
    ],
)
def test_what_is_near_or_called_so_elsewhere_is_meant(written: str, meant: str) -> None:
    assert suggestion(written, KNOWN) == f" (did you mean {meant!r}?)"


def test_nothing_is_made_up() -> None:
    assert suggestion("xyzzy", KNOWN) == ""
    assert suggestion("ip", ["path"]) == ""
