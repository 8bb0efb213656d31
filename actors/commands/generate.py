"""`glancemetrics generate`: writes simulated traffic to standard output or a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from actors.commands.output_options import file_or_stdout
from actors.commands.parser import FILES, CommandParser, Completion, Example, type_of
from glancemetrics.errors import UsageError
from glancemetrics.words.durations import parse_seconds
from glancemetrics.words.sizes import parse_size

if TYPE_CHECKING:
    from glancemetrics.simulation import Spike

_FORMATS = ("combined", "common", "timed")
_SPAN_ALLOWED = "a duration such as 30s, 10m or 2h"


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    if options.fast and options.lines is None and options.duration is None:
        raise UsageError("--fast: needs --lines or --duration, or it would never end")
    if options.start is not None and not options.fast:
        raise UsageError("--start: needs --fast; without it, lines are dated now")
    from actors.commands.generate_traffic import generate  # late: -h needs none of it

    return generate(options)


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "generate",
        "Write realistic simulated traffic as an access log, for demos and tests.",
        usage="glancemetrics generate [options]",
        examples=[
            Example("generate --rate 50 -o /tmp/access.log", "50 lines/s, until Ctrl-C"),
            Example("generate --spike 1m@900+30s -o demo.log", "900 req/s for 1 min, after 30 s"),
            Example("generate --fast --lines 100000 -o demo.log", "100,000 lines at once"),
            Example("generate --fast --duration 7d --rate 5 --swing 0.8 -o week.log",
                    "a week with days and nights"),
        ],
    )  # fmt: skip
    option = made.option
    share = type_of(_share, "a share from 0 to 1, such as 0.4 or 40%")
    some = type_of(_some, "a whole number from 1 to 10000000")
    spike = type_of(_spike, "DURATION@VALUE[+AFTER], such as 60s@50+10s")
    spikes: dict[str, Any] = {
        "type": spike,
        "action": "append",
        "default": [],
        "metavar": "DURATION@VALUE[+AFTER]",
    }
    option("-o", "--output", type=file_or_stdout, metavar="FILE", complete=FILES,
        help="append to FILE", shown_default="standard output")  # fmt: skip
    option("--rate", type=type_of(_rate, "a number of lines per second"), default=100.0,
        metavar="RATE", help="average lines per second", shown_default="100 lines/s")  # fmt: skip
    option("--lines", type=type_of(_count, "a whole number of lines"), metavar="LINES",
        help="stop after this many lines")  # fmt: skip
    option("--duration", type=type_of(_span, _SPAN_ALLOWED), metavar="DURATION",
        help="stop after this time; with --fast, of simulated time: 30s, 10m, 7d")  # fmt: skip
    option("--fast", action="store_true",
        help="as fast as possible, in simulated time; needs --lines or --duration")  # fmt: skip
    option("--start", type=type_of(_instant, "a time such as 2026-11-23T12:00"), metavar="TIME",
        help="with --fast: time of the first line", shown_default="it ends now")  # fmt: skip
    option("--seed", type=type_of(_count, "a whole number"), default=1, metavar="SEED",
        help="the same seed gives the same lines", shown_default="seed 1")  # fmt: skip
    option("--format", choices=_FORMATS, default="combined", metavar="FORMAT",
        complete=Completion(_FORMATS),
        help="combined, common, or timed: combined with response times",
        shown_default="combined")  # fmt: skip
    option("--visitors", type=some, default=1 << 15, metavar="COUNT",
        help="distinct visitors", shown_default="32768 visitors")  # fmt: skip
    option("--paths", type=some, default=1 << 12, metavar="COUNT",
        help="distinct paths", shown_default="4096 paths")  # fmt: skip
    option("--swing", type=share, default=0.0, metavar="SHARE",
        help="how far the rate swings over a day, 0 to 1: with 0.8 from 180 % of it at 15:00 UTC "
        "to 20 % at 03:00 UTC; with --fast, over each simulated day",
        shown_default="no swing")  # fmt: skip
    option("--flutter", type=share, default=0.1, metavar="SHARE",
        help="random change of the rate from second to second, 0 to 1",
        shown_default="0.1, that is 10 %")  # fmt: skip
    option("--spike", **spikes,
        help="for DURATION the rate is VALUE, beginning AFTER [10s] from the start: 60s@50, "
        "2m@300+1m, an outage 10m@0+1h; repeatable")  # fmt: skip
    errors = type_of(_error_spike, "DURATION@SHARE[+AFTER], such as 60s@40%+10s")
    option("--error-spike", **spikes | {"type": errors, "metavar": "DURATION@SHARE[+AFTER]"},
        help="for DURATION this share of responses is 5xx: 60s@40%")  # fmt: skip
    option("--scan", **spikes,
        help="for DURATION one more visitor looks for pages that do not exist, VALUE per second: "
        "5m@3+1h")  # fmt: skip
    option("--rotate", type=type_of(parse_size, "a size such as 500kB or 10MB"), metavar="SIZE",
        help="rename FILE to FILE.1 and so on when it reaches SIZE: 10MB")  # fmt: skip
    return made


def _rate(text: str) -> float:
    rate = float(text)
    if not 0.001 <= rate < 1e9:
        raise ValueError(text)
    return rate


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(text)
    return int(text)


def _some(text: str) -> int:
    if not 1 <= _count(text) <= 10_000_000:
        raise ValueError(text)
    return int(text)


def _share(text: str) -> float:
    share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    if not 0 <= share <= 1:
        raise ValueError(text)
    return share


def _span(text: str) -> float:
    return float(text) if text.isdecimal() else parse_seconds(text)


def _spike(text: str, read_value: Callable[[str], float] = float) -> Spike:
    from glancemetrics.simulation import Spike  # late: it takes a while to load

    duration, at, rest = text.partition("@")
    value, plus, after = rest.partition("+")
    number = read_value(value)
    if not at or not 0 <= number < 1e9:
        raise ValueError(text)
    return Spike(_span(after) if plus else 10.0, _span(duration), number)


def _error_spike(text: str) -> Spike:
    return _spike(text, _share)


def _instant(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
