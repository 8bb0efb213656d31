"""Fields that a person asks to keep: in every notation the text that was written."""

from __future__ import annotations

import json
from collections.abc import Callable

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.errors import UsageError
from glancemetrics.formats import extraction
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.kept_fields import TAKEN, paths_called, read_kept
from glancemetrics.formats.log_format import LineContext
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.reading import make_reading
from glancemetrics.records.schema import SCHEMA, schema_with

TIME = "17/May/2015:10:05:03 +0000"
BROKEN = "\ud800"
"""Stands for a byte that is no UTF-8."""


def quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


@attrs.frozen
class Notation:
    """How a server writes a line with a field that no column has."""

    log_format: str
    keep: str
    line: Callable[[str], str]
    written: st.SearchStrategy[str]
    """What may stand there, as the server writes it."""
    means: Callable[[str], str] = str
    """What is kept of that."""


def characters(without: str = "") -> st.SearchStrategy[str]:
    some = st.sampled_from([one for one in '"\\-x=:,;[]{}\t é\x00' + BROKEN if one not in without])
    any_one = st.characters(exclude_characters=f"\n\r{without}", exclude_categories=["Cs"])
    return st.text(some | any_one, max_size=12) | st.just("long " * 20_000).filter(
        lambda text: " " not in without
    )


in_quotes = st.lists(characters('"\\') | st.sampled_from([r"\"", r"\\", r"\x22"]), max_size=4).map(
    "".join
)
words = characters('" \t')
NOTATIONS = {
    "nginx": Notation(
        '$remote_addr [$time_local] "$request" $status "$sent_http_x_cache" $request_time',
        "sent_http_x_cache",
        lambda text: f'192.0.2.7 [{TIME}] "GET /a HTTP/1.1" 200 "{text}" 0.250',
        in_quotes,
    ),
    "nginx, what a column is made of": Notation(
        '$remote_addr [$time_local] "$request" $status "$http_x_forwarded_for" $request_time',
        "http_x_forwarded_for",
        lambda text: f'192.0.2.7 [{TIME}] "GET /a HTTP/1.1" 200 "{text}" 0.250',
        st.sampled_from(["203.0.113.9", "203.0.113.9, 10.0.0.1", "unknown", "-", ""]),
    ),
    "nginx, of each upstream": Notation(
        '$remote_addr [$time_local] "$request" $status $upstream_status $upstream_response_time',
        "upstream_status",
        lambda text: f'192.0.2.7 [{TIME}] "GET /a HTTP/1.1" 200 {text} 0.250',
        st.sampled_from(["200", "502, 200", "502 : 200", "-"]),
    ),
    "nginx, a number": Notation(
        '$remote_addr [$time_local] "$request" $status $request_time x',
        "Request_Time",
        lambda text: f'192.0.2.7 [{TIME}] "GET /a HTTP/1.1" 200 {text} x',
        st.sampled_from(["0.250", "-", "+1", "8.5e-05", "00.10"]),
    ),
    "Apache": Notation(
        r'%h %l %u %t "%r" %>s %b "%{X-Cache}o" %D',
        "x-cache",
        lambda text: f'192.0.2.7 - - [{TIME}] "GET /a HTTP/1.1" 200 5 "{text}" 12',
        in_quotes,
    ),
    "JSON": Notation(
        "json",
        "cache.status",
        lambda text: json.dumps(
            {
                "time": "2015-05-17T10:05:03Z",
                "status": 200,
                "request": "GET /a HTTP/1.1",
                "cache": {"status": text.replace(BROKEN, "")},
            }
        ),
        characters(),
        lambda text: text.replace(BROKEN, ""),
    ),
    "LTSV": Notation(
        "ltsv",
        "cache",
        lambda text: f"time:{TIME}\tcache:{text}\treq:GET /a HTTP/1.1\tstatus:200",
        characters("\t"),
    ),
    "logfmt": Notation(
        "logfmt",
        "cache",
        lambda text: (
            "time=2015-05-17T10:05:03Z method=GET path=/a status=200 "
            f'cache="{quoted(text)}" bytes=5'
        ),
        characters(),
    ),
    "W3C": Notation(
        "#Fields: date time c-ip cs-method cs-uri-stem sc-status cs(Cookie) time-taken",
        "cs(Cookie)",
        lambda text: f"2015-05-17\t10:05:03\t192.0.2.7\tGET\t/a\t200\t{text}\t0.012",
        characters('\t"'),
    ),
    "GoAccess": Notation(
        '%h %^[%d:%t %^] "%r" %s %b "%K" %D',
        "%K",
        lambda text: f'192.0.2.7 - - [{TIME}] "GET /a HTTP/1.1" 200 5 "{text}" 12',
        in_quotes,
    ),
    "a regular expression": Notation(
        r'(?P<time>\S+) (?P<host>\S+) "(?P<request>[^"]*)" (?P<status>\d+) <(?P<cache>.*)> end',
        "cache",
        lambda text: f'2015-05-17T10:05:03Z 192.0.2.7 "GET /a HTTP/1.1" 200 <{text}> end',
        characters(),
    ),
    "HAProxy": Notation(
        "haproxy",
        "termination_state",
        lambda text: (
            "192.0.2.7:50112 [17/May/2015:10:05:03.250] web~ app/app1 0/0/1/11/12 200 512 - - "
            f'{text} 1/1/0/0/0 0/0 "GET /a HTTP/1.1"'
        ),
        words.filter(bool),
    ),
}


