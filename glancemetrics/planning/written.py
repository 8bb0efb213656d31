"""What a configuration has beside settings: rules, and who is told."""

from __future__ import annotations

import attrs

from glancemetrics.notifying.target_tables import read_targets
from glancemetrics.notifying.targets import Target
from glancemetrics.records.zones import LocalZone, utc
from glancemetrics.rules.rule import Rule
from glancemetrics.rules.rule_tables import read_rules


@attrs.frozen
class Written:
    """Rules and targets of a configuration."""

    rules: tuple[Rule, ...] = ()
    targets: tuple[Target, ...] = ()


def read_written(text: str, name: str, *, local: LocalZone = utc) -> Written:
    """Read the tables of a TOML text; `name` is what it is called, `local` tells the local zone.

    Raises `UsageError`.
    """
    rules, targets = read_rules(text, name), read_targets(text, name, local=local)
    return Written(tuple(rules), tuple(targets))
