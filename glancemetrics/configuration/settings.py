"""The settings of the monitor: from options, environment variables, a TOML file, or defaults.

Later wins: defaults, TOML, environment, options. The settings of an output or a source are in a
section of its own, which that output or source defines.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import attrs

from glancemetrics.configuration.setting import (
    ENVIRONMENT_PREFIX,
    OFF,
    Group,
    NotAllowedError,
    Setting,
    choice,
    number,
    optional_text,
    origin_of,
    plain_text,
    setting,
    settings_of,
    some_texts,
    span,
    span_allowed,
    switch,
    texts,
    whole,
)
from glancemetrics.configuration.variables import NO_SETTINGS
from glancemetrics.errors import Mistakes, UsageError, noting
from glancemetrics.formats.format_names import (
    AUTO,
    DATE_FORMAT_HELP,
    DURATION_UNIT_HELP,
    FORMAT_FROM_HELP,
    FORMAT_HELP,
    FORMAT_NAMES,
    GROUP_PATH_HELP,
    KEEP_HELP,
    TIME_FORMAT_HELP,
    TIME_ZONE_HELP,
    TRUSTED_HELP,
)
from glancemetrics.words.suggestions import closest, did_you_mean

BUILT_IN, NONE = "built-in", "none"
_SAME_RULES = {"stock": BUILT_IN, "builtin": BUILT_IN, "on": BUILT_IN, OFF: NONE}
"""Other spellings of `rules`; `stock` and `off` are those of version 0.1."""

DISK, REDIS = "disk", "redis"
"""Values of `state`."""

RULE_TABLE, NOTIFY_TABLE = "rule", "notify"
"""The TOML keys of rules and of notification targets."""

DEFAULT_FILE = "/tmp/access.log"  # noqa: S108 - the first version's default; only read

_LONGEST_WINDOW = 7 * 86_400
_LONGEST_ALERT_WINDOW = 86_400

Section = TypeVar("Section")


def _unit(value: Any) -> str | None:
    return None if value is None else choice("us", "ms", "s")(value)


def _delay(value: Any) -> float | None:
    return None if value is None or value == AUTO else span(0, 60)(value)


def _rules(value: Any) -> str:
    if isinstance(value, bool):
        return BUILT_IN if value else NONE
    return choice(BUILT_IN, NONE)(_SAME_RULES.get(str(value).lower(), value))


def _whole_seconds(value: Any) -> int:
    seconds = span(1, _LONGEST_WINDOW)(value)
    if not seconds.is_integer():
        raise NotAllowedError
    return int(seconds)


_FILES = re.compile(r"[A-Za-z][\w+.-]*://(?:\[[^\]]*\]|[^:/]*)(?::\d+)?[^:]*|[^:]+", re.ASCII)
"""One of several in the environment, with colons between; a URL may have colons of its own."""
_ADDRESSES = re.compile(r"[,\s]+|(?<=\d):(?=\d+\.)")
"""The separators of several addresses; between IPv4 addresses a colon is accepted, too."""
_CREDENTIALS = re.compile(r"\S*(?:https?://\S|://\S*@)\S*")
"""Addresses that may have a password or a token in them."""
_OPTION = re.compile(r"--([a-z-]+)(?=[ :])")
_PATTERNS = re.compile(r":(?=/|auto$)")

_KUBERNETES = re.compile(r"_(SERVICE_(HOST|PORT)|PORT)(_|$)")


@attrs.frozen
class Given:
    """Where a setting was given, and what."""

    place: str
    """`--timewindow`, `GLANCEMETRICS_TIMEWINDOW` or `glancemetrics.toml line 3`."""
    text: str
    """The value as it was typed; empty if it may be a secret."""


@attrs.frozen(kw_only=True)
class Settings:
    """The settings of a run of the monitor. Raises `UsageError` for a value that is not allowed."""

    file: tuple[str, ...] = setting(
        (DEFAULT_FILE,),
        texts,
        group=Group.INPUT,
        short="-f",
        metavar="PATH",
        repeatable=True,
        split=_FILES.findall,
        help="log to follow, as FILE: {sources}; repeatable",
        allowed="a path, a directory, a glob or -",
    )
    format: str = setting(
        AUTO,
        plain_text,
        group=Group.INPUT,
        metavar="FORMAT",
        values=(AUTO, *FORMAT_NAMES),
        help=FORMAT_HELP,
        allowed="auto, the name of a format, or a format in nginx's or Apache's notation",
    )
    start_from: str = setting(
        "window",
        choice("window", "start", "end"),
        group=Group.INPUT,
        name="from",
        metavar="WHERE",
        values=("window", "start", "end"),
        help="where to start reading: window (far enough back to fill all windows), start or "
        "end of the log",
        allowed="window, start or end",
    )
    where: str | None = setting(
        None,
        optional_text,
        group=Group.INPUT,
        metavar="EXPRESSION",
        help="count only requests that match this SQL expression, such as "
        "\"status >= 500 and path like '/api/%'\"",
        example="path not like '/health%'",
        allowed="an SQL expression",
    )
    timewindow: int = setting(
        10,
        _whole_seconds,
        group=Group.WINDOW,
        metavar="DURATION",
        default_shown="10s",
        help="time span that the screen covers (plain number: seconds)",
        allowed=span_allowed(1, _LONGEST_WINDOW, "a whole number of seconds"),
    )
    refresh: float = setting(
        2.0,
        span(0.1, 3600),
        group=Group.WINDOW,
        short="-r",
        metavar="DURATION",
        default_shown="2s",
        help="time between screen updates (plain number: seconds)",
        allowed=span_allowed(0.1, 3600, "a number of seconds"),
    )
    section_limit: int = setting(
        8,
        whole(1, 100_000),
        group=Group.WINDOW,
        metavar="ROWS",
        default_shown="8 rows",
        help="rows in the table of sections",
        allowed="a whole number of rows from 1 to 100000",
    )
    top_limit: int = setting(
        20,
        whole(1, 100_000),
        group=Group.WINDOW,
        metavar="ROWS",
        default_shown="20 rows",
        help="rows in the other tables (paths, hosts ...)",
        allowed="a whole number of rows from 1 to 100000",
    )
    alert_threshold: float = setting(
        10.0,
        number(1e-9, 1e12),
        group=Group.ALERTS,
        metavar="RATE",
        default_shown="10 req/s",
        help="raise the high-traffic alert above this average rate, in requests per second",
        allowed="a number of requests per second above 0",
    )
    alertwindow: float = setting(
        2.0,
        span(1, _LONGEST_ALERT_WINDOW, 60),
        group=Group.ALERTS,
        metavar="DURATION",
        default_shown="2m",
        help="time span that the high-traffic alert averages (plain number: minutes)",
        allowed=span_allowed(1, _LONGEST_ALERT_WINDOW, "a number of minutes"),
    )
    rules: str = setting(
        BUILT_IN,
        _rules,
        group=Group.ALERTS,
        metavar="WHICH",
        values=(BUILT_IN, NONE),
        help="built-in also raises alerts on server errors, traffic drops, scanners and others; "
        "none keeps high traffic and your own rules; with --where the built-in rules are off "
        "unless given",
        allowed="built-in or none",
    )
    incident_limit: int = setting(
        3,
        whole(1, 1000),
        group=Group.ALERTS,
        metavar="ROWS",
        default_shown="3 rows",
        help="past alerts shown on the screen",
        allowed="a whole number of rows from 1 to 1000",
    )
    once: bool = setting(
        False,
        switch,
        group=Group.OUTPUTS,
        metavar=None,
        help="read to the end of the log, print the screen once (with --json, one JSON line) "
        "and exit",
        allowed="true or false",
    )
    format_from: str | None = setting(
        None,
        optional_text,
        group=Group.ADVANCED,
        metavar="FILE",
        help=FORMAT_FROM_HELP,
        example="/etc/nginx/nginx.conf",
        allowed="the path of an nginx.conf or a goaccess.conf",
    )
    date_format: str | None = setting(
        None,
        optional_text,
        group=Group.ADVANCED,
        metavar="FORMAT",
        help=DATE_FORMAT_HELP,
        example="%d/%b/%Y",
        allowed="a strftime format",
    )
    time_format: str | None = setting(
        None,
        optional_text,
        group=Group.ADVANCED,
        metavar="FORMAT",
        help=TIME_FORMAT_HELP,
        example="%H:%M:%S",
        allowed="a strftime format",
    )
    log_timezone: str = setting(
        "local",
        plain_text,
        group=Group.ADVANCED,
        metavar="ZONE",
        help=TIME_ZONE_HELP,
        allowed="the name of a time zone, UTC or local",
    )
    duration_unit: str | None = setting(
        None,
        _unit,
        group=Group.ADVANCED,
        metavar="UNIT",
        values=("us", "ms", "s"),
        help=DURATION_UNIT_HELP,
        example="ms",
        allowed="us, ms or s",
    )
    trusted_proxy: tuple[str, ...] = setting(
        (),
        some_texts,
        group=Group.ADVANCED,
        metavar="CIDR",
        repeatable=True,
        split=_ADDRESSES.split,
        help=TRUSTED_HELP,
        example="10.0.0.0/8",
        allowed="an address or a network such as 10.0.0.0/8",
    )
    keep: tuple[str, ...] = setting(
        (),
        some_texts,
        group=Group.ADVANCED,
        metavar="FIELD,...",
        repeatable=True,
        help=KEEP_HELP,
        example="upstream_cache_status",
        allowed="the names of fields of the log",
    )
    group_path: tuple[str, ...] = setting(
        (),
        some_texts,
        group=Group.ADVANCED,
        metavar="PATTERN",
        repeatable=True,
        split=_PATTERNS.split,
        help=GROUP_PATH_HELP,
        example="/users/*",
        allowed="auto, or a path with * for a segment such as /users/*",
    )
    delay: float | None = setting(
        None,
        _delay,
        group=Group.ADVANCED,
        metavar="DURATION",
        values=(AUTO,),
        default_shown="auto, as measured",
        help="how far behind real time windows end, because servers write their logs late",
        example="auto",
        allowed="auto, or a duration from 0s to 1m, such as 5s, or a number of seconds",
    )
    clock: str = setting(
        "auto",
        choice("auto", "wall", "log"),
        group=Group.ADVANCED,
        metavar="CLOCK",
        values=("auto", "wall", "log"),
        help="which clock to use: wall (real time), log (the time of the newest request), or "
        "auto (log while every request is over an hour old)",
        allowed="auto, wall or log",
    )
    distinct_limit: int = setting(
        50_000,
        whole(100, 5_000_000),
        group=Group.ADVANCED,
        metavar="VALUES",
        default_shown="50000 values",
        help="distinct paths, hosts ... tracked per window; bounds memory",
        allowed="a whole number of values from 100 to 5000000",
    )
    state_dir: str | None = setting(
        None,
        optional_text,
        group=Group.ADVANCED,
        help="directory for saved state and the alert log: a restart resumes exactly where it "
        "stopped; off saves none",
        example="/var/lib/glancemetrics",
        allowed="a directory, or off",
        metavar="DIR",
    )
    state: str = setting(
        DISK,
        choice(DISK, REDIS),
        group=Group.ADVANCED,
        metavar="WHERE",
        values=(DISK, REDIS),
        help="where the hub of a fleet saves its state: disk (in --state-dir) or redis (that of "
        "the fleet), so that a second hub can take over from another machine",
        allowed="disk or redis",
    )
    log_level: str = setting(
        "auto",
        choice("auto", "debug", "info", "warning", "error"),
        group=Group.ADVANCED,
        metavar="LEVEL",
        values=("auto", "debug", "info", "warning", "error"),
        help="verbosity of GlanceMetrics' own log: debug, info, warning, error, or auto (info "
        "when headless, else warning); it goes to stderr, or with the console to "
        "glancemetrics.log beside the default alert log",
        allowed="auto, debug, info, warning or error",
    )

    sections: Mapping[type, Any] = attrs.field(factory=dict, repr=False)
    """{section of an output or a source: its values}; missing sections have their defaults."""

    given: Mapping[str, Given] = attrs.field(factory=dict, repr=False, eq=False)
    """{name of a setting: where its value was given}; the others have their defaults."""

    def section(self, kind: type[Section]) -> Section:
        """Return the values of a section."""
        found: Section = self.sections[kind] if kind in self.sections else kind()
        return found

    def is_given(self, *names: str) -> bool:
        """Tell whether any of some settings was given, or differs from its default."""
        return any(
            one.name in self.given or getattr(self, one.attribute) != one.default
            for one in settings_of(Settings)
            if one.name in names
        )

    def with_places(self, sentence: str) -> str:
        """Return an error about an option with the place where its value was really given."""
        sentence = _CREDENTIALS.sub("(an address)", sentence)
        found = _OPTION.match(sentence)
        name = "" if found is None else found[1].replace("-", "_")
        given = self.given.get(name)
        if found is None or given is None or given.place.startswith("--"):
            return sentence
        rest = sentence[found.end() :]
        equals = " =" if rest.startswith(" ") else ""
        return f"{given.place}, {name}{equals}{rest}"

    @property
    def alert_window_seconds(self) -> int:
        """The window of the high-traffic alert."""
        return max(1, round(self.alertwindow * 60))


def all_settings(sections: Iterable[type] = ()) -> dict[str, Setting]:
    """Return each setting by its name; `sections` are those of outputs and sources.

    Raises `ValueError` for a duplicate name.
    """
    found: dict[str, Setting] = {}
    in_tables: set[tuple[str, str]] = set()
    for one in (one for section in (Settings, *sections) for one in settings_of(section)):
        place = one.table, one.attribute
        if one.name in found or (one.table and place in in_tables):
            raise ValueError(f"duplicate setting {one.name}, or [{one.table}] {one.attribute}")
        found[one.name] = one
        in_tables.add(place)
    return found


def read_settings(
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    config: str | None,
    config_name: str = "",
    mistakes: Mistakes | None = None,
    *,
    sections: Iterable[type] = (),
) -> Settings:
    """Join the settings of options, environment and a TOML text.

    `flags` are by the name of the setting. Raises `UsageError`, which says where the wrong value
    is; with `mistakes` the errors are added there, and the settings concerned have their defaults.
    """
    known = all_settings(sections)
    given: dict[type, dict[str, Any]] = {Settings: {}}
    places: dict[str, Given] = {}
    layers = (
        _from_toml(known, config, config_name, mistakes) if config is not None else (),
        _from_environment(known, environment),
        _from_flags(known, flags),
    )
    for layer in layers:
        for one, value, where, origin in layer:
            with noting(mistakes):
                parsed = one.parsed(value, origin)
                given.setdefault(one.section, {})[one.attribute] = parsed
                places[one.name] = Given(where, _typed(value))
    own = given.pop(Settings)
    filled = {kind: kind(**values) for kind, values in given.items()}
    return Settings(**own, sections=filled, given=places)


def unknown_variables(environment: Iterable[str], sections: Iterable[type] = ()) -> Iterator[str]:
    """Yield a warning for each variable that looks like a setting and is none."""
    known = {one.variable for one in all_settings(sections).values()} | NO_SETTINGS
    for name in sorted(environment):
        # Kubernetes sets variables of these names for a service called glancemetrics.
        if not name.startswith(ENVIRONMENT_PREFIX) or _KUBERNETES.search(name) or name in known:
            continue
        close = closest(name, known)
        yield f"{name}: unknown variable, ignored" + (f"; did you mean {close}?" if close else "")


def _typed(value: Any) -> str:
    values = value if isinstance(value, list | tuple) else [value]
    texts = ", ".join(map(str, values))
    return "" if _CREDENTIALS.search(texts) else texts


_ARRAYS = (RULE_TABLE, NOTIFY_TABLE)
_TABLES_ALSO_CALLED = {
    **dict.fromkeys(("alert", "alerts", "rules", "alerting"), RULE_TABLE),
    **dict.fromkeys(
        ("notification", "notifications", "notifier", "target", "targets"), NOTIFY_TABLE
    ),
}

_Layer = Iterator[tuple[Setting, Any, str, str]]
"""A setting, the value given to it, where, and the beginning of an error about it."""


def _from_flags(known: Mapping[str, Setting], flags: Mapping[str, Any]) -> _Layer:
    for name, value in flags.items():
        if value is not None:
            one = known[name]
            last = value[-1] if isinstance(value, list) else value
            yield one, value, one.flag, origin_of(f"{one.flag} ", last).removesuffix(" True")


def _from_environment(known: Mapping[str, Setting], environment: Mapping[str, str]) -> _Layer:
    for one in known.values():
        if one.variable in environment:
            text = environment[one.variable]
            origin = origin_of(f"{one.variable}=", text)
            yield one, one.of_environment(text), one.variable, origin


def _from_toml(
    known: Mapping[str, Setting], text: str, name: str, mistakes: Mistakes | None
) -> _Layer:
    # Late: few have a file.
    from glancemetrics.configuration.toml_table import not_an_array, parse_toml, setting_line

    in_tables = {(one.table, one.attribute): one for one in known.values() if one.table}
    tables = {table for table, _ in in_tables}
    seen: dict[Setting, str] = {}
    for key, inner, value in _entries(parse_toml(text, name), tables):
        called = key if inner is None else f"[{key}] {inner}"
        line = setting_line(text, key) if inner is None else setting_line(text, inner, key)
        place = name if line is None else f"{name} line {line}"
        one = known.get(key) if inner is None else in_tables.get((key, inner))
        with noting(mistakes):
            if inner is None and key in _ARRAYS:
                raise not_an_array(text, name, key)
            if inner is None and _has_tables(value):
                raise _no_such_table(
                    text, name, key, known, tables, is_array=isinstance(value, list)
                )
            if one is None:
                raise _no_such(place, key, inner, known, in_tables)
            if one in seen:
                raise UsageError(f"{place}: {called} is the same setting as {seen[one]}: keep one")
            seen[one] = called
            yield one, value, place, origin_of(f"{place}, {called} = ", value)


def _entries(
    table: Mapping[str, Any], tables: Iterable[str]
) -> Iterator[tuple[str, str | None, Any]]:
    """Yield key and value; of a section's table, its name and each key and value in it."""
    for key, value in table.items():
        if key in _ARRAYS and isinstance(value, list):
            continue  # rules/rule_tables.py and notifying/target_tables.py read them
        if key in tables and isinstance(value, dict):
            for inner, of_it in value.items():
                yield key, inner, of_it
        else:
            yield key, None, value


