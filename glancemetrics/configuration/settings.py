"""What a run of the monitor is told: by flags, variables, a TOML file, or not at all.

Later wins: defaults, TOML, environment, flags. What an output or a source is told stands in a
section of its own, which it brings along.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from glancemetrics.configuration.setting import (
    OFF,
    Setting,
    choice,
    number,
    optional_text,
    origin_of,
    plain_text,
    setting,
    settings_of,
    some_texts,
    texts,
    whole,
)
from glancemetrics.errors import Mistakes, UsageError, noting
from glancemetrics.formats.format_names import (
    AUTO,
    DATE_FORMAT_HELP,
    DURATION_UNIT_HELP,
    FORMAT_FROM_HELP,
    FORMAT_HELP,
    GROUP_PATH_HELP,
    KEEP_HELP,
    TIME_FORMAT_HELP,
    TIME_ZONE_HELP,
    TRUSTED_HELP,
)

STOCK = "stock"
RULE_TABLE, NOTIFY_TABLE = "rule", "notify"
"""The keys under which rules and targets of notifications stand in TOML."""

Section = TypeVar("Section")


def _unit(value: Any) -> str | None:
    return None if value is None else choice("us", "ms", "s")(value)


def _delay(value: Any) -> float | None:
    return None if value is None or value == "auto" else number(0, 60)(value)


_FILES = re.compile(r"[A-Za-z][\w+.-]*://(?:\[[^\]]*\]|[^:/]*)(?::\d+)?[^:]*|[^:]+", re.ASCII)
"""One of several in the environment, with colons between: a URL has some of its own."""
_ADDRESSES = re.compile(r"[,\s]+|(?<=\d):(?=\d+\.)")
"""Between several; of IPv4 a colon goes, too."""
_PATTERNS = re.compile(r":(?=/|auto$)")


@attrs.frozen(kw_only=True)
class Settings:
    """What a run of the monitor is told. Raises `UsageError` for a value that is not allowed."""

    file: tuple[str, ...] = setting(
        ("/tmp/access.log",),  # noqa: S108 - the old program's default, which people know
        texts,
        short="-f",
        metavar="PATH",
        repeatable=True,
        split=_FILES.findall,
        help="log to follow: {sources}; repeatable",
        allowed="a path, a glob or -",
    )
    format: str = setting(
        AUTO,
        plain_text,
        metavar="FORMAT",
        help=FORMAT_HELP,
        allowed="auto, the name of a format, or a format as nginx or Apache have it",
    )
    format_from: str | None = setting(
        None,
        optional_text,
        metavar="FILE",
        help=FORMAT_FROM_HELP,
        allowed="the path of an nginx.conf or a goaccess.conf",
    )
    date_format: str | None = setting(
        None,
        optional_text,
        metavar="FORMAT",
        help=DATE_FORMAT_HELP,
        allowed="a format of strftime",
    )
    time_format: str | None = setting(
        None,
        optional_text,
        metavar="FORMAT",
        help=TIME_FORMAT_HELP,
        allowed="a format of strftime",
    )
    log_timezone: str = setting(
        "local",
        plain_text,
        metavar="ZONE",
        help=TIME_ZONE_HELP,
        allowed="the name of a time zone, UTC or local",
    )
    duration_unit: str | None = setting(
        None,
        _unit,
        metavar="UNIT",
        help=DURATION_UNIT_HELP,
        allowed="us, ms or s",
    )
    trusted_proxy: tuple[str, ...] = setting(
        (),
        some_texts,
        metavar="CIDR",
        repeatable=True,
        split=_ADDRESSES.split,
        help=TRUSTED_HELP,
        allowed="an address or a network such as 10.0.0.0/8",
    )
    keep: tuple[str, ...] = setting(
        (),
        some_texts,
        metavar="FIELD,...",
        repeatable=True,
        help=KEEP_HELP,
        allowed="the names of fields of the log",
    )
    timewindow: int = setting(
        10,
        whole(1, 604_800),
        metavar="SECONDS",
        help="insights window, in seconds",
        allowed="a whole number of seconds from 1 to 604800",
    )
    alertwindow: float = setting(
        2.0,
        number(1 / 60, 1440),
        metavar="MINUTES",
        help="alert window, in minutes",
        allowed="a number of minutes, at least a second (0.0167) and at most 1440",
    )
    alert_threshold: float = setting(
        10.0,
        number(1e-9, 1e12),
        metavar="RATE",
        help="requests per second, averaged over the alert window, above which an alert is raised",
        allowed="a number of requests per second above 0",
    )
    rules: str = setting(
        OFF,
        choice(STOCK, OFF),
        metavar="WHICH",
        help="stock: also the rules that come along (server errors, traffic drop, scanners ...); "
        "rules of your own are [[rule]] tables of --config",
        allowed="stock or off",
    )
    section_limit: int = setting(
        8,
        whole(1, 100_000),
        metavar="ROWS",
        help="rows in top sections",
        allowed="a whole number from 1 to 100000",
    )
    top_limit: int = setting(
        20,
        whole(1, 100_000),
        metavar="ROWS",
        help="rows in the other tops (paths, hosts, status ...)",
        allowed="a whole number from 1 to 100000",
    )
    refresh: float = setting(
        2.0,
        number(0.1, 3600),
        short="-r",
        metavar="SECONDS",
        help="seconds between screen updates",
        allowed="a number of seconds from 0.1 to 3600",
    )
    incident_limit: int = setting(
        3,
        whole(1, 1000),
        metavar="ROWS",
        help="latest incidents shown",
        allowed="a whole number from 1 to 1000",
    )
    start_from: str = setting(
        "window",
        choice("window", "start", "end"),
        name="from",
        metavar="WHERE",
        help="where to start in a log: window (first record inside the longest window), start, end",
        allowed="window, start or end",
    )
    delay: float | None = setting(
        None,
        _delay,
        metavar="SECONDS",
        help="how much before now windows end, as servers write late: auto (measured) or a number",
        allowed="auto or a number of seconds from 0 to 60",
    )
    clock: str = setting(
        "auto",
        choice("auto", "wall", "log"),
        metavar="CLOCK",
        help="what now is: wall (the wall clock), log (the newest record), auto (wall, but log "
        "while all records are over an hour old)",
        allowed="auto, wall or log",
    )
    distinct_limit: int = setting(
        50_000,
        whole(100, 5_000_000),
        metavar="VALUES",
        help="distinct paths, hosts ... that are told apart in a window; bounds memory",
        allowed="a whole number from 100 to 5000000",
    )
    state_dir: str | None = setting(
        None,
        optional_text,
        help="keep here what is known, so that any stop is but a pause; also the alert log",
        allowed="a folder, or off",
        metavar="DIR",
    )
    group_path: tuple[str, ...] = setting(
        (),
        some_texts,
        metavar="PATTERN",
        repeatable=True,
        split=_PATTERNS.split,
        help=GROUP_PATH_HELP,
        allowed="auto, or a path with * for a segment such as /users/*",
    )
    where: str | None = setting(
        None,
        optional_text,
        metavar="EXPRESSION",
        help="count only records for which this SQL expression is true, such as "
        "\"status >= 500 and path like '/api/%'\"",
        allowed="an SQL expression",
    )
    log_level: str = setting(
        "auto",
        choice("auto", "debug", "info", "warning", "error"),
        metavar="LEVEL",
        help="verbosity of GlanceMetrics' own log: debug, info, warning, error, or auto (info "
        "without console and --json, else warning); on stderr, or with the console in "
        "glancemetrics.log beside the default alert log",
        allowed="auto, debug, info, warning or error",
    )

    sections: Mapping[type, Any] = attrs.field(factory=dict, repr=False)
    """{section of an output or a source: what it is told}; for others the defaults hold."""

    def section(self, kind: type[Section]) -> Section:
        """Return what a section is told."""
        found: Section = self.sections[kind] if kind in self.sections else kind()
        return found

    @property
    def alert_window_seconds(self) -> int:
        """The window of the high-traffic alert."""
        return max(1, round(self.alertwindow * 60))


def all_settings(sections: Iterable[type] = ()) -> dict[str, Setting]:
    """Return each setting by its name; `sections` are those of outputs and sources.

    Raises `ValueError` if two are called alike.
    """
    found: dict[str, Setting] = {}
    in_tables: set[tuple[str, str]] = set()
    for one in (one for section in (Settings, *sections) for one in settings_of(section)):
        place = one.table, one.attribute
        if one.name in found or (one.table and place in in_tables):
            raise ValueError(
                f"two settings are called {one.name}, or [{one.table}] {one.attribute}"
            )
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
    """Join what flags, environment and a TOML text say.

    `flags` are by the name of the setting. Raises `UsageError`, naming where the wrong value is;
    with `mistakes` they are put there, and settings have their defaults instead.
    """
    known = all_settings(sections)
    given: dict[type, dict[str, Any]] = {Settings: {}}
    layers = (
        _from_toml(known, config, config_name, mistakes) if config is not None else (),
        _from_environment(known, environment),
        _from_flags(known, flags),
    )
    for layer in layers:
        for one, value, origin in layer:
            with noting(mistakes):
                parsed = one.parsed(value, origin)
                given.setdefault(one.section, {})[one.attribute] = parsed
    own = given.pop(Settings)
    return Settings(**own, sections={kind: kind(**told) for kind, told in given.items()})


_Given = Iterator[tuple[Setting, Any, str]]
"""What is given to a setting, and where."""


def _from_flags(known: Mapping[str, Setting], flags: Mapping[str, Any]) -> _Given:
    for name, value in flags.items():
        if value is not None:
            last = value[-1] if isinstance(value, list) else value
            yield known[name], value, origin_of(f"--{name} ", last).removesuffix(" True")


def _from_environment(known: Mapping[str, Setting], environment: Mapping[str, str]) -> _Given:
    for one in known.values():
        if one.variable in environment:
            written = environment[one.variable]
            yield one, one.of_environment(written), origin_of(f"{one.variable}=", written)


def _from_toml(
    known: Mapping[str, Setting], written: str, name: str, mistakes: Mistakes | None
) -> _Given:
    from glancemetrics.configuration.toml_table import parse_toml  # late: few have a file

    in_tables = {(one.table, one.attribute): one for one in known.values() if one.table}
    tables = {table for table, _ in in_tables}
    said: dict[Setting, str] = {}
    for key, inner, value in _entries(parse_toml(written, name), tables):
        where = key if inner is None else f"[{key}] {inner}"
        one = known.get(key) if inner is None else in_tables.get((key, inner))
        with noting(mistakes):
            if one is None:
                raise _no_such(name, key, inner, known, in_tables)
            if one in said:
                raise UsageError(f"{name}: {said[one]} and {where} are the same: say it once")
            said[one] = where
            yield one, value, origin_of(f"{name}, {where} = ", value)


def _entries(
    table: Mapping[str, Any], tables: Iterable[str]
) -> Iterator[tuple[str, str | None, Any]]:
    """Yield key and value; of a section's table, its name and each key and value in it."""
    for key, value in table.items():
        if key in {RULE_TABLE, NOTIFY_TABLE} and isinstance(value, list):
            continue  # rules/rule_tables.py and notifying/target_tables.py read them
        if key in tables and isinstance(value, dict):
            for inner, of_it in value.items():
                yield key, inner, of_it
        else:
            yield key, None, value


def _no_such(
    name: str,
    key: str,
    inner: str | None,
    known: Iterable[str],
    in_tables: Iterable[tuple[str, str]],
) -> UsageError:
    if inner is None:
        names = [*known, *(table for table, _ in in_tables)]
        return UsageError(f"{name}: there is no setting {key!r}{_suggestion(key, names)}")
    names = [other for table, other in in_tables if table == key]
    what = f"{name}, [{key}]: there is no setting {inner!r}"
    return UsageError(f"{what}{_suggestion(inner, names, _listed(names))}")


def _listed(names: Sequence[str]) -> str:
    return f"there is {', '.join(names)}"


def _suggestion(
    key: str, names: Iterable[str], otherwise: str = "`glancemetrics -h` lists them"
) -> str:
    import difflib  # late: only a typo needs it

    close = difflib.get_close_matches(key.replace("-", "_"), names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; {otherwise}"
