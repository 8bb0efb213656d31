"""The command line: reads what was asked for, and starts the actors that do it.

Heavy things are imported late, so that `-h` answers at once.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from actors.files.standard_streams import flush_stdout, mend_standard_streams, problem_of_stdout
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.version import __version__
from glancemetrics.words.escaping import visible

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

    from glancemetrics.configuration.setting import Setting
    from glancemetrics.configuration.settings import Settings
    from glancemetrics.planning.plan import Plan

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
_DESCRIPTION = "Follow access logs: what is happening now, alerts, and the trail they leave."

_EPILOG = """\
commands:
  glancemetrics report       whole logs, compressed or not: what was in them
  glancemetrics sql          any question about logs, in SQL
  glancemetrics replay       the alerts that there would have been over old logs
  glancemetrics check        whether a configuration is right, and what it watches
  glancemetrics audit        whether the alert log is as it was written, and what is in it
  glancemetrics silence      for a while nobody is told of some rules
  glancemetrics formats      how a log is written, and what formats there are
  glancemetrics generate     write realistic traffic, for demonstrations and tests
  glancemetrics healthcheck  whether a monitor with --heartbeat is alive, for containers

Every setting can stand in a TOML file (--config) and in the environment as GLANCEMETRICS_NAME;
flags win over the environment, and that over the file. _ and - are the same in flags.
"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    # Nothing here is linear algebra; numpy would start threads for it that wait busily.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # What is imported stays: to look for garbage among it again and again takes a while.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    mend_standard_streams()
    try:
        status = _run(arguments)
    except SystemExit as exit_:  # argparse has shown what was asked for
        status = exit_.code if isinstance(exit_.code, int) else 0
    except KeyboardInterrupt:
        status = 130
    except Exception as error:
        if _is_debugging():
            raise
        status = _told(error)
    try:
        flush_stdout()
    except OSError as error:
        status = status or _told(error)
    sys.exit(status)


def _is_debugging() -> bool:
    return os.environ.get("GLANCEMETRICS_LOG_LEVEL") == "debug"


def _told(error: Exception) -> int:
    """Say on stderr in one sentence what failed; returns the exit status."""
    status = error.exit_status if isinstance(error, GlanceMetricsError) else 1
    match error:
        case BrokenPipeError():
            return 0  # who read has gone: a quiet end, as of any filter
        case GlanceMetricsError():
            sentence = str(error)
        case OSError(filename=str(name), strerror=str(reason)):
            sentence = f"{name}: {reason}"
        case OSError():
            sentence = problem_of_stdout(error)
        case _:
            sentence = (
                f"{type(error).__name__}: {error}; this is a defect of GlanceMetrics "
                "(GLANCEMETRICS_LOG_LEVEL=debug shows where)"
            )
    if status:
        _complain(sentence)
    return status


def _run(arguments: list[str]) -> int:
    commands: dict[str, Callable[[list[str]], int]] = {
        "report": _report,
        "sql": _sql,
        "replay": _replay,
        "check": _check,
        "audit": _audit,
        "silence": _silence,
        "formats": _formats,
        "generate": _generate,
        "healthcheck": _healthcheck,
    }
    if arguments and arguments[0] in commands:
        return commands[arguments[0]](arguments[1:])
    return _monitor(arguments)


