"""Tables of TOML, read key by key; a mistake is reported with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from glancemetrics.configuration.shown_values import shown
from glancemetrics.errors import Mistakes, UsageError
from glancemetrics.words.durations import ALLOWED as ALLOWED_SPAN
from glancemetrics.words.durations import parse_span
from glancemetrics.words.suggestions import closest

LONGEST_SPAN = 30 * 86_400
_DEEPEST = 24
Read = TypeVar("Read")
_LIKE = 0.7
"""From here on two keys are so similar that one is taken for a misspelling of the other."""
_TOO_DEEP = "is nested too deeply"
_HEADER = re.compile(r"\[{1,2}[^\[\]]+\]{1,2}\s*(#.*)?")
"""A line that begins a table, and not one of an array of arrays."""


@attrs.frozen
class Place:
    """Where a table is."""

    text: str
    name: str
    number: int
    """Which table."""

    def of(self, table: str, key: str) -> str:
        """Name the line of a key; that of the table if the key is not found."""
        line = self.line(table, key)
        return self.name if line is None else f"{self.name} line {line}"

    def line(self, table: str, key: str, inner: str | None = None) -> int | None:
        """Return the line of a key, or that of the table; `None` if neither is found.

        `inner` is a key of the table that the key holds.
        """
        found = -1
        best = None  # the nearest line so far: of the table, then of the key
        where: str | None = None  # whose lines these are: the table's, or those of the key's table
        for number, text in enumerate(self.text.split("\n"), 1):
            stripped = text.strip()
            if _HEADER.fullmatch(stripped):
                found += re.match(rf"\[\[\s*{table}\s*\]\]", stripped) is not None
                if found > self.number:
                    break
                where = None
                if found == self.number:
                    if best is None:
                        best, where = number, "table"
                    elif re.match(rf"\[\s*{table}\s*\.\s*{_quoted(key)}\s*[\].]", stripped):
                        best, where = number, "inner"
            elif where == "table" and re.match(rf"{_quoted(key)}\s*[.=]", stripped):
                best = number
                if inner is None or re.search(rf"\b{re.escape(inner)}\b", stripped):
                    return number
            elif (
                where == "inner"
                and inner is not None
                and re.match(rf"{_quoted(inner)}\s*[.=]", stripped)
            ):
                return number
        return best


def header_line(text: str, table: str) -> int | None:
    """Return the line on which a table or an array of tables begins; `None` if it is not found."""
    header = re.compile(rf"\[{{1,2}}\s*{_quoted(table)}\s*[\].]")
    lines = enumerate(text.split("\n"), 1)
    return next((number for number, line in lines if header.match(line.strip())), None)


def not_an_array(text: str, name: str, kind: str) -> UsageError:
    """Return the error about a table, or a value, that should be an array of tables."""
    line = header_line(text, kind)
    place = name if line is None else f"{name} line {line}"
    return UsageError(f"{place}: write [[{kind}]]; there may be several")


def setting_line(text: str, key: str, table: str = "") -> int | None:
    """Return the line of a key in a table, or outside of all; `None` if it is not found."""
    is_in_it = not table
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if _HEADER.fullmatch(stripped):
            is_in_it = bool(table) and bool(re.match(rf"\[\s*{_quoted(table)}\s*\]", stripped))
        elif is_in_it and re.match(rf"{_quoted(key)}\s*=", stripped):
            return number
    return None


def _quoted(key: str) -> str:
    return rf"[\"']?{re.escape(key)}[\"']?"


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """Read a TOML text; `name` is what it is called. Raises `UsageError`, whatever is in it.

    What it returns is not nested deeply: who goes through it may call himself.
    """
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise UsageError(f"{name}: {_TOO_DEEP}") from None
    except ValueError as error:  # also of numbers and times that Python cannot hold
        said = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a value is too large"
        raise UsageError(f"{name}: is not TOML: {said}{_way_out(text, said)}") from None
    level: list[Any] = [table]
    for _ in range(_DEEPEST):
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise UsageError(f"{name}: {_TOO_DEEP}")
    return table


def _way_out(text: str, said: str) -> str:
    """Return what to do about an error of the TOML parser, as far as that can be guessed."""
    if said.startswith("Cannot overwrite"):
        return "; a key or table is there twice"
    at = re.search(r"\(at line (\d+), column \d+\)", said)
    lines = text.split("\n")
    line = lines[int(at[1]) - 1] if at is not None and int(at[1]) <= len(lines) else ""
    value = re.match(r"\s*[\w.-]+\s*=\s*([^\s\"'\[{#][^#]*)", line)
    if value is None:
        return ""
    if value[1].strip().lower() in {"true", "false"}:
        return f"; write {value[1].strip().lower()}"
    return '; put text in quotes, such as "10s"'


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def tables_of(text: str, name: str, kind: str) -> Iterator[tuple[Mapping[str, Any], Place]]:
    """Yield the tables of an array in a TOML text, which is called `name`; each with its place.

    Raises `UsageError`.
    """
    tables = parse_toml(text, name).get(kind, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise not_an_array(text, name, kind)
    for number, table in enumerate(tables):
        yield table, Place(text, name, number)


class WrongKeyError(UsageError):
    """A wrong key, or a wrong value of a key."""

    def __init__(
        self, text: str, key: str, meant: str | None = None, instead: Collection[str] = ()
    ) -> None:
        """`meant` is the key that an unknown one is most like; `instead`, others that would do."""
        super().__init__(text)
        self.key = key
        self.meant = meant
        self.instead = frozenset(instead)


class TomlTable:
    """One table of an array of tables."""

    secret_keys: Collection[str] = ()
    """Keys whose values no error shows."""

    def __init__(self, table: Mapping[str, Any], kind: str, place: Place) -> None:
        """`kind` is the name of the array."""
        self.table = dict(table)
        self._kind = kind
        self._place = place
        self._written: dict[str, str] = {}
        """{a key that was meant: what was written}"""

    def read(self, what: Callable[[], Read], mistakes: Mistakes | None) -> Read | None:
        """Return what the table says. Raises `UsageError` for the first mistake.

        With `mistakes`, each is added there, and the rest is read without the wrong key, or with
        the key that was meant; `None` if that is not enough.
        """
        if mistakes is None:
            return what()
        read: Read | None = None
        found: Mistakes = []
        wrong: set[str] = set()
        while True:
            try:
                read = what()
                break
            except WrongKeyError as mistake:
                key, meant = mistake.key, mistake.meant
                if mistake.instead and wrong - {"name"}:
                    break  # what is missing may be what was wrong
                if key in wrong:
                    break  # it follows from what was found already
                found.append(str(mistake))
                wrong.add(key)
                value = self.table.pop(key, None)
                if key == "name" and not mistake.instead:
                    self.table["name"] = "unnamed"
                elif value is None:
                    break
                elif meant is not None and meant not in self.table:
                    self.table[meant] = value
                    self._written[meant] = key
            except UsageError as error:
                found.append(str(error))
                break
        mistakes += found
        return read

    def wrong(self, key: str, what: str) -> UsageError:
        """Return the error that names a key's place, and its value unless it may be a secret."""
        return self._wrong(key, what, is_known=key not in self.secret_keys)

    def unseen_wrong(self, key: str, what: str) -> UsageError:
        """Return the error that names a key's place, but not its value, which may be a secret."""
        return WrongKeyError(f"{self.where(key)}: {what}", key)

    def _wrong(
        self,
        key: str,
        what: str,
        *,
        is_known: bool,
        meant: str | None = None,
        instead: Collection[str] = (),
    ) -> UsageError:
        value = shown(self.table.get(key), is_known=is_known)
        told = "" if value is None else f" = {value}"
        return WrongKeyError(f"{self.where(key)}{told}: {what}", key, meant, instead)

    def where(self, key: str) -> str:
        """Return the place of a key, and the key."""
        name = self.table.get("name")
        said = shown(name) if isinstance(name, str) and key != "name" else None
        whose = "" if said is None else f" ({self._kind} {said})"
        written = self._written.get(key, key)
        return f"{self._place.of(self._kind, written)}{whose}: {key}"

    def asked_at(self, key: str, name: str, inner: str | None = None) -> str:
        """Return where a key stands: `ok.toml line 18, [[notify]] team`."""
        name = name if shown(name) else ""
        line = self._place.line(self._kind, key, inner)
        at = f"{self._place.name} line {line}" if line is not None else self._place.name
        return f"{at}, [[{self._kind}]] {name}".rstrip()

    def check_keys(self, keys: Sequence[str], settings: Collection[str] = ()) -> None:
        """Raise `UsageError` for an unknown key; `settings` belong outside of tables."""
        for key in self.table:
            if key not in keys:
                close = closest(key, keys, least=_LIKE)
                hint = f"did you mean {close}?" if close else f"known keys: {', '.join(keys)}"
                if key in settings:
                    hint = "it is a setting: move it above the first table"
                what = f"unknown key in [[{self._kind}]]; {hint}"
                raise self._wrong(key, what, is_known=False, meant=close)

    def one_of(self, keys: Sequence[str]) -> str:
        """Return which one of some keys there is. Raises `UsageError` for none and for several."""
        given = [key for key in keys if key in self.table]
        # Of two, one that was meant by a misspelt key may not have been.
        given = [key for key in given if key not in self._written] or given
        if len(given) == 1:
            return given[0]
        needs = f"[[{self._kind}]] needs one of {', '.join(keys)}"
        if given:
            raise self.wrong(given[1], f"{needs}, and has {given[0]} already")
        raise self._wrong("name", needs, is_known="name" not in self.secret_keys, instead=keys)

    def text(self, key: str) -> str | None:
        """Return a text; `None` without it."""
        value = self.table.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise self.wrong(key, "must be a text")
        return value.strip()

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        """Return one of some texts; `None` without it."""
        value = self.table.get(key)
        if value is not None and value not in choices:
            raise self.wrong(key, f"must be one of {', '.join(choices)}")
        return value

    def span(self, key: str, default: int) -> int:
        """Return a span of time in seconds."""
        value = self.table.get(key)
        if value is None:
            return default
        try:
            seconds = parse_span(value) if isinstance(value, str) else int(value)
        except (ValueError, TypeError, OverflowError):  # OverflowError: inf
            raise self.wrong(key, f"must be {ALLOWED_SPAN}") from None
        if isinstance(value, bool) or not 0 < seconds <= LONGEST_SPAN:
            raise self.wrong(key, f"must be {ALLOWED_SPAN}, at most 30d")
        return seconds

    def number(self, key: str, low: float, high: float) -> float:
        """Return a number."""
        allowed = f"a number from {low:g} to {high:g}"
        number: float = self._checked(key, (int, float), lambda n: low <= n <= high, allowed)
        return number

    def whole(self, key: str, default: int) -> int:
        """Return a whole number."""
        if key not in self.table:
            return default
        return int(
            self._checked(key, (int,), lambda value: 0 <= value <= 1_000_000_000, "a whole number")
        )

    def _checked(
        self, key: str, types: tuple[type, ...], good: Callable[[Any], bool], allowed: str
    ) -> Any:
        value = self.table.get(key)
        if isinstance(value, bool) or not isinstance(value, types) or not good(value):
            raise self.wrong(key, f"must be {allowed}")
        return value
