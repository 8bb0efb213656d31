"""The command line of a command: its options, its help in 80 columns, and what mistakes say."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import attrs

from glancemetrics.configuration.shown_values import shown
from glancemetrics.errors import UsageError
from glancemetrics.words.suggestions import closest, did_you_mean

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

PROGRAM = "glancemetrics"
WIDTH = 80
"""Columns of the help, or fewer on a narrower terminal."""

ARGUMENTS, OPTIONS, OTHER = "Arguments", "Options", "Other"
"""Headings of the help; `OTHER` comes last."""

_HELP_COLUMN = 26
_WAY_OUT = "{way out}"
_UNBROKEN = "\u00a0"
"""A space at which no line is broken; printed as a usual one."""


@attrs.frozen
class Example:
    """A command that a reader can copy, and what it does."""

    command: str
    """Without the program's name before it."""
    meaning: str

    @property
    def typed(self) -> str:
        """The whole line."""
        is_pipe = "| glancemetrics" in self.command
        return self.command if is_pipe else f"{PROGRAM} {self.command}".rstrip()


@attrs.frozen
class Completion:
    """What a shell offers for the value of an option or an argument."""

    words: tuple[str, ...] = ()
    is_list: bool = False
    """Whether several words may be joined by commas."""
    is_path: bool = False
    """Whether it names a file or a directory."""
    is_rule: bool = False
    """Whether it names a rule, built in or of the configuration."""


FILES = Completion(is_path=True)
RULES = Completion(is_rule=True)


class CommandParser(argparse.ArgumentParser):
    """argparse with our help, our errors, and options that may stand anywhere.

    `-` and `_` are the same in the names of options.
    """

    def __init__(
        self,
        command: str,
        description: str,
        *,
        usage: str,
        examples: Sequence[Example],
        footer: str = "",
    ) -> None:
        """`command` is empty for the monitor; `usage` is what follows its name."""
        self.command = command
        prog = f"{PROGRAM} {command}".rstrip()
        super().__init__(
            prog=prog,
            usage=usage.replace("%", "%%"),
            description=description,
            epilog=footer,
            formatter_class=_Formatter,
            allow_abbrev=False,
            add_help=False,
        )
        self.examples = examples
        self.commands: Mapping[str, str] = {}
        """{name: title} of commands to list."""
        self.completions: dict[str, Completion] = {}
        """{destination of an option or argument: what can be completed}"""
        self.bare: dict[str, tuple[str, Callable[[str], bool]]] = {}
        """{option: what it means without a value, and whether the word after it is its value}"""
        self._titled: dict[str, argparse._ArgumentGroup] = {}
        self._exclusive: argparse._MutuallyExclusiveGroup | None = None
        self.option("-h", "--help", action="help", help="show this help and exit", group=OTHER)

    def option(
        self,
        *flags: str,
        help: str,  # noqa: A002 - as argparse calls it
        group: str = OPTIONS,
        shown_default: str = "",
        complete: Completion | None = None,
        **details: Any,
    ) -> None:
        """Add an option; `details` is what `add_argument` takes besides."""
        self._add(flags, help, group, shown_default, complete, details)

    def argument(
        self,
        name: str,
        *,
        help: str,  # noqa: A002
        shown_default: str = "",
        complete: Completion | None = None,
        **details: Any,
    ) -> None:
        """Add an argument that is no option."""
        self._add((name,), help, ARGUMENTS, shown_default, complete, details)

    def exclusive(self, *flags: str, help: str, **details: Any) -> None:  # noqa: A002
        """Add an option of which only one may be given: all that are added by this."""
        if self._exclusive is None:
            self._exclusive = self._titled_group(OPTIONS).add_mutually_exclusive_group()
        self._exclusive.add_argument(*flags, help=help, **details)

    def _add(
        self,
        flags: Sequence[str],
        text: str,
        group: str,
        shown_default: str,
        complete: Completion | None,
        details: dict[str, Any],
    ) -> None:
        if shown_default:
            text = f"{text} [{shown_default.replace(' ', _UNBROKEN)}]"
        # argparse fills in what follows a %.
        action = self._titled_group(group).add_argument(
            *flags, help=text.replace("%", "%%"), **details
        )
        if complete is not None:
            self.completions[action.dest] = complete

    def _titled_group(self, title: str) -> argparse._ArgumentGroup:
        if title not in self._titled:
            self._titled[title] = self.add_argument_group(title)
        return self._titled[title]

    def groups(self) -> list[tuple[str, list[argparse.Action]]]:
        """Return the headings of the help with their options, in its order."""
        titled = [
            (group.title or "", [*group._group_actions])
            for group in self._action_groups
            if group._group_actions
        ]
        return sorted(titled, key=lambda each: (each[0] == OTHER, each[0] != ARGUMENTS))

    def format_help(self) -> str:
        """Return the help: what it does, examples, and all options."""
        formatter = self._get_formatter()
        formatter.add_text(self.description)
        usage = self.format_usage()
        text = f"{usage}\n{formatter.format_help()}" + self._listing(
            "Examples", {each.typed: each.meaning for each in self.examples}
        )
        if self.commands:
            text += self._listing("Commands", self.commands)
        for title, actions in self.groups():
            formatter = self._get_formatter()
            formatter.start_section(title)
            formatter.add_arguments(actions)
            formatter.end_section()
            text += "\n" + formatter.format_help()
        if self.epilog:
            formatter = self._get_formatter()
            for paragraph in self.epilog.split("\n\n"):
                formatter.add_text(paragraph)
            text += "\n" + formatter.format_help()
        return text.replace(_UNBROKEN, " ")

    def format_usage(self) -> str:
        """Return the usage: one line below the other."""
        return "usage: " + str(self.usage).replace("%%", "%").replace("\n", "\n       ") + "\n"

    def _listing(self, title: str, rows: Mapping[str, str]) -> str:
        width = max(map(len, rows))
        lines = []
        for left, right in rows.items():
            if width + len(max(rows.values(), key=len)) + 4 <= _columns():
                lines.append(f"  {left.ljust(width)}  {right}")
            else:
                lines += [f"  {left}", f"      {right}"]
        return "\n".join(["", f"{title}:", *lines, ""])

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; options may stand between arguments."""
        args = sys.argv[1:] if args is None else list(args)
        end = args.index("--") if "--" in args else len(args)
        # A file that is called -x: argparse takes ./-x for an argument, but not -- -x.
        rest = [f"./{each}" if each.startswith("-") else each for each in args[end + 1 :]]
        for word in args[:end]:
            if re.fullmatch(r"-[a-z][\w-]+", word) and f"-{word}" in self._option_string_actions:
                raise UsageError(f"{word}: unknown option; did you mean -{word}?")
        spelled = [*self._with_bare_values([*map(_with_dashes, args[:end])]), *rest]
        return self.parse_intermixed_args(spelled, namespace)

    def _with_bare_values(self, words: list[str]) -> Iterator[str]:
        """Give options that may stand alone their value, unless one follows."""
        for word, following in zip(words, [*words[1:], ""], strict=False):
            value, is_value = self.bare.get(word, ("", bool))
            yield f"{word}={value}" if value and not is_value(following) else word

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError as error:
            raise UsageError(f"{_place_of(action, arg_string)}: {error.message}") from None

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices = action.choices
        if choices is None or value in choices:
            return
        close = closest(str(value), map(str, choices))
        suggestion = f"; did you mean {close}?" if close else ""
        place = _place_of(action, str(value))
        raise UsageError(f"{place}: must be {_either(choices)}{suggestion}")

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        # argparse's own hides that nothing could be printed.
        (file or sys.stderr).write(message or "")

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` in place of argparse's own message."""
        raise UsageError(self._sentence(message))

    def _sentence(self, message: str) -> str:
        help_ = f"`{self.prog} -h` lists the options"
        for pattern, say in (
            (r"unrecognized arguments: (\S+).*", self._unknown),
            (r"argument (.+?): expected (?:one|at least one) argument", self._needs_value),
            (r"argument (.+?): not allowed with argument (.+)", self._cannot_be_combined),
            (r"argument (.+?): ignored explicit argument .*", self._takes_no_value),
            (r"the following arguments are required: (.+)", self._missing),
        ):
            found = re.fullmatch(pattern, message)
            if found is not None:
                return say(*map(_long_option, found.groups())).replace(_WAY_OUT, help_)
        return f"{_hidden(message)}; {help_}"

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"{_hidden(word)}: unexpected argument; {_WAY_OUT}"
        name, _, _ = word.partition("=")
        return f"{name}: unknown option; " + did_you_mean(
            name, self._option_string_actions, _WAY_OUT
        )

    def _needs_value(self, name: str) -> str:
        return f"{name}: needs a value ({_shown_metavar(self._option_string_actions[name])})"

    def _cannot_be_combined(self, one: str, other: str) -> str:
        return f"{one}: cannot be combined with {other}"

    def _takes_no_value(self, name: str) -> str:
        return f"{name}: takes no value"

    def _missing(self, names: str) -> str:
        return f"missing {names}; {_WAY_OUT}"


