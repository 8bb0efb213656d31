"""Few agents are classified by few expressions, with the same results as by all of them."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from re import _constants as kinds  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from glancemetrics.records import user_agents
from glancemetrics.records.agent_expressions import has_needed, needed_by

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("expression", "needed"),
    [
        (r"Googlebot", [["googlebot"]]),
        (r"(Chrome)/(\d+)\.(\d+)", [["chrome"]]),
        (r"; {0,2}(SM-[A-Z]\d+|Samsung) Build", [["sm-", "samsung"], [" build"]]),
        (r"ab+c", [["ab"]]),
        (r"abc?d", [["ab"]]),
        (r"abc{2,3}d", [["ab"]]),
        (r"(?:very|) good", [[" good"]]),
        (r"(?:ab)*cd", [["cd"]]),
        (r"(?:ab)+cd", [["ab"], ["cd"]]),
        (r"(a\.b|[cd]ef)", [["a.b", "ef"]]),
        # Nothing is certain here.
        (r"one|[a-z]+", ()),
        (r"[Bb]ot|x", ()),
        (r".*", ()),
        (r"", ()),
        # Not understood, and so taken to need nothing.
        (r"(?i)abc", ()),
        (r"(?x) a b", ()),
        (r"(?=abc)abc", ()),
        (r"\x41bc", ()),
        (r"\<abc", ()),
        (r"[[:alpha:]]bc", ()),
        (r"(abc", ()),
        (r"abc)", ()),
        (r"a**bc", ()),
    ],
)
def test_texts_that_each_match_has(expression: str, needed: object) -> None:
    assert list(map(list, needed_by(expression))) == list(needed)  # type: ignore[call-overload]


def test_a_letter_that_only_folds_to_another_one_counts_as_it() -> None:
    """As in the engine: U+212A, the Kelvin sign, matches a `k` in any case."""
    assert has_needed(needed_by("kindle"), "\u212aINDLE".casefold())
    assert has_needed(needed_by("silk"), "\u017fil\u212a".casefold())


def test_what_matches_an_expression_has_what_it_needs() -> None:
    chance = random.Random(1)
    for expression in itertools.chain.from_iterable(user_agents._expressions()):
        needed = needed_by(expression.regex)
        for text in _matching(expression.regex, chance):
            assert has_needed(needed, text.casefold()), (expression.regex, text)


def test_few_agents_are_classified_as_by_all_expressions(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(2)
    agents = [CHROME, "", "-", "curl/8.5.0", "kube-probe/1.27", "\u212aindle/3.0 \x00"]
    for expression in itertools.chain.from_iterable(user_agents._expressions()):
        agents += _matching(expression.regex, chance, 2)
    agents += [f"Mozilla/5.0 (Linux; Android 14; {agent}) Mobile" for agent in agents[::3]]
    agents = list(dict.fromkeys(agents))
    chance.shuffle(agents)
    user_agents.prepare()
    expected = user_agents.classify_distinct(agents)
    user_agents.forget()
    monkeypatch.setattr(user_agents, "_SMALL_ENGINES", len(agents))
    few: list[user_agents.UserAgent] = []
    for start in range(0, len(agents), 16):
        few += user_agents.classify_distinct(agents[start : start + 16])
    assert not user_agents._engine.cache_info().currsize  # all were classified by few expressions
    assert few == expected
    assert len(set(expected)) > 500


def test_all_expressions_are_compiled_for_many_agents_and_if_new_ones_keep_coming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(user_agents, "_small_engines", itertools.count())
    user_agents.forget()
    for number in range(user_agents._SMALL_ENGINES):
        user_agents.classify_distinct([f"curl/8.{number}"])
    assert not user_agents._engine.cache_info().currsize
    user_agents.classify_distinct(["curl/9.0"])
    assert user_agents._engine.cache_info().currsize

    monkeypatch.setattr(user_agents, "_small_engines", itertools.count())
    user_agents.forget()
    user_agents.classify_distinct([f"curl/8.{number}" for number in range(2000)])
    assert user_agents._engine.cache_info().currsize


def test_what_was_classified_lately_is_not_classified_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    classify_distinct = user_agents.classify_distinct

    def noted(agents: list[str]) -> list[user_agents.UserAgent]:
        asked.extend(agents)
        return classify_distinct(agents)

    monkeypatch.setattr(user_agents, "classify_distinct", noted)
    monkeypatch.setattr(user_agents, "_remembered", {})
    monkeypatch.setattr(user_agents, "_REMEMBERED", 3)
    first, second, again = user_agents.classify(["curl/1.0", "wget/2.0", "curl/1.0"])
    assert first is again
    assert user_agents.classify(["wget/2.0", "curl/1.0"]) == [second, first]
    assert asked == ["curl/1.0", "wget/2.0"]
    many = [f"curl/{number}.0" for number in range(10)]
    assert [one.browser_version for one in user_agents.classify(many)] == [
        f"curl {number}" for number in range(10)
    ]
    assert len(user_agents._remembered) == 3


def _matching(expression: str, chance: random.Random, count: int = 5) -> Iterator[str]:
    """Yield some texts that a regular expression matches."""
    tree = parser.parse(expression)
    for _ in range(count):
        text = _some_text(tree, chance)
        # Not each one does: `\b` and classes with exceptions are not heeded.
        if re.search(expression, text):
            yield text


def _some_text(tree: Any, chance: random.Random) -> str:
    made = ""
    for kind, value in tree:
        if kind is kinds.LITERAL:
            made += chr(value)
        elif kind is kinds.NOT_LITERAL or kind is kinds.ANY:
            made += chance.choice("aZ0 ")
        elif kind is kinds.IN:
            made += _some_character(value, chance)
        elif kind is kinds.BRANCH:
            made += _some_text(chance.choice(value[1]), chance)
        elif kind is kinds.SUBPATTERN:
            made += _some_text(value[-1], chance)
        elif kind in {kinds.MAX_REPEAT, kinds.MIN_REPEAT}:
            least, most, inner = value
            times = chance.randint(least, min(int(most), least + 2))
            made += "".join(_some_text(inner, chance) for _ in range(times))
        else:
            assert kind is kinds.AT, kind
    return made


def _some_character(members: Any, chance: random.Random) -> str:
    if members[0][0] is kinds.NEGATE:
        return chance.choice("aZ7")
    kind, value = chance.choice(members)
    if kind is kinds.LITERAL:
        return chr(value)
    if kind is kinds.RANGE:
        return chr(chance.randint(*value))
    return {kinds.CATEGORY_DIGIT: "7", kinds.CATEGORY_SPACE: " "}.get(value, "x")
