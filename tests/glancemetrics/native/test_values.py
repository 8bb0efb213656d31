"""Numbers and times read by compiled code: against the patterns, and Python's own arithmetic."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glancemetrics.formats.fields import FIELD_PATTERNS, FORMS, KINDS, TIMES, Field
from glancemetrics.formats.pattern import BRACES
from glancemetrics.native.values import (
    Form,
    Kind,
    Nothing,
    Port,
    State,
    TextRows,
    Wanted,
    have_form,
    read_numbers,
    read_values,
)
from glancemetrics.records.schema import MOST_BYTES

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
LATEST = 253_370_764_800_000_000
"""The year 10000."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

typed = st.sampled_from([field for field in KINDS if field in FIELD_PATTERNS])
digits = st.text("0123456789", min_size=1, max_size=17)
decimals = st.builds(
    lambda whole, rest: whole + rest,
    digits,
    st.just("") | st.text("0123456789", min_size=1, max_size=9).map(lambda text: f".{text}"),
)
exponents = st.just("") | st.builds(
    "{}{}".format, st.sampled_from(["e", "E-", "e+"]), st.integers(0, 40)
)

moments = st.datetimes(datetime(1001, 1, 2), datetime(9998, 12, 30))
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def read(text: str, kind: Kind) -> tuple[State, float | int]:
    numbers = read_numbers(pa.array([text], pa.string()), kind)
    return State(numbers.states[0]), numbers.values[0].item()


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def near(field: Field) -> st.SearchStrategy[str]:
    """Texts that are what a field wants, and such as nearly are."""
    good = st.from_regex(re.compile(FIELD_PATTERNS[field], re.ASCII), fullmatch=True)
    alphabet = "019-+.,: eETZ?/JanmsµM'"
    return good | st.builds(
        lambda text, at, more: text[: at % (len(text) + 1)] + more + text[at % (len(text) + 1) :],
        good,
        st.integers(0, 40),
        st.text(alphabet, max_size=2),
    )


@given(st.data(), typed)
def test_what_is_read_is_what_the_pattern_matches(data: st.DataObject, field: Field) -> None:
    text = data.draw(near(field))
    matches = pc.match_substring_regex(pa.array([text]), f"^(?:{FIELD_PATTERNS[field]})$")
    fits = matches[0].as_py()
    state, _ = read(text, KINDS[field])
    is_time = field in TIMES or field is Field.DATE
    if is_time and fits:
        return  # it may be of no calendar
    assert (state != State.WRONG) == fits


@given(st.data(), st.sampled_from(list(FORMS)))
def test_forms_are_what_the_patterns_match(data: st.DataObject, field: Field) -> None:
    text = data.draw(near(field).filter(lambda text: "\n" not in text))
    matches = pc.match_substring_regex(pa.array([text]), f"^(?:{FIELD_PATTERNS[field]})$")
    assert have_form(pa.array([text]), FORMS[field])[0] == matches[0].as_py()


@given(decimals | st.floats(0, 1e17).map(repr), st.sampled_from(["", "+"]), exponents)
@example("0.1", "", "")
@example("99999999999999999.999999999", "", "")
@example("0.0002455711364746094", "", "")
@example("8.5", "", "e-05")
@example("0." + "0" * 300 + "1", "", "e301")
def test_decimals_are_those_that_python_reads(text: str, sign: str, exponent: str) -> None:
    text = text if "e" in text else text + exponent
    state, value = read(sign + text, Kind.DECIMAL)
    expected = float(text)
    assert state is (State.KNOWN if expected <= 1e18 else State.UNUSABLE)
    if len(text) <= 16 and "e" not in text.lower():
        assert value == expected
    assert math.isclose(value, expected, rel_tol=1e-15)


@given(st.lists(st.tuples(decimals, st.sampled_from(list(UNITS))), min_size=1, max_size=3))
def test_durations_are_the_sum_of_their_parts(parts: list[tuple[str, str]]) -> None:
    text = "".join(number + unit for number, unit in parts)
    expected = sum(float(number) * UNITS[unit] for number, unit in parts)
    for kind in (Kind.DURATION, Kind.DURATION_IN_SECONDS):
        state, value = read(text, kind)
        assert state is (State.KNOWN if expected <= 1e18 else State.UNUSABLE)
        assert math.isclose(value, expected, rel_tol=1e-14)


