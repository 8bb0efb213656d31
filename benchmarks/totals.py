"""Totals for Prometheus and OTLP: what counting them costs beside reading the same lines."""

from __future__ import annotations

import time
from collections.abc import Iterator

import attrs

from actors.monitor.service import counting_of
from actors.state.allocator import share_memory
from benchmarks.lines import fixed_lines, stamp
from glancemetrics.alerting.alerting import Alerting
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.reading import make_reading
from glancemetrics.records.dimensions import DIMENSIONS
from glancemetrics.rules.stock import stock_rules
from glancemetrics.traffic.aggregation import Aggregation, SourceBatch
from glancemetrics.traffic.totals import Totals

_VHOSTS = 40
_CHUNK_LINES = 20_000
_CHUNKS_SHOWN = 20
"""A refresh every two seconds at 200,000 lines/s."""
_FORMAT = (
    '$host $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent" $request_time $upstream_response_time'
)


def measure_totals(lines: int) -> None:
    """Measure decoding, windows and built-in rules in one thread, with and without totals.

    Both count each chunk, one after the other in turns, so that a machine that is busy at times
    slows both.
    """
    share_memory()  # as the monitor does
    for what, format_text, is_timed in (
        ("combined", "combined", False),
        (f"{_VHOSTS} virtual hosts and response times", _FORMAT, True),
    ):
        ways = _Way(format_text), _Way(format_text, Totals(0.0))
        for number, (second, chunk) in enumerate(_chunks(lines, is_timed=is_timed)):
            for way in ways if number % 2 else ways[::-1]:
                way.count(chunk, second + 1.0, is_shown=number % _CHUNKS_SHOWN == 0)
        plain, counted = (way.seconds for way in ways)
        print(
            f"{what}: {plain / lines * 1e9:,.0f} ns of CPU per line without totals, "
            f"{counted / lines * 1e9:,.0f} with them; ratio {counted / plain:.3f}",
            flush=True,
        )


@attrs.define(init=False)
class _Way:
    """Reads chunks, and measures how long that takes."""

    _format: LogFormat
    _aggregation: Aggregation
    seconds: float = 0.0

    def __init__(self, format_text: str, totals: Totals | None = None) -> None:
        self._format = make_reading(format_text).format_to_follow()
        self._aggregation = Aggregation(
            window_seconds=10,
            alert_window_seconds=120,
            limits=dict.fromkeys(DIMENSIONS, 20),
            counting=counting_of(Alerting(stock_rules())),
            totals=totals,
        )
        self.seconds = 0.0

    def count(self, chunk: bytes, wall: float, *, is_shown: bool) -> None:
        began = time.process_time()
        decoded = self._format.decode(chunk)
        assert not decoded.rejects
        read = SourceBatch(
            "log", decoded.batch, decoded.lines, 0, (), 0, decoded.format, None, True, True, 0
        )
        self._aggregation.add(read, wall)
        self._aggregation.advance(wall)
        if is_shown:
            self._aggregation.snapshot(wall)
        self.seconds += time.process_time() - began


def _chunks(lines: int, *, is_timed: bool) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of one second after another."""
    pieces = fixed_lines(_CHUNK_LINES)
    for number in range(lines // _CHUNK_LINES):
        second = 1_790_000_000 + number
        chunk = stamp(second).join(pieces)
        if is_timed:
            chunk = b"".join(
                b"shop%d.example %b %.3f %.3f\n" % (i % _VHOSTS, line, i % 900 / 1e3, i % 800 / 1e3)
                for i, line in enumerate(chunk.splitlines())
            )
        yield second, chunk
