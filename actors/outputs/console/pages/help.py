"""Help: every key, and what the words and marks mean. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import Row, left, width, wrapped
from actors.outputs.console.keys import ACTIONS, keys_shown
from actors.outputs.console.pages.plain import ScrolledPage
from actors.outputs.console.state import State

MEANINGS = (
    ("~", "an estimate: more distinct values than --distinct-limit, or long ago"),
    ("(other)", "the rarer values, counted together"),
    ("–", "unknown, or none"),
    ("▲ 12 %", "change against the window before; = is none"),
    ("of 5 min known", "the history does not have all of the window"),
    ("with gaps", "the history lacks some requests of the window"),
    ("rejects", "lines that no known format matches"),
    ("foreign", "lines of other programs in the same log"),
    ("damaged", "requests with a field that could not be read"),
    ("lag", "what is written to the log and not yet read"),
    ("delay", "how late the server writes its log; windows end that far behind"),
    ("late", "requests too old for any window when they were read"),
    ("early", "requests dated more than a minute in the future"),
)
ABOUT = {
    "overview": "Traffic, alerts and the most frequent values. Enter on a row narrows everything.",
    "urls": "Which URLs are asked for. Routes are paths with numbers and ids grouped.",
    "errors": "What fails: responses with a status of 400 or more.",
    "clients": "Who asks.",
    "latency": "How long responses take, where the log has response times.",
    "alerts": "Rules and incidents. Enter shows an incident's time and requests.",
    "requests": "The log itself, newest first. Moving the cursor stops it; Home follows it again.",
    "health": "What GlanceMetrics reads, what it could not read, and where it writes.",
    "servers": "Each server: its traffic, and how its agent is. Enter narrows everything to it.",
}


@attrs.frozen(eq=False)
class Help(ScrolledPage):
    """See the module's docstring."""

    for_page: str
    """The name of the page under it."""

    name = "help"
    title = "Help"

    def all_rows(self, state: State, cells: int) -> list[Row]:
        return help_rows(state.context.keys, self.for_page, cells)


def help_rows(keys: Mapping[str, tuple[str, ...]], page: str, cells: int) -> list[Row]:
    """Return the help of a page, however long it is."""
    rows: list[Row] = []
    if page in ABOUT:
        rows.append([])
        rows += [[("", f"  {line}")] for line in wrapped(ABOUT[page], cells - 4)]
    for group in dict.fromkeys(action.group for action in ACTIONS):
        rows += [[], [(themes.HEADING, f"  {group}")]]
        rows += _columns(
            [
                (keys_shown(keys[action.name]) or "(no key)", action.about)
                for action in ACTIONS
                if action.group == group
            ],
            themes.KEY,
            cells,
        )
    rows += [[], [(themes.HEADING, "  Marks and words")]]
    return rows + _columns(MEANINGS, themes.FIGURE, cells)


def _columns(pairs: Sequence[tuple[str, str]], style: str, cells: int) -> list[Row]:
    """Return words and what they mean, in as many columns as have room for all of their text."""
    marks = max(width(mark) for mark, _ in pairs) + 2
    texts = max(width(text) for _, text in pairs) + 4
    columns = max(1, min(3, (cells - 2) // (marks + texts)))
    if columns == 1:
        texts = max(8, cells - 4 - marks)
    lines = -(-len(pairs) // columns)
    rows: list[Row] = []
    for first in range(lines):
        row: Row = [("", "  ")]
        below: list[str] = []
        for mark, text in pairs[first::lines]:
            shown, *below = wrapped(text, texts)
            row += [(style, left(mark, marks)), ("", left(shown, texts))]
        rows.append(row)
        rows += [[("", " " * (2 + marks) + line)] for line in below]
    return rows
