"""The tables of a configuration: rules, and targets of notifications."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from glancemetrics.notifying.target_tables import read_targets
from glancemetrics.notifying.targets import Target
from glancemetrics.records.zones import LocalZone, utc
from glancemetrics.rules.rule import Rule
from glancemetrics.rules.rule_tables import read_rules


@attrs.frozen
class RulesAndTargets:
    """Rules and targets of a configuration."""

    rules: tuple[Rule, ...] = ()
    targets: tuple[Target, ...] = ()


def read_rules_and_targets(
    text: str, name: str, *, local: LocalZone = utc, kept: Sequence[str] = ()
) -> RulesAndTargets:
    """Read the tables of a TOML text; `name` is its file name, `local` returns the local time zone.

    `kept` are fields that records have besides those of the schema. Raises `UsageError`.
    """
    rules = read_rules(text, name, kept=kept)
    targets = read_targets(text, name, local=local)
    return RulesAndTargets(tuple(rules), tuple(targets))
