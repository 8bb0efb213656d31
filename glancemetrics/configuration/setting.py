"""One setting: its names, default, meaning and allowed values.

A setting is a field of a section, an attrs class owned by whatever needs the settings. It has one
name: `--syslog-facility` on the command line, `GLANCEMETRICS_SYSLOG_FACILITY` in the environment,
and `syslog_facility` in TOML. If its section has a table there, `facility` in `[syslog]` is the
same setting.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from glancemetrics.configuration.shown_values import shown
from glancemetrics.errors import UsageError
from glancemetrics.words.durations import parse_seconds, short_span
from glancemetrics.words.suggestions import closest

ENVIRONMENT_PREFIX = "GLANCEMETRICS_"

OFF = "off"

Parse = Callable[[Any], Any]
"""Turns what was typed into the setting's value. Raises `ValueError`, `TypeError` or
`OverflowError` for a value that is not allowed; the text of a `NotAllowedError` is shown."""

_SPEC = "setting"


class Group(enum.Enum):
    """The groups of options in `-h`, in their order."""

    INPUT = "Input"
    WINDOW = "Window"
    ALERTS = "Alerts"
    OUTPUTS = "Outputs"
    WEB = "Web"
    HISTORY = "History"
    ADVANCED = "Advanced"


class NotAllowedError(ValueError):
    """A value is not allowed for a setting."""


@attrs.frozen
class Spec:
    """What the field of a setting declares about it."""

    parse: Parse
    help: str
    allowed: str
    """Completes the sentence `must be ...`."""
    metavar: str | None
    """`None` for a switch, which takes no value."""
    group: Group = Group.ADVANCED
    default_shown: str | None = None
    """The default as `-h` shows it, with its unit; `None`: as it is, and nothing for no value."""
    name: str | None = None
    """The name outside its section's table; by default the table's name and the field's."""
    short: str | None = None
    repeatable: bool = False
    split: Callable[[str], list[str]] | None = None
    """Splits the environment variable into several values; `None`: it holds one value."""
    values: tuple[str, ...] = ()
    """The words that can be completed."""
    bare: str | None = None
    """What the option means without a value; `None`: it needs one, or takes none."""
    is_value: Callable[[str], bool] = bool
    """Whether the word after such an option is its value."""
    example: str | None = None
    """A value for the example configuration; `None`: the default."""


@attrs.frozen
class Setting:
    """A setting, and where it belongs."""

    section: type
    attribute: str
    name: str
    """In TOML; with `--` before it and `-` for `_`, on the command line; in capitals, in the
    environment."""
    default: Any
    spec: Spec

    @property
    def table(self) -> str:
        """The name of its section's table in TOML; empty if it has none."""
        return table_of(self.section)

    @property
    def help(self) -> str:
        """What it is for."""
        return self.spec.help

    @property
    def metavar(self) -> str | None:
        """The placeholder for its value in the help; `None` for a switch."""
        return self.spec.metavar

    @property
    def repeatable(self) -> bool:
        """Whether it may be given several times."""
        return self.spec.repeatable

    @property
    def default_shown(self) -> str:
        """The default as `-h` shows it, with its unit; empty if there is nothing to show."""
        if self.spec.default_shown is not None:
            return self.spec.default_shown
        if self.default is None or self.default is False or self.default == ():
            return ""
        return " ".join(self.default) if isinstance(self.default, tuple) else str(self.default)

    def of_environment(self, text: str) -> str | list[str]:
        """Return the values in an environment variable."""
        if self.spec.split is None:
            return text
        return [part for part in self.spec.split(text) if part]

    @property
    def flag(self) -> str:
        """The option on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def flags(self) -> list[str]:
        """The short option, if there is one, and the long one."""
        return [*([self.spec.short] if self.spec.short else []), self.flag]

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    def parsed(self, value: Any, origin: str) -> Any:
        """Parse a value; `origin` begins the error message and says where the value is."""
        return _parsed(self.spec, value, origin)


def setting(default: Any, parse: Parse, **declared: Any) -> Any:
    """Return the field of a setting; `declared` is what `Spec` has besides `parse`."""
    spec = Spec(parse, **declared)

    def convert(value: Any, field: Any) -> Any:
        return _parsed(spec, value, origin_of(f"{spec.name or field.name} = ", value))

    return attrs.field(
        default=default,
        converter=attrs.Converter(convert, takes_field=True),
        metadata={_SPEC: spec},
    )


def table_of(section: type) -> str:
    """Return the name of a section's table in TOML; empty if it has none."""
    table: str = getattr(section, "TABLE", "")
    return table


def settings_of(section: type) -> Iterator[Setting]:
    """Yield the settings of a section, in their order."""
    table = table_of(section)
    for field in attrs.fields(section):
        spec = field.metadata.get(_SPEC)
        if spec is not None:
            name = spec.name or (f"{table}_{field.name}" if table else field.name)
            yield Setting(section, field.name, name, field.default, spec)


def origin_of(before: str, value: Any) -> str:
    """Return where a value is: `before`, and the value unless it may be a secret.

    Texts of options and variables are shown as they were typed, without quotes.
    """
    text = shown(value)
    if text is None:
        return before.rstrip(" =")
    return before + (text if before.endswith(" = ") and isinstance(value, str) else str(value))


def _parsed(spec: Spec, value: Any, origin: str) -> Any:
    try:
        return spec.parse(value)
    except (ValueError, TypeError, OverflowError) as error:
        detail = f" ({error})" if isinstance(error, NotAllowedError) and error.args else ""
        raise UsageError(f"{origin}: must be {spec.allowed}{detail}") from None


def whole(low: int, high: int) -> Callable[[Any], int]:
    """Return a parser of whole numbers in a range."""

    def parse(value: Any) -> int:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise NotAllowedError
        number = int(value)
        if not low <= number <= high:
            raise NotAllowedError
        return number

    return parse


def number(low: float, high: float) -> Callable[[Any], float]:
    """Return a parser of numbers in a range."""

    def parse(value: Any) -> float:
        if isinstance(value, bool):
            raise NotAllowedError
        number = float(value)
        if not low <= number <= high:
            raise NotAllowedError
        return number

    return parse


def span(low: float, high: float, unit: float = 1.0) -> Callable[[Any], float]:
    """Return a parser of spans such as `90s` or `2m`; a plain number counts in `unit` seconds.

    The value is in that unit; `low` and `high` are in seconds.
    """

    def parse(value: Any) -> float:
        if isinstance(value, bool):
            raise NotAllowedError
        try:
            seconds = float(value) * unit
        except ValueError:
            seconds = parse_seconds(value)
        # Minutes in decimals, such as 0.0167, are a little more than a second.
        if not low <= seconds <= high:
            raise NotAllowedError
        return seconds / unit

    return parse


def span_allowed(low: float, high: float, unit: str) -> str:
    """Complete `must be ...` for `span`; `unit` is what a plain number counts."""
    return f"a duration from {short_span(low)} to {short_span(high)}, such as 30s or 5m, or {unit}"


def choice(*choices: str) -> Callable[[Any], str]:
    """Return a parser of one of some words."""

    def parse(value: Any) -> str:
        chosen = str(value).lower()
        if chosen not in choices:
            close = closest(chosen, choices)
            raise NotAllowedError(*([f"did you mean {close}?"] if close else []))
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
    """Parse one or several texts."""
    values = [value] if isinstance(value, str) else list(value)
    if not values:
        raise NotAllowedError
    return tuple(dict.fromkeys(plain_text(item) for item in values))


def some_texts(value: Any) -> tuple[str, ...]:
    """Parse any number of texts."""
    return () if value is None or value == () else texts(value)
