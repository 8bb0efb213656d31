"""`glancemetrics audit`: whether an alert log is as it was written, and what is in it."""

from __future__ import annotations

import argparse
import glob
import time
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from actors.commands.parser import CommandParser
from actors.configuration.local_zone import zone_called
from actors.files.notices import tell
from actors.files.output_file import write_text
from actors.outputs.alert_log import FILE_NAME
from actors.outputs.alert_log.files import head_path, quiet, read_head, read_lines, rotated
from actors.state.state_folder import add_state_folder_option, state_folder
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.incidents.chain import Head, Line, Verdict, event_of, verify
from glancemetrics.records.time_span import ALLOWED as ALLOWED_INSTANT
from glancemetrics.records.time_span import parse_instant
from glancemetrics.reporting.tables import text_table
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import format_count


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    names = options.files or [str(state_folder(options.state_dir) / FILE_NAME)]
    if options.action == "verify":
        return _verify(_paths(names))
    return _show(_lines(_paths(names)), options)


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="glancemetrics audit",
        description="Prove that an alert log is as it was written, or show what is in it.",
        epilog="glancemetrics audit show --since yesterday",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("action", choices=("verify", "show"), help="prove, or show")
    add("files", nargs="*", metavar="FILE",
        help="alert logs, with what was rotated (default: the default alert log)")  # fmt: skip
    add("--since", metavar="TIME", help=f"show: only from then on: {ALLOWED_INSTANT}")
    add("--until", metavar="TIME", help="show: only before then")
    add("--timezone", default="local", metavar="ZONE", help="show: whose time (default: local)")
    add_state_folder_option(parser)
    return parser


def _paths(names: list[str]) -> list[Path]:
    """Return the alert logs that are named. Raises `GlanceMetricsError`."""
    paths: list[Path] = []
    for name in names:
        found = sorted(glob.glob(name)) if glob.has_magic(name) else [name]  # noqa: PTH207
        if not found:
            raise GlanceMetricsError(f"{name}: no such file")
        paths += map(Path, found)
    return paths


def _lines(paths: list[Path]) -> list[Line]:
    """Read the lines of alert logs, in the order in which they were written."""
    files: dict[Path, list[Line]] = {}
    for path in paths:
        older = rotated(path)
        for each in (*older, path):
            if each.resolve() in files:
                continue
            if older and each == path and not each.exists():
                continue  # what wrote it was killed in the middle of a rotation
            try:
                files[each.resolve()] = list(read_lines(each))
            except OSError as error:
                raise GlanceMetricsError(f"{each}: {error.strerror}") from None
    return [line for lines in sorted(files.values(), key=_first) for line in lines]


def _first(lines: list[Line]) -> int:
    """The number of the first line of a file that has one."""
    for line in lines:
        seq = (event_of(line.text) or {}).get("seq")
        if isinstance(seq, int):
            return seq
    return 0


def _verify(paths: list[Path]) -> int:
    with ExitStack() as stack:
        # The last line and its head belong together.
        for path in paths:
            stack.enter_context(quiet(path))
        head, trouble = _head(paths)
        lines = _lines(paths)
    verdict = verify(lines, head)
    if verdict.broken is not None:
        raise GlanceMetricsError(verdict.broken)
    if not verdict.events:
        raise GlanceMetricsError("no line is sealed: there is nothing to prove")
    write_text(_told(verdict))
    if head is None:
        tell(
            f"warning: {trouble}: whether the last line was changed, or lines after it were taken "
            "away, cannot be seen"
        )
    return 0


def _head(paths: list[Path]) -> tuple[Head | None, str]:
    """Return the newest head of some alert logs; without one, why there is none."""
    heads: list[Head] = []
    trouble = f"{head_path(paths[-1])}: no such file"
    for path in paths:
        file = head_path(path)
        try:
            head = read_head(path)
        except OSError as error:
            trouble = f"{file}: {error.strerror}"
            continue
        if head is not None:
            heads.append(head)
        elif file.exists():
            trouble = f"{file}: damaged"
    return max(heads, key=lambda one: one.seq, default=None), trouble


def _told(verdict: Verdict) -> str:
    events = "event is" if verdict.events == 1 else "events are"
    told = (
        f"{format_count(verdict.events)} {events} as written, none taken out and none out of "
        f"order: from number {verdict.first} to {verdict.last.seq}, of which the hash is\n"
        f"{verdict.last.hash}\n"
    )
    if verdict.first > 1:
        told += f"Events before number {verdict.first} are not in these files.\n"
    if verdict.unsealed:
        told += f"{format_count(verdict.unsealed)} older lines have no numbers.\n"
    if verdict.cuts:
        were = "line was" if verdict.cuts == 1 else "lines were"
        told += f"{format_count(verdict.cuts)} {were} cut short by a crash.\n"
    if verdict.is_beyond:
        told += "The last line was written just before a crash, or put there by someone else.\n"
    return told


def _show(lines: Iterable[Line], options: argparse.Namespace) -> int:
    zone = zone_called(options.timezone) or UTC
    bounds = []
    for name in ("since", "until"):
        text = getattr(options, name)
        try:
            bounds.append(None if text is None else parse_instant(text, time.time(), zone))
        except (ValueError, OverflowError):
            raise UsageError(f"--{name} {text}: must be {ALLOWED_INSTANT}") from None
    since, until = bounds
    rows = []
    left_out = 0
    for line in lines:
        event = event_of(line.text)
        if event is None:
            left_out += 1
            continue
        try:
            at = datetime.fromisoformat(str(event.get("time")))
            second = at.timestamp()
            when = at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
        except (ValueError, OverflowError, OSError):  # such as at the ends of the calendar
            left_out += 1
            continue
        if (since is not None and second < since) or (until is not None and second >= until):
            continue
        what = str(event.get("event", "")).replace("_", " ")
        told = (what, str(event.get("severity", "")), str(event.get("message", "")))
        rows.append([when, *map(visible, told)])
    write_text(text_table(["when", "what", "severity", "message"], rows) if rows else "Nothing.\n")
    if left_out:
        lines_are = "1 line is" if left_out == 1 else f"{left_out} lines are"
        tell(f"{lines_are} not shown: no event, or no valid time; see `glancemetrics audit verify`")
    return 0
