"""Help: every key, and what the words and marks mean. Pure."""

from __future__ import annotations

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import Row, left, width, wrapped
from actors.outputs.console.pages.plain import ScrolledPage
from actors.outputs.console.state import State

MEANINGS = (
    ("~", "an estimate: more distinct values than --distinct-limit"),
    ("(other)", "the rarer values, counted together"),
    ("–", "unknown, or none"),
    ("▲ 12 %", "change against the window before"),
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
}


@attrs.frozen(eq=False)
class Help(ScrolledPage):
    """See the module's docstring."""

    for_page: str
    """The name of the page under it."""

    name = "help"
    title = "Help"

    def all_rows(self, state: State, cells: int) -> list[Row]:
        del state
        return help_rows(self.for_page, cells)


def help_rows(page: str, cells: int) -> list[Row]:
    """Return the help of a page, however long it is."""
    from actors.outputs.console.commands import COMMANDS  # which has a command that shows this

    rows: list[Row] = []
    if page in ABOUT:
        rows.append([])
        rows += [[("", f"  {line}")] for line in wrapped(ABOUT[page], cells - 4)]
    groups = dict.fromkeys(command.group for command in COMMANDS)
    columns = max(1, min(3, cells // 60))
    for group in groups:
        rows += [[], [(themes.HEADING, f"  {group}")]]
        commands = [one for one in COMMANDS if one.group == group]
        lines = -(-len(commands) // columns)
        for first in range(lines):
            row: Row = []
            for command in commands[first::lines]:
                row.append((themes.KEY, f"  {left(command.shown, 10)}"))
                row.append(("", left(command.name, max(1, cells // columns - 13)) + " "))
            rows.append(row)
    rows += [[], [(themes.HEADING, "  Marks and words")]]
    longest = max(width(mark) for mark, _ in MEANINGS)
    rows += [
        [(themes.FIGURE, f"  {left(mark, longest + 2)}"), ("", meaning)]
        for mark, meaning in MEANINGS
    ]
    return rows
