"""Request lines are taken apart as a plain reading of the RFCs does it, one at a time."""

from __future__ import annotations

import re

import attrs
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glancemetrics.native.line_decoder import REQUEST_PARTS, LineDecoder
from tests.conftest import thorough

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}")
_PROTOCOL = re.compile(r"HTTP/[0-9](?:\.[0-9])?")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://([^/?#]*)([^?]*)(?:\?(.*))?", re.DOTALL)


@attrs.frozen
class RequestLine:
    """The parts of one request line; all `None` but `malformed` when it is not one."""

    method: str | None = None
    path: str | None = None
    query: str | None = None
    protocol: str | None = None
    vhost: str | None = None
    request: str | None = None


def split_request(text: str) -> RequestLine:
    """Take one request line apart.

    The method is upper-cased. A space inside the target stays in the path, as browsers and
    scanners send it and servers log it. `GET /path` without a version is HTTP/0.9. An absolute
    target gives its authority as the virtual host; `OPTIONS *` has the path `*`; `CONNECT` has
    the authority as its path. Anything else is malformed and kept as it was.
    """
    malformed = RequestLine(request=text)
    method, _, rest = text.partition(" ")
    target, _, protocol = rest.rpartition(" ")
    if not _TOKEN.fullmatch(method):
        return malformed
    method = method.upper()
    if not target and method == "GET" and rest.startswith("/"):
        target, protocol = rest, "HTTP/0.9"
    if not _PROTOCOL.fullmatch(protocol):
        return malformed
    if target.startswith("/"):
        path, mark, query = target.partition("?")
        return RequestLine(method, path, query if mark else None, protocol)
    if target == "*" or (method == "CONNECT" and target):
        return RequestLine(method, target, None, protocol)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return malformed
    return RequestLine(method, absolute[2] or "/", absolute[3], protocol, absolute[1] or None)


PIECES = st.sampled_from(
    ["GET", "post", "/", "/a", "?", "?b=c", " ", "  ", "HTTP/1.1", "HTTP/2", "*", "http://x.y"]
    + ["CONNECT", "h:1", "é", "\x00", "ß", "#f", "//", "://", "HTTP/1.", "x" * 64, "get", "٣"]
)


def split(requests: list[str | None]) -> list[RequestLine | None]:
    decoder = LineDecoder()
    columns = {}
    for name, codes in decoder.split(pa.array(requests, pa.string())).items():
        texts = decoder.texts(name).to_pylist()
        columns[name] = [texts[code] if code >= 0 else None for code in codes]
    rows = zip(*(columns[name] for name in REQUEST_PARTS), strict=True)
    return [RequestLine(**dict(zip(REQUEST_PARTS, row, strict=True))) for row in rows]


@given(st.lists(st.lists(PIECES, max_size=7).map("".join), max_size=10))
@example(["GET http://h?q HTTP/1.1", "GET http:///p HTTP/1.1", "GET /", "GET / ", "", " "])
@settings(deadline=None, max_examples=thorough(200, 3000))
def test_request_lines_are_split_as_the_rfcs_have_it(requests: list[str]) -> None:
    assert split(requests) == [split_request(text) for text in requests]


@given(st.lists(st.text(max_size=12), max_size=5))
@settings(deadline=None)
def test_so_is_any_text(requests: list[str]) -> None:
    assert split(requests) == [split_request(text) for text in requests]


@pytest.mark.parametrize("count", [127, 128, 129, 5000])
def test_many_request_lines_keep_their_numbers(count: int) -> None:
    requests = [f"GET /{i} HTTP/1.1" for i in range(count)] * 2
    assert [line.path for line in split(requests)] == [f"/{i}" for i in range(count)] * 2


def test_a_missing_request_line_has_no_parts() -> None:
    assert split([None, "GET / HTTP/1.1"])[0] == RequestLine()
