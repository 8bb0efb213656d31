"""`glancemetrics`: follows logs as they are written. Reads what was asked for, and plans the run.

What takes long to import is imported late, so that `-h` answers at once.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

import attrs

from actors.commands.parser import CommandParser
from actors.commands.registry import COMMANDS
from actors.configuration.loading import config_text
from actors.configuration.sections import all_sections
from actors.sources.registry import check_sources, help_with_sources
from glancemetrics.configuration.setting import Setting
from glancemetrics.configuration.settings import Settings, all_settings, read_settings
from glancemetrics.planning.sources import Sources
from glancemetrics.version import __version__

if TYPE_CHECKING:
    from glancemetrics.planning.plan import Plan

_DESCRIPTION = "Follow access logs: what is happening now, alerts, and the trail they leave."
_EPILOG = """\
commands:
{commands}

Every setting can stand in a TOML file (--config) and in the environment as GLANCEMETRICS_NAME;
flags win over the environment, and that over the file. _ and - are the same in flags.
"""


def run(arguments: list[str]) -> int:
    """Run the monitor; returns the exit status."""
    told = _told(arguments)
    from actors.state.allocator import share_memory  # before Arrow is loaded

    share_memory()
    plan = _plan(told)
    from actors.commands.monitor_logs import run_monitor  # late: -h needs none of it

    return run_monitor(plan)


def _epilog() -> str:
    width = max(len(command.name) for command in COMMANDS)
    commands = [f"  glancemetrics {one.name.ljust(width)}  {one.title}" for one in COMMANDS]
    return _EPILOG.format(commands="\n".join(commands))


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="glancemetrics",
        description=_DESCRIPTION,
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage="glancemetrics [-f PATH] [options]",
    )
    for name, setting in all_settings(all_sections()).items():
        if setting.metavar is None:
            parser.add_argument(
                *setting.flags, dest=name, action="store_true", default=None, help=setting.help
            )
        else:
            parser.add_argument(
                *setting.flags,
                dest=name,
                metavar=setting.metavar,
                action="append" if setting.repeatable else "store",
                help=_help(setting),
            )
    parser.add_argument("--config", metavar="FILE", help="TOML file with the same names")
    parser.add_argument("--version", action="version", version=f"glancemetrics {__version__}")
    return parser


def _help(setting: Setting) -> str:
    told = help_with_sources(setting.help).replace("%", "%%")  # argparse fills in what follows a %
    default = setting.default
    if default is None or default == ():
        return told
    if isinstance(default, tuple):
        default = " ".join(default)
    shown = f"{default:g}" if isinstance(default, float) else default
    return f"{told} (default: {shown})"


def plan_of(arguments: list[str]) -> Plan:
    """Return what is to be run."""
    return _plan(_told(arguments))


@attrs.frozen
class _Told:
    """What flags, environment and configuration say."""

    settings: Settings
    sources: Sources
    config: str | None
    name: str
    """Of the configuration."""


def _told(arguments: list[str]) -> _Told:
    flags = vars(_parser().parse_args(arguments))
    name = flags.pop("config") or os.environ.get("GLANCEMETRICS_CONFIG") or ""
    config = None
    if name:
        config = config_text(name, "--config ")
    settings = read_settings(flags, os.environ, config, name, sections=all_sections())
    sources = Sources(settings.file)
    check_sources(sources)
    return _Told(settings, sources, config, name)


def _plan(given: _Told) -> Plan:
    # Late: -h and a wrong flag need none of it.
    from actors.configuration.local_zone import local_zone
    from actors.configuration.servers import format_told
    from glancemetrics.formats.kept_fields import read_kept
    from glancemetrics.planning.plan import make_plan
    from glancemetrics.planning.rules_and_targets import RulesAndTargets, read_rules_and_targets

    settings, config = given.settings, given.config
    written = RulesAndTargets()
    if config is not None and "[[" in config:
        kept = read_kept(settings.keep)
        written = read_rules_and_targets(config, given.name, local=local_zone, kept=kept)
    return make_plan(
        settings, written, server_format=format_told(settings, given.sources), local=local_zone
    )
