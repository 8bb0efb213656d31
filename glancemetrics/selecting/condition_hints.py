"""Hints for conditions that are written as in other languages, and not as SQL has it."""

from __future__ import annotations

import re

_QUOTED = "text goes in single quotes: path = '/login', path like '/api/%'"
_RANGE = "status is a number: use status between 500 and 599"

_HINTS = tuple(
    (re.compile(pattern, re.IGNORECASE), hint)
    for pattern, hint in (
        (r"[“”„‘’]", "use plain quotes: path = '/login'"),
        (r";\s*$", "leave out the ;"),
        (r"\?", "? is no wildcard; use path like '/api/%'"),
        (r"^\s*select\b", "give the condition alone, or use glancemetrics sql"),
        (r"^\s*where\b|\b(limit|order by|group by)\b", "give the condition alone: status >= 500"),
        (r"[$]\w|(?:^|\s)\.\w", "columns have no $ or dot before them: status >= 500"),
        (r"(?<![<>!=])=>", "use >= for at least"),
        (r"=<", "use <= for at most"),
        (r"&&|\|\|", "use and, or instead of &&, ||"),
        (r"=~", "for a regular expression use regexp_matches(path, '^/api/')"),
        (r"\bis\s+\d", "use = for a number: status = 404"),
        (r"\bclass\s*=\s*\d", "a class is text: class = '5xx'"),
        (r"\b[1-5]xx\b|\bstatus\s*(?:~|\b(?:i?like|contains)\b)", _RANGE),
        (r"[=<>]\s*[\d.]+\s*(?:ms|s|sec|m|min|h|k|kb|mb|gb|[kmg]ib)\b",
         "numbers have no unit: duration is in seconds, bytes in bytes"),
        (r"\bin\s*[^\s(]*\d|\b\d+\s+in\s", "use brackets: status in (404, 500)"),
        (r"\bcontains\b(?!\s*\()", "use like with %: path like '%word%'"),
        (r"[=<>~]\s*\d+\.\d+\.\d+", "text goes in single quotes: host = '10.0.0.1'"),
        (r"(?:[=<>~]|\blike\b)\s*/", _QUOTED),
    )
)  # fmt: skip


def hint_for(expression: str, *, is_in_text: bool) -> str | None:
    """Return how to write a condition that DuckDB refuses; `None` without an idea.

    `is_in_text`: what is wrong stands in quotes.
    """
    text = expression if is_in_text else outside_of_quotes(expression)
    return next((hint for pattern, hint in _HINTS if pattern.search(text)), None)


def outside_of_quotes(expression: str) -> str:
    """Return an expression with its quoted parts left out."""
    return re.sub(r"""'[^']*'|"[^"]*\"""", " ", expression)
