"""`glancemetrics check`: what is wrong with a configuration, and what is missing for it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.commands.check_configuration import check
from actors.configuration.loading import config_text
from glancemetrics.errors import GlanceMetricsError
from tests.conftest import thorough


def run(text: str | bytes, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    data = text.encode() if isinstance(text, str) else text
    (folder / "ok.toml").write_bytes(data)
    return subprocess.run(
        [sys.executable, "-m", "glancemetrics", "check", "ok.toml"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        timeout=60,
        check=False,
    )


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert "Traceback" not in done.stderr
    return [line.removeprefix("glancemetrics: error: ") for line in done.stderr.splitlines()]


def test_all_that_is_missing_is_named_with_its_line_and_table(tmp_path: Path) -> None:
    program = tmp_path / "page"
    program.write_text("#!/bin/sh\n")
    text = f"""\
alert_threshold = 250

[[notify]]
name = "team"
webhook = "env:TEAM_HOOK"
secret = "file:{tmp_path}/none"
headers = {{ Authorization = "env:HOOK_TOKEN" }}

[[notify]]
name = "pager"
exec = ["/usr/local/bin/no-such-page", "--team"]

[[notify]]
name = "other"
exec = ["no-such-page"]
[notify.env]
TEAM = "web"
TOKEN = "env:PAGER_TOKEN"

