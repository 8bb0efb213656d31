"""JSON lines: what the compiled reader finds is what Python's own finds, and nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glancemetrics.formats.fields import Field
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.log_format import UNKNOWN, reject_samples
from glancemetrics.native.json_lines import BROKEN, NO_OBJECT, OBJECT, JsonPaths
from glancemetrics.native.strings import StringTable
from glancemetrics.native.values import TextRows, Wanted
from glancemetrics.records.schema import rows
from tests.conftest import thorough

PATHS = [("a",), ("b", "c"), ("h", "X-Y", "0"), ("a/b",), ("é",)]
keys = st.sampled_from(["a", "b", "c", "h", "X-Y", "0", "a/b", "é", "x" * 40])
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(keys, values, max_size=6)


def read(lines: list[str]) -> tuple[list[int], list[list[str | None]]]:
    """What each line is, and the text at each path."""
    tables = [StringTable() for _ in PATHS]
    reader = JsonPaths([(path, Wanted()) for path in PATHS])
    found = reader.read(pa.array([f"{line}\n" for line in lines], pa.string()), tables)
    names = [table.sealed().to_pylist() for table in tables]

    def text(path: int, line: int) -> str | None:
        rows = found.columns.get(path)
        if rows is None:
            return None
        assert isinstance(rows, TextRows)
        return None if rows.codes[line] < 0 else names[path][rows.codes[line]]

    return found.kinds.tolist(), [
        [text(path, line) for path in range(len(PATHS))] for line in range(len(lines))
    ]


def at(value: Any, path: tuple[str, ...]) -> str | None:
    """What a person would expect at a path."""
    for key in path:
        if isinstance(value, list) and key == "0":
            value = value[0] if value else None
        elif isinstance(value, dict):
            value = value.get(key)
        else:
            return None
    if value is None or isinstance(value, dict | list):
        return None
    return value if isinstance(value, str) else json.dumps(value)


@given(st.lists(objects, max_size=5), st.booleans(), st.booleans())
def test_the_values_are_those_that_pythons_json_finds(
    made: list[dict[str, Any]], ascii_only: bool, spaced: bool
) -> None:
    separators = (", ", ": ") if spaced else (",", ":")
    lines = [json.dumps(one, ensure_ascii=ascii_only, separators=separators) for one in made]
    kinds, found = read(lines)
    assert kinds == [OBJECT] * len(made)
    assert found == [[at(one, path) for path in PATHS] for one in made]


@given(objects, st.data())
def test_what_is_cut_off_is_broken(made: dict[str, Any], data: st.DataObject) -> None:
    whole = json.dumps(made)
    end = data.draw(st.integers(1, len(whole) - 1))
    assert read([whole[:end]])[0] == [BROKEN]
    assert read([whole + "x"])[0] == [BROKEN]


@given(st.text(st.sampled_from('{}[]":,\\u0123456789abcdefnulltrue. \t-+eE'), max_size=40))
@example('{"a":1' + "[" * 200)
@example('{"a":' + '{"a":' * 100)
@example('{"a":"\\')
@example('{"a":"\\u12')
@example('{"a":"\\ud800\\u0041"}')
@example('{"a":-}')
def test_any_text_is_an_object_the_beginning_of_one_or_none(text: str) -> None:
    ((kind,), _) = read([text])
    assert (kind == NO_OBJECT) == (not text.lstrip(" \t\r").startswith("{"))
    try:
        good = isinstance(json.loads(text), dict)
    except ValueError:
        good = False
    if good:
        assert kind == OBJECT


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"a\"b\\c\/d\n\t\u0041", 'a"b\\c/d\n\tA'),
        (r"\ud83d\ude00", "😀"),
        (r"\ud83d", r"\ud83d"),  # half of a pair
        (r"\x22\xE9", r"\x22\xE9"),  # nginx without escape=json
        ("\x01\t", "\x01\t"),
    ],
)
def test_escapes(written: str, meant: str) -> None:
    assert read([f'{{"a":"{written}"}}'])[1][0][0] == meant


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (r'"\u0061":"x"', 0),
        (r'"b":{"\u0063":"x"}', 1),
        (r'"a\/b":"x"', 3),  # as PHP writes it
        (r'"\u00e9":"x"', 4),  # as Python writes it
        (r'"\u00E9":"\u0078"', 4),
    ],
)
def test_keys_may_have_escapes(written: str, path: int) -> None:
    """Also in the lines behind, whose keys are alike."""
    expected = [None] * len(PATHS)
    expected[path] = "x"
    found = read([f"{{{written}}}"] * 3)[1]
    assert found == [expected] * 3


SIMPLE = JsonFormat(
    "simple",
    {
        Field.TIME: ("time", "ts"),
        Field.HOST_OR_PORT: "ip",
        Field.METHOD: "method",
        Field.TARGET: "url",
        Field.PROTOCOL: "proto",
        Field.STATUS: "status",
        Field.BYTES: "size",
        Field.AGENT: "agent",
        Field.DURATION: "took",
        Field.MILLISECONDS: "ms",
    },
    requires={"kind": "^access"},
    marks=[[Field.STATUS]],
)


def decode(*values: dict[str, Any]) -> Any:
    chunk = "".join(json.dumps({"kind": "access", **value}) + "\n" for value in values).encode()
    return SIMPLE.decode(chunk)


@pytest.mark.parametrize(
    ("time", "second"),
    [
        (1431857103, 1431857103.0),
        (1431857103.25, 1431857103.25),
        ("1431857103250", 1431857103.25),
        (1431857103250000, 1431857103.25),
        (1431857103250000000, 1431857103.25),
        ("2015-05-17T10:05:03.25Z", 1431857103.25),
        ("2015-05-17T12:05:03+0200", 1431857103.0),
        ("2015-05-17 10:05:03", 1431857103.0),
        ("17/May/2015:10:05:03 +0000", 1431857103.0),
    ],
)
def test_times_in_any_notation(time: object, second: float) -> None:
    (record,) = rows(decode({"time": time, "status": 200}).batch)
    assert record.time.timestamp() == second


@pytest.mark.parametrize(
    ("took", "seconds"),
    [("12.5ms", 0.0125), ("1m2.5s", 62.5), ("45µs", 0.000045), ("0.012s", 0.012), ("12", None)],
)
def test_durations_say_their_unit_or_are_not_known(took: str, seconds: float | None) -> None:
    (record,) = rows(decode({"ts": 1, "status": 200, "took": took}).batch)
    assert record.duration == (None if seconds is None else pytest.approx(seconds))


def test_what_is_missing_is_null_and_numbers_may_be_text() -> None:
    first, second = rows(
        decode(
            {"ts": 5, "status": "404", "size": "12", "ms": 250, "url": "http://x.org:1/a?b"},
            {"ts": 6, "status": 0, "size": None, "agent": "", "ip": "[::1]:80", "method": "get"},
        ).batch
    )
    assert (first.status, first.bytes, first.duration) == (404, 12, 0.25)
    assert (first.method, first.path, first.query, first.vhost) == (None, "/a", "b", "x.org:1")
    assert (second.status, second.bytes, second.agent, second.host) == (0, None, None, "::1")
    assert (second.path, second.method) == (None, None)


def test_objects_about_other_things_are_foreign_and_broken_requests_rejects() -> None:
    chunk = (
        b'{"kind":"access","ts":1,"status":200}\n'
        b'{"kind":"start","ts":1,"status":200}\n'
        b'{"kind":"access","ts":1}\n'
        b"listening on :80\n"
        b'{"kind":"access","ts":1,"status":"2xx"}\n'
        b'{"kind":"access","ts":"noon","status":200}\n'
        b'{"kind":"access","ts":1,"sta\n'
        b'tus":200}\n'
        b"\n"
    )
    decoded = SIMPLE.decode(chunk)
    # What is no status costs that, and not the request.
    assert decoded.line.tolist() == [0, 4]
    assert decoded.damaged.tolist() == [4]
    assert (decoded.lines, decoded.rejects, decoded.foreign) == (9, 4, 3)
    assert [sample.reason for sample in reject_samples(chunk, decoded, SIMPLE)] == [
        "ts is not a time",
        "invalid JSON at character 25",
        "the line is not a JSON object",
        "the line is empty",
    ]


@given(st.lists(st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"")), max_size=6))
def test_every_line_is_a_record_a_reject_or_foreign(lines: list[bytes]) -> None:
    decoded = SIMPLE.decode(b"".join(line + b"\n" for line in lines))
    assert decoded.lines == len(lines)
    assert decoded.batch.num_rows + decoded.rejects + decoded.foreign == decoded.lines
    assert not set(decoded.line.tolist()) & set(decoded.rejected.tolist())


@given(
    st.lists(st.dictionaries(keys | st.just('a" : \\,{'), values, max_size=4), max_size=4),
    st.booleans(),
)
@example([{"a": True}, {"b": {"c": False}}, {"h": {"X-Y": [-1.5e-7, None]}}], False)
def test_repairing_what_is_whole_changes_no_value(made: list[dict[str, Any]], spaced: bool) -> None:
    separators = (" , ", " : ") if spaced else (",", ":")
    lines = [
        json.dumps({"kind": "access", "ts": 1, **one, "status": 200}, separators=separators) + "\n"
        for one in made
    ]
    inside = JsonFormat(
        "all",
        {
            Field.TIME: "ts",
            Field.STATUS: "status",
            Field.AGENT: ("a", "b/c"),
            Field.USER: "h/X-Y/0",
        },
        marks=[[Field.STATUS]],
    )
    repaired = inside.repaired(pa.array(lines, pa.string()), UNKNOWN)
    assert rows(repaired.batch) == rows(inside.decode("".join(lines).encode()).batch)
    assert repaired.batch.num_rows == len(lines)
    assert repaired.damaged.tolist() == list(range(len(lines)))


@given(
    st.lists(st.text(st.sampled_from('{}[]":,\\1.e-NnulA \t\r\x1e\x1f'), max_size=60), max_size=4)
)
def test_whatever_is_repaired_each_line_is_a_record_or_a_reject(inside: list[str]) -> None:
    lines = [f'{{"kind":"access","ts":1,"status":200,"x":{one}}}\n' for one in inside]
    repaired = SIMPLE.repaired(pa.array(lines, pa.string()), UNKNOWN)
    both = sorted([*repaired.line.tolist(), *repaired.rejected.tolist()])
    assert both == list(range(len(lines)))
    assert repaired.lines == len(lines)


deep_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('a\\"é', max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
deep_json = deep_values.map(json.dumps)


@given(deep_json, st.integers(0, 80), st.data())
@settings(max_examples=thorough(100, 1000), deadline=None)
def test_what_is_deep_is_read_as_what_is_not(inner: str, depth: int, data: st.DataObject) -> None:
    """By calls inside calls up to a depth, and without them below it: both know what is broken."""
    at = data.draw(st.integers(0, len(inner)))
    for text in (inner, inner[:at], inner[:at] + "," + inner[at:], inner.replace('":', '"')):
        wrapped = "[" * depth + text + "]" * depth
        chunk = f'{{"time":1,"status":200,"path":"/","x":{wrapped}}}\n'.encode()
        try:
            json.loads(chunk)
            good = True
        except ValueError:
            good = False
        decoded = read_format("json").decode(chunk)
        if good:
            assert decoded.batch.num_rows == 1
        elif depth > 70 and decoded.batch.num_rows:
            # More is read than JSON allows, but no more than where it is not deep.
            shallow = f'{{"time":1,"status":200,"path":"/","x":[{text}]}}\n'.encode()
            assert read_format("json").decode(shallow).batch.num_rows == 1


@pytest.mark.parametrize(
    "more",
    [b"", b',"note":"a\tb"', b',"note":"\xff"', b"".join(b',"k%d":1' % i for i in range(1100))],
    ids=["plain", "a raw tab", "no UTF-8", "more keys than are looked at"],
)  # fmt: skip
def test_that_a_time_is_none_is_said_whatever_else_there_is(more: bytes) -> None:
    line = b'{"kind":"access","ts":"noon","status":200%s}' % more
    assert SIMPLE.explain(line) in {
        "ts is not a time",
        "the value of the time field is not a time",
    }


def test_a_request_without_a_key_is_told_which_it_lacks() -> None:
    assert SIMPLE.explain(b'{"kind":"access","status":200}') == "no key for time"
    told = SIMPLE.explain(b'{"kind":"start","ts":1,"status":200}')
    assert told == "a field of the request has an invalid value"
