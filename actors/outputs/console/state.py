"""`State`: everything a screen is drawn from, as one frozen value.

Keys and messages make the next state from the last one; nothing else changes what is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from actors.outputs.console.cells import Row
from actors.outputs.console.context import Context
from actors.outputs.console.effects import Effect
from actors.outputs.console.scope import Scope, joined
from actors.state.acknowledgements import Acknowledgement
from actors.state.silences import Silence
from glancemetrics.history.ask import Answered, Ask
from glancemetrics.traffic.snapshot import Snapshot

if TYPE_CHECKING:
    from actors.outputs.console.tables import Table

Names = tuple[str, ...]
"""What identifies a row of a table: its values of the table's fields."""

COLUMNS = ("hits", "5xx", "4xx", "p95", "bytes")


@attrs.frozen(kw_only=True)
class TableSpec:
    """A table of values with the most of something."""

    key: str
    """Unique among all tables."""
    title: str
    by: Names
    """The fields to group by."""
    where: str | None = None
    """Only these requests count."""
    measures: tuple[str, ...] = COLUMNS
    order: str = "hits"
    """The measure it is sorted by until a person chooses another."""
    made: Callable[[State], Table] | None = attrs.field(default=None, eq=False)
    """Makes its rows; `None`: they are the answer to its question, or those of the snapshot."""


@attrs.frozen
class TableState:
    """What a person has chosen in a table."""

    chosen: Names | None = None
    """The row under the cursor; `None`: the first."""
    order: tuple[Names, ...] = ()
    """Rows that keep their place while the cursor is among them; none: sorted anew each time."""
    sort: str | None = None
    is_ascending: bool = False
    find: str = ""
    """Only rows that contain this text."""


@attrs.frozen
class Prompt:
    """One line that a person is typing."""

    kind: str
    """The key of `prompts.PROMPTS`."""
    text: str = ""
    problem: str = ""
    """Why this text would not be accepted, in a sentence."""
    subject: str = ""
    """What it is about, such as the name of a rule."""
    about: str = ""
    """What a person should know, while nothing is wrong with the text."""


@attrs.frozen
class RequestsState:
    """What a person has chosen among the requests."""

    chosen: int = 0
    """Number of the request under the cursor, newest first."""
    until: int | None = None
    """The second before which they were logged: they keep their place; `None`: now."""


@attrs.frozen
class CameFrom:
    """What an incident was opened from, so that one can go back."""

    opened: Scope
    """The scope that it was opened with."""
    scope: Scope
    view: int
    tables: Mapping[str, TableState]


class Page(Protocol):
    """One page of the console: a view, or something that is opened on top of one."""

    @property
    def name(self) -> str:
        """How commands refer to it."""

    @property
    def title(self) -> str: ...

    def is_offered(self, state: State) -> bool:
        """Whether it has something to show, so that it is listed among the views."""

    def tables(self, state: State) -> tuple[TableSpec, ...]:
        """Return its tables; the cursor is in one of them."""

    def asks(self, state: State) -> tuple[Ask, ...]:
        """Return the questions whose answers it shows."""

    def render(self, state: State, cells: int, rows: int) -> list[Row]:
        """Return exactly `rows` rows of exactly `cells` cells each."""

    def moved(self, state: State, rows: int) -> State:
        """Move the cursor, or scroll."""

    def turned(self, state: State, steps: int) -> State:
        """Go right or left, on a page without tables."""

    def opened(self, state: State) -> State:
        """Do what Enter does."""

    def copied(self, state: State) -> str:
        """Return the text of the row under the cursor."""


