"""Questions of viewers as JSON."""

from __future__ import annotations

import pytest

from glancemetrics.errors import UsageError
from glancemetrics.http_api.ask_json import where_of


def test_filters_are_joined() -> None:
    filters = [
        {"where": "status >= 500 OR bytes = 0"},
        {"field": "path", "value": "/a", "not": True},
    ]
    joined = where_of(filters)
    assert joined == "(status >= 500 OR bytes = 0) AND path IS DISTINCT FROM '/a'"


@pytest.mark.parametrize("count", [30, 40])
def test_all_filters_together_have_a_limit(count: int) -> None:
    filters = [{"where": f"status > {number} OR lower(path) = 'x'"} for number in range(count)]
    several = [{"where": " OR ".join(["bytes > 1"] * 40)} for _ in range(count // 10)]
    if count == 30:
        assert where_of([*filters, *several[:1]])
    else:
        with pytest.raises(
            UsageError, match="where: must be at most 2,000 characters besides texts in quotes"
        ):
            where_of([*filters, *several])
