"""Formats as people write them: by name, or in the notation of the server that writes the log."""

from __future__ import annotations

import re

from glancemetrics.errors import UsageError
from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.fields import TIMES
from glancemetrics.formats.format_names import (
    APACHE_PRESETS,
    COMBINED_NAMES,
    FORMAT_NAMES,
    NGINX_PRESETS,
)
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.notations import apache, nginx
from glancemetrics.formats.notations.notation import NotationError
from glancemetrics.formats.pattern import PatternFormat


def read_format(text: str) -> LogFormat:
    """Read what `--format` says. Raises `UsageError`, which names the place."""
    name = text.strip().replace("_", "-").lower()
    if name in COMBINED_NAMES:
        return COMBINED
    if name in APACHE_PRESETS:
        return PatternFormat(name, apache.parts_of(APACHE_PRESETS[name]))
    if name in NGINX_PRESETS:
        return PatternFormat(name, nginx.parts_of(NGINX_PRESETS[name]))
    if re.match(r"\s*log_format\s", text) or "$" in text:
        statement, parts_of, example = nginx.statement, nginx.parts_of, "$time_local"
    elif "%" in text:
        statement, parts_of, example = apache.statement, apache.parts_of, "%t"
    else:
        raise UsageError(
            f"--format {text}: is none of {', '.join(FORMAT_NAMES)}, nor a format with nginx's "
            "$variables or Apache's %directives"
        )
    try:
        title, written = statement(text)
        parts = parts_of(written)
    except NotationError as error:
        raise UsageError(f"--format {text}: {error}") from None
    if not any(part.field in TIMES for part in parts):
        raise UsageError(f"--format {text}: has no time, such as {example}; nothing can be counted")
    return PatternFormat(title, parts)
