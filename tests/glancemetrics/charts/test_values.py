"""Round values at an axis."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glancemetrics.charts.axis import AXIS_CELLS
from glancemetrics.charts.values import Quantity, labels_of, value_scale

QUANTITIES = st.sampled_from(Quantity)
PEAKS = st.floats(1e-6, 1e12)
ROOM = AXIS_CELLS - 1


def labels(peak: float, quantity: Quantity, rows: int = 8, room: int = ROOM) -> list[str]:
    return [*labels_of(value_scale(peak, rows, quantity), room).values()]


@pytest.mark.parametrize(
    ("peak", "quantity", "expected"),
    [
        (83, Quantity.COUNT, "0 50 100"),
        (100, Quantity.COUNT, "0 50 100"),
        (101, Quantity.COUNT, "0 50 100 150"),
        (1, Quantity.COUNT, "0 1"),
        (5, Quantity.COUNT, "0 2 4 6"),
        (7800, Quantity.COUNT, "0 5k 10k"),
        (12_345, Quantity.COUNT, "0 5k 10k 15k"),
        (0.3, Quantity.RATE, "0 0.1/s 0.2/s 0.3/s"),
        (158, Quantity.RATE, "0 100/s 200/s"),
        (0.0031, Quantity.RATE, "0 0.002/s 0.004/s"),
        (2_300_000, Quantity.BYTES, "0 1 MB 2 MB 3 MB"),
        (900, Quantity.BYTES, "0 0.5 kB 1 kB"),
        (1_200_000, Quantity.BYTES_RATE, "0 0.5 MB 1 MB 1.5 MB"),
        (0.045, Quantity.SHARE, "0 2.5 % 5 %"),
        (0.93, Quantity.SHARE, "0 50 % 100 %"),
        (0.0003, Quantity.SECONDS, "0 100 µs 200 µs 300 µs"),
        (0.042, Quantity.SECONDS, "0 25 ms 50 ms"),
        (0.9, Quantity.SECONDS, "0 0.5 s 1 s"),
        (80, Quantity.SECONDS, "0 30 s 60 s 90 s"),
        (200, Quantity.SECONDS, "0 2 min 4 min"),
        (5000, Quantity.SECONDS, "0 30 min 60 min 90 min"),
        (90_000, Quantity.SECONDS, "0 12 h 24 h 36 h"),
        (10.000000000000002, Quantity.RATE, "0 5/s 10/s"),
        (0, Quantity.RATE, "0 0.5/s 1/s"),
        (math.nan, Quantity.COUNT, "0 1"),
    ],
)
def test_values_are_round_for_people(peak: float, quantity: Quantity, expected: str) -> None:
    assert " ".join(labels(peak, quantity)) == expected


def test_a_unit_that_has_no_room_is_left_out_of_all_labels() -> None:
    assert labels(480_000, Quantity.BYTES_RATE, room=8)[-1] == "500 kB/s"
    assert labels(480_000, Quantity.BYTES_RATE, room=7) == ["0", "250 kB", "500 kB"]


def test_a_higher_chart_has_more_labels() -> None:
    assert labels(100, Quantity.COUNT, rows=4) == ["0", "100"]
    assert labels(100, Quantity.COUNT, rows=13) == ["0", "20", "40", "60", "80", "100"]


def test_a_logarithmic_scale_has_its_decades() -> None:
    scale = value_scale(1.3, 13, Quantity.SECONDS, low=0.001, is_log=True)
    assert labels_of(scale, ROOM) == {
        0: "1 ms", 3: "10 ms", 7: "100 ms", 12: "2 s",
    }  # fmt: skip
    scale = value_scale(0.07, 8, Quantity.SECONDS, low=0.02, is_log=True)
    assert labels_of(scale, ROOM) == {0: "20 ms", 4: "50 ms", 7: "100 ms"}
    scale = value_scale(5000, 8, Quantity.SECONDS, low=0.03, is_log=True)
    assert labels_of(scale, ROOM) == {0: "20 ms", 2: "1 s", 5: "1 min", 7: "2 h"}
    assert value_scale(0.05, 8, Quantity.SECONDS, low=0.05, is_log=True).top == 0.1


@given(PEAKS, st.integers(1, 40), QUANTITIES)
def test_a_scale_has_room_for_its_peak_and_wastes_little(
    peak: float, rows: int, quantity: Quantity
) -> None:
    scale = value_scale(peak, rows, quantity)
    assert scale.bottom == 0
    assert scale.top >= peak * (1 - 1e-9)
    least = {Quantity.COUNT: 1, Quantity.BYTES: 1, Quantity.BYTES_RATE: 0.001}.get(quantity, 0)
    assert scale.top <= max(2.5 * peak, least) or scale.top <= 3 * least
    assert quantity is not Quantity.SHARE or peak > 1 or scale.top <= 1


@given(PEAKS, st.floats(1e-6, 1), st.integers(1, 40), QUANTITIES, st.booleans())
def test_labels_rise_and_never_touch(
    peak: float, share: float, rows: int, quantity: Quantity, is_log: bool
) -> None:
    scale = value_scale(peak, rows, quantity, low=share * peak, is_log=is_log)
    assert all(below[1] < above[1] for below, above in pairwise(scale.ticks))
    gaps = [above[0] - below[0] for below, above in pairwise(scale.ticks)]
    assert all(gap >= min(2, rows - 1) for gap in gaps)
    assert scale.ticks[-1] == (rows - 1, scale.top)
    assert rows == 1 or scale.ticks[0] == (0, scale.bottom)
    assert is_log or len(scale.ticks) <= 6
    assert len(scale.ticks) <= max(2, (rows + 1) // 2)


@given(PEAKS, st.integers(2, 40), QUANTITIES)
def test_labels_stand_where_their_values_are(peak: float, rows: int, quantity: Quantity) -> None:
    scale = value_scale(peak, rows, quantity)
    for row, value in scale.ticks:
        assert row <= value / scale.top * rows + 1e-6
        assert value / scale.top * rows <= row + 1 + 1e-6


@given(PEAKS, st.integers(1, 40), QUANTITIES)
def test_labels_stand_at_even_steps(peak: float, rows: int, quantity: Quantity) -> None:
    values = [value for _, value in value_scale(peak, rows, quantity).ticks]
    assert rows == 1 or len(values) >= 2
    for number, value in enumerate(values):
        assert value == pytest.approx(number * values[-1] / max(1, len(values) - 1)) or rows == 1


@given(PEAKS, st.floats(1e-6, 1), st.integers(1, 40), QUANTITIES, st.booleans())
@example(0.001953125, 1.0, 10, Quantity.BYTES_RATE, False)
def test_each_label_fits_left_of_a_chart(
    peak: float, share: float, rows: int, quantity: Quantity, is_log: bool
) -> None:
    # Decimals of a large unit are the longest texts: 0.25 MB. Only durations have logarithms.
    is_log = is_log and quantity is Quantity.SECONDS
    scale = value_scale(peak, rows, quantity, low=share * peak, is_log=is_log)
    texts = [*labels_of(scale, ROOM).values()]
    assert len(set(texts)) == len(texts)
    limit = {Quantity.SHARE: 10, Quantity.SECONDS: 1e7}.get(quantity, math.inf)
    if 1e-3 <= peak <= limit:
        assert all(len(text) <= ROOM for text in texts)
