"""Verifies alert logs, and shows their events, for `glancemetrics audit`."""

from __future__ import annotations

import argparse
import glob
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from actors.configuration.local_zone import zone_called
from actors.files.notices import tell
from actors.files.output_file import write_text
from actors.files.standard_streams import terminal_cells
from actors.outputs.alert_log.files import head_path, quiet, read_head, read_lines, rotated
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.incidents.chain import Head, Line, Verdict, event_of, verify
from glancemetrics.records.time_span import ALLOWED as ALLOWED_INSTANT
from glancemetrics.records.time_span import parse_instant
from glancemetrics.reporting.tables import text_table
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import format_count


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


def verify_logs(options: argparse.Namespace) -> int:
    """Verify alert logs; returns the exit status. Raises `GlanceMetricsError`."""
    paths = _paths(options.files)
    with ExitStack() as stack:
        # The last line and its head belong together.
        for path in paths:
            stack.enter_context(quiet(path))
        head, trouble = _head(paths)
        lines = _lines(paths)
    if lines and not any(event_of(line.text) for line in lines):
        raise GlanceMetricsError(f"{', '.join(options.files)}: not an alert log")
    verdict = verify(lines, head)
    if verdict.broken is not None:
        raise GlanceMetricsError(verdict.broken)
    if not verdict.events:
        raise GlanceMetricsError("nothing to verify: no line has a sequence number and hash")
    write_text(_described(verdict))
    if head is None:
        tell(
            f"warning: {trouble}: a change to the last line, or removed lines after it, cannot be "
            "detected"
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


def _described(verdict: Verdict) -> str:
    events = "event" if verdict.events == 1 else "events"
    text = (
        f"{format_count(verdict.events)} {events} verified, number {verdict.first} to "
        f"{verdict.last.seq}: none changed, removed or reordered. Hash of the last:\n"
        f"{verdict.last.hash}\n"
    )
    if verdict.first > 1:
        text += f"Events before number {verdict.first} are not in these files.\n"
    if verdict.unsealed:
        text += f"{format_count(verdict.unsealed)} older lines have no numbers.\n"
    if verdict.cuts:
        were = "line was" if verdict.cuts == 1 else "lines were"
        text += f"{format_count(verdict.cuts)} {were} cut short by a crash.\n"
    if verdict.is_beyond:
        text += "The last line was written just before a crash, or added by someone else.\n"
    return text


def show(options: argparse.Namespace) -> int:
    """Show the events of alert logs; returns the exit status."""
    lines = _lines(_paths(options.files))
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
            when = at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
        except (ValueError, OverflowError, OSError):  # such as at the ends of the calendar
            left_out += 1
            continue
        if (since is not None and second < since) or (until is not None and second >= until):
            continue
        what = str(event.get("event", "")).replace("_", " ")
        told = (what, str(event.get("severity", "")), str(event.get("message", "")))
        rows.append([when, *map(visible, told)])
    write_text(
        text_table(["time", "event", "severity", "message"], rows, terminal_cells())
        if rows
        else "No events.\n"
    )
    if left_out:
        lines_are = "1 line is" if left_out == 1 else f"{left_out} lines are"
        tell(
            f"{lines_are} not shown: not an event, or without a valid time; "
            "`glancemetrics audit verify` names them"
        )
    return 0