@pytest.mark.parametrize(
    ("text", "kind", "state", "value"),
    [
        ("12", Kind.DURATION, State.WITHOUT_UNIT, 12.0),
        ("12", Kind.DURATION_IN_SECONDS, State.KNOWN, 12.0),
        ("12d", Kind.DURATION, State.NOTHING, None),
        ("-", Kind.DURATION, State.NOTHING, None),
        ("1m2", Kind.DURATION, State.WRONG, None),
        ("0.010, 0.002 : -", Kind.DECIMALS, State.KNOWN, 0.012),
        ("-, -1 : -", Kind.DECIMALS, State.NOTHING, None),
        ("-1, 0.5", Kind.DECIMALS, State.KNOWN, 0.5),
        ("", Kind.DECIMALS, State.NOTHING, None),
        ("0.1, ", Kind.DECIMALS, State.WRONG, None),
        ("-1.000", Kind.DECIMAL, State.NOTHING, None),
        ("-2", Kind.DECIMAL, State.UNUSABLE, None),
        ("-0", Kind.DECIMAL, State.KNOWN, 0.0),
        ("8.5e-05", Kind.DECIMAL, State.KNOWN, 8.5e-05),
        ("0.0002455711364746094", Kind.DECIMAL, State.KNOWN, 0.0002455711364746094),
        ("1e999", Kind.DECIMAL, State.UNUSABLE, None),
        ("8.5e-05", Kind.DURATION_IN_SECONDS, State.KNOWN, 8.5e-05),
        ("1.5e1ms", Kind.DURATION, State.KNOWN, 0.015),
        ("-3ms", Kind.DURATION, State.UNUSABLE, None),
        ("1e3s2", Kind.DURATION, State.WRONG, None),
        ("000", Kind.STATUS, State.KNOWN, 0),
        ("0", Kind.STATUS, State.KNOWN, 0),
        ("-", Kind.STATUS, State.NOTHING, None),
        ("2000", Kind.STATUS, State.WRONG, None),
        ("404 Not Found", Kind.STATUS_WORDS, State.KNOWN, 404),
        ("+512", Kind.SIZE, State.KNOWN, 512),
        ("70368744177664", Kind.SIZE, State.KNOWN, MOST_BYTES),
        ("70368744177665", Kind.SIZE, State.UNUSABLE, None),
        ("999999999999999999", Kind.SIZE, State.UNUSABLE, None),
        ("9" * 40, Kind.SIZE, State.UNUSABLE, None),
        ("5.0", Kind.SIZE, State.KNOWN, 5),
        ("5.00" + "0" * 30, Kind.SIZE, State.KNOWN, 5),
        ("1E3", Kind.SIZE, State.KNOWN, 1000),
        ("1E+99", Kind.SIZE, State.UNUSABLE, None),
        ("5.5", Kind.SIZE, State.WRONG, None),
        ("-5", Kind.SIZE, State.UNUSABLE, None),
        ("-0", Kind.SIZE, State.KNOWN, 0),
        ("-1", Kind.SIZE, State.NOTHING, None),
        ("1.7e9", Kind.ANY_TIME, State.KNOWN, 1_700_000_000_000_000),
        ("1.7E+18", Kind.ANY_TIME, State.KNOWN, 1_700_000_000_000_000),
        ("1700000000123", Kind.ANY_TIME, State.KNOWN, 1_700_000_000_123_000),
        ("1700000000500e-3", Kind.ANY_TIME, State.KNOWN, 1_700_000_000_500_000),
        ("1e99", Kind.ANY_TIME, State.WRONG, None),
        ("[05/May/2024:10:00:01 +0000]", Kind.ANY_TIME, State.KNOWN, 1_714_903_201_000_000),
        ("May 17", Kind.ANY_TIME, State.WRONG, None),
        ("", Kind.ANY_TIME, State.WRONG, None),
        ("10:05:03.25", Kind.TIME_OF_DAY, State.WITHOUT_ZONE, 36_303_250_000),
        ("24:00:00", Kind.TIME_OF_DAY, State.WRONG, None),
    ],
)
def test_what_texts_mean(text: str, kind: Kind, state: State, value: float | None) -> None:
    found, number = read(text, kind)
    assert found is state
    if value is not None:
        assert number == value


