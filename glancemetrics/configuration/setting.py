"""One setting: its names, default, meaning, and what it may be.

A setting is a field of a section, an attrs class that whoever needs the settings brings along. It
has one name: `--syslog_facility` (or `--syslog-facility`), `GLANCEMETRICS_SYSLOG_FACILITY`, and
`syslog_facility` in TOML. Where its section has a table there, `facility` in `[syslog]` is the same
setting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from glancemetrics.configuration.shown_values import shown
from glancemetrics.errors import UsageError

ENVIRONMENT_PREFIX = "GLANCEMETRICS_"

OFF = "off"

Parse = Callable[[Any], Any]
"""Makes what a setting is of what was written. Raises `ValueError`, `TypeError` or `OverflowError`
for what is not allowed; the text of a `NotAllowedError` is shown."""

_TOLD = "told"


class NotAllowedError(ValueError):
    """A value is not what the setting may be."""


@attrs.frozen
class Told:
    """What the field of a setting says of it."""

    parse: Parse
    help: str
    allowed: str
    """Ends the sentence `must be ...`."""
    metavar: str | None
    """`None` for a switch, which takes no value."""
    name: str | None = None
    """Everywhere but in its section's table; by default the table's name and the field's."""
    short: str | None = None
    repeatable: bool = False
    split: Callable[[str], list[str]] | None = None
    """Takes several apart that are one text in the environment; `None`: it is one value."""


@attrs.frozen
class Setting:
    """A setting, and where it belongs."""

    section: type
    attribute: str
    name: str
    """In TOML; with `--` before it, as a flag; in capitals, in the environment."""
    default: Any
    told: Told

    @property
    def table(self) -> str:
        """The name of its section's table in TOML; empty where that has none."""
        return table_of(self.section)

    @property
    def help(self) -> str:
        """What it is for."""
        return self.told.help

    @property
    def metavar(self) -> str | None:
        """What stands for its value in the help; `None` for a switch."""
        return self.told.metavar

    @property
    def repeatable(self) -> bool:
        """Whether it may be given several times."""
        return self.told.repeatable

    def of_environment(self, text: str) -> str | list[str]:
        """Return the values in one text."""
        if self.told.split is None:
            return text
        return [part for part in self.told.split(text) if part]

    @property
    def flags(self) -> list[str]:
        """Every spelling of the flag, the usual one first."""
        spellings = [self.told.short] if self.told.short else []
        spellings.append(f"--{self.name}")
        if "_" in self.name:
            spellings.append(f"--{self.name.replace('_', '-')}")
        return spellings

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    def parsed(self, value: Any, origin: str) -> Any:
        """Parse a value; `origin` begins the error that names where a wrong one is."""
        return _parsed(self.told, value, origin)


def setting(default: Any, parse: Parse, **told: Any) -> Any:
    """Return the field of a setting; `told` is what `Told` has beside `parse`."""
    known = Told(parse, **told)

    def convert(value: Any, field: Any) -> Any:
        return _parsed(known, value, origin_of(f"{known.name or field.name} = ", value))

    return attrs.field(
        default=default,
        converter=attrs.Converter(convert, takes_field=True),
        metadata={_TOLD: known},
    )


def table_of(section: type) -> str:
    """Return the name of a section's table in TOML; empty where it has none."""
    table: str = getattr(section, "TABLE", "")
    return table


def settings_of(section: type) -> Iterator[Setting]:
    """Yield the settings of a section, in their order."""
    table = table_of(section)
    for field in attrs.fields(section):
        told = field.metadata.get(_TOLD)
        if told is not None:
            name = told.name or (f"{table}_{field.name}" if table else field.name)
            yield Setting(section, field.name, name, field.default, told)


def origin_of(before: str, value: Any) -> str:
    """Return where a value is: what stands `before` it, and the value unless it may be a secret.

    Texts of flags and variables are shown as they were written, without quotes.
    """
    text = shown(value)
    if text is None:
        return before.rstrip(" =")
    return before + (text if before.endswith(" = ") and isinstance(value, str) else str(value))


def _parsed(told: Told, value: Any, origin: str) -> Any:
    try:
        return told.parse(value)
    except (ValueError, TypeError, OverflowError) as error:
        detail = f" ({error})" if isinstance(error, NotAllowedError) and error.args else ""
        raise UsageError(f"{origin}: must be {told.allowed}{detail}") from None


def whole(low: int, high: int) -> Callable[[Any], int]:
    """Return what parses a whole number of a range."""

    def parse(value: Any) -> int:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise NotAllowedError
        number = int(value)
        if not low <= number <= high:
            raise NotAllowedError
        return number

    return parse


def number(low: float, high: float) -> Callable[[Any], float]:
    """Return what parses a number of a range."""

    def parse(value: Any) -> float:
        if isinstance(value, bool):
            raise NotAllowedError
        number = float(value)
        if not low <= number <= high:
            raise NotAllowedError
        return number

    return parse


def choice(*choices: str) -> Callable[[Any], str]:
    """Return what parses one of some words."""

    def parse(value: Any) -> str:
        chosen = str(value).lower()
        if chosen not in choices:
            raise NotAllowedError
        return chosen

    return parse


def switch(value: Any) -> bool:
    """Parse true or false, as people write them."""
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off", ""):
        return False
    raise NotAllowedError


def plain_text(value: Any) -> str:
    """Parse a text that is not empty."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise NotAllowedError
    return value


def optional_text(value: Any) -> str | None:
    """Parse a text, or nothing."""
    return None if value is None else plain_text(value)


def texts(value: Any) -> tuple[str, ...]:
    """Parse a text or several."""
    values = [value] if isinstance(value, str) else list(value)
    if not values:
        raise NotAllowedError
    return tuple(dict.fromkeys(plain_text(item) for item in values))


def some_texts(value: Any) -> tuple[str, ...]:
    """Parse any number of texts."""
    return () if value is None or value == () else texts(value)
