"""Who sends: the sources of a syslog input, one for each program of each server.

Programs are apart because their formats are: beside the web server, a server's syslog has cron and
sshd, and a format is detected for each source. The process id is left out, so that a name outlives
a restart of the program, and so is the listener: how a server sends does not matter.
"""

from __future__ import annotations

import attrs

from glancemetrics.lines.syslog_messages import Sender

MOST_SOURCES = 10_000
"""Sources at a time; what other servers send is in the source of the listener."""
SILENT_SECONDS = 3600.0
"""How long a source is kept that sends nothing."""
OTHER_SERVERS = "other"
"""The server of what exceeds `MOST_SOURCES`."""


def source_name(server: str, program: str) -> str:
    """Return the name of a source: `syslog:web1/nginx`.

    It is not a path: `-f` takes a word with `syslog:` for a kind of source. A server's name has no
    slash.
    """
    return f"syslog:{server}/{program}" if program else f"syslog:{server}"


@attrs.define
class Senders:
    """The sources, and when each of them sent something."""

    most: int = MOST_SOURCES
    _heard: dict[str, float] = attrs.field(factory=dict)
    """{source: when it was last heard, on trio's clock}"""

    def source_of(self, peer: str, sender: Sender, now: float) -> tuple[str, str] | None:
        """Return source and server of a message; `None` if there are too many sources.

        `peer` is what the server is called if its messages do not say.
        """
        server = sender.host or peer
        name = source_name(server, sender.program)
        if name not in self._heard and len(self._heard) >= self.most:
            return None
        self._heard[name] = now
        return name, server

    def silent(self, now: float) -> list[str]:
        """Remove sources that have been silent for long, and return their names."""
        names = [name for name, at in self._heard.items() if now - at >= SILENT_SECONDS]
        for name in names:
            del self._heard[name]
        return names