def logged(lines: list[str]) -> bytes:
    whole = "".join(f"{line}\n" for line in lines)
    return b"\xff".join(part.encode() for part in whole.split(BROKEN))


def shown(text: str) -> str | None:
    """What a record has of a text: bytes that are no UTF-8 as `\\xHH`; no text is none."""
    return None if text in ("-", "", '""') else text.replace(BROKEN, r"\xff")


@pytest.mark.parametrize("name", NOTATIONS)
@given(data=st.data())
def test_a_field_that_is_kept_is_the_text_that_was_written(name: str, data: st.DataObject) -> None:
    notation = NOTATIONS[name]
    texts = data.draw(st.lists(notation.written, min_size=1, max_size=5))
    log = logged([notation.line(text) for text in texts])
    reading = make_reading(notation.log_format, keep=[notation.keep])
    assert reading.given is not None

    kept = guarded_decode(reading.given, log, reading.context)
    plain = guarded_decode(reading.given, log)

    assert kept.batch.schema == schema_with([notation.keep])
    assert kept.line.tolist() == plain.line.tolist()
    assert kept.rejected.tolist() == plain.rejected.tolist()
    assert kept.damaged.tolist() == plain.damaged.tolist()
    assert kept.batch.select(SCHEMA.names).to_pylist() == plain.batch.to_pylist()
    assert plain.batch.num_rows == len(texts)
    expected = [shown(notation.means(text)) for text in texts]
    assert kept.batch.column(notation.keep).to_pylist() == expected


@given(texts=st.lists(in_quotes, min_size=1, max_size=5))
def test_lines_that_are_split_and_those_that_are_matched_keep_the_same(texts: list[str]) -> None:
    notation = NOTATIONS["nginx"]
    log = logged([notation.line(text) for text in texts])
    made = []
    for few in (extraction.FEW_LINES, 0):
        for is_split in (True, False):
            (one,) = read_format(notation.log_format).formats  # type: ignore[attr-defined]
            one = one if is_split else one.without_splitting()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(extraction, "FEW_LINES", few)
                decoded = one.decode(log, LineContext(kept=("sent_http_x_cache", "request_time")))
            made.append(decoded.batch.to_pylist())
    assert made[1:] == made[:1] * 3


def kept_of(log_format: str, keep: str, *lines: str) -> list[dict[str, object]]:
    """What is kept of lines, of which the format is detected or given."""
    reading = make_reading(log_format, keep=[keep])
    log = logged(list(lines))
    decoded = guarded_decode(reading.format_of(log), log, reading.context)
    assert not decoded.rejects
    return decoded.batch.select(list(reading.context.kept)).to_pylist()


def request(**members: object) -> str:
    whole = {"time": "2015-05-17T10:05:03Z", "status": 200, "request": "GET /a HTTP/1.1", **members}
    return json.dumps(whole)


