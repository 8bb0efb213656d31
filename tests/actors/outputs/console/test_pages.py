"""Pages that are longer than the screen, and words that must fit 80 columns."""

from __future__ import annotations

from datetime import timedelta, timezone

import attrs
import pytest

from actors.outputs.console import moving
from actors.outputs.console.commands import toggle_help
from actors.outputs.console.keys import keys_by_action
from actors.outputs.console.pages.help import help_rows
from actors.outputs.console.pages.registry import VIEWS
from actors.outputs.console.pages.request_detail import RequestDetail
from actors.outputs.console.screen import render
from actors.outputs.console.state import State
from tests.actors.outputs.console_states import CONTEXT, request_of, state_of
from tests.lines import BASE


def page_of(state: State) -> str:
    return "\n".join("".join(piece[1] for piece in row).rstrip() for row in render(state))


@pytest.mark.parametrize("opened", ["help", "request"])
def test_a_page_scrolls_to_its_end_and_back_at_once(opened: str) -> None:
    state = state_of(rows=14)
    record = request_of(0, BASE, ["/" + "a" * 400])
    request = attrs.evolve(state, over=(RequestDetail(record, raw="x" * 900),))
    first = toggle_help(state) if opened == "help" else request
    last = moving.move(first, 1_000_000)
    assert page_of(last) != page_of(first)
    assert page_of(moving.move(last, 1)) == page_of(last)
    assert page_of(moving.move(last, -1)) != page_of(last)
    assert page_of(moving.go_to_top(last)) == page_of(first)


@pytest.mark.parametrize("view", [view.name for view in VIEWS])
def test_the_help_fits_80_columns(view: str) -> None:
    for row in help_rows(keys_by_action(), view, 80):
        text = "".join(piece[1] for piece in row)
        assert len(text.rstrip()) <= 80
        assert "…" not in text


def test_all_counts_of_health_fit_80_columns() -> None:
    page = page_of(state_of(view="health"))
    assert "filtered out 0" in page
    assert "memory –" in page
    assert "…" not in page


def test_when_it_was_last_seen_is_local_time() -> None:
    context = attrs.evolve(CONTEXT, zone=timezone(timedelta(hours=5)))
    page = page_of(state_of(view="errors", context=context, cells=120))
    assert "last seen" in page
    assert "19:12:" in page
    assert "14:12:" not in page
