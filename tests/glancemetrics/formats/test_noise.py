"""Lines that are requests in no format are foreign in every one."""

from __future__ import annotations

import pytest

from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.log_format import Circumstances, LogFormat
from glancemetrics.formats.presets import PRESETS
from tests.lines import BASE

NOISE = ["", "  ", "\r", "# rotated by hand", "  #", "==> /var/log/nginx/b.log <==", "==> - <==\r"]
NOW = Circumstances(arrived=float(BASE))
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
