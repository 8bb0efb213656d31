"""`glancemetrics check`: whether a configuration is right, and what would be watched with it."""

from __future__ import annotations

from collections.abc import Sequence

from actors.commands.parser import CommandParser
from actors.configuration.loading import config_text
from actors.configuration.local_zone import local_zone
from actors.configuration.needs import missing_logs, missing_of_settings, missing_of_target
from actors.configuration.sections import all_sections
from actors.configuration.servers import format_told
from actors.files.notices import complain, tell
from actors.files.output_file import write_text
from actors.monitor.service import counting_of
from actors.sources.registry import kind_of
from glancemetrics.alerting.alerting import Alerting
from glancemetrics.configuration.settings import Settings, read_settings
from glancemetrics.errors import Mistakes, UsageError, noting
from glancemetrics.formats.kept_fields import read_kept
from glancemetrics.formats.path_groups import make_path_groups
from glancemetrics.notifying.target_tables import read_targets
from glancemetrics.notifying.targets import Target
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


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    parser = CommandParser(
        prog="glancemetrics check",
        description="Say what is wrong with a configuration, or what would be watched with it.",
    )
    parser.add_argument("config", metavar="FILE", help="a TOML file, as of --config")
    name = parser.parse_args(arguments).config
    return check(config_text(name), name)


def check(text: str, name: str) -> int:
    """Check the text of a configuration, and what it needs on this machine.

    All mistakes that can be found at once are written to stderr. Returns the exit status.
    """
    mistakes: Mistakes = []
    settings = Settings()
    sources = Sources(settings.file)
    rules: tuple[Rule, ...] = ()
    targets: list[Target] = []
    kept: tuple[str, ...] = ()
    with noting(mistakes):
        settings = read_settings({}, {}, text, name, mistakes, sections=all_sections())
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
                kind_of(source)
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
    for mistake in dict.fromkeys(mistakes):
        complain(mistake)
    if mistakes:
        return UsageError.exit_status
    write_text(_told(settings, sources, rules, targets, name))
    for log in missing_logs(sources, text, name):
        tell(f"warning: {log}")
    return 0


def _told(
    settings: Settings,
    sources: Sources,
    rules: Sequence[Rule],
    targets: Sequence[Target],
    name: str,
) -> str:
    """Say what would be watched, and who would be notified."""
    rows = [[visible(rule.name), rule.severity.value, _what(rule), _when(rule)] for rule in rules]
    rows += [
        [one.rule.name, one.rule.severity.value, one.rule.metric.name, _own_when(one.rule)]
        for one in own_rules_of(settings)
    ]
    text = f"{name} is right. It follows {', '.join(sources.texts)}, and watches:\n\n"
    text += text_table(["rule", "severity", "what", "when"], rows)
    if targets:
        told = [
            [
                visible(one.name),
                one.kind.value,
                one.severity.value,
                visible(" ".join(one.rules)),
                _how_often(one),
            ]
            for one in targets
        ]
        text += "\n" + text_table(["is told", "by", "from", "of", "when"], told)
    return text


def _own_when(rule: Rule) -> str:
    return f"for {written_span(rule.timing.hold)}" if rule.timing.hold else "at once"


def _how_often(target: Target) -> str:
    when = "always" if target.hours is None else visible(target.hours.text)
    if target.group_wait:
        when += f", gathered for {written_span(target.group_wait)} by {target.group_by.value}"
    if target.repeat is not None:
        when += f", again every {written_span(target.repeat)}"
    return when


def _what(rule: Rule) -> str:
    what = rule.metric.name
    if rule.by is not None:
        what += f" by {rule.by}"
    if rule.where is not None:
        what += f" where {visible(rule.where)}"
    return what


def _when(rule: Rule) -> str:
    window = written_span(rule.window_seconds)
    match rule.condition:
        case Threshold(limit, is_above):
            when = f"{'above' if is_above else 'below'} {limit:g} over {window}"
        case Change(factor, before):
            than = "more" if factor.is_above else "less"
            ago = spans(before)
            when = f"over {window} {than} than {factor.limit:g} times what it was {ago} before"
        case Absence():
            when = f"none for {window}"
        case BurnRate(factor, objective, short):
            when = (
                f"budget of {100 * objective:g} % used up more than {factor:g} times too fast over "
                f"{window} and {written_span(short)}"
            )
        case Unseen(warm_up):
            when = f"not seen before, after {written_span(warm_up)}"
        case Anomaly(deviations, season):
            when = f"over {window} {deviations:g} deviations off the usual ({written_span(season)})"
    if rule.timing.hold:
        when += f", for {written_span(rule.timing.hold)}"
    if rule.min_hits:
        when += f", of at least {rule.min_hits} requests"
    return when
