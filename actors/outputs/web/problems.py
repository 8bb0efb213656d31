"""Errors as the API answers them, RFC 9457, "Problem Details for HTTP APIs"; and as pages."""

from __future__ import annotations

import math
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from actors.outputs.web.html_pages import problem_page
from glancemetrics.http_api.endpoints import PROBLEM
from glancemetrics.http_api.json_text import json_bytes

_AS_PAGES = frozenset((403, 404, 421, 429))
"""What people see who open an address."""


class Problem(Response):
    """An error: JSON for programs, a page for a person who opens an address in a browser."""

    def __init__(self, status: int, detail: str, headers: dict[str, str]) -> None:
        self._detail = detail
        title = _title(status)
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        super().__init__(json_bytes(body), status, headers, media_type=PROBLEM)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.status_code not in _AS_PAGES or not _is_opened(scope):
            await super().__call__(scope, receive, send)
            return
        text = problem_page(_title(self.status_code), self._detail, scope["path"])
        kept = ("content-type", "content-length")
        headers = {name: value for name, value in self.headers.items() if name not in kept}
        page = Response(text, self.status_code, headers, media_type="text/html; charset=utf-8")
        await page(scope, receive, send)


def _is_opened(scope: Scope) -> bool:
    """Tell whether a browser asks for a page, and not a script or a program."""
    headers = Headers(scope=scope)
    mode = headers.get("sec-fetch-mode", "navigate")
    return "text/html" in headers.get("accept", "") and mode == "navigate"


def problem(
    status: int, detail: str, *, retry_after: float | None = None, challenge: str = ""
) -> Response:
    """Return an error; `detail` is one sentence for people."""
    headers = {}
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    if challenge:
        headers["WWW-Authenticate"] = challenge
    return Problem(status, detail, headers)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
