"""Settings: one name everywhere, the later source winning, errors that name all three things."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
import pytest

from actors.configuration.sections import all_sections
from actors.outputs.alert_log import AlertLogSettings
from actors.outputs.console import ConsoleSettings
from actors.outputs.json_lines import JsonLinesSettings
from actors.outputs.syslog import SyslogAddress, SyslogSettings
from glancemetrics.configuration.setting import Group, setting, whole
from glancemetrics.configuration.settings import (
    Settings,
    all_settings,
    read_settings,
    unknown_variables,
)
from glancemetrics.errors import UsageError


def told(flags: dict[str, Any] | None = None, env: dict[str, str] | None = None,
         toml: str | None = None) -> Settings:  # fmt: skip
    return read_settings(flags or {}, env or {}, toml, "gm.toml", sections=all_sections())


def test_the_defaults_are_those_that_people_know() -> None:
    settings = Settings()
    assert settings.file == ("/tmp/access.log",)
    assert (settings.timewindow, settings.alertwindow, settings.alert_threshold) == (10, 2, 10)
    assert (settings.section_limit, settings.refresh, settings.incident_limit) == (8, 2, 3)
    assert settings.start_from == "window"
    assert settings.section(AlertLogSettings) == AlertLogSettings(
        path=None, rotation="10 MB", retention=10
    )
    assert settings.section(SyslogSettings).address is None
    assert settings.alert_window_seconds == 120


def test_flags_win_over_the_environment_and_that_over_the_file() -> None:
    toml = 'timewindow = 20\nrefresh = 3\nsection_limit = 4\nfile = ["a", "b"]\nfrom = "end"'
    settings = told({"timewindow": "40"}, {"GLANCEMETRICS_TIMEWINDOW": "30",
                                           "GLANCEMETRICS_REFRESH": "0.5"}, toml)  # fmt: skip
    assert (settings.timewindow, settings.refresh, settings.section_limit) == (40, 0.5, 4)
    assert (settings.file, settings.start_from) == (("a", "b"), "end")


def test_several_files_come_from_the_environment_as_from_a_path() -> None:
    assert told(env={"GLANCEMETRICS_FILE": "/a:/b:/a"}).file == ("/a", "/b")


@pytest.mark.parametrize(
    ("variable", "written", "expected"),
    [
        (
            "FILE",
            "tcp://here:514:/a:tcp://[::1]:9:b",
            ("tcp://here:514", "/a", "tcp://[::1]:9", "b"),
        ),
        ("FILE", "/a:/b.log:-", ("/a", "/b.log", "-")),
        ("FILE", ":/a::", ("/a",)),
        ("TRUSTED_PROXY", "2001:db8::/32", ("2001:db8::/32",)),
        ("TRUSTED_PROXY", "10.0.0.0/8, 2001:db8::1", ("10.0.0.0/8", "2001:db8::1")),
        ("TRUSTED_PROXY", "10.0.0.0/8:192.168.1.1", ("10.0.0.0/8", "192.168.1.1")),
        ("KEEP", "ns:cache,tenant", ("ns:cache,tenant",)),
        ("GROUP_PATH", "/a/*:/b/*:auto", ("/a/*", "/b/*", "auto")),
        ("GROUP_PATH", "/v1:cancel/*", ("/v1:cancel/*",)),
    ],
)
def test_several_values_in_the_environment_have_between_them_what_is_in_none(
    variable: str, written: str, expected: tuple[str, ...]
) -> None:
    settings = told(env={f"GLANCEMETRICS_{variable}": written})
    assert getattr(settings, variable.lower()) == expected


@attrs.frozen(kw_only=True)
class Clashing:
    TABLE: ClassVar = ""

    refresh: int = setting(
        2, whole(1, 9), group=Group.WINDOW, metavar="N", help="a clash", allowed="a number"
    )


def test_no_two_settings_are_called_alike() -> None:
    with pytest.raises(ValueError, match="duplicate setting refresh"):
        all_settings([*all_sections(), Clashing])


def test_what_a_table_has_is_said_of_a_key_that_it_has_not() -> None:
    with pytest.raises(UsageError, match=r"unknown setting zzz; known: .*memory, disk, age"):
        told(toml="[history]\nzzz = 1")


@pytest.mark.parametrize(
    ("flags", "env", "toml", "message"),
    [
        ({"timewindow": "0"}, {}, None,
         "--timewindow 0: must be a duration from 1s to 7d, such as 30s or 5m, or a whole"),
        ({"timewindow": "ten"}, {}, None, "--timewindow ten: must be a duration"),
        ({"alert_threshold": "nan"}, {}, None, "--alert-threshold nan: must be a number"),
        ({}, {"GLANCEMETRICS_REFRESH": "fast"}, None, "GLANCEMETRICS_REFRESH=fast: must be"),
        ({}, {}, "timewindow = 1.5", "gm.toml line 1, timewindow = 1.5: must be a duration"),
        ({}, {}, "timewindow = true", "gm.toml line 1, timewindow = True: must be"),
        ({}, {}, "timewindw = 5", "line 1: unknown setting timewindw; did you mean timewindow?"),
        ({}, {}, "zzz = 5", "unknown setting zzz; `glancemetrics config --example` lists all"),
        ({}, {}, "timewindow = ", "gm.toml: is not TOML: "),
        ({"from": "middle"}, {}, None, "--from middle: must be window, start or end"),
        ({"syslog": "udp:host"}, {}, None, "--syslog udp:host: must be off, udp://HOST:PORT"),
        ({"syslog": "udp://h:99999"}, {}, None, "--syslog udp://h:99999: must be"),
        ({"syslog": "unix://log"}, {}, None, "the path of a socket must begin with /"),
        ({"alert_log_rotation": "10 bananas"}, {}, None, "a time of day, such as '10 MB'"),
        ({"alert_log_retention": "-3"}, {}, None, "--alert-log-retention -3: must be a number of"),
        ({}, {}, "[alert_log]\nretention = -3", "[alert_log] retention = -3: must be a number of"),
        ({}, {}, "alert_log_rotation = -1", "alert_log_rotation = -1: must be a size, an interval"),
        ({}, {}, 'syslog = "udp://h"\n[syslog]\nfacility = "mail"',
         "a key or table is there twice"),
        ({"alert_log_retention": "[]"}, {}, None, "--alert-log-retention []: must be"),
        ({"syslog_facility": "pub"}, {}, None, "must be one of kern user mail"),
        ({"json": "maybe"}, {}, None, "must be true or false"),
    ],
)  # fmt: skip
def test_an_error_names_the_flag_the_value_and_what_is_allowed(
    flags: dict[str, Any], env: dict[str, str], toml: str | None, message: str
) -> None:
    with pytest.raises(UsageError) as error:
        told(flags, env, toml)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_class_itself_allows_no_more() -> None:
    with pytest.raises(UsageError, match="timewindow = 0: must be"):
        Settings(timewindow=0)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("udp://logs.example.org:514", SyslogAddress("udp", "logs.example.org", 514)),
        ("tcp://logs", SyslogAddress("tcp", "logs", 514)),
        ("tls://logs", SyslogAddress("tls", "logs", 6514)),
        ("tcp://[2001:db8::1]:601", SyslogAddress("tcp", "2001:db8::1", 601)),
        ("udp://[::1]", SyslogAddress("udp", "::1", 514)),
        ("unix:///dev/log", SyslogAddress("unix", "/dev/log", 0)),
        ("off", None),
    ],
)
def test_syslog_addresses(text: str, address: SyslogAddress | None) -> None:
    assert told({"syslog": text}).section(SyslogSettings).address == address


def test_switches_are_read_from_the_environment() -> None:
    for text, value in (("1", True), ("off", False)):
        settings = told(env={"GLANCEMETRICS_JSON": text})
        assert settings.section(JsonLinesSettings).enabled is value


def test_every_option_has_one_spelling() -> None:
    for info in all_settings(all_sections()).values():
        (long,) = [flag for flag in info.flags if flag.startswith("--")]
        assert long == f"--{info.name.replace('_', '-')}"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("timewindow", "90s", 90),
        ("timewindow", "2m", 120),
        ("timewindow", "1h30m", 5400),
        ("timewindow", "30", 30),
        ("refresh", "500ms", 0.5),
        ("refresh", "1.5s", 1.5),
        ("alertwindow", "2m", 2),
        ("alertwindow", "90s", 1.5),
        ("alertwindow", "1h", 60),
        ("alertwindow", "0.5", 0.5),
        ("delay", "5s", 5),
        ("delay", "auto", None),
        ("rules", "stock", "built-in"),
        ("rules", "off", "none"),
    ],
)
def test_spans_have_units_and_plain_numbers_mean_what_they_did(
    name: str, text: str, value: object
) -> None:
    assert getattr(told({name: text}), name) == value
    assert getattr(told(env={f"GLANCEMETRICS_{name.upper()}": text}), name) == value
    assert getattr(told(toml=f'{name} = "{text}"'), name) == value


def test_words_that_are_misspelt_are_suggested() -> None:
    with pytest.raises(UsageError, match=r"--from strat: must be .*\(did you mean start\?\)"):
        told({"from": "strat"})


def test_where_each_value_was_given_is_known() -> None:
    settings = told({"refresh": "1"}, {"GLANCEMETRICS_WHERE": "status = 500"}, "# x\ntop_limit = 3")
    assert {name: (one.place, one.text) for name, one in settings.given.items()} == {
        "top_limit": ("gm.toml line 2", "3"),
        "where": ("GLANCEMETRICS_WHERE", "status = 500"),
        "refresh": ("--refresh", "1"),
    }
    assert settings.is_given("refresh", "timewindow")
    assert not settings.is_given("timewindow")


def test_an_error_about_an_option_names_the_place_where_it_was_given() -> None:
    settings = told(toml='log_timezone = "Mars"')
    said = settings.with_places("--log-timezone Mars: must be a name such as Europe/Paris")
    assert said == "gm.toml line 1, log_timezone = Mars: must be a name such as Europe/Paris"
    assert told({"log_timezone": "x"}).with_places("--log-timezone x: no") == "--log-timezone x: no"


def test_no_error_and_no_listing_shows_a_password() -> None:
    settings = told(
        {"format": "https://u:hunter2@h/", "file": ["/var/log/shop-17-example-com.log"]}
    )
    said = settings.with_places("--format https://u:hunter2@h/: unknown format")
    assert "hunter2" not in said
    assert settings.given["format"].text == ""
    assert settings.given["file"].text == "/var/log/shop-17-example-com.log"


def test_variables_that_are_no_setting_are_named() -> None:
    found = {
        "GLANCEMETRICS_TRESHOLD": "1",
        "GLANCEMETRICS_ALERT_TRESHOLD": "1",
        "GLANCEMETRICS_PORT": "tcp://10.0.0.1:80",
        "GLANCEMETRICS_SERVICE_HOST": "10.0.0.1",
        "GLANCEMETRICS_CONFIG": "x.toml",
        "GLANCEMETRICS_REDIS_PASSWORD": "x",  # of a hub
        "GLANCEMETRICS_TO": "redis://h/0",  # of an agent on the same machine
        "GLANCEMETRICS_NAME": "web1",
        "PATH": "/bin",
    }
    assert list(unknown_variables(found, all_sections())) == [
        "GLANCEMETRICS_ALERT_TRESHOLD: unknown variable, ignored; "
        "did you mean GLANCEMETRICS_ALERT_THRESHOLD?",
        "GLANCEMETRICS_TRESHOLD: unknown variable, ignored; "
        "did you mean GLANCEMETRICS_ALERT_THRESHOLD?",
    ]


def test_what_an_output_is_told_stands_in_its_table_or_beside_it() -> None:
    table = '[syslog]\naddress = "tcp://logs"\nfacility = "local3"\n[console]\ndisabled = true'
    flat = 'syslog = "tcp://logs"\nsyslog_facility = "local3"\nno_console = true'
    for text in (table, flat):
        settings = told(toml=text)
        assert settings.section(SyslogSettings) == SyslogSettings(
            address=SyslogAddress("tcp", "logs", 514), facility="local3"
        )
        assert settings.section(ConsoleSettings).disabled
    over = told({"syslog_facility": "mail"}, {"GLANCEMETRICS_SYSLOG_CA": "x.pem"}, table)
    assert over.section(SyslogSettings).facility == "mail"
    assert over.section(SyslogSettings).ca == "x.pem"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('[syslog]\nfacility = "pub"', "gm.toml line 2, [syslog] facility = 'pub': must be one of"),
        ("[syslog]\nfacilty = 1", "[syslog]: unknown setting facilty; did you mean facility?"),
        ("[sysolg]\nfacility = 1", "line 1: unknown table [sysolg]; did you mean [syslog]?"),
        ('syslog_facility = "mail"\n[syslog]\nfacility = "mail"',
         "gm.toml line 3: [syslog] facility is the same setting as syslog_facility: keep one"),
        ("[timewindow]\nx = 1", "timewindow is a setting and no table: write timewindow"),
    ],
)  # fmt: skip
def test_an_error_names_the_table(toml: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        told(toml=toml)
    assert message in str(error.value)
