"""Pages: the built page and its files, the login, the API's documentation, and probes."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from actors.outputs.web.access import SESSION_SECONDS, Person, TooManyGuessesError
from actors.outputs.web.guards import COOKIE, query_of
from actors.outputs.web.html_pages import docs_page, login_page, unbuilt_page
from actors.outputs.web.problems import problem
from actors.outputs.web.replies import reply
from actors.outputs.web.site import Site
from glancemetrics.http_api.openapi import openapi
from glancemetrics.version import __version__

STATIC = Path(__file__).with_name("static")
"""Where the page is built to; nothing of it is in the repository."""
_STYLE = Path(__file__).with_name("pages.css")
_HTML = "text/html; charset=utf-8"
_FOREVER = "public, max-age=31536000, immutable"
"""For files whose names change with what is in them."""
_MOST_FORM = 4096


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes of pages."""
    return [
        Route("/", _index),
        Route("/assets/pages.css", _style),
        Route("/assets/{name}", _asset),
        Route("/favicon.svg", partial(_asset_called, name="favicon.svg")),
        Route("/licenses.txt", partial(_asset_called, name="licenses.txt")),
        Route("/login", partial(_login, site=site), methods=["GET", "POST"]),
        Route("/logout", partial(_logout, site=site), methods=["POST"]),
        Route("/api/docs", partial(_docs, site=site)),
        Route("/healthz", _healthz),
        Route("/readyz", partial(_readyz, site=site)),
    ]


async def _index(request: Request) -> Response:
    return await reply(request, _index_bytes, media=_HTML)


def _index_bytes() -> bytes:
    return _PAGE.files().get("index.html") or unbuilt_page().encode()


async def _style(request: Request) -> Response:
    return await reply(request, _STYLE.read_bytes, media="text/css; charset=utf-8")


async def _asset(request: Request) -> Response:
    return await _asset_called(request, f"assets/{request.path_params['name']}", _FOREVER)


async def _asset_called(request: Request, name: str, cache: str = "no-cache") -> Response:
    """Reply with a file that was built: only those that are there by name, so no path leads out."""
    data = _PAGE.files().get(name)
    if data is None:
        raise HTTPException(404)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/") or kind.endswith("javascript"):
        kind += "; charset=utf-8"
    return await reply(request, lambda: data, media=kind, cache=cache)


class BuiltPage:
    """The files of the page. They are read together, so that an upgrade never mixes two builds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamp: object = None
        self._files: Mapping[str, bytes] = {}

    def files(self) -> Mapping[str, bytes]:
        """Return {name: content}; while a new build is being written, still that of before."""
        manifest = self._folder / "manifest.json"
        try:
            found = manifest.stat()
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp != self._stamp:
                self._files = self._read(manifest)
                self._stamp = stamp
        except (OSError, ValueError, KeyError, TypeError):
            pass  # it is tried again with the next request
        return self._files

    def _read(self, manifest: Path) -> dict[str, bytes]:
        files = {}
        for one in json.loads(manifest.read_bytes())["files"]:
            data = (self._folder / one["name"]).read_bytes()
            if len(data) != one["bytes"]:
                raise ValueError(f"{one['name']}: incomplete")
            files[str(one["name"])] = data
        return files


_PAGE = BuiltPage(STATIC)


async def _login(request: Request, site: Site) -> Response:
    access = site.access
    if access.is_open:
        return RedirectResponse(_target(request), 303)
    if request.method != "POST":
        return _html(login_page(has_tokens=access.has_tokens, has_users=access.has_users))
    client = "" if request.client is None else request.client.host
    fields = await _form(request)
    token, name = fields.get("token", ""), fields.get("name", "")
    person = None
    try:
        if token or name:
            password = "" if token else fields.get("password", "")
            name = "" if token else name
            person = await access.of_login(client, token=token, name=name, password=password)
    except TooManyGuessesError as error:
        return problem(429, str(error), retry_after=error.wait)
    if person is None:
        page = login_page(has_tokens=access.has_tokens, has_users=access.has_users, is_wrong=True)
        return _html(page, 401)
    response = RedirectResponse(_target(request), 303)
    _set_cookie(request, response, site, person)
    return response


def _target(request: Request) -> str:
    """Return the page, with the query that the login was asked with: nothing can lead elsewhere."""
    return f".{query_of(request.scope)}"


def _set_cookie(request: Request, response: Response, site: Site, person: Person) -> None:
    is_secure = request.url.scheme == "https" or (
        request.headers.get("x-forwarded-proto", "").lower() == "https"
    )
    response.set_cookie(
        COOKIE,
        site.access.session(person),
        max_age=SESSION_SECONDS,
        # None: the browser takes the folder of this address, also behind a proxy on a sub-path.
        path=None,
        secure=is_secure,
        httponly=True,
        samesite="strict",
    )


async def _form(request: Request) -> dict[str, str]:
    from actors.outputs.web.application import read_body

    data = await read_body(request, _MOST_FORM)
    fields = parse_qs(data.decode("utf-8", "replace"), max_num_fields=10)
    return {name: values[0] for name, values in fields.items()}


async def _logout(request: Request, site: Site) -> Response:
    cookie = request.cookies.get(COOKIE)
    if cookie:
        site.access.end_session(cookie)
    response = RedirectResponse("login", 303)
    response.set_cookie(COOKIE, "", max_age=0, path=None, httponly=True, samesite="strict")
    return response


async def _docs(request: Request, site: Site) -> Response:
    def make() -> bytes:
        document = openapi(
            __version__, has_tokens=site.access.has_tokens, has_users=site.access.has_users
        )
        return docs_page(document).encode()

    return await reply(request, make, media=_HTML)


async def _healthz(request: Request) -> Response:
    """Say that the loop runs: for probes that restart what hangs."""
    del request
    return Response("ok\n", media_type="text/plain")


async def _readyz(request: Request, site: Site) -> Response:
    """Say whether there is something to look at, and a log can be read."""
    del request
    latest = site.desk.latest.snapshot  # of which nothing is shown
    if latest is None:
        return Response("starting\n", 503, media_type="text/plain")
    if site.desk.is_standby:
        return Response("standing by\n", 503, media_type="text/plain")
    if latest.health.blindness:
        # Names of logs are for those who may look.
        return Response("no log can be read\n", 503, media_type="text/plain")
    return Response("ok\n", media_type="text/plain")


def _html(text: str, status: int = 200) -> Response:
    return Response(text, status, media_type=_HTML)
