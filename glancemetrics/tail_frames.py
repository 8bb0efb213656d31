"""What `tail -F a b` puts between the lines of files: `==> a <==`, with a blank line before it.

Source: GNU coreutils' `tail` (`write_header`), and the same of BSD and busybox.
"""

from __future__ import annotations

import re

FRAME = r"^==> .+ <==\r?\n?$"
"""A frame (RE2 and Python), with or without its newline."""

_FRAME = re.compile(r"^==> (.+) <==\r?\n?$")


def frame_name(line: str) -> str | None:
    """Return the file of which the lines follow; `None` for a line that is no frame."""
    found = _FRAME.match(line)
    return None if found is None else found[1]
