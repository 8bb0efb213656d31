"""Clients behind proxies: what proxies say counts only where they are trusted."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.errors import UsageError
from glancemetrics.formats.clients import clients_of, hosts_of, listed_client, without_ports
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.reading import make_reading, read_networks

TRUSTED = read_networks(["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.9, 203.0.113.7, 10.0.0.2", "203.0.113.7"),  # the first is made up
        ("203.0.113.9", "198.51.100.9", "203.0.113.9"),  # nobody knows this proxy
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "<script>, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "203.0.113.7:5555", "203.0.113.7"),
        ("2001:db8:1::1", "[2001:db8:2::7]:5555", "2001:db8:2::7"),
        ("192.0.2.1", "10.0.0.7", "10.0.0.7"),  # all are trusted: the furthest
        ("unix", "203.0.113.7", "203.0.113.7"),
        ("host.example", "203.0.113.7", "host.example"),
        (None, "203.0.113.7", None),
    ],
)
def test_x_forwarded_for(peer: str | None, forwarded: str | None, client: str | None) -> None:
    assert clients_of([peer], [forwarded], TRUSTED) == [client]


def test_forwarded_of_rfc_7239() -> None:
    said = 'for=198.51.100.9;proto=https, For="[2001:db8:2::7]:4711";by=203.0.113.60, for=10.1.1.1'
    assert clients_of(["10.0.0.1"], [said], TRUSTED, rfc7239=True) == ["2001:db8:2::7"]
    assert clients_of(["10.0.0.1"], ["for=_hidden"], TRUSTED, rfc7239=True) == ["10.0.0.1"]


@given(st.text(max_size=30), st.text(max_size=60), st.booleans())
def test_whatever_is_said_the_client_is_the_peer_or_an_address(
    peer: str, said: str, rfc7239: bool
) -> None:
    (client,) = clients_of([peer], [said], TRUSTED, rfc7239=rfc7239)
    if client != peer:
        read_networks([client or "none"])


def test_ports_are_taken_off() -> None:
    hosts = pa.array(["192.0.2.7:80", "[::1]:80", "[::1]", "::1", "192.0.2.7", "x.org:1"])
    assert without_ports(hosts).to_pylist() == [
        *("192.0.2.7", "::1", "::1", "::1", "192.0.2.7", "x.org"),
    ]


def test_formats_believe_whom_they_are_told_to() -> None:
    written = (
        'log_format f \'$remote_addr [$time_local] "$request" $status "$http_x_forwarded_for"\';'
    )
    line = b'10.0.0.1 [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 "203.0.113.7, 10.0.0.9"\n'
    for trusted, host in (((), "10.0.0.1"), (("10.0.0.0/8",), "203.0.113.7")):
        reading = make_reading(written, None, trusted)
        assert reading.given is not None
        decoded = reading.given.decode(line + line.replace(b'"203', b'"'), reading.context)
        assert decoded.batch.column("host").to_pylist()[0] == host
    (envoy,) = read_format("envoy").formats  # type: ignore[attr-defined]
    said = (
        b'[2015-05-17T10:05:03Z] "GET / HTTP/1.1" 200 - 0 5 1 1 "203.0.113.7, 10.0.0.9" "-" "-" '
        b'"x" "y"\n'
    )
    # It hands on all that it was told; a private address at the end is a proxy's.
    assert envoy.decode(said).batch.column("host").to_pylist() == ["203.0.113.7"]
    believing = make_reading("envoy", None, ["10.0.0.0/8"]).context
    assert envoy.decode(said, believing).batch.column("host").to_pylist() == ["203.0.113.7"]


def test_what_is_no_network_is_named() -> None:
    with pytest.raises(UsageError, match=r"--trusted-proxy 10\.0\.0\.0/99: must be an address"):
        read_networks(["10.0.0.0/99"])


addresses = st.ip_addresses().map(str) | st.sampled_from(
    ["10.0.0.1", "127.9.9.9", "172.15.0.1", "172.16.0.1", "172.32.0.1", "100.64.0.1", "100.128.0.1"]
    + ["169.254.0.1", "192.168.0.1", "192.169.0.1", "::1", "::2", "fe80::1", "fec0::1", "fd00::1"]
    + [
        "fe00::1",
        "::ffff:10.0.0.1",
        "10.0.0.1:80",
        "[::1]:80",
        "[fe80::1]",
        "010.0.0.1",
        "fe80::1%e",
    ]
)


@given(st.lists(addresses | st.sampled_from(["unknown", "a.example", "-", ""]), max_size=4))
def test_compiled_code_chooses_the_client_that_python_chooses(hops: list[str]) -> None:
    texts = [", ".join(hops), ",".join(hops)]
    assert hosts_of(pa.array(texts)).to_pylist() == list(map(listed_client, texts))


def test_clients_behind_a_trusted_proxy_are_distinct_texts_and_null_is_none_of_them() -> None:
    listed = (b"i\x00127.0.0.6:41854", b"192.0.2.1:1", b"192.0.2.1:2", b"i\x00127.0.0.6:41854")
    lines = b"".join(
        b'[2026-09-21T14:13:20.000Z] "GET /a HTTP/1.1" 200 - via_upstream - "-" 7 512 123 45 "-" '
        b'"x" "f00d" "www.example.org" "10.0.0.2:80" %s 10.0.0.2:80 198.51.100.7:50112 - default\n'
        % one
        for one in listed
    )
    reading = make_reading("istio", None, ["0.0.0.0/0"])
    log_format = reading.format_of(lines)
    for chunk in (lines, lines[: lines.index(b"\n") + 1]):
        hosts = log_format.decode(chunk, reading.context).batch.column("host")
        assert hosts.dictionary.null_count == 0
        assert len(set(hosts.dictionary.to_pylist())) == len(hosts.dictionary)
