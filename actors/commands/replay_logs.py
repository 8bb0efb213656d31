"""Runs the rules of `glancemetrics replay` and shows the alerts."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from actors.archive.counting import CountedLogs, count_logs
from actors.archive.forking import processes_to_use
from actors.archive.interruption import interruption
from actors.archive.logs import LogFile, find_logs
from actors.archive.progress import ProgressLine
from actors.commands.kept_fields import tell_missing
from actors.commands.reading_options import chosen_reading
from actors.commands.replay import SETTINGS
from actors.commands.report_logs import chosen_selection
from actors.configuration.loading import Configuration, configuration, settings_with
from actors.configuration.local_zone import zone_called
from actors.files.notices import tell, warn
from actors.files.output_file import write_data, write_text
from actors.monitor.service import counting_of
from actors.state.allocator import collect_from_now_on
from glancemetrics.alerting.alerting import Alerting
from glancemetrics.alerting.replay import Replay, Suggestion, replay, suggest
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.formats.kept_fields import not_keepable, read_kept
from glancemetrics.planning.plan import rules_of
from glancemetrics.reporting.tables import text_table
from glancemetrics.rules.conditions import Threshold
from glancemetrics.rules.high_traffic import NAME
from glancemetrics.rules.rule import Rule
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import format_count, format_duration
from glancemetrics.words.instants import iso_time


def show_replay(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    collect_from_now_on()
    output_format = options.output_format
    found = configuration(options.config)
    options.keep = options.keep or _keep_of(found)
    kept = read_kept(options.keep)
    rules = _rules(options, found, kept)
    zone = zone_called(options.timezone) or UTC
    selection = chosen_selection(options, zone_called(options.timezone), kept)
    names = options.files or ["-"]
    if "-" in names and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("name a log: glancemetrics replay access.log")
    counting = counting_of(Alerting(rules), kept)
    reading = chosen_reading(options, names)
    logs = find_logs(names, reading, warn)
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
            tell("Interrupted; results are partial.")
    _tell_troubles(counted, logs)
    lacking = [not_keepable(kept, log.format) for log in logs]
    tell_missing(name for name in kept if all(name in names for names in lacking))
    if options.suggest:
        write_text(_suggestions_text(suggest(rules, counted.counts)), options.output)
        return 0
    replayed = replay(rules, counted.counts)
    if replayed is None:
        why = "no requests in this time span" if selection.span else _why_nothing(counted)
        raise GlanceMetricsError(f"{logs[0].name}: {why}")
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


def _keep_of(found: Configuration | None) -> Sequence[str]:
    """Return the fields that the configuration keeps: its rules need them."""
    if found is None:
        return ()
    return settings_with(found, environment={}).keep


def _rules(
    options: argparse.Namespace, found: Configuration | None, kept: Sequence[str]
) -> Sequence[Rule]:
    flags = {name: getattr(options, name) for name in SETTINGS}
    settings = settings_with(found, flags, environment={})
    own = () if found is None else read_rules(found.text, found.name, kept=kept)
    is_wanted = settings.is_given("alert_threshold", "alertwindow")
    return _asked_for(rules_of(settings, own), is_wanted)


def _asked_for(rules: Sequence[Rule], high_traffic: bool) -> Sequence[Rule]:
    """Leave out the high-traffic rule if there are others and its settings are the defaults."""
    others = [rule for rule in rules if rule.name != NAME]
    return rules if high_traffic or not others else others


def _has_where(rules: Sequence[Rule], options: argparse.Namespace) -> bool:
    return options.where is not None or any(rule.where is not None for rule in rules)


def _tell_troubles(counted: CountedLogs, logs: list[LogFile]) -> None:
    for log, trouble in counted.trouble.items():
        tell(f"{logs[log].name}: {trouble}")
    if counted.rejects and counted.records:
        lines = "line" if counted.rejects == 1 else "lines"
        tell(f"{format_count(counted.rejects)} {lines} could not be parsed.")


def _why_nothing(counted: CountedLogs) -> str:
    if counted.records:
        return f"no rule counts any of its {format_count(counted.records)} requests"
    if counted.sample is not None:
        return (
            f"no requests: none of {format_count(counted.lines)} lines could be parsed; "
            f"the first: {counted.sample.reason}"
        )
    return "no requests in it"


def _text(replayed: Replay, zone: tzinfo) -> str:
    rules = {rule.name: rule for rule in replayed.rules}
    start, end = (_when(second, zone) for second in (replayed.start, replayed.end))
    span = format_duration(replayed.end - replayed.start)
    text = f"From {start} to {end} ({span}):\n\n"
    rows = [
        [
            _when(incident.triggered_at, zone),
            format_duration((incident.recovered_at or replayed.end) - incident.triggered_at)
            + (" so far" if incident.recovered_at is None else ""),
            incident.severity,
            visible(incident.title),
            visible(incident.group or ""),
            rules[incident.rule].worst(incident),
        ]
        for incident in replayed.incidents
    ]
    if rows:
        text += text_table(["start", "duration", "severity", "rule", "group", "peak"], rows) + "\n"
    totals = []
    for rule in replayed.rules:
        own = [incident for incident in replayed.incidents if incident.rule == rule.name]
        seconds = sum((i.recovered_at or replayed.end) - i.triggered_at for i in own)
        totals.append([visible(rule.title), len(own), format_duration(seconds) if own else "–"])
    text += text_table(["rule", "alerts", "total time"], totals)
    if not any(rule.name == NAME for rule in replayed.rules):
        text += "\nHigh traffic is not replayed: set its limit with --alert-threshold N.\n"
    return text


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
        return "None of the rules has a threshold to adjust.\n"
    rows = []
    for one in suggestions:
        assert isinstance(one.rule.condition, Threshold)
        mark = " (now)" if one.limit == one.rule.threshold else ""
        rows.append(
            [
                visible(one.rule.title),
                f"{'above' if one.rule.condition.is_above else 'below'} {one.limit:g}{mark}",
                one.incidents,
                format_duration(one.seconds) if one.incidents else "–",
            ]
        )
    return text_table(["rule", "threshold", "alerts", "total time"], rows)
