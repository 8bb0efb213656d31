"""Lines that are sent to the API: what the headers of a request say about its body.

Sources: RFC 9110, section 8.3 (Content-Type) and 8.4 (Content-Encoding);
https://vector.dev/docs/reference/configuration/sinks/http/;
https://docs.fluentbit.io/manual/pipeline/outputs/http.
"""

from __future__ import annotations

from collections.abc import Mapping

from glancemetrics.formats.posted_lines import BodyKind

MEDIA: Mapping[str, BodyKind] = {
    "text/plain": BodyKind.TEXT,
    "application/x-ndjson": BodyKind.LINES_OF_JSON,
    "application/json": BodyKind.JSON,
}
_ALSO: Mapping[str, BodyKind] = {
    "": BodyKind.TEXT,
    # What curl says without another one.
    "application/x-www-form-urlencoded": BodyKind.TEXT,
    "application/octet-stream": BodyKind.TEXT,
    "application/jsonl": BodyKind.LINES_OF_JSON,
    "application/ndjson": BodyKind.LINES_OF_JSON,
}
_CODINGS = {
    "": "", "identity": "", "gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "zstd": "zstd",
}  # fmt: skip
CODINGS = "gzip, zstd, deflate"
"""Accepted content codings (RFC 1952, RFC 8878, RFC 1950)."""


def kind_of_body(content_type: str) -> BodyKind | None:
    """Return what a body of a `Content-Type` holds; `None` for what cannot be read."""
    media = content_type.partition(";")[0].strip().lower()
    return MEDIA.get(media) or _ALSO.get(media)


def coding_of(content_encoding: str) -> str | None:
    """Return how a body is compressed, empty for not at all; `None` for what cannot be read."""
    return _CODINGS.get(content_encoding.strip().lower())
