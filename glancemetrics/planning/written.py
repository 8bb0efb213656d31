"""What a configuration has beside settings: rules, and who is told."""

from __future__ import annotations

import attrs

from glancemetrics.notifying.target_tables import read_targets
from glancemetrics.notifying.targets import Target
from glancemetrics.rules.rule import Rule
from glancemetrics.rules.rule_tables import read_rules


@attrs.frozen
class Written:
    """Rules and targets of a configuration."""

    rules: tuple[Rule, ...] = ()
    targets: tuple[Target, ...] = ()


def read_written(text: str, name: str) -> Written:
    """Read the tables of a TOML text; `name` is what it is called. Raises `UsageError`."""
    return Written(tuple(read_rules(text, name)), tuple(read_targets(text, name)))
