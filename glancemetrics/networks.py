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

_V4_IN_V6 = r"^::ffff:\d{1,3}(?:\.\d{1,3}){3}$"
"""As IPv6 writes an IPv4 address where one socket takes both."""
_DOT, _ZERO_DIGIT = b".0"
_GROUP = "0{0,3}([1-9a-fA-F][0-9a-fA-F]{0,3})"
_ANY = "[0-9a-fA-F]{1,4}"
_PLAIN_V6 = (
    rf"^{_GROUP}:{_GROUP}:{_GROUP}"
    rf"(?:(?::{_ANY}){{5}}|(?::{_ANY}){{0,3}}::(?:{_ANY}(?::{_ANY}){{0,3}})?)$"
)
"""Addresses whose first three groups are written out, and not 0."""
_OCTETS = ("a", "b", "c", "d")
_NAMED_V4 = r"^(?:::ffff:)?" + r"\.".join(rf"(?P<{name}>\d{{1,3}})" for name in _OCTETS) + "$"
_ZERO, _NOTHING = pa.scalar("0", pa.string()), pa.scalar("", pa.string())
_NO_INDEX = pa.scalar(-1, pa.int32())
_PREFIX_V4, _PREFIX_V6 = 24, 48


def networks_of(hosts: pa.StringArray) -> pa.DictionaryArray:
    """Return the /24 or /48 that each address is in; null for what is no address."""
    return _by_network(hosts, f"/{_PREFIX_V4}", f"/{_PREFIX_V6}", keep_names=False)


def anonymized(hosts: pa.StringArray) -> pa.DictionaryArray:
    """Zero the last octet of IPv4 addresses and the last 80 bits of IPv6 ones, as GoAccess does.

    Host names stay as they are.
    """
    return _by_network(hosts, "", "", keep_names=True)


def _by_network(
    hosts: pa.StringArray, suffix_v4: str, suffix_v6: str, *, keep_names: bool
) -> pa.DictionaryArray:
    v4, prefixes = _v4_prefixes(hosts)
    # What hosts share is only written once.
    encoded = prefixes.dictionary_encode()
    zeroed = pc.binary_join_element_wise(encoded.dictionary, f"0{suffix_v4}", _NOTHING)
    codes = np.full(len(hosts), -1, np.int32)
    codes[v4] = encoded.indices.to_numpy()
    rest = np.flatnonzero(~v4)
    if len(rest):
        names = hosts.take(pa.array(rest))
        others = _other_networks(names, f"0{suffix_v4}", suffix_v6)
        if keep_names:
            others = pc.coalesce(others, names)
        others = others.dictionary_encode()
        numbers = others.indices.fill_null(_NO_INDEX).to_numpy()
        codes[rest] = np.where(numbers < 0, -1, numbers + len(zeroed))
        zeroed = pa.concat_arrays([zeroed, others.dictionary])
    missing = codes < 0
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, mask=missing if missing.any() else None), zeroed
    )


def _other_networks(hosts: pa.StringArray, zero_v4: str, suffix_v6: str) -> pa.StringArray:
    """Return the networks of IPv6 addresses; null for what is none."""
    result = pa.nulls(len(hosts), pa.string())
    mapped = pc.match_substring_regex(hosts, _V4_IN_V6)
    plain = pc.match_substring_regex(hosts, _PLAIN_V6)
    for flags, pattern, replacement in (
        (mapped, r"\d+$", zero_v4),
        (plain, _PLAIN_V6, rf"\1:\2:\3::{suffix_v6}"),
    ):
        if flags.true_count:
            replaced = pc.replace_substring_regex(hosts.filter(flags), pattern, replacement)
            result = pc.replace_with_mask(result, flags, pc.utf8_lower(replaced))
    rest = pc.and_(pc.match_substring(hosts, ":"), pc.invert(pc.or_(mapped, plain)))
    if rest.true_count:
        texts = [_prefix_v6(text, suffix_v6) for text in hosts.filter(rest).to_pylist()]
        result = pc.replace_with_mask(result, rest, pa.array(texts, pa.string()))
    return result


def _v4_prefixes(hosts: pa.StringArray) -> tuple[Bools, pa.StringArray]:
    """Tell which hosts are IPv4 addresses, and return these without their last octet.

    An address is what has three dots and but digits; so no host name is taken for one.
    """
    size = len(hosts)
    offsets = np.frombuffer(hosts.buffers()[1], np.int32)[hosts.offset : hosts.offset + size + 1]
    first, last = (int(offsets[0]), int(offsets[-1])) if size else (0, 0)
    if last == first:
        return np.zeros(size, np.bool_), pa.array([], pa.string())
    data = hosts.buffers()[2]
    text = np.frombuffer(data, np.uint8)[first:last]
    dots = np.flatnonzero(text == _DOT)
    others = np.flatnonzero((text - _ZERO_DIGIT > 9) & (text != _DOT))
    edges = offsets - first
    dots_before = np.searchsorted(dots, edges)
    v4 = (np.diff(dots_before) == 3) & (np.diff(np.searchsorted(others, edges)) == 0)
    which = np.flatnonzero(v4)
    cuts = np.empty(2 * len(which) + 1, np.int32)
    cuts[0:-1:2] = offsets[which]
    cuts[1::2] = dots[dots_before[which + 1] - 1] + 1 + first
    cuts[-1] = last
    between = pa.StringArray.from_buffers(2 * len(which), pa.py_buffer(cuts), data)
    return v4, between.take(pa.array(np.arange(0, 2 * len(which), 2, dtype=np.int32)))


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
