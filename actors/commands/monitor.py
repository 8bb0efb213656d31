"""`glancemetrics`: follows logs as they are written. Reads the command line and plans the run.

What takes long to import is imported late, so that `-h` answers at once.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from actors.commands import registry
from actors.commands.parser import FILES, CommandParser, Completion, Example
from actors.commands.version import SENTENCE
from actors.configuration.loading import SYSTEM_WIDE, Configuration, configuration, settings_with
from actors.configuration.sections import all_sections
from actors.files.notices import warn
from actors.files.standard_streams import has_piped_input
from actors.sources.agents import check_state
from actors.sources.registry import check_sources, help_with_sources
from glancemetrics.configuration.setting import Group, Setting
from glancemetrics.configuration.settings import (
    DEFAULT_FILE,
    Settings,
    all_settings,
    unknown_variables,
)
from glancemetrics.errors import UsageError
from glancemetrics.planning.sources import PATH, STANDARD_INPUT, Sources
from glancemetrics.words.suggestions import closest

if TYPE_CHECKING:
    from glancemetrics.planning.plan import Plan

_EXAMPLES = (
    Example("", "choose from the logs found here"),
    Example("/var/log/nginx/access.log", "follow a log"),
    Example("'/var/log/nginx/*.log'", "follow several logs"),
    Example("access.log --once", "print the screen once and exit"),
    Example("ssh web1 tail -F access.log | glancemetrics -", "follow a log elsewhere"),
    Example("report access.log*", "summarise whole logs"),
    Example("demo", "see it on simulated traffic"),
)

_FOOTER = (
    "Every option can also be set in a TOML file and as GLANCEMETRICS_NAME in the environment; "
    "options win over the environment, and the environment over the file.\n\n"
    "The file is --config, or the first of ./glancemetrics.toml, "
    "~/.config/glancemetrics/config.toml and /etc/glancemetrics/config.toml."
)

_PATHS = {"file", "format_from", "state_dir", "alert_log", "heartbeat", "syslog_ca"} | {
    *(f"web_{name}" for name in ("token_file", "users", "cert", "key", "client_ca")),
    *(f"syslog_input_{name}" for name in ("cert", "key", "client_ca")),
}
"""Settings whose value is a path."""


def run(arguments: list[str]) -> int:
    """Run the monitor; returns the exit status."""
    given = _given(arguments)
    if given is None:
        from actors.commands.demo import run as run_demo

        return run_demo(arguments)
    from actors.state.allocator import share_memory  # before Arrow is loaded

    share_memory()
    plan = _plan(given)
    from actors.commands.monitor_logs import run_monitor  # late: -h needs none of it

    found = given.configuration
    is_services = found is not None and found.is_found and Path(found.name) == SYSTEM_WIDE
    return run_monitor(plan, is_services=is_services)


def parser() -> CommandParser:
    """Return the options of the monitor."""
    made = CommandParser(
        "",
        "Follow access logs as they are written: show traffic now, and raise alerts.",
        usage="glancemetrics [FILE ...] [options]\nglancemetrics COMMAND [options]",
        examples=_EXAMPLES,
        footer=_FOOTER,
    )
    made.commands = {each.name: each.title for each in registry.COMMANDS}
    made.argument(
        "files", nargs="*", metavar="FILE", complete=FILES,
        help=f"log to follow: {help_with_sources('{sources}')}",
        shown_default=f"{DEFAULT_FILE}, or a log found here",
    )  # fmt: skip
    settings = all_settings(all_sections()).values()
    for group in Group:
        for setting in settings:
            if setting.spec.group is group:
                add_setting(made, setting, group.value)
    made.option("--config", metavar="FILE", group=Group.ADVANCED.value, complete=FILES,
        help='configuration file (TOML); "off" ignores those that are found')  # fmt: skip
    made.option("-V", "--version", action="version", version=SENTENCE, group="Other",
        help="show the version and exit")  # fmt: skip
    return made


def add_setting(parser: CommandParser, setting: Setting, group: str) -> None:
    """Give a command the option of a setting."""
    details: dict[str, Any] = {"action": "store_true", "default": None}
    if setting.metavar is not None:
        action = "append" if setting.repeatable else "store"
        details = {"action": action, "metavar": setting.metavar}
    if setting.spec.bare is not None:
        parser.bare[setting.flag] = (setting.spec.bare, setting.spec.is_value)
    words = setting.spec.values
    parser.option(
        *setting.flags,
        dest=setting.name,
        group=group,
        help=help_with_sources(setting.help),
        # Where no log is named, more than the default is tried: see FILE.
        shown_default="" if setting.name == "file" else setting.default_shown,
        complete=Completion(words) if words else FILES if setting.name in _PATHS else None,
        **details,
    )


def plan_of(arguments: list[str]) -> Plan:
    """Return the plan of a run. Raises `UsageError`, also where a person would be asked."""
    given = _given(arguments)
    if given is None:
        raise UsageError("demo: has no plan of its own")
    return _plan(given)


@attrs.frozen
class _Given:
    """What options, environment and configuration say."""

    settings: Settings
    sources: Sources
    configuration: Configuration | None


def _given(arguments: list[str]) -> _Given | None:
    """Return the settings of the run; `None` if the user chose the demo."""
    try:
        flags = vars(parser().parse_args(arguments))
    except UsageError:
        _check_command(arguments[0])
        raise
    named = _named_logs(flags, arguments)
    found = configuration(flags.pop("config"))
    if named:
        flags["file"] = named
    settings = settings_with(found, flags)
    for warning in unknown_variables(os.environ, all_sections()):
        warn(warning)
    if not settings.is_given("file") and not os.path.lexists(DEFAULT_FILE):
        chosen = _chosen_logs(settings)
        if chosen is None:
            return None
        settings = attrs.evolve(settings, file=tuple(chosen))
    sources = Sources(settings.file)
    check_sources(sources)
    if settings.once:
        _refuse_pipes(sources)
    return _Given(settings, sources, found)


def _refuse_pipes(sources: Sources) -> None:
    """Raise `UsageError` for a named pipe: its end is not known, as that of standard input is."""
    for path in sources.of({PATH}):
        with suppress(OSError):  # reported when it is read
            if not Path(path).is_fifo():
                continue
            raise UsageError(f"--once: {path} is a pipe; try: glancemetrics - --once < {path}")


def _named_logs(flags: dict[str, Any], arguments: Sequence[str]) -> list[str]:
    """Return the logs that options and arguments name. Raises `UsageError`."""
    files = flags.pop("files")
    for word in files:
        if not os.path.lexists(word) and word.replace("-", "").replace("_", "").isalnum():
            after = arguments[arguments.index(word) - 1] if word in arguments[1:] else ""
            raise UsageError(_no_value(after, word) or _no_such(word))
    return [*(flags["file"] or ()), *files]


def _check_command(word: str) -> None:
    """Raise `UsageError` for a misspelt command, whose options the monitor does not know."""
    is_word = not word.startswith("-") and not os.path.lexists(word)
    if is_word and closest(word, [each.name for each in registry.COMMANDS]) is not None:
        raise UsageError(_no_such(word))


def _no_value(option: str, word: str) -> str:
    """Say what the value of an option must be, that may have none and is followed by a word."""
    for setting in all_settings(all_sections()).values():
        if setting.spec.bare is not None and option == setting.flag:
            return f"{option} {word}: must be {setting.spec.allowed}; {word} is no file either"
    return ""


def _no_such(word: str) -> str:
    """Say what a word may be that is neither a command nor a log."""
    names = [each.name for each in registry.COMMANDS]
    if word in names:
        return f"{word}: a command must come first: glancemetrics {word} ..."
    close = closest(word, names)
    if close is not None:
        return f"{word}: unknown command; did you mean {close}?"
    return (
        f"{word}: no such command or file; `glancemetrics -h` lists the commands, and "
        f"`-f {word}` waits for the file"
    )


def _chosen_logs(settings: Settings) -> Sequence[str] | None:
    if has_piped_input():
        return [STANDARD_INPUT]
    from actors.commands.choosing_logs import choose_logs  # late: it reads logs
    from actors.outputs.console import is_shown

    streams = (sys.stdin, sys.stdout)
    has_terminal = all(stream is not None and stream.isatty() for stream in streams)
    return choose_logs(time.time(), has_terminal=is_shown(settings, has_terminal=has_terminal))


def _plan(given: _Given) -> Plan:
    # Late: -h and a wrong option need none of it.
    from actors.configuration.local_zone import local_zone
    from actors.configuration.servers import format_told
    from glancemetrics.formats.kept_fields import read_kept
    from glancemetrics.notifying.targets import unmatched
    from glancemetrics.planning.plan import make_plan
    from glancemetrics.planning.rules_and_targets import RulesAndTargets, read_rules_and_targets

    settings, found = given.settings, given.configuration
    tables = RulesAndTargets()
    try:
        if found is not None and "[[" in found.text:
            kept = read_kept(settings.keep)
            tables = read_rules_and_targets(found.text, found.name, local=local_zone, kept=kept)
        check_state(settings, given.sources)
        server_format = format_told(settings, given.sources)
        plan = make_plan(settings, tables, server_format=server_format, local=local_zone)
    except UsageError as error:
        raise UsageError(settings.with_places(str(error))) from None
    for warning in unmatched(plan.targets, plan.rules_by_name):
        warn(warning)
    return plan
