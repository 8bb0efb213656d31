"""Lines that are requests in no format are foreign in every one."""

from __future__ import annotations

import codecs
from pathlib import Path

import attrs
import pytest

import glancemetrics as gm
from glancemetrics.formats import auto
from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.log_format import LineContext, LogFormat, directives_after
from glancemetrics.formats.noise import LIKE_A_REQUEST
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.stream import StreamFormat
from tests.glancemetrics.formats.test_presets import ASKED
from tests.glancemetrics.formats.writers import WRITERS
from tests.lines import BASE, line

NOISE = ["", "  ", "\r", "# rotated by hand", "  #", "==> /var/log/nginx/b.log <==", "==> - <==\r"]
NOW = LineContext(arrived=float(BASE))
GIVEN = {
    "nginx": '$remote_addr [$time_local] "$request" $status',
    "apache": '%h %t "%r" %>s',
    "goaccess": '%h [%d:%t %^] "%r" %s',
    "regex": r'(?P<host>\S+) \[(?P<time>[^\]]+)\] "(?P<request>[^"]*)" (?P<status>\d+)',
}
LINE = '192.0.2.7 [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200'


def kinds(log_format: LogFormat, *lines: str) -> tuple[int, int, int]:
    """Records, rejects and foreign lines."""
    decoded = log_format.decode("".join(f"{line}\n" for line in lines).encode(), NOW)
    return decoded.batch.num_rows, decoded.rejects, decoded.foreign


@pytest.mark.parametrize("name", PRESETS)
def test_blank_lines_comments_and_frames_are_foreign_in_every_format(name: str) -> None:
    example = PRESETS[name].example.split("\n")
    before = example[:-1]  # directives
    lines = [*before, example[-1], *NOISE, example[-1]]
    assert kinds(read_format(name), *lines) == (2, 0, len(NOISE) + len(before))


@pytest.mark.parametrize("notation", GIVEN)
def test_they_are_foreign_in_formats_that_are_given(notation: str) -> None:
    log_format = read_format(GIVEN[notation], "%d/%b/%Y" if notation == "goaccess" else None)
    assert kinds(log_format, *NOISE, LINE, "x") == (1, 1, len(NOISE))


def test_they_are_foreign_before_a_format_is_known() -> None:
    assert kinds(AutoFormat(), *NOISE, "nonsense") == (0, 1, len(NOISE))
    assert kinds(AutoFormat(learns=False), *NOISE, "nonsense") == (0, 1, len(NOISE))


def test_a_line_that_only_looks_like_noise_stays_a_reject_or_a_record() -> None:
    combined = read_format("combined")
    assert kinds(combined, "==> a <== b", "=> # x", ". #") == (0, 3, 0)
    request = '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "# / HTTP/1.1" 200 5'
    assert kinds(combined, request, f"#{request}") == (2, 0, 0)  # a name may begin so


@pytest.mark.parametrize("name", PRESETS)
def test_a_line_of_each_format_is_known_to_be_a_request_at_a_glance(name: str) -> None:
    chunk = "".join(f"{WRITERS[name](request)[0]}\n" for request in ASKED)
    assert all(LIKE_A_REQUEST.search(line) for line in chunk.encode().splitlines())


CHATTER = [
    "2026-11-25 08:12:44 INFO [main] c.e.App : Starting App v1.2 using Java 17",
    "\tat org.example.Thing.run(Thing.java:%d)",
    'level=info msg="loaded %d rules"',
    '{"level":"info","msg":"started %d"}',
    "%d: (root) CMD (true)",
    "*** pool %d: GET ready ***",
]


@pytest.mark.slow
@pytest.mark.parametrize("chunk_lines", [1, 7, 300, 1000])
@pytest.mark.parametrize("name", ["combined", "caddy", "haproxy", "ltsv", "iis", "json"])
def test_the_first_requests_after_any_number_of_other_lines_are_read(
    name: str, chunk_lines: int
) -> None:
    noise = [text % number if "%" in text else text for number in range(50) for text in CHATTER]
    noise *= 1 if chunk_lines == 1 else 4
    example = PRESETS[name].example.split("\n")
    lines = [*noise, *example, *noise, example[-1]]
    log_format = AutoFormat()
    records, directives = 0, b""
    for start in range(0, len(lines), chunk_lines):
        chunk = "".join(f"{line}\n" for line in lines[start : start + chunk_lines]).encode()
        now = attrs.evolve(NOW, directives=directives)
        records += log_format.decode(chunk, now).batch.num_rows
        directives = directives_after(directives, chunk, log_format.directives)
    assert records == 2
    assert log_format.known is not None


def test_a_log_that_is_read_whole_may_begin_and_end_with_other_lines(tmp_path: Path) -> None:
    noise = b"".join(b"2026-11-25 08:12:44 INFO [main] loaded %d rules\n" % i for i in range(2000))
    log = tmp_path / "x.log"
    log.write_bytes(noise + line() * 40 + noise)
    report = gm.report(log)
    assert (report.hits, report.lines) == (40, 4040)


@pytest.mark.parametrize("chunk_lines", [1, 400])
def test_rows_whose_fields_are_said_need_have_nothing_of_a_request(chunk_lines: int) -> None:
    header = "#Fields: date time c-ip sc-bytes\n"
    rows_of_it = [f"2015-05-17 10:05:{number % 60:02} 192.0.2.7 5\n" for number in range(400)]
    chunks = [
        "".join(rows_of_it[start : start + chunk_lines]).encode()
        for start in range(0, len(rows_of_it), chunk_lines)
    ]
    log_format = AutoFormat()
    log_format.decode(b"nonsense\n" * 300, NOW)
    now = attrs.evolve(NOW, directives=header.encode())
    assert sum(log_format.decode(chunk, now).batch.num_rows for chunk in chunks) == 400
    whole = AutoFormat(learns=False)
    whole.look_at((header + "".join(rows_of_it)).encode(), NOW)
    assert whole.name == "iis"


@pytest.mark.slow
def test_lines_of_which_none_is_like_another_are_not_looked_at_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = []
    real = auto.detected_format

    def counted(sample: bytes, context: LineContext) -> StreamFormat | None:
        looks.append(len(sample))
        return real(sample, context)

    monkeypatch.setattr(auto, "detected_format", counted)
    log_format = AutoFormat()
    for number in range(2000):
        log_format.decode(b"GET " + b" ,;:"[number % 4 :] * (number % 500) + b" status\n", NOW)
    assert len(looks) < 100
    assert log_format.decode(line() * 5000, NOW).batch.num_rows == 5000


@pytest.mark.parametrize("name", ["combined", "caddy", "haproxy", "ltsv"])
def test_the_mark_at_the_beginning_of_utf_8_is_no_part_of_the_first_line(name: str) -> None:
    chunk = codecs.BOM_UTF8 + f"{PRESETS[name].example}\n".encode() * 3
    for log_format in (read_format(name), AutoFormat(), AutoFormat(learns=False)):
        decoded = log_format.decode(memoryview(chunk), NOW)
        assert (decoded.batch.num_rows, decoded.rejects) == (3, 0)
