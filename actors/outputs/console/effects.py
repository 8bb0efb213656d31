"""What keys have done in the world, outside the screen: the console carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs


@attrs.frozen
class Quit:
    """End the program."""


@attrs.frozen
class StopJob:
    """Stop all of the job, as the terminal does it where keys are cooked."""


@attrs.frozen
class Copy:
    """Put text into the clipboard of the terminal."""

    text: str


@attrs.frozen
class SaveView:
    """Draw what is on the screen for a file, and write that."""

    path: str


@attrs.frozen(eq=False)
class WriteView:
    """Write a drawn screen into a file."""

    path: str
    text: str


@attrs.frozen
class WriteReport:
    """Write an HTML report of the scope."""

    path: str


@attrs.frozen
class BeginSilence:
    """Silence a rule."""

    rule: str
    seconds: int


@attrs.frozen
class EndSilence:
    """End the silence of a rule."""

    rule: str


@attrs.frozen
class Acknowledge:
    """Acknowledge an incident, or take that back."""

    incident: str
    is_begin: bool


@attrs.frozen
class CheckFilter:
    """Find out whether a condition is one."""

    text: str
    is_accepted: bool
    """Whether to filter by it if it is."""


@attrs.frozen(eq=False)
class FindRawLine:
    """Find the line of a request in its log."""

    source: str
    time: datetime
    record: Mapping[str, Any]


Effect = (
    Quit
    | StopJob
    | Copy
    | SaveView
    | WriteView
    | WriteReport
    | BeginSilence
    | EndSilence
    | Acknowledge
    | CheckFilter
    | FindRawLine
)
