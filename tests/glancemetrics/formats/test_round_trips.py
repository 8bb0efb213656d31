"""Round trips: what a server writes, escaped as it does, is read back as what was asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.log_format import LineContext
from glancemetrics.formats.presets import PRESETS
from glancemetrics.records.schema import rows
from tests.glancemetrics.formats.writers import WRITERS, Request

hosts = st.ip_addresses().map(str)
free = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=15)
free = free.filter(lambda text: text != "-")
plain = st.text("abcXYZ019-._~!$&'()*,;=:@%[]|^", max_size=12)
requests = st.builds(
    Request,
    time=st.integers(0, 4 * 10**12).map(
        lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    ),
    host=hosts,
    user=st.none() | st.from_regex(r"[a-z]{1,8}( [a-z]{1,4})?", fullmatch=True),
    method=st.sampled_from(["GET", "POST", "PROPFIND"]),
    path=plain.map(lambda text: f"/{text}"),
    query=st.none() | plain,
    protocol=st.sampled_from(["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"]),
    status=st.sampled_from([200, 301, 404, 444, 460, 463, 499, 500]),
    size=st.integers(0, 10**12),
    referrer=st.none() | free,
    agent=st.none() | free,
    vhost=st.from_regex(r"[a-z]{1,9}\.example", fullmatch=True),
    milliseconds=st.integers(0, 10**6),
    upstream_milliseconds=st.integers(0, 10**6),
)


def test_every_preset_has_its_round_trip() -> None:
    assert set(WRITERS) == set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
@settings(max_examples=60)
@given(asked=st.lists(requests, min_size=1, max_size=3))
def test_what_was_asked_for_is_read_back(name: str, asked: list[Request]) -> None:
    log_format = read_format(name)
    written = [WRITERS[name](request) for request in asked]
    chunk = "".join(f"{text}\n" for text, _ in written).encode()
    arrived = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    decoded = log_format.decode(chunk, LineContext(arrived=arrived))
    assert decoded.rejects == 0, [log_format.explain(text.encode()) for text, _ in written]
    records = rows(decoded.batch)
    assert len(records) == len(asked)
    for record, (text, columns) in zip(records, written, strict=True):
        for column, value in columns.items():
            if column != "time" or value is not None:
                assert getattr(record, column) == value, (column, text)
