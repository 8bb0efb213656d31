"""Simulated traffic for `glancemetrics generate`. The same seed gives the same lines.

Paths follow Zipf's law, visitors return with the same address and browser, the rate follows the
time of day and varies from second to second. Time is passed in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, repeat

import attrs
import numpy as np
import numpy.typing as npt

_REQUESTS = 1 << 16
"""Requests that are prepared and drawn from; more, if there are more paths."""
_NAMED_PATHS = 1 << 14
"""Paths beyond this number have a number in their name."""
_END_OF_CALENDAR = 253_402_300_800
"""Seconds since the epoch at which the year 10000 begins, which no log can name."""
_PEAK_HOUR = 15
"""UTC hour with the most traffic."""

_SECTIONS = (
    *("products", "blog", "images", "static", "api", "search", "users", "cart", "checkout"),
    *("docs", "about", "news", "account", "feed", "downloads", "admin"),
)
_WORDS = (
    *("red", "blue", "green", "small", "large", "summer", "winter", "sale", "guide", "intro"),
    *("review", "top", "new", "classic", "light", "dark", "plus", "pro", "mini", "max", "basic"),
    *("fresh", "travel", "home", "garden", "music", "photo", "video", "code", "data", "cloud"),
    *("river"),
)
_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "curl/8.5.0",
    "python-requests/2.32.3",
)
_AGENT_SHARES = (0.34, 0.12, 0.18, 0.16, 0.07, 0.05, 0.03, 0.03, 0.02)
_REFERRERS = ("-", "https://www.google.com/", "https://example.com/", "https://news.example.org/")
_REFERRER_SHARES = (0.45, 0.3, 0.2, 0.05)
_SCANNER = "198.51.100.66"
_ATTACKED = ("/.env", "/wp-login.php", "/.git/config", "/phpmyadmin/", "/cgi-bin/test.sh")
_USERS = ("alice", "bob", "carol", "dave", "erin", "frank")


@attrs.frozen
class Spike:
    """A period in which something is different."""

    start: float
    """Seconds after the traffic's start."""
    duration: float
    """Seconds."""
    value: float
    """The rate in requests per second (total, or of a scanner), or the share of responses that are
    server errors."""

    def covers(self, elapsed: float) -> bool:
        return self.start <= elapsed < self.start + self.duration


@attrs.frozen
class Shape:
    """How traffic develops over time."""

    rate: float
    """Requests per second, on average."""
    swing: float = 0.0
    """How much of the rate depends on the time of day, 0 to 1."""
    flutter: float = 0.1
    """Standard deviation of the rate from second to second, as a share of the rate."""
    spikes: tuple[Spike, ...] = ()
    error_spikes: tuple[Spike, ...] = ()
    scans: tuple[Spike, ...] = ()
    """An additional visitor who requests paths that do not exist."""
    visitors: int = 1 << 15
    """Number of visitors; the first few come most often."""
    paths: int = 1 << 12
    """Number of paths; most requests are for the first few."""

    def rate_at(self, elapsed: float, second: int) -> float:
        """Return the expected rate at an instant, without the flutter."""
        for spike in self.spikes:
            if spike.covers(elapsed):
                return spike.value
        angle = 2 * math.pi * (second / 86_400 - _PEAK_HOUR / 24)
        return self.rate * (1 + self.swing * math.cos(angle))

    def error_share_at(self, elapsed: float) -> float:
        return max((s.value for s in self.error_spikes if s.covers(elapsed)), default=0.0)


