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


@pytest.mark.parametrize("count", [33, 34])
def test_all_filters_together_have_a_limit(count: int) -> None:
    filters = [{"where": f"status > {number} OR bytes > 1 OR path = ''"} for number in range(count)]
    if count * 3 <= 100:
        assert where_of(filters)
    else:
        with pytest.raises(UsageError, match="where: 102 fields and 0 functions are too many"):
            where_of(filters)
