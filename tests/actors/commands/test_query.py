"""`glancemetrics query`, as a person asks it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from actors.commands.query import BY
from actors.history import SUFFIX
from actors.history.about import About, write_about, write_reached
from actors.history.segments import SegmentFolder
from glancemetrics.cli import main
from glancemetrics.errors import UsageError
from glancemetrics.formats.combined import decode
from glancemetrics.history.query import Answer, Query
from glancemetrics.planning.plan import check_kept
from glancemetrics.records.dimensions import DIMENSIONS
from glancemetrics.records.schema import with_kept, with_source
from glancemetrics.reporting.answers import answer_text
from glancemetrics.reporting.looks import Look
from tests.lines import BASE, line

LOG = b"".join(
    [
        *(line(BASE + i, request=f"GET /a/{i % 3} HTTP/1.1", size=100) for i in range(90)),
        *(line(BASE + i, request="GET /b HTTP/1.1", status=503, host="h2") for i in range(10)),
        line(
            BASE + 100, request="GET /c?q=1 HTTP/1.1", status=404, host="h3", agent="Googlebot/2.1"
        ),
    ]
)


def run(*arguments: object) -> object:
    """Run a command; returns its exit status."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code


def keep(state: Path, name: str, lines: bytes, source: str) -> None:
    """Put a history into a folder of state."""
    folder = state / f"{name}{SUFFIX}"
    batch = with_source(decode(lines).batch, source)
    half = batch.num_rows // 2
    SegmentFolder(folder).write(0, batch.slice(0, half))
    SegmentFolder(folder).write(half, batch.slice(half))
    write_about(folder, About((source,)))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    keep(tmp_path, "monitor-1", LOG, "/var/log/a.log")
    return tmp_path


@pytest.fixture
def ask(state: Path, capsys: pytest.CaptureFixture[str]):
    def ask(*arguments: str, status: int = 0) -> str:
        assert run("query", "--state-dir", state, *arguments) == status
        told = capsys.readouterr()
        return told.err if status else told.out

    return ask


def answer(text: str) -> dict[str, object]:
    told: dict[str, object] = json.loads(text)
    return told


def test_requests_under_a_response_time_are_counted(ask, state: Path) -> None:
    """Below it, not at it; requests without one are not timed."""
    folder = state / f"monitor-9{SUFFIX}"
    batch = with_source(decode(LOG).batch, "/var/log/i.log")
    durations = pa.array([None, *(i / 100 for i in range(batch.num_rows - 1))])
    at = batch.schema.get_field_index("duration")
    SegmentFolder(folder).write(0, batch.set_column(at, batch.schema.field(at), durations))
    write_about(folder, About(("/var/log/i.log",)))
    of = ("-f", "i.log")
    names = "hits,timed,under_300ms,under_0.3s,under_500us,under_1m"
    assert answer(ask(*of, "--measures", names, "--json"))["total"] == {
        "hits": 101, "timed": 100, "under_300ms": 30, "under_0.3s": 30, "under_500us": 1,
        "under_1m": 100,
    }  # fmt: skip
    steps = answer(ask(*of, "--step", "20s", "--measures", "under_300ms", "--json"))
    assert sum(row["under_300ms"] for row in steps["rows"]) == 30  # type: ignore[attr-defined]
    sorted_by = answer(ask(*of, "--by", "section", "--sort", "under_900ms", "--json"))
    counts = [row["under_900ms"] for row in sorted_by["rows"]]  # type: ignore[attr-defined]
    assert (counts, sum(counts)) == (sorted(counts, reverse=True), 90)
    heads = ask(*of, "--measures", "timed,under_300ms,under_500us,under_2.5s,under_1m30s")
    assert heads.splitlines()[0].split("  ") == [
        *("timed", "< 300 ms", "< 500 µs", "< 2.5 s", "< 1 min 30 s"),
    ]
    drawn = ask(*of, "--by", "section", "--step", "20s", "--measures", "under_300ms")
    assert "< 300 ms per 20 seconds" in drawn


@pytest.mark.parametrize("by", [(), ("--by", "path")])
def test_a_time_is_not_drawn(ask, by: tuple[str, ...]) -> None:
    step = ("--step", "1m", *by)
    said = ask(*step, "--measures", "first_seen", status=2)
    assert "--step with first_seen alone: a chart needs another measure, such as hits" in said
    assert answer(ask(*step, "--measures", "first_seen", "--json"))["rows"]
    assert "█" in ask(*step, "--measures", "first_seen,hits") or by
    assert "hits per minute" in ask(*step, "--sort", "last_seen") or not by


