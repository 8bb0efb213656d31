"""Settings: one name everywhere, the later source winning, errors that name all three things."""

from __future__ import annotations

from typing import Any

import pytest

from glancemetrics.configuration.settings import (
    Settings,
    SyslogAddress,
    read_settings,
    setting_infos,
)
from glancemetrics.errors import UsageError


def told(flags: dict[str, Any] | None = None, env: dict[str, str] | None = None,
         toml: str | None = None) -> Settings:  # fmt: skip
    return read_settings(flags or {}, env or {}, toml, "gm.toml")


def test_the_defaults_are_those_that_people_know() -> None:
    settings = Settings()
    assert settings.file == ("/tmp/access.log",)
    assert (settings.timewindow, settings.alertwindow, settings.alert_threshold) == (10, 2, 10)
    assert (settings.section_limit, settings.refresh, settings.incident_limit) == (8, 2, 3)
    assert (settings.start_from, settings.alert_log, settings.syslog) == ("window", None, None)
    assert (settings.alert_log_rotation, settings.alert_log_retention) == ("10 MB", 10)
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
    ("flags", "env", "toml", "message"),
    [
        ({"timewindow": "0"}, {}, None,
         "--timewindow 0: must be a whole number of seconds from 1 to 604800"),
        ({"timewindow": "ten"}, {}, None, "--timewindow ten: must be a whole number"),
        ({"alert_threshold": "nan"}, {}, None, "--alert_threshold nan: must be a number"),
        ({}, {"GLANCEMETRICS_REFRESH": "fast"}, None, "GLANCEMETRICS_REFRESH=fast: must be"),
        ({}, {}, "timewindow = 1.5", "gm.toml, timewindow = 1.5: must be a whole number"),
        ({}, {}, "timewindow = true", "gm.toml, timewindow = True: must be"),
        ({}, {}, "timewindw = 5", "there is no setting 'timewindw'; did you mean 'timewindow'?"),
        ({}, {}, "zzz = 5", "there is no setting 'zzz'; `glancemetrics -h` lists them"),
        ({}, {}, "timewindow = ", "gm.toml: is not TOML: "),
        ({"start_from": "middle"}, {}, None, "--from middle: must be window, start or end"),
        ({"syslog": "udp:host"}, {}, None, "--syslog udp:host: must be off, udp://HOST:PORT"),
        ({"syslog": "udp://h:99999"}, {}, None, "--syslog udp://h:99999: must be"),
        ({"syslog": "unix://log"}, {}, None, "the path of a socket begins with /"),
        ({"alert_log_rotation": "10 bananas"}, {}, None, "in loguru's words, such as '10 MB'"),
        ({"alert_log_retention": "[]"}, {}, None, "--alert_log_retention []: must be"),
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
    assert told({"syslog": text}).syslog == address


def test_switches_are_read_from_the_environment() -> None:
    assert told(env={"GLANCEMETRICS_JSON": "1"}).json
    assert not told(env={"GLANCEMETRICS_JSON": "off"}).json


def test_every_long_flag_is_accepted_with_either_line() -> None:
    for info in setting_infos().values():
        long = [flag for flag in info.flags if flag.startswith("--")]
        swapped = {flag[2:].replace("-", "_") for flag in long}
        assert len(swapped) == 1
        assert len(long) == (2 if "_" in info.name else 1)
