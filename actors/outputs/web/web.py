"""The web output: serves the page, and hands it snapshots and alert events."""

from __future__ import annotations

from collections.abc import Callable

import trio
from loguru import logger

from actors.outputs.desk import Desk
from actors.outputs.output import Inbox, Report
from actors.outputs.web import WebSettings
from actors.outputs.web.access import Access
from actors.outputs.web.application import make_application
from actors.outputs.web.guards import Guard, rules_of
from actors.outputs.web.limits import as_seen, limited
from actors.outputs.web.senders import Senders
from actors.outputs.web.serving import Certificates, Serving, keep_fresh, listening_problem
from actors.outputs.web.site import Site
from actors.outputs.web.viewers import Viewers
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.health.health import OutputState

_LOOK_SECONDS = 2.0
_GOODBYE_SECONDS = 0.3
"""For the last message to those who look."""


class Web:
    """Serves until there are no more snapshots."""

    name = "web"
    wants_events = True
    wants_snapshots = True
    wants_totals = True
    stays = True

    def __init__(self, settings: WebSettings, desk: Desk) -> None:
        """Raises `GlanceMetricsError` for files of tokens, users or keys that cannot be used."""
        assert settings.address is not None
        self._settings = settings
        self._address = settings.address
        self._desk = desk
        self._access = Access(settings.token_file, settings.users, desk.state_folder)
        self._certificates = Certificates(settings)
        self._senders = None if settings.senders is None else Senders(settings.senders)
        self._access.refresh()
        if self._senders is not None:
            self._senders.refresh()
        self._certificates.refresh()
        self._has_served = False

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Serve. Raises `GlanceMetricsError` if the address cannot be listened at."""
        answer = as_seen(self._desk.answer, is_anonymized=self._settings.anonymize_ip)
        site = Site(
            desk=self._desk,
            settings=self._settings,
            access=self._access,
            answer=limited(answer),
        )
        viewers = Viewers(site.snapshot_message, limited(answer), site.hello, kept=site.kept)
        rules = rules_of(self._settings, self._certificates)
        guard = Guard(make_application(site, viewers), self._access, rules, self._senders)
        serving = Serving(self._address, guard, self._certificates)

        def started(url: str) -> None:
            if not self._has_served:
                self._warn_if_unencrypted()
            self._has_served = True
            report(OutputState.WORKING, url.rstrip("/") + self._settings.path + "/")

        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(viewers.run)
                nursery.start_soon(keep_fresh, self._access.refresh)
                if self._senders is not None:
                    nursery.start_soon(keep_fresh, self._senders.refresh)
                nursery.start_soon(self._part_with_those_removed, viewers)
                nursery.start_soon(keep_fresh, self._certificates.refresh)
                nursery.start_soon(self._serve, serving, started)
                async with trio.open_nursery() as feeding:
                    feeding.start_soon(self._feed_events, inbox, site, viewers)
                    async for snapshot in inbox.snapshots:
                        await viewers.show(snapshot)
                await viewers.say_goodbye("the monitor has ended")
                if len(viewers):
                    await trio.sleep(_GOODBYE_SECONDS)
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            problem = _first(group)
            if problem is None or self._has_served:
                raise
            raise problem from None  # bare, it ends the program; in a group it would be retried

    def _warn_if_unencrypted(self) -> None:
        has_secrets = not self._access.is_open or self._senders is not None
        if self._address.is_loopback or not has_secrets or self._settings.cert:
            return
        logger.warning(
            "--web {}: tokens and passwords travel unencrypted; add --web-cert, or serve on "
            "127.0.0.1 behind a reverse proxy with HTTPS",
            self._address,
        )

    async def _serve(self, serving: Serving, started: Callable[[str], None]) -> None:
        try:
            await serving.run(started)
        except OSError as error:
            if self._has_served:
                raise
            raise GlanceMetricsError(listening_problem(self._address, error)) from None

    async def _part_with_those_removed(self, viewers: Viewers) -> None:
        """End what is open of those whose token or password has gone."""
        while True:
            await trio.sleep(_LOOK_SECONDS)
            viewers.dismiss(self._access.may_look)

    async def _feed_events(self, inbox: Inbox, site: Site, viewers: Viewers) -> None:
        while True:
            try:
                async with inbox.event() as event:
                    await viewers.tell(site.seen_event(event))
            except trio.EndOfChannel:
                return


def _first(error: BaseException) -> GlanceMetricsError | None:
    """Return the first `GlanceMetricsError` of a group; `None` if there is none."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for one in error.exceptions if (found := _first(one))), None)
    return error if isinstance(error, GlanceMetricsError) else None
