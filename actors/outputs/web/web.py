"""The web output: serves the page, and hands it snapshots and alert events."""

from __future__ import annotations

from collections.abc import Callable

import trio

from actors.outputs.desk import Desk
from actors.outputs.output import Inbox, Report
from actors.outputs.web import WebSettings
from actors.outputs.web.access import Access
from actors.outputs.web.application import make_application
from actors.outputs.web.guards import Guard, Rules, own_names
from actors.outputs.web.limits import as_seen, limited
from actors.outputs.web.serving import Certificates, Serving, keep_fresh, listening_problem
from actors.outputs.web.site import Site
from actors.outputs.web.viewers import Viewers
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.health.health import OutputState

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
        self._access.refresh()
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
        rules = Rules(names=own_names(self._settings.host), path=self._settings.path)
        guard = Guard(make_application(site, viewers), self._access, rules)
        serving = Serving(self._address, guard, self._certificates)

        def started(url: str) -> None:
            self._has_served = True
            report(OutputState.WORKING, url.rstrip("/") + self._settings.path + "/")

        async with trio.open_nursery() as nursery:
            await nursery.start(viewers.run)
            nursery.start_soon(keep_fresh, self._access.refresh)
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

    async def _serve(self, serving: Serving, started: Callable[[str], None]) -> None:
        try:
            await serving.run(started)
        except OSError as error:
            if self._has_served:
                raise
            raise GlanceMetricsError(listening_problem(self._address, error)) from None

    async def _feed_events(self, inbox: Inbox, site: Site, viewers: Viewers) -> None:
        while True:
            try:
                async with inbox.event() as event:
                    await viewers.tell(site.seen_event(event))
            except trio.EndOfChannel:
                return
