"""Server-Sent Events, as a client reads them: WHATWG HTML, section 9.2."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.http_api.event_stream import EventReader, Following

STREAM = (
    b"retry: 1500\n\n"
    b": nothing new\n\n"
    b'event: a\ndata: {"x":1}\n\n'
    b"data:one\r\ndata: two\r\rid: 7\nevent: none\n\n"
    b"event: b\rdata\r\rdata: \xc3\xbc\xff\n\n"
    b"data: not complete\n"
)
EVENTS = [("a", '{"x":1}'), ("message", "one\ntwo"), ("b", ""), ("message", "ü\ufffd")]


def test_events_are_read() -> None:
    reader = EventReader()
    assert reader.retry_seconds == 3
    assert list(reader.feed(STREAM)) == EVENTS
    assert reader.retry_seconds == 1.5
    assert list(reader.feed(b"\n")) == [("message", "not complete")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_it_does_not_matter_how_the_stream_is_cut(cuts: list[int]) -> None:
    reader, found = EventReader(), []
    places = [0, *sorted(cuts), len(STREAM)]
    for start, end in itertools.pairwise(places):
        found += reader.feed(STREAM[start:end])
    assert found == EVENTS


@given(st.binary(max_size=200))
def test_nothing_that_is_received_is_a_fault(data: bytes) -> None:
    list(EventReader().feed(data))


def sent(name: str, message: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(message)}\n\n".encode()


def test_each_kind_of_event() -> None:
    following = Following()
    assert not following.has_connected
    assert list(following.connected(1)) == []
    assert following.has_connected
    (snapshot,) = following.read(sent("snapshot", {"type": "snapshot", "hits": 3}))
    assert (snapshot.kind, snapshot.message, snapshot.data) == ("snapshot", "", {"hits": 3})
    event = {"message": "High traffic", "rule": "High traffic"}
    (alert,) = following.read(sent("alert", {"type": "alert", "event": event}))
    assert (alert.kind, alert.message, alert.data) == ("alert", "High traffic", event)
    (missed,) = following.read(sent("missed", {"type": "missed", "events": 1}))
    assert missed.message == "1 alert is missing: they were not read in time"
    assert list(following.read(sent("news", {"type": "news"}))) == []


def test_why_a_server_ended_is_said() -> None:
    following = Following()
    list(following.connected(1))
    assert (
        list(following.read(sent("gone", {"type": "gone", "why": "the monitor has ended"}))) == []
    )
    following.lost(1_790_000_000, "the server closed the connection")
    following.lost(1_790_000_009, "connection refused")
    (missed,) = following.connected(1_790_000_060.5)
    assert missed.message == (
        "alerts between 2026-09-21 14:13:20 and 2026-09-21 14:14:20 UTC may be missing: "
        "the monitor has ended"
    )
    assert list(following.connected(1_790_000_070)) == []


@pytest.mark.parametrize("text", ["x", '{"type":"alert"}', "[]", '{"event": 1}'])
def test_what_is_not_ours_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        list(Following().read(f"event: alert\ndata: {text}\n\n".encode()))
