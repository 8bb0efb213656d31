"""What the console remembers from one run to the next."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.outputs.console.commands import next_theme
from actors.outputs.console.moving import go_to_view, sort_by_next
from actors.outputs.console.remembering import (
    FILE_NAME,
    chosen,
    load_choices,
    save_choices,
    with_choices,
)
from actors.outputs.console.state import State
from tests.actors.outputs.console.replays import answered, replay

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def used() -> State:
    return next_theme(go_to_view(sort_by_next(answered(replay()), 1), 3))


def test_a_view_orders_and_colors_are_there_again(tmp_path: Path) -> None:
    state = used()
    save_choices(tmp_path, chosen(state))
    choices, problem = load_choices(tmp_path)
    assert not problem
    again = with_choices(replay(), choices)
    assert again.page.name == "clients"
    assert again.theme == state.theme != replay().theme
    spec = go_to_view(again, 0).focused
    assert spec is not None
    assert again.table(spec).sort == "5xx"


def test_a_theme_that_nobody_chose_is_asked_for_anew() -> None:
    assert "theme" not in chosen(attrs.evolve(replay(), theme="light"))


def test_nothing_is_remembered_at_first(tmp_path: Path) -> None:
    assert load_choices(tmp_path) == ({}, "")
    assert with_choices(replay(), {}) == replay()


@pytest.mark.parametrize("text", ["", "{", "\xff", "[" * 90_000, "{" * 200_000])
def test_a_damaged_file_is_named_and_forgotten(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text, "latin-1")
    choices, problem = load_choices(tmp_path)
    assert choices == {}
    assert FILE_NAME in problem
    assert "damaged" in problem


@given(st.dictionaries(st.sampled_from(["view", "theme", "orders"]), JSON))
def test_any_json_gives_a_screen(found: dict[str, object]) -> None:
    state = with_choices(replay(), json.loads(json.dumps(found)))
    assert chosen(state)["view"] in {view.name for view in state.views}