class _Parser(argparse.ArgumentParser):
    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; options may stand between what is no option, as everywhere else."""
        return self.parse_intermixed_args(args, namespace)

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        # argparse's own hides that nothing could be printed.
        (file or sys.stderr).write(message or "")

    def error(self, message: str) -> NoReturn:
        # An address may have a secret in it, and what is said here ends in logs.
        message = re.sub(r"\S+://\S+", "(an address)", message)
        raise UsageError(f"{message} (`{self.prog} -h` shows what there is)")


def _parser() -> _Parser:
    parser = _Parser(
        prog="glancemetrics",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage="glancemetrics [-f PATH] [options]",
    )
    from actors.outputs.registry import output_sections
    from glancemetrics.configuration.settings import all_settings

    for name, setting in all_settings(output_sections()).items():
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
    told = setting.help.replace("%", "%%")  # argparse fills in what follows a %
    default = setting.default
    if default is None:
        return told
    if isinstance(default, tuple):
        default = " ".join(default)
    shown = f"{default:g}" if isinstance(default, float) else default
    return f"{told} (default: {shown})"


def _plan(arguments: list[str]) -> Plan:
    """Return what is to be run."""
    flags = vars(_parser().parse_args(arguments))
    name = flags.pop("config") or os.environ.get("GLANCEMETRICS_CONFIG") or ""
    config = None
    if name:
        from actors.configuration.loading import config_text

        config = config_text(name, "--config ")
    from actors.outputs.registry import output_sections
    from glancemetrics.configuration.settings import read_settings

    settings = read_settings(flags, os.environ, config, name, sections=output_sections())
    _check_files(settings)
    # Late: -h and a wrong flag need none of it.
    from actors.configuration.local_zone import local_zone
    from actors.configuration.servers import format_told
    from glancemetrics.planning.plan import make_plan
    from glancemetrics.planning.written import Written, read_written

    written = Written()
    if config is not None and "[[" in config:
        written = read_written(config, name, local=local_zone)
    return make_plan(settings, written, server_format=format_told(settings), local=local_zone)


def _check_files(settings: Settings) -> None:
    for path in settings.file:
        if os.path.isdir(path):  # noqa: PTH112 - without an error for a name that is too long
            raise UsageError(
                f"--file {path}: is a directory; name a log in it, or a quoted glob "
                f"such as '{path.rstrip('/')}/*.log'"
            )
    if "-" in settings.file and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("--file -: standard input is a terminal; pipe a log into it")


def _check(arguments: list[str]) -> int:
    parser = _Parser(
        prog="glancemetrics check",
        description="Say what is wrong with a configuration, or what would be watched with it.",
    )
    parser.add_argument("config", metavar="FILE", help="a TOML file, as of --config")
    name = parser.parse_args(arguments).config
    from actors.configuration.loading import config_text

    text = config_text(name)
    from actors.commands.check import check  # late: what is not there needs none of it

    return check(text, name)


def _monitor(arguments: list[str]) -> int:
    plan = _plan(arguments)
    from actors.commands.monitor import run_monitor  # late: as above

    return run_monitor(plan)


def _report(arguments: list[str]) -> int:
    from actors.archive.forking import processes_to_use
    from actors.commands.reading_options import agents_matter_last, read_report_options

    options = read_report_options(arguments, _Parser)
    agents = None
    if agents_matter_last(options) and processes_to_use():
        from actors.archive.agent_process import AgentProcess

        agents = AgentProcess()  # first of all: what follows takes a while to load
    from actors.commands.report import run_report

    return run_report(options, agents)


def _sql(arguments: list[str]) -> int:
    from actors.commands.sql import run_sql

    return run_sql(arguments, _Parser)


def _replay(arguments: list[str]) -> int:
    from actors.commands.replay import run_replay

    return run_replay(arguments, _Parser)


def _audit(arguments: list[str]) -> int:
    from actors.commands.audit import run_audit

    return run_audit(arguments, _Parser)


def _silence(arguments: list[str]) -> int:
    from actors.commands.silence import run_silence

    return run_silence(arguments, _Parser)


def _formats(arguments: list[str]) -> int:
    from actors.commands.formats import run_formats

    return run_formats(arguments, _Parser)


def _generate(arguments: list[str]) -> int:
    from actors.commands.generate import run_generate

    return run_generate(arguments, _Parser)


def _healthcheck(arguments: list[str]) -> int:
    parser = _Parser(
        prog="glancemetrics healthcheck",
        description="Exit with 0 if the monitor that writes FILE (--heartbeat) is alive and reads "
        "at least one log, else 1.",
    )
    parser.add_argument(
        "file", nargs="?", default=os.environ.get("GLANCEMETRICS_HEARTBEAT"), metavar="FILE"
    )
    file = parser.parse_args(arguments).file
    if not file:
        raise UsageError("name the file that --heartbeat writes")
    from glancemetrics.health.heartbeat import Heartbeat

    try:
        last = Heartbeat.read(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise GlanceMetricsError(
            f"{file}: there is no heartbeat: the monitor does not run"
        ) from None
    overdue = last.overdue_seconds(time.time())
    if overdue > 0:
        raise GlanceMetricsError(f"{file}: the heartbeat is {overdue:.0f} s overdue")
    if last.trouble:
        raise GlanceMetricsError(f"{file}: {last.trouble}")
    return 0


def _complain(sentence: str) -> None:
    try:
        sys.stderr.write(f"glancemetrics: error: {visible(sentence)}\n")
    except OSError:
        return
