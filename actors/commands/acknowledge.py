"""`glancemetrics acknowledge`: stops the reminders about an incident."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import datetime

from actors.commands.parser import CommandParser, Example
from actors.commands.state_options import add_state_folder_option, chosen_state_file
from actors.files.output_file import write_text
from actors.files.standard_streams import terminal_cells
from actors.state.acknowledgements import FILE_NAME, Acknowledgement, Acknowledgements
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.incidents.incident import is_incident_id
from glancemetrics.reporting.tables import text_table
from glancemetrics.words.escaping import visible


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    with chosen_state_file(options.state_dir, FILE_NAME) as path:
        text = _done(options, Acknowledgements(path), time.time())
    write_text(text)
    return 0


def _done(options: argparse.Namespace, acknowledgements: Acknowledgements, now: float) -> str:
    """Add, take back or list acknowledgements; returns the text to print."""
    incident = options.incident
    if incident is None:
        if options.end:
            raise UsageError("--end: name an incident")
        return _listed(acknowledgements.listed())
    if options.end:
        if not acknowledgements.take_back(incident):
            raise GlanceMetricsError(
                f"{incident}: not acknowledged; `glancemetrics acknowledge` lists what is"
            )
        return ""
    if not is_incident_id(incident):
        raise UsageError(
            f"{incident}: must be the id of an incident, such as Scanner-20261126T100503Z: "
            "`incident` in the alert log, in --json and in notifications"
        )
    return _listed([acknowledgements.add(incident, now)])


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "acknowledge",
        "Stop the reminders (repeat) about an incident that somebody takes care of. Its recovery "
        "is still notified. Without INCIDENT, list the acknowledged incidents of the last 30 days.",
        usage="glancemetrics acknowledge [INCIDENT] [options]",
        examples=[
            Example('acknowledge "Server errors-20261126T100503Z"', "no more reminders"),
            Example('acknowledge "Server errors-20261126T100503Z" --end', "remind again"),
            Example("acknowledge", "list the acknowledged incidents"),
        ],
    )
    made.argument("incident", nargs="?", metavar="INCIDENT",
        help="id of an incident, from the alert log, --json or a notification")  # fmt: skip
    made.option("--end", action="store_true", help="take the acknowledgement back")
    add_state_folder_option(made)
    return made


def _listed(acknowledgements: Sequence[Acknowledgement]) -> str:
    if not acknowledgements:
        return "No acknowledged incidents.\n"
    rows = [
        [
            visible(one.incident),
            datetime.fromtimestamp(one.at).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z"),
        ]
        for one in acknowledgements
    ]
    return text_table(["incident", "acknowledged"], rows, terminal_cells())
