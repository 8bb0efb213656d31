"""A monitor of one log whose metrics are served over HTTP: python -m tests.metrics_server PORT LOG.

What the output `web` does with its metrics, without the rest of it.
"""

from __future__ import annotations

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trio

from actors.configuration.sections import all_sections
from actors.monitor.service import monitor
from actors.outputs.output import Inbox, Report
from glancemetrics.configuration.settings import read_settings
from glancemetrics.exposition.families import Observed
from glancemetrics.exposition.prometheus import exposition
from glancemetrics.planning.plan import make_plan
from glancemetrics.traffic.snapshot import Snapshot


class Metrics:
    name = "metrics"
    wants_events = False
    wants_snapshots = True
    wants_totals = True
    snapshot: Snapshot | None = None

    async def run(self, inbox: Inbox, report: Report) -> None:
        async for snapshot in inbox.snapshots:
            self.snapshot = snapshot


def main() -> None:
    _, port, *words = sys.argv
    flags = {
        name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)
    }
    flags["file"] = flags["file"].split(",")
    settings = read_settings(flags, {}, None, "", sections=all_sections())
    plan = make_plan(settings)
    output, started_at = Metrics(), time.time()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            observed = Observed(
                started_at=started_at, rules=plan.rules_by_name, snapshot=output.snapshot
            )
            body, content_type = exposition(observed, self.headers.get("Accept", ""))
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            del format, arguments

    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    async def run() -> None:
        await monitor(
            plan,
            [output],
            stop=trio.Event(),
            wall=time.time,
            standard_input=lambda: -1,
        )

    trio.run(run)


if __name__ == "__main__":
    main()
