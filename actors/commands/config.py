"""`glancemetrics config`: shows all settings and where each comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from actors.commands.parser import FILES, CommandParser, Example
from actors.configuration.loading import (
    Configuration,
    configuration,
    settings_with,
    usual_configurations,
)
from actors.configuration.sections import all_sections
from actors.files.notices import complain
from actors.files.output_file import write_text
from actors.sources.registry import help_with_sources
from actors.state.state_folder import state_folder
from glancemetrics.configuration.example import example
from glancemetrics.configuration.setting import Group, Setting
from glancemetrics.configuration.settings import Settings, all_settings
from glancemetrics.errors import Mistakes, UsageError
from glancemetrics.words.escaping import visible

_VALUE_WIDTH = 42
_USUAL_STATE = "~/.local/state/glancemetrics"
_NOT_SHOWN = "(not shown: may be secret)"


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    known = all_settings(all_sections())
    if options.example:
        write_text(example(known.values(), lambda one: help_with_sources(one.help)))
        return 0
    found = configuration(options.config)
    mistakes: Mistakes = []
    write_text("".join(_lines(known, settings_with(found, mistakes=mistakes), found)))
    for mistake in mistakes:
        complain(mistake)
    return UsageError.exit_status if mistakes else 0


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "config",
        "Show all settings, their values, and where each comes from: the configuration file, the "
        "environment, or the default.",
        usage="glancemetrics config [options]",
        examples=[
            Example("config", "what holds here"),
            Example("config --example > glancemetrics.toml", "a commented file to start from"),
        ],
    )
    made.option("--config", metavar="FILE", complete=FILES, help="a TOML file",
        shown_default="the one that is found")  # fmt: skip
    made.option("--example", action="store_true", help="print a commented example")
    return made


def _lines(
    known: Mapping[str, Setting], settings: Settings, found: Configuration | None
) -> Iterator[str]:
    searched = ", ".join(map(_shortened, usual_configurations()))
    if found is None:
        yield f"Configuration: none (looked for {searched})\n"
    else:
        yield f"Configuration: {visible(found.name)}\n"
    values = {name: _value(settings, one) for name, one in known.items()}
    width = max(map(len, known))
    value_width = min(_VALUE_WIDTH, max(len(value) for value, _ in values.values()))
    for group in Group:
        yield f"\n{group.value}\n"
        for name in (name for name, one in known.items() if one.spec.group is group):
            value, place = values[name]
            yield f"  {name.ljust(width)}  {value.ljust(value_width)}  {place}\n"


def _value(settings: Settings, one: Setting) -> tuple[str, str]:
    """Return the value of a setting, and where it comes from."""
    given = settings.given.get(one.name)
    if given is None:
        shown = one.default_shown or ("off" if one.metavar is None else "not set")
        return shown.replace(_USUAL_STATE, _shortened(state_folder(None))), "default"
    return visible(given.text or _NOT_SHOWN), visible(given.place)


def _shortened(path: Path) -> str:
    home = os.path.expanduser("~")  # noqa: PTH111 - works without a home directory
    text = str(path) if path.is_absolute() else f"./{path}"
    return text.replace(home, "~", 1) if text.startswith(f"{home}/") else text
