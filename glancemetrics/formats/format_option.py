"""What `--format` says: the name of a format, or one in the notation of its server."""

from __future__ import annotations

import re

from glancemetrics.errors import UsageError
from glancemetrics.formats.fields import TIMES
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.notations import apache, nginx
from glancemetrics.formats.notations.notation import NotationError
from glancemetrics.formats.pattern import PatternFormat
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.stream import StreamFormat


def read_format(text: str) -> LogFormat:
    """Read what `--format` says. Raises `UsageError`, which names the place."""
    name = text.strip().replace("_", "-").lower()
    if name in PRESETS:
        preset = PRESETS[name]
        return StreamFormat(preset.formats, is_shared=preset.is_shared)
    if re.match(r"\s*log_format\s", text) or "$" in text:
        statement, parts_of, example = nginx.statement, nginx.parts_of, "$time_local"
    elif "%" in text:
        statement, parts_of, example = apache.statement, apache.parts_of, "%t"
    else:
        raise UsageError(
            f"--format {text}: is none of auto, {', '.join(PRESETS)}, nor a format with nginx's "
            "$variables or Apache's %directives"
        )
    try:
        title, written = statement(text)
        parts = parts_of(written)
    except NotationError as error:
        raise UsageError(f"--format {text}: {error}") from None
    if not any(part.field in TIMES for part in parts):
        raise UsageError(f"--format {text}: has no time, such as {example}; nothing can be counted")
    return StreamFormat((PatternFormat(title, parts),))
