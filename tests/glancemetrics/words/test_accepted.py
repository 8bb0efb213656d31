"""What a client accepts."""

from __future__ import annotations

import pytest

from glancemetrics.words.accepted import preferred, quality_of

MEDIA = {"application/json": "json", "text/csv": "csv", "application/x-arrow": "arrow"}


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("", None),
        ("text/csv", "csv"),
        ("TEXT/CSV ; Q=0.5", "csv"),
        ("application/json, text/csv;q=0.1", "json"),
        ("text/csv;q=0, application/json", "json"),
        ("text/csv;q=0.1, application/json;q=0.01", "csv"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"),
        ("*/*;q=0.1, application/x-arrow", "arrow"),
        ("text/csv, */*", "csv"),
        ("text/*, */*", "csv"),
        ("*/*", "json"),
        ("application/*, application/json;q=0", "arrow"),
        ("application/json;q=0, */*", "csv"),
        ("text/html", None),
        ("text/csv;q=2", None),
        ("text/csv;q=0.1234, application/x-arrow;q=1.000", "arrow"),
        ("text/csv;header=present", "csv"),
        (",,;q=1,text/csv", "csv"),
    ],
)
def test_the_best_of_what_is_accepted_is_preferred(header: str, name: str | None) -> None:
    assert preferred(MEDIA, header) == name


@pytest.mark.parametrize(
    ("header", "quality"),
    [("br, gzip", 1), ("gzip;q=0", 0), ("*", 1), ("*;q=0.5, gzip;q=0.000", 0), ("br", 0), ("", 0)],
)
def test_an_encoding_has_a_quality(header: str, quality: float) -> None:
    assert quality_of("gzip", header) == quality
