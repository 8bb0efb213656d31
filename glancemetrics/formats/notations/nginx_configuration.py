"""Finds the `log_format` that an nginx configuration uses for a log.

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
    """The logs and formats of a configuration."""

    formats: dict[str, str]
    """The whole `log_format` statements, by name."""
    uses: dict[str, str]
    """The format name of each log, by path."""


def logs_of(text: str, included: Callable[[str], Sequence[str]]) -> Logs:
    """Parse a configuration; `included` returns the texts of the files that `include` names."""
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
    """Return the `--format` for logs with these names. Raises `NotationError`."""
    used = {logs.uses[name] for name in names if name in logs.uses} or set(logs.uses.values())
    if not used:
        raise NotationError("no access_log in it")
    if len(used) > 1:
        uses = ", ".join(f"{path} {name}" for path, name in logs.uses.items())
        raise NotationError(f"several log formats ({uses}); use one of these paths with -f")
    (name,) = used
    if name == _DEFAULT and name not in logs.formats:
        return name
    if name not in logs.formats:
        raise NotationError(f"access_log uses the format {name}, but no log_format defines it")
    return logs.formats[name]


def _statements(
    text: str, included: Callable[[str], Sequence[str]], depth: int
) -> Iterator[list[str]]:
    """Yield the words of each directive, also inside blocks."""
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
