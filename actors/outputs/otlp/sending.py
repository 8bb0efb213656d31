"""Sends metrics to an OpenTelemetry collector: OTLP over HTTP, protobuf, gzip.

Values are cumulative, so the newest ones say everything that earlier ones did: after a failure, the
newest are sent instead of those that failed, and nothing is queued.

Source: OpenTelemetry Protocol (OTLP) specification 1.x, section "OTLP/HTTP".
"""

from __future__ import annotations

import gzip
import os
import random
import socket
import uuid
from contextlib import suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import attrs
import trio
from loguru import logger

from actors.outputs.desk import Desk
from actors.outputs.otlp import read_headers
from actors.outputs.output import Inbox, Report
from actors.outputs.retry_after import wait_asked
from glancemetrics.errors import UsageError
from glancemetrics.exposition.families import Observed
from glancemetrics.exposition.otlp import acceptance, request_body
from glancemetrics.health.health import OutputState
from glancemetrics.traffic.snapshot import Snapshot
from glancemetrics.version import __version__
from glancemetrics.words.escaping import visible

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 10.0
"""For one attempt in total, as in OpenTelemetry's exporters."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until the next attempt after a failure that may pass; doubled each time."""

_RETRYABLE = frozenset({429, 502, 503, 504})
"""Section "Retryable Response Codes": after others, the same values must not be sent again."""
_HINTS = {401: "; check --otlp-headers", 403: "; check --otlp-headers", 404: "; check the path"}
_MOST_READ = 65_536
"""Bytes of an answer that are read."""
_MOST_SAID = 200
"""Characters shown of a collector's message."""
_NAMESPACE = uuid.UUID("4d63009a-8d0f-11ee-aad7-4c796ed8e320")
"""For instance ids (OpenTelemetry semantic conventions, `service.instance.id`)."""


@attrs.frozen
class _Outcome:
    """What became of one attempt."""

    problem: str = ""
    """In a clause; empty: everything was accepted."""
    is_retryable: bool = False
    """Whether values should be sent again soon."""
    after: float | None = None
    """Seconds that the collector asks to wait."""