[[notify]]
exec = "{program}"
"""
    done = run(text, tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert errors(done) == [
        "ok.toml line 5, [[notify]] team: environment variable TEAM_HOOK is not set",
        f"ok.toml line 6, [[notify]] team: file:{tmp_path}/none: No such file or directory",
        "ok.toml line 7, [[notify]] team: environment variable HOOK_TOKEN is not set",
        "ok.toml line 11, [[notify]] pager: program /usr/local/bin/no-such-page: no such file",
        "ok.toml line 15, [[notify]] other: program no-such-page: not found in PATH",
        "ok.toml line 18, [[notify]] other: environment variable PAGER_TOKEN is not set",
        f"ok.toml line 21, [[notify]]: program {program}: not executable",
    ]
    program.chmod(0o755)
    (tmp_path / "none").write_text("quiet")
    text = text.replace('"no-such-page"', '"true"').replace(
        "/usr/local/bin/no-such-page", "/bin/sh"
    )
    variables = {"TEAM_HOOK": "https://x.y/", "HOOK_TOKEN": "z", "PAGER_TOKEN": ""}
    assert errors(run(text, tmp_path, **variables)) == [
        "ok.toml line 18, [[notify]] other: environment variable PAGER_TOKEN is empty"
    ]
    done = run(text, tmp_path, **variables | {"PAGER_TOKEN": "q"})
    assert (done.returncode, done.stderr) == (0, "")


def test_a_program_is_looked_for_in_the_path_that_it_will_have(tmp_path: Path) -> None:
    program = tmp_path / "tools" / "page"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = '[[notify]]\nname = "pager"\nexec = ["page"]\n'
    assert errors(run(text, tmp_path)) == [
        "ok.toml line 3, [[notify]] pager: program page: not found in PATH"
    ]
    found = run(f'{text}env = {{ PATH = "{program.parent}" }}\n', tmp_path)
    assert found.returncode == 0, found.stderr


def test_a_log_that_is_not_there_is_named_but_may_come(tmp_path: Path) -> None:
    text = 'file = ["/var/log/ngnix/access.log", "*.nolog", "here.log"]\n'
    (tmp_path / "here.log").touch()
    done = run(text, tmp_path)
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "glancemetrics: warning: ok.toml line 1, file: /var/log/ngnix/access.log: no such file yet",
        "glancemetrics: warning: ok.toml line 1, file: *.nolog: no matching files yet",
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('syslog_ca = "none.pem"', "ok.toml line 1, syslog_ca: none.pem: No such file"),
        ('syslog_ca = "ok.toml"', "ok.toml line 1, syslog_ca: ok.toml: not a PEM file"),
        ('heartbeat = "no/such/beat"', "ok.toml line 1, heartbeat: no/such: no such directory"),
        ('alert_log = "link"', "ok.toml line 1, alert_log: link: symbolic links are not followed"),
        (f'heartbeat = "{"a" * 5000}/x"', "ok.toml line 1, heartbeat: aaa"),
        (f'[[notify]]\nexec = "/{"a" * 5000}"', "ok.toml line 2, [[notify]]: program /aaa"),
        ('format_from = "none.conf"', "ok.toml line 1, format_from = none.conf: No such file"),
        (
            '[[notify]]\nwebhook = "env:ODD"',
            "ok.toml line 2, [[notify]]: env:ODD: invalid URL; must be an http://",
        ),
    ],
)
def test_files_that_are_missing_are_named(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "link").symlink_to("ok.toml")
    done = run(text, tmp_path, ODD="ftp://hunter2")
    assert done.returncode == 2
    (told,) = errors(done)
    assert told.startswith(error)
    assert "hunter2" not in done.stderr


def test_the_mistakes_of_all_tables_are_named_at_once(tmp_path: Path) -> None:
    text = (
        'refesh = 1\ntimewindow = 0\n[[rule]]\nname = "a"\nabov = 1\n[[rule]]\nname = "b"\n'
        '[[notify]]\nwebhok = "https://hunter2@x/"\n[[notify]]\nname = "c"\nexec = "/nowhere"\n'
    )
    done = run(text, tmp_path)
    assert done.returncode == 2
    assert [error.split(":")[0] for error in errors(done)] == [
        "ok.toml line 1",
        "ok.toml line 2, timewindow = 0",
        "ok.toml line 3 (rule 'a')",
        "ok.toml line 5 (rule 'a')",
        "ok.toml line 7",
        "ok.toml line 9",
        "ok.toml line 12, [[notify]] c",
    ]
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 5000,
        "a = " + "[" * 5000 + "]" * 5000,
        ".".join(["a"] * 5000) + " = 1",
        "[" + ".".join(["a"] * 5000) + "]",
        "clock." + ".".join(["a"] * 5000) + " = 1",
        "a = " + "{a=" * 5000 + "1" + "}" * 5000,
        "file = " + "[" * 100 + "]" * 100,
        "[[notify]]\nexec = " + "[" * 100 + "]" * 100,
        "[[notify]]\nwebhook = 'https://x/'\nbody = " + "{a=" * 100 + "1" + "}" * 100,
        "timewindow = " + "9" * 5000,
        "timewindow = 0x" + "f" * 5000,
        "[[rule]]\nname = 'a'\nabove = 0x" + "f" * 5000,
        "refresh = 1e999",
        "[[rule]]\nname = 'a'\nabsence = 1e999",
        "[[rule]]\nname = 'a'\nabsence = nan",
        "refresh = nan",
        "x = 9999-99-99",
        "x = 0000-00-00T00:00:00-99:99",
    ],
    ids=lambda text: text[:20],
)
def test_deep_and_huge_values_are_mistakes(tmp_path: Path, text: str) -> None:
    done = run(text, tmp_path)
    assert done.returncode == 2
    (error,) = errors(done)
    assert len(error) < 500


@pytest.mark.parametrize("count", [300, 900, 5000])
@pytest.mark.parametrize(
    "shape", ["not {}true", "lower({}path", "({}true", "status + {}1 > 0", "status = 1 or {}true"]
)
def test_a_long_where_is_right_or_a_mistake(tmp_path: Path, shape: str, count: int) -> None:
    before, after = shape.split("{}")
    closing = ")" * count if "(" in before else ""
    end = " = 'a'" if before.startswith("lower") else ""
    where = before * count + after + closing + end
    for text in (f'where = "{where}"', f'[[rule]]\nname = "a"\nabsence = "5m"\nwhere = "{where}"'):
        done = run(text, tmp_path)
        assert done.returncode in {0, 2}
        told = errors(done)
        assert len(told) == (1 if done.returncode else 0)
        assert all(len(error) < 500 for error in told)


def checked(data: bytes, path: Path) -> None:
    """Check a configuration of these bytes: in one of our errors it may end, in nothing else."""
    path.write_bytes(data)
    with contextlib.suppress(GlanceMetricsError):
        assert check(config_text(str(path)), "ok.toml") in {0, 2}


quick = settings(
    max_examples=thorough(80, 5000),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)


@quick
@given(st.binary(max_size=200))
def test_any_bytes_are_a_configuration_or_a_mistake(tmp_path: Path, data: bytes) -> None:
    checked(data, tmp_path / "ok.toml")


BASE = b"""\
timewindow = 20
file = ["a.log", "-"]
syslog = "tcp://h:514"
alert_log_rotation = "10 MB"
alert_log_retention = 3
format = "combined"
group_path = ["/users/*"]
where = "status >= 500"
trusted_proxy = ["10.0.0.0/8"]
log_timezone = "Europe/Paris"
[[rule]]
name = "a"
metric = "p95"
change = "3x over 1h ago"
by = "section"
message = "{section}: {value:.1%}"
[[rule]]
name = "b"
slo = 99.9
budget = "30d"
[[notify]]
name = "team"
webhook = "https://example.org/"
hours = "Mon-Fri 08:00-18:00"
timezone = "Europe/Berlin"
group_wait = "30s"
[notify.body]
text = "{mark} {rule}"
[[notify]]
exec = ["/bin/true"]
[notify.env]
A = "b"
"""
VALUES = [
    *(b"1", b"-1", b"0", b"1e400", b"nan", b"inf", b"true", b'""', b'"x"', b"[]", b"{}", b"[[]]"),
    *(b"1979-05-27", b"07:32:00", b"9" * 30, b'"\\u0000"', b'"\\ud7ff"', b'"-"', b'"*"', b'"["'),
    *(b'"%"', b'"(?P<a>"', b'"$remote_addr $"', b'"off"', b'"99999999999 years"', b'"1e400 MB"'),
    *(
        b'"env:"',
        b'"file:"',
        b'"file:/"',
        b'"https://["',
        b'"{"',
        b'"}"',
        b'"' + b"a" * 5000 + b'"',
    ),
]


@quick
@given(st.data())
def test_a_configuration_with_odd_values_is_right_or_a_mistake(
    tmp_path: Path, data: st.DataObject
) -> None:
    lines = BASE.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        key, equals, _ = lines[at].partition(b" = ")
        change = data.draw(st.sampled_from(["value", "twice", "without", "bytes"]))
        if change == "value" and equals:
            lines[at] = key + b" = " + data.draw(st.sampled_from(VALUES))
        elif change == "twice":
            lines.insert(at, lines[data.draw(st.integers(0, len(lines) - 1))])
        elif change == "without" and len(lines) > 1:
            del lines[at]
        else:
            lines[at] += data.draw(st.binary(max_size=5))
    checked(b"\n".join(lines), tmp_path / "ok.toml")


def test_a_file_without_an_end_is_no_configuration(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "glancemetrics", "check", "/dev/zero"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "/dev/zero: too large for a configuration" in done.stderr


def test_a_missing_program_and_a_missing_variable_of_it_are_both_named(tmp_path: Path) -> None:
    text = """\