class _Formatter(argparse.HelpFormatter):
    """One spelling an option, in at most 80 columns."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=_HELP_COLUMN, width=_columns())
        self._action_max_length = _HELP_COLUMN  # all groups have their help in one column

    def _format_action_invocation(self, action: argparse.Action) -> str:
        names = ", ".join(action.option_strings)
        if not names:
            return _shown_metavar(action)
        return names if action.nargs == 0 else f"{names} {_shown_metavar(action)}"


def _columns() -> int:
    try:
        columns = int(os.environ.get("COLUMNS", "")) or os.get_terminal_size().columns
    except (ValueError, OSError):
        return WIDTH
    return max(40, min(WIDTH, columns))


def _long_option(names: str) -> str:
    """Return the long one of argparse's `-o/--output`."""
    return names.rsplit("/", maxsplit=1)[-1] if names.startswith("-") else names


def _with_dashes(argument: str) -> str:
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value


def _name_of(action: argparse.Action) -> str:
    return action.option_strings[-1] if action.option_strings else _shown_metavar(action)


def _place_of(action: argparse.Action, value: str) -> str:
    """Return an option with its value, unless that may be a secret."""
    return _name_of(action) + ("" if shown(value) is None else f" {value}")


def _shown_metavar(action: argparse.Action) -> str:
    return str(action.metavar or action.dest.upper())


def _either(choices: Iterable[Any]) -> str:
    *others, last = map(str, choices)
    return f"{', '.join(others)} or {last}" if others else last


def _hidden(text: str) -> str:
    """Leave out addresses: they may have a secret in them, and errors end up in logs."""
    return re.sub(r"\S+://\S+", "(an address)", text)


def type_of(parse: Callable[[str], Any], allowed: str) -> Callable[[str], Any]:
    """Return a type for argparse: what `parse` makes of a text, or the error `must be ...`."""

    def parsed(text: str) -> Any:
        try:
            return parse(text)
        except (ValueError, OverflowError):
            raise argparse.ArgumentTypeError(f"must be {allowed}") from None

    return parsed
