"""The same log through GoAccess: the numbers are equal, or differ as docs/how/goaccess.md says."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

import glancemetrics as gm
from tests.conftest import needs
from tests.test_corpora import corpus

pytestmark = pytest.mark.terminal

EVERYTHING = 1_000_000
Counts = tuple[int, int, int]
"""Hits, visitors, bytes."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus without its one line that is cut in the middle of the agent.

    GoAccess takes it for a request without an agent, we reject it.
    """
    lines = corpus("apache-combined-10k.log").read_bytes().splitlines(keepends=True)
    whole = [line for line in lines if line.count(b'"') % 2 == 0]
    assert len(lines) - len(whole) == 1
    path = tmp_path_factory.mktemp("goaccess") / "access.log"
    path.write_bytes(b"".join(whole))
    return path


def through_goaccess(log: Path) -> dict[str, Any]:
    needs("goaccess")
    out = log.with_suffix(".json")
    subprocess.run(
        [
            *("goaccess", str(log), "-o", str(out), "--log-format=COMBINED", "--no-progress"),
            # By default those who got a 4xx are no visitors; query strings are part of a URL.
            *("--no-global-config", "--4xx-to-unique-count", "--no-query-string"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return json.loads(out.read_text())


@pytest.fixture(scope="module")
def theirs(log: Path) -> dict[str, Any]:
    return through_goaccess(log)


@pytest.fixture(scope="module")
def ours(log: Path) -> gm.Report:
    return gm.report(log, top=EVERYTHING)


def goaccess(rows: list[dict[str, Any]]) -> dict[str, Counts]:
    return {
        row["data"]: (row["hits"]["count"], row["visitors"]["count"], row["bytes"]["count"])
        for row in rows
    }


def counts(panel: gm.Panel) -> dict[str, Counts]:
    return {row.name: (row.hits, row.visitors or 0, row.bytes) for row in panel.rows}


def test_totals(theirs: dict[str, Any], ours: gm.Report) -> None:
    general = theirs["general"]
    assert ours.hits == general["valid_requests"]
    assert ours.visitors == general["unique_visitors"]
    assert ours.bytes == general["bandwidth"]
    assert ours.rejects.count == general["failed_requests"] == 0


@pytest.mark.parametrize("name", ["hosts", "referring_sites"])
def test_panels_that_mean_the_same(name: str, theirs: dict[str, Any], ours: gm.Report) -> None:
    mine = counts(ours.panel(name))
    for key, values in goaccess(theirs[name]["data"]).items():
        assert mine[key] == values, key


@pytest.mark.parametrize(
    ("name", "panel"), [("not_found", "not_found"), ("referrers", "referrers")]
)
def test_hits_and_bytes_of_panels_whose_rows_it_divides(
    name: str, panel: str, theirs: dict[str, Any], ours: gm.Report
) -> None:
    """A row of GoAccess's is a URL with a method and a protocol; visitors cannot be added up."""
    expected: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in theirs[name]["data"]:
        # No referrer is none here; of Google's URLs it leaves out the search.
        if row["data"] != "-" and "google." not in row["data"]:
            expected[row["data"]][0] += row["hits"]["count"]
            expected[row["data"]][1] += row["bytes"]["count"]
    # It decodes what is percent-encoded, and cuts it at a line feed; we keep what was written.
    mine = {k: [v[0], v[2]] for k, v in counts(ours.panel(name)).items() if "%" not in k}
    alike = mine.keys() & expected.keys()
    assert len(alike) > 50
    assert all(mine[key] == expected[key] for key in alike if not key.endswith("-"))
    assert len(expected.keys() - mine.keys()) < 25


def test_hours(theirs: dict[str, Any], ours: gm.Report, log: Path) -> None:
    mine = counts(ours.panel("hours_of_day"))
    for hour, (hits, visitors, size) in goaccess(theirs["visit_time"]["data"]).items():
        assert (mine[hour][0], mine[hour][2]) == (hits, size)
        # GoAccess 1.7 misses a few where a visitor comes in several hours ...
        assert 0 <= mine[hour][1] - visitors <= 10
    # ... and none of them when it is given one hour of one day at a time.
    alone = 0
    for day in (17, 18, 19, 20):
        part = log.with_name(f"{day}.log")
        lines = log.read_bytes().splitlines(keepends=True)
        part.write_bytes(b"".join(line for line in lines if b"[%d/May/2015:17:" % day in line))
        alone += goaccess(through_goaccess(part)["visit_time"]["data"])["17"][1]
    assert mine["17"][1] == alone


def test_days(theirs: dict[str, Any], log: Path) -> None:
    for day, expected in goaccess(theirs["visitors"]["data"]).items():
        since = f"{day[:4]}-{day[4:6]}-{day[6:]}"
        until = f"{since}T23:59:59.999"
        report = gm.report(log, since=since, until=until, panels=["methods"])
        assert (report.hits, report.visitors, report.bytes) == expected


def test_status_codes(theirs: dict[str, Any], ours: gm.Report) -> None:
    classes = {row.name: row for row in ours.panel("status").rows}
    for group in theirs["status_codes"]["data"]:
        mine = classes[group["data"][:3]]
        hits, visitors, size = next(iter(goaccess([group]).values()))
        assert (mine.hits, mine.bytes) == (hits, size)
        # GoAccess adds up the visitors of the codes; who got a 200 and a 206 counts twice there.
        assert sum(row.visitors or 0 for row in mine.rows) == visitors
        codes = {name[:3]: values for name, values in goaccess(group["items"]).items()}
        assert {row.name: counts_of(row) for row in mine.rows} == codes


def counts_of(row: gm.Row) -> Counts:
    return row.hits, row.visitors or 0, row.bytes


def test_urls_without_those_not_found(theirs: dict[str, Any], log: Path) -> None:
    """GoAccess divides requests into 404s, static files and others, by method and protocol."""
    mine = counts(gm.report(log, where="status <> 404", top=EVERYTHING).panel("paths"))
    expected: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name in ("requests", "static_requests"):
        for row in theirs[name]["data"]:
            expected[row["data"]][0] += row["hits"]["count"]
            expected[row["data"]][1] += row["bytes"]["count"]
    decoded = {unquote(path): values for path, values in mine.items()}
    # It shows 366 rows of a panel; a URL of which it shows every method and protocol is equal.
    equal = sum(
        tuple(values) == (decoded[path][0], decoded[path][2]) for path, values in expected.items()
    )
    assert equal > 300
    for path, (hits, size) in expected.items():
        assert hits <= decoded[path][0]
        assert size <= decoded[path][2]


def test_people_and_bots_together_are_all(ours: gm.Report) -> None:
    """Browsers and systems are named by other lists than GoAccess's; together they are all."""
    for name in ("browsers", "operating_systems", "devices"):
        hits = sum(row.hits for row in ours.panel(name).rows)
        hits += sum(row.hits for row in ours.panel("bots").rows)
        assert hits == sum(row.hits for row in ours.panel("agents").rows)