@attrs.frozen(kw_only=True)
class State:
    """See the module's docstring."""

    context: Context
    views: tuple[Page, ...]
    cells: int = 80
    rows: int = 24
    latest: Snapshot | None = None
    """The newest snapshot."""
    shown: Snapshot | None = None
    """The one that is shown."""
    is_paused: bool = False
    scope: Scope = attrs.field(factory=Scope)
    answers: Mapping[Ask, Answered] = attrs.field(factory=dict)
    view: int = 0
    """Number of the view among `views`."""
    over: tuple[Page, ...] = ()
    """Pages on top of the view; the last one is shown."""
    tables: Mapping[str, TableState] = attrs.field(factory=dict)
    focus: Mapping[str, str] = attrs.field(factory=dict)
    """By the name of a page, the key of the table with the cursor."""
    is_zoomed: bool = False
    """Whether only the table with the cursor is shown."""
    came_from: CameFrom | None = None
    requests: RequestsState = attrs.field(factory=RequestsState)
    prompt: Prompt | None = None
    web_address: str = ""
    """The address of the page in a browser, once that is known."""
    notice: str = ""
    """The answer to the last key, in a sentence."""
    silences: tuple[Silence, ...] = ()
    """Those that last."""
    acknowledged: Mapping[str, Acknowledgement] = attrs.field(factory=dict)
    theme: str = "dark"
    is_theme_chosen: bool = False
    """Whether a person has chosen it here."""
    effects: tuple[Effect, ...] = ()
    """What the console does in the world after this step."""

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return self.over[-1] if self.over else self.views[self.view]

    @property
    def now(self) -> int:
        """The second before which the shown window ends."""
        if self.scope.until is not None:
            return self.scope.until
        return 0 if self.shown is None else self.shown.shown.end

    @property
    def newest(self) -> int:
        """The second before which the newest window ends, whatever is shown."""
        return 0 if self.latest is None else self.latest.shown.end

    @property
    def seconds(self) -> int:
        """Length of the shown window."""
        if self.scope.seconds is not None:
            return self.scope.seconds
        return 10 if self.shown is None else self.shown.shown.window_seconds

    @property
    def is_live(self) -> bool:
        """Whether the window ends now."""
        return self.scope.until is None

    def table(self, spec: TableSpec) -> TableState:
        table = self.tables.get(spec.key, _UNTOUCHED)
        # An order of an earlier run or version that this table has no column for.
        is_known = table.sort is None or table.sort in (*spec.measures, spec.order)
        return table if is_known else attrs.evolve(table, sort=None)

    def with_table(self, spec: TableSpec, table: TableState) -> State:
        return attrs.evolve(self, tables={**self.tables, spec.key: table})

    @property
    def focused(self) -> TableSpec | None:
        """The table with the cursor."""
        tables = self.page.tables(self)
        return focused_among(tables, self.focus.get(self.page.name)) if tables else None

    def ask(self, **fields: Any) -> Ask:
        """Return a question about the scope; `where` narrows it further."""
        where = joined(self.scope.where, fields.pop("where", None))
        defaults: dict[str, Any] = {
            "seconds": self.seconds,
            "until": self.scope.until,
            "kept": self.context.kept,
        }
        return Ask(where=where, **(defaults | fields))

    def with_answer(self, ask: Ask, answered: Answered) -> State:
        """Keep an answer; the oldest of many is forgotten.

        One that says the same as the last stays the same object: what is drawn of it is remembered.
        """
        known = self.answers.get(ask)
        if known is not None and known.says_the_same(answered):
            answered = known
        others = [(one, known) for one, known in self.answers.items() if one != ask]
        kept = [(ask, answered)]
        size = answered.size
        for one, other in reversed(others[-_MOST_ANSWERS:]):
            size += other.size
            if size > _MOST_BYTES and len(kept) >= _LEAST_ANSWERS:
                break
            kept.append((one, other))
        return attrs.evolve(self, answers=dict(reversed(kept)))

    def with_fresh_answers(self) -> State:
        """Forget live answers that are too old to be shown as the present."""
        oldest = self.now - max(_FRESH_SECONDS, self.seconds // 2)
        fresh = {
            ask: answered
            for ask, answered in self.answers.items()
            if ask.until is not None or answered.until >= oldest
        }
        return self if len(fresh) == len(self.answers) else attrs.evolve(self, answers=fresh)

    def pushed(self, page: Page) -> State:
        """Open a page on top."""
        return attrs.evolve(self, over=(*self.over, page))

    def popped(self) -> State:
        """Close the page on top."""
        return attrs.evolve(self, over=self.over[:-1])

    def replaced(self, page: Page) -> State:
        """Show another page instead of the one on top."""
        return self.popped().pushed(page)

    def told(self, notice: str) -> State:
        return attrs.evolve(self, notice=notice)

    def wanting(self, effect: Effect) -> State:
        return attrs.evolve(self, effects=(*self.effects, effect))


def focused_among(tables: Sequence[TableSpec], key: str | None) -> TableSpec:
    """Return the table with a key; the first if there is none with it, as while it has no rows."""
    return next((one for one in tables if one.key == key), tables[0])


_FRESH_SECONDS = 10
_UNTOUCHED = TableState()
_MOST_ANSWERS = 90
_LEAST_ANSWERS, _MOST_BYTES = 24, 1 << 25
"""So many answers, about a screen's, are kept in any case, and others that fit into these bytes."""
