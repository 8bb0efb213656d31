"""Generates the reference from the code: commands, settings, built-in rules, library, formats.

`make reference` writes the pages; a test compares them with the code.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

import glancemetrics
from actors.client.client import Client
from actors.client.method import Method
from actors.commands import registry
from actors.commands.check_configuration import condition_of, hold_of, measured_by
from actors.configuration.sections import all_sections
from actors.outputs.console.keys import ACTIONS, keys_shown
from actors.sources.registry import help_with_sources
from docs import format_pages
from glancemetrics import api
from glancemetrics.configuration.setting import Group, Setting
from glancemetrics.configuration.settings import all_settings
from glancemetrics.exposition.families import FAMILIES, LABEL_LENGTH, Kind
from glancemetrics.health.health import SourceState
from glancemetrics.http_api import calls
from glancemetrics.records.dimensions import OTHER
from glancemetrics.rules.own_health import own_rules
from glancemetrics.rules.stock import STOCK_RULES, stock_rules
from glancemetrics.traffic.totals import (
    DURATION_BOUNDS,
    METHODS,
    STATUS_CLASSES,
    USUAL_CLASSES,
    VHOST_LIMIT,
)

FOLDER = Path(__file__).parent / "reference"

_MONITOR_PAGE = "glancemetrics"
_CODE = re.compile(r"(`[^`]*`)")
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")
_SPECIAL = re.compile(r"([*_\[\]|>])")
_DEFAULT = re.compile(r" \[([^\[\]]+)\]$")

_EXIT_STATUSES = """\
| status | meaning |
|---|---|
| 0 | done: input ended, or it was stopped by Ctrl-C or SIGTERM |
| 1 | something failed; stderr has one sentence about it |
| 2 | an option, a setting or a query is invalid |
| 130 | stopped by a second Ctrl-C, or a query cancelled by Ctrl-C |
| 143 | a query cancelled by SIGTERM |

