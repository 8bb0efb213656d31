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
from glancemetrics.configuration.setting import setting, whole
from glancemetrics.configuration.settings import Settings, all_settings, read_settings
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

    refresh: int = setting(2, whole(1, 9), metavar="N", help="a clash", allowed="a number")


def test_no_two_settings_are_called_alike() -> None:
    with pytest.raises(ValueError, match="two settings are called refresh"):
        all_settings([*all_sections(), Clashing])


def test_what_a_table_has_is_said_of_a_key_that_it_has_not() -> None:
    with pytest.raises(UsageError, match=r"no setting 'zzz'; there is .*memory, disk, age"):
        told(toml="[history]\nzzz = 1")


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
        ({"from": "middle"}, {}, None, "--from middle: must be window, start or end"),
        ({"syslog": "udp:host"}, {}, None, "--syslog udp:host: must be off, udp://HOST:PORT"),
        ({"syslog": "udp://h:99999"}, {}, None, "--syslog udp://h:99999: must be"),
        ({"syslog": "unix://log"}, {}, None, "the path of a socket must begin with /"),
        ({"alert_log_rotation": "10 bananas"}, {}, None, "a time of day, like '10 MB', '1 week'"),
        ({"alert_log_retention": "-3"}, {}, None, "--alert_log_retention -3: must be a number of"),
        ({}, {}, "[alert_log]\nretention = -3", "[alert_log] retention = -3: must be a number of"),
        ({}, {}, "alert_log_rotation = -1", "alert_log_rotation = -1: must be a size, an interval"),
        ({}, {}, 'syslog = "udp://h"\n[syslog]\nfacility = "mail"',
         "what stands in a table is not said beside it as well"),
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
    assert told({"syslog": text}).section(SyslogSettings).address == address


def test_switches_are_read_from_the_environment() -> None:
    for text, value in (("1", True), ("off", False)):
        settings = told(env={"GLANCEMETRICS_JSON": text})
        assert settings.section(JsonLinesSettings).enabled is value


def test_every_long_flag_is_accepted_with_either_line() -> None:
    for info in all_settings(all_sections()).values():
        long = [flag for flag in info.flags if flag.startswith("--")]
        swapped = {flag[2:].replace("-", "_") for flag in long}
        assert len(swapped) == 1
        assert len(long) == (2 if "_" in info.name else 1)


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
        ('[syslog]\nfacility = "pub"', "gm.toml, [syslog] facility = 'pub': must be one of kern"),
        ("[syslog]\nfacilty = 1", "gm.toml, [syslog]: there is no setting 'facilty'; "
         "did you mean 'facility'?"),
        ("[sysolg]\nfacility = 1", "there is no setting 'sysolg'; did you mean 'syslog'?"),
        ('syslog_facility = "mail"\n[syslog]\nfacility = "mail"',
         "gm.toml: syslog_facility and [syslog] facility are the same: say it once"),
        ("[timewindow]\nx = 1", "gm.toml, timewindow: must be a whole number"),
    ],
)  # fmt: skip
def test_an_error_names_the_table(toml: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        told(toml=toml)
    assert message in str(error.value)