def test_numbers_objects_and_arrays_are_kept_as_they_are_written() -> None:
    line = (
        request()[:-1] + ', "n": 1.50, "b": true, "o": {"x": [1, "\\u00e9"]}, "a": [ ], "z": null}'
    )
    keep = "n,b,o,a,z,o/x,o.x[0],status_text"
    assert kept_of("json", keep, line) == [
        {
            "n": "1.50",
            "b": "true",
            "o": '{"x": [1, "\\u00e9"]}',
            "a": "[ ]",
            "z": None,
            "o/x": '[1, "\\u00e9"]',
            "o.x[0]": "1",
            "status_text": None,
        }
    ]


def test_a_name_is_a_key_before_it_is_a_path() -> None:
    lines = [request(**{"a.b": "key", "a": {"b": "path"}}), request(a={"b": "path"})]
    assert kept_of("auto", "a.b", *lines) == [{"a.b": "key"}, {"a.b": "path"}]
    assert paths_called("a.b[0]") == (("a.b[0]",), ("a", "b", "0"))
    assert paths_called("a/b~1c") == (("a/b~1c",), ("a", "b/c"))


def test_names_of_one_field_keep_it_both() -> None:
    line = request(a={"b": "x"})
    assert kept_of("auto", "a.b,a/b", line) == [{"a.b": "x", "a/b": "x"}]


def test_what_stands_in_a_line_where_its_name_is_before_it_is_kept() -> None:
    line = f'192.0.2.7 - - [{TIME}] "GET /a HTTP/1.1" 200 5 "-" "curl/8.5.0" rt=0.5 cs=%s'
    kept = kept_of("auto", "cs,rt", line % "MISS", line % "HIT", line % "-")
    assert kept == [{"cs": state, "rt": "0.5"} for state in ("MISS", "HIT", None)]


def test_fields_are_kept_that_directives_in_the_log_name() -> None:
    lines = PRESETS["aws-cloudfront"].example.split("\n")
    assert kept_of("auto", "x-edge-location,time-taken", *lines) == [
        {"x-edge-location": "CDG50-P2", "time-taken": "0.012"}
    ]


def test_what_is_around_a_line_has_what_the_line_has_not() -> None:
    inside = f'192.0.2.7 - - [{TIME}] "GET /a HTTP/1.1" 200 5'
    lines = [
        json.dumps({"MESSAGE": inside, "_HOSTNAME": "web1", "__REALTIME_TIMESTAMP": "1431857103"}),
        json.dumps({"MESSAGE": inside, "__REALTIME_TIMESTAMP": "1431857103"}),
    ]
    assert kept_of("auto", "_HOSTNAME", *lines) == [{"_HOSTNAME": "web1"}, {"_HOSTNAME": None}]
    shipped = [
        json.dumps({"@timestamp": "2015-05-17T10:05:03Z", "message": text, "pod": "out", "x": "y"})
        for text in (request(pod="in"), request())
    ]
    assert kept_of("auto", "pod,x", *shipped) == [{"pod": "in", "x": "y"}, {"pod": "out", "x": "y"}]


def test_lines_in_several_formats_keep_what_each_has() -> None:
    lines = [f'192.0.2.{n} - - [{TIME}] "GET /a HTTP/1.1" 200 5' for n in range(5)]
    lines += [request(cache="HIT")] * 5
    assert kept_of("auto", "cache", *lines) == [{"cache": None}] * 5 + [{"cache": "HIT"}] * 5


def test_broken_lines_keep_what_can_be_read() -> None:
    nginx = NOTATIONS["nginx"]
    reading = make_reading(nginx.log_format, keep=["sent_http_x_cache"])
    assert reading.given is not None
    good = nginx.line("HIT")
    log = logged([good, good.replace("0.250", "soon"), good[:-9]])
    decoded = guarded_decode(reading.given, log, reading.context)
    assert decoded.damaged.tolist() == [1, 2]
    assert decoded.batch.column("sent_http_x_cache").to_pylist()[:2] == ["HIT", "HIT"]


@pytest.mark.parametrize("log", [b"", b"nothing of a request\n"])
@pytest.mark.parametrize("log_format", ["auto", "json", "ltsv"])
def test_a_batch_without_records_has_the_columns_too(log_format: str, log: bytes) -> None:
    reading = make_reading(log_format, keep=["cache"])
    decoded = guarded_decode(reading.format_of(log), log, reading.context)
    assert decoded.batch.schema == schema_with(["cache"])
    assert not decoded.batch.num_rows


