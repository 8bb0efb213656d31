"""Round values at an axis: where it ends, which of them are labelled, and how they are written."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from itertools import count as count_from
from itertools import takewhile

import attrs

from glancemetrics.charts.scales import axis_ends, share_on_axis

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_CLOCK = (
    *(10, 15, 20, 30),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 20, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
)
"""Seconds that are round: from 10 seconds to a day they do not go by tens."""
_DECADES = (10, _MINUTE, 10 * _MINUTE, _HOUR)
"""The same for the powers of ten of a logarithmic axis."""
_QUARTER = 25
_DIGITS = ((1, 0), (2, 0), (_QUARTER, -1), (5, 0))
"""Round numbers from 1 up to 10: 1, 2, 2.5 and 5, as digits and power of ten."""
_ROWS_PER_LABEL = 2.5
_MOST_STEPS = 5
"""More labels are harder to read."""
_SMALLEST, _LARGEST = 1e-9, 1e300
"""Past these values an axis is not worth a round number."""


class Quantity(enum.Enum):
    """What the values of an axis are, and so how they are round."""

    COUNT = enum.auto()
    RATE = enum.auto()
    """Per second."""
    BYTES = enum.auto()
    BYTES_RATE = enum.auto()
    SHARE = enum.auto()
    """From 0 to 1, written in percent."""
    SECONDS = enum.auto()


_LEAST_POWERS = {Quantity.COUNT: 0, Quantity.BYTES: 0, Quantity.BYTES_RATE: -3}
"""Of what cannot be divided for ever, the power of ten of the smallest step."""

_Step = tuple[int, int]
"""Digits and their power of ten: exact, so that 3 times 0.1 is 0.3."""


@attrs.frozen
class Scale:
    """The values of a chart's height."""

    bottom: float
    """The value of the lower edge."""
    top: float
    """The value of the upper edge."""
    rows: int
    ticks: tuple[tuple[int, float], ...]
    """Rows with a label, counted from the bottom, and their values. Both rise."""
    quantity: Quantity
    is_log: bool = False


def value_scale(
    peak: float, rows: int, quantity: Quantity, *, low: float = 0.0, is_log: bool = False
) -> Scale:
    """Return a scale on which values up to `peak` have room, with labels at round values.

    It begins at zero, a logarithmic one at a round value of at most `low`. With nothing to show,
    it reaches 1. From 5 rows there are labels between the ends, never two without a row between.
    """
    if not peak <= _LARGEST:
        peak = peak if peak < math.inf else 1.0  # nan, too
        bottom, top = axis_ends(peak, low if is_log else 0.0, is_log)
        return Scale(bottom, top, rows, _placed([top, bottom], bottom, top, rows, is_log),
                     quantity, is_log)  # fmt: skip
    peak = max(peak, _SMALLEST) if peak > 0 else 1.0
    if is_log:
        values = _log_values(peak, low, quantity)
    else:
        # A sum of rates that is 10 may be 10.000000000000002: no reason for an axis up to 15.
        most = max(1, min(_MOST_STEPS, int(rows / _ROWS_PER_LABEL)))
        values = _linear_values(peak * (1 - 1e-9), most, quantity)
    bottom, top = min(values), max(values)
    ticks = _placed(values, bottom, top, rows, is_log)
    return Scale(bottom, top, rows, ticks, quantity, is_log)


def _linear_values(peak: float, most: int, quantity: Quantity) -> list[float]:
    """Return zero and up to `most` multiples of a round step, the last at least `peak`.

    Something stands between the ends if it can; then the least room above counts, then 1, 2, 5
    before 2.5, and many before few.
    """
    found: list[tuple[bool, float, bool, int, _Step]] = []
    for step in _round_steps(peak / most, quantity):
        count = next((n for n in range(1, most + 1) if _times(n, step) >= peak), None)
        if count is not None:
            found.append((count == 1, _times(count, step), step[0] == _QUARTER, -count, step))
            if count == 1:
                break
    _, top, _, count, step = min(found)
    return [top, *(_times(number, step) for number in range(-count))]


def _times(number: int, step: _Step) -> float:
    digits, power = step
    return float(f"{number * digits}e{power}")


def _round_steps(least: float, quantity: Quantity) -> Iterator[_Step]:
    """Yield round steps upwards, from one below `least`."""
    power = math.floor(math.log10(least)) - 1
    least_power = _LEAST_POWERS.get(quantity)
    if least_power is not None:
        steps = _decimals(max(least_power, power))
        yield from (step for step in steps if step[1] >= least_power)
    elif quantity is Quantity.SECONDS:
        yield from takewhile(lambda step: _times(1, step) < _CLOCK[0], _decimals(power))
        yield from ((seconds, 0) for seconds in _CLOCK)
        yield from ((digits * _DAY, days) for digits, days in _decimals(0) if digits != _QUARTER)
    else:
        yield from _decimals(power)


