"""The man page glancemetrics(1), from the options of all commands.

Source of the format: man(7).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from actors.commands.parser import OTHER, CommandParser
from glancemetrics.configuration.setting import OFF
from glancemetrics.version import __version__
from glancemetrics.words.humane import capitalized

_FILES = (
    ("./glancemetrics.toml", "Configuration of the working directory."),
    ("~/.config/glancemetrics/config.toml", "Configuration of the user (XDG_CONFIG_HOME)."),
    ("/etc/glancemetrics/config.toml", "Configuration of the machine."),
    ("~/.local/state/glancemetrics/alerts.jsonl", "Alert log (XDG_STATE_HOME)."),
)
_STATUSES = (
    ("0", "Success; also after a stop by Ctrl-C or SIGTERM, or at the end of the input."),
    ("1", "A failure, such as a log that cannot be read."),
    ("2", "A mistake in an option, a variable or the configuration."),
    ("130", "Stopped at once by a second Ctrl-C."),
)


def man_page(parsers: Sequence[CommandParser]) -> str:
    """Return the page; the first parser is the monitor's."""
    monitor, *commands = parsers
    lines = [
        f'.TH GLANCEMETRICS 1 "" "GlanceMetrics {__version__}" "User Commands"',
        ".SH NAME",
        "glancemetrics \\- top for web traffic: follow access logs, show traffic, raise alerts",
        ".SH SYNOPSIS",
        *_usage(monitor),
        ".SH DESCRIPTION",
        _text(monitor.description or ""),
        *_options(monitor),
    ]
    if monitor.epilog:
        lines += [".SH CONFIGURATION"]
        lines += _paragraphs(monitor.epilog)
    lines += [".SH COMMANDS"]
    for parser in commands:
        lines += [f".SS {parser.command}", *_usage(parser), ".PP", _text(parser.description or "")]
        lines += _options(parser, is_command=True)
    lines += [".SH EXAMPLES"]
    for parser in parsers:
        for example in parser.examples:
            lines += [
                ".TP",
                f".B {_text(example.typed)}",
                _text(f"{capitalized(example.meaning)}."),
            ]
    lines += [".SH FILES", *_terms(_FILES), ".SH EXIT STATUS", *_terms(_STATUSES)]
    lines += [
        ".SH ENVIRONMENT",
        _text(
            "Every option of the monitor can be set as GLANCEMETRICS_NAME, such as "
            "GLANCEMETRICS_ALERT_THRESHOLD=250. GLANCEMETRICS_CONFIG names the configuration; "
            f"{OFF} means none. NO_COLOR disables colors."
        ),
    ]
    return "\n".join(lines) + "\n"


def _usage(parser: CommandParser) -> Iterator[str]:
    for number, line in enumerate(parser.format_usage().splitlines()):
        if number:
            yield ".br"
        yield f".B {_text(line.removeprefix('usage: ').strip())}"


def _options(parser: CommandParser, *, is_command: bool = False) -> Iterator[str]:
    for title, actions in parser.groups():
        if is_command and title == OTHER:
            continue
        yield f".PP\n.I {_text(title)}" if is_command else f".SH {_text(title.upper())}"
        for action in actions:
            yield ".TP"
            yield f".B {_text(_invocation(action))}"
            yield _text(_help(action))


def _invocation(action: argparse.Action) -> str:
    value = str(action.metavar or action.dest.upper())
    names = ", ".join(action.option_strings)
    if not names:
        return value
    return names if action.nargs == 0 else f"{names} {value}"


def _help(action: argparse.Action) -> str:
    text = (action.help or "").replace("%%", "%").replace("\u00a0", " ")
    return capitalized(text) + "."


def _terms(terms: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, meaning in terms:
        yield f".TP\n.B {_text(name)}\n{_text(meaning)}"


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield f".PP\n{_text(paragraph)}"


def _text(text: str) -> str:
    """Return text as roff has it: hyphens as they are typed, no control line by accident."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
