"""The completion scripts of shells, from the options of all commands.

Sources: bash(1) "Programmable Completion"; zshcompsys(1) `_arguments`; fish's complete(1).
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator, Sequence

import attrs

from actors.commands.parser import CommandParser, Completion

_NOTHING = Completion()
_RULES_COMMAND = "glancemetrics completion rules 2>/dev/null"


@attrs.frozen
class _Option:
    """An option as a shell needs it."""

    flags: tuple[str, ...]
    takes_value: bool
    is_repeatable: bool
    about: str
    metavar: str
    completion: Completion


def script(shell: str, parsers: Sequence[CommandParser]) -> str:
    """Return the script for `bash`, `zsh` or `fish`; the first parser is the monitor's."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](parsers)


def _options(parser: CommandParser) -> Iterator[_Option]:
    for _, actions in parser.groups():
        for action in actions:
            if action.option_strings:
                yield _Option(
                    tuple(action.option_strings),
                    action.nargs != 0 and action.option_strings[-1] not in parser.bare,
                    isinstance(action, argparse._AppendAction),
                    _short(action.help or ""),
                    str(action.metavar or action.dest),
                    parser.completions.get(action.dest, _NOTHING),
                )


def _arguments(parser: CommandParser) -> list[Completion]:
    """Return what can be completed as each argument; the last one stands for all that follow."""
    return [
        parser.completions.get(action.dest, _NOTHING)
        for _, actions in parser.groups()
        for action in actions
        if not action.option_strings
    ]


def _short(text: str) -> str:
    """Return the first clause of a help text."""
    clause = re.split(r"; |: | \(| \[", text.replace("%%", "%"))[0]
    return clause.replace("\u00a0", " ")


def _titles(parsers: Sequence[CommandParser]) -> dict[str, str]:
    return dict(parsers[0].commands)


def _function(parser: CommandParser) -> str:
    return f"_glancemetrics_{parser.command}".rstrip("_")


# bash -------------------------------------------------------------------------------------

_BASH = """\
# bash completion for glancemetrics: `glancemetrics completion bash` prints it.

_glancemetrics_words() {{ # the words that can be completed
    COMPREPLY=($(compgen -W "$1" -- "$cur"))
}}

_glancemetrics_list() {{ # words joined by commas
    local before=""
    [[ $cur == *,* ]] && before=${{cur%,*}},
    COMPREPLY=($(compgen -P "$before" -W "$1" -- "${{cur##*,}}"))
    compopt -o nospace
}}

_glancemetrics_files() {{
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}}

_glancemetrics_rules() {{
    local name typed=${{cur#[\\"\\']}}
    typed=${{typed//\\\\/}}
    while IFS= read -r name; do
        [[ ${{name,,}} == "${{typed,,}}"* ]] || continue
        case $cur in
            [\\"\\']*) COMPREPLY+=("${{cur:0:1}}$name${{cur:0:1}}") ;;
            *) COMPREPLY+=("$(printf '%q' "$name")") ;;
        esac
    done < <({rules})
}}

_glancemetrics() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} command="" index
    if [[ $cur == = ]]; then
        cur=""
    elif [[ $prev == = ]]; then
        prev=${{COMP_WORDS[COMP_CWORD-2]}}
    fi
    COMPREPLY=()
    case " {commands} " in
        *" ${{COMP_WORDS[1]}} "*) ((COMP_CWORD > 1)) && command=${{COMP_WORDS[1]}} ;;
    esac
    case "$command:$prev" in
{values}
    esac
    if [[ $cur == -* ]]; then
        case "$command" in
{flags}
        esac
        return
    fi
    case "$command" in
{arguments}
    esac
}}

complete -F _glancemetrics glancemetrics
"""


def _bash(parsers: Sequence[CommandParser]) -> str:
    values, flags, arguments = [], [], []
    for parser in parsers:
        command = shlex.quote(parser.command) if parser.command else '""'
        names: list[str] = []
        for option in _options(parser):
            names += option.flags
            if option.takes_value:
                pattern = "|".join(f'"{parser.command}:{flag}"' for flag in option.flags)
                values.append(f"        {pattern}) {_bash_call(option.completion)}; return ;;")
        flags.append(f'            {command}) _glancemetrics_words "{" ".join(names)}" ;;')
        given = _arguments(parser)
        if not parser.command:
            call = (
                f'_glancemetrics_files; ((COMP_CWORD == 1)) && COMPREPLY+=($(compgen -W "'
                f'{" ".join(_titles(parsers))}" -- "$cur"))'
            )
            arguments.append(f"        {command}) {call} ;;")
        elif len(given) > 1:
            first, *_, last = given
            call = f"if ((COMP_CWORD == 2)); then {_bash_call(first)}; else {_bash_call(last)}; fi"
            arguments.append(f"        {command}) {call} ;;")
        elif given:
            arguments.append(f"        {command}) {_bash_call(given[0])} ;;")
    return _BASH.format(
        rules=_RULES_COMMAND,
        commands=" ".join(_titles(parsers)),
        values="\n".join(values),
        flags="\n".join(flags),
        arguments="\n".join(arguments),
    )


