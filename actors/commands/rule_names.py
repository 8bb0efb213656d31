"""The names of rules that a monitor here has."""

from __future__ import annotations

from actors.configuration.loading import configuration
from glancemetrics.errors import Mistakes, UsageError
from glancemetrics.incidents.incident import rule_title
from glancemetrics.rules.high_traffic import NAME
from glancemetrics.rules.own_health import own_rules
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.rules.stock import stock_rules


def rule_names() -> list[str]:
    """Return the names of rules, built in and of the configuration that is found."""
    names = [rule_title(NAME), *(rule.name for rule in stock_rules())]
    names += [own.rule.name for own in own_rules()]
    try:
        found = configuration()
        mistakes: Mistakes = []
        if found is not None:
            names += [rule.name for rule in read_rules(found.text, found.name, mistakes)]
    except UsageError:
        pass  # `check` reports mistakes
    return list(dict.fromkeys(names))