def _has_tables(value: Any) -> bool:
    """Tell whether a value is a table or an array of tables."""
    return any(isinstance(one, dict) for one in (value if isinstance(value, list) else [value]))


def _no_such_table(
    text: str,
    name: str,
    key: str,
    known: Container[str],
    tables: Iterable[str],
    *,
    is_array: bool,
) -> UsageError:
    from glancemetrics.configuration.toml_table import header_line

    line = header_line(text, key)
    place = name if line is None else f"{name} line {line}"
    if key in known and not is_array and key not in _TABLES_ALSO_CALLED:
        return UsageError(f"{place}: {key} is a setting and no table: write {key} = ...")
    shown = f"[[{key}]]" if is_array else f"[{key}]"
    tables_known = {one: f"[{one}]" for one in sorted(tables)}
    tables_known |= {one: f"[[{one}]]" for one in _ARRAYS}
    meant = _TABLES_ALSO_CALLED.get(key.lower()) or closest(key, tables_known)
    hint = f"known: {', '.join(tables_known.values())}"
    if meant is not None:
        hint = f"did you mean {tables_known[meant]}?"
    return UsageError(f"{place}: unknown table {shown}; {hint}")


def _no_such(
    place: str,
    key: str,
    inner: str | None,
    known: Iterable[str],
    in_tables: Iterable[tuple[str, str]],
) -> UsageError:
    if inner is None:
        names = [*known, *(table for table, _ in in_tables)]
        return UsageError(f"{place}: unknown setting {key}{_suggestion(key, names)}")
    names = [other for table, other in in_tables if table == key]
    listed = f"known: {', '.join(names)}"
    return UsageError(
        f"{place}, [{key}]: unknown setting {inner}{_suggestion(inner, names, listed)}"
    )


def _suggestion(
    key: str, names: Iterable[str], otherwise: str = "`glancemetrics config --example` lists all"
) -> str:
    return f"; {did_you_mean(key, names, otherwise)}"
