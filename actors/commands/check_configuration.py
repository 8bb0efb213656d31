"""Validates a configuration and describes what it does, for `glancemetrics check`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from actors.configuration.local_zone import local_zone
from actors.configuration.needs import missing_logs, missing_of_settings, missing_of_target
from actors.configuration.sections import all_sections
from actors.configuration.servers import format_told
from actors.files.notices import complain, warn
from actors.files.output_file import write_text
from actors.files.standard_streams import terminal_cells
from actors.history import HistorySettings
from actors.monitor.service import counting_of
from actors.outputs.alert_log import FILE_NAME, AlertLogSettings
from actors.outputs.syslog import SyslogSettings
from actors.outputs.web import WebSettings, check_senders
from actors.sources.agents import check_state
from actors.sources.registry import check_source, kind_of
from glancemetrics.alerting.alerting import Alerting
from glancemetrics.configuration.setting import OFF
from glancemetrics.configuration.settings import Settings, read_settings, unknown_variables
from glancemetrics.errors import Mistakes, UsageError, noting
from glancemetrics.formats.kept_fields import read_kept
from glancemetrics.formats.path_groups import make_path_groups
from glancemetrics.notifying.target_tables import read_targets
from glancemetrics.notifying.targets import Target, unmatched
from glancemetrics.planning.plan import check_kept, own_rules_of, reading_of, rules_of
from glancemetrics.planning.sources import Sources
from glancemetrics.reporting.tables import text_table
from glancemetrics.rules.conditions import (
    Absence,
    Anomaly,
    BurnRate,
    Change,
    Threshold,
    Unseen,
)
from glancemetrics.rules.rule import Rule, spans
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.words.durations import written_span
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import format_bytes


def check(text: str, name: str, environment: Mapping[str, str] = MappingProxyType({})) -> int:
    """Validate the text of a configuration, and what it needs on this machine.

    `environment` has settings, too, which win over those of the text.

    All mistakes that can be found at once are reported on stderr. Returns the exit status.
    """
    mistakes: Mistakes = []
    settings = Settings()
    sources = Sources(settings.file)
    rules: tuple[Rule, ...] = ()
    targets: list[Target] = []
    kept: tuple[str, ...] = ()
    is_toml = False
    with noting(mistakes):
        settings = read_settings({}, environment, text, name, mistakes, sections=all_sections())
        is_toml = True
        sources = Sources(settings.file)
        with noting(mistakes):
            kept = read_kept(settings.keep)
            check_kept(kept)
        rules = rules_of(settings, read_rules(text, name, mistakes, kept=kept))
        targets = read_targets(text, name, mistakes, local=local_zone)
        mistakes += missing_of_settings(settings, text, name)
        for target in targets:
            mistakes += missing_of_target(target)
        for source in sources.texts:
            with noting(mistakes):
                if not kind_of(source).has_standard_input:  # that is the check's own
                    check_source(source)
        with noting(mistakes):
            check_senders(settings.section(WebSettings), settings)
        with noting(mistakes):
            check_state(settings, sources)
        with noting(mistakes):
            counting_of(Alerting(rules), kept)
        with noting(mistakes):
            reading_of(settings, format_told(settings, sources), local_zone)
        with noting(mistakes):
            make_path_groups(settings.group_path)
        if settings.where is not None:
            from glancemetrics.selecting.sql import Where  # late: it takes a while to load

            with noting(mistakes):
                Where(settings.where, kept)
    told = dict.fromkeys(map(settings.with_places, mistakes))
    for mistake in sorted(told, key=lambda one: _line_in(one, name)):
        complain(mistake)
    if not mistakes:
        write_text(_described(settings, sources, rules, targets, name))
    names = [rule.name for rule in (*rules, *(one.rule for one in own_rules_of(settings)))]
    warnings = [*unknown_variables(environment, all_sections())]
    if is_toml:
        warnings += [*missing_logs(sources, text, name), *unmatched(targets, names)]
    for warning in warnings:
        warn(warning)
    return UsageError.exit_status if mistakes else 0


def _line_in(mistake: str, name: str) -> int:
    """Return the line of a mistake in the configuration of this name; 0 without one."""
    found = re.match(rf"{re.escape(name)} line (\d+)", mistake)
    return 0 if found is None else int(found[1])


def _described(
    settings: Settings,
    sources: Sources,
    rules: Sequence[Rule],
    targets: Sequence[Target],
    name: str,
) -> str:
    """Describe what is followed, which alerts there are, who is notified, and what is kept."""
    rows = [
        [visible(rule.title), rule.severity.value, measured_by(rule), condition_of(rule)]
        for rule in rules
    ]
    rows += [
        [one.rule.name, one.rule.severity.value, one.rule.metric.name, hold_of(one.rule)]
        for one in own_rules_of(settings)
    ]
    cells = terminal_cells()
    text = f"{name} is valid. It follows {', '.join(sources.texts)}.\n\n"
    text += text_table(["rule", "severity", "metric", "condition"], rows, cells)
    if targets:
        notified = [
            [
                visible(one.name),
                one.kind.value,
                one.severity.value,
                visible(" ".join(one.rules)),
                _how_often(one),
            ]
            for one in targets
        ]
        text += "\n" + text_table(
            ["notified", "by", "from severity", "rules", "when"], notified, cells
        )
    else:
        text += "\nNo notifications are configured ([[notify]]).\n"
    return text + "\n" + text_table(["output", "setting"], list(_outputs(settings)), cells)


def _outputs(settings: Settings) -> Iterator[list[str]]:
    """Yield what is written where, as far as the configuration says."""
    alert_log = settings.section(AlertLogSettings)
    folder = settings.state_dir
    usual = "default" if folder in {None, OFF} else f"{folder}/{FILE_NAME}"
    yield ["alert log", visible(alert_log.path or usual)]
    address = settings.section(SyslogSettings).address
    yield ["syslog", OFF if address is None else visible(str(address))]
    yield ["state", visible(folder or "default directory, when headless")]
    history = settings.section(HistorySettings)
    kept = (
        f"{format_bytes(history.memory)} in memory, {format_bytes(history.disk)} on disk, "
        f"{written_span(history.age)}"
    )
    yield ["history", kept if history.is_on else OFF]


def hold_of(rule: Rule) -> str:
    """Return how long a built-in rule about the monitor waits before it alerts."""
    return f"for {written_span(rule.timing.hold)}" if rule.timing.hold else "immediately"


def _how_often(target: Target) -> str:
    when = "always" if target.hours is None else visible(target.hours.text)
    if target.group_wait:
        when += f", grouped for {written_span(target.group_wait)} by {target.group_by.value}"
    if target.repeat is not None:
        when += f", repeated every {written_span(target.repeat)}"
    return when


def measured_by(rule: Rule) -> str:
    """Return what a rule measures, of which requests and by which field."""
    what = rule.metric.name
    if rule.by is not None:
        what += f" by {rule.by}"
    if rule.where is not None:
        what += f" where {visible(rule.where)}"
    return what


def condition_of(rule: Rule) -> str:
    """Return when a rule raises an alert, in words."""
    window = written_span(rule.window_seconds)
    match rule.condition:
        case Threshold(limit, is_above):
            bound = rule.metric.bare(limit)
            when = f"{'above' if is_above else 'below'} {bound} over {window}"
        case Change(factor, before):
            than = "more" if factor.is_above else "less"
            ago = spans(before)
            when = f"{than} than {factor.limit:g} times the value of {ago} before, over {window}"
        case Absence():
            when = f"none for {window}"
        case BurnRate(factor, objective, short):
            when = (
                f"error budget of {100 * objective:g} % spent over {factor:g} times too fast, over "
                f"{window} and {written_span(short)}"
            )
        case Unseen(warm_up):
            when = f"never seen before, after a warm-up of {written_span(warm_up)}"
        case Anomaly(deviations, season):
            when = f"{deviations:g} deviations from normal ({written_span(season)}), over {window}"
    if rule.timing.hold:
        when += f", for {written_span(rule.timing.hold)}"
    if rule.min_hits:
        when += f", from {rule.min_hits} requests"
    return when