class Otlp:
    """Sends the latest values every `interval` seconds, and the last ones at the end."""

    name = "otlp"
    wants_events = False
    wants_snapshots = True
    wants_totals = True

    def __init__(self, address: str, interval: float, headers: str | None, desk: Desk) -> None:
        """`headers` is the path of a file."""
        self._address = address
        self._interval = interval
        self._headers = headers
        self._desk = desk
        self._resource = _resource(desk.settings.file)
        self._snapshot: Snapshot | None = None
        self._is_sent = False
        """Whether the latest snapshot has been sent."""
        self._warned = ""
        """The last warning of the collector that was logged."""

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Send until the inbox ends and the last values are accepted, or refused for good."""
        import httpx  # late: most runs do not need it

        context = None
        if self._address.startswith("https:"):
            # Reading the certificate authorities takes a while.
            context = await trio.to_thread.run_sync(httpx.create_ssl_context)
        async with httpx.AsyncClient(
            verify=False if context is None else context,
            timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        ) as client:
            await self._deliver(inbox, report, client)

    async def _deliver(self, inbox: Inbox, report: Report, client: httpx.AsyncClient) -> None:
        pause = FIRST_PAUSE
        due = trio.current_time()
        is_open = True
        while True:
            if is_open:
                is_open = await self._receive(inbox, due)
            else:
                await trio.sleep_until(due)
            if self._snapshot is None or self._is_sent:
                if not is_open:
                    return
                due += self._interval  # there is nothing new
                continue
            began = trio.current_time()
            outcome = await self._send(self._snapshot, client)
            self._tell(outcome, report)
            if outcome.is_retryable:
                wait = pause * random.uniform(0.5, 1.5)  # noqa: S311 - not a secret
                due = trio.current_time() + (wait if outcome.after is None else outcome.after)
                pause = min(2 * pause, LONGEST_PAUSE)
                self._is_sent = False
            else:
                due, pause = began + self._interval, FIRST_PAUSE
                self._is_sent = True

    async def _receive(self, inbox: Inbox, due: float) -> bool:
        """Take snapshots until it is time to send; return whether there may be more."""
        try:
            if self._snapshot is None:
                # The first values are sent as soon as there are some.
                self._take(await inbox.snapshots.receive())
                return True
            with suppress(trio.WouldBlock):  # it may be time already
                self._take(inbox.snapshots.receive_nowait())
            with trio.move_on_at(due):
                while True:
                    self._take(await inbox.snapshots.receive())
        except trio.EndOfChannel:
            return False
        return True

    def _take(self, snapshot: Snapshot) -> None:
        self._snapshot, self._is_sent = snapshot, False

    def _tell(self, outcome: _Outcome, report: Report) -> None:
        if outcome.problem:
            report(OutputState.RETRYING, f"{self._address}: {outcome.problem}")
        else:
            report(OutputState.WORKING, self._address)

    async def _send(self, snapshot: Snapshot, client: httpx.AsyncClient) -> _Outcome:
        import httpx

        try:
            body, headers = await trio.to_thread.run_sync(self._request, snapshot)
        except UsageError as error:
            return _Outcome(str(error))
        answered: httpx.Response | None = None
        said = b""
        try:
            with trio.move_on_after(TIMEOUT_SECONDS):
                async with client.stream(
                    "POST", self._address, content=body, headers=headers
                ) as answer:
                    answered = answer
                    async for piece in answer.aiter_raw():
                        said += piece
                        if len(said) > _MOST_READ:
                            break
        except httpx.TransportError as error:
            if answered is None or answered.is_success:
                return _Outcome(_reason(error), is_retryable=True)
        if answered is None:
            return _Outcome(f"no answer within {TIMEOUT_SECONDS:g} s", is_retryable=True)
        return self._outcome(answered, said)

    def _request(self, snapshot: Snapshot) -> tuple[bytes, list[tuple[str, str]]]:
        observed = Observed(
            started_at=self._desk.started_at, rules=self._desk.rules, snapshot=snapshot
        )
        headers = [
            ("User-Agent", f"glancemetrics/{__version__}"),
            *read_headers(self._headers),
            ("Content-Type", "application/x-protobuf"),
            ("Content-Encoding", "gzip"),
            ("Accept-Encoding", "identity"),
        ]
        return gzip.compress(request_body(observed, self._resource), 6, mtime=0), headers

    def _outcome(self, answer: httpx.Response, said: bytes) -> _Outcome:
        status = answer.status_code
        if status in _RETRYABLE:
            after = wait_asked(answer.headers.get("Retry-After"), self._desk.wall())
            return _Outcome(f"HTTP {status}", is_retryable=True, after=after)
        if not answer.is_success:
            return _Outcome(f"HTTP {status}, values refused{_HINTS.get(status, '')}")
        accepted = acceptance(said)
        message = visible(accepted.message)[:_MOST_SAID]
        if accepted.rejected:
            why = f": {message}" if message else ""
            return _Outcome(f"{accepted.rejected:,} values rejected{why}")
        if message and message != self._warned:
            logger.warning("{}: {}", self._address, message)
            self._warned = message
        return _Outcome()


def _resource(sources: tuple[str, ...]) -> dict[str, str]:
    """Return what produces the metrics; the same after a restart, because sums continue."""
    host = socket.gethostname()
    instance = "\0".join([host, *sorted(map(os.path.abspath, sources))])
    return {
        "service.name": "glancemetrics",
        "service.version": __version__,
        "service.instance.id": str(uuid.uuid5(_NAMESPACE, instance)),
        "host.name": host,
    }


def _reason(error: httpx.TransportError) -> str:
    text = str(error) or type(error).__name__
    return f"cannot connect: {visible(text)[:_MOST_SAID]}"
