"""All settings: their names, defaults, meaning and what each may be, in one frozen class.

A setting has the same name everywhere: `--alert_threshold` (or `--alert-threshold`),
`GLANCEMETRICS_ALERT_THRESHOLD`, `alert_threshold` in TOML. Later wins: defaults, TOML,
environment, flags.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from glancemetrics.configuration.shown_values import shown
from glancemetrics.errors import Mistakes, UsageError, noting
from glancemetrics.formats.format_names import (
    AUTO,
    DATE_FORMAT_HELP,
    DURATION_UNIT_HELP,
    FORMAT_FROM_HELP,
    FORMAT_HELP,
    GROUP_PATH_HELP,
    TIME_FORMAT_HELP,
    TIME_ZONE_HELP,
    TRUSTED_HELP,
)

ENVIRONMENT_PREFIX = "GLANCEMETRICS_"

OFF = "off"
STOCK = "stock"
RULE_TABLE, NOTIFY_TABLE = "rule", "notify"
"""The keys under which rules and targets of notifications stand in TOML."""

SYSLOG_SCHEMES = ("udp", "tcp", "tls", "unix")
SYSLOG_FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron"),
    *("authpriv", "ftp", "ntp", "audit", "alert", "clock"),
    *(f"local{number}" for number in range(8)),
)
"""By their number (RFC 5424 section 6.2.1)."""
SYSLOG_SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
"""By their number (RFC 5424 section 6.2.1)."""


@attrs.frozen
class SyslogAddress:
    """Where syslog messages go."""

    scheme: str
    """One of `SYSLOG_SCHEMES`."""
    host: str
    """Host name or address; the path for `unix`."""
    port: int

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix://{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@attrs.frozen
class SettingInfo:
    """What there is to know of a setting beside its default."""

    name: str
    """In TOML; with `--` before it, as a flag; in capitals, in the environment."""
    help: str
    allowed: str
    """Ends the sentence `must be ...`."""
    metavar: str | None
    """`None` for a switch, which takes no value."""
    short: str | None = None
    repeatable: bool = False

    @property
    def flags(self) -> list[str]:
        """Every spelling of the flag, the usual one first."""
        spellings = [self.short] if self.short else []
        spellings.append(f"--{self.name}")
        if "_" in self.name:
            spellings.append(f"--{self.name.replace('_', '-')}")
        return spellings


class _NotAllowedError(ValueError):
    """A value is not what the setting may be."""


def _setting(
    default: Any,
    parse: Callable[[Any], Any],
    *,
    name: str,
    help: str,  # noqa: A002 - the word that argparse uses
    allowed: str,
    metavar: str | None,
    **info: Any,
) -> Any:
    return attrs.field(
        default=default,
        converter=lambda value: _parsed(parse, value, _origin(f"{name} = ", value), allowed),
        metadata={"info": SettingInfo(name, help, allowed, metavar, **info), "parse": parse},
    )


def _origin(before: str, value: Any) -> str:
    """Return where a value is: what stands `before` it, and the value unless it may be a secret.

    Texts of flags and variables are shown as they were written, without quotes.
    """
    text = shown(value)
    if text is None:
        return before.rstrip(" =")
    return before + (text if before.endswith(" = ") and isinstance(value, str) else str(value))


def _parsed(parse: Callable[[Any], Any], value: Any, origin: str, allowed: str) -> Any:
    """Parse a value; `origin` begins the error that names where a wrong one is."""
    try:
        return parse(value)
    except (ValueError, TypeError, OverflowError) as error:
        detail = f" ({error})" if isinstance(error, _NotAllowedError) and error.args else ""
        raise UsageError(f"{origin}: must be {allowed}{detail}") from None


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise _NotAllowedError
        number = int(value)
        if not low <= number <= high:
            raise _NotAllowedError
        return number

    return parse


def _number(low: float, high: float) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        if isinstance(value, bool):
            raise _NotAllowedError
        number = float(value)
        if not low <= number <= high:
            raise _NotAllowedError
        return number

    return parse


def _choice(*choices: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        choice = str(value).lower()
        if choice not in choices:
            raise _NotAllowedError
        return choice

    return parse


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off", ""):
        return False
    raise _NotAllowedError


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise _NotAllowedError
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _unit(value: Any) -> str | None:
    return None if value is None else _choice("us", "ms", "s")(value)


def _texts(value: Any) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else list(value)
    if not values:
        raise _NotAllowedError
    return tuple(dict.fromkeys(_text(item) for item in values))


def _some_texts(value: Any) -> tuple[str, ...]:
    return () if value is None or value == () else _texts(value)


def _delay(value: Any) -> float | None:
    return None if value is None or value == "auto" else _number(0, 60)(value)


def _syslog(value: Any) -> SyslogAddress | None:
    if value is None or isinstance(value, SyslogAddress) or value == OFF:
        return None if value == OFF else value
    scheme, mark, rest = _text(value).partition("://")
    if not mark or scheme not in SYSLOG_SCHEMES:
        raise _NotAllowedError
    if scheme == "unix":
        if not rest.startswith("/"):
            raise _NotAllowedError("the path of a socket begins with /")
        return SyslogAddress(scheme, rest, 0)
    host, colon, port = rest.rstrip("/").rpartition(":")
    if not colon or rest.endswith("]"):
        host, port = rest.rstrip("/"), "6514" if scheme == "tls" else "514"
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise _NotAllowedError
    return SyslogAddress(scheme, host, int(port))


def _loguru_words(role: str) -> Callable[[Any], Any]:
    """A rotation or retention in loguru's words, which loguru alone can judge."""

    def parse(value: Any) -> Any:
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if value in ("10 MB", 10):
            return value
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise _NotAllowedError
        import loguru  # late: -h does without

        options: dict[str, Any] = {role: value}
        sink = loguru.logger.add("unused", delay=True, filter=lambda _: False, **options)
        loguru.logger.remove(sink)  # delayed: no file was made
        return value

    return parse


