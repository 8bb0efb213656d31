"""Networks: who shares the limits of connections, requests and guesses."""

from __future__ import annotations

import ipaddress


def network_of(peer: str) -> str:
    """Return what a client has whole: an IPv4 address, or the /64 of one of IPv6 (RFC 4291, 2.5.4).

    One host may use all addresses of its /64. What is no address, such as the path of a socket, is
    returned as it is. An IPv4 address that is written as one of IPv6 (RFC 4291, 2.5.5.2) counts as
    what it is.
    """
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