def _decimals(power: int) -> Iterator[_Step]:
    return ((digits, higher + shift) for higher in count_from(power) for digits, shift in _DIGITS)


def _log_values(peak: float, low: float, quantity: Quantity) -> list[float]:
    """Return both ends of a logarithmic axis, then its decades; if they are few, others, too."""
    low = min(low, peak) if low > 0 else peak / 1000
    low = max(low, _SMALLEST)
    decades, others = [], []
    for step in _round_steps(low / 20, quantity):
        value = _times(1, step)
        if step[0] in (1, _DAY) or value in _DECADES:
            decades.append(value)
        elif step[0] != _QUARTER:
            others.append(value)
        known = sorted([*decades, *others])
        if value > 10 * max(peak, known[0]):
            break
    bottom = max((value for value in known if value <= low), default=known[0])
    top = min(value for value in known if value >= peak and value > bottom)
    between = [value for value in decades if bottom < value < top]
    if len(between) < 2:
        between += [value for value in others if bottom < value < top]
    return [top, bottom, *between]


def _placed(
    values: list[float], bottom: float, top: float, rows: int, is_log: bool
) -> tuple[tuple[int, float], ...]:
    """Return values with their rows where they have room; an earlier one has precedence."""
    placed: dict[int, float] = {}
    for value in values:
        height = share_on_axis(value, bottom, top, is_log) * rows
        row = int(height)
        if height == row:
            # Between two rows: the one nearer to the middle, so that labels stand evenly.
            row = round(height * (rows - 1) / rows) if rows else 0
        is_end = value in (bottom, top) and rows > 1
        if 0 <= row < rows and all(abs(row - other) > (0 if is_end else 1) for other in placed):
            placed[row] = value
    return tuple(sorted(placed.items()))


def labels_of(scale: Scale, room: int) -> dict[int, str]:
    """Return the texts of a scale by row from the bottom, all in one unit.

    What is clear without it is left out where a text would be longer than `room`: `500 kB` for
    `500 kB/s`. The values of a logarithmic scale have a unit each.
    """
    ends = ("/s", "") if scale.quantity in {Quantity.RATE, Quantity.BYTES_RATE} else ("",)
    texts: dict[int, str] = {}
    for end in ends:
        texts = {
            row: _text(value, scale, value if scale.is_log else scale.top, end)
            for row, value in scale.ticks
        }
        if all(len(text) <= room for text in texts.values()):
            break
    return texts


def _text(value: float, scale: Scale, largest: float, end: str) -> str:
    if not value:
        return "0"
    size, unit = _unit(scale, largest)
    number = float(f"{value / size:.9g}")
    if number >= 1e6 or number < 1e-4:
        text = f"{number:.3g}"
    else:
        text = f"{number:,.6f}".rstrip("0").rstrip(".")
    return f"{text}{unit}{end}"


_THOUSANDS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def _unit(scale: Scale, largest: float) -> tuple[float, str]:
    """Return the size of the unit in which values up to `largest` are written, and its name."""
    match scale.quantity:
        case Quantity.SHARE:
            return 0.01, " %"
        case Quantity.SECONDS:
            return _unit_of_seconds(scale, largest)
        case Quantity.BYTES | Quantity.BYTES_RATE:
            units = ((1e15, " PB"), *((size, f" {name}B") for size, name in _THOUSANDS))
            return next(((size, name) for size, name in units if largest >= size), (1, " B"))
    # Up to 9,999 is as short without a letter.
    if largest < 10_000:
        return 1, ""
    return next((size, name) for size, name in _THOUSANDS if largest >= size)


def _unit_of_seconds(scale: Scale, largest: float) -> tuple[float, str]:
    """Return the unit in which the steps are whole: 90 s rather than 1.5 min."""
    step = largest if scale.is_log else scale.top
    values = [value for _, value in scale.ticks if value]
    if not scale.is_log and values:
        step = min(values)
    for size, name in ((_DAY, " d"), (_HOUR, " h"), (_MINUTE, " min")):
        if step >= size and largest >= size:
            return size, name
    if largest >= 1:
        return 1, " s"
    return (1e-3, " ms") if largest >= 1e-3 else (1e-6, " µs")
