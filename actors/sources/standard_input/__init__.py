"""Standard input: a pipe, or the output of `tail -F` for several files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from actors.sources.kind import NoSettings, SourceKind
from glancemetrics.planning import sources

if TYPE_CHECKING:
    from actors.sources.desk import SourceDesk
    from actors.sources.source import Source


def _make(texts: Sequence[str], settings: NoSettings, desk: SourceDesk) -> Iterator[Source]:
    del texts, settings
    from actors.sources.standard_input.reading import StandardInput  # late: not needed for -h

    yield StandardInput(desk)


def _refuses(text: str) -> str | None:
    del text
    if sys.stdin is None or not sys.stdin.isatty():
        return None
    return "standard input is a terminal; pipe a log into it"


STANDARD_INPUT = SourceKind(
    name="standard input",
    schemes=frozenset([sources.STANDARD_INPUT]),
    takes="- for standard input",
    section=NoSettings,
    make=_make,
    refuses=_refuses,
    has_standard_input=True,
)
