"""`glancemetrics report` and `sql` as people run them."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from pyarrow import parquet

import glancemetrics as gm
from glancemetrics import cli
from glancemetrics.records.schema import SCHEMA
from glancemetrics.simulation import Shape, Traffic
from tests.actors.archive.logs import COMPRESS, numbered, write
from tests.conftest import needs
from tests.lines import BASE, line
from tests.tmux import Tmux
from tests.waiting import eventually, until_taken

COMMAND = [sys.executable, "-m", "glancemetrics"]
HOSTILE = "=cmd|' /C calc'!A0\x1b[31m\x1b]52;c;aGk=\x07\u202e<script>alert(1)</script>&\"'"


def run(*arguments: object, stdin: bytes = b"", **options: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
        **options,  # type: ignore[call-overload]
    )


def told(*arguments: object, **options: object) -> str:
    """What a run that goes wrong says."""
    result = run(*arguments, **options)  # type: ignore[arg-type]
    assert result.returncode in (1, 2)
    assert result.stdout == b""
    text = result.stderr.decode()
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return f"{result.returncode}: {text}"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_bytes(b"".join(Traffic(Shape(1), seed=4).seconds(BASE, 5000)) + b"garbage\n")
    return path


def test_a_report_on_standard_output_is_plain_text(log: Path) -> None:
    result = run("report", log)
    text = result.stdout.decode()
    assert result.returncode == 0
    assert result.stderr == b""
    assert "\x1b" not in text
    assert re.search(r"Requests +5,000 ", text)
    assert "Unparsed lines: 1 (<0.1 % of all lines)" in text
    assert "no time such as" in text
    for title in (
        "Over time, requests by",
        "Sections",
        "URLs",
        "Hosts",
        "Browsers",
        "Empty panels",
    ):
        assert f"\n{title}" in text
    assert "Slowest URLs: no response times in the log" in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("output", ["x.json", "x.parquet"])
def test_a_w3c_log_without_its_fields_is_refused_and_nothing_written(
    tmp_path: Path, output: str
) -> None:
    path = tmp_path / "u_ex.log"
    path.write_text("2026-11-26 07:15:03 10.0.0.1 GET /p 443 192.0.2.30 200 12\n" * 3)
    text = told("report", path, "-o", tmp_path / output)
    assert text.startswith(f"1: glancemetrics: error: {path}: looks like a W3C log")
    assert "--format '#Fields: date time ...'" in text
    assert not (tmp_path / output).exists()
    fields = "#Fields: date time s-ip cs-method cs-uri-stem s-port c-ip sc-status time-taken"
    assert run("report", path, "--format", fields, "-o", tmp_path / output).returncode == 0


def test_rows_are_not_written_of_a_log_of_which_no_line_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("nonsense\n" * 3)
    assert "no known format matches" in told("report", path, "-o", tmp_path / "x.parquet")
    assert not (tmp_path / "x.parquet").exists()


def test_a_report_of_standard_input(log: Path) -> None:
    for name in ([], ["-"]):
        result = run("report", *name, "--panels", "methods", stdin=log.read_bytes())
        assert re.search(r"Requests +5,000 ", result.stdout.decode())
        assert result.returncode == 0


def test_top_panels_and_sort(log: Path) -> None:
    result = run("report", log, "--top", 2, "--panels", "paths,hosts", "--sort", "bytes",
                 "--output-format", "json")  # fmt: skip
    panels = json.loads(result.stdout)["panels"]
    assert list(panels) == ["paths", "hosts"]
    for panel in panels.values():
        sizes = [row["bytes"] for row in panel["rows"]]
        assert len(sizes) == 2
        assert sizes == sorted(sizes, reverse=True)


def test_json_csv_and_parquet_hold_the_same(log: Path, tmp_path: Path) -> None:
    for suffix in ("json", "csv", "parquet", "html", "txt"):
        assert run("report", log, "-o", tmp_path / f"report.{suffix}").returncode == 0
    told = json.loads((tmp_path / "report.json").read_text())
    assert (told["hits"], told["rejects"], told["lines"]) == (5000, 1, 5001)
    with (tmp_path / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name, panel in told["panels"].items():
        inside = [row for row in rows if row["panel"] == name and not row["group"]]
        assert [int(row["hits"]) for row in inside] == [row["hits"] for row in panel["rows"]]
    table = parquet.read_table(tmp_path / "report.parquet")
    assert table.num_rows == 5000
    assert table.schema.names == SCHEMA.names
    assert sum(table.column("bytes").drop_null().to_pylist()) == told["bytes"]
    assert "<!doctype html>" in (tmp_path / "report.html").read_text()


def test_an_odd_name_is_written_as_what_is_asked_for(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert run("report", log, "-o", out, "--output-format", "json").returncode == 0
    assert json.loads(out.read_text())["hits"] == 5000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope.log"], "1: glancemetrics: error: nope.log: no such file"),
        (["LOG", "-o", "report.docx"], "2: glancemetrics: error: --output report.docx: must end"),
        (["LOG", "-o", "/nope/report.html"], "--output /nope/report.html: no such directory"),
        (["LOG", "--since", "soon"], "--since soon: must be a time"),
        (
            ["LOG", "--since", "today", "--until", "yesterday"],
            "must be before --until yesterday",
        ),
        (["LOG", "--panels", "url"], "--panels url: unknown panel; known: time, hours_of_day"),
        (["LOG", "--sort", "name"], "--sort name: must be hits, "),
        (["LOG", "--top", "0"], "--top 0: must be a whole number of rows above 0"),
        (["LOG", "--exclude-ip", "x"], "--exclude-ip x: must be an address"),
        (["LOG", "--where", "nope = 1"], "columns: time"),
        (["LOG", "--timezone", "Mars"], "--timezone Mars: must be a name such as Europe/Paris"),
        (["LOG", "--max-memory", "1MB"], "must be a size of at least 400MB"),
        (["LOG", "--output-format", "parquet"], "needs --output FILE"),
        (["LOG", "--nope"], "--nope: unknown option; `glancemetrics report -h` lists"),
    ],
)
def test_mistakes_are_one_sentence(arguments: list[str], said: str, log: Path) -> None:
    names = [str(log) if argument == "LOG" else argument for argument in arguments]
    assert said in told("report", *names)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--format", b"\x80$remote_addr [$time_local]"),
        ("--format", b"\xff(?P<host>x)(?P<time>y)"),
        ("--where", b"path = '\x80'"),
        ("--group-path", b"/\xff/*"),
    ],
)
def test_bytes_of_the_command_line_that_are_no_text_are_a_mistake(
    log: Path, option: str, value: bytes
) -> None:
    result = subprocess.run(
        [*map(os.fsencode, [*COMMAND, "report", str(log), option]), value],
        capture_output=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.rstrip().endswith(b": not valid UTF-8")
    assert result.stderr.startswith(b"glancemetrics: error: " + option.encode())


def test_a_log_of_another_kind_says_what_was_expected(tmp_path: Path) -> None:
    name = write(tmp_path / "app.log", b'{"level": "info"}\n' * 3)
    assert f"no known format matches (`glancemetrics formats {name}`" in told("report", name)
    assert "no line is in common or combined format; the first: no time" in told(
        "report", name, "--format", "combined"
    )
    assert "no line is in the caddy format (JSON); all are of other programs" in told(
        "report", name, "--format", "caddy"
    )


def test_an_empty_log_is_an_empty_report(tmp_path: Path) -> None:
    result = run("report", write(tmp_path / "access.log", b""))
    assert result.returncode == 0
    assert "No requests." in result.stdout.decode()


def test_a_condition_that_nothing_matches_says_so(log: Path) -> None:
    result = run("report", log, "--where", "status = 599")
    assert result.returncode == 0
    assert "requests, none matches the condition." in result.stdout.decode()
    page = run("report", log, "--where", "status = 599", "--output-format", "html")
    assert b" requests, none matches the condition.</p>" in page.stdout


def test_an_old_report_outlives_a_disk_that_fills(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    out.write_text("the old report")

    def almost_full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    said = told("report", log, "-o", out, preexec_fn=almost_full)
    assert f"--output {out}: File too large; the file is unchanged" in said
    assert out.read_text() == "the old report"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["access.log", "report.html"]
    assert "No space left on device" in told("report", log, "-o", "/dev/full", "--output-format",
                                             "html")  # fmt: skip


def test_a_reader_that_leaves_is_a_quiet_end(log: Path) -> None:
    command = f"{shlex.join([*COMMAND, 'report', str(log)])} | head -1"
    shell = ["bash", "-o", "pipefail", "-c", command]
    result = subprocess.run(shell, capture_output=True, check=False)
    assert (result.stderr, result.stdout.count(b"\n"), result.returncode) == (b"", 1, 0)


def hostile_log(path: Path) -> str:
    text = HOSTILE.replace('"', r"\"")
    data = line(host="=1+1", user="@x", request=f"GET /{text} HTTP/1.1", status=404,
                referrer=text, agent=text)  # fmt: skip
    return write(path, data + line(host="\u202ehost", request=f"+{text}") + text.encode() + b"\n")


def test_nothing_from_a_log_reaches_the_terminal_or_a_spreadsheet(tmp_path: Path) -> None:
    name = hostile_log(tmp_path / "access.log")
    for arguments in (["report", name], ["sql", name, "select * from log"]):
        text = run(*arguments).stdout.decode()
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\x07" not in text
        assert "\\x1b[31m" in text
    for arguments in (["report", name], ["sql", name, "select * from log"]):
        rows = csv.reader(run(*arguments, "--output-format", "csv").stdout.decode().splitlines())
        cells = [cell for row in rows for cell in row]
        assert "'=1+1" in cells
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_questions_in_sql(log: Path, tmp_path: Path) -> None:
    question = "select section, count(*) as n from log group by all order by 2 desc limit 2"
    table = run("sql", log, question)
    assert table.stdout.decode().splitlines()[0].split() == ["section", "n"]
    assert table.stderr == b"glancemetrics: 1 line could not be parsed and is not in the table.\n"
    rows = json.loads(run("sql", log, question, "--output-format", "json").stdout)
    assert [set(row) for row in rows] == [{"section", "n"}] * 2
    out = tmp_path / "answer.parquet"
    assert run("sql", log, question, "-o", out).returncode == 0
    assert parquet.read_table(out).to_pylist() == rows
    assert json.loads(run("sql", question, "--json", stdin=log.read_bytes()).stdout) == rows
    assert "columns: time" in told("sql", write(tmp_path / "one.log", line()), "select x from log")


def test_sql_without_a_log_says_how_to_name_one() -> None:
    done = subprocess.run(
        [*COMMAND, "sql", "select 1"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"name a log and a query" in done.stderr


def test_sql_names_the_order_and_the_table(log: Path) -> None:
    assert f'the query comes last: glancemetrics sql {log} "select 1"' in told(
        "sql", "select 1", log
    )
    assert "no table logs; the table is called log" in told("sql", log, "select * from logs")


@pytest.mark.terminal
def test_a_long_report_opens_in_a_pager(
    log: Path, terminal: Callable[[int, int], Tmux], tmp_path: Path
) -> None:
    needs("less")
    screen = terminal(80, 24)
    screen.type(shlex.join(["env", "-u", "LESS", *COMMAND, "report", str(log)]))
    screen.until(r"GlanceMetrics · .*/access.log")
    screen.until(r"(?m)^:$")  # less waits
    assert "Requests" in screen.page
    assert "\x1b[1mGlanceMetrics" in screen.colored_page
    assert all(len(row) <= 80 for row in screen.page.splitlines())
    screen.press("G")
    screen.until("Empty panels")
    screen.press("q")
    screen.until(r"\$\s*$")


@pytest.mark.terminal
def test_progress_is_shown_and_ctrl_c_gives_what_was_read(
    terminal: Callable[[int, int], Tmux], tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    block = b"".join(Traffic(Shape(1000), seed=4).seconds(BASE, 50_000))
    with log.open("wb") as file:
        for _ in range(80):
            file.write(block)
    out = tmp_path / "report.json"
    screen = terminal(100, 30)
    screen.type(shlex.join([*COMMAND, "report", str(log), "-o", str(out)]))
    page = screen.until(r"\d+ % of [\d.]+ MB, [\d,]+ lines/s, \d+ s left")
    assert "Traceback" not in page
    screen.press("C-c")
    screen.until(r"Interrupted; results are partial: \d+ % of the bytes were read")
    eventually(out.exists, 20, "the report")
    told = json.loads(out.read_text())
    assert 0 < told["hits"] < 80 * 50_000
    assert told["unfinished"].startswith("Interrupted; results are partial")


def test_a_slow_stream_can_be_stopped_too(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "report", "--panels", "paths"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(numbered(0, 5))
    process.stdin.flush()
    until_taken(process.stdin)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert b"Interrupted; results are partial" in said
    assert b"Requests" in out
    assert process.returncode == 0


def test_compressed_logs_and_spans_on_the_command_line(tmp_path: Path) -> None:
    write(tmp_path / "access.log.1.gz", COMPRESS["gzip"](numbered(0, 100)))
    write(tmp_path / "access.log", numbered(100, 100, BASE + 100))
    result = run("report", f"{tmp_path}/access.log*", "--since", "2026-09-21T14:14:10",
                 "--until", "2026-09-21T14:15:30", "--output-format", "json")  # fmt: skip
    told = json.loads(result.stdout)
    assert told["hits"] == 80
    assert [Path(source["name"]).name for source in told["sources"]] == [
        "access.log.1.gz",
        "access.log",
    ]


def test_a_log_in_the_format_that_its_server_was_told(tmp_path: Path) -> None:
    log = write(
        tmp_path / "timed.log",
        b'h [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 0.250\n'
        b'h [17/May/2015:10:05:04 +0000] "GET /b HTTP/1.1" x 0.250\n'
        b"h [17/May/2015:10:05:05 +0000] GET /c 200 0.250\n",
    )
    written = """log_format timed '$remote_addr [$time_local] "$request" $status $request_time';"""
    result = run("report", log, "--format", written, "--output-format", "json")
    report = json.loads(result.stdout)
    assert report["panels"]["slowest_paths"]["rows"][0]["p95"] == pytest.approx(0.25, rel=0.01)
    assert (report["rejects"], report["damaged"]) == (1, 1)
    assert report["reject_samples"][0]["reason"] == """expected the text '] "' at character 30"""
    asked = run("sql", log, "select path, duration from log", "--format", written)
    assert asked.stdout.split()[-4:] == [b"/a", b"0.25", b"/b", b"0.25"]
    mistaken = run("report", log, "--format", "%h %t %s")
    assert mistaken.returncode == 1
    assert b"no line is in the given format" in mistaken.stderr
    assert run("report", log, "--format", "%h %y").returncode == 2


def test_damage_is_counted_in_every_report(tmp_path: Path) -> None:
    log = write(tmp_path / "a.log", line() * 200 + line(agent='a "b" c') + line(size="x"))
    report = json.loads(run("report", log, "--output-format", "json").stdout)
    assert (report["records"], report["rejects"], report["damaged"]) == (202, 0, 2)
    said = "2 requests have an unreadable field, which counts as unknown"
    for output_format in ("text", "html"):
        shown = run("report", log, "--output-format", output_format).stdout.decode()
        assert said in shown
    good = write(tmp_path / "good.log", line())
    assert said[2:20] not in run("report", good).stdout.decode()


def test_no_absurd_number_makes_a_sum_wrong(tmp_path: Path) -> None:
    absurd = line(size=999_999_999_999_999_999) * 20 + line(size=512)
    log = write(tmp_path / "a.log", absurd)
    report = json.loads(run("report", log, "--output-format", "json").stdout)
    assert (report["records"], report["bytes"], report["damaged"]) == (21, 512, 20)
    keys = {"time": "2026-09-21T14:13:20Z", "status": 200, "path": "/", "request_time": 1e17}
    log = write(tmp_path / "b.log", (json.dumps(keys) + "\n").encode() * 3)
    report = json.loads(run("report", log, "--output-format", "json").stdout)
    assert (report["records"], report["damaged"]) == (3, 3)
    assert "-" not in str(report["panels"]["paths"]["rows"][0].get("total", 0))


def on_terminal(*arguments: object, **environment: str) -> str:
    """Return what a command writes to a terminal of 80 columns."""
    import pty

    reading, writing = pty.openpty()
    termios.tcsetwinsize(writing, (24, 80))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=writing, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**clean, "LANG": "C.UTF-8", "TERM": "xterm", "PAGER": "cat", **environment},
    )  # fmt: skip
    os.close(writing)
    told = b""
    # The other end of a terminal that is closed is an error.
    with suppress(OSError):
        while piece := os.read(reading, 65_536):
            told += piece
    os.close(reading)
    assert process.wait(30) == 0
    return told.decode().replace("\r\n", "\n")


def test_no_colour_where_it_is_not_wanted(log: Path) -> None:
    for environment, coloured in (
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ):
        told = on_terminal("report", log, "--panels", "methods", **environment)
        assert ("\x1b[1m" in told) is coloured


def test_traffic_over_time_is_a_chart_with_axes(log: Path) -> None:
    text = run("report", log, "--panels", "time").stdout.decode()
    lines = text[text.index("Over time") :].splitlines()
    assert [bool(re.match(r" *[\d,k]+┤|       │", line)) for line in lines[1:9]] == [True] * 8
    assert lines[8].startswith("      0┤")
    assert re.match(r"       └.* \d\d:\d\d .*─", lines[9])


def test_a_terminal_without_unicode_gets_ascii(log: Path) -> None:
    told = on_terminal("report", log, "--panels", "time,paths", LC_ALL="C")
    assert told.isascii()
    chart = re.sub(r"\x1b\[[\d;]*m", "", told)
    assert max(map(len, chart.splitlines())) <= 80
    assert "errors: !" in chart
    assert re.search(r"\n *0\+#+", chart)


def cached(tmp_path: Path) -> Path:
    log = tmp_path / "cached.log"
    states = ["HIT"] * 3 + ["MISS"] * 2 + ["-"]
    log.write_bytes(b"".join(line()[:-1] + f" cs={state}\n".encode() for state in states))
    return log


def test_a_field_that_is_kept_is_in_every_kind_of_report(tmp_path: Path) -> None:
    log = cached(tmp_path)
    text = run("report", log, "--keep", "cs,none", "--panels", "cs,none")
    assert re.search(r"3 +50\.0 %.*HIT\n", text.stdout.decode())
    assert b"none: no counted request has this field" in text.stdout
    assert text.stderr.decode().startswith(
        "glancemetrics: --keep none: no counted request has this field"
    )
    for kind in ("json", "csv", "html"):
        page = run("report", log, "--keep", "cs", "--output-format", kind)
        assert page.returncode == 0
        assert b"MISS" in page.stdout
        assert page.stderr == b""
    run("report", log, "--keep", "cs", "--where", "cs is not null", "-o", tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.column_names == [*SCHEMA.names, "cs"]
    assert table["cs"].to_pylist() == ["HIT"] * 3 + ["MISS"] * 2


def test_sql_asks_for_what_is_kept(tmp_path: Path) -> None:
    asked = "select cs, count(*) as n from log where cs > 'A' group by all order by 2"
    told = run("sql", cached(tmp_path), "--keep", "cs,none", asked, "--output-format", "csv")
    assert told.stdout.decode().splitlines()[1:] == ["MISS,2", "HIT,3"]
    assert b"--keep none: no counted request has this field" in told.stderr


def test_what_a_told_format_cannot_keep_is_refused(tmp_path: Path) -> None:
    said = told("report", cached(tmp_path), "--format", "haproxy", "--keep", "cs")
    assert "--keep cs: no such field in haproxy; available: frontend_name" in said
    assert "--panels x: unknown panel" in told("report", cached(tmp_path), "--panels", "x")
    assert "a panel of the report" in told("report", cached(tmp_path), "--keep", "weekdays")


def test_formats_shows_what_is_kept_and_what_could_be(tmp_path: Path) -> None:
    said = run("formats", cached(tmp_path), "--keep", "cs,none").stdout.decode()
    assert re.search(r"\n  cs +HIT\n", said)
    assert "--keep none: no such field; available: cs\n" in said


def test_the_library_keeps_fields(tmp_path: Path) -> None:
    log = cached(tmp_path)
    table = gm.read(log, keep=["cs", "none"], where="cs = 'MISS'")
    assert table.column_names == [*SCHEMA.names, "cs", "none"]
    assert table["cs"].to_pylist() == ["MISS"] * 2
    (batch,) = gm.scan(log, keep="cs")
    assert batch.schema.names[-1] == "cs"
    for report in (gm.report(table, keep="cs"), gm.report(log, keep="cs", where="cs = 'MISS'")):
        assert [(row.name, row.hits) for row in report.panel("cs").rows] == [("MISS", 2)]
    with pytest.raises(KeyError, match="no counted request"):
        gm.report(gm.read(log), keep="cs").panel("cs")


def test_a_time_span_outside_a_log_says_what_the_log_covers(tmp_path: Path) -> None:
    name = write(tmp_path / "old.log", line(BASE) + line(BASE + 3600))
    result = run("report", name, "--since", "yesterday")
    assert result.returncode == 0
    assert result.stderr.decode() == (
        "glancemetrics: No requests in this time span; "
        "the log covers 2026-09-21 14:13:20 to 2026-09-21 15:13:20.\n"
    )
    assert b"covers" not in run("report", name, "--since", "2026-09-21").stderr


def test_a_file_of_a_directory_that_may_not_be_read_is_named_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    write(folder / "a.log", line())
    secret = write(folder / "b.log", line())
    opened = Path.open

    def refuse(path: Path, *arguments: object, **named: object) -> object:
        if path == Path(secret):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SystemExit) as end:
        cli.main(["report", str(folder), "--output-format", "json"])
    out, err = capsys.readouterr()
    assert (end.value.code, json.loads(out)["hits"]) == (0, 1)
    assert err.startswith(f"glancemetrics: warning: {secret}: permission denied")
    with pytest.raises(SystemExit) as end:
        cli.main(["report", str(secret)])
    assert end.value.code == 1
