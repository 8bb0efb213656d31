"""The page judges and calls things as the console does."""

from __future__ import annotations

import pytest

from actors.outputs.console import status, values
from tests.web.node import WEB


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTICED_FROM", values.NOTICED_FROM),
        ("BAD_FROM", values.BAD_FROM),
        ("FEWEST_HITS", status._FEWEST_HITS),
        ("FEWEST_FAILING", status._FEWEST_FAILING),
        ("MOSTLY", status._MOSTLY),
    ],
)
def test_whether_the_site_is_well_is_judged_by_the_same_numbers(name: str, value: float) -> None:
    assert f"const {name} = {value};" in (WEB / "src" / "status.ts").read_text()
