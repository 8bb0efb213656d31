"""Questions that a viewer wants to be kept fresh, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glancemetrics.errors import UsageError
from glancemetrics.history.ask import Ask
from glancemetrics.records.dimensions import dimensions_with
from glancemetrics.selecting.value_conditions import condition_of, excluded, joined_conditions
from glancemetrics.selecting.viewers_conditions import check_condition_of_viewer

MOST_ASKS = 24
"""Questions of one viewer."""
MOST_ROWS, MOST_COLUMNS = 1000, 2000
"""Groups (or requests) and steps of an answer that is kept fresh."""
MOST_CELLS = 20_000
"""Groups times steps."""
_LONGEST = 10 * 366 * 86_400
_LATEST = 253_402_300_799
_MOST_FILTERS, _LONGEST_TEXT = 50, 10_000


def ask_of(value: object, kept: tuple[str, ...] = ()) -> Ask:
    """Return a question. Raises `UsageError`."""
    fields = _Fields(value)
    step = fields.optional_number("step", 1, _LONGEST)
    seconds = fields.number("seconds", 1, _LONGEST)
    limit = fields.number("limit", 1, MOST_ROWS, 20)
    by = fields.texts("by")
    if step is not None:
        steps = -(-seconds // step)
        if steps > MOST_COLUMNS:
            raise UsageError(f"step {step}: {steps:,} steps are over {MOST_COLUMNS:,}")
        if by and steps * limit > MOST_CELLS:
            raise UsageError(f"limit {limit} with {steps:,} steps: over {MOST_CELLS:,} values")
    ask = Ask(
        where=where_of(fields.known.get("filters", []), kept),
        seconds=seconds,
        until=fields.optional_number("until", 0, _LATEST),
        shift=fields.number("shift", 0, _LONGEST, 0),
        by=by,
        measures=fields.texts("measures") or ("hits",),
        order=fields.text("order"),
        is_ascending=fields.flag("ascending"),
        limit=limit,
        step=step,
        is_records=fields.flag("records"),
        offset=fields.number("offset", 0, 1_000_000, 0),
        kept=kept,
    )
    fields.check()
    ask.question(_LATEST)  # its mistakes
    return ask


def where_of(filters: object, kept: tuple[str, ...] = ()) -> str | None:
    """Return the condition of filters that must all hold; `None` without any.

    A filter is `{"where": CONDITION}`, or `{"field": NAME, "value": TEXT}`, with `"not": true` for
    all other requests. Raises `UsageError`.
    """
    if not isinstance(filters, list) or len(filters) > _MOST_FILTERS:
        raise UsageError(f"filters: must be a list of at most {_MOST_FILTERS} filters")
    joined = joined_conditions(_condition(one, kept) for one in filters)
    if len(filters) > 1 and joined is not None:
        check_condition_of_viewer(joined)  # a link has them all in one
    return joined


def _condition(value: object, kept: tuple[str, ...]) -> str:
    fields = _Fields(value)
    condition, field, text = (fields.text(name) for name in ("where", "field", "value"))
    is_negated = fields.flag("not")
    fields.check()
    if condition is None:
        if field is None or text is None:
            raise UsageError("a filter has a field and a value, or a where")
        if field not in dimensions_with(kept):
            raise UsageError(f"unknown field {field!r}")
        condition = condition_of(field, text)
    else:
        check_condition_of_viewer(condition)
    return excluded(condition) if is_negated else condition


class _Fields:
    """The fields of an object of JSON, each read once and checked."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, Mapping):
            raise UsageError("a question must be an object")
        self.known: Mapping[str, Any] = value
        self._read = {"filters"}

    def _of(self, name: str) -> Any:
        self._read.add(name)
        return self.known.get(name)

    def check(self) -> None:
        """Raise `UsageError` for a field of no meaning: it may be misspelt."""
        unknown = [name for name in self.known if name not in self._read]
        if unknown:
            raise UsageError(f"unknown field {unknown[0][:40]!r}")

    def number(self, name: str, low: int, high: int, default: int | None = None) -> int:
        value = self._of(name)
        value = default if value is None else value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise UsageError(f"{name}: must be a whole number from {low:,} to {high:,}")
        return value

    def optional_number(self, name: str, low: int, high: int) -> int | None:
        return None if self._of(name) is None else self.number(name, low, high)

    def text(self, name: str) -> str | None:
        value = self._of(name)
        if value is not None and (not isinstance(value, str) or len(value) > _LONGEST_TEXT):
            raise UsageError(f"{name}: must be a text of at most {_LONGEST_TEXT:,} characters")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._of(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise UsageError(f"{name}: must be a list of texts")
        return tuple(value)

    def flag(self, name: str) -> bool:
        value = self._of(name)
        if value is not None and not isinstance(value, bool):
            raise UsageError(f"{name}: must be true or false")
        return bool(value)