@attrs.frozen(kw_only=True)
class Settings:
    """What a run of the monitor is told. Raises `UsageError` for a value that is not allowed."""

    file: tuple[str, ...] = _setting(
        ("/tmp/access.log",),  # noqa: S108 - the old program's default, which people know
        _texts,
        name="file",
        short="-f",
        metavar="PATH",
        repeatable=True,
        help="log to follow: a path, a glob (quoted), or - for standard input; repeatable",
        allowed="a path, a glob or -",
    )
    format: str = _setting(
        AUTO,
        _text,
        name="format",
        metavar="FORMAT",
        help=FORMAT_HELP,
        allowed="auto, the name of a format, or a format as nginx or Apache have it",
    )
    format_from: str | None = _setting(
        None,
        _optional_text,
        name="format_from",
        metavar="FILE",
        help=FORMAT_FROM_HELP,
        allowed="the path of an nginx.conf or a goaccess.conf",
    )
    date_format: str | None = _setting(
        None,
        _optional_text,
        name="date_format",
        metavar="FORMAT",
        help=DATE_FORMAT_HELP,
        allowed="a format of strftime",
    )
    time_format: str | None = _setting(
        None,
        _optional_text,
        name="time_format",
        metavar="FORMAT",
        help=TIME_FORMAT_HELP,
        allowed="a format of strftime",
    )
    log_timezone: str = _setting(
        "local",
        _text,
        name="log_timezone",
        metavar="ZONE",
        help=TIME_ZONE_HELP,
        allowed="the name of a time zone, UTC or local",
    )
    duration_unit: str | None = _setting(
        None,
        _unit,
        name="duration_unit",
        metavar="UNIT",
        help=DURATION_UNIT_HELP,
        allowed="us, ms or s",
    )
    trusted_proxy: tuple[str, ...] = _setting(
        (),
        _some_texts,
        name="trusted_proxy",
        metavar="CIDR",
        repeatable=True,
        help=TRUSTED_HELP,
        allowed="an address or a network such as 10.0.0.0/8",
    )
    timewindow: int = _setting(
        10,
        _whole(1, 604_800),
        name="timewindow",
        metavar="SECONDS",
        help="insights window, in seconds",
        allowed="a whole number of seconds from 1 to 604800",
    )
    alertwindow: float = _setting(
        2.0,
        _number(1 / 60, 1440),
        name="alertwindow",
        metavar="MINUTES",
        help="alert window, in minutes",
        allowed="a number of minutes, at least a second (0.0167) and at most 1440",
    )
    alert_threshold: float = _setting(
        10.0,
        _number(1e-9, 1e12),
        name="alert_threshold",
        metavar="RATE",
        help="requests per second, averaged over the alert window, above which an alert is raised",
        allowed="a number of requests per second above 0",
    )
    rules: str = _setting(
        OFF,
        _choice(STOCK, OFF),
        name="rules",
        metavar="WHICH",
        help="stock: also the rules that come along (server errors, traffic drop, scanners ...); "
        "rules of your own are [[rule]] tables of --config",
        allowed="stock or off",
    )
    section_limit: int = _setting(
        8,
        _whole(1, 100_000),
        name="section_limit",
        metavar="ROWS",
        help="rows in top sections",
        allowed="a whole number from 1 to 100000",
    )
    top_limit: int = _setting(
        20,
        _whole(1, 100_000),
        name="top_limit",
        metavar="ROWS",
        help="rows in the other tops (paths, hosts, status ...)",
        allowed="a whole number from 1 to 100000",
    )
    refresh: float = _setting(
        2.0,
        _number(0.1, 3600),
        name="refresh",
        short="-r",
        metavar="SECONDS",
        help="seconds between screen updates",
        allowed="a number of seconds from 0.1 to 3600",
    )
    incident_limit: int = _setting(
        3,
        _whole(1, 1000),
        name="incident_limit",
        metavar="ROWS",
        help="latest incidents shown",
        allowed="a whole number from 1 to 1000",
    )
    start_from: str = _setting(
        "window",
        _choice("window", "start", "end"),
        name="from",
        metavar="WHERE",
        help="where to start in a log: window (first record inside the longest window), start, end",
        allowed="window, start or end",
    )
    delay: float | None = _setting(
        None,
        _delay,
        name="delay",
        metavar="SECONDS",
        help="how much before now windows end, as servers write late: auto (measured) or a number",
        allowed="auto or a number of seconds from 0 to 60",
    )
    clock: str = _setting(
        "auto",
        _choice("auto", "wall", "log"),
        name="clock",
        metavar="CLOCK",
        help="what now is: wall (the wall clock), log (the newest record), auto (wall, but log "
        "while all records are over an hour old)",
        allowed="auto, wall or log",
    )
    distinct_limit: int = _setting(
        50_000,
        _whole(100, 5_000_000),
        name="distinct_limit",
        metavar="VALUES",
        help="distinct paths, hosts ... that are told apart in a window; bounds memory",
        allowed="a whole number from 100 to 5000000",
    )
    alert_log: str | None = _setting(
        None,
        _optional_text,
        name="alert_log",
        metavar="PATH",
        help="rotating alert log, one JSON line an event; off to do without "
        "(default: glancemetrics/alerts.jsonl in the XDG state folder)",
        allowed="a path or off",
    )
    alert_log_rotation: Any = _setting(
        "10 MB",
        _loguru_words("rotation"),
        name="alert_log_rotation",
        metavar="WHEN",
        help="when the alert log is rotated, in loguru's words: '10 MB', '1 week', '00:00'",
        allowed="a size, an interval or a time of day in loguru's words, such as '10 MB'",
    )
    alert_log_retention: Any = _setting(
        10,
        _loguru_words("retention"),
        name="alert_log_retention",
        metavar="WHAT",
        help="rotated alert logs that are kept: a number of files, or an age such as '90 days'",
        allowed="a number of files or an age in loguru's words, such as 10 or '90 days'",
    )
    syslog: SyslogAddress | None = _setting(
        None,
        _syslog,
        name="syslog",
        metavar="ADDRESS",
        help="send alert events to syslog (RFC 5424): udp://host:514, tcp://host:514, "
        "tls://host:6514 or unix:///dev/log",
        allowed="off, udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH",
    )
    syslog_facility: str = _setting(
        "daemon",
        _choice(*SYSLOG_FACILITIES),
        name="syslog_facility",
        metavar="NAME",
        help="syslog facility",
        allowed=f"one of {' '.join(SYSLOG_FACILITIES)}",
    )
    syslog_severity: str = _setting(
        "warning",
        _choice(*SYSLOG_SEVERITIES),
        name="syslog_severity",
        metavar="NAME",
        help="syslog severity of an alert (of critical rules crit at least, of info rules info; "
        "its end is notice, start and stop are info)",
        allowed=f"one of {' '.join(SYSLOG_SEVERITIES)}",
    )
    syslog_ca: str | None = _setting(
        None,
        _optional_text,
        name="syslog_ca",
        metavar="FILE",
        help="PEM file of the authority that signed a tls:// syslog server's certificate "
        "(default: the system's authorities)",
        allowed="the path of a PEM file",
    )
    state_dir: str | None = _setting(
        None,
        _optional_text,
        name="state_dir",
        help="keep here what is known, so that any stop is but a pause; also the alert log",
        allowed="a folder, or off",
        metavar="DIR",
    )
    heartbeat: str | None = _setting(
        None,
        _optional_text,
        name="heartbeat",
        metavar="FILE",
        help="write a file at every refresh, for `glancemetrics healthcheck FILE`",
        allowed="a path",
    )
    group_path: tuple[str, ...] = _setting(
        (),
        _some_texts,
        name="group_path",
        metavar="PATTERN",
        repeatable=True,
        help=GROUP_PATH_HELP,
        allowed="auto, or a path with * for a segment such as /users/*",
    )
    where: str | None = _setting(
        None,
        _optional_text,
        name="where",
        metavar="EXPRESSION",
        help="count only records for which this SQL expression is true, such as "
        "\"status >= 500 and path like '/api/%'\"",
        allowed="an SQL expression",
    )
    json: bool = _setting(
        False,
        _switch,
        name="json",
        metavar=None,
        help="no console: one snapshot a refresh on stdout, a JSON line each",
        allowed="true or false",
    )
    no_console: bool = _setting(
        False,
        _switch,
        name="no_console",
        metavar=None,
        help="no console: outputs only; the default when stdout is no terminal",
        allowed="true or false",
    )
    log_level: str = _setting(
        "auto",
        _choice("auto", "debug", "info", "warning", "error"),
        name="log_level",
        metavar="LEVEL",
        help="verbosity of GlanceMetrics' own log: debug, info, warning, error, or auto (info "
        "without console and --json, else warning); on stderr, or with the console in "
        "glancemetrics.log beside the default alert log",
        allowed="auto, debug, info, warning or error",
    )

    @property
    def alert_window_seconds(self) -> int:
        return max(1, round(self.alertwindow * 60))