@pytest.mark.parametrize(
    ("log_format", "keep", "said"),
    [
        ("combined", "cache", "cache: no such field in combined; available: none"),
        (
            "$msec $status $cache",
            "cash",
            "cash: no such field in given; available: msec, cache",
        ),
        ("haproxy", "cache", "available: frontend_name, backend_server"),
        (r"(?P<time>\S+) (?P<cash>\S+)", "cache", "unknown field 'cash'; add --keep cash"),
        (r"(?P<time>\S+) (?P<path>\S+)", "cache", "available: none"),
        ("auto", "Path", "path is a built-in name"),
        ("auto", "sections", "sections is a built-in name"),
        ("auto", "a\x1bb", "must not contain quotes or control characters"),
        ("auto", 'a"b', "must not contain quotes"),
        ("auto", "x" * 65, "65 characters, the limit is 64"),
        ("auto", "Cache,cache", "cache: same as Cache"),
        ("auto", ",".join(f"f{n}" for n in range(17)), "17 fields, the limit is 16"),
        ("auto", "a\ud800", "not valid UTF-8"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_what_can(
    log_format: str, keep: str, said: str
) -> None:
    with pytest.raises(UsageError) as raised:
        make_reading(log_format, keep=[keep])
    assert said in str(raised.value)


def test_names_may_be_given_together_or_one_by_one() -> None:
    assert read_kept(["a, b", "c", "a", ""]) == ("a", "b", "c")


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_gives_each_field_that_it_names(name: str) -> None:
    preset = PRESETS[name]
    names = read_format(name).keepable
    kept = tuple(one for one in names or () if one.lower() not in TAKEN)
    log = f"{preset.example}\n".encode()
    context = LineContext(kept=kept)
    decoded = guarded_decode(read_format(name), log, attrs.evolve(context, arrived=1.0))
    assert decoded.batch.num_rows
    assert decoded.batch.schema == schema_with(kept)
    assert (
        names is None or not kept or any(decoded.batch.select(list(kept)).to_pylist()[0].values())
    )


def test_what_apache_writes_is_called_by_the_name_in_its_braces_if_that_is_one() -> None:
    written = read_format('%h %t "%r" %>s %{ms}T %{X-Cache}o %{sid}C %{c}a %X').keepable
    assert written == ("%h", "%t", "%r", "%s", "%{ms}T", "X-Cache", "sid", "%{c}a", "%X")


def test_headers_of_one_name_are_told_apart_by_what_is_written() -> None:
    """What came and what went."""
    names = ["X-Cache", "%{X-Cache}o"]
    reading = make_reading('%h %t "%r" %>s "%{X-Cache}i" "%{X-Cache}o"', keep=names)
    log = f'192.0.2.7 [{TIME}] "GET / HTTP/1.1" 200 "in" "out"\n'.encode()
    batch = guarded_decode(reading.format_of(log), log, reading.context).batch
    assert batch.select(names).to_pylist() == [{"X-Cache": "in", "%{X-Cache}o": "out"}]


def test_groups_are_called_as_sql_calls_columns() -> None:
    reading = make_reading(r"(?P<time>\S+) (?P<Cash>\S+)", keep=["cash"])
    log = b"2026-11-20T10:00:00Z HIT\n"
    batch = guarded_decode(reading.format_of(log), log, reading.context).batch
    assert batch["cash"].to_pylist() == ["HIT"]


def test_a_path_with_a_tilde_is_a_path_too() -> None:
    """As `formats` lists a key with a slash in it."""
    one = {"time": "2026-11-20T10:00:00Z", "status": 200, "client/ip": "9.9.9.9", "a~b": 1}
    log = json.dumps(one | {"request": "GET / HTTP/1.1"})
    reading = make_reading("json", keep=["client~1ip", "a~0b"])
    whole = f"{log}\n".encode()
    batch = guarded_decode(reading.format_of(whole), whole, reading.context).batch
    assert batch.select(["client~1ip", "a~0b"]).to_pylist() == [
        {"client~1ip": "9.9.9.9", "a~0b": "1"}
    ]
