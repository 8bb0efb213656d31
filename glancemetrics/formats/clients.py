"""The client behind proxies: taken from what they say only where they are trusted.

Where a list of addresses is all that a line has, it is the server's own account of who asked: each
proxy has put the address that it saw at the end (RFC 7239 section 5.2 has the same order).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pyarrow as pa
import pyarrow.compute as pc

from glancemetrics.native.values import Port, TextRows, Wanted, read_values

Network = IPv4Network | IPv6Network

_PRIVATE: tuple[Network, ...] = (
    *map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")),
    *map(ip_network, ("169.254.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128")),
)
"""Private, shared, link-local and loopback addresses: RFC 1918, 6598, 3927, 4193 and 4291."""
_NAMELESS = ("", "-", "unknown")
"""What proxies write of a client that they do not know."""
_NOBODY = pa.array(_NAMELESS)
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_FOR = re.compile(r'for=(?:"([^"]*)"|([^;,\s]+))', re.IGNORECASE)


def without_ports(hosts: pa.StringArray) -> pa.StringArray:
    """Take the port off each host that has one, and the brackets around an IPv6 address."""
    read = read_values(hosts, Wanted(port=Port.MAYBE))
    assert isinstance(read, TextRows)
    return read.table.sealed().take(pa.array(read.codes))


def hosts_of(texts: pa.StringArray, trusted: Sequence[Network] = ()) -> pa.StringArray:
    """Return the client that each text is or lists, without its port; null for none.

    Of a list it is the right-most that is no trusted proxy; where none is trusted, private and
    loopback addresses at its right end count as proxies. If all are proxies, it is the left-most.
    """
    hosts = without_ports(texts)
    hosts = pc.if_else(pc.or_(pc.is_in(texts, _NOBODY), pc.equal(hosts, "")), None, hosts)
    lists = pc.match_substring(texts, ",")
    if lists.true_count:
        clients = [listed_client(text, trusted) for text in texts.filter(lists).to_pylist()]
        hosts = pc.replace_with_mask(hosts, lists, pa.array(clients, pa.string()))
    return hosts


def listed_client(
    text: str, trusted: Sequence[Network] = (), *, rfc7239: bool = False
) -> str | None:
    """Return the client of a list, as `hosts_of` does."""
    client = None
    for hop in reversed(_hops(text, rfc7239)):
        address = _address(hop)
        if address is None:
            if hop in _NAMELESS or (client is None and not _HOST_NAME.fullmatch(hop)):
                continue
            # A name is no proxy that is known; what is neither was made up by who came next.
            return hop if _HOST_NAME.fullmatch(hop) else client
        client = address
        if not _is_trusted(address, trusted or _PRIVATE):
            break
    return client


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


def is_private(address: str) -> bool:
    """Tell whether an address is of a machine that stands beside the server, or is it."""
    return _is_trusted(address, _PRIVATE)


def _is_trusted(host: str, trusted: Sequence[Network]) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        # A peer on a socket of the same machine has no address.
        return host in ("", "-", "unix", "unix:")
    return any(address in network for network in trusted if network.version == address.version)
