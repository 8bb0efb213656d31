"""Every number of a report equals that of a count row by row."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glancemetrics.errors import UsageError
from glancemetrics.records.schema import SCHEMA, TEXT, LogRecord, rows, with_kept
from glancemetrics.reporting import report as report_module
from glancemetrics.reporting.html import to_html
from glancemetrics.reporting.panel_names import PANEL_NAMES, TITLES, Order
from glancemetrics.reporting.panels import PANELS
from glancemetrics.reporting.report import Panel, Report, ReportOptions, more_text
from glancemetrics.simulation import Shape, Spike, Traffic
from tests.glancemetrics.reporting.making import batches_of, numbers, report_of
from tests.glancemetrics.reporting.reference import KEYS, counts, path, quantile, visitor
from tests.lines import BASE, line

TRAFFIC = Shape(0.05, error_spikes=(Spike(20_000, 50_000, 0.3),), visitors=300, paths=200)


def assert_right(report: Report, records: list[LogRecord]) -> None:
    assert report.hits == len(records)
    assert report.bytes == sum(record.bytes or 0 for record in records)
    assert report.visitors == len({visitor(record) for record in records})
    for name, key in KEYS.items():
        expected = counts(records, key)
        if expected:
            assert numbers(report.panel(name)) == expected, name
        else:
            assert name in report.left_out


def test_every_panel_of_made_up_traffic_is_right() -> None:
    log = b"".join(Traffic(TRAFFIC, seed=3).seconds(BASE, 20_000))
    batches = batches_of(log)
    records = [record for batch in batches for record in rows(batch)]
    assert_right(report_of(batches), records)


PATHS = st.sampled_from(
    ["/", "/a", "/a/b.css", "/a/c.PNG", "/ü/x", "/a b", "/long" * 200, "//", "*"]
)
HOSTS = st.sampled_from(
    ["203.0.113.7", "203.0.113.9", "198.51.100.1", "2001:db8:1:2::1", "2001:DB8:1:0:0:0:0:5"]
    + ["::1", "host.example", "unix:", "-", "2001:db8:0:9::"]
)
REFERRERS = st.sampled_from(
    [
        "-",
        "",
        "https://Example.com:443/a?b",
        "http://x.org",
        "https://u:p@x.org/",
        "android-app://a",
        "x",
    ]
)


@st.composite
def log_lines(draw: st.DrawFn) -> bytes:
    target = draw(PATHS)
    request = draw(
        st.sampled_from([f"GET {target} HTTP/1.1", f"POST {target}?q=1 HTTP/2.0", "\\x16", "-"])
        | st.just(f"GET http://shop.example{target} HTTP/1.1")
    )
    return line(
        BASE + draw(st.integers(-400_000, 400_000)),
        host=draw(HOSTS),
        user=draw(st.sampled_from(["-", "alice"])),
        request=request,
        status=draw(st.sampled_from([200, 204, 304, 404, 500, 503, 600, "000", "-"])),
        size=draw(st.sampled_from(["-", 0, 512, 10**12])),
        referrer=draw(REFERRERS),
        agent=draw(st.sampled_from(["-", "curl/8.5.0", "Mozilla/5.0 (X11)"])),
    )


@given(st.lists(log_lines(), min_size=1, max_size=40), st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_every_panel_of_any_log_is_right(lines: list[bytes], lines_each: int) -> None:
    batches = batches_of(b"".join(lines), lines_each)
    records = [record for batch in batches for record in rows(batch)]
    report = report_of(batches)
    assert report.visitors == len({visitor(record) for record in records})
    for name, key in KEYS.items():
        if name in ("time", "paths", "not_found", "server_errors", "static_files", "bandwidth"):
            continue  # names are cut at 512 characters, steps differ; looked at elsewhere
        expected = counts(records, key)
        assert numbers(report.panel(name)) == expected if expected else name in report.left_out


def test_an_unordered_log_gives_the_same_report() -> None:
    lines = b"".join(Traffic(TRAFFIC, seed=3).seconds(BASE, 5000)).splitlines(keepends=True)
    shuffled = lines.copy()
    random.Random(1).shuffle(shuffled)
    ordered, mixed = (report_of(batches_of(b"".join(some))) for some in (lines, shuffled))
    for panel in ordered.panels:
        assert numbers(mixed.panel(panel.name)) == numbers(panel)


@pytest.mark.parametrize("length", [500, 512, 2000])
def test_long_paths_have_their_referrers(length: int) -> None:
    log = line(
        request=f"GET /{'x' * (length - 1)} HTTP/1.1",
        status=404,
        referrer=f"http://{'r' * length}/",
    )
    (missing,) = report_of(batches_of(log)).panel("not_found").rows
    (referrer,) = missing.rows
    assert (missing.hits, referrer.hits) == (1, 1)
    assert referrer.name.startswith("http://rrr")


def test_bars_show_what_rows_are_sorted_by() -> None:
    log = line(size=10) * 4 + line(request="GET /large HTTP/1.1", size=400)
    report = report_of(batches_of(log))
    assert [(row.name, row.hits, row.bytes) for row in report.panel("bandwidth").rows] == [
        ("/large", 1, 400),
        ("/pages/create", 4, 40),
    ]
    assert report.panel("bandwidth").bars() == [1, 0.1]
    assert report.panel("paths").bars() == [1, 0.25]
    # There are no response times.
    assert report_of(batches_of(log), order=Order.P95).panel("paths").bars() == [1, 0.25]


def test_details_stand_under_their_row() -> None:
    log = (
        line(status=404, referrer="http://a/") * 3
        + line(status=404, referrer="http://b/")
        + line(status=404)
        + line(status=403)
        + line(status=200)
    )
    report = report_of(batches_of(log))
    (missing,) = report.panel("not_found").rows
    assert (missing.hits, [(row.name, row.hits) for row in missing.rows]) == (
        5,
        [("http://a/", 3), ("http://b/", 1)],
    )
    classes = {
        row.name: [(r.name, r.hits) for r in row.rows] for row in report.panel("status").rows
    }
    assert classes == {"4xx": [("404", 5), ("403", 1)], "2xx": [("200", 1)]}
    (network,) = report.panel("networks").rows
    assert [row.name for row in network.rows] == ["203.0.113.7"]


def test_details_that_tie_stand_in_the_order_of_their_names() -> None:
    lines = [line(host=f"203.0.113.{number}") for number in range(12)]
    hosts = []
    for some in (lines, lines[::-1]):
        (network,) = report_of(batches_of(b"".join(some))).panel("networks").rows
        hosts.append([row.name for row in network.rows])
    assert hosts[0] == hosts[1]
    assert hosts[0] == sorted(hosts[0])


def test_every_panel_has_a_title_and_stands_in_that_order() -> None:
    assert [spec.name for spec in PANELS] == list(TITLES)


def test_a_value_named_other_is_one_as_any() -> None:
    log = line(user="(other)") * 2 + line(user="ann") + line(user="bob") * 3
    users = report_of(batches_of(log)).panel("users")
    assert [(row.name, row.hits, row.visitors) for row in users.rows] == [
        ("bob", 3, 1),
        ("(other)", 2, 1),
        ("ann", 1, 1),
    ]
    assert users.distinct == 3


AGENTS = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36": ("Chrome", "Windows", "Desktop", None),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.5 Mobile/15E148 Safari/604.1": ("Mobile Safari", "iOS", "iPhone", None),
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": (
        *("Googlebot", None, None),
        "Googlebot",
    ),
    "curl/8.5.0": ("curl", "(unknown)", "(unknown)", None),
}


def test_agents_are_told_apart_and_bots_from_people() -> None:
    log = b"".join(line(agent=agent) for agent in AGENTS)
    report = report_of(batches_of(log))
    people = [kinds for kinds in AGENTS.values() if kinds[3] is None]
    for name, place in (("browsers", 0), ("operating_systems", 1), ("devices", 2)):
        assert {row.name for row in report.panel(name).rows} == {kinds[place] for kinds in people}
    assert [(row.name, row.hits) for row in report.panel("bots").rows] == [("Googlebot", 1)]
    chrome = next(row for row in report.panel("browsers").rows if row.name == "Chrome")
    assert [row.name for row in chrome.rows] == ["Chrome 126"]


def with_durations(records: int = 5000) -> pa.RecordBatch:
    chance = random.Random(5)
    template = rows(batches_of(line())[0])[0]
    made = [
        {
            "time": datetime.fromtimestamp(BASE + i, UTC),
            "host": template.host,
            "method": "GET",
            "path": chance.choice(["/fast", "/slow", "/none", "/instant"]),
            "status": 200,
            "bytes": 1,
            "agent": "x",
        }
        for i in range(records)
    ]
    for row in made:
        match row["path"]:
            case "/fast":
                row["duration"] = chance.lognormvariate(-4, 1)
            case "/slow":
                row["duration"] = chance.lognormvariate(1, 2)
            case "/instant":
                row["duration"] = 0.0
    return pa.RecordBatch.from_pylist(made, schema=SCHEMA)


def test_durations_are_right_to_one_percent() -> None:
    batch = with_durations()
    report = report_of([batch.slice(0, 2000), batch.slice(2000)])
    of: dict[str, list[float]] = defaultdict(list)
    for record in rows(batch):
        if record.duration is not None:
            of[path(record)].append(record.duration)
    shown = {row.name: row for row in report.panel("slowest_paths").rows}
    assert [row.name for row in report.panel("slowest_paths").rows][:2] == ["/slow", "/fast"]
    for name, durations in of.items():
        row = shown[name]
        assert row.total_time == pytest.approx(sum(durations), rel=1e-4, abs=1e-6)
        for share, shown_quantile in ((0.5, row.p50), (0.95, row.p95), (0.99, row.p99)):
            expected = quantile(durations, share)
            assert shown_quantile == pytest.approx(expected, rel=0.0101, abs=1e-6)
    assert shown["/none"].p95 is None
    by_p95 = report_of([batch], order=Order.P95).panel("paths").rows
    assert [row.name for row in by_p95] == ["/slow", "/fast", "/instant", "/none"]


def test_without_durations_the_slowest_are_left_out_with_the_reason() -> None:
    report = report_of(batches_of(line()))
    assert report.left_out["slowest_paths"] == "no response times in the log"
    assert report.left_out["users"] == "no request was authenticated"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.HITS, ["/a", "/b", "/c"]),
        (Order.BYTES, ["/c", "/b", "/a"]),
        (Order.ERRORS, ["/b", "/a", "/c"]),
        (Order.VISITORS, ["/c", "/a", "/b"]),
    ],
)
def test_rows_are_in_the_order_asked_for(order: Order, expected: list[str]) -> None:
    log = (
        line(request="GET /a HTTP/1.1", size=1) * 4
        + line(request="GET /b HTTP/1.1", size=9, status=500) * 3
        + line(request="GET /c HTTP/1.1", size=90, host="10.0.0.1")
        + line(request="GET /c HTTP/1.1", size=90, host="10.0.0.2")
    )
    report = report_of(batches_of(log), order=order, top=3)
    assert [row.name for row in report.panel("paths").rows] == expected
    top = report_of(batches_of(log), order=order, top=1).panel("paths")
    assert ([row.name for row in top.rows], top.distinct) == (expected[:1], 3)


@pytest.mark.parametrize("order", list(Order))
@given(st.lists(log_lines(), min_size=1, max_size=30), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_few_of_many_groups_are_counted_in_full_and_right(
    order: Order, lines: list[bytes], top: int
) -> None:
    batches = batches_of(b"".join(lines))
    expected = report_of(batches, order=order, top=top)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(report_module, "_MANY_GROUPS", 1)
        assert report_of(batches, order=order, top=top).panels == expected.panels


def test_days_and_hours_are_those_of_the_zone() -> None:
    moment = int(datetime(2026, 3, 29, 0, 30, tzinfo=UTC).timestamp())  # an hour before summer time
    log = b"".join(line(moment + 3600 * i) for i in range(3))
    report = report_of(batches_of(log), zone=ZoneInfo("Europe/Paris"))
    assert [row.name for row in report.panel("hours_of_day").rows] == ["01", "03", "04"]
    late = line(int(datetime(2026, 6, 1, 22, 30, tzinfo=UTC).timestamp()))
    report = report_of(batches_of(late), zone=ZoneInfo("Europe/Paris"))
    assert [row.name for row in report.panel("weekdays").rows] == ["Tuesday"]


@pytest.mark.parametrize(
    ("span", "step", "first", "count"),
    [
        (timedelta(minutes=90), 60, "2026-01-05 00:00", 91),
        (timedelta(hours=12), 600, "2026-01-05 00:00", 73),
        (timedelta(days=4), 3600, "2026-01-05 00:00", 97),
        (timedelta(days=30), 21_600, "2026-01-05 00:00", 121),
        (timedelta(days=100), 86_400, "2026-01-05", 101),
        (timedelta(days=700), 604_800, "2026-01-05", 101),
        (timedelta(days=3000), 0, "2026-01", 100),
    ],
)
def test_steps_over_time_fit_the_span(span: timedelta, step: int, first: str, count: int) -> None:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    seconds = range(0, int(span.total_seconds()) + 1, 60 if span < timedelta(days=1) else 3600)
    log = b"".join(line(int(start.timestamp()) + second) for second in seconds)
    report = report_of(batches_of(log, 10_000))
    panel = report.panel("time")
    assert (report.time_step, panel.rows[0].name) == (step, first)
    assert abs(len(panel.rows) - count) <= 1
    assert sum(row.hits for row in panel.rows) == len(seconds)


def test_a_log_without_records_has_a_report_that_says_so() -> None:
    report = report_of([])
    assert (report.hits, report.visitors, report.start, report.panels) == (0, 0, None, ())
    assert set(report.left_out.values()) == {"no records"}


def test_a_field_that_is_kept_has_a_panel_behind_the_others() -> None:
    plain = batches_of(line(size=1) * 3 + line(size=10, host="192.0.2.9", status=500))
    states = pa.array(["HIT", "HIT", None, "<b>"]).dictionary_encode()
    kept = [
        plain[0].append_column(pa.field("cache", TEXT), states),
        with_kept(plain[0], ["cache"]),
    ]
    panels = frozenset((*PANEL_NAMES, "cache", "nothing"))
    report = report_of(kept, kept=("cache", "nothing"), panels=panels)
    assert numbers(report.panels[-1]) == {"HIT": (2, 1, 2, 0), "<b>": (1, 1, 10, 1)}
    assert (report.panels[-1].name, report.panels[-1].title) == ("cache", "cache")
    assert report.left_out["nothing"] == "no counted request has this field"
    others = report_of([plain[0], plain[0]])
    assert report.panels[:-1] == others.panels


def test_names_of_fields_are_escaped_in_a_page() -> None:
    name = "<b>&é x"
    batch = batches_of(line())[0]
    batch = batch.append_column(pa.field(name, TEXT), pa.array(["y"]).dictionary_encode())
    page = to_html(report_of([batch], kept=(name,), panels=frozenset([name])), BASE)
    assert "<b>" not in page
    assert 'id="&lt;b&gt;&amp;' in page
    assert 'href="#%3Cb%3E%26%C3%A9%20x"' in page


def test_no_field_is_kept_that_is_called_as_a_panel_is() -> None:
    with pytest.raises(UsageError, match="--keep not_found: a panel"):
        ReportOptions(kept=("not_found",))


def test_rows_that_were_let_go_are_not_counted_as_if_there_were_none() -> None:
    """Over the memory limit, 1,200,000 URLs were `176,202 more URLs`."""
    whole = Panel("paths", "URLs", (), 3, "URL")
    assert more_text(whole, 3) == "3 more URLs"
    assert more_text(attrs.evolve(whole, short=8), 3) == "at least 3 more URLs"
