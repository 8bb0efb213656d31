"""Networks of addresses: prefixes, excluded ranges, and anonymized addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.columns import column_of
from glancemetrics.native.strings import StringTable

Bools = npt.NDArray[np.bool_]

_OCTETS = ("a", "b", "c", "d")
_NAMED_V4 = r"^(?:::ffff:)?" + r"\.".join(rf"(?P<{name}>\d{{1,3}})" for name in _OCTETS) + "$"
_ZERO = pa.scalar("0", pa.string())
_PREFIX_V4, _PREFIX_V6 = 24, 48


def networks_of(hosts: pa.StringArray) -> pa.DictionaryArray:
    """Return the /24 or /48 network of each address; null for host names."""
    return _by_network(hosts, f"/{_PREFIX_V4}", f"/{_PREFIX_V6}", keep_names=False)


def anonymized(hosts: pa.StringArray) -> pa.DictionaryArray:
    """Zero the last octet of IPv4 addresses and the last 80 bits of IPv6 ones, like GoAccess.

    Host names are unchanged.
    """
    return _by_network(hosts, "", "", keep_names=True)


def anonymized_column(hosts: pa.DictionaryArray) -> pa.DictionaryArray:
    """Do the same to a text column of a batch."""
    encoded = anonymized(hosts.dictionary)
    return pa.DictionaryArray.from_arrays(
        pc.take(encoded.indices, hosts.indices), encoded.dictionary
    )


_ADDRESS_V4 = r"\b(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}\b"
_MAY_HAVE_V6 = r"::|(?:[0-9A-Fa-f]{1,4}:){6}"
_MAY_BE_V6 = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


def anonymized_lists(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """Do the same to texts with addresses in them, such as a list of X-Forwarded-For.

    Times of day have at most three parts with colons, and stay.
    """
    texts = column.dictionary
    may_have = pc.match_substring_regex(texts, _MAY_HAVE_V6)
    if pc.any(may_have).as_py():
        # Few texts have one: RE2 finds them, and the standard library knows what it is.
        masked = [
            _MAY_BE_V6.sub(_anonymized_v6, one) for one in pc.filter(texts, may_have).to_pylist()
        ]
        texts = pc.replace_with_mask(texts, may_have, pa.array(masked, texts.type))
    texts = pc.replace_substring_regex(texts, _ADDRESS_V4, r"\1.0")
    encoded = pc.dictionary_encode(texts)
    return pa.DictionaryArray.from_arrays(
        pc.take(encoded.indices, column.indices), encoded.dictionary
    )


def _anonymized_v6(found: re.Match[str]) -> str:
    """Return an IPv6 address without its last 80 bits; anything else as it is."""
    text = found[0].rstrip(".")
    rest = found[0][len(text) :]
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return found[0]
    if address.ipv4_mapped is not None:
        return f"{address.ipv4_mapped}{rest}"  # its last part is removed as that of others
    network = ipaddress.IPv6Network((int(address), _PREFIX_V6), strict=False)
    return f"{network.network_address}{rest}"


def anonymized_text(host: str) -> str:
    """Do the same to one address, or to a text with some."""
    names = anonymized(pa.array([host], pa.string()))
    found: str = anonymized_lists(names).to_pylist()[0]
    return found


def _by_network(
    hosts: pa.StringArray, suffix_v4: str, suffix_v6: str, *, keep_names: bool
) -> pa.DictionaryArray:
    table = StringTable()
    numbers = table.enter_networks(hosts, suffix_v4, suffix_v6, keep_names=keep_names)
    missing = numbers < 0
    return pa.DictionaryArray.from_arrays(column_of(numbers, missing), table.sealed())


@attrs.frozen
class AddressRanges:
    """Ranges of IPv4 and IPv6 addresses."""

    v4: tuple[tuple[int, int], ...]
    v6: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> AddressRanges:
        """Parse `10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32` or `10.0.0.1-10.0.0.9`.

        Raises `ValueError` with the invalid text.
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
        """Tell which hosts are in any of the ranges; host names never are."""
        held = np.zeros(len(hosts), np.bool_)
        if not len(hosts):
            return held
        parts = pc.extract_regex(hosts, _NAMED_V4)
        is_v4 = pc.is_valid(parts).to_numpy(zero_copy_only=False)
        numbers = np.zeros(len(hosts), np.int64)
        for name in _OCTETS:
            octets = pc.if_else(pc.is_valid(parts), pc.struct_field(parts, name), _ZERO)
            numbers = (numbers << 8) | pc.cast(octets, pa.int64()).to_numpy()
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
