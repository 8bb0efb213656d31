"""Distinct visitors: counted exactly while they are few, by a HyperLogLog when they are many.

A visitor is a host, represented by the upper 32 bits of its hash (`native.string_hashes`, which is
the same in every process and on every little-endian machine). Up to `MOST_HASHES` hashes are kept
as they are; beyond that 2,048 registers, which then take less.

Sources: P. Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation
algorithm" (AofA 2007); the estimate is algorithm 6 of O. Ertl, "New cardinality estimation
algorithms for HyperLogLog sketches" (arXiv:1702.01284), whose error does not grow for small
numbers, or near the limit of 32 bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native.strings import string_hashes
from glancemetrics.records.grouping import sorted_distinct

UInt32s = npt.NDArray[np.uint32]
Kept = npt.NDArray[np.unsignedinteger]

HASH_BITS = 32
_PRECISION = 11
_REGISTERS = 1 << _PRECISION
_REST_BITS = HASH_BITS - _PRECISION
_MAX_RANK = _REST_BITS + 1
_ALPHA = 1 / (2 * math.log(2))

MOST_HASHES = _REGISTERS // 4 - 1
"""Up to this many visitors are counted by their hashes, in less memory than the registers take.
Among that many, two share a hash in one case of 30,000."""
STANDARD_ERROR = 1.04 / _REGISTERS**0.5
"""Relative error of the estimate for more visitors: 2.3 %."""

_STORED_HASH = np.dtype("<u4")


def _same(one: Kept, other: Kept) -> bool:
    return one.dtype == other.dtype and np.array_equal(one, other)


@attrs.frozen
class Visitors:
    """The distinct visitors of a span of time."""

    kept: Kept = attrs.field(eq=attrs.cmp_using(eq=_same))
    """Hashes, distinct and sorted (uint32), or registers (uint8): depends only on the visitors, not
    on the order of their arrival."""

    @classmethod
    def of(cls, hashes: Kept) -> Visitors:
        """Return the visitors for distinct, sorted hashes, which are copied."""
        if len(hashes) <= MOST_HASHES:
            return cls(hashes.copy())
        registers = np.zeros(_REGISTERS, np.uint8)
        _enter(registers, hashes)
        return cls(registers)

    @property
    def is_exact(self) -> bool:
        """Whether they are few enough for an exact count."""
        return self.kept.dtype == np.uint32

    def estimate(self) -> float:
        """Return their number, or its best estimate."""
        return float(len(self.kept)) if self.is_exact else _estimate(self.kept)

    def to_bytes(self) -> bytes:
        """Write 4 bytes, little-endian, per hash, in order, or 2,048 registers of one byte.

        The longest list of hashes has 2,044 bytes. Register i, selected by the upper 11 bits of a
        hash, is the highest place (from 1) of the first 1 among the other 21 bits, 22 if there is
        none; 0 if there was no such hash.
        """
        return (self.kept.astype(_STORED_HASH) if self.is_exact else self.kept).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Visitors:
        """Read what `to_bytes` wrote. Raises `ValueError` for anything else."""
        if len(data) == _REGISTERS:
            registers = np.frombuffer(data, np.uint8).copy()
            if registers.max() > _MAX_RANK:
                raise ValueError("register of visitors too large")
            return cls(registers)
        if len(data) % _STORED_HASH.itemsize or len(data) > _REGISTERS:
            raise ValueError("visitors are neither hashes nor registers")
        hashes = np.frombuffer(data, _STORED_HASH).astype(np.uint32)
        if (hashes[1:] <= hashes[:-1]).any():
            raise ValueError("hashes of visitors are not in order")
        return cls(hashes)


def hashes_of(hosts: pa.StringArray) -> UInt32s:
    """Return the hash of each host. There must be no nulls."""
    return (string_hashes(hosts) >> np.uint64(64 - HASH_BITS)).astype(np.uint32)


def merged_visitors(parts: Iterable[Visitors]) -> Visitors:
    """Merge the visitors of several spans, as if they had been counted together."""
    few: list[Kept] = []
    many: list[Kept] = []
    for part in parts:
        (few if part.is_exact else many).append(part.kept)
    hashes = sorted_distinct(np.concatenate([np.zeros(0, np.uint32), *few]))
    if not many:
        return Visitors.of(hashes)
    registers = many[0].copy()
    for other in many[1:]:
        np.maximum(registers, other, out=registers)
    _enter(registers, hashes)
    return Visitors(registers)


def _enter(registers: Kept, hashes: Kept) -> None:
    rest = hashes & np.uint32((1 << _REST_BITS) - 1)
    # The exponent of a float is its number of bits; exact, because there are fewer than 53.
    _, bits = np.frexp(rest.astype(np.float64))
    np.maximum.at(registers, hashes >> np.uint32(_REST_BITS), (_MAX_RANK - bits).astype(np.uint8))


def _estimate(registers: Kept) -> float:
    counts = np.bincount(registers, minlength=_MAX_RANK + 1).tolist()
    total = _REGISTERS * _tau(1 - counts[_MAX_RANK] / _REGISTERS)
    for count in reversed(counts[1:_MAX_RANK]):
        total = (total + count) / 2
    total += _REGISTERS * _sigma(counts[0] / _REGISTERS)
    return _ALPHA * _REGISTERS**2 / total


def _sigma(share: float) -> float:
    """Return what empty registers add: share + sum of share^(2^k) 2^(k-1), for k from 1."""
    weight, total, before = 1.0, share, -1.0
    while total != before:
        share *= share
        before, total = total, total + share * weight
        weight *= 2
    return total


def _tau(share: float) -> float:
    """Return what full registers add: (1 - share - sum of (1 - share^(2^-k))^2 2^-k) / 3."""
    if share in {0.0, 1.0}:
        return 0.0
    weight, total, before = 1.0, 1 - share, -1.0
    while total != before:
        share = math.sqrt(share)
        weight /= 2
        before, total = total, total - (1 - share) ** 2 * weight
    return total / 3