@given(
    decimals,
    st.sampled_from(
        [
            (Kind.EPOCH_SECONDS, 1_000_000),
            (Kind.EPOCH_MILLISECONDS, 1000),
            (Kind.EPOCH_MICROSECONDS, 1),
        ]
    ),
)
@example("1700000000.1234567", (Kind.EPOCH_SECONDS, 1_000_000))
@example("1700000000123456.5", (Kind.EPOCH_MICROSECONDS, 1))
def test_numbers_since_the_epoch_are_exact(text: str, unit: tuple[Kind, int]) -> None:
    kind, factor = unit
    exact = math.floor(Fraction(text) * factor + Fraction(1, 2))
    state, value = read(text, kind)
    if exact >= LATEST:
        assert state is State.WRONG
    else:
        assert (state, value) == (State.KNOWN, exact)


@given(st.integers(10**9, 10**10 - 1).map(str), st.text("0123456789", max_size=9))
def test_seconds_are_told_from_smaller_units_by_size(seconds: str, fraction: str) -> None:
    exact = math.floor(Fraction(f"{seconds}.{fraction or 0}") * 1_000_000 + Fraction(1, 2))
    for power in range(len(fraction) + 1):
        shifted = f"{seconds}{fraction[:power]}.{fraction[power:]}"
        if power in {0, 3, 6, 9}:
            assert read(shifted, Kind.ANY_TIME) == (State.KNOWN, exact)


@given(moments, zones)
def test_times_agree_with_the_calendar(naive: datetime, zone: timezone) -> None:
    moment = naive.replace(tzinfo=zone)
    whole = moment.replace(microsecond=0)
    clf = f"{moment.day:02}/{moment:%b}/{moment.year:04}:{moment:%H:%M:%S}"
    exact, local = micros(moment), micros(naive.replace(tzinfo=UTC))
    for kind in (Kind.CLF_TIME, Kind.ANY_TIME):
        assert read(f"{clf} {moment:%z}", kind) == (State.KNOWN, micros(whole))
    for kind in (Kind.CLF_LOCAL_TIME, Kind.ANY_TIME):
        written = f"{clf}.{naive.microsecond:06}"
        assert read(written, kind) == (State.WITHOUT_ZONE, local)
    for kind in (Kind.ISO_TIME, Kind.ANY_TIME):
        assert read(moment.isoformat(), kind) == (State.KNOWN, exact)
        assert read(naive.isoformat(" "), kind) == (State.WITHOUT_ZONE, local)
    day, of_day = (
        read(naive.date().isoformat(), Kind.DATE),
        read(naive.time().isoformat(), Kind.TIME_OF_DAY),
    )
    assert day[1] + of_day[1] == local


@pytest.mark.parametrize(
    "text",
    ["29/Feb/2023:00:00:00", "00/Jan/2023:00:00:00", "1/Jan/2023:00:00:00", "", "x" * 20]
    + ["01/Jan/2023:00:60:00", "01/Jan/2023:00:00:61", "01-Jan-2023:00:00:00"]
    + ["01/Jan/0000:00:00:00", "32/Jan/2023:00:00:00", "01/Jam/2023:00:00:00"],
)
def test_what_is_no_clf_time_is_told(text: str) -> None:
    assert read(text, Kind.CLF_LOCAL_TIME)[0] is State.WRONG
    assert read(f"{text} +0000", Kind.CLF_TIME)[0] is State.WRONG


@pytest.mark.parametrize("zone", [" ", " 0000", " +000", " +2400", " +0060", " +0000x"])
def test_what_is_no_zone_is_told(zone: str) -> None:
    assert read(f"01/Jan/2023:00:00:00{zone}", Kind.CLF_TIME)[0] is State.WRONG


