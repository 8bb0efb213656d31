"""Whether what a person has typed as a filter is a condition."""

from __future__ import annotations

from functools import lru_cache

from glancemetrics.errors import UsageError


@lru_cache(maxsize=64)
def problem_of_filter(text: str, kept: tuple[str, ...]) -> str:
    """Return why a text is not a condition, in a sentence; empty if it is one.

    Remembered: it takes 50 ms, and is asked while the text is typed and when it is accepted.
    """
    if not text:
        return ""
    from glancemetrics.selecting.sql import Where, without_option  # late: slow to import

    try:
        Where(text, kept)
    except UsageError as error:
        return without_option(error, text)
    return ""
