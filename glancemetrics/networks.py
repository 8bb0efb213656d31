"""Addresses by network: prefixes, ranges to leave out, and addresses that name no person."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bools = npt.NDArray[np.bool_]

_V4 = r"^(?:::ffff:)?\d{1,3}(?:\.\d{1,3}){3}$"
"""Also as IPv6 writes it where one socket takes both. No host name is like this."""
_GROUP = "0{0,3}([1-9a-fA-F][0-9a-fA-F]{0,3})"
_ANY = "[0-9a-fA-F]{1,4}"
_PLAIN_V6 = (
    rf"^{_GROUP}:{_GROUP}:{_GROUP}"
    rf"(?:(?::{_ANY}){{5}}|(?::{_ANY}){{0,3}}::(?:{_ANY}(?::{_ANY}){{0,3}})?)$"
)
"""Addresses whose first three groups are written out, and not 0."""
_OCTETS = ("a", "b", "c", "d")
_NAMED_V4 = r"^(?:::ffff:)?" + r"\.".join(rf"(?P<{name}>\d{{1,3}})" for name in _OCTETS) + "$"
_ZERO = pa.scalar("0", pa.string())
_PREFIX_V4, _PREFIX_V6 = 24, 48


def networks_of(hosts: pa.StringArray) -> pa.StringArray:
    """Return the /24 or /48 that each address is in; null for what is no address."""
    return _by_network(hosts, f"/{_PREFIX_V4}", f"/{_PREFIX_V6}", others=None)


def anonymized(hosts: pa.StringArray) -> pa.StringArray:
    """Zero the last octet of IPv4 addresses and the last 80 bits of IPv6 ones, as GoAccess does.

    Host names stay as they are.
    """
    return _by_network(hosts, "", "", others=hosts)


def _by_network(
    hosts: pa.StringArray, suffix_v4: str, suffix_v6: str, others: pa.StringArray | None
) -> pa.StringArray:
    result = pa.nulls(len(hosts), pa.string()) if others is None else others
    v4 = pc.match_substring_regex(hosts, _V4)
    if v4.true_count:
        prefixes = pc.replace_substring_regex(hosts.filter(v4), r"\d+$", f"0{suffix_v4}")
        result = pc.replace_with_mask(result, v4, prefixes)
    if v4.true_count == len(hosts):
        return result
    plain = pc.match_substring_regex(hosts, _PLAIN_V6)
    if plain.true_count:
        prefixes = pc.utf8_lower(
            pc.replace_substring_regex(hosts.filter(plain), _PLAIN_V6, rf"\1:\2:\3::{suffix_v6}")
        )
        result = pc.replace_with_mask(result, plain, prefixes)
    rest = pc.and_(pc.match_substring(hosts, ":"), pc.invert(pc.or_(v4, plain)))
    if rest.true_count:
        texts = [_prefix_v6(text, suffix_v6) for text in hosts.filter(rest).to_pylist()]
        v6 = pa.array(texts, pa.string())
        if others is not None:
            v6 = pc.coalesce(v6, hosts.filter(rest))
        result = pc.replace_with_mask(result, rest, v6)
    return result


def _prefix_v6(text: str, suffix: str) -> str | None:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    shift = 128 - _PREFIX_V6
    return f"{ipaddress.IPv6Address(int(address) >> shift << shift)}{suffix}"


@attrs.frozen
class AddressRanges:
    """Addresses from one to another, of both versions."""

    v4: tuple[tuple[int, int], ...]
    v6: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> AddressRanges:
        """Read `10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32` or `10.0.0.1-10.0.0.9`.

        Raises `ValueError` with the text that is none of these.
        """
        ranges: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for text in texts:
            try:
                first, dash, last = text.partition("-")
                if dash:
                    low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
                    if low.version != high.version or int(low) > int(high):
                        raise ValueError
                    ranges[low.version].append((int(low), int(high)))
                else:
                    network = ipaddress.ip_network(text, strict=False)
                    ranges[network.version].append(
                        (int(network.network_address), int(network.broadcast_address))
                    )
            except ValueError:
                raise ValueError(text) from None
        return cls(tuple(ranges[4]), tuple(ranges[6]))

    def hold(self, hosts: pa.StringArray) -> Bools:
        """Tell which hosts are in any of the ranges; a host name is in none."""
        held = np.zeros(len(hosts), np.bool_)
        if not len(hosts):
            return held
        parts = pc.extract_regex(hosts, _NAMED_V4)
        is_v4 = parts.is_valid().to_numpy(zero_copy_only=False)
        numbers = np.zeros(len(hosts), np.int64)
        for name in _OCTETS:
            octets = pc.if_else(parts.is_valid(), pc.struct_field(parts, name), _ZERO)
            numbers = (numbers << 8) | octets.cast(pa.int64()).to_numpy()
        for low, high in self.v4:
            held |= is_v4 & (numbers >= low) & (numbers <= high)
        if self.v6 and not is_v4.all():
            for row in np.flatnonzero(~is_v4):
                try:
                    address = int(ipaddress.IPv6Address(hosts[int(row)].as_py()))
                except ValueError:
                    continue
                held[row] = any(low <= address <= high for low, high in self.v6)
        return held
