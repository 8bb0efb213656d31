"""A commented example of a configuration, made from the settings."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable

from glancemetrics.configuration.setting import Group, Setting
from glancemetrics.words.humane import capitalized

_WIDTH = 79

_HEAD = """\
# GlanceMetrics configuration, in TOML. Use it with --config FILE, or save it as
# ./glancemetrics.toml, ~/.config/glancemetrics/config.toml or
# /etc/glancemetrics/config.toml, where it is found automatically.
#
# Every line is commented out. Options and GLANCEMETRICS_NAME variables win over
# this file.
# `glancemetrics check` validates it, `glancemetrics config` shows what holds.
"""

_TABLES = """

# Rules -----------------------------------------------------------------------
# Your own rules. `glancemetrics replay access.log` tries them on old logs.

# [[rule]]
# name = "Checkout errors"
# metric = "status_ratio(5xx)"
# where = "path like '/checkout%'"
# above = 0.02
# window = "2m"
# for = "30s"
# min_hits = 20
# severity = "critical"

# [[rule]]
# name = "No orders"
# metric = "hits"
# where = "path = '/order' and method = 'POST'"
# absence = "15m"

# Notifications ---------------------------------------------------------------
# Who is notified of alerts. "env:NAME" is the value of a variable.

# [[notify]]
# name = "team"
# webhook = "env:TEAM_HOOK"
# format = "slack"
# severity = "warning"

# [[notify]]
# name = "on call"
# exec = ["/usr/local/bin/page"]
# severity = "critical"
# repeat = "30m"
"""


def example(
    settings: Iterable[Setting], help_of: Callable[[Setting], str] = lambda one: one.help
) -> str:
    """Return the example; `help_of` completes the help of a setting."""
    text = _HEAD
    known = list(settings)
    for group in Group:
        of_group = [one for one in known if one.spec.group is group]
        if not of_group:
            continue
        text += f"\n\n# {group.value} " + "-" * (_WIDTH - 4 - len(group.value)) + "\n"
        for one in of_group:
            for line in textwrap.wrap(_sentence(help_of(one)), _WIDTH - 2):
                text += f"# {line}\n"
            text += f"# {one.name} = {_value(one)}\n\n"
        text = text.rstrip("\n") + "\n"
    return text + _TABLES


def _sentence(text: str) -> str:
    text = text.removesuffix("; repeatable")
    return capitalized(text) + "."


def _value(setting: Setting) -> str:
    """Return an example of a value, as TOML has it: the default, where there is one."""
    value = setting.default if setting.spec.example is None else setting.spec.example
    if setting.repeatable:
        values = [value] if isinstance(value, str) else list(value)
        return json.dumps(values, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if setting.metavar == "DURATION" and isinstance(value, int):
        value = setting.default_shown
    return json.dumps(value, ensure_ascii=False)
