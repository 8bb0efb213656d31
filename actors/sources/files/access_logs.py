"""Which files of a directory are access logs, by what is in them."""

from __future__ import annotations

import os

from actors.sources.dating import LineDating
from actors.sources.files.identity import Identity
from glancemetrics.lines.sample import SAMPLE_BYTES, Sample

_GROWN = 2
"""A file that was no access log is looked at again when it is so many times as large."""


class AccessLogs:
    """Tells access logs from other files; remembers what it has seen of each."""

    def __init__(self, dating: LineDating) -> None:
        """`dating` tells the format of lines, as it does for logs that are followed."""
        self._dating = dating
        self._known: dict[Identity, tuple[int, bool]] = {}
        """{file: bytes of its beginning that were looked at, and whether it is an access log}"""
        self.refused: dict[str, None] = {}
        """Files that were skipped because they are unreadable."""

    def __call__(self, path: str) -> bool:
        """Tell whether a file is an access log; runs in a thread.

        An empty file becomes one when it has lines that are. An unreadable file is one if its name
        has `access` in it, so that it is shown as unreadable.
        """
        try:
            status = os.stat(path)
            identity, size = Identity.of(status), min(status.st_size, SAMPLE_BYTES)
            seen, is_log = self._known.get(identity, (0, False))
            if is_log or size < max(1, _GROWN * seen):
                return is_log
            with open(path, "rb", buffering=0) as file:
                lines = file.read(SAMPLE_BYTES)
        except PermissionError:
            is_log = "access" in os.path.basename(path).lower()
            if not is_log:
                self.refused[path] = None
            return is_log
        except OSError:
            return False
        is_log = self._has_requests(lines[: lines.rfind(b"\n") + 1])
        self._known[identity] = (size, is_log)
        return is_log

    def _has_requests(self, lines: bytes) -> bool:
        return bool(lines) and self._dating(Sample(lines, lines)).has_requests(lines)
