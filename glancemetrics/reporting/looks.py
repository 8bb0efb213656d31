"""How reports and answers look as text: colours by what they mean, characters, width."""

from __future__ import annotations

import attrs

from glancemetrics.charts.runs import Drawing, Line, Run
from glancemetrics.words.ascii_text import only_ascii


@attrs.frozen
class Styles:
    """What begins and ends a style; empty strings where there is no colour."""

    title: tuple[str, str] = ("", "")
    dim: tuple[str, str] = ("", "")
    chart: tuple[str, str] = ("", "")
    good: tuple[str, str] = ("", "")
    other: tuple[str, str] = ("", "")
    noticed: tuple[str, str] = ("", "")
    bad: tuple[str, str] = ("", "")


PLAIN = Styles()
COLOUR = Styles(
    title=("\x1b[1m", "\x1b[0m"),
    dim=("\x1b[2m", "\x1b[0m"),
    chart=("\x1b[36m", "\x1b[0m"),
    good=("\x1b[32m", "\x1b[0m"),
    other=("\x1b[34m", "\x1b[0m"),
    noticed=("\x1b[33m", "\x1b[0m"),
    bad=("\x1b[31m", "\x1b[0m"),
)

_INKS = {
    "axis": "dim",
    "unknown": "dim",
    "hits": "chart",
    "errors": "bad",
    "1xx": "dim",
    "2xx": "good",
    "3xx": "other",
    "4xx": "noticed",
    "5xx": "bad",
    "p50": "good",
    "p90": "other",
    "p95": "noticed",
    "p99": "bad",
}
"""Styles of what charts are drawn of; the same meaning as in the console."""


@attrs.frozen
class Look:
    """How a text is written. As it is made: for a file."""

    width: int | None = None
    """Cells of the terminal; `None`: as wide as needed."""
    styles: Styles = PLAIN
    drawing: Drawing = Drawing.UNICODE

    @property
    def shows_parts(self) -> bool:
        """Whether the parts of a column look different: by colour, in ASCII by letter."""
        return self.styles != PLAIN or self.drawing is Drawing.ASCII

    def styled(self, style: str, text: str) -> str:
        """Return a text between what begins and ends a style, which is a field of `Styles`."""
        begin, end = getattr(self.styles, style)
        return f"{begin}{text}{end}" if begin and text.strip() else text

    def line(self, line: Line) -> str:
        """Return a line of a chart, without the blanks at its end."""
        return "".join(self._run(run) for run in line).rstrip()

    def inked(self, ink: str, text: str) -> str:
        """Return a text in the colour of what charts draw with an ink."""
        return self.styled(_INKS.get(ink, "chart"), text)

    def _run(self, run: Run) -> str:
        text = self.inked(run.ink, run.text) if run.ink else run.text
        if not run.paper:
            return text
        begin, end = getattr(self.styles, _INKS.get(run.paper, "chart"))
        # The colour of a text, as a background.
        paper = begin.replace("\x1b[3", "\x1b[4")
        return f"{paper}{text}{end}" if begin else text

    def finished(self, text: str) -> str:
        """Return a whole text in characters that the terminal can show."""
        return only_ascii(text) if self.drawing is Drawing.ASCII else text