@pytest.mark.parametrize(
    ("text", "state", "second"),
    [
        ("05/May/2024:10:00:17.123 +0000", State.KNOWN, 1_714_903_217.123),
        ("05/May/2024:10:00:17,5 +0200", State.KNOWN, 1_714_896_017.5),
        ("05/May/2024 10:00:17 +0000", State.KNOWN, 1_714_903_217),
        ("05/May/2024:10:00:17+00:00", State.KNOWN, 1_714_903_217),
        ("05/May/2024:10:00:17 UTC", State.KNOWN, 1_714_903_217),
        ("05/May/2024:10:00:17 CEST", State.KNOWN, 1_714_896_017),
        ("05/May/2024:10:00:17Z", State.KNOWN, 1_714_903_217),
        ("05/May/2024:10:00:17", State.WITHOUT_ZONE, 1_714_903_217),
        ("05/May/2024:10:00:17 CST", State.IN_NAMED_ZONE, 1_714_903_217),  # there are four
        ("2024-05-05T10:00:17+00:00", State.KNOWN, 1_714_903_217),
        ("2024-05-05 10:00:17.5 +0000", State.KNOWN, 1_714_903_217.5),
        ("2024-05-05 10:00:17", State.WITHOUT_ZONE, 1_714_903_217),
        ("31/Dec/9998:23:59:59 +0000", State.KNOWN, 253_370_764_799),
        ("01/Jan/1001:00:00:00 +0000", State.KNOWN, -30_578_688_000),
        ("31/Dec/9999:23:59:59 +0000", State.WRONG, None),
        ("31/Dec/9998:23:59:59 -2300", State.WRONG, None),
        ("01/Jan/1001:00:00:00 +2300", State.WRONG, None),
        ("1001-01-01T00:00:00.5+23:00", State.WRONG, None),
        ("05/May/2024:10:00:17 A", State.WRONG, None),
        ("05/May/2024:10:00:17.", State.WRONG, None),
        ("05/May/2024T10:00:17", State.WRONG, None),
    ],
)
def test_times_as_others_write_them_where_clf_has_its_own(
    text: str, state: State, second: float | None
) -> None:
    found, value = read(text, Kind.CLF_TIME)
    assert found is state
    if second is not None:
        assert value == round(second * 1_000_000)


def test_a_leap_second_is_the_first_of_the_next_minute() -> None:
    leap = read("31/Dec/2016:23:59:60 +0000", Kind.CLF_TIME)
    assert leap == read("01/Jan/2017:00:00:00 +0000", Kind.CLF_TIME)
    assert leap[0] is State.KNOWN


def test_months_are_read_in_any_case() -> None:
    assert read("01/jAN/2023:00:00:00", Kind.CLF_LOCAL_TIME)[0] is State.WITHOUT_ZONE


def ports_taken_off(host: str, port: Port) -> str:
    """What regular expressions make of a host."""
    plain = re.sub(r"^\[([^\]]*)\](?::[0-9]+)?$", r"\1", host)
    pattern = r"^([^\[]*):[0-9]+$" if port is Port.ALWAYS else r"^([^:\[]*):[0-9]+$"
    return re.sub(pattern, r"\1", plain) if plain == host else plain


@given(st.text("[]:1a.", max_size=12), st.sampled_from([Port.MAYBE, Port.ALWAYS]))
@example("::1:80", Port.ALWAYS)
@example("192.0.2.7:80", Port.MAYBE)
@example("[::1]:80", Port.MAYBE)
def test_ports_are_taken_off_hosts(host: str, port: Port) -> None:
    read = read_values(pa.array([host]), Wanted(port=port))
    assert isinstance(read, TextRows)
    assert read.table.sealed().to_pylist() == [ports_taken_off(host, port)]


@given(st.lists(st.text("{} a", max_size=5), max_size=4).map("".join))
@example("{a} {b} ")
@example("{a} {} {} ")
def test_texts_in_braces(text: str) -> None:
    fits = re.fullmatch(BRACES, text) is not None
    assert have_form(pa.array([text]), Form.BRACES)[0] == fits


def test_texts_that_say_that_there_is_nothing_have_no_number() -> None:
    texts = pa.array(["a", "-", "", "b", "a"])
    for nothing, codes in (
        (Nothing.NONE, [0, 1, 2, 3, 0]),
        (Nothing.DASH, [0, -1, 1, 2, 0]),
        (Nothing.DASH | Nothing.EMPTY, [0, -1, -1, 1, 0]),
    ):
        assert read_values(texts, Wanted(Kind.TEXT, nothing)).codes.tolist() == codes
    empty = read_values(texts, Wanted(Kind.SIZE, Nothing.DASH | Nothing.EMPTY)).states.tolist()
    assert empty[1:3] == [State.NOTHING, State.NOTHING]
