"""Request lines: columns of them are taken apart as each alone is."""

from __future__ import annotations

import attrs
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from glancemetrics.formats.request_line import RequestLine, split_request, split_requests

PIECES = st.sampled_from(
    ["GET", "post", "/", "/a", "?", "?b=c", " ", "  ", "HTTP/1.1", "HTTP/2", "*", "http://x.y"]
    + ["CONNECT", "h:1", "é", "\x00", "ß", "#f", "//"]
)


@given(st.lists(st.lists(PIECES, max_size=7).map("".join), max_size=10, unique=True))
@settings(deadline=None, max_examples=300)
def test_columns_are_split_as_each_line_is(requests: list[str]) -> None:
    columns = split_requests(pa.array(requests, pa.string()))
    found = [
        RequestLine(**dict(zip([f.name for f in attrs.fields(RequestLine)], values, strict=True)))
        for values in zip(
            *(getattr(columns, field.name).to_pylist() for field in attrs.fields(RequestLine)),
            strict=True,
        )
    ]
    assert found == [split_request(text) for text in requests]
