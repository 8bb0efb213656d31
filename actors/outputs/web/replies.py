"""Replies: encoded and compressed in a worker thread, with an `ETag` (RFC 9110, section 8.8.3)."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from actors.outputs.web.guards import asker_of
from actors.outputs.web.threads import in_thread
from glancemetrics.http_api.endpoints import JSON
from glancemetrics.http_api.json_text import json_bytes
from glancemetrics.words.accepted import quality_of

_SMALL = 1000
"""Bytes up to which compression does not pay."""
_GZIP_LEVEL = 5


async def reply(
    request: Request,
    make: Callable[[], bytes],
    *,
    status: int = 200,
    media: str = JSON,
    cache: str = "private, no-cache",
    file_name: str = "",
    following: str = "",
) -> Response:
    """Reply with what `make` returns in a worker thread, or say that it has not changed.

    `following` is the address of the next page (RFC 8288), relative to this one.
    """
    body, headers = await in_thread(
        partial(_prepared, make, quality_of("gzip", _accepted_encodings(request)) > 0),
        asker_of(request.scope),
    )
    headers |= {"Cache-Control": cache, "Vary": "Accept, Accept-Encoding, Authorization, Cookie"}
    if file_name:
        headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    if following:
        headers["Link"] = f'<{following}>; rel="next"'
    if request.method in {"GET", "HEAD"} and _is_known(request, headers["ETag"]):
        headers.pop("Content-Encoding", None)
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, media_type=media)


async def json_reply(
    request: Request, make: Callable[[], object], *, status: int = 200
) -> Response:
    """Reply with what `make` returns in a worker thread, as JSON."""
    return await reply(request, lambda: json_bytes(make()), status=status)


def _prepared(make: Callable[[], bytes], is_compressed: bool) -> tuple[bytes, dict[str, str]]:
    body = make()
    # Weak: the same in another encoding counts as the same.
    headers = {"ETag": f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'}
    if is_compressed and len(body) > _SMALL:
        headers["Content-Encoding"] = "gzip"
        return gzip.compress(body, _GZIP_LEVEL, mtime=0), headers
    return body, headers


def _accepted_encodings(request: Request) -> str:
    return ",".join(request.headers.getlist("accept-encoding"))


def _is_known(request: Request, tag: str) -> bool:
    """Compare weakly (RFC 9110, section 13.1.2): a proxy that compresses may change `W/`."""
    known = request.headers.get("if-none-match", "")
    found = {one.strip().removeprefix("W/") for one in known.split(",")}
    return known.strip() == "*" or tag.removeprefix("W/") in found