def _bash_call(completion: Completion) -> str:
    if completion.is_path:
        return "_glancemetrics_files"
    if completion.is_rule:
        return "_glancemetrics_rules"
    if completion.words:
        kind = "list" if completion.is_list else "words"
        return f'_glancemetrics_{kind} "{" ".join(completion.words)}"'
    return ":"


# zsh --------------------------------------------------------------------------------------

_ZSH = """\
#compdef glancemetrics
# zsh completion for glancemetrics: `glancemetrics completion zsh` prints it.

_glancemetrics_rules() {{
    local -a names
    names=("${{(@f)$({rules})}}")
    compadd -a names
}}

{functions}

_glancemetrics() {{
    local -a commands
    commands=(
{commands}
    )
    if ((CURRENT > 2)) && (( ${{commands[(I)$words[2]:*]}} )); then
        local command=$words[2]
        shift words
        ((CURRENT--))
        _glancemetrics_$command
        return
    fi
    if ((CURRENT == 2)) && [[ $words[2] != -* ]]; then
        _describe -t commands command commands
    fi
    _glancemetrics_monitor
}}

if [[ $funcstack[1] == _glancemetrics ]]; then
    _glancemetrics "$@"
else
    compdef _glancemetrics glancemetrics
fi
"""


def _zsh(parsers: Sequence[CommandParser]) -> str:
    functions = []
    for parser in parsers:
        specs = [spec for option in _options(parser) for spec in _zsh_option(option)]
        given = _arguments(parser)
        for number, completion in enumerate(given, 1):
            place = "*" if number == len(given) else str(number)
            specs.append(_zsh_quoted(f"{place}:{_zsh_action(completion, 'argument')}"))
        body = " \\\n        ".join(specs)
        functions.append(
            f"_glancemetrics_{parser.command or 'monitor'}() {{\n    _arguments -s -S \\\n"
            f"        {body}\n}}"
        )
    titles = _titles(parsers)
    return _ZSH.format(
        rules=_RULES_COMMAND,
        functions="\n\n".join(functions),
        commands="\n".join(f"        {_zsh_quoted(f'{name}:{titles[name]}')}" for name in titles),
    )


def _zsh_option(option: _Option) -> Iterator[str]:
    about = re.sub(r"([\[\]:\\])", r"\\\1", option.about)
    others = " ".join(option.flags)
    prefix = "*" if option.is_repeatable else f"({others})"
    for flag in option.flags:
        value = ""
        if option.takes_value:
            value = f":{_zsh_action(option.completion, option.metavar)}"
        equals = "=" if option.takes_value and flag.startswith("--") else ""
        yield _zsh_quoted(f"{prefix}{flag}{equals}[{about}]{value}")


def _zsh_action(completion: Completion, message: str) -> str:
    message = message.replace(":", r"\:")
    if completion.is_path:
        return f"{message}:_files"
    if completion.is_rule:
        return f"{message}:_glancemetrics_rules"
    words = " ".join(word.replace(":", r"\:") for word in completion.words)
    if completion.is_list:
        return f"{message}:_sequence compadd - {words}"
    return f"{message}:({words})" if words else f"{message}: "


def _zsh_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


# fish -------------------------------------------------------------------------------------


def _fish(parsers: Sequence[CommandParser]) -> str:
    titles = _titles(parsers)
    names = " ".join(titles)
    lines = [
        "# fish completion for glancemetrics: `glancemetrics completion fish` prints it.",
        "",
        "function __glancemetrics_list",
        "    # words joined by commas",
        "    set -l typed (commandline -ct | string replace -r '^--[^=]*=' '')",
        "    set -l before (string match -r '.*,' -- $typed; or echo '')",
        "    for word in $argv",
        "        echo $before$word",
        "    end",
        "end",
        "",
        "complete -c glancemetrics -e",
    ]
    for name, title in titles.items():
        lines.append(
            f"complete -c glancemetrics -n __fish_use_subcommand -a {name} -d {_fish_text(title)}"
        )
    for parser in parsers:
        seen = f"__fish_seen_subcommand_from {parser.command or names}"
        condition = _fish_text(seen if parser.command else f"not {seen}")
        lines.append("")
        lines += [
            f"complete -c glancemetrics -n {condition} {_fish_option(option)}"
            for option in _options(parser)
        ]
        lines += [
            f"complete -c glancemetrics -n {condition} -f{_fish_values(completion)}"
            for completion in _arguments(parser)[:1]
            if not completion.is_path
        ]
    return "\n".join(lines) + "\n"


def _fish_option(option: _Option) -> str:
    flags = " ".join(
        f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags
    )
    value = ""
    if option.takes_value:
        value = " -r -F" if option.completion.is_path else " -x"
        value += _fish_values(option.completion)
    return f"{flags}{value} -d {_fish_text(option.about)}"


def _fish_values(completion: Completion) -> str:
    if completion.is_rule:
        return f" -a {_fish_text(f'({_RULES_COMMAND})')}"
    words = " ".join(completion.words)
    if not words:
        return ""
    return f" -a {_fish_text(f'(__glancemetrics_list {words})' if completion.is_list else words)}"


def _fish_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
