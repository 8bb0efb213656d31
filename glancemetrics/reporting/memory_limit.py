"""How much memory a report may take before it estimates."""

from __future__ import annotations

import re

DEFAULT_MEMORY = 2_000_000_000
"""Bytes."""
LEAST_MEMORY = 400_000_000
"""Bytes; the program itself takes more than half of them."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)i?B?", re.IGNORECASE)
_SIZE_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def read_memory_limit(text: str) -> int:
    """Read `512MB`, `1.5g` or bytes. Raises `ValueError` for what is no size, or too small."""
    match = _SIZE.fullmatch(text.strip())
    size = int(float(match[1]) * _SIZE_BYTES[match[2].lower()]) if match else 0
    if size < LEAST_MEMORY:
        raise ValueError(f"{text} must be a size of at least 400MB, such as 1GB")
    return size
