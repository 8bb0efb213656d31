"""What all listeners of a syslog input share: their messages by source, and what went wrong."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import attrs
import trio

from actors.sources.gathering import Gathered, Gathering
from actors.sources.messages import Gap, NotLines
from actors.sources.source import Say
from actors.sources.syslog.senders import OTHER_SERVERS, Senders
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.lines.syslog_messages import (
    Groups,
    Messages,
    Sender,
    opened,
)

_AT_ONCE = 4096
"""Messages that are sorted before others have a turn: some milliseconds."""
_REPORT_SECONDS = 60.0
"""Between two reports of the same listener, except the first."""
_TROUBLE_SECONDS = 600.0
"""How long a listener's troubles are shown."""
_ROUTE_BYTES = 512
"""Memory of the way to a source."""


@attrs.define
class Troubles:
    """What went wrong at one listener since the start."""

    dropped: int = 0
    """Datagrams that the kernel dropped."""
    refused: int = 0
    """Connections that were closed because there were too many."""
    handshakes: int = 0
    """Connections whose TLS handshake failed."""
    stuffed: int = 0
    """Connections that were closed because incomplete messages took too much memory."""
    others: int = 0
    """Messages of servers that have no source of their own."""

    def __str__(self) -> str:
        counts = (
            (self.dropped, "message", "dropped by the kernel"),
            (self.refused, "connection", "refused: too many"),
            (self.handshakes, "TLS handshake", "failed"),
            (self.stuffed, "connection", "closed: incomplete messages are too large"),
            (self.others, "message", "from further servers, counted together"),
        )
        return "; ".join(
            f"{count:,} {what}{'' if count == 1 else 's'} {verb}"
            for count, what, verb in counts
            if count
        )


class Report:
    """The health of a listener, which changes at most once a minute."""

    def __init__(self, name: str, problem: str = "") -> None:
        self.name = name
        """The text of the listener."""
        self._problem = problem
        """What is wrong for as long as it listens."""
        self.troubles = Troubles()
        self._seen = Troubles()
        self._changed_at = -_TROUBLE_SECONDS
        self._reported = Troubles()
        self._reported_at = -_REPORT_SECONDS
        self._told = ""
        """The troubles that are shown."""

    def begin(self) -> SourceHealth:
        """Return its first report."""
        return self._health()

    def due(self, now: float, *, at_last: bool = False) -> Iterator[NotLines]:
        """Yield new reports; `at_last`: also those that would wait for their minute."""
        if self.troubles != self._seen:
            self._seen, self._changed_at = attrs.evolve(self.troubles), now
        if not at_last and now - self._reported_at < _REPORT_SECONDS:
            return
        is_new = self.troubles != self._reported
        lost = self.troubles.dropped - self._reported.dropped
        if lost:
            yield Gap(
                self.name,
                f"{self.name}: the kernel dropped {lost:,} messages because its receive buffer was "
                "full; raise net.core.rmem_max, or send over TCP, which waits",
            )
        is_over = bool(self._told) and now - self._changed_at >= _TROUBLE_SECONDS
        if is_new or is_over:
            self._reported, self._reported_at = attrs.evolve(self.troubles), now
            self._told = "" if is_over and not is_new else str(self.troubles)
            yield self._health()

    def _health(self) -> SourceHealth:
        detail = "; ".join(filter(None, (self._told, self._problem)))
        return SourceHealth(self.name, SourceState.FOLLOWING, detail)


class Intake:
    """Sorts messages by source."""

    def __init__(self, say: Say, own_name: str, senders: Senders) -> None:
        """`own_name` is the name of this machine."""
        self._say = say
        self._own_name = own_name
        self._senders = senders
        self.gathering = Gathering(say)
        self.reports: list[Report] = []
        """Of all listeners."""
        self._routes: dict[tuple[str, Groups], Gathered] = {}
        """{(address of the sender, groups of the header): where to put the message}"""
        self._generation = self.gathering.generation

    async def take(self, messages: Messages, address: str, report: Report) -> None:
        """Take messages that came from an address, empty for this machine."""
        for start in range(0, len(messages.whole), _AT_ONCE):
            if start:
                await trio.lowlevel.checkpoint()
            self._sort(messages.whole[start : start + _AT_ONCE], address, report)
        for sample in messages.overlong:
            groups, _ = opened(sample)
            self._route((address, groups), report).overlong.append(sample)
            self.gathering.added(1, len(sample))

    def _sort(self, messages: list[bytes], address: str, report: Report) -> None:
        # This is done for each message: 200,000 times a second.
        routes = self._current_routes()
        size = 0
        for message in messages:
            groups, line = opened(message)
            key = (address, groups)
            into = routes.get(key)
            if into is None:
                into = self._route(key, report)
            into.lines.append(line)
            size += len(line)
            if into.source == report.name:
                report.troubles.others += 1
        self.gathering.added(len(messages), size)

    def _current_routes(self) -> dict[tuple[str, Groups], Gathered]:
        if self._generation != self.gathering.generation:
            self._generation = self.gathering.generation
            self._routes.clear()
        return self._routes

    def _route(self, key: tuple[str, Groups], report: Report) -> Gathered:
        routes = self._current_routes()
        found = routes.get(key)
        if found is None:
            address, groups = key
            server = self._server(address)
            named = self._senders.source_of(server, Sender.of(groups), trio.current_time())
            source, server = named or (report.name, OTHER_SERVERS)
            found = routes[key] = self.gathering.of(source, server)
            self.gathering.added(1, _ROUTE_BYTES)
        return found

    def _server(self, address: str) -> str:
        """Return the name of a server whose messages do not say it."""
        address = address.partition("%")[0]
        try:
            is_own = not address or ipaddress.ip_address(address).is_loopback
        except ValueError:
            is_own = False
        return self._own_name if is_own else address

    async def watch(self, *, at_last: bool = False) -> None:
        """Report troubles, and sources that have been silent for long."""
        now = trio.current_time()
        for report in self.reports:
            for message in list(report.due(now, at_last=at_last)):
                await self._say(message)
        for name in self._senders.silent(now):
            await self.gathering.forget(name)
