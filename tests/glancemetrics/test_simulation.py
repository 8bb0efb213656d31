"""Made-up traffic is realistic, parses, and is the same for the same seed."""

from __future__ import annotations

from collections import Counter

import pytest

from glancemetrics.formats.combined import decode
from glancemetrics.records.schema import rows
from glancemetrics.simulation import Shape, Spike, Traffic
from tests.glancemetrics.reference import failed, section
from tests.lines import BASE


def lines(
    count: int = 20_000, *, shape: Shape | None = None, seed: int = 1, **options: bool
) -> bytes:
    traffic = Traffic(shape or Shape(1000), seed=seed, **options)
    return b"".join(traffic.seconds(BASE, count))


def test_the_same_seed_gives_the_same_lines() -> None:
    assert lines(500) == lines(500)
    assert lines(500) != lines(500, seed=2)


@pytest.mark.parametrize("combined", [True, False])
def test_every_line_is_a_record(combined: bool) -> None:
    decoded = decode(lines(combined=combined))
    assert (decoded.lines, decoded.rejects) == (20_000, 0)
    assert decoded.format == ("combined" if combined else "common")


def test_response_times_are_added_to_the_same_lines() -> None:
    timed = lines(500, timed=True).splitlines()
    assert [line.rpartition(b" ")[0] for line in timed] == lines(500).splitlines()
    shape = Shape(1000, error_spikes=(Spike(0, 60, 0.5),))
    durations: dict[bool, list[float]] = {True: [], False: []}
    for line in lines(shape=shape, timed=True).splitlines():
        durations[b'" 50' in line].append(float(line.rpartition(b" ")[2]))
    median = {key: sorted(values)[len(values) // 2] for key, values in durations.items()}
    assert 0.005 < median[False] < 0.1
    assert median[True] > 5 * median[False]


def test_it_looks_like_a_web_site() -> None:
    records = rows(decode(lines()).batch)
    paths = Counter(record.path for record in records).most_common()
    assert paths[0][1] > 5 * paths[20][1] > 0
    assert len(paths) > 500
    visits = Counter((record.host, record.agent) for record in records)
    assert 2000 < len(visits) < 15_000
    assert max(visits.values()) > 50
    assert {"/products", "/blog", "/static"} <= {section(record) for record in records}
    assert 0.005 < sum(map(failed, records)) / len(records) < 0.1
    assert {200, 301, 304, 404, 500} <= {record.status for record in records}


def test_spikes_raise_the_rate_and_the_errors_while_they_last() -> None:
    shape = Shape(100, spikes=(Spike(10, 5, 900),), error_spikes=(Spike(20, 5, 0.5),))
    records = rows(decode(lines(7000, shape=shape)).batch)
    by_second = Counter(int(r.time.timestamp()) - BASE for r in records)
    assert all(700 < by_second[second] < 1200 for second in range(10, 15))
    assert all(60 < by_second[second] < 150 for second in (5, 9, 15, 16))
    errors = [r for r in records if r.status and r.status >= 500]
    bad = Counter(int(r.time.timestamp()) - BASE for r in errors)
    assert all(bad[second] > 25 for second in range(20, 25))
    assert bad[26] < 10


def test_the_rate_swings_over_the_day() -> None:
    shape = Shape(1000, swing=0.5)
    day = BASE - BASE % 86_400
    assert shape.rate_at(0, day + 15 * 3600) == pytest.approx(1500)
    assert shape.rate_at(0, day + 3 * 3600) == pytest.approx(500)
