"""The axes of a chart: time below it, values to the left of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta, tzinfo

from glancemetrics.charts.runs import Drawing, Line, Run
from glancemetrics.charts.values import Scale, labels_of
from glancemetrics.words.humane import format_round_duration

AXIS = "axis"
"""Ink of an axis and its labels."""
AXIS_CELLS = 8
"""The usual width of the values left of a chart, with their rule."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_YEAR = 366 * _DAY
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
_CORNER = {Drawing.UNICODE: "└", Drawing.ASCII: "+"}
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

    Live, labels are ages that end with `now`; else round times of day in `zone` (`None`: that of
    this machine), where days begin their dates.
    """
    if cells <= 0:
        return ()
    if until <= since or not (_TIMES[0] <= since and until <= _TIMES[1]):
        wished: Iterable[_Label] = [(cells - len("now"), "now")] if is_live else []
    elif is_live:
        wished = _ages(until - since, cells, _MINUS[drawing])
    else:
        wished = _clock_times(since, until, cells, zone)
    return _ruled(wished, cells, drawing)


def named_axis(first: str, last: str, *, cells: int, drawing: Drawing = Drawing.UNICODE) -> Line:
    """Return a rule of exactly `cells` cells that names what is at its ends.

    For columns that are not of one length in time, such as months. Texts without room are left out.
    """
    wished = [*_at_start(first), (cells - len(last), last)]
    return _ruled(wished, cells, drawing) if cells > 0 else ()


def _at_start(label: str) -> Iterator[_Label]:
    """Return the place of a label at the beginning, a space after the corner if it has room."""
    yield 1, label
    yield 0, label


def _ruled(wished: Iterable[_Label], cells: int, drawing: Drawing) -> Line:
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
    """Return the labels of a live axis, the most important first.

    The oldest age has one if it is round, or if nothing else has.
    """
    yield cells - len("now"), "now"
    step = _step_of_ages(span, cells)
    if span % step == 0 or step > span or span in _STEPS:
        yield from _at_start(f"{minus}{format_round_duration(span)}")
    for age in range(step, span, step):
        label = f"{minus}{format_round_duration(age)}"
        yield (span - age) * cells // span - len(label) // 2, label


def _step_of_ages(span: int, cells: int) -> int:
    size = 0
    step = _step(span, cells, size)
    while step < span:
        longest = max(len(format_round_duration(age)) for age in range(step, span + 1, step)) + 1
        if longest <= size:
            break
        size = longest
        step = _step(span, cells, size)
    return step


def _step(span: int, cells: int, size: int) -> int:
    """Return the shortest round step for labels of `size` cells."""
    return next((step for step in _STEPS if step * cells >= span * (size + _ROOM_PER_LABEL)), span)


def _clock_times(since: int, until: int, cells: int, zone: tzinfo | None) -> Iterator[_Label]:
    """Return labels at round times; of the beginning, if there is no round time."""
    span = until - since
    step = _step(span, cells, len("2026-11-27" if span > _YEAR else "Nov 27"))
    if step < _MINUTE:
        step = _step(span, cells, len("14:02:10"))
    found = list(_round_times(since, until, step, zone))
    # Dates first: they also say of which day the times beside them are.
    for moment, local in sorted(found, key=lambda one: one[1].time() != time()):
        label = _label(local, span, step)
        # Centred on its time, moved to where the row begins or ends.
        start = (moment - since) * cells // span - len(label) // 2
        yield min(max(start, 1), cells - len(label)), label
    if not found:
        yield from _at_start(f"{datetime.fromtimestamp(since, zone):{_time_form(step)}}")


def _label(local: datetime, span: int, step: int) -> str:
    """Write a round time; midnight is the day that begins."""
    if step >= _MONTH and span > _YEAR:
        form = "%b %Y"
    elif span > _YEAR:
        form = "%Y-%m-%d"
    elif local.time() == time():
        form = "%b %d"
    else:
        form = _time_form(step)
    return f"{local:{form}}"


def _time_form(step: int) -> str:
    return "%H:%M:%S" if step < _MINUTE else "%H:%M"


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
    scale: Scale, cells: int = AXIS_CELLS, drawing: Drawing = Drawing.UNICODE
) -> list[str]:
    """Return texts of exactly `cells` characters, to stand left of a chart's rows.

    The top row is labelled with the value of its upper edge, the bottom row with that of its lower
    edge, rows between with round values that lie in them. A text that is too long is cut.
    """
    labels = labels_of(scale, cells - 1)
    return [
        _labelled(labels[row], cells, drawing)
        if row in labels
        else _ended("", _UNLABELLED[drawing], cells)
        for row in reversed(range(scale.rows))
    ]


def with_axes(
    lines: Sequence[Line],
    scale: Scale,
    below: Line,
    cells: int = AXIS_CELLS,
    drawing: Drawing = Drawing.UNICODE,
) -> list[Line]:
    """Return the lines of a chart with the values left of them, and its `time_axis` below."""
    texts = value_axis(scale, cells, drawing)
    corner = _ended("", _CORNER[drawing], cells)
    return [
        (Run(text, AXIS), *line) if text else line
        for text, line in zip([*texts, corner], [*lines, below], strict=True)
    ]


def _labelled(text: str, cells: int, drawing: Drawing) -> str:
    room = max(0, cells - 1)
    if drawing is Drawing.ASCII:
        text = text.replace("µ", "u")
    if len(text) > room:
        # Without a mark, what is left of a number would be another number.
        text = (text[: room - 1] + _CUT[drawing]) if room else ""
    return _ended(text, _LABELLED[drawing], cells)


def _ended(text: str, end: str, cells: int) -> str:
    return f"{text:>{max(0, cells - 1)}}{end}"[: max(0, cells)]
