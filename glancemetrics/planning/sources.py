"""What `-f` names, by kind of source. The registry of sources knows how each kind is followed."""

from __future__ import annotations

import re
from collections.abc import Container

import attrs

STANDARD_INPUT = "-"
_JOURNALD = "journald"
"""Reads the journal of this machine only."""
_DOCKERS = "-json.log"
"""Ends the names of the logs that Docker writes, one for each container."""
PATH = ""
"""The scheme of paths and globs, which have none."""

_SCHEME = re.compile(
    r"([a-z][a-z0-9+.-]*)://|(docker|http|journald|syslog(?:\+unix(?:-stream)?)?):",
    re.ASCII | re.IGNORECASE,
)


def scheme_of(text: str) -> str:
    """Return the kind of source: `-`, the scheme of a URL, or `PATH`.

    Source: RFC 3986, section 3.1: case does not matter. `docker:`, `http:`, `journald:` and
    `syslog+unix:` need no slashes. A file whose name looks like a scheme can be passed as `./NAME`.
    """
    if text == STANDARD_INPUT:
        return text
    found = _SCHEME.match(text)
    return PATH if found is None else (found[1] or found[2]).lower()


@attrs.frozen
class Sources:
    """What is followed."""

    texts: tuple[str, ...]
    """As in `-f`, in order."""

    @property
    def are_local(self) -> bool:
        """Whether all lines are written on this machine, and not by containers."""
        return not any(
            text.endswith(_DOCKERS) or scheme_of(text) not in {PATH, STANDARD_INPUT, _JOURNALD}
            for text in self.texts
        )

    def of(self, schemes: Container[str]) -> tuple[str, ...]:
        """Return those with one of the schemes, in order."""
        return tuple(text for text in self.texts if scheme_of(text) in schemes)
