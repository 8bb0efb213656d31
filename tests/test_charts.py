"""The charts of the benchmarks: any measured numbers make a picture."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.charts import Chart, picture

AMOUNTS = st.floats(1e-3, 1e9)


@given(st.lists(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=6), max_size=7))
def test_all_points_are_inside_the_picture(measured: list[list[tuple[float, float]]]) -> None:
    charts = [Chart("a < b", "lines & files", "s", sorted(points)) for points in measured]
    drawn = ET.fromstring(picture(charts))
    circles = [one for one in drawn.iter() if one.tag.endswith("circle")]
    assert len(circles) == sum(map(len, measured))
    for one in circles:
        assert 52 <= float(one.attrib["cx"]) <= 286
        assert 34 <= float(one.attrib["cy"]) <= 170


def test_what_grows_as_the_work_does_lies_on_the_dotted_line() -> None:
    drawn = picture([Chart("a", "b", "c", [(1, 2), (10, 20), (100, 200)])])
    dotted, line = re.findall(r'd="M([^"]+)"', drawn)
    begin, end = (tuple(map(float, at.split(","))) for at in dotted.split(" L"))
    for at in line.split(" L"):
        x, y = map(float, at.split(","))
        on_it = begin[1] + (x - begin[0]) / (end[0] - begin[0]) * (end[1] - begin[1])
        assert abs(y - on_it) < 0.2
