"""How much memory a report may use before it estimates."""

from __future__ import annotations

from contextlib import suppress

from glancemetrics.words.sizes import parse_size

DEFAULT_MEMORY = 2_000_000_000
"""Bytes."""
LEAST_MEMORY = 400_000_000
"""Bytes; the program itself uses more than half of them."""


def read_memory_limit(text: str) -> int:
    """Parse `512MB`, `1.5g` or bytes. Raises `ValueError` for an invalid or too small size."""
    size = 0
    with suppress(ValueError):
        size = parse_size(text)
    if size < LEAST_MEMORY:
        raise ValueError(f"{text} must be a size of at least 400MB, like 1GB")
    return size