def test_without_a_question_it_says_how_much_there_is(ask) -> None:
    told = ask()
    assert told.splitlines()[0].split() == ["hits", "visitors", "bytes", "errors", "error", "%"]
    assert "101         3" in told
    assert "2026-09-21 14:13:20 to 2026-09-21 14:15:01 UTC (1 min 41 s)" in told


def test_by_a_dimension_most_first_with_all_and_how_many_more(ask) -> None:
    rows = [row.split() for row in ask("--by", "path", "--limit", "3").splitlines()]
    assert [row[:2] for row in rows[2:5]] == [["/a/0", "30"], ["/a/1", "30"], ["/a/2", "30"]]
    assert rows[5][:2] == ["all", "101"]
    assert " ".join(rows[6]) == "… 2 more (see --limit)"


def test_a_condition_a_span_and_an_order(ask) -> None:
    since = ["--since", "2026-09-21T14:13:25"]
    told = answer(ask("status >= 500 and section = '/b'", "--by", "host,path", "--json", *since))
    assert told["rows"] == [
        {"host": "h2", "path": "/b", "hits": 5, "visitors": 1, "bytes": 2560, "errors": 5,
         "error_ratio": 1.0, "p95": None}
    ]  # fmt: skip
    assert told["since"] == "2026-09-21T14:13:25+00:00"
    by_errors = answer(ask("--by", "section", "--sort", "errors", "--measures", "hits", "--json"))
    assert [row["section"] for row in by_errors["rows"]] == ["/b", "/c", "/a"]  # type: ignore[attr-defined]


def test_the_smallest_or_oldest_first(ask) -> None:
    told = answer(ask("--by", "path", "--reverse", "--measures", "hits", "--json"))
    assert [row["path"] for row in told["rows"]][:2] == ["/c", "/b"]  # type: ignore[attr-defined]
    told = answer(ask("--records", "--reverse", "--limit", "2", "--json"))
    assert {row["time"] for row in told["rows"]} == {"2026-09-21T14:13:20+00:00"}  # type: ignore[attr-defined]
    told = answer(ask("--by", "path", "--sort", "first_seen", "--reverse", "--json"))
    assert told["rows"][0]["path"] in {"/a/0", "/b"}  # type: ignore[index]


def test_requests_without_a_value_are_counted_beside_the_groups(ask) -> None:
    assert "100 more requests have no bot" in ask("--by", "bot")
    told = answer(ask("--by", "bot", "--json"))
    assert (told["records"], told["ungrouped"]) == (101, 100)
    assert "No matching" not in ask("--by", "vhost")


def test_a_folder_that_is_named_twice_is_asked_once(ask, state: Path) -> None:
    assert answer(ask("--state-dir", f"{state}/.", "--json"))["records"] == 101


def test_files_have_all_rows(ask, state: Path) -> None:
    many = b"".join(line(BASE, request=f"GET /{i} HTTP/1.1") for i in range(50))
    keep(state, "monitor-5", many, "/var/log/e.log")
    rows = ask("--by", "path", "-f", "e.log", "--csv").splitlines()
    assert len(rows) == 51
    assert "… 30 more (see --limit)" in ask("--by", "path", "-f", "e.log")
    text = ask("--by", "path", "-f", "e.log", "-o", "-")
    assert "… 30 more" in text


def test_what_a_monitor_had_not_read_yet_is_unknown_and_not_nothing(ask, state: Path) -> None:
    write_reached(state / f"monitor-1{SUFFIX}", BASE + 101)
    told = answer(
        ask("--since", "2026-09-21T14:14", "--until", "2026-09-21T14:20", "--step", "1m", "--json")
    )
    assert [row["time"][14:16] for row in told["rows"]] == ["14", "15"]  # type: ignore[attr-defined]
    assert told["missing"] == "no data after 2026-09-21 14:15:01 UTC"
    paris = ask(
        "--since", "2026-09-21T16:00", "--until", "2026-09-21T18:00", "--timezone", "Europe/Paris"
    )
    assert (
        "no data before 2026-09-21 16:13:20 CEST; no data after 2026-09-21 16:15:01 CEST" in paris
    )


