"""The plan: everything a run of the monitor consists of, computed once from its settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from glancemetrics.configuration.settings import BUILT_IN, Settings
from glancemetrics.errors import UsageError
from glancemetrics.formats.path_groups import PathGroups, make_path_groups
from glancemetrics.formats.reading import Reading, make_reading
from glancemetrics.history.measures import is_measure
from glancemetrics.notifying.targets import Target
from glancemetrics.planning.rules_and_targets import RulesAndTargets
from glancemetrics.planning.sources import Sources
from glancemetrics.records.zones import LocalZone, named_zone, utc
from glancemetrics.reporting.panel_names import PANEL_NAMES
from glancemetrics.rules.high_traffic import high_traffic
from glancemetrics.rules.own_health import OwnRule, own_rules
from glancemetrics.rules.rule import Rule
from glancemetrics.rules.stock import stock_rules

if TYPE_CHECKING:
    from glancemetrics.selecting.sql import Where

_NO_TABLES = RulesAndTargets()


@attrs.frozen(kw_only=True)
class Plan:
    """Everything a run of the monitor consists of."""

    settings: Settings
    sources: Sources
    """What is followed."""
    rules: tuple[Rule, ...]
    """Rules for traffic."""
    own_rules: tuple[OwnRule, ...]
    """Rules for GlanceMetrics itself."""
    targets: tuple[Target, ...]
    """Targets of notifications."""
    reading: Reading
    """How lines become records."""
    paths: PathGroups
    """Which paths are counted together."""
    where: Where | None
    """Which records are counted; `None`: all."""

    @property
    def rules_by_name(self) -> Mapping[str, Rule]:
        """All rules, including those for GlanceMetrics itself."""
        return {rule.name: rule for rule in (*(own.rule for own in self.own_rules), *self.rules)}


def make_plan(
    settings: Settings,
    tables: RulesAndTargets = _NO_TABLES,
    *,
    server_format: str | None = None,
    local: LocalZone = utc,
) -> Plan:
    """Make a plan. Raises `UsageError`, which names the mistake.

    `tables` are the configuration's rules and targets, `server_format` is the log format from the
    server's configuration (`--format-from`); `local` returns the local time zone.
    """
    reading = reading_of(settings, server_format, local)
    check_kept(reading.context.kept)
    where = None
    if settings.where is not None:
        from glancemetrics.selecting.sql import Where  # late: slow to import

        where = Where(settings.where, reading.context.kept)
    return Plan(
        settings=settings,
        sources=Sources(settings.file),
        rules=rules_of(settings, tables.rules),
        own_rules=own_rules_of(settings),
        targets=tables.targets,
        reading=reading,
        paths=make_path_groups(settings.group_path),
        where=where,
    )


def check_kept(kept: Iterable[str]) -> None:
    """Raise `UsageError` for a field with the name of a panel, or of a column in answers."""
    for name in kept:
        if name.lower() in PANEL_NAMES:
            raise UsageError(f"--keep {name}: a panel of reports has this name")
        if is_measure(name.lower()):
            raise UsageError(f"--keep {name}: a measure of queries has this name")


def rules_of(settings: Settings, own: Sequence[Rule] = ()) -> tuple[Rule, ...]:
    """Return the rules that the settings enable, and `own`, those of the configuration."""
    # Filtered traffic is not the site's: if only errors count, all responses are errors.
    is_whole = settings.where is None or settings.is_given("rules")
    stock = stock_rules() if settings.rules == BUILT_IN and is_whole else ()
    names = {rule.name for rule in own}
    return (
        high_traffic(
            settings.alert_threshold,
            settings.alert_window_seconds,
            is_default=not settings.is_given("alert_threshold"),
        ),
        *own,
        # A rule with the same name replaces a built-in one.
        *(rule for rule in stock if rule.name not in names),
    )


def own_rules_of(settings: Settings) -> tuple[OwnRule, ...]:
    """Return the built-in rules for GlanceMetrics itself."""
    return own_rules() if settings.rules == BUILT_IN else ()


def reading_of(
    settings: Settings, server_format: str | None = None, local: LocalZone = utc
) -> Reading:
    """Return how logs are read according to the settings. Raises `UsageError`."""
    is_local = settings.log_timezone == "local"
    zone = local() if is_local else named_zone(settings.log_timezone, "--log-timezone")
    return make_reading(
        settings.format if server_format is None else server_format,
        zone,
        settings.trusted_proxy,
        settings.date_format,
        settings.time_format,
        settings.duration_unit,
        zone_is_explicit=not is_local,
        keep=settings.keep,
    )
