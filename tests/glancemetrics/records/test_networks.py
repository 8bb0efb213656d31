"""Addresses by network, held against the standard library's."""

from __future__ import annotations

import ipaddress

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.records.networks import AddressRanges, anonymized, networks_of

ADDRESSES = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded),
    st.ip_addresses(v=6).map(lambda address: address.exploded.upper()),
    st.integers(0, 2**48 - 1).map(lambda n: str(ipaddress.IPv6Address(n << 80))),
    st.integers(0, 2**128 - 1).map(lambda n: str(ipaddress.IPv6Address(n & (n >> 64)))),
    st.ip_addresses(v=4).map("2001:db8::{}".format),
)
NAMES = st.one_of(
    st.text("0123456789abcF:.%", max_size=20),
    st.lists(st.sampled_from(["1", "0", ":", "::", "ffff", "1.2.3.4", "%e"]), max_size=18).map(
        "".join
    ),
    st.sampled_from(["host.example", "unix:", "a:b", "", "1.2.3", "-", "a.b.c.d", "1.2.3.4.5"]),
)


def strings(texts: list[str]) -> pa.StringArray:
    return pa.array(texts, pa.string())


def prefix(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.version == 4:
        return ipaddress.IPv4Network((int(address), 24), strict=False)
    return ipaddress.IPv6Network((int(address), 48), strict=False)  # without its zone


def mapped_in(text: str) -> str | None:
    """The IPv4 address within an IPv6 one."""
    address = ipaddress.ip_address(text)
    mapped = None if address.version == 4 else address.ipv4_mapped
    return None if mapped is None else str(mapped)


@given(st.lists(ADDRESSES | NAMES, max_size=20))
def test_networks_and_anonymous_addresses_are_the_prefixes(texts: list[str]) -> None:
    networks = networks_of(strings(texts)).to_pylist()
    hidden = anonymized(strings(texts)).to_pylist()
    for text, network, address in zip(texts, networks, hidden, strict=True):
        expected = prefix(text)
        if expected is None:
            assert (network, address) == (None, text)
        elif (mapped := mapped_in(text)) is not None:
            zeroed = mapped.rpartition(".")[0] + ".0"
            assert (network, address) == (f"::ffff:{zeroed}/24", f"::ffff:{zeroed}")
        else:
            assert (network, address) == (str(expected), str(expected.network_address))


def test_an_ipv4_address_within_ipv6_is_one() -> None:
    hosts = strings(["::ffff:192.0.2.77"])
    assert networks_of(hosts).to_pylist() == ["::ffff:192.0.2.0/24"]
    assert anonymized(hosts).to_pylist() == ["::ffff:192.0.2.0"]


@given(st.lists(ADDRESSES | NAMES, max_size=20), st.lists(ADDRESSES, min_size=1, max_size=3))
def test_ranges_hold_what_is_in_them(texts: list[str], around: list[str]) -> None:
    ranges = [str(prefix(text)) for text in around]
    held = AddressRanges.parse(ranges).hold(strings(texts))
    networks = [ipaddress.ip_network(text) for text in ranges]
    for text, inside in zip(texts, held.tolist(), strict=True):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            assert not inside
            continue
        if text.lower().startswith("::ffff:"):
            continue  # an IPv4 address, above
        assert inside == any(address in network for network in networks)


def test_a_range_may_be_given_by_its_ends() -> None:
    ranges = AddressRanges.parse(["10.0.0.5-10.0.0.7", "2001:db8::1"])
    hosts = strings(["10.0.0.4", "10.0.0.5", "10.0.0.7", "10.0.0.8", "2001:db8::1", "2001:db8::2"])
    assert ranges.hold(hosts).tolist() == [False, True, True, False, True, False]


@pytest.mark.parametrize("text", ["x", "10.0.0.9-10.0.0.1", "10.0.0.0/99", "10.0.0.1-::1", ""])
def test_what_is_no_range_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        AddressRanges.parse([text])
