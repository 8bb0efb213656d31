"""Which `log_format` an nginx configuration uses for a log.

Source: https://nginx.org/en/docs/http/ngx_http_log_module.html#access_log
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import attrs

from glancemetrics.formats.notations.notation import NotationError

_TOKEN = re.compile(r"""\s+|\#[^\n]*|([;{}])|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s;{}]+)""")
_DEEPEST_INCLUDE = 8
_DEFAULT = "combined"


@attrs.frozen
class Logs:
    """What a configuration says of logs."""

    formats: dict[str, str]
    """By name, the whole `log_format` statement."""
    uses: dict[str, str]
    """By path of a log, the name of the format that it has."""


def logs_of(text: str, included: Callable[[str], Sequence[str]]) -> Logs:
    """Read a configuration; `included` returns the texts of what `include` names."""
    formats: dict[str, str] = {}
    uses: dict[str, str] = {}
    for words in _statements(text, included, 0):
        if words[0] == "log_format" and len(words) > 2:
            formats[words[1]] = " ".join(words) + ";"
        elif words[0] == "access_log" and len(words) > 1 and words[1] != "off":
            named = [word for word in words[2:] if "=" not in word and word != "gzip"]
            uses[words[1].strip("\"'")] = named[0] if named else _DEFAULT
    return Logs(formats, uses)


def chosen_format(logs: Logs, names: Sequence[str]) -> str:
    """Return what `--format` should be for logs of some names. Raises `NotationError`."""
    used = {logs.uses[name] for name in names if name in logs.uses} or set(logs.uses.values())
    if not used:
        raise NotationError("no access_log is in it")
    if len(used) > 1:
        told = ", ".join(f"{path} {name}" for path, name in logs.uses.items())
        raise NotationError(f"logs have several formats in it ({told}): name the log as it does")
    (name,) = used
    if name == _DEFAULT and name not in logs.formats:
        return name
    if name not in logs.formats:
        raise NotationError(f"an access_log uses the format {name}, which no log_format defines")
    return logs.formats[name]


def _statements(
    text: str, included: Callable[[str], Sequence[str]], depth: int
) -> Iterator[list[str]]:
    """Yield directives as their words, those of blocks too."""
    words: list[str] = []
    for token in _TOKEN.finditer(text):
        if token[2] is not None:
            words.append(token[2])
        elif token[1] is not None:
            if token[1] == ";" and words:
                if words[0] == "include" and len(words) > 1 and depth < _DEEPEST_INCLUDE:
                    for inner in included(words[1].strip("\"'")):
                        yield from _statements(inner, included, depth + 1)
                else:
                    yield words
            words = []
