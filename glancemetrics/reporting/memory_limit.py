"""How much memory a report may take before it estimates."""

from __future__ import annotations

from contextlib import suppress

from glancemetrics.words.sizes import parse_size

DEFAULT_MEMORY = 2_000_000_000
"""Bytes."""
LEAST_MEMORY = 400_000_000
"""Bytes; the program itself takes more than half of them."""


def read_memory_limit(text: str) -> int:
    """Read `512MB`, `1.5g` or bytes. Raises `ValueError` for what is no size, or too small."""
    size = 0
    with suppress(ValueError):
        size = parse_size(text)
    if size < LEAST_MEMORY:
        raise ValueError(f"{text} must be a size of at least 400MB, such as 1GB")
    return size
