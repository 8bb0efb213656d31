"""`glancemetrics formats`, and the options by which lines become records, on the command line."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

import glancemetrics as gm
from actors.archive.logs import sample_of
from glancemetrics.configuration.settings import Settings
from glancemetrics.formats.presets import PRESETS
from glancemetrics.planning.plan import reading_of
from tests.lines import line

COMMAND = (sys.executable, "-m", "glancemetrics")


def told(*arguments: object, given: bytes = b"") -> tuple[int, str]:
    """Exit status, and what was said on standard output or, of a failure, on standard error."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], input=given, capture_output=True, check=False
    )
    return done.returncode, (done.stderr or done.stdout).decode()


def test_it_lists_the_formats_that_have_a_name() -> None:
    status, text = told("formats")
    assert status == 0
    assert len(text.splitlines()) == len(PRESETS)


def test_it_explains_logs_compressed_or_piped_in(tmp_path: Path) -> None:
    log = tmp_path / "a.log.gz"
    log.write_bytes(gzip.compress(line() * 5))
    assert told("formats", log)[0] == 0
    status, text = told("formats", log, "-", given=b"nonsense\n")
    assert status == 1  # no format reads one of them
    assert text.startswith(f"{log}: combined\n  5 lines read: 5 records, 0 rejects")
    assert "\n\n-: no known format matches\n" in text


@pytest.mark.parametrize("lines", [600, 700, 900, 1500, 9000])
def test_each_line_of_a_sample_is_looked_at_once(tmp_path: Path, lines: int) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"".join(line(request=f"GET /{number:06} HTTP/1.1") for number in range(lines)))
    looked_at = sample_of(str(log)).splitlines()
    assert len(looked_at) == len(set(looked_at))
    assert set(looked_at) <= set(log.read_bytes().splitlines())
    if lines <= 1000:
        assert len(looked_at) == lines


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["formats", "nope.log"], 1, "nope.log: no such file"),
        (
            ["formats", "--format", "nope"],
            2,
            "--format nope: unknown format. List: glancemetrics",
        ),
        (["formats", "--format", "%h %y %t"], 2, "character 4: unknown directive %y"),
        (["formats", "--format-from", "nope.conf"], 2, "--format-from nope.conf: No such file"),
        (["report", "x", "--trusted-proxy", "x"], 2, "--trusted-proxy x: must be an address"),
        (["report", "x", "--log-timezone", "x"], 2, "--log-timezone x: must be a name such as"),
        (["report", "x", "--duration-unit", "x"], 2, "--duration-unit x: must be us, ms or s"),
        (["formats", "x", "--duration-unit", "x"], 2, "--duration-unit x: must be us, ms or s"),
        (["-f", "x", "--duration-unit", "min"], 2, "--duration-unit min: must be us, ms or s"),
        (["report", "x", "--group-path", "x"], 2, "--group-path x: must be auto or a path"),
        (["-f", "x", "--format", "nope"], 2, "--format nope: unknown format. List"),
        (["-f", "x", "--group-path", "x"], 2, "--group-path x: must be auto"),
    ],
)
def test_mistakes_are_one_sentence(arguments: list[str], status: int, said: str) -> None:
    done, text = told(*arguments)
    assert done == status
    assert said in text
    assert text.count("\n") == 1


def test_the_unit_of_durations_is_named_wherever_lines_are_read(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(line()[:-1] + b" 4500\n")
    hint = "a number may be a duration but has no unit; set it: --duration-unit us, ms or s"
    assert hint in told("formats", log)[1]
    assert "duration           4.5 s" in told("formats", log, "--duration-unit", "ms")[1]
    question = "select duration from log"
    assert told("sql", log, question, "--duration-unit", "s")[1].split()[-1] == "4,500"
    for unit, seconds in ((None, None), ("us", 0.0045)):
        assert gm.read(log, duration_unit=unit).column("duration").to_pylist() == [seconds]
        batches = gm.scan(log, duration_unit=unit)
        assert [batch.column("duration")[0].as_py() for batch in batches] == [seconds]
    assert reading_of(Settings(duration_unit="ms")).context.duration_unit is not None


def test_the_format_of_a_servers_own_configuration(tmp_path: Path) -> None:
    log = tmp_path / "timed.log"
    log.write_bytes(b"::1|17/May/2015:10:05:03 +0000|GET / HTTP/1.1|200|0.250\n")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.conf").write_text(f"access_log {log} piped;")
    (tmp_path / "nginx.conf").write_text(
        "http { log_format piped '$remote_addr|$time_local|$request|$status|$request_time'; "
        "access_log /var/log/other.log; include conf.d/*.conf; }"
    )
    status, text = told("formats", log, "--format-from", tmp_path / "nginx.conf")
    assert status == 0
    assert "piped (set by --format)" in text
    assert "duration           0.25 s" in text
    (tmp_path / "goaccess.conf").write_text(
        "time-format %T\ndate-format %d/%b/%Y\nlog-format %h|%d:%t %^|%r|%s|%T\n"
    )
    status, text = told("formats", log, "--format-from", tmp_path / "goaccess.conf")
    assert "duration           0.25 s" in text


def test_each_of_several_logs_has_its_own_format(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(line() * 3)
    (tmp_path / "b.log").write_text(PRESETS["caddy"].example + "\n")
    (tmp_path / "c.log").write_text(PRESETS["haproxy"].example + "\n")
    (tmp_path / "error.log").write_text("2022/01/24 16:33:06 [error] 334#334: *338 no\n")
    report = gm.report(tmp_path)
    assert report.hits == 5
    assert {source.format for source in report.sources} == {"combined", "caddy", "haproxy"}


def test_times_without_a_zone_are_of_the_zone_that_is_told(tmp_path: Path) -> None:
    log = tmp_path / "haproxy.log"
    log.write_text(PRESETS["haproxy"].example + "\n")
    times = [
        gm.read(log, log_timezone=zone).column("time")[0].as_py()
        for zone in ("UTC", "Europe/Berlin", "America/New_York")
    ]
    assert [moment.hour for moment in times] == [10, 8, 14]


def test_a_span_of_a_w3c_log_is_read_by_the_directives_before_it(tmp_path: Path) -> None:
    log = tmp_path / "iis.log"
    days = "".join(f"2015-05-{day:02} 10:05:03 ::1 {200 + day}\n" * 20_000 for day in range(1, 10))
    log.write_text(f"#Fields: date time c-ip sc-status\n{days}")
    report = gm.report(log, since="2015-05-09")
    assert (report.hits, report.rejects.count) == (20_000, 0)
    assert report.lines < 100_000


def test_a_log_that_changes_its_format_in_the_middle_is_read_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    timed = line()[:-1] + b" 0.250\n"
    log.write_bytes(line() * 100_000 + timed * 100_000)
    report = gm.report(log)
    assert (report.hits, report.rejects.count) == (200_000, 0)