[[notify]]
name = "pager"
exec = ["/usr/local/bin/no-such-page"]
[notify.env]
TOKEN = "env:PAGER_TOKEN"
"""
    assert errors(run(text, tmp_path)) == [
        "ok.toml line 3, [[notify]] pager: program /usr/local/bin/no-such-page: no such file",
        "ok.toml line 5, [[notify]] pager: environment variable PAGER_TOKEN is not set",
    ]


def test_all_mistakes_of_a_table_are_named_and_none_follows_from_another(tmp_path: Path) -> None:
    text = """\
[[rule]]
name = "a"
abov = "5"
window = "x"
sevrity = "crit"
where = "status => 5"
[[rule]]
name = "b"
metric = "error_ratio"
above = 5
[[notify]]
webhok = "ftp://x"
severity = "worse"
hours = 7
"""
    told = errors(run(text, tmp_path))
    assert told.pop(0).startswith("ok.toml line 1 (rule 'a'): metric: must be one of rate, hits")
    assert told == [
        "ok.toml line 3 (rule 'a'): abov: unknown key in [[rule]]; did you mean above?",
        "ok.toml line 4 (rule 'a'): window = 'x': must be a duration such as 30s, 2m, 1h30m or 7d",
        "ok.toml line 5 (rule 'a'): sevrity: unknown key in [[rule]]; did you mean severity?",
        "ok.toml line 5 (rule 'a'): severity = 'crit': must be one of critical, warning, info",
        "ok.toml line 6 (rule 'a'): where = 'status => 5': use >= for at least",
        "ok.toml line 10 (rule 'b'): above = 5: error_ratio is a share from 0 to 1; 5 % is 0.05",
        "ok.toml line 12: webhok: unknown key in [[notify]]; did you mean webhook?",
        "ok.toml line 12: webhook: must be an http:// or https:// URL, env:NAME or file:PATH",
        "ok.toml line 13: severity = 'worse': must be one of critical, warning, info",
        "ok.toml line 14: hours = 7: must be a text or a list of texts",
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[[rules]]\nabove = 1", "unknown table [[rules]]; did you mean [[rule]]?"),
        ("[alerts]\nthreshold = 1", "unknown table [alerts]; did you mean [[rule]]?"),
        ("[[notifications]]\na = 1", "unknown table [[notifications]]; did you mean [[notify]]?"),
        ("[sysolg]\nfacility = 1", "unknown table [sysolg]; did you mean [syslog]?"),
        ("[rule]\nabove = 1", "write [[rule]]; there may be several"),
        ("[notify]\nexec = 'x'", "write [[notify]]; there may be several"),
    ],
)
def test_a_table_of_another_name_is_named_with_its_line(
    tmp_path: Path, text: str, error: str
) -> None:
    assert errors(run(f"refresh = 1\n{text}\n", tmp_path)) == [f"ok.toml line 2: {error}"]


def test_a_target_for_a_rule_that_there_is_not(tmp_path: Path) -> None:
    text = '[[notify]]\nexec = "/bin/true"\nrules = ["Server eror*", "High traffic", "*"]\n'
    done = run(text, tmp_path)
    assert done.returncode == 0
    assert done.stderr == (
        "glancemetrics: warning: ok.toml line 2, [[notify]]: rules: no rule matches "
        "'Server eror*'; did you mean 'Server errors'?\n"
    )
    own = '[[rule]]\nname = "Server eror page"\nmetric = "rate"\nabove = 1\n'
    assert run(text + own, tmp_path).stderr == ""


def test_the_environment_is_checked_too(tmp_path: Path) -> None:
    done = run("refresh = 1\n", tmp_path, GLANCEMETRICS_TIMEWINDOW="x", GLANCEMETRICS_REFESH="1")
    assert done.returncode == 2
    assert errors(done)[0].startswith("GLANCEMETRICS_TIMEWINDOW=x: must be a duration")
    warned = run("refresh = 1\n", tmp_path, GLANCEMETRICS_REFESH="1")
    assert warned.returncode == 0
    assert "warning: GLANCEMETRICS_REFESH: unknown variable, ignored" in warned.stderr


def test_the_environment_alone_is_checked(tmp_path: Path) -> None:
    def check(**variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "glancemetrics", "check"],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **variables},
        )  # fmt: skip

    assert "no configuration found" in check().stderr
    assert check(GLANCEMETRICS_REFRESH="1s").returncode == 0
    done = check(GLANCEMETRICS_REFRESH="x", GLANCEMETRICS_HEARTBEAT="/none/beat")
    assert done.returncode == 2
    assert errors(done)[0].startswith("GLANCEMETRICS_REFRESH=x: must be")
    assert errors(done)[1:] == ["GLANCEMETRICS_HEARTBEAT: /none: no such directory"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("timewindow = 10s", '; put text in quotes, such as "10s"'),
        ("file = /var/log/x.log", '; put text in quotes, such as "10s"'),
        ("once = True", "; write true"),
        ("refresh = 1\nrefresh = 2", "; a key or table is there twice"),
        ("[file]\nx = 1", "ok.toml line 1: file is a setting and no table: write file = ..."),
        ("[rules]\nx = 1", "ok.toml line 1: unknown table [rules]; did you mean [[rule]]?"),
        ("[[rule]]\nname = 'a'\nabsence = '1m'\nrefresh = 1",
         "ok.toml line 4 (rule 'a'): refresh = 1: unknown key in [[rule]]; it is a setting: move"),
        ("[history]\nage = '2m'", "must be a duration of at least 1h, such as 12h or 30d"),
    ],
)  # fmt: skip
def test_frequent_mistakes_of_toml_have_a_way_out(tmp_path: Path, text: str, error: str) -> None:
    done = run(text, tmp_path)
    assert done.returncode == 2
    assert error in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_byte_order_mark_is_none_of_the_configuration(tmp_path: Path) -> None:
    assert run(b"\xef\xbb\xbfrefresh = 1\n", tmp_path).returncode == 0


def test_a_command_line_as_the_program_is_answered_with_a_list(tmp_path: Path) -> None:
    done = run('[[notify]]\nexec = "/bin/page --now"\n', tmp_path)
    assert "no such file; write a program and its arguments as a list" in done.stderr
