"""`glancemetrics silence`: for a while nobody is told of some rules."""

from __future__ import annotations

import argparse
import time
from datetime import datetime

from actors.commands.parser import CommandParser
from actors.files.output_file import write_text
from actors.state.silences import FILE_NAME, LATEST, Silence, Silences
from actors.state.state_folder import add_state_folder_option, state_folder
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.reporting.tables import text_table
from glancemetrics.words.durations import ALLOWED, parse_span
from glancemetrics.words.escaping import visible


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    silences = Silences(state_folder(options.state_dir) / FILE_NAME)
    try:
        told = _told(options, silences, time.time())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is damaged; remove it"
        raise GlanceMetricsError(f"{FILE_NAME} in the state folder: {reason}") from None
    write_text(told)
    return 0


def _told(options: argparse.Namespace, silences: Silences, now: float) -> str:
    """Do what is asked for; returns what is said of it."""
    if options.pattern is None:
        return _listed(silences.active(now))
    if options.end:
        if not silences.end(options.pattern, now):
            raise GlanceMetricsError(f"{options.pattern}: there is no such silence")
        return ""
    if options.span is None:
        raise UsageError("say for how long, with --for 2h")
    if now + options.span > LATEST:
        raise UsageError("--for: ends after the year 9998; name a shorter time")
    made = Silence(options.pattern, now + options.span, options.why)
    silences.add(made, now)
    return _listed([made])


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="glancemetrics silence",
        description="For a while nobody is told of some rules; without PATTERN, list silences.",
        epilog='glancemetrics silence "Checkout*" --for 2h --why "deploy"',
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("pattern", nargs="?", metavar="PATTERN", help="names of rules, * for any text")
    add("--for", dest="span", type=_span, metavar="SPAN", help=f"how long: {ALLOWED}")
    add("--why", default="", metavar="TEXT", help="for whoever lists them")
    add("--end", action="store_true", help="end the silences of PATTERN now")
    add_state_folder_option(parser)
    return parser


def _span(text: str) -> int:
    try:
        return parse_span(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} must be {ALLOWED}") from None


def _listed(silences: list[Silence]) -> str:
    if not silences:
        return "Nothing is silent.\n"
    rows = [
        [
            visible(one.pattern),
            datetime.fromtimestamp(one.until).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            visible(one.why),
        ]
        for one in silences
    ]
    return text_table(["silent", "until", "why"], rows)