def setting_infos() -> dict[str, SettingInfo]:
    """Return what there is to know of each setting, by its attribute of `Settings`."""
    return {field.name: field.metadata["info"] for field in attrs.fields(Settings)}


def read_settings(
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    config: str | None,
    config_name: str = "",
    mistakes: Mistakes | None = None,
) -> Settings:
    """Join what flags, environment and a TOML text say.

    `flags` are by attribute of `Settings`. Raises `UsageError`, naming where the wrong value is;
    with `mistakes` they are put there, and settings have their defaults instead.
    """
    given: dict[str, Any] = {}
    layers = (
        _from_toml(config, config_name, mistakes) if config is not None else (),
        _from_environment(environment),
        _from_flags(flags),
    )
    for layer in layers:
        for attribute, value, origin in layer:
            field = attrs.fields_dict(Settings)[attribute]
            info: SettingInfo = field.metadata["info"]
            with noting(mistakes):
                given[attribute] = _parsed(field.metadata["parse"], value, origin, info.allowed)
    return Settings(**given)


def _from_flags(flags: Mapping[str, Any]) -> Iterable[tuple[str, Any, str]]:
    infos = setting_infos()
    for attribute, value in flags.items():
        if value is None:
            continue
        last = value[-1] if isinstance(value, list) else value
        origin = _origin(f"--{infos[attribute].name} ", last).removesuffix(" True")
        yield attribute, value, origin