def test_ordinals_that_are_missing_are_told(ask, state: Path) -> None:
    folder = state / f"monitor-6{SUFFIX}"
    batch = with_source(decode(line(BASE) * 2).batch, "/var/log/f.log")
    SegmentFolder(folder).write(0, batch)
    SegmentFolder(folder).write(7, batch)
    write_about(folder, About(("/var/log/f.log",)))
    assert str(answer(ask("-f", "f.log", "--json"))["missing"]).startswith("5 requests between")
    assert run("report", "--history", "f.log", "--state-dir", state, "-o", state / "r.json") == 0
    (source,) = json.loads((state / "r.json").read_text())["sources"]
    assert source["trouble"].startswith("5 requests between")


def test_a_log_in_several_histories_is_named_however_it_is_called(
    ask, state: Path, tmp_path: Path
) -> None:
    """With what to do."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "link.log").symlink_to(tmp_path / "logs" / "x.log")
    for number, name in enumerate(["x.log", "../link.log", str(tmp_path / "logs" / "x.log")], 2):
        keep(state, f"monitor-{number}", LOG, name)
        about = About((name,), folder=str(tmp_path / "logs"))
        write_about(state / f"monitor-{number}{SUFFIX}", about)
    missing = str(answer(ask("--json"))["missing"])
    folders = " or ".join(str(state / f"monitor-{number}{SUFFIX}") for number in (2, 3, 4))
    assert missing == (
        f"{tmp_path}/logs/x.log is in 3 histories with requests of the same time, which may be "
        f"counted twice; to keep one, delete {folders}"
    )


def test_a_log_that_is_read_no_more_is_named(ask, state: Path) -> None:
    keep(state, "monitor-2", LOG, "/var/log/b.log")
    write_reached(state / f"monitor-1{SUFFIX}", BASE + 4000)
    write_reached(state / f"monitor-2{SUFFIX}", BASE + 101)
    told = answer(ask("source = '/var/log/b.log'", "--json"))
    assert (told["records"], told["missing"]) == (101, None)
    since = "2026-09-21T15:03:20Z"
    missing = answer(ask("source = '/var/log/b.log'", "--since", since, "--json"))["missing"]
    assert isinstance(missing, str)
    assert missing.endswith("are missing (/var/log/b.log was not read then)")
    # Another monitor follows it now, with others.
    write_about(state / f"monitor-1{SUFFIX}", About(("/var/log/a.log", "/var/log/b.log")))
    assert "was not read" not in str(answer(ask("--since", since, "--json"))["missing"])


def test_tables_fit_a_terminal(ask) -> None:
    told = answer(ask("--by", "agent", "--json"))
    table = pa.table({"agent": ["x" * 300], "hits": [3]})
    kept = Answer(table=table, total={"hits": 3}, groups=1, records=3)
    question = Query(by=("agent",))
    assert max(map(len, answer_text(kept, question, Look(width=80)).splitlines())) <= 80
    assert max(map(len, answer_text(kept, question).splitlines())) > 300
    assert told["groups"]


def test_a_series_has_every_step(ask) -> None:
    told = answer(ask("status = 404 or status = 503", "--step", "20s", "--json"))
    assert [(row["time"][14:19], row["hits"]) for row in told["rows"]] == [  # type: ignore[attr-defined]
        ("13:20", 10), ("13:40", 0), ("14:00", 0), ("14:20", 0), ("14:40", 0), ("15:00", 1),
    ]  # fmt: skip


def test_a_series_is_bars_or_a_chart_and_of_groups_small_ones(ask) -> None:
    bars = ask("--step", "20s")
    assert "2026-09-21 14:13:20    30" in bars
    assert bars.count("█") > 100
    chart = ask("--step", "1s")
    lines = chart.splitlines()
    assert lines[0] == "hits per second; each column shows the highest of 2 steps"
    assert lines[1].startswith("      2┤█")
    assert "14:14:00" in lines[9]
    assert "└" in lines[9]
    small = ask("--step", "5s", "--by", "section")
    assert small.splitlines()[2].split()[0] == "/a"
    assert "▏" in small
    assert " 14:14 " in small.splitlines()[-2]


def test_the_requests_themselves_newest_first_in_pages(ask) -> None:
    told = ask("--records", "--limit", "1")
    assert told.splitlines()[2].split() == [
        "2026-09-21", "14:15:00", "404", "GET", "/c?q=1", "h3", "512", "B",
    ]  # fmt: skip
    page = answer(ask("status = 503", "--records", "--limit", "2", "--offset", "8", "--json"))
    assert [row["time"][14:19] for row in page["rows"]] == ["13:21", "13:20"]  # type: ignore[attr-defined]
    assert {row["source"] for row in page["rows"]} == {"/var/log/a.log"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["hits", "timed", "p99.9", "under_300ms", "Under_1s"])
def test_a_kept_field_is_not_called_as_a_measure(name: str) -> None:
    with pytest.raises(UsageError, match=f"--keep {name}: a measure of queries has this name"):
        check_kept([name])
    check_kept(["under_load", "p", "time_taken"])


def test_names_that_differ_in_capitals_are_of_one_field(ask, state: Path, capsys) -> None:
    for number, name in (("6", "Cache"), ("7", "cache")):
        folder = state / f"monitor-{number}{SUFFIX}"
        batch = with_source(with_kept(decode(LOG).batch, [name]), f"/var/log/{name}.log")
        at = batch.schema.get_field_index(name)
        hit = pa.array(["HIT"] * batch.num_rows).dictionary_encode()
        SegmentFolder(folder).write(0, batch.set_column(at, batch.schema.field(at), hit))
        write_about(folder, About((f"/var/log/{name}.log",), (name,)))
    for name in ("cache", "Cache"):
        told = answer(ask(f"{name} = 'HIT'", "--by", name, "--json"))
        assert (told["records"], told["ungrouped"]) == (202, 0)
    asked = "select count(*) as n, count(distinct cache) from log where cache = 'HIT'"
    assert run("sql", "--history", "--state-dir", state, asked, "--output-format", "csv") == 0
    assert capsys.readouterr().out.splitlines()[1] == "202,1"


def test_a_report_leaves_out_a_field_that_is_called_as_its_panels(state: Path, capsys) -> None:
    keep(state, "monitor-8", LOG, "/var/log/h.log")
    write_about(state / f"monitor-8{SUFFIX}", About(("/var/log/h.log",), ("bandwidth",)))
    asked = ("report", "--history", "--state-dir", state, "-o", state / "x.json")
    assert run(*asked) == 0
    assert "bandwidth: left out, because a panel of the report has this" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("report",), ("sql", "x.log", "select 1 from log")])
def test_a_folder_of_state_that_is_not_read_is_told(
    state: Path, capsys, command: tuple[str, ...]
) -> None:
    assert run(*command, "--state-dir", state) == 2
    assert "--state-dir: needs --history" in capsys.readouterr().err


def test_pages_of_requests_say_that_there_are_more(ask, tmp_path: Path, capsys) -> None:
    assert "… more (see --limit, --offset)" in ask("--records", "--limit", "3")
    assert "… more" not in ask("--records", "--limit", "101")
    assert run("query", "--state-dir", tmp_path, "--records", "--offset", "500") == 0
    assert "No more matching requests" in capsys.readouterr().err
    file = tmp_path / "x.csv"
    assert run("query", "--state-dir", tmp_path, "--records", "-o", file, "--limit", "7") == 0
    assert "the first 7 requests are written (--limit)" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("report",), ("sql", "select 1 from log")])
@pytest.mark.parametrize("option", [("--keep", "cache"), ("--format", "json")])
def test_how_lines_are_read_is_no_matter_of_a_history(
    state: Path, capsys, command: tuple[str, ...], option: tuple[str, ...]
) -> None:
    assert run(*command, "--history", "--state-dir", state, *option) == 2
    assert f"{option[0]}: cannot be combined with --history" in capsys.readouterr().err


def test_as_csv_and_parquet_and_into_files(ask, tmp_path: Path) -> None:
    rows = list(csv.reader(io.StringIO(ask("--by", "section", "--measures", "hits,p95", "--csv"))))
    assert rows == [["section", "hits", "p95"], ["/a", "90", ""], ["/b", "10", ""], ["/c", "1", ""]]
    ask("--by", "section", "-o", str(tmp_path / "x.parquet"))
    table = parquet.read_table(tmp_path / "x.parquet")
    assert table.column("hits").to_pylist() == [90, 10, 1]
    ask("--by", "section", "-o", str(tmp_path / "x.json"))
    assert answer((tmp_path / "x.json").read_text())["groups"] == 3


def test_two_monitors_are_asked_as_one_or_by_the_log_that_they_follow(ask, state: Path) -> None:
    keep(state, "monitor-2", line(BASE, size=7) * 5, "/var/log/b.log")
    both = answer(ask("--by", "source", "--json"))
    assert {row["source"]: row["hits"] for row in both["rows"]} == {  # type: ignore[attr-defined]
        "/var/log/a.log": 101,
        "/var/log/b.log": 5,
    }
    elsewhere = state / "elsewhere"
    keep(elsewhere, "monitor-3", line(BASE, size=7) * 2, "/var/log/c.log")
    several = answer(ask("--state-dir", str(elsewhere), "--json"))
    assert several["total"]["hits"] == 108  # type: ignore[index]
    one = answer(ask("-f", "/var/log/b.log", "--json"))
    assert one["total"]["hits"] == 5  # type: ignore[index]


def test_fields_that_were_kept_are_fields_of_the_history(ask, state: Path) -> None:
    folder = state / f"monitor-4{SUFFIX}"
    batch = with_source(with_kept(decode(LOG).batch, ["X-Cache"]), "/var/log/d.log")
    caches = pa.array(["HIT", "MISS", None] * 40)[: batch.num_rows].dictionary_encode()
    at = batch.schema.get_field_index("X-Cache")
    SegmentFolder(folder).write(0, batch.set_column(at, batch.schema.field(at), caches))
    write_about(folder, About(("/var/log/d.log",), ("X-Cache",)))
    told = answer(ask("\"X-Cache\" = 'HIT' and status = 200", "--by", "X-Cache,section", "--json"))
    assert told["rows"][0]["X-Cache"] == "HIT"  # type: ignore[index]
    assert told["total"]["hits"] == 30  # type: ignore[index]
    both = answer(ask("--by", "source", "--json", '"X-Cache" is null'))
    assert {row["source"]: row["hits"] for row in both["rows"]} == {  # type: ignore[attr-defined]
        "/var/log/a.log": 101,  # it was not kept there
        "/var/log/d.log": 33,
    }
    out = state / "r.json"
    assert run("report", "--history", "--state-dir", state, "-o", out) == 0
    assert json.loads(out.read_text())["panels"]["X-Cache"]["rows"][0]["name"] == "HIT"


def test_what_there_is_instead_is_said_where_there_is_nothing(
    ask, capsys: pytest.CaptureFixture[str], state: Path
) -> None:
    assert run("query", "--state-dir", str(state), "--last", "1h") == 0
    told = capsys.readouterr()
    assert "The history covers 2026-09-21 14:13:20 UTC to 2026-09-21 14:15:00 UTC" in told.err


def test_a_damaged_part_is_named_and_the_rest_is_told(ask, state: Path) -> None:
    segment = min((state / f"monitor-1{SUFFIX}").glob("*.arrow"))
    segment.write_bytes(segment.read_bytes()[:-100])
    told = answer(ask("--json"))
    assert told["total"]["hits"] == 51  # type: ignore[index]
    assert segment.name in str(told["missing"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "pth"], "unknown field 'pth' (did you mean 'path'?); known: section, path"),
        (["--by", "path,host,section"], "at most two fields"),
        (["--measures", "hits,foo"], "unknown measure 'foo'; known: hits, rate"),
        (
            ["--measures", "under_300"],
            "must end in a response time, such as under_300ms, under_2.5s",
        ),
        (["--sort", "under_"], "measure 'under_': must end in a response time"),
        (
            ["--measures", "under300ms"],
            "unknown measure 'under300ms' (did you mean 'under_300ms'?)",
        ),
        (["stats > 3"], "--where stats > 3: "),
        (["status"], "must be a condition, such as status >= 500"),
        (["--last", "1 year"], "--last 1 year: must be a duration such as 30s"),
        (["--last", "1h", "--since", "1h"], "cannot be combined with --since or --until"),
        (["--since", "1h", "--until", "2h"], "--since 1h: is not before --until 2h"),
        (["--records", "--by", "path"], "--records: cannot be combined with --by"),
        (["--offset", "3"], "--offset: needs --records"),
        (["--parquet"], "--parquet: needs -o FILE"),
        (["-o", "x.foo"], "must end in .json, .csv, .txt or .parquet"),
        (["--step", "1s", "--since", "2020-01-01"], "too short for this time span"),
        (["--limit", "0"], "limit 0: must be from 1"),
        (["--measures", ""], "name at least one measure"),
        (["--last", "5"], "needs a unit, such as 5s"),
        (["--by", "path,path"], "the same field twice"),
        (["--by", ","], "--by: name a field"),
        (["--step", "1m", "--limit", "3"], "--limit: needs --by or --records"),
        (["status > 3", "--where", "status > 4"], "two conditions given; join them with AND"),
        (["status >= 500 --by path"], "contains a comment (--); check the closing quote"),
        (['path = "/login"'], "put text in single quotes: '/login'"),
        (["ip = '::1'"], "no column 'ip' (did you mean 'host'?)"),
        (["status in (500,502"], "incomplete, or a bracket or quote is missing"),
        (["status = '5xx'"], "--where status = '5xx': status is a number: use status"),
        (["--csv", "--json"], "cannot be combined with --csv"),
        (["-f", "other.log"], "no history of other.log here, only of /var/log/a.log"),
    ],
)
def test_mistakes_are_named(ask, arguments: list[str], said: str) -> None:
    assert said in ask(*arguments, status=1 if "-f" in arguments else 2)


def test_a_folder_without_a_history_is_named(tmp_path: Path, capsys) -> None:
    assert run("query", "--state-dir", str(tmp_path)) == 1
    assert (
        "no history here; a monitor that follows files writes one with --state-dir"
        in capsys.readouterr().err
    )
    assert run("query", "--state-dir", str(tmp_path / "none")) == 1
    assert "pass the --state-dir of a monitor" in capsys.readouterr().err


def test_hostile_names_are_harmless(ask, state: Path) -> None:
    bad = line(BASE, request="GET /\\x1b[31m=1+1 HTTP/1.1", host="=cmd()")
    keep(state, "monitor-3", bad * 3, "/var/log/\x1b[2J.log")
    text = ask("--by", "host,source", "-f", "/var/log/\x1b[2J.log")
    assert "\x1b" not in text
    assert "'=cmd()" in ask("--by", "host", "--csv")


def test_the_help_names_all_dimensions() -> None:
    assert tuple(one.name for one in DIMENSIONS) == BY


def test_report_and_sql_read_it_in_place_of_logs(state: Path, capsys, tmp_path: Path) -> None:
    folder = ["--history", "--state-dir", str(state)]
    log = tmp_path / "a.log"
    log.write_bytes(LOG)
    out = tmp_path / "of_history.json"
    assert run("report", *folder, "-o", str(out)) == 0
    of_logs = tmp_path / "of_logs.json"
    assert run("report", str(log), "-o", str(of_logs)) == 0
    one, other = json.loads(out.read_text()), json.loads(of_logs.read_text())
    for told in (one, other):
        (source,) = told.pop("sources")
        told["lines_read"] = source["lines"]
    assert one == other
    capsys.readouterr()
    sql = [
        "sql",
        *folder,
        "select source, count(*) n from log group by 1",
        "--output-format",
        "csv",
    ]
    assert run(*sql) == 0
    assert capsys.readouterr().out == "source,n\r\n/var/log/a.log,101\r\n"
    parquet_file = tmp_path / "x.parquet"
    assert run("report", *folder, "-o", str(parquet_file)) == 0
    assert parquet.read_table(parquet_file).num_rows == 101


def test_the_answers_are_those_of_a_report_on_the_same_log(ask, tmp_path: Path) -> None:
    log, out = tmp_path / "a.log", tmp_path / "r.json"
    log.write_bytes(LOG)
    assert run("report", str(log), "-o", str(out)) == 0
    panels = json.loads(out.read_text())["panels"]
    for by in ("section", "path", "host", "bot"):
        rows = answer(ask("--by", by, "--json"))["rows"]
        assert [(row[by], row["hits"], row["bytes"], row["errors"]) for row in rows] == [  # type: ignore[attr-defined]
            (row["name"], row["hits"], row["bytes"], row["errors"])
            for row in panels[f"{by}s"]["rows"]
        ]
