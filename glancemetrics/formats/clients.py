"""The client behind proxies: `X-Forwarded-For` counts only if it comes from a trusted proxy.

Where a line has only a list of addresses, the server wrote that list itself: each proxy appends the
address that connected to it (RFC 7239 section 5.2 has the same order).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import numpy as np
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.strings import StringTable, holds, indices_of
from glancemetrics.native.values import Port, TextRows, Wanted, read_values

Network = IPv4Network | IPv6Network

_PRIVATE: tuple[Network, ...] = (
    *map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")),
    *map(ip_network, ("169.254.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128")),
)
"""Private, shared, link-local and loopback addresses: RFC 1918, 6598, 3927, 4193 and 4291."""
_NAMELESS = ("", "-", "unknown")
"""What proxies write for an unknown client."""
_EMPTY = pa.scalar("", pa.string())
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_FOR = re.compile(r'for=(?:"([^"]*)"|([^;,\s]+))', re.IGNORECASE)


def without_ports(hosts: pa.StringArray) -> pa.StringArray:
    """Remove ports, and the brackets around IPv6 addresses.

    A client that its proxy does not know becomes null.
    """
    read = read_values(hosts, Wanted(port=Port.MAYBE))
    assert isinstance(read, TextRows)
    return pc.take(read.table.sealed(), indices_of(read.codes))


def without_quotes(hosts: pa.StringArray) -> pa.StringArray:
    """Strip quotes from hosts; a host with a quote inside is invalid and becomes empty."""
    if not holds(hosts, b'"'):
        return hosts
    bare = pc.replace_substring_regex(hosts, '^"+|"+$', "")
    return pc.if_else(pc.match_substring(bare, '"'), _EMPTY, bare)


def hosts_of(texts: pa.StringArray, trusted: Sequence[Network] = ()) -> pa.StringArray:
    """Return the client of each text (a host or a list of hosts), without port; null if unknown.

    A text that is not a list is taken as a host, whatever it looks like. Of a list, the client is
    the right-most address that is not a trusted proxy; without trusted proxies, private and
    loopback addresses at the right end count as proxies. If all are proxies, it is the left-most.
    """
    if trusted:
        return pa.array([listed_client(text, trusted) for text in texts.to_pylist()], pa.string())
    table = StringTable()
    numbers = table.enter_clients(texts)
    unclear = np.flatnonzero(numbers == -2)
    if len(unclear):
        clients = list(map(listed_client, pc.take(texts, pa.array(unclear)).to_pylist()))
        named = [client for client in clients if client is not None]
        found = iter(table.enter(pa.array(named, pa.string())).tolist())
        numbers[unclear] = [-1 if client is None else next(found) for client in clients]
    return pc.take(table.sealed(), indices_of(numbers))


def listed_client(
    text: str, trusted: Sequence[Network] = (), *, rfc7239: bool = False
) -> str | None:
    """Return the client of one list; see `hosts_of`."""
    hops = _hops(text, rfc7239)
    if len(hops) == 1 and not rfc7239 and "," not in text:
        (host,) = without_ports(pa.array([text])).to_pylist()
        return None if host is None or host in _NAMELESS else str(host)
    client = None
    for hop in reversed(hops):
        address = _address(hop)
        if address is None:
            if hop in _NAMELESS or (client is None and not _HOST_NAME.fullmatch(hop)):
                continue
            # A host name cannot be a trusted proxy; anything else was made up by the client.
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
    """Return the client of each request: the peer, or the client that a trusted peer names.

    `forwarded` is `X-Forwarded-For`, or `Forwarded` (RFC 7239). It is read from its end, where the
    nearest proxy wrote, to the first address that is not trusted.
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
            break  # `unknown`, or an invalid address
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
    """Tell whether an address is private, link-local or loopback."""
    return _is_trusted(address, _PRIVATE)


def _is_trusted(host: str, trusted: Sequence[Network]) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        # A peer on a Unix socket has no address.
        return host in ("", "-", "unix", "unix:")
    return any(address in network for network in trusted if network.version == address.version)
