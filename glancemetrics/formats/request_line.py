"""Request lines (`GET /a?b HTTP/1.1`) taken apart: one at a time, and whole columns of them.

Grammar: RFC 9112 section 3 (request line and the four forms of its target), RFC 9110 section 5.6.2
(a method is a token), RFC 1945 section 4.1 (HTTP/0.9's `GET path`, without a version).
"""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bools = npt.NDArray[np.bool_]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PROTOCOL = re.compile(r"HTTP/\d(?:\.\d)?")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://([^/?#]*)([^?]*)(?:\?(.*))?", re.DOTALL)


@attrs.frozen
class RequestLine:
    """The parts of one request line; all `None` but `malformed` when it is not one."""

    method: str | None = None
    path: str | None = None
    query: str | None = None
    protocol: str | None = None
    vhost: str | None = None
    malformed: str | None = None


def split_request(text: str) -> RequestLine:
    """Take one request line apart.

    The method is upper-cased. A space inside the target stays in the path, as browsers and
    scanners send it and servers log it. `GET /path` without a version is HTTP/0.9. An absolute
    target gives its authority as the virtual host; `OPTIONS *` has the path `*`; `CONNECT` has
    the authority as its path. Anything else is malformed and kept as it was.
    """
    malformed = RequestLine(malformed=text)
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


@attrs.frozen
class RequestColumns:
    """The parts of many request lines; each a string array as long as the input."""

    method: pa.Array
    path: pa.Array
    query: pa.Array
    protocol: pa.Array
    vhost: pa.Array
    malformed: pa.Array


def split_requests(requests: pa.StringArray) -> RequestColumns:
    """Take distinct request lines apart, as `split_request` does each.

    What nearly every line is (three words, the second a path) is done by columns, the rest
    one by one.
    """
    words = pc.split_pattern(requests, " ")
    flat = words.values
    starts = words.offsets.to_numpy()[:-1].astype(np.int64)
    counts = np.diff(words.offsets.to_numpy())
    candidate = np.flatnonzero(counts == 3)
    first = starts[candidate]
    methods, good_method = _upper_tokens(flat.take(pa.array(first)))
    protocols = flat.take(pa.array(first + 2)).dictionary_encode()
    good_protocol = _by_distinct(protocols, lambda text: bool(_PROTOCOL.fullmatch(text)))
    targets = flat.take(pa.array(first + 1))
    usual = good_method & good_protocol
    usual &= pc.starts_with(targets, "/").to_numpy(zero_copy_only=False)
    if not usual.all():
        keep = pa.array(np.flatnonzero(usual))
        methods, protocols, targets = methods.take(keep), protocols.take(keep), targets.take(keep)
        candidate = candidate[usual]
    pieces = pc.split_pattern(targets, "?", max_splits=1)
    piece_starts = pieces.offsets.to_numpy()[:-1].astype(np.int64)
    has_query = np.diff(pieces.offsets.to_numpy()) == 2
    columns = RequestColumns(
        method=methods,
        path=pieces.values.take(pa.array(piece_starts)),
        query=pieces.values.take(pa.array(piece_starts + 1, mask=~has_query)),
        protocol=protocols.cast(pa.string()),
        vhost=pa.nulls(len(candidate), pa.string()),
        malformed=pa.nulls(len(candidate), pa.string()),
    )
    if len(candidate) == len(requests):
        return columns
    unusual = np.ones(len(requests), np.bool_)
    unusual[candidate] = False
    others = np.flatnonzero(unusual)
    lines = [split_request(text) for text in requests.take(pa.array(others)).to_pylist()]
    back = pa.array(np.argsort(np.concatenate([candidate, others]), kind="stable"))
    return RequestColumns(
        **{
            field.name: pa.concat_arrays(
                [
                    getattr(columns, field.name),
                    pa.array([getattr(line, field.name) for line in lines], pa.string()),
                ]
            ).take(back)
            for field in attrs.fields(RequestColumns)
        }
    )


def _upper_tokens(words: pa.StringArray) -> tuple[pa.StringArray, Bools]:
    encoded = words.dictionary_encode()
    good = _by_distinct(encoded, lambda text: bool(_TOKEN.fullmatch(text)))
    upper = pa.array([text.upper() for text in encoded.dictionary.to_pylist()], pa.string())
    return upper.take(encoded.indices), good


def _by_distinct(encoded: pa.DictionaryArray, accepts: Callable[[str], bool]) -> Bools:
    verdicts = np.array([accepts(text) for text in encoded.dictionary.to_pylist()], np.bool_)
    return verdicts[encoded.indices.to_numpy()] if len(encoded) else np.zeros(0, np.bool_)
