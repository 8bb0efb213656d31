"""The table of keys, and other keys that settings say."""

from __future__ import annotations

import re

import attrs
import pytest

from actors.outputs.console import ConsoleSettings
from actors.outputs.console.commands import COMMANDS, unknown_key
from actors.outputs.console.keys import ACTIONS, keys_by_action, keys_shown
from actors.outputs.console.pages.registry import VIEWS
from actors.outputs.console.screen import render
from actors.outputs.console.state import State
from glancemetrics.errors import UsageError
from tests.actors.outputs.console.replays import answered, replay


def drawn(state: State) -> str:
    return "\n".join("".join(piece[1] for piece in row) for row in render(state))


def with_keys(*told: str) -> State:
    state = replay()
    return attrs.evolve(state, context=attrs.evolve(state.context, keys=keys_by_action(told)))


def test_views_have_the_keys_of_their_numbers() -> None:
    for number, view in enumerate(VIEWS, 1):
        assert keys_by_action()[f"show-{view.name}"] == (str(number),)


def test_a_key_is_taken_from_the_action_that_had_it() -> None:
    keys = keys_by_action(["next-view = n F2", "quit=x"])
    assert keys["next-view"] == ("n", "f2")
    assert keys["quit"] == ("x",)
    assert keys["exclude"] == ()
    assert keys["sort"] == ("s", ">")
    everything = [key for had in keys.values() for key in had]
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Q", "Q"), ("=", "="), ("é", "é"), ("Space", "space"), ("PgDn", "pagedown"),
        ("shift-tab", "s-tab"), ("Ctrl-E", "c-e"), ("^e", "c-e"), ("F12", "f12"), ("Esc", "escape"),
    ],
)  # fmt: skip
def test_keys_are_written_as_people_know_them(text: str, key: str) -> None:
    assert keys_by_action([f"quit={text}"])["quit"] == (key,)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("quitt=Q", "did you mean quit?"),
        ("quit", "has no key; write ACTION=KEY"),
        ("quit=", "has no key"),
        ("quit=Hyper-7", "Hyper-7 is no key"),
        ("quit=Ctrl-C", "Ctrl-C keeps its meaning"),
        ("suspend=x", "suspend keeps its key"),
    ],
)
def test_a_mistake_in_a_key_is_told(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=r"must be ACTION=KEY") as error:
        ConsoleSettings(key=text)
    assert problem in str(error.value)


def test_two_actions_may_not_have_one_key() -> None:
    with pytest.raises(UsageError, match="x is given to quit and to help"):
        ConsoleSettings(key=["quit=x", "help=x"])


def test_help_and_hints_show_the_keys_that_are_set() -> None:
    state = attrs.evolve(with_keys("help=F1", "window=W", "quit=Q"), cells=140, rows=30)
    shown = drawn(state)
    assert "F1 help" in shown
    assert "Q quit" in shown
    assert "last 10 s [W]" in shown
    toggle = next(one.act for one in COMMANDS if one.action.name == "help")
    shown = drawn(attrs.evolve(toggle(state), rows=100))
    assert re.search(r"W +next window", shown)


def test_an_action_without_a_key_is_hinted_at_nowhere() -> None:
    state = attrs.evolve(with_keys("quit=?"), cells=140, rows=30)
    shown = drawn(state)
    assert "? quit" in shown
    assert "F1 help" in shown
    no_window = attrs.evolve(with_keys("quit=w"), cells=140, rows=30)
    assert "last 10 s  " in drawn(no_window)


def test_a_key_that_does_nothing_says_so_and_where_those_are_that_do() -> None:
    state = replay()
    assert unknown_key(state, "Z").notice == "Z does nothing here; ? shows all keys"
    assert unknown_key(state, "f5").notice == "F5 does nothing here; ? shows all keys"
    assert unknown_key(state, "<bracketed-paste>").notice == ""


def test_one_table_fills_the_page_and_all_are_shown_again() -> None:
    state = answered(attrs.evolve(replay(), cells=200, rows=60))
    zoom = next(one.act for one in COMMANDS if one.action.name == "zoom")
    one = zoom(state)
    assert "Hosts" in drawn(state)
    assert "Hosts" not in drawn(one)
    assert "▸ /" in drawn(one)
    assert drawn(zoom(one)) == drawn(state)


def test_every_action_is_written_with_its_keys() -> None:
    for action in ACTIONS:
        assert keys_shown(action.keys)
