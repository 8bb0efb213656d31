"""`glancemetrics silence`: mutes the notifications of some rules for a while."""

from __future__ import annotations

import argparse
import time
from datetime import datetime

from actors.commands.parser import RULES, CommandParser, Example, type_of
from actors.commands.state_options import add_state_folder_option, chosen_state_file
from actors.files.notices import warn
from actors.files.output_file import write_text
from actors.files.standard_streams import terminal_cells
from actors.state.silences import FILE_NAME, LATEST, Silence, Silences
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.incidents.incident import is_called
from glancemetrics.reporting.tables import text_table
from glancemetrics.words.durations import ALLOWED, parse_span
from glancemetrics.words.escaping import visible
from glancemetrics.words.suggestions import closest


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    with chosen_state_file(options.state_dir, FILE_NAME) as path:
        text = _done(options, Silences(path), time.time())
    write_text(text)
    return 0


def _done(options: argparse.Namespace, silences: Silences, now: float) -> str:
    """Add, end or list silences; returns the text to print."""
    if options.pattern is None:
        if options.span is not None or options.end:
            option = "--end" if options.end else "--for"
            raise UsageError(f"{option}: name a rule, or '*' for all")
        return _listed(silences.active(now))
    if options.end:
        if not silences.end(options.pattern, now):
            raise GlanceMetricsError(
                f"{options.pattern}: no such silence; `glancemetrics silence` lists them"
            )
        return ""
    if options.span is None:
        raise UsageError(f"{options.pattern}: for how long? add --for 2h")
    if now + options.span > LATEST:
        raise UsageError("--for: too long; it would end after the year 9998")
    _warn_of_unknown(options.pattern)
    made = Silence(options.pattern, now + options.span, options.why)
    silences.add(made, now)
    return _listed([made])


def _warn_of_unknown(pattern: str) -> None:
    """Warn if no rule that is known here matches: a monitor may have a configuration elsewhere."""
    # Late: they take a while to load.
    from actors.commands.rule_names import rule_names
    from glancemetrics.rules.high_traffic import NAME

    names = rule_names()
    if any(is_called(name, pattern) for name in (NAME, *names)):
        return
    close = closest(pattern, names)
    suggestion = f"; did you mean {close!r}?" if close else ""
    warn(f"no rule here matches {pattern!r}{suggestion}")


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "silence",
        "Mute the notifications of some rules for a while. Alerts are still shown and written to "
        "the alert log. Incidents still ongoing when it ends are notified then. Without "
        "RULE, list the silences.",
        usage="glancemetrics silence [RULE] [options]",
        examples=[
            Example('silence "Server errors" --for 2h --why "deploy"', "one rule"),
            Example('silence "*" --for 30m', "all rules"),
            Example('silence "Server errors" --end', "notify again"),
            Example("silence", "list the silences"),
        ],
    )
    made.argument("pattern", nargs="?", metavar="RULE", complete=RULES,
        help="name of a rule; * stands for any text")  # fmt: skip
    option = made.option
    option("--for", dest="span", type=type_of(parse_span, ALLOWED), metavar="DURATION",
        help=f"how long: {ALLOWED}")  # fmt: skip
    option("--why", default="", metavar="TEXT", help="a reason, for whoever lists the silences")
    option("--end", action="store_true", help="end the silences of RULE now")
    add_state_folder_option(made)
    return made


def _listed(silences: list[Silence]) -> str:
    if not silences:
        return "No active silences.\n"
    rows = [
        [
            visible(one.pattern),
            datetime.fromtimestamp(one.until).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z"),
            visible(one.why),
        ]
        for one in silences
    ]
    return text_table(["rule", "until", "reason"], rows, terminal_cells())
