"""The client behind proxies: taken from what they say only where they are trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

import pyarrow as pa

from glancemetrics.native.values import Port, TextRows, Wanted, read_values

Network = IPv4Network | IPv6Network

_FOR = re.compile(r'for=(?:"([^"]*)"|([^;,\s]+))', re.IGNORECASE)


def without_ports(hosts: pa.StringArray) -> pa.StringArray:
    """Take the port off each host that has one, and the brackets around an IPv6 address."""
    read = read_values(hosts, Wanted(port=Port.MAYBE))
    assert isinstance(read, TextRows)
    return read.table.sealed().take(pa.array(read.codes))


def clients_of(
    peers: Iterable[str | None],
    forwarded: Iterable[str | None],
    trusted: Sequence[Network],
    *,
    rfc7239: bool = False,
) -> list[str | None]:
    """Return the client of each request: the peer, or what a trusted peer says.

    `forwarded` is `X-Forwarded-For`, or `Forwarded` (RFC 7239). It is read from its end, where the
    nearest proxy wrote, on to the first address that is not trusted itself.
    """
    return [
        _client(peer, _hops(text or "", rfc7239), trusted)
        for peer, text in zip(peers, forwarded, strict=True)
    ]


def _client(peer: str | None, hops: Sequence[str], trusted: Sequence[Network]) -> str | None:
    client = peer
    for hop in reversed(hops):
        if client is None or not _is_trusted(client, trusted):
            break
        address = _address(hop)
        if address is None:
            break  # `unknown`, or something made up
        client = address
    return client


def _hops(text: str, rfc7239: bool) -> list[str]:
    if rfc7239:
        return [quoted or bare for quoted, bare in _FOR.findall(text)]
    return [hop.strip() for hop in text.split(",") if hop.strip()]


def _address(hop: str) -> str | None:
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::\d+)?", hop)
    bare = bracketed[1] if bracketed else re.sub(r"^([^:]*):\d+$", r"\1", hop)
    try:
        ip_address(bare)
    except ValueError:
        return None
    return bare


def _is_trusted(host: str, trusted: Sequence[Network]) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        # A peer on a socket of the same machine has no address.
        return host in ("", "-", "unix", "unix:")
    return any(address in network for network in trusted if network.version == address.version)
