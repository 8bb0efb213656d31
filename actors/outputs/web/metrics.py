"""Metrics: what Prometheus and other programs scrape, at `/metrics`."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from actors.outputs.web.replies import reply
from actors.outputs.web.site import Site
from actors.outputs.web.threads import in_thread
from glancemetrics.exposition.families import Observed

PATH = "/metrics"


async def metrics(request: Request, site: Site) -> Response:
    """Reply with the metrics of the latest snapshot, in the format that is asked for."""
    from glancemetrics.exposition.prometheus import exposition  # late: slow to import

    observed = Observed(
        started_at=site.desk.started_at, rules=site.desk.rules, snapshot=site.latest
    )
    accept = request.headers.get("accept", "")
    body, media = await in_thread(partial(exposition, observed, accept))
    return await reply(request, lambda: body, media=media, cache="no-store")