class Traffic:
    """An endless supply of log lines."""

    def __init__(
        self, shape: Shape, *, seed: int, combined: bool = True, timed: bool = False
    ) -> None:
        """`timed`: each line ends with the response time in seconds, nginx's `$request_time`."""
        self._shape = shape
        self._random = np.random.default_rng(seed)
        self._combined, self._timed = combined, timed
        self._request_count = max(_REQUESTS, 2 * shape.paths)
        self._durations: list[bytes] = []
        """By request, what its line ends with."""
        self._tails, self._failed_tails = self._requests(np.random.default_rng(seed + 1))
        self._heads, self._agents = self._visitors()
        self._popularity = _zipf(shape.visitors, 0.8)
        self._owed = self._scans_owed = 0.0
        self._scanned_paths = 0

    def lines(self, elapsed: float, second: int, seconds: float = 1.0) -> bytes:
        """Return the lines logged within `second` (since the epoch), for `seconds` of it.

        `elapsed` is the time since the start of the traffic.
        """
        rate = self._shape.rate_at(elapsed, second)
        expected = rate * seconds
        flutter = self._shape.flutter / math.sqrt(seconds)
        self._owed += max(0.0, expected * (1 + flutter * self._random.standard_normal()))
        count = int(self._owed)
        self._owed -= count
        block = self._block(count, second, self._shape.error_share_at(elapsed)) if count else b""
        return block + self._scanned(elapsed, second, seconds)

    def _scanned(self, elapsed: float, second: int, seconds: float) -> bytes:
        """Return the requests of a scanner."""
        self._scans_owed += seconds * sum(s.value for s in self._shape.scans if s.covers(elapsed))
        count = int(self._scans_owed)
        self._scans_owed -= count
        end = ' "-" "Mozilla/5.0 zgrab/0.x"' if self._combined else ""
        end += " 0.001\n" if self._timed else "\n"
        stamp = _stamp(second).decode()
        lines = []
        for _ in range(count):
            self._scanned_paths += 1
            number = self._scanned_paths
            path = f"/{_WORDS[number % len(_WORDS)]}{number}.php"
            if number % 4 == 0:
                path = _ATTACKED[number // 4 % len(_ATTACKED)]
            lines.append(f'{_SCANNER} - - {stamp}"GET {path} HTTP/1.1" 404 162{end}')
        return "".join(lines).encode()

    def seconds(
        self, start: int, lines: int | None, duration: float | None = None
    ) -> Iterator[bytes]:
        """Yield traffic second by second from `start` on, in simulated time.

        It ends after so many `lines`, after `duration` seconds, or at the end of the calendar,
        whichever comes first.
        """
        end = _END_OF_CALENDAR if duration is None else min(start + duration, _END_OF_CALENDAR)
        left = math.inf if lines is None else lines
        second = start
        while left > 0 and second < end:
            block = self.lines(second - start, second)
            count = block.count(b"\n")
            if count > left:
                block = b"".join(block.splitlines(keepends=True)[: int(left)])
            yield block
            left -= count
            second += 1

    def _block(self, count: int, second: int, error_share: float) -> bytes:
        stamp = _stamp(second)
        visitors = np.searchsorted(self._popularity, self._random.random(count)).tolist()
        drawn = self._random.integers(0, self._request_count, count)
        if error_share:
            drawn += self._request_count * (self._random.random(count) < error_share)
        tails = self._failed_tails if error_share else self._tails
        requests = drawn.tolist()
        pieces = [
            map(self._heads.__getitem__, visitors),
            repeat(stamp),
            map(tails.__getitem__, requests),
            map(self._agents.__getitem__, visitors),
        ]
        if self._timed:
            pieces.append(map(self._durations.__getitem__, requests))
        return b"".join(chain.from_iterable(zip(*pieces, strict=False)))

    def _requests(self, timing: np.random.Generator) -> tuple[list[bytes], list[bytes]]:
        """Prepare requests with their responses, followed by the same requests failing.

        `timing` is random apart, so that lines with response times are else the same.
        """
        random, count = self._random, self._request_count
        paths = [self._path(number) for number in range(self._shape.paths)]
        statuses = [self._path_statuses(path) for path in paths]
        sizes = random.lognormal(8.5, 1.3, len(paths))
        chosen = np.searchsorted(_zipf(len(paths), 1.05), random.random(count))
        luck = random.random(count)
        scale = random.lognormal(0, 0.2, count)
        referrers = random.choice(len(_REFERRERS), count, p=_REFERRER_SHARES)
        good, failed = [], []
        for i, path in enumerate(chosen.tolist()):
            status = next(code for share, code in statuses[path] if luck[i] < share)
            size = "-" if status == 304 else str(int(sizes[path] * scale[i]))
            method = "POST" if "checkout" in paths[path] and luck[i] < 0.5 else "GET"
            query = f"?q={_WORDS[i % len(_WORDS)]}" if "search" in paths[path] else ""
            start = f'"{method} {paths[path]}{query} HTTP/1.1" '
            end = f' "{_REFERRERS[referrers[i]]}" ' if self._combined else "\n"
            good.append(f"{start}{status} {size}{end}".encode())
            failed.append(f"{start}{(500, 502, 503)[i % 3]} 166{end}".encode())
        if self._timed:
            usual = np.array([_usual_seconds(path) for path in paths])[chosen]
            slowness = timing.lognormal(0, 0.3, len(paths))[chosen]
            taken = usual * slowness * timing.lognormal(0, 0.6, count)
            # What fails under load was waited for.
            seconds = np.concatenate([taken, np.minimum(5.0, 0.5 + 20 * taken)])
            self._durations = [f" {one:.3f}\n".encode() for one in seconds.tolist()]
        return good, good + failed

    def _path(self, number: int) -> str:
        random = self._random
        # There are not enough words.
        item = f"/{number}" if number >= _NAMED_PATHS else ""
        section = _SECTIONS[min(int(random.exponential(3)), len(_SECTIONS) - 1)]
        if random.random() < 0.04:
            return "/"
        words = "-".join(_WORDS[i] for i in random.integers(0, len(_WORDS), 2))
        match section:
            case "images":
                return f"/images/{words}{item}.jpg"
            case "static":
                return f"/static/{words}{item}.css"
            case "api":
                return f"/api/v1/{words}/{random.integers(1, 500)}"
            case "users":
                return f"/users/{random.integers(1, 2000)}"
            case _:
                return f"/{section}/{words}{item}"

    def _path_statuses(self, path: str) -> list[tuple[float, int]]:
        """Return the cumulated shares of a path's statuses."""
        if self._random.random() < 0.03:
            return [(1.0, 404)]
        static = path.startswith(("/images", "/static"))
        return [(0.002, 500), (0.01, 404), (0.3 if static else 0.04, 304), (0.06, 301), (1.0, 200)]

    def _visitors(self) -> tuple[list[bytes], list[bytes]]:
        random = self._random
        count = self._shape.visitors
        octets = random.integers(1, 255, (count, 4)).tolist()
        known = random.random(count) < 0.02
        agents = random.choice(len(_AGENTS), count, p=_AGENT_SHARES)
        heads = []
        for i, (a, b, c, d) in enumerate(octets):
            host = f"2001:db8:{a:x}{b:02x}::{c:x}{d:02x}" if i % 8 == 0 else f"{a}.{b}.{c}.{d}"
            user = _USERS[i % len(_USERS)] if known[i] else "-"
            heads.append(f"{host} - {user} ".encode())
        newline = "" if self._timed else "\n"
        ends = [f'"{agent}"{newline}'.encode() if self._combined else b"" for agent in _AGENTS]
        return heads, [ends[agent] for agent in agents.tolist()]


_SECONDS = {
    "/static": 0.002,
    "/images": 0.003,
    "/api": 0.06,
    "/search": 0.15,
    "/checkout": 0.2,
    "/downloads": 0.4,
}
"""What most requests of a section take; of others, 40 ms."""


def _usual_seconds(path: str) -> float:
    return next((took for start, took in _SECONDS.items() if path.startswith(start)), 0.04)


def _stamp(second: int) -> bytes:
    return datetime.fromtimestamp(second, UTC).strftime("[%d/%b/%Y:%H:%M:%S +0000] ").encode()


def _zipf(count: int, exponent: float) -> npt.NDArray[np.float64]:
    """Return cumulated shares of `count` items; the nth has 1/n^exponent of the first."""
    weights = 1 / np.arange(1, count + 1) ** exponent
    cumulated: npt.NDArray[np.float64] = np.cumsum(weights) / weights.sum()
    return cumulated
