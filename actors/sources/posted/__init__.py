"""Lines that programs send over HTTP, to the server of `--web`.

`source` is the source; `store` and `spool` keep accepted lines on the disk until a checkpoint has
them; `marks` say how far they were counted. `actors/outputs/web/receiving.py` answers requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from actors.sources.kind import NoSettings, SourceKind
from glancemetrics.errors import UsageError

if TYPE_CHECKING:
    from actors.sources.desk import SourceDesk
    from actors.sources.posted.marks import PostedMark
    from actors.sources.source import Source
    from glancemetrics.state.tree import State

NAME = "http:"
"""The only value of `-f`, and the name of the source that listens."""
WITHOUT_SENDERS = (
    f"--file {NAME} needs --web HOST:PORT and --web-senders FILE, with a line `NAME TOKEN` for "
    "each sender"
)


def _make(texts: Sequence[str], settings: NoSettings, desk: SourceDesk) -> Iterator[Source]:
    del texts, settings
    if desk.once:
        raise UsageError(f"--file {NAME} has no end, so --once would never print")
    if desk.intake is None:
        raise UsageError(WITHOUT_SENDERS)
    from actors.sources.posted.source import PostedLines  # late: not needed for -h

    yield PostedLines(desk, desk.intake)


def _refuses(text: str) -> str | None:
    if text.lower() != NAME:
        return f"must be {NAME}; where to listen is set by --web HOST:PORT"
    return None


def _mark(state: State) -> PostedMark:
    from actors.sources.posted.marks import PostedMark

    return PostedMark.from_state(state)


POSTED = SourceKind(
    name="lines over HTTP",
    schemes=frozenset(["http"]),
    takes="http: (lines sent to --web)",
    section=NoSettings,
    make=_make,
    refuses=_refuses,
    marks={"posted": _mark},
    is_arriving=True,
)
