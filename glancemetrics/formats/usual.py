"""The format that most logs are in, known at a glance.

To try all formats (`detection`) takes a tenth of a second, which is most of what a small log takes.
"""

from __future__ import annotations

import re

from glancemetrics.formats.combined import COMBINED, is_plain
from glancemetrics.formats.stream import StreamFormat

_TEXT = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_BEYOND_DOUBT = re.compile(
    rb"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+) - [^ ]+ "
    rb"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
    rb"%b \d{3} (?:\d+|-)(?: %b %b)?" % (_TEXT, _TEXT, _TEXT)
)
"""A line of the common or combined format that no other format fits as well.

It has no identity, which others read in another way; its client is an address; and it ends there.
"""


def usual_format(sample: bytes) -> StreamFormat | None:
    """Return the format of lines, each ended by a newline, if `detect` could find no other."""
    lines = sample.split(b"\n")[:-1]
    if not lines or any(_BEYOND_DOUBT.fullmatch(line) is None for line in lines):
        return None
    return StreamFormat((COMBINED,)) if is_plain(sample) else None
