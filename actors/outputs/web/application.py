"""The application: which path is answered by what, and what errors become."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any

import trio
from loguru import logger
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from actors.outputs.web import pages
from actors.outputs.web.api import HANDLERS, Asked, NotThereError
from actors.outputs.web.guards import asker_of, person_of
from actors.outputs.web.held_bytes import HeldBytes
from actors.outputs.web.limits import BusyError
from actors.outputs.web.live import events, serve_socket
from actors.outputs.web.metrics import PATH as METRICS
from actors.outputs.web.metrics import metrics
from actors.outputs.web.problems import problem
from actors.outputs.web.receiving import Receiving
from actors.outputs.web.replies import json_reply
from actors.outputs.web.site import Site
from actors.outputs.web.threads import in_thread
from actors.outputs.web.viewers import Viewer, Viewers
from glancemetrics.errors import GlanceMetricsError, UsageError, sentence
from glancemetrics.http_api.bodies import check_body
from glancemetrics.http_api.endpoints import ENDPOINTS, EVENTS, Endpoint
from glancemetrics.http_api.openapi import BASE, openapi
from glancemetrics.http_api.parameters import read_parameters
from glancemetrics.version import __version__

MOST_BODY = 64 << 10
BODY_SECONDS = 10.0
"""Until the body of a request has arrived."""
_BUSY_SECONDS = 5.0


def make_application(site: Site, viewers: Viewers) -> Starlette:
    """Return everything that is served, without the guards before it."""
    endpoints: dict[str, dict[str, Endpoint]] = {}
    for one in ENDPOINTS:
        if one.is_for_senders:
            continue
        endpoints.setdefault(BASE + one.path, {})[one.method] = one
    routes: list[BaseRoute] = [
        *(  # first: these are asked for most often
            Route(BASE + one.path, Receiving(site.desk, one).answer, methods=["HEAD", one.method])
            for one in ENDPOINTS
            if one.is_for_senders
        ),
        WebSocketRoute(f"{BASE}/events", partial(_socket, site=site, viewers=viewers)),
        *(
            Route(path, _endpoint(by_method, site, viewers), methods=list(by_method))
            for path, by_method in endpoints.items()
        ),
        Route(f"{BASE}/openapi.json", partial(_openapi, site=site)),
        Route(METRICS, partial(metrics, site=site)),
        *pages.routes(site),
    ]
    application = Starlette(
        routes=routes,
        middleware=[Middleware(HeldBytes)],
        exception_handlers={HTTPException: _http_error, Exception: _fault},
    )
    # Starlette would redirect to an absolute address, without the path that a proxy has removed.
    application.router.redirect_slashes = False
    return application


def _endpoint(
    by_method: Mapping[str, Endpoint], site: Site, viewers: Viewers
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await _answered(by_method[method], request, site, viewers)

    return answer


async def _answered(endpoint: Endpoint, request: Request, site: Site, viewers: Viewers) -> Response:
    # No page of another site can send this header, even if it is not asked for its origin.
    if endpoint.method != "GET" and request.headers.get("x-glancemetrics") is None:
        return problem(403, f"{endpoint.method} needs the header X-GlanceMetrics: 1")
    if endpoint.is_writing and not site.settings.admin:
        return problem(403, "viewers may only look; --web-admin lets them change something")
    try:
        read = partial(read_parameters, endpoint.parameters, request.query_params.multi_items())
        # A condition is parsed, which takes milliseconds.
        is_long = "where" in request.query_params
        values = await in_thread(read, asker_of(request.scope)) if is_long else read()
        body = {} if endpoint.body is None else await _body(endpoint.body, request)
        if endpoint.name == "events":
            if request.method == "HEAD":  # it would last until the client leaves
                return Response(media_type=EVENTS, headers={"Cache-Control": "no-store"})
            return await _events(values, viewers, site, request)
        asked = Asked(request=request, site=site, values=values, body=body)
        return await HANDLERS[endpoint.name](asked)
    except (GlanceMetricsError, NotThereError, OSError, ValueError) as error:
        return _problem_of(error)


def _problem_of(error: Exception) -> Response:
    match error:
        case BusyError():
            return problem(429, str(error), retry_after=_BUSY_SECONDS)
        case UsageError():
            return problem(400, str(error).removeprefix("--"))
        case NotThereError():
            return problem(404, str(error))
        case GlanceMetricsError():
            return problem(503, str(error))
        case _:  # a state file that cannot be read or written
            logger.opt(exception=error).warning("the API could not answer: {}", sentence(error))
            return problem(503, sentence(error))


async def _body(schema: str, request: Request) -> dict[str, Any]:
    """Return the fields of a body. Raises `HTTPException`, and `UsageError`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "the body must be JSON (Content-Type: application/json)")
    data = await read_body(request, MOST_BODY)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError("the body is not JSON") from None
    return check_body(schema, value)


async def read_body(request: Request, most: int) -> bytes:
    """Return a body. Raises `HTTPException` if it is too large, or does not arrive in time."""
    data = bytearray()
    with trio.move_on_after(BODY_SECONDS):
        async with aclosing(request.stream()) as pieces:
            async for piece in pieces:
                data += piece
                if len(data) > most:
                    raise HTTPException(413, f"the body is over {most:,} bytes")
        return bytes(data)
    raise HTTPException(400, f"the body did not arrive within {BODY_SECONDS:g} s")


async def _events(
    values: Mapping[str, Any], viewers: Viewers, site: Site, request: Request
) -> Response:
    where = values["where"]
    if where is not None and not values["requests"]:
        raise UsageError("where: is about requests; it needs requests=true")
    if where is not None:
        from glancemetrics.selecting.sql import Where  # late: slow to import

        await in_thread(partial(Where, where, site.kept), asker_of(request.scope))
    viewer = Viewer(
        asker=asker_of(request.scope),
        person=person_of(request.scope),
        wants_snapshots=values["snapshots"],
        wants_events=values["alerts"],
        follows=(where or "") if values["requests"] else None,
    )
    return StreamingResponse(
        events(viewer, viewers),
        media_type=EVENTS,
        # Without the latter, nginx would hold events back until they fill its buffer.
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _socket(socket: WebSocket, site: Site, viewers: Viewers) -> None:
    scope = socket.scope
    await serve_socket(socket, viewers, site.kept, person_of(scope), asker_of(scope))


async def _openapi(request: Request, site: Site) -> Response:
    return await json_reply(
        request,
        lambda: openapi(
            __version__,
            has_tokens=site.access.has_tokens,
            has_users=site.access.has_users,
            has_senders=site.settings.senders is not None,
        ),
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail
    if error.status_code == 404:
        is_api = request.url.path.startswith("/api")
        detail = "no such address; see /api/docs" if is_api else "no such address"
    response = problem(error.status_code, detail)
    for name, value in (error.headers or {}).items():
        response.headers[name] = ", ".join(sorted(value.split(", "))) if name == "Allow" else value
    return response


async def _fault(request: Request, error: Exception) -> Response:
    logger.opt(exception=error).error("{} {} failed", request.method, request.url.path)
    return problem(500, "this failed; GlanceMetrics' own log says why")
