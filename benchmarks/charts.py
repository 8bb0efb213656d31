"""How costs grow with the work, as charts in one picture: `docs/how/growth.svg`.

Both axes are logarithmic: what grows as the work does is a line with the slope of the dotted one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

import attrs

_WIDTH, _HEIGHT = 300, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 34, 40
_COLUMNS = 2
_INK, _FAINT, _GRID, _MARK = "#1f2328", "#59636e", "#d1d9e0", "#0969da"


@attrs.frozen
class Chart:
    """What was measured for more and more work of one kind."""

    title: str
    of: str
    """What there is more and more of."""
    unit: str
    """Of what was measured."""
    points: Sequence[tuple[float, float]]
    """Amounts of work, and what each took; all above 0."""


def picture(charts: Sequence[Chart]) -> str:
    """Return the charts as SVG, two in a row."""
    rows = math.ceil(len(charts) / _COLUMNS)
    width, height = _COLUMNS * _WIDTH, rows * _HEIGHT
    drawn = "".join(
        f'<g transform="translate({number % _COLUMNS * _WIDTH} {number // _COLUMNS * _HEIGHT})">'
        f"{_drawn(chart)}</g>\n"
        for number, chart in enumerate(charts)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="11" '
        f'fill="{_INK}" role="img" aria-label="Charts of costs as the work grows">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{drawn}</svg>\n'
    )


def _drawn(chart: Chart) -> str:
    xs, ys = _Axis.of([x for x, _ in chart.points]), _Axis.of([y for _, y in chart.points])
    left, right = _LEFT, _WIDTH - _RIGHT
    top, bottom = _TOP, _HEIGHT - _BOTTOM

    def at(x: float, y: float) -> str:
        return (
            f"{left + xs.share(x) * (right - left):.1f},{bottom - ys.share(y) * (bottom - top):.1f}"
        )

    parts = [f'<text x="{left}" y="18" font-weight="bold">{escape(chart.title)}</text>']
    for value in ys.ticks:
        y = bottom - ys.share(value) * (bottom - top)
        parts.append(
            f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_GRID}"/>'
            f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end" fill="{_FAINT}">'
            f"{_short(value)}</text>"
        )
    for value in xs.ticks:
        x = left + xs.share(value) * (right - left)
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle" fill="{_FAINT}">'
            f"{_short(value)}</text>"
        )
    # As the work grows, from the largest amount back.
    x, y = chart.points[-1]
    least = max(xs.low, ys.low * x / y)
    parts.append(
        f'<path d="M{at(least, y * least / x)} L{at(x, y)}" stroke="{_FAINT}" '
        f'stroke-dasharray="2 3" fill="none"/>'
    )
    line = " L".join(at(x, y) for x, y in chart.points)
    parts.append(f'<path d="M{line}" stroke="{_MARK}" stroke-width="2" fill="none"/>')
    for x, y in chart.points:
        cx, cy = at(x, y).split(",")
        parts.append(f'<circle cx="{cx}" cy="{cy}" r="3" fill="{_MARK}"/>')
    parts.append(
        f'<text x="{right}" y="{_HEIGHT - 8}" text-anchor="end" fill="{_FAINT}">'
        f"{escape(chart.of)}</text>"
        f'<text x="{right}" y="18" text-anchor="end" fill="{_FAINT}">{escape(chart.unit)}</text>'
    )
    return "".join(parts)


@attrs.frozen
class _Axis:
    """A logarithmic axis."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> _Axis:
        """Return one with room for all values, of at least a factor of ten."""
        low, high = min(values), max(values)
        spare = max(1.0, 10 / (high / low)) ** 0.5
        return cls(low / spare / 1.15, high * spare * 1.15)

    def share(self, value: float) -> float:
        return math.log(value / self.low) / math.log(self.high / self.low)

    @property
    def ticks(self) -> list[float]:
        """Powers of ten, and twice and five times those if there are few."""
        tens = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for factors in ((1,), (1, 3), (1, 2, 5)):
            found = [f * 10.0**ten for ten in tens for f in factors]
            found = [one for one in found if self.low <= one <= self.high]
            if len(found) >= 3:
                break
        return found


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
