"""Errors as the API answers them: RFC 9457, "Problem Details for HTTP APIs"."""

from __future__ import annotations

import math
from http import HTTPStatus

from starlette.responses import Response

from glancemetrics.http_api.endpoints import PROBLEM
from glancemetrics.http_api.json_text import json_bytes


def problem(
    status: int, detail: str, *, retry_after: float | None = None, challenge: str = ""
) -> Response:
    """Return an error; `detail` is one sentence for people."""
    headers = {}
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    if challenge:
        headers["WWW-Authenticate"] = challenge
    body = {
        "type": "about:blank",
        "title": _title(status),
        "status": status,
        "detail": detail,
    }
    return Response(json_bytes(body), status, headers, media_type=PROBLEM)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
