"""Axes of charts."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.charts.axis import named_axis, time_axis, value_axis, with_axes
from glancemetrics.charts.columns import Series, stacked_columns
from glancemetrics.charts.runs import Drawing, Run
from glancemetrics.charts.values import Quantity, value_scale
from tests.glancemetrics.charts.drawn import ANY_FLOAT, DRAWINGS, SIZES, assert_is_text, texts

AT = int(datetime(2026, 11, 27, 14, 2, 10, tzinfo=UTC).timestamp())
MINUTE, HOUR, DAY = 60, 3600, 86_400
BERLIN = ZoneInfo("Europe/Berlin")


def live(span: int, cells: int, drawing: Drawing = Drawing.UNICODE) -> str:
    line = time_axis(AT, AT + span, cells=cells, zone=UTC, is_live=True, drawing=drawing)
    return texts([line])[0]


def clock(span: int, cells: int, zone: tzinfo = UTC, since: int = AT) -> str:
    return texts([time_axis(since, since + span, cells=cells, zone=zone, is_live=False)])[0]


def test_an_axis_is_one_run() -> None:
    line = time_axis(AT, AT + 300, cells=20, zone=None, is_live=True)
    assert line == (Run(" −5 min ──────── now", "axis"),)


@pytest.mark.parametrize(
    ("span", "cells", "axis"),
    [
        (5 * MINUTE, 42, " −5 min ───────────── −2 min ───────── now"),
        (287, 42, "── −4 min ────────── −2 min ────────── now"),
        (36 * MINUTE, 60, "────── −30 min ─────── −20 min ──────── −10 min ──────── now"),
        (287, 19, " −4 min 47 s ── now"),
        (7 * DAY, 60, " −7 d ──────────────── −4 d ─────────── −2 d ─────────── now"),
        (90 * MINUTE, 40, "────────── −1 h ──────────────────── now"),
        (2 * HOUR, 40, " −2 h ─────────── −1 h ───────────── now"),
        (3 * DAY, 40, " −3 d ──── −2 d ─────── −1 d ─────── now"),
        (5 * MINUTE, 12, "−5 min ─ now"),
        (5 * MINUTE, 11, "─────── now"),
        (5 * MINUTE, 3, "now"),
        (5 * MINUTE, 2, "──"),
        (0, 5, "─ now"),
    ],
)
def test_a_live_axis_has_ages_and_ends_now(span: int, cells: int, axis: str) -> None:
    assert live(span, cells) == axis


def test_an_axis_in_ascii() -> None:
    assert live(300, 42, Drawing.ASCII) == " -5 min ------------- -2 min --------- now"


@pytest.mark.parametrize(
    ("span", "cells", "axis"),
    [
        (50, 40, "─────────── 14:02:30 ───────────────────"),
        (10 * MINUTE, 40, "──────── 14:05 ───────────── 14:10 ─────"),
        (2 * HOUR, 40, "──────────────── 15:00 ─────────── 16:00"),
        (5 * MINUTE, 60, "─────────────────── 14:04 ───────────────── 14:06 ──────────"),
        (DAY, 40, "──────────── Nov 28 ───────────── 12:00 "),
        (DAY + 1, 60, "────── 18:00 ─────── Nov 28 ──────── 06:00 ──────── 12:00 ──"),
        (3 * DAY, 40, "─ Nov 28 ─────────────────── Nov 30 ────"),
        (40 * DAY, 40, "──── Dec 06 ────── Dec 20 ────── Jan 03 "),
        (400 * DAY, 40, " Jan 2027 ────── Jul 2027 ───── Jan 2028"),
        (0, 5, "─────"),
    ],
)
def test_a_past_axis_has_round_times(span: int, cells: int, axis: str) -> None:
    assert clock(span, cells) == axis


def test_a_past_axis_without_room_for_a_round_time_says_where_it_begins() -> None:
    assert clock(10 * MINUTE, 8) == " 14:02 ─"
    assert clock(10 * MINUTE, 4) == "────"


def test_times_are_round_in_their_zone() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")  # 5 h 30 min ahead
    assert clock(2 * HOUR, 40, kolkata) == "────── 20:00 ───────────── 21:00 ───────"


def test_a_time_that_clocks_skip_has_no_label() -> None:
    spring = int(datetime(2026, 3, 29, 0, 30, tzinfo=BERLIN).timestamp())
    assert clock(4 * HOUR, 60, BERLIN, spring) == (
        "──── 01:00 ──────── 03:00 ──────── 04:00 ──────── 05:00 ────"
    )
    autumn = int(datetime(2026, 10, 25, 0, 30, tzinfo=BERLIN).timestamp())
    assert clock(4 * HOUR, 60, BERLIN, autumn) == (
        "──── 01:00 ──────── 02:00 ─────────────────────── 03:00 ────"
    )


def test_midnight_is_the_day_that_begins() -> None:
    evening = int(datetime(2026, 11, 27, 20, tzinfo=UTC).timestamp())
    assert clock(8 * HOUR, 50, since=evening) == (
        "─── 21:00 ─────────── Nov 28 ─────────── 03:00 ───"
    )


def test_an_axis_of_columns_of_any_length_names_its_ends() -> None:
    def named(cells: int, drawing: Drawing = Drawing.UNICODE) -> str:
        line = named_axis("2025-11", "2026-10", cells=cells, drawing=drawing)
        return "".join(run.text for run in line)

    assert named(24) == " 2025-11 ─────── 2026-10"
    assert named(24, Drawing.ASCII) == " 2025-11 ------- 2026-10"
    assert named(12) == " 2025-11 ───"
    assert named(7) == "2025-11"
    assert named(0) == ""


@given(st.integers(0, 2**32), st.integers(1, 2**29), st.integers(1, 250), st.booleans())
def test_labels_of_time_never_overlap(since: int, span: int, cells: int, is_live: bool) -> None:
    (text,) = texts([time_axis(since, since + span, cells=cells, zone=UTC, is_live=is_live)])
    labels = [label.strip() for label in re.split("─+", text) if label.strip()]
    assert all(one != following for one, following in pairwise(labels))
    assert all(
        re.fullmatch(r"now|−\d[\d a-z]*(s|min|h|d)|\d\d:\d\d(:\d\d)?|\w{3} \d{2,4}|[\d-]{10}", one)
        for one in labels
    )
    assert len(labels) <= cells // 10 + 2


@given(
    st.integers(0, 2**33) | st.integers(),
    st.integers(-10, 10**5) | st.integers(0, 2**33) | st.integers(),
    st.integers(-1, 120),
    st.sampled_from([UTC, BERLIN, ZoneInfo("America/St_Johns"), None]),
    st.booleans(),
    DRAWINGS,
)
def test_any_axis_has_its_width_and_whole_labels(
    since: int, span: int, cells: int, zone: tzinfo | None, is_live: bool, drawing: Drawing
) -> None:
    line = time_axis(since, since + span, cells=cells, zone=zone, is_live=is_live, drawing=drawing)
    (text,) = texts([line])
    assert_is_text(text, cells, drawing)
    assert all(run.ink == "axis" for run in line)
    labels = [label.strip() for label in re.split(r"─+|(?:^|(?<= ))-+(?= |$)", text)]
    if drawing is Drawing.UNICODE:
        whole = (
            r"now|−\d.*(s|min|h|d)|\d\d:\d\d(:\d\d)?|\w{3} \d\d( \d\d:\d\d)?|\w{3} \d{4}|[\d-]{10}"
        )
        assert all(not label or re.fullmatch(whole, label) for label in labels)


def test_values_are_labelled_at_the_edges_and_at_round_values_between() -> None:
    assert value_axis(value_scale(9, 6, Quantity.COUNT), 5) == [
        "  10┤",
        "    │",
        "    │",
        "   5┤",
        "    │",
        "   0┤",
    ]
    assert value_axis(value_scale(9, 4, Quantity.COUNT), 4) == [" 10┤", "   │", "   │", "  0┤"]
    times = value_scale(0.9, 7, Quantity.SECONDS, low=0.01, is_log=True)
    assert value_axis(times) == [
        "    1 s┤",
        "       │",
        "       │",
        " 100 ms┤",
        "       │",
        "       │",
        "  10 ms┤",
    ]


def test_values_in_ascii() -> None:
    ascii_axis = value_axis(value_scale(1, 3, Quantity.COUNT), 3, Drawing.ASCII)
    assert ascii_axis == [" 1+", "  |", " 0+"]
    assert value_axis(value_scale(3e-5, 1, Quantity.SECONDS), 7, Drawing.ASCII) == [" 50 us+"]
    assert value_axis(value_scale(12000, 1, Quantity.SECONDS), 3, Drawing.ASCII) == ["6~+"]


def test_a_label_that_is_too_long_is_seen_to_be_cut() -> None:
    scale = value_scale(500, 2, Quantity.COUNT)
    assert value_axis(scale, 3) == ["5…┤", " 0┤"]
    assert value_axis(scale, 2) == ["…┤", "0┤"]
    assert value_axis(scale, 1) == ["┤", "┤"]


def test_sizes_of_zero_and_one() -> None:
    assert value_axis(value_scale(1, 0, Quantity.COUNT), 5) == []
    assert value_axis(value_scale(1, 2, Quantity.COUNT), 0) == ["", ""]
    assert value_axis(value_scale(8, 1, Quantity.COUNT), 3) == ["10┤"]
    assert value_axis(value_scale(math.nan, 1, Quantity.COUNT), 3) == [" 1┤"]
    assert time_axis(AT, AT + 1, cells=0, zone=None, is_live=True) == ()


@given(ANY_FLOAT, SIZES, SIZES, ANY_FLOAT, st.sampled_from(Quantity), st.booleans(), DRAWINGS)
def test_any_value_axis_has_its_size(
    peak: float,
    rows: int,
    cells: int,
    low: float,
    quantity: Quantity,
    is_log: bool,
    drawing: Drawing,
) -> None:
    scale = value_scale(peak, rows, quantity, low=low, is_log=is_log)
    drawn = value_axis(scale, cells, drawing)
    assert len(drawn) == max(0, rows)
    for text in drawn:
        assert_is_text(text, cells, drawing)


@pytest.mark.parametrize("drawing", Drawing)
def test_a_chart_is_framed_by_its_axes(drawing: Drawing) -> None:
    scale = value_scale(2, 2, Quantity.RATE)
    lines = stacked_columns([Series("hits", [1, 2])], cells=2, rows=2, top=2, drawing=drawing)
    below = time_axis(AT, AT + 2, cells=2, zone=UTC, is_live=False, drawing=drawing)
    framed = with_axes(lines, scale, below, 5, drawing)
    expected = {
        Drawing.UNICODE: [" 2/s┤ █", "   0┤██", "    └──"],
        Drawing.ASCII: [" 2/s+ #", "   0+##", "    +--"],
    }
    assert texts(framed) == expected[drawing]
    assert {line[0].ink for line in framed} == {"axis"}
