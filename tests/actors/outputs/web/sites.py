"""A site over fixed traffic, and clients of it in this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import attrs
import httpx
import trio

from actors.outputs.desk import Desk, Latest
from actors.outputs.web import WebAddress, WebSettings
from actors.outputs.web.access import Access
from actors.outputs.web.application import make_application
from actors.outputs.web.guards import Guard, rules_of
from actors.outputs.web.limits import as_seen, limited
from actors.outputs.web.senders import Senders
from actors.outputs.web.serving import Certificates, Serving
from actors.outputs.web.site import Site
from actors.outputs.web.viewers import Viewers
from actors.sources.intake import Intake
from actors.state.acknowledgements import Acknowledgements
from actors.state.silences import Silences
from glancemetrics.configuration.settings import Settings
from glancemetrics.formats.raw_lines import RawLine
from glancemetrics.history.query import Answer, Question
from glancemetrics.history.recorded import Recorded
from glancemetrics.traffic.snapshot import Snapshot
from tests.actors.outputs.console.replays import RULES, answer_from, recorded, replay
from tests.lines import BASE

ADDRESS = WebAddress("127.0.0.1", 7890)


class _Body(httpx.AsyncByteStream):
    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        return self._pieces


class _Transport(httpx.ASGITransport):
    """Also closes a body that was refused before its end."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pieces: Any = aiter(request.stream)  # type: ignore[arg-type]
        async with aclosing(pieces):
            request.stream = _Body(pieces)
            return await super().handle_async_request(request)


@attrs.frozen
class Served:
    """A site, and what is behind it."""

    site: Site
    viewers: Viewers
    guard: Guard
    desk: Desk

    def client(self, **details: Any) -> httpx.AsyncClient:
        details.setdefault("base_url", "http://127.0.0.1:7890")
        details.setdefault("headers", {})
        return httpx.AsyncClient(transport=_Transport(self.guard), **details)


async def _raw_line(source: str, time: object, fields: object, asker: str = "") -> RawLine:
    del time, fields, asker
    return RawLine(text=f"a line of {source}")


def desk_of(
    folder: Path,
    snapshot: Snapshot | None,
    kept: Recorded,
    settings: Settings | None = None,
) -> Desk:
    async def answer(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
        del zone
        return await trio.to_thread.run_sync(answer_from, question, kept)

    return Desk(
        settings=settings or Settings(),
        rules=RULES,
        targets=(),
        expected="in the combined format",
        state_folder=folder,
        silences=Silences(folder / "silences.json"),
        acknowledgements=Acknowledgements(folder / "acknowledgements.json"),
        wall=lambda: float(BASE),
        started_at=float(BASE),
        stop=lambda: None,
        end=lambda: None,
        has_terminal=False,
        answer=answer,
        raw_line=_raw_line,
        latest=Latest(snapshot),
    )


@asynccontextmanager
async def served(
    folder: Path,
    *,
    is_broken: bool = False,
    kept: Recorded | None = None,
    intake: Intake | None = None,
    **told: Any,
) -> AsyncIterator[Served]:
    """Serve in this process; `told` are settings of the web output."""
    snapshot = replay(is_broken=is_broken).shown
    kept = recorded(is_broken=is_broken) if kept is None else kept
    settings = WebSettings(**{"address": ADDRESS, **told})
    desk = attrs.evolve(desk_of(folder, snapshot, kept), intake=intake)
    access = Access(settings.token_file, settings.users, folder)
    access.refresh()
    answer = limited(as_seen(desk.answer, is_anonymized=settings.anonymize_ip))
    site = Site(desk=desk, settings=settings, access=access, answer=answer)
    viewers = Viewers(site.snapshot_message, answer, site.hello)
    certificates = Certificates(settings)
    certificates.refresh()
    rules = rules_of(settings, certificates)
    senders = None if settings.senders is None else Senders(settings.senders)
    if senders is not None:
        senders.refresh()
    guard = Guard(make_application(site, viewers), access, rules, senders)
    async with trio.open_nursery() as nursery:
        await nursery.start(viewers.run)
        yield Served(site, viewers, guard, desk)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def listening(site: Served, address: WebAddress | None = None) -> AsyncIterator[Listening]:
    """Serve a site over real sockets; connections are closed after its end."""
    certificates = Certificates(site.site.settings)
    certificates.refresh()
    serving = Serving(address or WebAddress("127.0.0.1", 0), site.guard, certificates)
    urls: list[str] = []
    async with AsyncExitStack() as streams, trio.open_nursery() as nursery:
        started = trio.Event()

        def on_start(url: str) -> None:
            urls.append(url)
            started.set()

        nursery.start_soon(serving.run, on_start)
        with trio.fail_after(10):
            await started.wait()
        yield Listening(urls[0], serving, certificates, streams)
        with trio.fail_after(5):
            nursery.cancel_scope.cancel()


@attrs.frozen
class Listening:
    """Where a site is served."""

    url: str
    serving: Serving
    certificates: Certificates
    streams: AsyncExitStack
    """Closes what is connected."""

    @property
    def port(self) -> int:
        return int(self.url.rstrip("/").rpartition(":")[2])

    async def connect(self, source: str | None = None) -> trio.SocketStream:
        stream = await trio.open_tcp_stream("127.0.0.1", self.port, local_address=source)
        return await self.streams.enter_async_context(stream)

    async def sent(self, data: bytes, seconds: float = 20) -> bytes:
        """Send bytes, and return all that is answered until the connection is closed."""
        answer = b""
        async with await self.connect() as stream:
            with trio.fail_after(seconds):
                try:
                    await stream.send_all(data)
                    async for piece in stream:
                        answer += piece
                except trio.BrokenResourceError:
                    pass  # it was closed while we sent
        return answer
