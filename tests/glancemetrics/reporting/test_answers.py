"""Answers of the history as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import attrs
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.charts.runs import Drawing
from glancemetrics.history.query import Answer, Query
from glancemetrics.reporting.answers import answer_text
from glancemetrics.reporting.looks import COLOUR, PLAIN, Look
from tests.lines import BASE


def series_of(*, count: int, step: int = 60) -> tuple[Answer, Query]:
    """Return an answer over time: hits that rise, of them a tenth errors, and two quantiles."""
    times = [datetime.fromtimestamp(BASE // step * step + step * i, UTC) for i in range(count)]
    table = pa.table({
        "time": times,
        "hits": [10 * i for i in range(count)],
        "errors": [*range(count)],
        "p50": [i / 1000 for i in range(count)],
        "p95": [None if i % 7 else i / 100 for i in range(count)],
    })  # fmt: skip
    question = Query(step=step, measures=("hits", "errors", "p50", "p95"))
    return Answer(table=table, total={"hits": 1}, groups=count, records=1), question


@given(st.integers(31, 500), st.sampled_from([1, 15, 3600]), st.integers(60, 250), st.booleans(),
       st.sampled_from(Drawing))  # fmt: skip
def test_a_chart_fits_any_terminal(
    count: int, step: int, width: int, colored: bool, drawing: Drawing
) -> None:
    kept, question = series_of(count=count, step=step)
    look = Look(width, COLOUR if colored else PLAIN, drawing)
    text = answer_text(kept, question, look)
    assert ("\x1b" in text) == colored
    lines = re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()
    charts = [line for line in lines if "each column" not in line]
    assert max(map(len, charts)) <= width
    assert lines[0].startswith("hits per ")
    names = "p50: *  p95: + per " if drawing is Drawing.ASCII else "p50  p95 per "
    assert any(line.startswith(names) for line in lines)
    assert text.isascii() or drawing is Drawing.UNICODE


def test_errors_stand_out_in_a_chart_where_they_can() -> None:
    kept, question = series_of(count=40)
    red = "\x1b[31m"
    assert red not in answer_text(kept, question, Look(100))
    colored = answer_text(kept, question, Look(100, COLOUR))
    assert "hits per minute, errors in red" in colored
    assert red in colored.splitlines()[3]
    none = pa.array([0] * 40)
    flawless = attrs.evolve(kept, table=kept.table.set_column(2, "errors", none))
    assert "errors in red" not in answer_text(flawless, question, Look(100, COLOUR))
    in_ascii = answer_text(kept, question, Look(100, PLAIN, Drawing.ASCII))
    assert "hits per minute, errors: !" in in_ascii
    assert "!" in in_ascii.splitlines()[2]


def test_each_line_of_response_times_is_named_in_its_colour() -> None:
    kept, question = series_of(count=40)
    colored = answer_text(kept, question, Look(100, COLOUR))
    assert "\x1b[32mp50\x1b[0m  \x1b[33mp95\x1b[0m" in colored


def test_in_a_file_a_chart_has_a_usual_width() -> None:
    kept, question = series_of(count=200)
    text = answer_text(kept, question)
    assert max(map(len, text.splitlines())) == 100
    assert "\x1b" not in text


def test_few_steps_are_listed_with_a_bar_each() -> None:
    kept, question = series_of(count=5)
    lines = answer_text(kept, question, Look(80)).splitlines()
    assert [line.count("█") for line in lines[3:7]] == sorted(
        line.count("█") for line in lines[3:7]
    )
    assert len(lines[6]) == 80
    assert lines[2].rstrip() == lines[2]
    in_ascii = answer_text(kept, question, Look(80, PLAIN, Drawing.ASCII))
    assert in_ascii.isascii()
    assert in_ascii.splitlines()[6].endswith("####")


@given(st.integers(1, 200), st.integers(60, 200), st.sampled_from(Drawing))
def test_series_of_groups_fit_any_terminal(count: int, width: int, drawing: Drawing) -> None:
    kept, question = series_of(count=count)
    names = pa.array(["/a-long-name-of-a-section"] * count)
    table = kept.table.append_column("section", names)
    answered = attrs.evolve(kept, table=table, groups=1)
    text = answer_text(
        answered, attrs.evolve(question, by=("section",)), Look(width, PLAIN, drawing)
    )
    title, *lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert "hits per minute" in title
    assert text.isascii() or drawing is Drawing.UNICODE
