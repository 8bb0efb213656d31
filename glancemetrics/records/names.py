"""Limits the length of names: paths and agents in a log can be of any length."""

from __future__ import annotations

import pyarrow as pa
import xxhash

from glancemetrics.arrow import compute as pc
from glancemetrics.native.strings import longest

NAME_LENGTH = 512
"""Maximum characters of a name; the rest of a longer one is replaced by a hash."""

_LIMIT = pa.scalar(NAME_LENGTH, pa.int32())


def shortened(name: str) -> str:
    """Return a shortened name that is still unique."""
    if len(name) <= NAME_LENGTH:
        return name
    digest = xxhash.xxh3_64_hexdigest(name.encode())
    return f"{name[: NAME_LENGTH - 20]}… #{digest}"


def all_shortened(names: pa.StringArray) -> pa.StringArray:
    """Shorten many names."""
    if longest(names) <= NAME_LENGTH:
        return names
    long = pc.greater(pc.binary_length(names), _LIMIT)
    replacements = [shortened(name) for name in pc.filter(names, long).to_pylist()]
    return pc.replace_with_mask(names, long, pa.array(replacements, pa.string()))