`audit verify` exits with 1 if the alert log was changed, `formats` if no format matches, and
`healthcheck` if the monitor is not alive."""


def pages() -> dict[str, str]:
    """Return the pages, by path below `docs/reference`."""
    made = {
        "commands/README.md": _commands(),
        **{f"commands/{_page_of(each)}.md": _command(each) for each in _all_commands()},
        "settings.md": _settings(),
        "built-in-rules.md": _built_in_rules(),
        "library.md": _library(),
        "keys.md": _keys(),
        "metrics.md": _metrics(),
    }
    formats = {f"formats/{name}": text for name, text in format_pages.pages().items()}
    return {**{name: "\n".join(lines) + "\n" for name, lines in made.items()}, **formats}


def _all_commands() -> list[registry.Command]:
    return [registry.MONITOR, *registry.COMMANDS]


def _page_of(command: registry.Command) -> str:
    return command.name or _MONITOR_PAGE


def _commands() -> Iterator[str]:
    yield "# Commands"
    yield ""
    yield "`glancemetrics COMMAND -h` shows the same on the terminal."
    yield ""
    yield "| command | what it does |"
    yield "|---|---|"
    for each in _all_commands():
        yield f"| [`{f'glancemetrics {each.name}'.rstrip()}`]({_page_of(each)}.md) | {each.title} |"
    yield ""
    yield "`-` and `_` are the same in the names of options."
    yield ""
    yield "## Exit status"
    yield ""
    yield _EXIT_STATUSES


def _command(command: registry.Command) -> Iterator[str]:
    parser = command.parser()
    yield f"# {f'glancemetrics {command.name}'.rstrip()}"
    yield ""
    yield _escaped(str(parser.description))
    yield ""
    yield "```text"
    yield parser.format_usage().removeprefix("usage: ").replace("\n       ", "\n").rstrip()
    yield "```"
    yield ""
    yield "## Examples"
    for example in parser.examples:
        yield ""
        yield f"{example.meaning[0].upper()}{example.meaning[1:]}:"
        yield ""
        yield f"    {example.typed}"
    for title, actions in parser.groups():
        yield ""
        yield f"## {title}"
        yield ""
        yield from _options(actions)
    if parser.epilog:
        yield ""
        yield "## Configuration"
        yield ""
        yield _escaped(parser.epilog.replace("GLANCEMETRICS_NAME", "`GLANCEMETRICS_NAME`"))
        yield ""
        yield "All settings: [settings](../settings.md)."


def _options(actions: list[argparse.Action]) -> Iterator[str]:
    yield "| option | meaning | default |"
    yield "|---|---|---|"
    for action in actions:
        text, default = _help_of(action)
        yield f"| {_names_of(action)} | {_escaped(text)} | {_escaped(default)} |"


def _names_of(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{_metavar_of(action)}`"
    *short, name = action.option_strings
    value = "" if action.nargs == 0 else f" {_metavar_of(action)}"
    return ", ".join([*(f"`{each}`" for each in short), f"`{name}{value}`"])


def _metavar_of(action: argparse.Action) -> str:
    return str(action.metavar or action.dest.upper())


def _help_of(action: argparse.Action) -> tuple[str, str]:
    """Return what an option does, and its default as `-h` shows it."""
    text = str(action.help).replace("%%", "%").replace("\u00a0", " ")
    found = _DEFAULT.search(text)
    return (text, "") if found is None else (text[: found.start()], found[1])


def _settings() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield (
        "Each setting is an option of `glancemetrics`, an environment variable and a TOML key. "
        "Options win over the environment, and the environment over the file. The file is "
        "`--config`, or the first of `./glancemetrics.toml`, "
        "`~/.config/glancemetrics/config.toml` and `/etc/glancemetrics/config.toml`."
    )
    yield ""
    yield "Print a commented file to start from, then validate it:"
    yield ""
    yield "    glancemetrics config --example > glancemetrics.toml"
    yield "    glancemetrics check glancemetrics.toml"
    yield ""
    yield "Show the settings in effect, and where each comes from:"
    yield ""
    yield "    glancemetrics config"
    yield ""
    yield (
        "In the environment, several files are separated by `:`, and several addresses by `,`. "
        "Rules are [`[[rule]]` tables](../guides/alerts.md#your-own-rules), and notifications "
        "[`[[notify]]` tables](../guides/alerts.md#notifications)."
    )
    known = all_settings(all_sections()).values()
    for group in Group:
        yield ""
        yield f"## {group.value}"
        for one in (one for one in known if one.spec.group is group):
            yield ""
            yield from _setting(one)


def _setting(one: Setting) -> Iterator[str]:
    text = help_with_sources(one.help)
    key = f"`{one.name}`"
    if one.table and one.attribute != one.name:
        key += f", or `{one.attribute}` in `[{one.table}]`"
    yield f"### {one.name}"
    yield ""
    yield _escaped(f"{text[0].upper()}{text[1:]}.")
    yield ""
    value = "" if one.metavar is None else f" {one.metavar}"
    short = f"`{one.spec.short}`, " if one.spec.short else ""
    yield f"- Option: {short}`{one.flag}{value}`"
    yield f"- TOML: {key}"
    yield f"- Environment: `{one.variable}`"
    if one.default_shown:
        yield f"- Default: `{one.default_shown}`"
    yield f"- Value: {_escaped(one.spec.allowed)}"


def _built_in_rules() -> Iterator[str]:
    yield "# Built-in rules"
    yield ""
    yield (
        "They are on by default; `--rules none` turns them off. A rule of yours with the same "
        "name replaces one. [Alerts](../guides/alerts.md#built-in-rules) gives the reasons for "
        "the numbers."
    )
    yield ""
    yield "| rule | severity | measures | raises an alert when |"
    yield "|---|---|---|---|"
    for rule in stock_rules():
        yield (
            f"| {rule.name} | {rule.severity.value} | `{measured_by(rule)}` "
            f"| {_escaped(condition_of(rule))} |"
        )
    yield ""
    yield "As TOML, to copy and change:"
    yield ""
    yield "```toml"
    yield STOCK_RULES.rstrip()
    yield "```"
    yield ""
    yield "## Rules about GlanceMetrics itself"
    yield ""
    yield "| rule | severity | how long before it alerts |"
    yield "|---|---|---|"
    for own in own_rules():
        yield f"| {own.rule.name} | {own.rule.severity.value} | {hold_of(own.rule)} |"


def _keys() -> Iterator[str]:
    yield "# Keys of the console"
    yield ""
    yield (
        "`?` shows them on the console. `:` asks for a command by its words, such as `reverse`, "
        "and runs it. [Read the screen](../start/screen.md) explains what they act on."
    )
    yield ""
    yield (
        'Other keys are set by name: `--key quit=Q`, or `key = ["quit=Q", "next-view=n F2"]` in '
        "`[console]`. A key that is given to one action is taken from the one that had it."
    )
    for group in dict.fromkeys(action.group for action in ACTIONS):
        yield ""
        yield f"## {group}"
        yield ""
        yield "| key | what it does | name |"
        yield "|---|---|---|"
        for action in ACTIONS:
            if action.group == group:
                keys = ", ".join(f"`{key}`" for key in keys_shown(action.keys).split())
                yield f"| {keys} | {_escaped(action.about)} | `{action.name}` |"


def _metrics() -> Iterator[str]:
    yield "# Metrics"
    yield ""
    yield (
        "What Prometheus scrapes, and what `--otlp` sends: [the guide](../guides/metrics.md). A "
        "metric whose value is unknown is left out, such as the lag of an old log. Before the "
        "first requests are read there are only the version and the start time."
    )
    yield ""
    yield "| metric | type | labels | meaning |"
    yield "|---|---|---|---|"
    for family in FAMILIES:
        labels = ", ".join(f"`{label}`" for label in family.labels)
        kind = "gauge, always 1" if family.kind is Kind.INFO else family.kind.value
        yield f"| `{family.full_name}` | {kind} | {labels} | {_escaped(family.help)} |"
    yield ""
    yield "## Labels"
    yield ""
    yield f"- `class`: {_listed(STATUS_CLASSES)}. `other`: no status, or one outside 100 to 599."
    yield (
        f"- `method`: {_listed(METHODS[1:])}. Empty: there is no well-formed request line. "
        "`other`: all others."
    )
    yield (
        f"- `vhost`: as logged, the first {VHOST_LIMIT} that appear; the others are `{OTHER}`. "
        "Empty: none was logged."
    )
    yield f"- `state`: {_listed(state.value for state in SourceState)}."
    yield "- `rule`: the name of a rule; `severity`: `critical`, `warning` or `info`."
    yield ""
    yield (
        "Where a method and a virtual host have requests, all of "
        f"{_listed(USUAL_CLASSES)} are there, some with 0. Invisible characters are escaped "
        f"(`\\x1b`), and labels of more than {LABEL_LENGTH} characters are cut."
    )
    yield ""
    yield "## Buckets"
    yield ""
    bounds = ", ".join(f"{bound:g}" for bound in DURATION_BOUNDS)
    yield f"Upper bounds of response times in seconds: {bounds}, and one bucket above."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _library() -> Iterator[str]:
    yield "# Library"
    yield ""
    yield "The public names of `glancemetrics`. [The guide](../guides/library.md) has examples."
    yield ""
    yield "```python"
    yield "import glancemetrics as gm"
    yield "```"
    for name in ("read", "scan", "report", "connect", "connect_trio"):
        yield ""
        yield f"## {name}"
        yield ""
        yield from _function(getattr(glancemetrics, name))
    yield ""
    yield from _client()
    yield ""
    yield "## Types of arguments"
    yield ""
    yield "```python"
    lines = [*inspect.getsource(api).splitlines(), *inspect.getsource(calls).splitlines()]
    types = r"(Path|Logs|Instant|Texts|Duration) = "
    yield from dict.fromkeys(line for line in lines if re.match(types, line))
    yield "```"
    yield ""
    yield "## SCHEMA"
    yield ""
    yield "The columns of a record:"
    yield ""
    yield "| column | type |"
    yield "|---|---|"
    for field in glancemetrics.SCHEMA:
        yield f"| `{field.name}` | `{field.type}` |"
    for name in (
        *("Report", "Panel", "Row", "Source", "Rejects", "Reject"),
        *("Query", "RecordQuery", "TimeSpan", "Answer"),
        *("Alerts", "Incident", "Pending", "Rule", "Silence", "Event"),
    ):
        yield ""
        yield from _class(getattr(glancemetrics, name))
    yield ""
    yield "## Errors"
    yield ""
    yield "| error | meaning |"
    yield "|---|---|"
    for name in ("GlanceMetricsError", "UsageError", "UnreachableError"):
        yield f"| `{name}` | {inspect.getdoc(getattr(glancemetrics, name))} |"


def _client() -> Iterator[str]:
    yield "## Client, TrioClient"
    yield ""
    yield (
        "What `connect` and `connect_trio` return. Both have these methods; those of `TrioClient` "
        "are awaited, and `records` and `events` are iterated over with `async for`. They raise "
        "`GlanceMetricsError`, with one sentence that names the server."
    )
    for name, method in vars(Client).items():
        if isinstance(method, Method):
            yield ""
            yield f"### {name}"
            yield ""
            yield from _function(method.make)


def _function(function: object) -> Iterator[str]:
    tree = ast.parse(inspect.getsource(function))  # type: ignore[arg-type]
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    yield "```python"
    yield from _signature(definition)
    yield "```"
    yield ""
    yield inspect.cleandoc(ast.get_docstring(definition) or "")


def _signature(definition: ast.FunctionDef, indent: str = "") -> Iterator[str]:
    arguments = definition.args
    plain = [each for each in arguments.args if each.arg != "self"]
    endings = [f" = {ast.unparse(default)}" for default in arguments.defaults]
    endings = [""] * (len(plain) - len(endings)) + endings
    shown = [_argument(each) + ending for each, ending in zip(plain, endings, strict=True)]
    if arguments.kwonlyargs:
        shown.append("*")
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        ending = "" if default is None else f" = {ast.unparse(default)}"
        shown.append(_argument(each) + ending)
    returned = "" if definition.returns is None else f" -> {_returned(definition.returns)}"
    if len(shown) <= 2:
        yield f"{indent}{definition.name}({', '.join(shown)}){returned}"
        return
    yield f"{indent}{definition.name}("
    yield from (f"{indent}    {each}," for each in shown)
    yield f"{indent}){returned}"


def _returned(annotation: ast.expr) -> str:
    """Return a type; for a call of the client that of its answer."""
    text = ast.unparse(annotation)
    special = {"Pages": "Iterator[Answer]", "EventCall": "Iterator[Event]"}
    found = re.fullmatch(r"Call\[(.*)\]", text)
    return found[1] if found else special.get(text, text)


def _argument(each: ast.arg) -> str:
    return each.arg if each.annotation is None else f"{each.arg}: {ast.unparse(each.annotation)}"


def _class(kind: type) -> Iterator[str]:
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    assert attrs.has(kind)
    yield f"## {kind.__name__}"
    yield ""
    yield ast.get_docstring(definition) or ""
    yield ""
    yield "| name | type | meaning |"
    yield "|---|---|---|"
    body = definition.body
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            meaning = ""
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                meaning = " ".join(str(following.value.value).split())
            kind_of_it = ast.unparse(statement.annotation).replace("|", "\\|")
            yield f"| `{statement.target.id}` | `{kind_of_it}` | {_escaped(meaning)} |"
    methods = [
        each
        for each in body
        if isinstance(each, ast.FunctionDef)
        and not each.name.startswith("_")
        and ast.get_docstring(each)
    ]
    for method in methods:
        yield ""
        is_property = any(ast.unparse(each) == "property" for each in method.decorator_list)
        signature = method.name if is_property else "".join(_signature(method))
        yield f"- `{signature}`: {' '.join((ast.get_docstring(method) or '').split())}"


def _escaped(text: str) -> str:
    """Escape what Markdown and its tables would read as markup; code and options are code."""
    parts = _CODE.split(text)
    parts = [
        piece
        for part in parts
        for piece in ([part] if part.startswith("`") else _CODE.split(_OPTION.sub(r"`\1`", part)))
    ]
    return "".join(
        part.replace("|", "\\|") if part.startswith("`") else _SPECIAL.sub(r"\\\1", part)
        for part in parts
    ).replace("<", "&lt;")


def main() -> None:
    """Write all pages, and remove those of commands and formats that no longer exist."""
    made = pages()
    for folder in ("commands", "formats"):
        (FOLDER / folder).mkdir(parents=True, exist_ok=True)
        for path in (FOLDER / folder).iterdir():
            if f"{folder}/{path.name}" not in made:
                path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