def _from_environment(environment: Mapping[str, str]) -> Iterable[tuple[str, Any, str]]:
    for attribute, info in setting_infos().items():
        variable = ENVIRONMENT_PREFIX + info.name.upper()
        if variable in environment:
            text = environment[variable]
            value = text.split(os.pathsep) if info.repeatable else text
            yield attribute, value, _origin(f"{variable}=", text)


def _from_toml(text: str, name: str, mistakes: Mistakes | None) -> Iterable[tuple[str, Any, str]]:
    from glancemetrics.configuration.toml_table import parse_toml  # late: few have a file

    table = parse_toml(text, name)
    keys = {info.name: attribute for attribute, info in setting_infos().items()}
    for key, value in table.items():
        if key in {RULE_TABLE, NOTIFY_TABLE} and isinstance(value, list):
            continue  # rules/rule_tables.py and notifying/targets.py read them
        if key not in keys:
            error = f"{name}: there is no setting {key!r}{_suggestion(key, keys)}"
            if mistakes is None:
                raise UsageError(error)
            mistakes.append(error)
            continue
        yield keys[key], value, _origin(f"{name}, {key} = ", value)


def _suggestion(key: str, keys: Iterable[str]) -> str:
    import difflib  # late: only a typo needs it

    close = difflib.get_close_matches(key.replace("-", "_"), keys, n=1)
    return f"; did you mean {close[0]!r}?" if close else "; `glancemetrics -h` lists them"
