"""The axes of a chart: time below it, values to the left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, time, timedelta, tzinfo

from glancemetrics.charts.runs import Drawing, Line, Run
from glancemetrics.charts.scales import axis_ends, middle_of_axis
from glancemetrics.words.humane import format_round_duration

AXIS = "axis"
"""Ink of an axis and its labels."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MONTH = 30 * _DAY
"""Steps of that many seconds and more are whole months of the calendar."""
_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 7, 14)),
    *(months * _MONTH for months in (1, 3, 6, 12, 60, 120, 600, 1200)),
)
"""Seconds between labels that people find round."""
_GAP = 3
"""Cells at least between two labels: a space after one, rule, a space before the other."""
_ROOM_PER_LABEL = 8
"""Cells of rule on average between two labels: more labels are harder to read."""
_TIMES = (0, 253_370_764_800)
"""Seconds from 1970 to 9999: outside, `datetime` has no local time in some zones."""

_RULE = {Drawing.UNICODE: "─", Drawing.ASCII: "-"}
_MINUS = {Drawing.UNICODE: "−", Drawing.ASCII: "-"}
_LABELLED = {Drawing.UNICODE: "┤", Drawing.ASCII: "+"}
_UNLABELLED = {Drawing.UNICODE: "│", Drawing.ASCII: "|"}
_CUT = {Drawing.UNICODE: "…", Drawing.ASCII: "~"}

_Label = tuple[int, str]
"""The cell at which a label begins, and its text."""


def time_axis(
    since: int,
    until: int,
    *,
    cells: int,
    zone: tzinfo | None,
    is_live: bool,
    drawing: Drawing = Drawing.UNICODE,
) -> Line:
    """Return a rule of exactly `cells` cells, with labels for the seconds `since` to `until`.

    Live, labels are ages that end with `now`; else times of day in `zone` (`None`: that of this
    machine), with seconds if the span is under 3 minutes and with the date if it is over a day.
    """
    if cells <= 0:
        return ()
    if until <= since or not (_TIMES[0] <= since and until <= _TIMES[1]):
        wished: Iterable[_Label] = [(cells - len("now"), "now")] if is_live else []
    elif is_live:
        wished = _ages(until - since, cells, _MINUS[drawing])
    else:
        wished = _clock_times(since, until, cells, zone)
    text = _RULE[drawing] * cells
    for start, label in _fitting(wished, cells):
        end = start + len(label)
        text = (
            f"{text[: max(0, start - 1)]} "[:start] + label + f" {text[end + 1 :]}"[: cells - end]
        )
    return (Run(text, AXIS),)


def _fitting(wished: Iterable[_Label], cells: int) -> list[_Label]:
    """Return the labels that fit; an earlier one has precedence."""
    placed: list[_Label] = []
    for start, label in wished:
        end = start + len(label)
        if (
            start >= 0
            and end <= cells
            and all(
                end + _GAP <= other or other + len(text) + _GAP <= start for other, text in placed
            )
        ):
            placed.append((start, label))
    return placed


def _ages(span: int, cells: int, minus: str) -> Iterator[_Label]:
    """Return the labels of a live axis, the most important first."""
    yield cells - len("now"), "now"
    oldest = f"{minus}{format_round_duration(span)}"
    yield 0, oldest
    step = _step(span, cells, len(oldest))
    for age in range(step, span, step):
        label = f"{minus}{format_round_duration(age)}"
        yield (span - age) * cells // span - len(label) // 2, label


def _step(span: int, cells: int, size: int) -> int:
    """Return the shortest round step for labels of `size` cells."""
    return next((step for step in _STEPS if step * cells >= span * (size + _ROOM_PER_LABEL)), span)


def _clock_times(since: int, until: int, cells: int, zone: tzinfo | None) -> Iterator[_Label]:
    """Return labels at round times; of the beginning, if no round time has room."""
    span = until - since
    exact = f"{datetime.fromtimestamp(since, zone):{_form(span, 1)}}"
    step = _step(span, cells, len(exact))
    form = _form(span, step)
    is_empty = True
    for moment, local in _round_times(since, until, step, zone):
        label = f"{local:{form}}"
        # Centred on its time, moved to where the row begins or ends.
        start = (moment - since) * cells // span - len(label) // 2
        yield min(max(start, 0), cells - len(label)), label
        is_empty = False
    if is_empty:
        yield 0, exact


def _form(span: int, step: int) -> str:
    if span > 366 * _DAY:
        return "%b %Y" if step >= _MONTH else "%Y-%m-%d"
    if span > _DAY:
        return "%b %d" if step >= _DAY else "%b %d %H:%M"
    return "%H:%M:%S" if span < 3 * _MINUTE else "%H:%M"


def _round_times(
    since: int, until: int, step: int, zone: tzinfo | None
) -> Iterator[tuple[int, datetime]]:
    """Return the times on the wall that are round, in seconds and as local time.

    Times that clocks leave out when they change are left out.
    """
    first = datetime.fromtimestamp(since, zone).replace(tzinfo=None)
    last = datetime.fromtimestamp(until, zone).replace(tzinfo=None)
    for local in _months(first, last, step) if step >= _MONTH else _steps(first, last, step):
        moment = int(local.replace(tzinfo=zone).timestamp())
        is_there = datetime.fromtimestamp(moment, zone).replace(tzinfo=None) == local
        if since <= moment < until and is_there:
            yield moment, local


def _steps(first: datetime, last: datetime, step: int) -> Iterator[datetime]:
    """Return the round times from the last before `first`, counted from midnight or in days."""
    midnight = datetime.combine(first, time())
    if step < _DAY:
        start = midnight + timedelta(seconds=(first - midnight).seconds // step * step)
    else:
        start = midnight - timedelta(days=first.toordinal() % (step // _DAY))
    length = timedelta(seconds=step)
    return (start + number * length for number in range((last - start) // length + 1))


def _months(first: datetime, last: datetime, step: int) -> Iterator[datetime]:
    """Return the beginnings of months, quarters, years from the last before `first`."""
    length = step // _MONTH
    start = (first.year * 12 + first.month - 1) // length * length
    for month in range(max(start, 12), last.year * 12 + last.month, length):
        yield datetime(month // 12, month % 12 + 1, 1)


def value_axis(
    top: float,
    rows: int,
    label: Callable[[float], str],
    cells: int,
    bottom: float = 0.0,
    is_log: bool = False,
    drawing: Drawing = Drawing.UNICODE,
) -> list[str]:
    """Return `rows` texts of exactly `cells` characters, to stand left of a chart's rows.

    The top row is labelled with the value of its upper edge, the bottom row with that of its lower
    edge, and from 5 rows the middle, too. `label` writes a value; a longer text is cut.
    """
    low, high = axis_ends(top, bottom, is_log)
    values = {max(0, rows - 1): low, 0: high}
    if rows >= 5:
        values[rows // 2] = middle_of_axis(low, high, is_log)
    return [
        _labelled(label(values[row]), cells, drawing)
        if row in values
        else _ended("", _UNLABELLED[drawing], cells)
        for row in range(rows)
    ]


def _labelled(text: str, cells: int, drawing: Drawing) -> str:
    room = max(0, cells - 1)
    if len(text) > room:
        # Without a mark, what is left of a number would be another number.
        text = (text[: room - 1] + _CUT[drawing]) if room else ""
    return _ended(text, _LABELLED[drawing], cells)


def _ended(text: str, end: str, cells: int) -> str:
    return f"{text:>{max(0, cells - 1)}}{end}"[: max(0, cells)]
