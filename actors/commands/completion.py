"""`glancemetrics completion`: tab completion for bash, zsh and fish, made from the options."""

from __future__ import annotations

import sys

from actors.commands import completion_scripts, registry
from actors.commands.parser import CommandParser, Completion, Example
from glancemetrics.errors import UsageError
from glancemetrics.words.suggestions import closest

SHELLS = ("bash", "zsh", "fish")
_RULES = "rules"
"""What the scripts ask for: the names of rules, which the configuration knows."""


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "completion",
        "Print a script with which a shell completes commands, options and their values.",
        usage="glancemetrics completion bash|zsh|fish",
        examples=[
            Example("completion bash >> ~/.bash_completion", "bash, from the next shell on"),
            Example("completion zsh > ~/.zfunc/_glancemetrics", "zsh, with ~/.zfunc in fpath"),
            Example("completion fish > ~/.config/fish/completions/glancemetrics.fish", "fish"),
        ],
    )  # fmt: skip
    made.argument(
        "shell", nargs="?", metavar="SHELL", help="bash, zsh or fish", complete=Completion(SHELLS)
    )
    return made


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    shell = parser().parse_args(arguments).shell
    if shell == _RULES:
        from actors.commands.rule_names import rule_names  # late: it takes a while to load

        sys.stdout.writelines(f"{name}\n" for name in rule_names())
        return 0
    if shell not in SHELLS:
        close = closest(shell or "", SHELLS)
        where = "" if shell is None else f"{shell}: "
        raise UsageError(
            f"{where}say bash, zsh or fish"
            + (f"; did you mean {close}?" if close else ": glancemetrics completion bash")
        )
    parsers = [registry.MONITOR.parser(), *(_completed(each) for each in registry.COMMANDS)]
    sys.stdout.write(completion_scripts.script(shell, parsers))
    return 0


def _completed(command: registry.Command) -> CommandParser:
    """Return the options that are completed; the demo takes those of the monitor."""
    if command.name != "demo":
        return command.parser()
    parser = registry.MONITOR.parser()
    parser.command = command.name
    return parser
