"""The plan: all that a run of the monitor is made of, worked out once of what it is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from glancemetrics.configuration.settings import STOCK, Settings
from glancemetrics.errors import UsageError
from glancemetrics.formats.path_groups import PathGroups, make_path_groups
from glancemetrics.formats.reading import Reading, make_reading
from glancemetrics.history.measures import MEASURES
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

_NOTHING_WRITTEN = RulesAndTargets()


@attrs.frozen(kw_only=True)
class Plan:
    """What a run of the monitor is made of."""

    settings: Settings
    sources: Sources
    """What is followed."""
    rules: tuple[Rule, ...]
    """What is watched of traffic."""
    own_rules: tuple[OwnRule, ...]
    """What is watched of the program itself."""
    targets: tuple[Target, ...]
    """Who is told of alerts."""
    reading: Reading
    """How lines become records."""
    paths: PathGroups
    """Which paths are one."""
    where: Where | None
    """Which records are counted; `None` for all."""

    @property
    def rules_by_name(self) -> Mapping[str, Rule]:
        """All rules, those of the program itself too."""
        return {rule.name: rule for rule in (*(own.rule for own in self.own_rules), *self.rules)}


def make_plan(
    settings: Settings,
    written: RulesAndTargets = _NOTHING_WRITTEN,
    *,
    server_format: str | None = None,
    local: LocalZone = utc,
) -> Plan:
    """Work out a plan. Raises `UsageError`, which names what is wrong.

    `written` is what the configuration has beside settings, `server_format` what the server's
    configuration says of the format where `--format-from` names one; `local` tells the local zone.
    """
    reading = reading_of(settings, server_format, local)
    check_kept(reading.context.kept)
    where = None
    if settings.where is not None:
        from glancemetrics.selecting.sql import Where  # late: it takes a while to load

        where = Where(settings.where, reading.context.kept)
    return Plan(
        settings=settings,
        sources=Sources(settings.file),
        rules=rules_of(settings, written.rules),
        own_rules=own_rules_of(settings),
        targets=written.targets,
        reading=reading,
        paths=make_path_groups(settings.group_path),
        where=where,
    )


def check_kept(kept: Iterable[str]) -> None:
    """Raise `UsageError` for a field whose name its panel, or a column of answers, has already."""
    for name in kept:
        if name.lower() in PANEL_NAMES:
            raise UsageError(f"--keep {name}: a panel of reports is called so already")
        if name.lower() in MEASURES:
            raise UsageError(f"--keep {name}: a measure of queries is called so already")


def rules_of(settings: Settings, written: Sequence[Rule] = ()) -> tuple[Rule, ...]:
    """Return the rules that the settings ask for, and those that are written beside them."""
    stock = stock_rules() if settings.rules == STOCK else ()
    names = {rule.name for rule in written}
    return (
        high_traffic(settings.alert_threshold, settings.alert_window_seconds),
        *written,
        # Whoever writes one of the same name wants that instead.
        *(rule for rule in stock if rule.name not in names),
    )


def own_rules_of(settings: Settings) -> tuple[OwnRule, ...]:
    """Return the rules of how the program itself fares."""
    return own_rules() if settings.rules == STOCK else ()


def reading_of(
    settings: Settings, server_format: str | None = None, local: LocalZone = utc
) -> Reading:
    """Return how the settings say that logs are read. Raises `UsageError`."""
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
