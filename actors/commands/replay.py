"""`glancemetrics replay`: the alerts that there would have been over old logs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from actors.archive.counting import CountedLogs, count_logs
from actors.archive.forking import processes_to_use
from actors.archive.interruption import interruption
from actors.archive.logs import LogFile, find_logs
from actors.archive.progress import ProgressLine
from actors.commands.kept_fields import tell_missing
from actors.commands.parser import CommandParser
from actors.commands.reading_options import add_selection_options, chosen_reading
from actors.commands.report_logs import chosen_selection
from actors.configuration.loading import config_text
from actors.configuration.local_zone import zone_called
from actors.configuration.sections import all_sections
from actors.files.notices import tell
from actors.files.output_file import write_data, write_text
from actors.monitor.service import counting_of
from glancemetrics.alerting.alerting import Alerting
from glancemetrics.alerting.replay import Replay, Suggestion, replay, suggest
from glancemetrics.configuration.settings import all_settings, read_settings
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.formats.kept_fields import not_keepable, read_kept
from glancemetrics.incidents.alert_events import iso_time
from glancemetrics.planning.plan import rules_of
from glancemetrics.reporting.tables import text_table
from glancemetrics.rules.conditions import Threshold
from glancemetrics.rules.high_traffic import NAME
from glancemetrics.rules.rule import Rule
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import format_count, format_duration

_FORMATS = ("text", "json", "html")
_SETTINGS = ("alert_threshold", "alertwindow", "rules")


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    output_format = _output_format(options)
    options.keep = options.keep or _keep_of_config(options)
    kept = read_kept(options.keep)
    rules = _rules(options, kept)
    zone = zone_called(options.timezone) or UTC
    selection = chosen_selection(options, zone_called(options.timezone), kept)
    names = options.files or ["-"]
    if "-" in names and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("name a log, or pipe one in (`glancemetrics replay -h` shows how)")
    counting = counting_of(Alerting(rules), kept)
    reading = chosen_reading(options, names)
    logs = find_logs(names, reading)
    line = ProgressLine()
    with interruption() as interrupted:
        try:
            counted = count_logs(
                logs,
                counting,
                context=reading.context,
                selection=selection,
                progress=line.show,
                stopped=interrupted,
                # DuckDB has threads.
                processes=0 if _has_where(rules, options) else processes_to_use(),
            )
        finally:
            line.clear()
        if interrupted():
            tell("Stopped before the end: of what was read by then.")
    _tell_troubles(counted, logs)
    lacking = [not_keepable(kept, log.format) for log in logs]
    tell_missing(name for name in kept if all(name in names for names in lacking))
    if options.suggest:
        write_text(_suggestions_text(suggest(rules, counted.counts)), options.output)
        return 0
    replayed = replay(rules, counted.counts)
    if replayed is None:
        raise GlanceMetricsError(f"{logs[0].name}: {_why_nothing(counted)}")
    title = logs[0].name if len(logs) == 1 else f"{logs[0].name} and {len(logs) - 1} more"
    match output_format:
        case "json":
            text = json.dumps(_json(replayed), ensure_ascii=False, indent=1) + "\n"
        case "html":
            from glancemetrics.reporting.html.replay import replay_page

            text = replay_page(replayed, title, zone, time.time())
        case _:
            text = _text(replayed, zone)
    write_data(text, output_format, options.output)
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="glancemetrics replay",
        description="Run alert rules over old logs, and show each incident that would have been.",
        epilog="glancemetrics replay 'access.log*' --rules stock -o replay.html",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE", help="logs, as of report")
    add("--config", metavar="FILE", help="a TOML file with [[rule]] tables")
    known = all_settings()
    for name in _SETTINGS:
        add(*known[name].flags, dest=name, metavar=known[name].metavar, help=known[name].help)
    add("--suggest", action="store_true",
        help="propose thresholds, each with the incidents that it would have raised")  # fmt: skip
    add("-o", "--output", metavar="FILE", help="write to FILE: .html, .json or .txt")
    add("--output-format", choices=_FORMATS, metavar="FORMAT", help="text, json or html")
    add_selection_options(parser)
    return parser


def _output_format(options: argparse.Namespace) -> str:
    if options.output_format is not None:
        return str(options.output_format)
    if options.output is None:
        return "text"
    suffix = Path(options.output).suffix.lower().removeprefix(".")
    chosen = {"htm": "html", "txt": "text"}.get(suffix, suffix)
    if chosen not in _FORMATS:
        raise UsageError(
            f"--output {options.output}: must end in .html, .json or .txt, "
            "or say which with --output-format"
        )
    return chosen


def _keep_of_config(options: argparse.Namespace) -> Sequence[str]:
    """Return which fields the configuration keeps: its rules are about these."""
    if options.config is None:
        return ()
    text = config_text(options.config, "--config ")
    return read_settings({}, {}, text, options.config, sections=all_sections()).keep


def _rules(options: argparse.Namespace, kept: Sequence[str]) -> Sequence[Rule]:
    flags = {name: getattr(options, name) for name in _SETTINGS}
    asked = options.alert_threshold is not None or options.alertwindow is not None
    if options.config is None:
        settings = read_settings(flags, {}, None)
        return _asked_for(rules_of(settings), asked)
    text = config_text(options.config, "--config ")
    settings = read_settings(flags, {}, text, options.config, sections=all_sections())
    rules = rules_of(settings, read_rules(text, options.config, kept=kept))
    return _asked_for(rules, asked or "alert_threshold" in text or "alertwindow" in text)


def _asked_for(rules: Sequence[Rule], high_traffic: bool) -> Sequence[Rule]:
    """Leave out the high-traffic rule if there are others and nobody has set it."""
    others = [rule for rule in rules if rule.name != NAME]
    return rules if high_traffic or not others else others


def _has_where(rules: Sequence[Rule], options: argparse.Namespace) -> bool:
    return options.where is not None or any(rule.where is not None for rule in rules)


def _tell_troubles(counted: CountedLogs, logs: list[LogFile]) -> None:
    for log, trouble in counted.trouble.items():
        tell(f"{logs[log].name}: {trouble}")
    if counted.rejects and counted.records:
        lines_were = "line was" if counted.rejects == 1 else "lines were"
        tell(f"{format_count(counted.rejects)} {lines_were} rejected.")


def _why_nothing(counted: CountedLogs) -> str:
    if counted.records:
        return f"no rule counts any of its {format_count(counted.records)} requests"
    if counted.sample is not None:
        return (
            f"there is no record in it: all {format_count(counted.lines)} lines were rejected; "
            f"of the first, {counted.sample.reason}"
        )
    return "there is no record in it"


def _text(replayed: Replay, zone: tzinfo) -> str:
    rules = {rule.name: rule for rule in replayed.rules}
    start, end = (_when(second, zone) for second in (replayed.start, replayed.end))
    span = format_duration(replayed.end - replayed.start)
    text = f"From {start} to {end} ({span}):\n\n"
    rows = [
        [
            _when(incident.triggered_at, zone),
            format_duration((incident.recovered_at or replayed.end) - incident.triggered_at)
            + (", and on" if incident.recovered_at is None else ""),
            incident.severity,
            visible(incident.rule),
            visible(incident.group or ""),
            rules[incident.rule].worst(incident),
        ]
        for incident in replayed.incidents
    ]
    if rows:
        text += text_table(["when", "how long", "severity", "rule", "of", "at worst"], rows) + "\n"
    totals = []
    for rule in replayed.rules:
        own = [incident for incident in replayed.incidents if incident.rule == rule.name]
        seconds = sum((i.recovered_at or replayed.end) - i.triggered_at for i in own)
        totals.append([visible(rule.name), len(own), format_duration(seconds) if own else "–"])
    return text + text_table(["rule", "incidents", "all together"], totals)


def _when(second: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(second, zone).strftime("%Y-%m-%d %H:%M:%S")


def _json(replayed: Replay) -> dict[str, object]:
    rules = {rule.name: rule for rule in replayed.rules}
    return {
        "start": iso_time(replayed.start),
        "end": iso_time(replayed.end),
        "rules": [rule.name for rule in replayed.rules],
        "incidents": [
            {
                "incident": incident.id,
                "rule": incident.rule,
                "severity": incident.severity,
                "by": incident.by,
                "group": incident.group,
                "triggered_at": iso_time(incident.triggered_at),
                "recovered_at": (
                    None if incident.recovered_at is None else iso_time(incident.recovered_at)
                ),
                "duration": incident.duration_seconds,
                "value": incident.value,
                "threshold": incident.threshold,
                "peak": incident.peak,
                "flapping": incident.flapping,
                "expired": incident.expired,
                "message": rules[incident.rule].triggered_message(
                    incident, iso_time(incident.triggered_at)
                ),
            }
            for incident in replayed.incidents
        ],
    }


def _suggestions_text(suggestions: Sequence[Suggestion]) -> str:
    if not suggestions:
        return "No rule has a threshold that could be moved.\n"
    rows = []
    for one in suggestions:
        assert isinstance(one.rule.condition, Threshold)
        mark = " (now)" if one.limit == one.rule.threshold else ""
        rows.append(
            [
                visible(one.rule.name),
                f"{'above' if one.rule.condition.is_above else 'below'} {one.limit:g}{mark}",
                one.incidents,
                format_duration(one.seconds) if one.incidents else "–",
            ]
        )
    return text_table(["rule", "threshold", "incidents", "all together"], rows)
