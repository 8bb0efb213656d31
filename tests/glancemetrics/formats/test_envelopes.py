"""Envelopes: whatever a collector put around lines, inside they are what they were."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.detection import detect
from glancemetrics.formats.envelopes import ENVELOPES
from glancemetrics.formats.log_format import NO_TIME, LineContext
from glancemetrics.formats.pattern import lines_of
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.stream import StreamFormat, open_envelopes
from glancemetrics.records.schema import rows
from tests.lines import BASE, line

MOMENT = datetime(2015, 5, 17, 10, 5, 3, 250_000, tzinfo=UTC)
MICROS = round(MOMENT.timestamp() * 1_000_000)
ISO = "2015-05-17T12:05:03.250000123+02:00"

WRAPPERS: dict[str, Callable[[str], str]] = {
    "docker": lambda text: json.dumps({"log": f"{text}\n", "stream": "stdout", "time": ISO}),
    "journald": lambda text: json.dumps(
        {"__REALTIME_TIMESTAMP": str(MICROS), "MESSAGE": text, "SYSLOG_IDENTIFIER": "web"}
    ),
    "shipper": lambda text: json.dumps(
        {"@timestamp": ISO, "log": {"offset": 1}, "message": text, "host": {"name": "web1"}}
    ),
    "fluentd": lambda text: f"{ISO}\tweb.access\t{text}",
    "cri": lambda text: f"{ISO} stdout F {text}",
    "kubectl": lambda text: f"[pod/web-5d4/nginx] {ISO} {text}",
    "compose": lambda text: f"web-1  | {ISO} {text}",
    "stern": lambda text: f"web-5d4-x2x7k nginx {ISO} {text}",
    "rfc5424": lambda text: f'<134>1 {ISO} host web 7 - [a@1 b="c\\"]"] {text}',
    "rfc3164": lambda text: f"<134>May 17 10:05:03 host web[7]: {text}",
    "time": lambda text: f"{ISO} {text}",
    "quotes": lambda text: f'"{text}"',
}
OTHER_SHAPES = {
    "shipper": [
        lambda text: json.dumps({"date": MICROS / 1e6, "log": f"{text}\n"}),  # Fluent Bit
        lambda text: json.dumps({"file": "/a", "message": text, "timestamp": ISO}),  # Vector
        lambda text: json.dumps({"line": text, "job": "web"}),  # Promtail
        lambda text: json.dumps({"event": {"original": text}, "@timestamp": ISO}),  # Logstash
        lambda text: json.dumps({"event.original": text, "message": ""}),
        lambda text: json.dumps({"MESSAGE": text, "timestamp": ISO}),
    ],
    "kubectl": [
        lambda text: f"[pod/web-5d4/nginx] {text}",
        lambda text: f"\x1b[34m[pod/web-5d4/nginx]\x1b[0m {text}",
    ],
    "compose": [
        lambda text: f"\x1b[36mweb_1  |\x1b[0m {text}",
        lambda text: f"\x1b[36mweb-1  | \x1b[0m{text}",
        lambda text: f"\x1b[1m\x1b[36mweb-1  \x1b[0m| {text}",
        lambda text: f"web | {text}",
    ],
    "stern": [
        lambda text: f"web-5d4-x2x7k nginx {text}",
        lambda text: f"shop web-5d4-x2x7k nginx {text}",  # stern -A
        lambda text: f"\x1b[32mweb-0\x1b[0m \x1b[36mnginx\x1b[0m {text}",
    ],
    "time": [lambda text: f"\x1b[2m{ISO}\x1b[0m {text}"],
    "rfc5424": [lambda text: f"<13>1 - - - - - - \ufeff{text}"],
    "rfc3164": [
        lambda text: f"May  7 10:05:03 host web: {text}",
        lambda text: f"<190>May 17 10:05:03 web: {text}",  # nginx with nohostname
        lambda text: f"2015-05-17T10:05:03.250+00:00 host web[7]: {text}",
        lambda text: f"May 17 10:05:03.250111 host web[7]: {text}",  # journalctl -o short-precise
    ],
}
payloads = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=30).map(
    lambda text: "GET" + text
)


def opened(name: str, *lines: str) -> tuple[list[str], list[int], list[int], list[bool]]:
    found = ENVELOPES[name].take_off(pa.array([f"{text}\n" for text in lines]))
    return (
        [text.removesuffix("\n") for text in found.lines.to_pylist()],
        found.line.tolist(),
        found.times.tolist(),
        found.enveloped.tolist(),
    )


@pytest.mark.parametrize("name", ENVELOPES)
@given(texts=st.lists(payloads, min_size=1, max_size=4))
def test_what_was_wrapped_comes_out_as_it_was(name: str, texts: list[str]) -> None:
    for wrap in [WRAPPERS[name], *OTHER_SHAPES.get(name, [])]:
        inside, line, times, enveloped = opened(name, *map(wrap, texts))
        assert inside == texts
        assert line == list(range(len(texts)))
        assert all(enveloped)
        assert set(times) <= {MICROS, NO_TIME}


@pytest.mark.parametrize("name", sorted({*ENVELOPES} - {"rfc3164", "quotes"}))
def test_they_say_when_a_line_was_written(name: str) -> None:
    assert opened(name, WRAPPERS[name]("x"))[2] == [MICROS]


@pytest.mark.parametrize("name", ENVELOPES)
def test_a_line_without_the_envelope_stays_as_it_is(name: str) -> None:
    texts = ["", "GET / HTTP/1.1", "{}", '{"log":5', line().decode().rstrip()]
    inside, _, times, enveloped = opened(name, *texts)
    assert inside == texts
    assert not any(enveloped)
    assert set(times) == {NO_TIME}


def test_pieces_of_a_line_are_put_together_by_stream() -> None:
    inside, numbers, _, _ = opened(
        "cri",
        f"{ISO} stdout P one ",
        f"{ISO} stderr P other ",
        f"{ISO} stdout P two ",
        f"{ISO} stdout F three",
        f"{ISO} stderr F end",
        f"{ISO} stdout P never ended",
    )
    assert inside == ["one two three", "other end", "never ended"]
    assert numbers == [0, 1, 5]
    pieces = [("GET /a", "stdout"), ("x\n", "stderr"), ("?b\n", "stdout")]
    texts = [json.dumps({"log": log, "stream": stream, "time": ISO}) for log, stream in pieces]
    assert opened("docker", *texts)[0] == ["GET /a?b", "x"]


def test_a_message_of_the_journal_that_is_not_text_is_an_array_of_bytes() -> None:
    inside, _, _, enveloped = opened(
        "journald",
        json.dumps({"MESSAGE": list(b"a\xffb\nc"), "__REALTIME_TIMESTAMP": "1"}),
        json.dumps({"MESSAGE": "two\nlines", "__REALTIME_TIMESTAMP": "x"}),
        json.dumps({"MESSAGE": None}),
    )
    assert inside[:2] == [r"a\xffb\nc", r"two\nlines"]
    assert enveloped == [True, True, False]


@pytest.mark.parametrize(
    "message",
    [
        "600000000",
        "6e9",
        "-1",
        "true",
        "{}",
        '{"0":71}',
        "[[71]]",
        "[71.0]",
        "[256]",
        "[-1]",
        "[true]",
    ],
)
def test_a_message_that_is_neither_text_nor_bytes_is_a_foreign_line(message: str) -> None:
    """A number is how many bytes Python would make: 600 MB."""
    good = json.dumps({"MESSAGE": line().decode().rstrip()})
    others = [f'{{"MESSAGE":{message}}}', f'{{"x":{{"MESSAGE":[71]}},"MESSAGE":{message}}}']
    chunk = "".join(f"{text}\n" for text in [good, *others, good])
    tracemalloc.start()
    decoded = StreamFormat((COMBINED,), (ENVELOPES["journald"],)).decode(chunk.encode())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 24
    assert (decoded.line.tolist(), decoded.foreign, decoded.rejects) == ([0, 3], 2, 0)


def test_a_message_as_deep_as_can_be_is_no_message() -> None:
    deep = '{"MESSAGE": ' + "[" * 100_000
    assert opened("journald", deep)[0] == [deep]


def test_an_object_of_a_server_is_not_opened_where_it_says_more_than_its_message() -> None:
    record = {
        "@timestamp": "2015-05-17T10:05:03Z",
        "message": line().decode().rstrip(),
        "source": {"ip": "192.0.2.9"},
        "url": {"original": "/other"},
        "http": {"response": {"status_code": 404}, "request": {"method": "PUT"}},
    }
    chunk = f"{json.dumps(record)}\n".encode() * 3
    stream = detect(chunk).format
    assert stream is not None
    assert not stream.envelopes
    assert {record.host for record in rows(stream.decode(chunk).batch)} == {"192.0.2.9"}


def test_what_fluentd_made_of_a_line_is_read_with_the_time_beside_it() -> None:
    parsed = {"remote": "192.0.2.7", "host": "-", "method": "GET", "path": "/a", "code": "200"}
    texts = [
        f"{ISO}\tweb.access\t{json.dumps(parsed)}",
        f"{ISO}\tweb.error\t" + json.dumps({"level": "warn", "text": "slow"}),
    ]
    chunk = "".join(f"{text}\n" for text in texts).encode()
    stream = detect(chunk).format
    assert stream is not None
    assert stream.name == "json in fluentd"
    decoded = stream.decode(chunk)
    (record,) = rows(decoded.batch)
    assert (record.time, record.host, record.path, record.status) == (
        MOMENT.replace(microsecond=250_000),
        *("192.0.2.7", "/a", 200),
    )
    assert (decoded.foreign, decoded.rejects) == (1, 0)
    shipped = f"{ISO}\tweb\t" + json.dumps({"message": line().decode().rstrip(), "x": 1})
    found = detect(f"{shipped}\n".encode() * 2).format
    assert found is not None
    assert found.name == "combined in shipper in fluentd"


@pytest.mark.parametrize("name", sorted({*ENVELOPES} - {"rfc3164", "quotes"}))
def test_the_time_of_an_envelope_counts_where_the_line_has_none(name: str) -> None:
    untimed = {"remote_addr": "192.0.2.7", "status": 200, "uri": "/a"}
    wrapped = WRAPPERS[name](json.dumps(untimed))
    timed = WRAPPERS[name](json.dumps({**untimed, "time": "2024-05-05T10:00:00Z"}))
    chunk = f"{wrapped}\n{timed}\n".encode()
    found = detect(chunk).format
    assert found is not None
    first, second = rows(found.decode(chunk).batch)
    assert (first.time, second.time.year) == (MOMENT, 2024)


@pytest.mark.parametrize(
    "text",
    [
        "web-1 nginx starting up",
        "shop.example.com 192.0.2.7 - - [17/May/2015:10:05:03 +0000]",
        "192.0.2.7 - bob [17/May/2015:10:05:03 +0000]",
    ],
)
def test_a_log_is_no_logs_of_pods_because_it_begins_with_words(text: str) -> None:
    request = f'{text} "GET /a HTTP/1.1" 200 5 "-" "x"'
    found = detect(f"{request}\n".encode() * 3).format
    assert found is None or not found.envelopes


def test_envelopes_in_envelopes() -> None:
    text = line().decode().rstrip()
    wrapped = WRAPPERS["docker"](WRAPPERS["rfc3164"](WRAPPERS["cri"](text)))
    chain = tuple(ENVELOPES[name] for name in ("docker", "rfc3164", "cri"))
    stream = StreamFormat((COMBINED,), chain)
    assert stream.name == "combined in cri in rfc3164 in docker"
    decoded = stream.decode(f"{wrapped}\n".encode())
    assert rows(decoded.batch) == rows(COMBINED.decode(line()).batch)


def test_lines_of_other_programs_are_foreign_and_broken_requests_rejects() -> None:
    stream = StreamFormat((COMBINED,), (ENVELOPES["compose"],))
    request = line().decode().rstrip()
    texts = [
        f"web | {request}",
        "web | starting up",
        f"web | {request[:60]}",  # cut within its request line
        "db  | ready",
        request,  # without the envelope
        "web | ",
    ]
    decoded = stream.decode("".join(f"{text}\n" for text in texts).encode())
    assert decoded.line.tolist() == [0, 4]
    assert decoded.rejected.tolist() == [2]
    assert decoded.foreign == 3


def test_error_logs_in_the_same_file_are_foreign_without_an_envelope_too() -> None:
    stream = StreamFormat((COMBINED,))
    chunk = (
        b'2022/01/24 16:33:06 [error] 334#334: *338 open() failed, request: "GET / HTTP/1.1"\n'
        b"[Wed Oct 11 14:32:52.123456 2023] [core:error] [pid 1] AH0001: nothing\n"
        b"nonsense\n"
    )
    decoded = stream.decode(chunk + line())
    assert (decoded.line.tolist(), decoded.rejected.tolist(), decoded.foreign) == ([3], [2], 2)


def test_a_format_without_times_has_those_of_its_envelope_or_of_the_moment() -> None:
    text = 'INFO:     192.0.2.7:50112 - "GET /a HTTP/1.1" 200 OK'
    uvicorn = PRESETS["uvicorn"].formats
    chunk = f"{WRAPPERS['cri'](text)}\nINFO: started\n".encode()
    (record,) = rows(StreamFormat(uvicorn, (ENVELOPES["cri"],)).decode(chunk).batch)
    assert (record.time, record.host, record.path) == (MOMENT, "192.0.2.7", "/a")
    bare = StreamFormat(uvicorn, is_shared=True)
    written = f"{text}\nINFO: started\n".encode()
    (record,) = rows(bare.decode(written, LineContext(arrived=BASE + 0.5)).batch)
    assert record.time.timestamp() == BASE + 0.5
    decoded = bare.decode(written)
    assert (decoded.rejects, decoded.foreign) == (1, 1)
    assert "no time in the line or around it" in bare.explain(text.encode())


@given(st.lists(st.binary(max_size=50).map(lambda b: b.replace(b"\n", b"")), max_size=5))
def test_no_line_is_lost_whatever_it_is(lines: list[bytes]) -> None:
    chunk = b"".join(line + b"\n" for line in lines)
    for envelope in ENVELOPES.values():
        found = envelope.take_off(lines_of(chunk))
        assert found.line.tolist() == list(range(len(lines)))
        assert all(text.endswith("\n") for text in found.lines.to_pylist())
        assert not any("\n" in text[:-1] for text in found.lines.to_pylist())
        decoded = StreamFormat((COMBINED,), (envelope,)).decode(chunk)
        assert decoded.lines == len(lines)
        assert decoded.batch.num_rows + decoded.rejects + decoded.foreign == decoded.lines
    assert len(open_envelopes(lines_of(chunk), list(ENVELOPES.values())).line) == len(lines)
